//! Sockhop with its default limits, except that it allows enough connections, and enough memory for their contexts.

use std::io;

use sockhop::{Config, Context, Deflate, Handler, Message, Server};

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

pub fn serve(port: u16, mode: Mode) -> io::Result<()> {
    let deflate = match mode {
        Mode::None => None,
        Mode::NoTakeover => Some(Deflate::default()),
        Mode::Takeover => Some(Deflate::takeover()),
    };
    let max_memory = if mode == Mode::Takeover { 1 << 30 } else { Config::default().max_memory };
    let config = Config { max_connections: 100_000, max_memory, deflate, ..Config::default() };
    let server = Server::new(config)?.listen(format!("127.0.0.1:{port}"))?;
    server.mount("/echo", Echo).mount("/broadcast", Broadcast).mount("/topics", Topics).run()
}
