//! A tiny WebSocket server: RFC 6455 by hand over mio, one thread, no async runtime, no `unsafe`.
//!
//! ```no_run
//! use sockhop::{CloseFrame, CloseReason, Context, Handler, Message, Server};
//!
//! /// One value per mounted path: `&mut self` is the state that its connections share.
//! #[derive(Default)]
//! struct Chat {
//!     online: usize,
//! }
//!
//! impl Handler for Chat {
//!     fn open(&mut self, ctx: &mut Context<'_>) {
//!         self.online += 1;
//!         ctx.send(format!("welcome, {} online", self.online));
//!     }
//!
//!     fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
//!         match message {
//!             Message::Text("/quit") => ctx.close(CloseFrame::normal("bye")),
//!             other => ctx.broadcast(other), // encoded once for everyone on this path
//!         }
//!     }
//!
//!     fn close(&mut self, _ctx: &mut Context<'_>, _reason: CloseReason<'_>) {
//!         self.online -= 1; // exactly once per open()
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     Server::bind("127.0.0.1:8080")?.mount("/chat", Chat::default()).run()
//! }
//! ```
//!
//! | to | see |
//! |---|---|
//! | react to connections and messages | [`Handler`] |
//! | send, broadcast, publish to a topic, close, set a timer | [`Context`] |
//! | keep state for each connection | [`Context::attach`], [`Context::attached`] |
//! | do something later, for one connection or for all | [`Context::after`] |
//! | push from another thread, or run code on the loop | [`Handle`] |
//! | look at the request before accepting: cookies, query, subprotocol | [`Handler::accept`] |
//! | set limits and timeouts, let other sites in | [`Config`] |
//! | listen on several addresses, answer plain HTTP, shut down | [`Server`] |
//! | test an application without a server | [`testing`] |
//! | compress messages, with the feature `deflate` | [`Config::deflate`] |
//! | use the codec alone, in a loop of your own | [`protocol`], [`http`] |
//!
//! Of its modules each imports only from those before it: [`protocol`] and [`http`], which do no I/O, [`server`], and
//! with the feature `cli`, which is on by default and of no use to embedders, the ready-made apps and the command line.
//!
//! It logs by the [`log`] crate; see [`server`].
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("sockhop runs on Linux and macOS: elsewhere short reads and Unix-domain sockets behave otherwise");
#[cfg(not(target_pointer_width = "64"))]
compile_error!("sockhop needs a 64-bit machine: its event tokens hold a slot and a generation");

#[cfg(feature = "cli")]
pub mod apps;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod http;
pub mod protocol;
pub mod server;

pub use crate::http::DeflateOffer;
pub use crate::protocol::{CloseCode, CloseFrame, ContextTakeover, DeflateOptions, Message};
pub use crate::server::{
    Accept, Answer, CloseReason, Config, ConnectionError, ConnectionId, Context, Count, Deferred, Deflate, Door, Handle,
    Handler, Listen, ListenAddr, Payload, Peer, ProxyProtocol, Rejected, Running, Server, Shutdown, Slow, Stats, TimerId, testing,
};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use crate::server::fuzzing;

/// The README's code is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
