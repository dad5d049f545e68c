//! The servers. Each is minimal and written as its library suggests: `/echo`, and `/broadcast`, where every message
//! goes to all clients at that path, its sender included. Limits and checks are the library's defaults.
//!
//! Sockhop and the floor also have `/topics`. A text message there subscribes its sender to topics (see
//! [`subscription`]), and is answered with [`SUBSCRIBED`]. Any other message begins with the name of the topic that it
//! is published to.
//!
//! With a certificate and its key, Sockhop and tokio-tungstenite speak TLS. nginx speaks it in front of Sockhop.
//!
//! The hub and nchan take a path as a channel, to which messages are posted and where clients listen.

mod channels;
mod fastwebsockets;
mod floor;
mod hub;
mod nchan;
mod nginx;
mod sockhop;
mod sockudo;
mod tungstenite;
mod web_socket;
mod yawc;

use std::io::{self, Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::str::FromStr;

use ::sockhop::TlsPair;
use ::sockhop::http::{HeadScanner, Request, Upgrade};
use rustix::process::{Signal, set_parent_process_death_signal};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use hub::Hub;

/// The servers that [`run`] knows: the name, and whether the server has `/broadcast`.
pub const SERVERS: [(&str, bool); 7] = [
    ("sockhop", true),
    ("floor", true),
    ("fastwebsockets", true),
    ("tokio-tungstenite", true),
    ("sockudo-ws", true),
    ("yawc", false),
    ("web-socket", false),
];

/// The servers for the hub's workloads, beside Sockhop itself.
pub const HUB: &str = "hub";
pub const NCHAN: &str = "nchan";
/// nginx with TLS in front of Sockhop, and its part beside Sockhop.
pub const NGINX: &str = "nginx";
const NGINX_FRONT: &str = "nginx-front";

/// Why a server cannot run here.
pub fn missing(name: &str) -> Option<String> {
    match name {
        NCHAN => nchan::missing(),
        NGINX => nginx::missing(),
        _ => None,
    }
}

/// Serves until the process ends, at the latest together with the process that started it.
pub fn run(name: &str, port: u16, mode: Mode, pair: Option<TlsPair>) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    match name {
        "sockhop" => sockhop::serve(port, mode, pair),
        HUB => channels::serve(port),
        NCHAN => nchan::serve(port),
        NGINX => nginx::serve(port, &pair.ok_or(ErrorKind::InvalidInput)?),
        NGINX_FRONT => nginx::front(port),
        "floor" => floor::serve(listen(port)?),
        "fastwebsockets" => serve(port, fastwebsockets::client),
        "tokio-tungstenite" => match pair {
            None => serve(port, tungstenite::client),
            Some(pair) => serve(port, tungstenite::secure(&pair)?),
        },
        "sockudo-ws" => serve(port, sockudo::client),
        "yawc" => serve(port, yawc::client),
        "web-socket" => serve(port, web_socket::client),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("no server {name}"))),
    }
}

/// How a server compresses, if its clients offer it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    None,
    NoTakeover,
    Takeover,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::None, Mode::NoTakeover, Mode::Takeover];

    pub fn name(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::NoTakeover => "no-takeover",
            Mode::Takeover => "takeover",
        }
    }
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name).ok_or("none, no-takeover or takeover")
    }
}

/// Bytes of a topic's name.
const NAME: usize = 4;
pub const SUBSCRIBED: &str = "subscribed";

pub fn topic_name(topic: usize) -> String {
    format!("{topic:0NAME$}")
}

/// The text message that subscribes to topics.
pub fn subscription(topics: &Range<usize>) -> String {
    format!("{} {}", topics.start, topics.end)
}

fn subscribed_topics(text: &str) -> Option<Range<usize>> {
    let (start, end) = text.split_once(' ')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

/// A listener with a backlog for all clients that connect at once.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts connections on one thread, with a task for each.
fn serve<F, T>(port: u16, client: F) -> io::Result<()>
where
    F: Fn(TcpStream, Hub) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listen(port)?)?;
        let hub = Hub::default();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(client(stream, hub.clone()));
        }
    })
}

/// The path of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    Echo,
    Broadcast,
    Topics,
}

/// The opening handshake, for libraries without one. Returns `None` if the client has disconnected.
async fn handshake(stream: &mut TcpStream) -> Option<Path> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        head.extend_from_slice(&piece[..n]);
        if let Some((path, response)) = upgrade(&head) {
            stream.write_all(&response).await.ok()?;
            return Some(path);
        }
    }
}

/// The path and the answer for an upgrade request, once it is complete.
fn upgrade(head: &[u8]) -> Option<(Path, Vec<u8>)> {
    let len = HeadScanner::default().scan(head).ok()??;
    let request = Request::parse(&head[..len]).ok()?;
    let mut response = Vec::new();
    Upgrade::encode_response(&Upgrade::from_request(&request).ok()?.accept_key(), None, &[], &mut response);
    let path = match request.path() {
        "/broadcast" => Path::Broadcast,
        "/topics" => Path::Topics,
        _ => Path::Echo,
    };
    Some((path, response))
}
