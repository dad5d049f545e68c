//! fastwebsockets on a bare stream, as in its own echo server.

use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocket, WebSocketError,
};
use tokio::net::TcpStream;

use super::hub::Hub;
use super::{Path, handshake};

pub async fn client(mut stream: TcpStream, hub: Hub) {
    let Some(path) = handshake(&mut stream).await else { return };
    let mut socket = WebSocket::after_handshake(stream, Role::Server);
    socket.set_writev(true);
    socket.set_auto_close(true);
    socket.set_auto_pong(true);
    match path {
        Path::Broadcast => tokio::task::unconstrained(broadcast(socket, hub)).await,
        _ => tokio::task::unconstrained(echo(FragmentCollector::new(socket))).await,
    }
}

async fn echo(mut socket: FragmentCollector<TcpStream>) {
    while let Ok(frame) = socket.read_frame().await {
        let sent = match frame.opcode {
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await,
            OpCode::Close => return,
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn broadcast(socket: WebSocket<TcpStream>, hub: Hub) {
    let (reader, mut writer) = socket.split(tokio::io::split);
    let mut reader = FragmentCollectorRead::new(reader);
    let (member, mut posts) = hub.join();
    let sending = tokio::spawn(async move {
        while let Some(post) = posts.recv().await {
            let opcode = if post.is_text { OpCode::Text } else { OpCode::Binary };
            let frame = Frame::new(true, opcode, None, Payload::Borrowed(&post.payload));
            if writer.write_frame(frame).await.is_err() {
                return;
            }
        }
    });
    while let Ok(frame) = reader.read_frame::<_, WebSocketError>(&mut |_| async { Ok(()) }).await {
        match frame.opcode {
            OpCode::Text | OpCode::Binary => hub.publish(frame.opcode == OpCode::Text, frame.payload.to_vec().into()),
            OpCode::Close => break,
            _ => {}
        }
    }
    hub.leave(member);
    sending.abort();
}
