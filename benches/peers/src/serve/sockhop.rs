//! Sockhop with its default limits, except that it allows enough connections, and enough memory for their contexts.

use std::io;

use sockhop::{Config, Context, Deflate, Door, Handler, Message, Server, Tls, TlsFiles, TlsPair};

use super::{Mode, NAME, SUBSCRIBED, subscribed_topics, topic_name};

struct Echo;

impl Handler for Echo {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

struct Broadcast;

impl Handler for Broadcast {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

struct Topics;

impl Handler for Topics {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match message {
            Message::Text(text) => {
                for topic in subscribed_topics(text).unwrap_or_default() {
                    ctx.subscribe(&topic_name(topic));
                }
                ctx.send(SUBSCRIBED);
            }
            Message::Binary(bytes) => {
                let name = bytes.first_chunk::<NAME>().and_then(|name| str::from_utf8(name).ok());
                ctx.publish(name.unwrap_or_default(), message);
            }
        }
    }
}

pub fn serve(port: u16, mode: Mode, pair: Option<TlsPair>) -> io::Result<()> {
    server(port, mode, pair)?.run()
}

/// The server at a port, or at a free one if that is 0. With a certificate it speaks TLS.
pub fn server(port: u16, mode: Mode, pair: Option<TlsPair>) -> io::Result<Server> {
    let deflate = match mode {
        Mode::None => None,
        Mode::NoTakeover => Some(Deflate::default()),
        Mode::Takeover => Some(Deflate::takeover()),
    };
    let max_memory = if mode == Mode::Takeover { 1 << 30 } else { Config::default().max_memory };
    let config = Config { max_connections: 100_000, max_memory, deflate, ..Config::default() };
    let mut door = Door::new(format!("127.0.0.1:{port}"));
    if let Some(pair) = pair {
        let files = TlsFiles { pairs: vec![pair], ..TlsFiles::default() };
        door = door.tls(Tls::read(&files).map_err(io::Error::other)?);
    }
    let server = Server::new(config)?.listen(door)?;
    Ok(server.mount("/echo", Echo).mount("/broadcast", Broadcast).mount("/topics", Topics))
}
