//! What the loop needs of the operating system. `mio_poller.rs` is the real one; tests and fuzzers bring a fake.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use super::handler::Peer;

/// Readiness, and where connections come from. Sockets are edge-triggered and never block.
pub(crate) trait Poller {
    type Socket: Socket;

    /// Waits for events, at most for `timeout`, and puts them into `ready`, which is empty before.
    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()>;

    /// Takes the next connection from a listener. `WouldBlock`: there is none.
    fn accept(&mut self, listener: usize) -> io::Result<(Self::Socket, Peer)>;

    /// Watches a socket, for reading and writing, from now on until it is dropped.
    fn register(&mut self, socket: &mut Self::Socket, token: Token) -> io::Result<()>;

    /// Whether the listener is bound to the loopback.
    fn is_local(&self, listener: usize) -> bool;

    /// Bytes that ask for the server's end and have not been asked about before.
    fn stop_requests(&mut self) -> usize;

    fn now(&self) -> Instant;
}

/// A connected stream. Every call may say `WouldBlock`, and may do less than it was asked for.
pub(crate) trait Socket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends our side of the stream; what was sent before still arrives.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// Makes dropping it discard what was not sent, and tell the peer so (RST).
    fn abort(&mut self) -> io::Result<()>;
}

/// Whom an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Connection {
        slot: u32,
        generation: u32,
    },
    Listener(usize),
    /// The handle has commands, or somebody asks for the server's end.
    Wake,
}

/// An event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ready {
    pub token: Token,
    pub readable: bool,
    pub writable: bool,
    /// The peer has ended its side, or the stream has failed: it must be read to its end, no other event will come.
    pub read_closed: bool,
}
