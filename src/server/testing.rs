//! Testing applications: the real loop, with clients in memory and a clock that stands still until it is moved.
//!
//! ```
//! use sockhop::testing::Stage;
//! use sockhop::{Context, Handler, Message, TimerId};
//! use std::time::Duration;
//!
//! /// Repeats every message to all, a second later.
//! #[derive(Default)]
//! struct Later(Vec<(TimerId, String)>);
//!
//! impl Handler for Later {
//!     fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
//!         if let Message::Text(text) = message {
//!             self.0.push((ctx.after(Duration::from_secs(1)), text.to_owned()));
//!         }
//!     }
//!
//!     fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
//!         if let Some(at) = self.0.iter().position(|(id, _)| *id == timer) {
//!             ctx.broadcast(self.0.remove(at).1);
//!         }
//!     }
//! }
//!
//! let mut stage = Stage::new(Later::default());
//! let ann = stage.connect("/");
//! let bob = stage.connect("/");
//! stage.send(ann, "hello");
//! assert!(stage.received(bob).is_empty());
//! stage.advance(Duration::from_secs(1));
//! assert_eq!(stage.received(ann), ["hello"]);
//! assert_eq!(stage.received(bob), ["hello"]);
//! assert!(stage.handler().0.is_empty());
//! ```

mod received;
mod seat;

use std::any::Any;
use std::fmt::Write;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

pub use self::received::Received;
use self::seat::{Seat, Talk};
use super::api::handle::Handle;
use super::api::handler::Handler;
use super::event_loop::site::{Door, Mount, Site};
use super::event_loop::state::{EventLoop, Parts};
use super::transport::memory::{MemoryPoller, Network};
use super::types::config::Config;
use super::types::id::Peer;
use super::types::payload::Payload;
use crate::http::{ReceivedResponse, Router, encode_request};
use crate::protocol::CloseFrame;

/// A handler, mounted at every path, and its clients.
///
/// Each method returns when all that it causes has happened, but for what waits for the clock. Several mounts are tested with
/// a real [`Server`](super::Server), bound to port 0, in a thread.
pub struct Stage<H> {
    server: EventLoop<MemoryPoller>,
    network: Network,
    handle: Handle,
    clients: Vec<Seat>,
    /// Where the next client comes from.
    peer: Peer,
    /// Bytes that it takes.
    room: usize,
    /// The server was shut down.
    ended: bool,
    handler: PhantomData<H>,
}

/// Names a client of a [`Stage`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Client(usize);

impl<H: Handler> Stage<H> {
    /// A stage with the default limits.
    pub fn new(handler: H) -> Self {
        Self::with_config(handler, Config::default())
    }

    /// A stage with limits and timeouts of your own.
    pub fn with_config(handler: H, config: Config) -> Self {
        Self::at("/*", handler, config)
    }

    /// A stage whose handler is mounted at a path, as [`Server::mount`](super::Server::mount) takes it. For code that
    /// names the path to a [`Handle`]; the other stages are mounted at `/*`.
    ///
    /// # Panics
    /// The path does not begin with `/`.
    #[track_caller]
    pub fn at(path: &str, handler: H, config: Config) -> Self {
        let network = Network::new();
        network.set_local();
        let handle = Handle::new();
        let mut router = Router::default();
        if let Err(error) = router.prefix(&config.path_prefix).and_then(|()| router.add_mount(path, 0)) {
            panic!("{path:?}, with the prefix {:?}: {error}", config.path_prefix);
        }
        let door = Door::new(router, &config);
        let mounts = vec![Mount { path: path.into(), handler: Box::new(handler), panics: 0 }];
        let site = Site::new(mounts, Vec::new(), vec![door], vec![0]);
        handle.on_wake(network.waker());
        let parts = Parts { config, handle: handle.clone(), stats: Arc::default(), site };
        let server = EventLoop::new(network.poller(), parts);
        Stage {
            server,
            network,
            handle,
            clients: Vec::new(),
            peer: Peer::Unix,
            room: usize::MAX,
            ended: false,
            handler: PhantomData,
        }
    }

