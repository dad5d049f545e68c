//! Everything that connections share and that handlers' contexts work on: the table of connections, topics, posts, the
//! outbox, timers and compressors. Sockets are not here.

pub(crate) mod addresses;
pub(crate) mod compressor;
mod membership;
pub(crate) mod outbox;
mod paths;
pub(crate) mod pool;
pub(crate) mod posts;
mod rests;
pub(crate) mod table;
pub(crate) mod timers;
pub(crate) mod topics;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::addresses::Addresses;
use self::compressor::Compressor;
use self::outbox::Outbox;
use self::posts::{Posts, split};
use self::table::Table;
use self::timers::Timers;
use self::topics::Topics;
use super::connection::websocket::{Seat, Sending};
use super::types::config::Config;
use super::types::env::Env;
use super::types::error::ConnectionError;
use super::types::id::{ConnectionId, TopicKey};
use super::types::log_limit::LogLimit;
use super::types::stats::Stats;
use crate::http::OriginPolicy;
use crate::protocol::{DEFLATE_AVAILABLE, Message, Opcode};

/// Connections that the tables have room for from the start, if so many are allowed.
pub(crate) const ROOM: usize = 1 << 16;

pub(crate) struct Shared {
    pub env: Env,
    pub table: Table,
    pub addresses: Addresses,
    pub outbox: Outbox,
    /// The turn's posts.
    pub posts: Posts,
    /// Posts of earlier turns that some members have yet to get, the oldest first.
    pub rests: VecDeque<Posts>,
    pub compressor: Compressor,
    pub topics: Topics,
    /// By slot: a connection's position among the members of its home. As long as the last slot that has had one.
    pub homes: Vec<u32>,
    pub timers: Timers,
    pub mounts: Vec<MountPoint>,
    /// By door: the web pages that may connect.
    pub origins: Vec<Rc<OriginPolicy>>,
    /// Connections whose handler wants to know when their queue has drained.
    pub drain_requests: Vec<ConnectionId>,
    pub log_limit: LogLimit,
    /// When a sweep looks at all connections next, if any has a deadline.
    pub next_sweep: Option<Instant>,
}

/// A mount, as connections know it.
pub(crate) struct MountPoint {
    pub path: Box<str>,
    pub topic: TopicKey,
}

impl Shared {
    pub fn new(config: Config, stats: Arc<Stats>, now: Instant) -> Self {
        Shared {
            table: Table::with_room(config.max_connections.min(ROOM)),
            addresses: Addresses::new(config.max_connections_per_address),
            compressor: Compressor::new(config.deflate),
            env: Env::new(config, stats, now),
            outbox: Outbox::default(),
            posts: Posts::default(),
            rests: VecDeque::new(),
            topics: Topics::default(),
            homes: Vec::new(),
            timers: Timers::default(),
            mounts: Vec::new(),
            origins: Vec::new(),
            drain_requests: Vec::new(),
            log_limit: LogLimit::default(),
            next_sweep: None,
        }
    }

    pub fn add_mount(&mut self, path: &str) {
        let topic = self.topics.add_mount();
        self.mounts.push(MountPoint { path: path.into(), topic });
    }

    /// The first mount at this path, as it was given to `mount`.
    pub fn find_mount(&self, path: &str) -> Option<u16> {
        self.mounts.iter().position(|mount| *mount.path == *path).and_then(|at| u16::try_from(at).ok())
    }

    /// The web pages that may connect through the door that a connection came through.
    pub fn origins(&self, slot: u32) -> Option<&Rc<OriginPolicy>> {
        self.origins.get(usize::from(self.table.get(slot)?.door))
    }

    /// The deadlines of a connection have changed: a sweep looks in time.
    #[inline(never)]
    pub fn schedule(&mut self, slot: u32) {
        if let Some(millis) = self.table.get(slot).and_then(|connection| connection.next_look(&self.env)) {
            self.look_by(self.env.now + Duration::from_millis(millis));
        }
    }

    /// A sweep looks by then.
    pub fn look_by(&mut self, at: Instant) {
        self.next_sweep = Some(self.next_sweep.map_or(at, |next| next.min(at)));
    }

    /// Seats a connection that opens. It gets no earlier posts.
    pub fn seat(&mut self, slot: u32, mount: u16, home: Option<Rc<str>>) -> Seat {
        self.skip_posts(slot);
        self.take_seat(slot, mount, home)
    }

    /// Subscribes a connection to a topic. A second subscription changes nothing.
    pub fn subscribe(&mut self, slot: u32, name: &str) {
        self.settle_posts(slot);
        self.join(slot, name);
    }

    pub fn unsubscribe(&mut self, slot: u32, name: &str) {
        self.settle_posts(slot);
        self.leave_topic(slot, name);
    }

    /// Makes a topic the home of an open connection.
    pub fn set_home(&mut self, slot: u32, name: &str) {
        self.settle_posts(slot);
        self.move_home(slot, name);
    }

    /// Counts a message where their rate is limited. Returns whether it may be handled; if not, the connection fails.
    #[cold]
    pub fn may_take_message(&mut self, id: ConnectionId, limit: u32) -> bool {
        let websocket = self.table.get_mut(id.slot).and_then(|connection| connection.websocket_mut());
        let Some((is_allowed, is_first)) = websocket.map(|websocket| websocket.count_message(limit, &self.env)) else {
            return false;
        };
        if is_first {
            self.schedule(id.slot);
        }
        if !is_allowed {
            self.settle_posts_for(id);
            self.outbox.fail(id, ConnectionError::TooManyMessages);
        }
        is_allowed
    }

