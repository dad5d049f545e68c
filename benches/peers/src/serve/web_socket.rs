//! web-socket, with a buffered reader, which it lacks. Only the echo.

use tokio::io::BufReader;
use tokio::net::TcpStream;
use web_socket::{DataType, Event, Frame, MessageType, WebSocket};

use super::handshake;
use super::hub::Hub;

pub async fn client(mut stream: TcpStream, _: Hub) {
    if handshake(&mut stream).await.is_none() {
        return;
    }
    let mut socket = WebSocket::server(BufReader::with_capacity(16 * 1024, stream));
    socket.max_payload_len = 2 << 20;
    while let Ok(event) = socket.recv().await {
        let sent = match event {
            Event::Data { ty: DataType::Complete(kind), data } => {
                let opcode = if matches!(kind, MessageType::Text) { 1 } else { 2 };
                socket.send(Frame { fin: true, opcode, data: &data }).await
            }
            Event::Ping(payload) => socket.send_pong(payload).await,
            // Fails only if the client has disconnected before the answer.
            Event::Close { .. } => return drop(socket.close(()).await),
            Event::Error(_) => return,
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
