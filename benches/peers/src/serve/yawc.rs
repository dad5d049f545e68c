//! yawc without compression. Only the echo.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use yawc::frame::OpCode;
use yawc::{Options, Role, WebSocket};

use super::handshake;
use super::hub::Hub;

pub async fn client(mut stream: TcpStream, _: Hub) {
    if handshake(&mut stream).await.is_none() {
        return;
    }
    // The default limit is below the largest message that is measured.
    let options = Options::default().without_compression().with_limits(2 << 20, 4 << 20);
    let Ok(mut socket) = WebSocket::from_stream(stream, Role::Server, options) else { return };
    while let Some(frame) = socket.next().await {
        let sent = match frame.opcode() {
            OpCode::Text | OpCode::Binary => socket.send(frame).await,
            OpCode::Close => return,
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
