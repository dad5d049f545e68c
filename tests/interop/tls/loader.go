// Go's net/http loads a file twice and compares it: loader URL FILE
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"os"
)

func main() {
	expected, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	var isReused bool
	var version uint16
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { isReused = info.Reused }}
	for i := 0; i < 2; i++ {
		request, err := http.NewRequest("GET", os.Args[1], nil)
		if err != nil {
			log.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		if response.StatusCode != 200 || !bytes.Equal(body, expected) {
			log.Fatalf("%s with %d bytes", response.Status, len(body))
		}
		version = response.TLS.Version
	}
	if version != tls.VersionTLS13 || !isReused {
		log.Fatalf("version %x, reused: %v", version, isReused)
	}
	fmt.Println("the same over TLS 1.3, and again on the same connection")
}
