//! A second transport, over any other: it receives on its own side as much as has come, and hands it on in short pieces, as
//! TLS does with its records. A short read then says nothing about the socket below. Switched off, it changes nothing.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::server::transport::memory::{MemoryPoller, MemorySocket};
use crate::server::transport::{Poller, Ready, Received, Socket, Token};
use crate::server::types::id::Peer;

pub(crate) struct BufferedPoller {
    poller: MemoryPoller,
    /// Bytes of a piece for sockets that are accepted from now on; `None`: they do not buffer.
    piece: Rc<Cell<Option<usize>>>,
}

pub(crate) struct BufferedSocket {
    socket: MemorySocket,
    piece: Option<usize>,
    /// Received from the socket below and not handed on.
    held: Vec<u8>,
}

impl BufferedPoller {
    pub fn new(poller: MemoryPoller) -> Self {
        BufferedPoller { poller, piece: Rc::default() }
    }

    /// Sockets that are accepted from now on hand their bytes on in pieces of this length.
    pub fn buffer(&self, piece: Option<usize>) {
        self.piece.set(piece);
    }
}

impl BufferedSocket {
    pub fn waits_to_be_read(&self) -> bool {
        !self.held.is_empty() || self.socket.waits_to_be_read()
    }

    pub fn will_be_writable(&self) -> bool {
        self.socket.will_be_writable()
    }
}

impl Socket for BufferedSocket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let Some(piece) = self.piece else { return self.socket.receive(buffer) };
        // Bytes that were held before say nothing about the socket below: more may have come since it was read.
        let mut below = Received { len: 0, wire: 0, drained: false, ended: false };
        if self.held.is_empty() {
            let mut bytes = [0; 4096];
            below = self.socket.receive(&mut bytes)?;
            self.held.extend_from_slice(&bytes[..below.len]);
        }
        let len = piece.min(buffer.len()).min(self.held.len());
        buffer[..len].copy_from_slice(&self.held[..len]);
        self.held.drain(..len);
        let is_last = self.held.is_empty();
        Ok(Received { len, wire: len, drained: is_last && below.drained, ended: is_last && below.ended })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send(bytes)
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.send_vectored(slices)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown_write()
    }

    fn abort(&mut self) -> io::Result<()> {
        self.socket.abort()
    }
}

impl Poller for BufferedPoller {
    type Socket = BufferedSocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        self.poller.poll(ready, timeout)
    }

    fn accept(&mut self, listener: usize) -> io::Result<Option<(BufferedSocket, Peer)>> {
        let Some((socket, peer)) = self.poller.accept(listener)? else { return Ok(None) };
        let socket = BufferedSocket { socket, piece: self.piece.get(), held: Vec::new() };
        Ok(Some((socket, peer)))
    }

    fn register(&mut self, socket: &mut BufferedSocket, token: Token) -> io::Result<()> {
        self.poller.register(&mut socket.socket, token)
    }

    fn is_local(&self, listener: usize) -> bool {
        self.poller.is_local(listener)
    }

    fn stop_requests(&mut self) -> usize {
        self.poller.stop_requests()
    }

    fn now(&self) -> Instant {
        self.poller.now()
    }

    fn unix_time(&self) -> Duration {
        self.poller.unix_time()
    }
}
