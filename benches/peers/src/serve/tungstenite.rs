//! tokio-tungstenite with its defaults.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::hub::{Hub, Post};

pub async fn client(stream: TcpStream, hub: Hub) {
    let mut is_broadcast = false;
    #[allow(clippy::result_large_err)] // The signature is the library's.
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        is_broadcast = request.uri().path() == "/broadcast";
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async(stream, look).await else { return };
    if is_broadcast { broadcast(socket, hub).await } else { echo(socket).await }
}

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn broadcast(socket: WebSocketStream<TcpStream>, hub: Hub) {
    let (mut writer, mut reader) = socket.split();
    let (member, mut posts) = hub.join();
    let sending = tokio::spawn(async move {
        while let Some(post) = posts.recv().await {
            let mut next = Some(post);
            // All queued messages leave in one flush.
            while let Some(post) = next {
                if writer.feed(message(post)).await.is_err() {
                    return;
                }
                next = posts.try_recv().ok();
            }
            if writer.flush().await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = reader.next().await {
        match message {
            Message::Text(text) => hub.publish(true, text.into()),
            Message::Binary(bytes) => hub.publish(false, bytes),
            _ => {}
        }
    }
    hub.leave(member);
    sending.abort();
}

fn message(post: Post) -> Message {
    if !post.is_text {
        return Message::Binary(post.payload);
    }
    Message::Text(Utf8Bytes::try_from(post.payload).expect("it was a text when it came"))
}
