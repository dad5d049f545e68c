//! sockudo-ws with its own stream and PubSub.

use std::sync::{Arc, LazyLock};

use futures_util::{SinkExt, StreamExt};
use sockudo_ws::pubsub::PubSub;
use sockudo_ws::{Config, Message, WebSocketStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;

use super::hub::Hub;
use super::{Path, handshake};

static TOPICS: LazyLock<Arc<PubSub>> = LazyLock::new(|| Arc::new(PubSub::new()));

pub async fn client(mut stream: TcpStream, _: Hub) {
    let Some(path) = handshake(&mut stream).await else { return };
    let config = Config::builder().auto_ping(false).build();
    let mut socket = WebSocketStream::server(stream, config);
    if path == Path::Broadcast {
        return broadcast(socket).await;
    }
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn broadcast(socket: WebSocketStream<TcpStream>) {
    let (mut reader, mut writer) = socket.split();
    let (posts, mut queue) = unbounded_channel();
    let member = TOPICS.create_subscriber(posts);
    TOPICS.subscribe(member, "all");
    let sending = tokio::spawn(async move {
        while let Some(message) = queue.recv().await {
            if writer.send(message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = reader.next().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            TOPICS.publish("all", message);
        }
    }
    TOPICS.remove_subscriber(member);
    sending.abort();
}
