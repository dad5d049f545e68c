//! Where bytes come from and go to: readiness, listeners and sockets. [`plain`] is the real one, over mio; [`memory`] is
//! the one in memory, for tests, fuzzers and [`testing`](crate::testing). Either may have TLS over it ([`layer`], [`tls`]).

// Without TLS nothing is ever put into its buffers.
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(crate) mod layer;
pub(crate) mod listen;
pub(crate) mod memory;
pub(crate) mod plain;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use super::types::id::Peer;

/// Readiness, and the source of connections. Sockets are edge-triggered and never block.
pub(crate) trait Poller {
    type Socket: Socket;

    /// Waits for events, at most for `timeout`, and appends them to `ready`.
    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()>;

    /// Takes the next connection from a listener. `None`: there is none until the listener's next event.
    fn accept(&mut self, listener: usize) -> io::Result<Option<(Self::Socket, Peer)>>;

    /// Watches a socket, for reading and writing, from now on until it is dropped.
    fn register(&mut self, socket: &mut Self::Socket, token: Token) -> io::Result<()>;

    /// Whether the listener is bound to the loopback.
    fn is_local(&self, listener: usize) -> bool;

    /// Requests to shut down since the last call.
    fn stop_requests(&mut self) -> usize;

    fn now(&self) -> Instant;

    /// The time of day, as a span since the beginning of 1970.
    fn unix_time(&self) -> Duration;
}

/// A connected stream. No call blocks: each may do less than it was asked for. An interrupted call is repeated here.
pub(crate) trait Socket {
    /// Receives what has come, as far as `buffer` has room.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Sends bytes. Returns how many the socket accepted; 0 when it accepts none now.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends several slices as one piece, as [`send`](Self::send) does.
    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends our side of the stream. Bytes sent before still arrive.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// Makes the coming drop discard all unsent bytes and tell the peer so (RST).
    fn abort(&mut self) -> io::Result<()>;

    /// Bytes that were accepted and that the socket below has yet to take. While there are any, nothing more is accepted,
    /// and an event will come when the socket below takes bytes again.
    fn pending(&self) -> usize {
        0
    }

    /// Hands pending bytes to the socket below. Returns how many it took.
    fn flush(&mut self) -> io::Result<usize> {
        Ok(0)
    }

    /// Bytes of a queue that should be sent at a time, since they can no longer be dropped from then on.
    fn chunk(&self) -> usize {
        usize::MAX
    }

    /// Whether it may receive into the buffer of a large message, which has less room than `receive` might need.
    fn fills_any_buffer(&self) -> bool {
        true
    }

    /// The connection is about to be dropped in good order: tells the peer so, where the end of the stream does not.
    fn say_goodbye(&mut self) {}

    fn security(&self) -> Security {
        Security::Plain
    }
}

/// How far TLS has come on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Security {
    /// No TLS is spoken here.
    Plain,
    /// TLS is spoken here, but the peer speaks something else in the clear.
    Clear,
    /// The handshake is not complete: no byte of the application can be received or sent.
    Handshaking,
    Secure,
    /// TLS has failed. An alert may be pending; nothing else is sent or received.
    Failed,
}

/// The outcome of one [`Socket::receive`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// Bytes that came.
    pub len: usize,
    /// Bytes that have come over the network for them, which count for budgets. Some may belong to later calls.
    pub wire: usize,
    /// Whether another call would find nothing before the next event. A transport with a buffer of its own, such as TLS, may
    /// say so only if it has read the socket in this very call: more may have come since. The end of the stream may still
    /// follow; an event has then reported it.
    pub drained: bool,
    /// Whether the peer has ended its side, and all before that has been read.
    pub ended: bool,
}

impl Received {
    /// Nothing is there before the next event.
    pub const NOTHING: Received = Received { len: 0, wire: 0, drained: true, ended: false };
    /// The peer has ended its side.
    pub const END: Received = Received { len: 0, wire: 0, drained: true, ended: true };
}

/// The subject of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Connection {
        slot: u32,
        generation: u32,
    },
    Listener(usize),
    /// The handle has commands, or the server is asked to shut down.
    Wake,
}

/// An event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ready {
    pub token: Token,
    pub readable: bool,
    pub writable: bool,
    /// The peer has ended its side, or the stream has failed: it must be read to its end, since no other event will come.
    pub read_closed: bool,
}
