//! The data that few WebSockets have at a time, in one allocation that is freed when it holds nothing.

use std::any::Any;
use std::borrow::Cow;
use std::num::NonZeroU8;
use std::rc::Rc;

use crate::protocol::{ContextTakeover, Deflater, Extension};
use crate::server::types::env::{Charge, Env, Tick};
use crate::server::types::error::Reason;
use crate::server::types::id::TopicKey;

/// Data that few connections have at a time.
pub(crate) struct Extra {
    /// The value of [`Context::attach`](crate::Context::attach).
    pub attached: Option<Box<dyn Any + Send>>,
    pub subprotocol: Option<Cow<'static, str>>,
    /// The home that the connection takes when its WebSocket opens.
    pub home: Option<Rc<str>>,
    /// Memberships in topics other than its seat's, in the order of the topics' keys.
    pub memberships: Vec<Membership>,
    /// Bytes received and not yet handled.
    pub backlog: Backlog,
    /// The compressor for messages to this connection alone, with context takeover.
    pub compressor: Option<Box<OwnCompressor>>,
    /// Bytes that its compression contexts take once they are there, on both sides.
    pub reserved: usize,
    /// The closing handshake that we have begun.
    pub closing: Option<Closing>,
    pub unfinished: Option<Unfinished>,
    /// Messages of the current second, where their rate is limited.
    pub rate: Option<Rate>,
    /// Heap bytes held, as last accounted for.
    pub(super) charge: Charge,
}

/// How a server compresses messages to a connection: its window bits, and a bit for context takeover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sending(NonZeroU8);

const TAKEOVER: u8 = 0x80;

impl Sending {
    pub fn new(extension: Extension) -> Option<Self> {
        let takeover = if extension.server_context == ContextTakeover::Yes { TAKEOVER } else { 0 };
        NonZeroU8::new(extension.server_max_window_bits.clamp(9, 15) | takeover).map(Sending)
    }

    /// Whether a message may refer to earlier ones, so that the connection needs a compressor of its own.
    pub fn has_takeover(self) -> bool {
        self.0.get() & TAKEOVER != 0
    }

    /// 9 to 15.
    pub fn window_bits(self) -> u8 {
        self.0.get() & !TAKEOVER
    }
}

/// The compressor of one connection, with context takeover.
pub(crate) struct OwnCompressor {
    pub deflater: Deflater,
    /// The peer has been sent messages that this context does not contain.
    pub is_stale: bool,
}

impl OwnCompressor {
    /// Heap bytes held, itself included.
    pub fn held(&self) -> usize {
        size_of::<Self>() + self.deflater.capacity()
    }
}

/// Membership in a topic, and the position among its members.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Membership {
    pub topic: TopicKey,
    pub position: u32,
}

/// The place where a connection gets broadcasts without a subscription: in its mount, with its position among the members,
/// or in a home. In a slot there is no room for more than 4 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seat(u32);

const HOME: u32 = 1 << 31;

impl Seat {
    pub fn in_mount(position: u32) -> Self {
        Seat(position)
    }

    pub fn in_home(topic: TopicKey) -> Self {
        Seat(topic.0 | HOME)
    }

    /// The topic that is its home, if it has one.
    pub fn home(self) -> Option<TopicKey> {
        (self.0 & HOME != 0).then_some(TopicKey(self.0 & !HOME))
    }

    /// Position among the members of its mount, where it has no home.
    pub fn position(self) -> u32 {
        self.0
    }
}

/// Since when we wait for the peer's Close, and why.
pub(crate) struct Closing {
    pub since: Tick,
    pub reason: Reason,
}

/// Progress of an unfinished message in the current span of its timeout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unfinished {
    pub since: Tick,
    /// Bytes received from the peer.
    pub gained: u64,
}

/// Messages in the second that began at `since`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub since: Tick,
    pub messages: u32,
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

impl Extra {
    pub fn new(env: &Env) -> Self {
        Extra {
            attached: None,
            subprotocol: None,
            home: None,
            memberships: Vec::new(),
            backlog: Backlog::default(),
            compressor: None,
            reserved: 0,
            closing: None,
            unfinished: None,
            rate: None,
            charge: Charge::new(&env.held),
        }
    }

    /// The place of a topic's membership, or where it would be.
    pub fn find(&self, topic: TopicKey) -> Result<usize, usize> {
        self.memberships.binary_search_by_key(&topic, |membership| membership.topic)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.attached.is_none()
            && self.subprotocol.is_none()
            && self.home.is_none()
            && self.memberships.is_empty()
            && self.backlog.is_empty()
            && self.compressor.is_none()
            && self.reserved == 0
            && self.closing.is_none()
            && self.unfinished.is_none()
            && self.rate.is_none()
            && self.charge.get() == 0
    }

    /// Keeps what an application may look at in `close`, and frees the rest.
    pub fn into_kept(mut self: Box<Self>) -> Option<Box<Self>> {
        self.charge.set(0);
        (self.compressor, self.reserved, self.closing, self.unfinished, self.rate) = (None, 0, None, None, None);
        (self.backlog, self.memberships) = (Backlog::default(), Vec::new());
        (!self.is_empty()).then_some(self)
    }

    /// Counts the memory of a connection that is not a WebSocket yet.
    pub fn account_reserved(&mut self) {
        self.charge.set(self.reserved);
    }
}
