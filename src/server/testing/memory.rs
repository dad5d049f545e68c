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

    /// What the server reads; `None`: there is nothing yet.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.to_server.is_empty() && !self.ended {
            return None;
        }
        let n = buffer.len().min(self.to_server.len());
        for (place, byte) in buffer.iter_mut().zip(self.to_server.drain(..n)) {
            *place = byte;
        }
        Some(n)
    }

    /// What the server writes.
    fn reply(&mut self, bytes: &[u8]) -> usize {
        self.to_client.extend_from_slice(bytes);
        bytes.len()
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

impl Memory {
    fn take_events(&mut self, ready: &mut Vec<Ready>) {
        let event = |token, read_closed| Ready { token, readable: true, writable: true, read_closed };
        // Commands are asked for in every turn: it costs nothing here.
        ready.push(event(Token::Wake, false));
        if !self.waiting.is_empty() {
            ready.push(event(Token::Listener(0), false));
        }
        self.wires.retain(|wire| !wire.borrow().dropped);
        for wire in &self.wires {
            let mut wire = wire.borrow_mut();
            if let (Some(token), true) = (wire.token, std::mem::take(&mut wire.changed)) {
                ready.push(event(token, wire.ended));
            }
        }
    }

    fn accept(&mut self) -> Option<SharedWire> {
        let wire = self.waiting.pop_front()?;
        self.wires.push(Rc::clone(&wire));
        Some(wire)
    }
}

/// What stands for a system call. `benches/instructions` knows it by this name, and leaves it out.
#[inline(never)]
fn system_call<T>(act: impl FnOnce() -> T) -> T {
    act()
}

impl Poller for MemoryPoller {
    type Socket = MemorySocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, _timeout: Option<Duration>) -> io::Result<()> {
        system_call(|| self.0.borrow_mut().take_events(ready));
        Ok(())
    }

    fn accept(&mut self, _listener: usize) -> io::Result<(MemorySocket, Peer)> {
        let wire = system_call(|| self.0.borrow_mut().accept()).ok_or(ErrorKind::WouldBlock)?;
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
        system_call(|| self.0.borrow_mut().receive(buffer)).ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(system_call(|| self.0.borrow_mut().reply(bytes)))
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(system_call(|| slices.iter().map(|slice| self.0.borrow_mut().reply(slice)).sum()))
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
