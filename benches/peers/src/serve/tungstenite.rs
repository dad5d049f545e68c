//! tokio-tungstenite with its defaults, and with tokio-rustls for TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use sockhop::TlsPair;
use sockhop::rustls::ServerConfig;
use sockhop::rustls::crypto::ring;
use sockhop::rustls::pki_types::pem::PemObject;
use sockhop::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::hub::{Hub, Post};

/// The task of a client.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes the tasks of clients with TLS.
pub fn secure(pair: &TlsPair) -> io::Result<impl Fn(TcpStream, Hub) -> Task> {
    let certificate = CertificateDer::from_pem_file(&pair.cert).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(io::Error::other)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?.with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate], key).map_err(io::Error::other)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(move |stream, hub| {
        let accepting = acceptor.accept(stream);
        Box::pin(async move {
            // A client may leave before the end of its handshake.
            if let Ok(stream) = accepting.await {
                client(stream, hub).await;
            }
        }) as Task
    })
}

pub async fn client<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, hub: Hub) {
    let mut is_broadcast = false;
    #[allow(clippy::result_large_err)] // The signature is the library's.
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        is_broadcast = request.uri().path() == "/broadcast";
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async(stream, look).await else { return };
    if is_broadcast { broadcast(socket, hub).await } else { echo(socket).await }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn broadcast<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(socket: WebSocketStream<S>, hub: Hub) {
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
