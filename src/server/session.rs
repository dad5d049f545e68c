//! One connection without its socket: Handshake -> Open -> Draining. What is idle owns no buffer at all.

use std::any::Any;
use std::borrow::Cow;

use super::compression::{Own, Sending};
use super::handler::{ConnectionId, Error};
use super::topics::TopicKey;
use super::write_queue::WriteQueue;
use crate::http::HeadScanner;
use crate::protocol::{CloseFrame, Connection, Extension};

/// What every connection has; everything rare is behind one pointer, which goes when there is nothing behind it.
pub(crate) struct Session {
    /// The WebSocket; `None` before the handshake, after the end, and while the loop works with it.
    pub connection: Option<Connection>,
    pub rare: Option<Box<Rare>>,
    pub generation: u32,
    /// Position among the members of its mount's topic, while open.
    pub member: u32,
    /// When the peer was last heard of; in the handshake, when it was accepted.
    pub heard: Tick,
    /// How many of this turn's posts have been delivered to it already, or came before it joined.
    pub posts_seen: u32,
    pub mount: u16,
    pub phase: Phase,
    /// How messages to it may be compressed.
    pub sending: Option<Sending>,
    pub flags: Flags,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nobody is here.
    Free,
    /// The request head is not complete.
    Handshake,
    /// A handler has put its decision off.
    Waiting,
    /// A WebSocket, until its closing handshake is over.
    Open,
    /// Over for the handler: what is owed leaves, what still comes is discarded.
    Draining,
    /// The socket is done with; the slot is freed at the end of the turn.
    Dead,
}

/// Facts about a connection, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Flags(u16);

impl Flags {
    /// In the loop's `again` list.
    pub const AGAIN: Flags = Flags(1);
    /// Its read side is known drained: nothing to do until the next event.
    pub const DRAINED: Flags = Flags(2);
    /// Not read from, because it is owed too much.
    pub const PAUSED: Flags = Flags(4);
    /// The last write could not be completed: wait for the socket to say that it is writable.
    pub const BLOCKED: Flags = Flags(8);
    /// A Ping was sent since it was last heard of.
    pub const PINGED: Flags = Flags(16);
    /// The socket says that the peer has ended its side: read on to the very end, no other event will come.
    pub const READ_CLOSED: Flags = Flags(32);
    /// Not all of this turn's posts concern it alike: it was served apart, or is an exception.
    pub const SPECIAL: Flags = Flags(64);
    /// In the loop's list of those to flush at the end of the turn.
    pub const FLUSH: Flags = Flags(128);
    /// The stream was read to its end.
    pub const ENDED: Flags = Flags(256);
    /// Both sides have sent a Close frame: nothing more is to come.
    pub const CLEAN: Flags = Flags(512);
    /// It is one too many: it gets 503.
    pub const TURNED_AWAY: Flags = Flags(4096);
    /// Our side of the stream was ended.
    pub const SHUT: Flags = Flags(1024);
    /// It was accepted by a listener, and from a peer, on this machine.
    pub const LOCAL: Flags = Flags(2048);
    /// It comes from a trusted proxy: X-Forwarded headers count.
    pub const TRUSTED: Flags = Flags(16384);
    /// A PROXY header is to come before the request.
    pub const PROXY_HEADER: Flags = Flags(32768);
    /// It has been sent a Close: no frame may follow (5.5.1).
    pub const CLOSE_SENT: Flags = Flags(8192);

    pub fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    pub fn set(&mut self, flag: Flags) {
        self.0 |= flag.0;
    }

    pub fn clear(&mut self, flag: Flags) {
        self.0 &= !flag.0;
    }

    /// Sets the flag; whether it was clear before.
    pub fn newly_set(&mut self, flag: Flags) -> bool {
        let new = !self.has(flag);
        self.set(flag);
        new
    }
}

/// Milliseconds since the loop began; wraps after 49 days, so only spans are compared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tick(pub u32);

