//! The smallest server: sends every message back to its sender.
//!
//!     cargo run --example echo
//!     npx wscat -c ws://127.0.0.1:8080/echo

use sockhop::{Context, Handler, Message, Server};

struct Echo;

impl Handler for Echo {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

fn main() -> std::io::Result<()> {
    Server::bind("127.0.0.1:8080")?.mount("/echo", Echo).run()
}
