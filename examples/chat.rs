//! A chat that keeps a name, from the URL, and a room for each connection.
//!
//!     cargo run --example chat
//!     npx wscat -c 'ws://127.0.0.1:8080/rooms/garden?name=Ann'

use sockhop::http::Request;
use sockhop::{Accept, CloseFrame, CloseReason, Context, Handler, Message, Server};

/// The state of one connection.
#[derive(Clone)]
struct Guest {
    name: String,
    room: String,
}

struct Chat;

impl Handler for Chat {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let Some(name) = request.query_param("name").filter(|name| !name.is_empty()) else {
            return Accept::no(400, "add ?name=YOUR-NAME to the address\n");
        };
        ctx.attach(Guest { name: name.into_owned(), room: request.path().to_owned() });
        Accept::yes()
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let Some(Guest { name, room }) = ctx.attached().cloned() else { return };
        ctx.subscribe(&room);
        ctx.publish(&room, format!("{name} is here"));
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let Some(Guest { name, room }) = ctx.attached().cloned() else { return };
        match message {
            Message::Text("/quit") => ctx.close(CloseFrame::normal("bye")),
            Message::Text(text) => ctx.publish(&room, format!("{name}: {text}")),
            Message::Binary(_) => ctx.send("text only, please"),
        }
    }

    fn close(&mut self, ctx: &mut Context<'_>, _reason: CloseReason<'_>) {
        let Some(Guest { name, room }) = ctx.attached().cloned() else { return };
        ctx.publish(&room, format!("{name} has left"));
    }
}

fn main() -> std::io::Result<()> {
    Server::bind("127.0.0.1:8080")?.mount("/rooms/*", Chat).run()
}
