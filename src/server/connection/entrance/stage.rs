//! The stages of a request under way, and the time that each may take.

use crate::http::{Body, BodyDecoder, DeflateAnswer, HeadScanner, Persistence};
use crate::server::types::env::{Charge, Tick};

/// A body has this many milliseconds before its average rate counts.
const BODY_GRACE: u64 = 10_000;
/// The least average rate of a body, in bytes a second.
const BODY_RATE: u64 = 1024;

/// A request under way.
pub(super) struct Intake {
    /// Bytes that have been received and belong to nothing below: a head so far, or bytes behind the current request.
    pub(super) bytes: Vec<u8>,
    pub(super) stage: Stage,
    pub(super) charge: Charge,
}

pub(super) enum Stage {
    /// The head is not complete.
    Head(HeadScanner),
    /// The body is not complete.
    Body(Upload),
    /// A handler has put off its decision about an opening handshake.
    Upgrade(Box<Decision>),
    /// A handler has put off its answer.
    Answer(Owed),
    /// Nothing is under way, and the bytes have not been looked at.
    Backlog,
}

/// A request whose body is not complete.
pub(crate) struct Upload {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub(super) decoder: BodyDecoder,
    /// Bytes that the body may have.
    pub(super) max: usize,
    pub(super) since: Tick,
}

/// An opening handshake that will be decided later.
pub(crate) struct Decision {
    pub accept_key: [u8; 28],
    pub mount: u16,
    /// The subprotocols that the client has offered.
    pub offered: Vec<Box<str>>,
    /// The agreed compression.
    pub extension: Option<DeflateAnswer>,
}

/// A plain request that will be answered later.
#[derive(Clone, Copy)]
pub(crate) struct Owed {
    pub body: Body,
    pub after: Persistence,
}

impl Upload {
    /// The deadline by which the body must be complete, or have come faster.
    pub(super) fn due(&self) -> Due {
        let allowed = BODY_GRACE.max(self.decoder.wire_bytes() / BODY_RATE * 1000);
        let millis = u32::try_from(allowed).unwrap_or(u32::MAX);
        Due { from: self.since, millis, late: Some(Late::Body) }
    }
}

/// The deadline of a stage.
#[derive(Debug)]
pub(crate) struct Due {
    pub from: Tick,
    pub millis: u32,
    /// `None`: an idle connection has been kept long enough.
    pub late: Option<Late>,
}

/// The side that is late, and with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Late {
    /// The client, with its request head: 408.
    Head,
    /// The client, with its body: 408.
    Body,
    /// The application, with its decision about an opening handshake: 503.
    Decision,
    /// The application, with its answer: 503.
    Answer,
}

/// Received bytes that have not been handled.
pub(crate) enum Arrived<'a> {
    /// They lie in the receive buffer.
    Borrowed(&'a mut [u8]),
    /// They lie behind bytes that were kept.
    Owned(Vec<u8>),
}

impl Arrived<'_> {
    pub fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Arrived::Borrowed(bytes) => bytes,
            Arrived::Owned(bytes) => bytes,
        }
    }
}

/// The limit that leaves no room for a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoom {
    /// That of all connections.
    Server,
    /// That of its door.
    Door,
    /// That of its client's address.
    Address,
}