    /// The handler, to look at its state.
    pub fn handler(&mut self) -> &mut H {
        let handler: &mut dyn Any = &mut *self.server.site.mounts[0].handler;
        handler.downcast_mut().expect("the stage's own handler")
    }

    /// A handle, as a thread would use it. Its commands are carried out at the next call of the stage:
    /// [`run`](Self::run), if there is nothing else to do. After a shutdown, [`advance`](Self::advance) takes the server to its end.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// A client opens a WebSocket at a target such as `/rooms/1?name=Ann`. Whether it was accepted is for
    /// [`status`](Self::status) to say.
    pub fn connect(&mut self, target: &str) -> Client {
        self.connect_with(target, &[])
    }

    /// The same with further header lines, such as `("Cookie", "session=1")` or `("Sec-WebSocket-Protocol", "v1")`.
    pub fn connect_with(&mut self, target: &str, headers: &[(&str, &str)]) -> Client {
        let mut head = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        );
        for (name, value) in headers {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        self.sit_down((head + "\r\n").as_bytes(), Talk::WebSocket)
    }

    /// A client sends a plain HTTP request, on a connection of its own.
    ///
    /// # Panics
    /// The request is not valid, as [`encode_request`] has it.
    #[track_caller]
    pub fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Client {
        self.sit_down(&encoded(method, target, headers, body), Talk::plain(method))
    }

    /// A client of [`request`](Self::request) sends another one on the same connection, for which its last response must
    /// have come.
    ///
    /// # Panics
    /// As [`request`](Self::request).
    #[track_caller]
    pub fn request_again(
        &mut self,
        client: Client,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) {
        let seat = &mut self.clients[client.0];
        (seat.talk, seat.status) = (Talk::plain(method), None);
        seat.end.write(&encoded(method, target, headers, body));
        self.run();
    }

    /// Takes the response to a client's latest request; `None` while there is none ([`Answer::Later`](super::Answer::Later)).
    pub fn response(&mut self, client: Client) -> Option<ReceivedResponse> {
        self.clients[client.0].talk.take_response()
    }

    /// Later clients come from this peer, not by a Unix-domain socket from this machine. The listener is bound to the
    /// loopback.
    pub fn come_from(&mut self, peer: Peer) {
        self.peer = peer;
    }

    fn sit_down(&mut self, bytes: &[u8], talk: Talk) -> Client {
        let end = self.network.connect_as(0, self.peer);
        end.limit(self.room);
        end.write(bytes);
        self.clients.push(Seat::new(end, talk));
        self.run();
        Client(self.clients.len() - 1)
    }

    /// The status of the response to a client's opening handshake or latest request: 101 if the handshake was accepted, `None`
    /// while there is none ([`Accept::Later`](super::Accept::Later)).
    pub fn status(&self, client: Client) -> Option<u16> {
        self.clients[client.0].status
    }

    /// A client sends a message; after a Close, nothing.
    pub fn send(&mut self, client: Client, payload: impl Payload) {
        let seat = &mut self.clients[client.0];
        let mut bytes = Vec::new();
        if seat.connection.send(payload.message(), &mut bytes).is_ok() {
            seat.end.write(&bytes);
        }
        self.run();
    }

    /// A client sends bytes as they are, such as many frames at once; the server gets them at the next
    /// [`run`](Self::run), with those of other clients. For the benchmarks of this crate.
    #[doc(hidden)]
    pub fn queue(&mut self, client: Client, bytes: &[u8]) {
        self.clients[client.0].end.write(bytes);
    }

    /// From now on a client takes so many bytes, and then no more, as if its network were slow; `usize::MAX`: whatever comes.
    pub fn limit(&mut self, client: Client, bytes: usize) {
        self.clients[client.0].end.limit(bytes);
        self.run();
    }

