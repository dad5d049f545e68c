//! Handlers for the server under test.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use sockhop::fuzzing::Behaviour;
use sockhop::http::Response;
use sockhop::{Accept, CloseCode, CloseFrame, Ticket};

use self::App::*;

/// What the handlers do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum App {
    Echo,
    Broadcast,
    /// Two replies to each message, and Close to one that begins with `close`, with the code and the reason behind it,
    /// which may be ones that cannot be sent.
    Closer,
    /// Panics at a message that begins with `panic`, after it has answered.
    Panicker,
    /// Refuses all.
    Refuser,
    /// Chooses the first subprotocol that is offered, whatever it is.
    Chooser,
    /// Puts its decision off.
    Later,
    /// Subscribes, and publishes what comes.
    Publisher,
}

impl App {
    /// A handler that does so; tickets for what it puts off are left in `tickets`.
    pub fn behaviour(self, tickets: &Arc<Mutex<Vec<Ticket>>>) -> Behaviour {
        let tickets = Arc::clone(tickets);
        Behaviour {
            accept: Box::new(move |ctx, request| {
                let cookies: Vec<_> = request.cookies().collect();
                log::debug!("{request:?}, {:?}, with {cookies:?}, {:?}", request.target(), request.cookie("a"));
                match self {
                    Refuser => {
                        let status = request.query_param("status").and_then(|it| it.parse().ok()).unwrap_or(403);
                        let response =
                            Response::html(status, "<p>not today").header("X-A", "b\r\nX-B: c").header("a b", "c");
                        Accept::No(response.header("connection", "keep-alive"))
                    }
                    Chooser => match request.header("sec-websocket-protocol").and_then(|it| it.split(',').next()) {
                        Some(name) => Accept::subprotocol(name.to_owned()),
                        None => Accept::yes(),
                    },
                    Later => {
                        tickets.lock().expect("one thread").push(ctx.ticket());
                        Accept::Later(ctx.ticket())
                    }
                    Publisher => {
                        ctx.attach(0_u32);
                        Accept::yes()
                    }
                    _ => Accept::yes(),
                }
            }),
            message: Box::new(move |ctx, message| match self {
                Broadcast => ctx.broadcast(message),
                Closer => {
                    ctx.send(message);
                    ctx.send("again");
                    if let Some(rest) = message.as_bytes().strip_prefix(b"close") {
                        let (code, reason) = rest.split_first_chunk().unwrap_or((&[3, 232], b"enough"));
                        let reason = String::from_utf8_lossy(reason);
                        ctx.close(CloseFrame::new(CloseCode(u16::from_be_bytes(*code)), reason));
                    }
                }
                Panicker => {
                    ctx.send(message);
                    if message.as_bytes().starts_with(b"panic") {
                        // Without the hook that ends the fuzzer.
                        resume_unwind(Box::new("planned"));
                    }
                }
                Publisher => {
                    ctx.subscribe("topic");
                    ctx.publish("topic", message);
                    if let Some(count) = ctx.attached_mut::<u32>() {
                        *count += 1;
                    }
                    if message == "leave" {
                        ctx.unsubscribe("topic");
                    }
                }
                _ => ctx.send(message),
            }),
        }
    }
}
