// Go's nhooyr.io/websocket sends a text three times to an echo, each time when the last one is back, and prints the number
// of echoes and the close code: nhooyr URL TEXT plain|forget|keep
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"nhooyr.io/websocket"
)

func main() {
	url, text := os.Args[1], os.Args[2]
	modes := map[string]websocket.CompressionMode{
		"plain":  websocket.CompressionDisabled,
		"forget": websocket.CompressionNoContextTakeover,
		"keep":   websocket.CompressionContextTakeover,
	}
	ctx := context.Background()
	client, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{CompressionMode: modes[os.Args[3]]})
	if err != nil {
		log.Fatal(err)
	}
	echoes := 0
	for ; echoes < 3 && err == nil; echoes++ {
		if err = client.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			break
		}
		var echo []byte
		if _, echo, err = client.Read(ctx); err != nil || string(echo) != text {
			break
		}
	}
	code := websocket.CloseStatus(err)
	if err == nil {
		code = websocket.StatusNormalClosure
		if err = client.Close(code, ""); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(echoes, int(code))
}