    /// The same for later clients, from their first byte on: that of the server's response.
    pub fn limit_new(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Bytes that all clients together are owed.
    #[cfg(all(test, feature = "hub"))]
    pub(crate) fn owed(&self) -> usize {
        self.server.lines.shared.env.memory()
    }

    /// Bytes that all connections have beside their slots: for paths, topics, and homes, and what they own. Each path and
    /// each name of a topic is counted with 24 bytes for its allocation, and without its letters.
    #[cfg(all(test, feature = "hub"))]
    pub(crate) fn held_beside_slots(&self) -> usize {
        let shared = &self.server.lines.shared;
        let slots = 0..shared.table.slots() as u32;
        let extras = slots.filter(|slot| shared.table.get(*slot).is_some_and(|it| it.extra().is_some())).count();
        let allocations = 24 * (shared.topics.count() + shared.table.paths());
        let homes = shared.homes.capacity() * size_of::<u32>();
        shared.topics.held() + shared.table.held_by_paths() + allocations + homes + 300 * extras
    }

    /// The messages that a client has received since this was last asked. They compare with strings and bytes:
    /// `assert_eq!(stage.received(ann), ["hello", "bye"])`; for none, `assert!(stage.received(ann).is_empty())`.
    pub fn received(&mut self, client: Client) -> Vec<Received> {
        std::mem::take(&mut self.clients[client.0].received)
    }

    /// A client closes the connection, with a code and a reason.
    ///
    /// # Panics
    /// The code is one that must not be sent (RFC 6455 §7.4).
    #[track_caller]
    pub fn close(&mut self, client: Client, frame: CloseFrame<'_>) {
        let seat = &mut self.clients[client.0];
        let mut bytes = Vec::new();
        if let Err(error) = seat.connection.close(Some(&frame), &mut bytes) {
            panic!("close({frame:?}): {error}");
        }
        seat.end.write(&bytes);
        self.run();
    }

    /// A client's TCP connection ends without a Close frame, as when its program crashes
    /// ([`CloseReason::Lost`](super::CloseReason::Lost)).
    pub fn vanish(&mut self, client: Client) {
        self.clients[client.0].end.finish();
        self.run();
    }

    /// A client no longer answers anything, Pings neither, as when its machine loses power: in time it is dropped
    /// ([`ConnectionError::PingTimeout`](super::ConnectionError::PingTimeout)). All others answer Pings by themselves.
    pub fn silence(&mut self, client: Client) {
        self.clients[client.0].is_silent = true;
    }

    /// The Close frame that a client has received, with 1005 where it had no code.
    pub fn closed(&self, client: Client) -> Option<CloseFrame<'static>> {
        self.clients[client.0].closed.clone()
    }

    /// Moves the clock, and does what was waiting for it: timers, timeouts.
    pub fn advance(&mut self, span: Duration) {
        let end = self.network.now() + span;
        // From one deadline to the next: its consequences may set another.
        while let Some(next) = self.server.next_deadline().filter(|next| *next < end && !self.ended) {
            self.network.advance(next.saturating_duration_since(self.network.now()));
            self.run();
        }
        self.network.advance(end.saturating_duration_since(self.network.now()));
        self.run();
    }

    /// Does what can be done now. After the server's end, nothing.
    ///
    /// # Panics
    /// The server cannot go on: the handler has panicked more often than [`Config::max_panics`] allows.
    #[track_caller]
    pub fn run(&mut self) {
        while !self.ended {
            match server_turn(&mut self.server) {
                Ok(goes_on) => self.ended = !goes_on,
                Err(error) => panic!("{error}"),
            }
            self.clients.iter_mut().for_each(Seat::receive);
            if !self.server.is_busy() && !self.network.has_events() {
                return;
            }
        }
    }
}

/// All that the server does, and nothing that its clients do: `benches/instructions.rs` counts by this name.
#[inline(never)]
fn server_turn(server: &mut EventLoop<MemoryPoller>) -> io::Result<bool> {
    server.step()
}

/// The bytes of a plain request.
#[track_caller]
fn encoded(method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = encode_request(method, target, "localhost", headers, body, &mut bytes) {
        panic!("{method} {target}: {error}");
    }
    bytes
}

#[cfg(test)]
mod tests;