    /// Sends a message to one connection: compressed where that was negotiated and makes it shorter.
    #[inline]
    pub fn send(&mut self, to: ConnectionId, message: Message<'_>) {
        if !self.has_no_posts() {
            self.settle_posts_for(to);
        }
        if self.compresses() && self.send_compressed(to, message.opcode(), message.as_bytes()) {
            return;
        }
        self.outbox.send(to, message);
    }

    /// Sends a frame to one connection, compressed as [`send`](Self::send) does.
    pub fn send_frame(&mut self, to: ConnectionId, frame: &[u8]) {
        self.settle_posts_for(to);
        let is_sent = self.compresses()
            && split(frame).is_some_and(|(opcode, payload)| self.send_compressed(to, opcode, payload));
        if !is_sent {
            self.outbox.send_frame(to, frame);
        }
    }

    /// Whether any message may be compressed. In a build that cannot compress, the compiler knows the answer.
    #[inline]
    fn compresses(&self) -> bool {
        DEFLATE_AVAILABLE && self.env.config.deflate.is_some()
    }

    /// Sends a message compressed, if that is negotiated and worth it. Returns whether it was sent.
    fn send_compressed(&mut self, to: ConnectionId, opcode: Opcode, payload: &[u8]) -> bool {
        let Some(slot) = self.table.find_open(to) else { return false };
        let Some(sending) = self.sending(slot).filter(|_| self.compressor.is_worth_it(payload.len())) else {
            return false;
        };
        let start = self.outbox.replies.len();
        let mut replies = std::mem::take(&mut self.outbox.replies);
        let is_sent = self.encode_own(slot, sending, (opcode, payload), &mut replies).unwrap_or_else(|| {
            self.compressor.encode_alone(sending.window_bits(), opcode, payload, &mut replies, &self.env.stats)
        });
        self.outbox.replies = replies;
        if is_sent {
            self.outbox.note_reply(to, start);
        }
        is_sent
    }

    /// Compresses with the context of one connection. `None`: the connection has none, or the budget of the turn is spent.
    fn encode_own(
        &mut self,
        slot: u32,
        sending: Sending,
        message: (Opcode, &[u8]),
        output: &mut Vec<u8>,
    ) -> Option<bool> {
        let connection = self.table.get_mut(slot)?;
        if sending.has_takeover() && self.compressor.spend_own(message.1.len()) {
            let own = &mut connection.extra_mut(&self.env).compressor;
            return Some(self.compressor.encode_own(sending.window_bits(), own, message, output, &self.env.stats));
        }
        // The peer is sent a message that its own context does not contain.
        if let Some(own) = connection.websocket_mut().and_then(|it| it.extra.as_mut()?.compressor.as_mut()) {
            own.is_stale = true;
        }
        None
    }

    /// How messages to a connection may be compressed.
    pub fn sending(&self, slot: u32) -> Option<Sending> {
        if DEFLATE_AVAILABLE { self.table.get(slot)?.websocket()?.sending } else { None }
    }

    /// Appends a post as a connection is to get it.
    pub fn append_post(&mut self, slot: u32, at: usize, output: &mut Vec<u8>) {
        let Some(sending) = self.sending(slot) else { return output.extend_from_slice(self.posts.frame(at)) };
        let posts = std::mem::take(&mut self.posts);
        let frame = posts.frame(at);
        let message = split(frame).filter(|(_, payload)| self.compressor.is_worth_it(payload.len()));
        let outcome = message.map(|message| self.encode_own(slot, sending, message, output));
        if let None | Some(Some(false)) = outcome {
            output.extend_from_slice(frame);
        }
        self.posts = posts;
        if let Some(None) = outcome {
            let bits = sending.window_bits();
            output.extend_from_slice(self.posts.compressed(at, bits, &mut self.compressor, &self.env.stats));
        }
    }

    /// Copies the posts for a connection so far to its replies, so that the next reply, or a change of its subscriptions,
    /// comes after them.
    pub fn settle_posts(&mut self, slot: u32) {
        if self.has_no_posts() {
            return;
        }
        let mut copy = Vec::new();
        for at in 0..self.rests.len() {
            self.swap_rest(at);
            self.take_posts(slot, &mut copy);
            self.swap_rest(at);
        }
        self.take_posts(slot, &mut copy);
        if !copy.is_empty() {
            let start = self.outbox.replies.len();
            self.outbox.replies.extend_from_slice(&copy);
            self.outbox.note_reply(self.table.id(slot), start);
        }
    }

    fn take_posts(&mut self, slot: u32, copy: &mut Vec<u8>) {
        for delivery in self.take_deliveries(slot) {
            self.append_post(slot, delivery.post as usize, copy);
        }
    }

    /// Settles the posts for a connection that may have left.
    pub fn settle_posts_for(&mut self, id: ConnectionId) {
        if !self.has_no_posts()
            && let Some(slot) = self.table.find_open(id)
        {
            self.settle_posts(slot);
        }
    }

    /// Whether contexts of so many bytes may be promised: half of the memory is left for messages.
    pub fn has_room_for_contexts(&self, bytes: usize) -> bool {
        bytes <= (self.env.config.max_memory / 2).saturating_sub(self.env.memory())
    }
}
