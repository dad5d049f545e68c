//! Sockets in memory, whose other ends the stage holds, and a clock that the stage moves.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::server::handler::Peer;
use crate::server::poller::{Poller, Ready, Socket, Token};

/// A connection that both ends share. It always has room.
#[derive(Default)]
pub(super) struct Wire {
    pub to_server: VecDeque<u8>,
    pub to_client: Vec<u8>,
    /// The client has ended its side.
    pub ended: bool,
    /// The server has dropped its socket.
    pub dropped: bool,
    token: Option<Token>,
    /// Something has changed for the server since it was last told.
    changed: bool,
}

impl Wire {
    /// Sends bytes to the server.
    pub fn send(&mut self, bytes: &[u8]) {
        self.to_server.extend(bytes);
        self.changed = true;
    }

    pub fn end(&mut self) {
        self.ended = true;
        self.changed = true;
    }
}

pub(super) type SharedWire = Rc<RefCell<Wire>>;

/// What poller and stage share.
pub(super) struct Memory {
    pub now: Instant,
    pub waiting: VecDeque<SharedWire>,
    wires: Vec<SharedWire>,
}

#[derive(Clone)]
pub(super) struct MemoryPoller(pub Rc<RefCell<Memory>>);

impl MemoryPoller {
    pub fn new() -> Self {
        let memory = Memory { now: Instant::now(), waiting: VecDeque::new(), wires: Vec::new() };
        MemoryPoller(Rc::new(RefCell::new(memory)))
    }

    /// Whether the next poll tells of a connection.
    pub fn has_events(&self) -> bool {
        let memory = self.0.borrow();
        !memory.waiting.is_empty() || memory.wires.iter().any(|wire| wire.borrow().changed)
    }
}

impl Poller for MemoryPoller {
    type Socket = MemorySocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, _timeout: Option<Duration>) -> io::Result<()> {
        let event = |token, read_closed| Ready { token, readable: true, writable: true, read_closed };
        // Commands are asked for in every turn: it costs nothing here.
        ready.push(event(Token::Wake, false));
        let mut memory = self.0.borrow_mut();
        if !memory.waiting.is_empty() {
            ready.push(event(Token::Listener(0), false));
        }
        memory.wires.retain(|wire| !wire.borrow().dropped);
        for wire in &memory.wires {
            let mut wire = wire.borrow_mut();
            if let (Some(token), true) = (wire.token, std::mem::take(&mut wire.changed)) {
                ready.push(event(token, wire.ended));
            }
        }
        Ok(())
    }

    fn accept(&mut self, _listener: usize) -> io::Result<(MemorySocket, Peer)> {
        let mut memory = self.0.borrow_mut();
        let wire = memory.waiting.pop_front().ok_or(ErrorKind::WouldBlock)?;
        memory.wires.push(Rc::clone(&wire));
        Ok((MemorySocket(wire), Peer::Unix))
    }

    fn register(&mut self, socket: &mut MemorySocket, token: Token) -> io::Result<()> {
        let mut wire = socket.0.borrow_mut();
        wire.token = Some(token);
        wire.changed = true;
        Ok(())
    }

    fn is_local(&self, _listener: usize) -> bool {
        true
    }

    fn stop_requests(&mut self) -> usize {
        0
    }

    fn now(&self) -> Instant {
        self.0.borrow().now
    }
}

pub(super) struct MemorySocket(SharedWire);

impl Socket for MemorySocket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.to_server.is_empty() && !wire.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = buffer.len().min(wire.to_server.len());
        for (place, byte) in buffer.iter_mut().zip(wire.to_server.drain(..n)) {
            *place = byte;
        }
        Ok(n)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().to_client.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().map(|slice| self.send(slice)).sum()
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MemorySocket {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}
