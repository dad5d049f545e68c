//! Handlers for the server under test.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use sockhop::fuzzing::Behaviour;
use sockhop::http::Response;
use sockhop::protocol::{Event, Message};
use sockhop::{Accept, Answer, CloseCode, CloseFrame, Context, Deferred, Handle};

use self::App::*;
use crate::Seen;
use crate::requests::{self, Reply, digest};

/// The handlers' behaviour towards WebSockets. All answer plain requests in the same way, see `requests`.
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

/// Records of the handlers, and the answers that they have put off.
#[derive(Default)]
pub struct Desk {
    handshakes: Vec<Deferred>,
    answers: Vec<(Deferred, Response)>,
    /// Callbacks for requests, in order.
    pub calls: Vec<String>,
    pub messages: Vec<Seen>,
}

impl Desk {
    /// Gives the answers that were put off. Returns whether there were any.
    pub fn answer(&mut self, handle: &Handle) -> bool {
        let has_any = !self.handshakes.is_empty() || !self.answers.is_empty();
        for deferred in self.handshakes.drain(..) {
            handle.settle(deferred, Accept::yes()).expect("room for a command");
        }
        for (deferred, response) in self.answers.drain(..) {
            handle.answer(deferred, response).expect("room for a command");
        }
        has_any
    }
}

impl App {
    /// A handler that behaves so, and keeps its records in `desk`.
    pub fn behaviour(self, desk: &Arc<Mutex<Desk>>) -> Behaviour {
        let [accepts, admits, requests, messages] = [(); 4].map(|()| Arc::clone(desk));
        Behaviour {
            admit: Box::new(move |ctx, request| {
                let (method, path) = (request.method(), request.path());
                admits.lock().expect("one thread").calls.push(format!("admit {method} {path}"));
                assert_eq!((ctx.attached::<u64>(), ctx.path()), (None, path), "left by an earlier request");
                ctx.attach(digest(request.target().as_bytes()));
                // A panic without the hook that ends the fuzzer.
                requests::admit(request, ctx.max_body()).unwrap_or_else(|| resume_unwind(Box::new("planned")))
            }),
            request: Box::new(move |ctx, request, body| {
                let mut desk = requests.lock().expect("one thread");
                desk.calls.push(format!("request {}", requests::seen(request, body)));
                let attached = ctx.attached::<u64>().copied();
                assert_eq!(attached, Some(digest(request.target().as_bytes())), "attached when it was admitted");
                match requests::reply(request, body) {
                    Reply::Now(response) => Answer::Now(response),
                    Reply::Later(response) => {
                        desk.answers.push((ctx.deferred(), response));
                        Answer::Later
                    }
                    Reply::Panic => {
                        drop(desk);
                        resume_unwind(Box::new("planned"))
                    }
                }
            }),
            accept: Box::new(move |ctx, request| {
                accepts.lock().expect("one thread").calls.push("accept".to_owned());
                assert_eq!(ctx.attached::<u64>(), None, "left by an earlier request");
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
                        accepts.lock().expect("one thread").handshakes.push(ctx.deferred());
                        Accept::Later
                    }
                    Publisher => {
                        ctx.attach(0_u32);
                        Accept::yes()
                    }
                    _ => Accept::yes(),
                }
            }),
            message: Box::new(move |ctx, message| {
                messages.lock().expect("one thread").messages.push(Event::Message(message).into());
                self.on_message(ctx, message);
            }),
        }
    }

    fn on_message(self, ctx: &mut Context<'_>, message: Message<'_>) {
        match self {
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
        }
    }
}