impl Tick {
    pub fn since(self, earlier: Tick) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// What few connections have at a time.
#[derive(Default)]
pub(crate) struct Rare {
    /// Bytes owed to the peer.
    pub queue: WriteQueue,
    /// When the peer last took a byte of the queue, or the queue came to be.
    pub progress: Tick,
    /// Bytes received and not yet handled.
    pub backlog: Backlog,
    /// The request head so far.
    pub head: Option<Box<Head>>,
    /// An opening handshake whose decision was put off.
    pub waiting: Option<Box<Waiting>>,
    /// The value of [`Context::attach`](super::Context::attach).
    pub attached: Option<Box<dyn Any + Send>>,
    pub subprotocol: Option<Cow<'static, str>>,
    /// In the order of the topics' keys.
    pub memberships: Vec<Membership>,
    /// What compresses messages to it alone.
    pub compressor: Option<Box<Own>>,
    /// Bytes that its contexts take once they are there, on both sides.
    pub reserved: usize,
    /// When waiting for the peer's Close, or for it to take the last bytes, ends.
    pub deadline: Option<Deadline>,
    /// An unfinished message, for its timeout.
    pub unfinished: Option<Unfinished>,
    /// Why it is being closed, when that was our doing.
    pub closing: Option<Box<Reason>>,
    /// Messages of the current second, where their rate is limited.
    pub rate: Option<Rate>,
    /// What this connection counts for in the loop's account of memory, in bytes.
    pub accounted: usize,
    /// Owed more than the high-water mark at some time since the last `drain`.
    pub high: bool,
    /// A Pong that waits until the socket takes bytes again; the newest wins (5.5.3).
    pub pong: Option<Box<[u8]>>,
}

impl Rare {
    /// Whether nothing is left that it is needed for.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.backlog.is_empty()
            && self.head.is_none()
            && self.waiting.is_none()
            && self.attached.is_none()
            && self.subprotocol.is_none()
            && self.memberships.is_empty()
            && self.compressor.is_none()
            && self.deadline.is_none()
            && self.closing.is_none()
            && self.rate.is_none()
            && self.accounted == 0
            && self.unfinished.is_none()
            && !self.high
            && self.pong.is_none()
    }
}

/// Why a connection has ended; [`CloseReason`](super::CloseReason) borrows from it.
#[derive(Debug)]
pub(crate) enum Reason {
    Peer(Option<CloseFrame<'static>>),
    Local(CloseFrame<'static>),
    Lost,
    Failed(Error),
    Shutdown,
}

/// An incomplete request head.
#[derive(Default)]
pub(crate) struct Head {
    pub bytes: Vec<u8>,
    pub scanner: HeadScanner,
}

/// What is needed to answer an opening handshake later.
pub(crate) struct Waiting {
    pub accept_key: [u8; 28],
    /// The subprotocols that the client has offered.
    pub offered: Vec<Box<str>>,
    /// What was agreed on.
    pub extension: Option<Extension>,
}

/// Membership in a topic other than the mount's.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Membership {
    pub topic: TopicKey,
    pub position: u32,
}

/// A span that began at `from` and lasts `millis`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub from: Tick,
    pub millis: u32,
}

impl Deadline {
    pub fn is_over(self, now: Tick) -> bool {
        now.since(self.from) >= self.millis
    }
}

/// How many messages have come in the second that began at `since`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub since: Tick,
    pub messages: u32,
}

/// How an unfinished message fares in its current span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unfinished {
    pub since: Tick,
    /// Bytes that have come from its peer.
    pub gained: u64,
}

/// Bytes received and not yet handled, consumed from the front without moving the rest.
#[derive(Default, Debug)]
pub(crate) struct Backlog {
    pub bytes: Vec<u8>,
    pub start: usize,
}

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.start >= self.bytes.len()
    }
}

impl Session {
    pub fn new() -> Self {
        Session {
            connection: None,
            rare: None,
            generation: 0,
            member: 0,
            heard: Tick(0),
            posts_seen: 0,
            mount: 0,
            phase: Phase::Free,
            sending: None,
            flags: Flags::default(),
        }
    }

    pub fn id(&self, slot: u32) -> ConnectionId {
        ConnectionId { slot, generation: self.generation }
    }

    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Bytes owed to the peer.
    pub fn queued(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.queue.len())
    }

    /// Bytes received and not yet handled.
    pub fn has_backlog(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.backlog.is_empty())
    }

    /// Gives back what is no longer needed.
    pub fn shrink(&mut self) {
        if self.rare.as_ref().is_some_and(|rare| rare.is_empty()) {
            self.rare = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 64, "{}", size_of::<Session>());
    }
}
