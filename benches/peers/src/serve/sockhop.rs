//! Sockhop with its default limits; but that as many may come as are measured.

use std::io;

use sockhop::{Config, Context, Handler, Message, Server};

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

pub fn serve(port: u16) -> io::Result<()> {
    let config = Config { max_connections: 100_000, ..Config::default() };
    let server = Server::bind(format!("127.0.0.1:{port}"))?.config(config);
    server.mount("/echo", Echo).mount("/broadcast", Broadcast).run()
}
