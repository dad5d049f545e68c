//! The parts of the server that the fuzz targets need. They exist under `cfg(fuzzing)` alone, and are no part of the crate.

use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::bed::{App, Bed, Call};
use crate::http::{Representation, Request, Response, SharedBody};
use crate::protocol::Message;
use crate::server::connection::output::queue::{self, WriteQueue};
use crate::server::event_loop::site::Route;
use crate::server::transport::memory::Client;
use crate::server::types::env::Account;
use crate::server::types::id::TopicKey;
use crate::server::types::shared_bytes::SharedBytes;
use crate::server::{Accept, Answer, Config, Context, Handle, Peer};

pub use super::model::run as live_a_day;

/// The callbacks of a mount's handler.
pub struct Behaviour {
    /// For an opening handshake.
    pub accept: Box<dyn FnMut(&mut Context<'_>, &Request<'_>) -> Accept + Send>,
    /// For the head of a plain request.
    pub admit: Box<dyn FnMut(&mut Context<'_>, &Request<'_>) -> Result<usize, Response> + Send>,
    /// For a plain request with its body.
    pub request: Box<dyn FnMut(&mut Context<'_>, &Request<'_>, &[u8]) -> Answer + Send>,
    /// For a message.
    pub message: Box<dyn FnMut(&mut Context<'_>, Message<'_>) + Send>,
}

/// A server on sockets in memory, whose clock stands still, and one client.
///
/// After each turn it checks the laws of the loop: no lost wake-up, nothing owed that nobody sends, queues within their
/// bounds, `close` once for each `open`.
pub struct Visit {
    bed: Bed,
    client: Client,
}

impl Visit {
    /// The paths of the [`page`](Self::page).
    pub const PAGES: [&str; 2] = ["/page", "/files/*"];

    /// The answer to GET and HEAD at [`PAGES`](Self::PAGES).
    pub fn page() -> Representation {
        Representation::new("text/html", &b"<p>a page"[..])
    }

    /// Connects a client to a server with these mounts and the page. A client on this machine connects to a listener that
    /// is bound to the loopback.
    pub fn new(config: Config, peer: Peer, mounts: Vec<(&str, Behaviour)>) -> Self {
        let app = |behaviour: Behaviour| {
            let Behaviour { accept, admit, request, mut message } = behaviour;
            let hook = move |ctx: &mut Context<'_>, call: Call<'_>| {
                if let Call::Message(it) = call {
                    message(ctx, it);
                }
            };
            App::new(hook).accepting(accept).admitting(admit).answering(request)
        };
        let apps = mounts.into_iter().map(|(path, behaviour)| (path, app(behaviour))).collect();
        let page = Self::page();
        let pages = Self::PAGES.map(|path| {
            let page = page.clone();
            (path, Box::new(move |request: &Request<'_>, _: &[u8]| page.answer(request)) as Route)
        });
        let bed = Bed::of(config, apps, pages.into());
        let listener = if peer.is_local() { bed.network.add_local_listener() } else { 0 };
        let client = bed.network.connect_as(listener, peer);
        Visit { bed, client }
    }

    /// From now on accepted sockets receive through a transport that hands bytes on in pieces of this length.
    pub fn buffer(&self, piece: usize) {
        self.bed.server.poller.buffer(Some(piece));
    }

    /// Bytes from the client.
    pub fn write(&self, bytes: &[u8]) {
        self.client.write(bytes);
    }

    /// The server's socket takes so many bytes, and then no more.
    pub fn limit(&self, room: usize) {
        self.client.limit(room);
    }

    /// The client ends its side (FIN).
    pub fn finish(&self) {
        self.client.finish();
    }

    /// The client resets the connection (RST).
    pub fn reset(&self) {
        self.client.reset();
    }

    /// One turn of the loop.
    pub fn turn(&mut self) {
        self.bed.turn();
    }

    /// Turns until there is nothing to do.
    pub fn settle(&mut self) {
        self.bed.settle();
    }

    /// Lets time pass.
    pub fn pass(&mut self, span: Duration) {
        self.bed.pass(span);
    }

    /// The bytes that the server has sent since the last call.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(self.client.bytes())
    }

    /// Whether the server has ended the stream.
    pub fn is_ended(&self) -> bool {
        self.client.is_ended()
    }

    /// Whether the server has reset the connection.
    pub fn is_reset(&self) -> bool {
        self.client.is_reset()
    }

    /// The callbacks of WebSockets since the last call, as lines such as `open #0.0`.
    pub fn log(&self) -> Vec<String> {
        self.bed.log()
    }

    /// A handle, such as other threads have.
    pub fn handle(&self) -> Handle {
        self.bed.handle.clone()
    }

    /// Asserts that nothing of the client is left.
    pub fn assert_empty(&self) {
        self.bed.assert_empty();
    }
}

/// The bytes owed to a peer, and an account of those that it shares.
#[derive(Default)]
pub struct Queue {
    queue: WriteQueue,
    account: Account,
}

/// The kind of the frames in a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sent to its peer alone.
    Own,
    /// Broadcasts.
    Post,
}

/// Bytes that queues may share.
pub struct Shared(Rc<SharedBytes>);

impl Shared {
    /// Makes them so.
    pub fn new(bytes: Vec<u8>) -> Self {
        Shared(Rc::new(SharedBytes::new(bytes)))
    }
}

impl Queue {
    /// Bytes owed.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none is owed.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Heap bytes that it alone holds.
    pub fn held(&self) -> usize {
        self.queue.held()
    }

    /// Heap bytes that it shares.
    pub fn shared(&self) -> usize {
        self.account.get()
    }

    /// See [`WriteQueue::push`].
    pub fn push(&mut self, bytes: &[u8], lead: usize) {
        self.queue.push(bytes, lead);
    }

    /// See [`WriteQueue::push_shared`].
    pub fn push_shared(&mut self, bytes: &Shared, range: Range<usize>, lead: usize, kind: Kind) {
        let kind = match kind {
            Kind::Own => queue::Kind::Own,
            Kind::Post => queue::Kind::Post(TopicKey(0)),
        };
        self.queue.push_shared(&bytes.0, range, lead, kind, &self.account);
    }

    /// See [`WriteQueue::push_body`].
    pub fn push_body(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        self.queue.push_body(&SharedBody { bytes: Arc::clone(bytes), range });
    }

    /// The slices of one write.
    pub fn next_slices(&self, slices: usize, limit: usize) -> Vec<Vec<u8>> {
        let mut room = vec![IoSlice::new(&[]); slices];
        let used = self.queue.next_slices(&mut room, limit);
        room.iter().take(used).map(|slice| slice.to_vec()).collect()
    }

    /// See [`WriteQueue::advance`].
    pub fn advance(&mut self, n: usize) {
        self.queue.advance(n);
    }

    /// See [`WriteQueue::drop_unsent_frames`].
    pub fn drop_unsent_frames(&mut self) {
        self.queue.drop_unsent_frames();
    }

    /// See [`WriteQueue::drop_unsent_posts`].
    pub fn drop_unsent_posts(&mut self) -> bool {
        self.queue.drop_unsent_posts(TopicKey(0))
    }
}

/// See [`queue::rest_of_begun_frame`].
pub fn rest_of_begun_frame(frames: &[u8], sent: usize) -> usize {
    queue::rest_of_begun_frame(frames, sent)
}
