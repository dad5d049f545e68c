//! Reading sockets, each within a budget, so that whoever sends fastest does not keep others waiting.

use std::io::ErrorKind;

use super::EventLoop;
use crate::server::handler::Error;
use crate::server::poller::{Poller, Socket};
use crate::server::session::{Backlog, Flags, Phase};

/// Bytes that one connection may read in a turn.
const BUDGET: usize = 64 * 1024;
/// The same while it receives a large message of its own.
const LARGE_BUDGET: usize = 256 * 1024;
/// Bytes that all connections which came back for more may read in a turn.
const TURN_BUDGET: usize = 1024 * 1024;

impl<P: Poller> EventLoop<P> {
    /// Serves the first `waiting` connections that had more to read than their budget, round robin.
    pub(super) fn serve_again(&mut self, waiting: usize) {
        let mut left = TURN_BUDGET;
        for _ in 0..waiting {
            let Some(slot) = self.again.pop_front() else { return };
            self.core.sessions[slot].flags.clear(Flags::AGAIN);
            left = left.saturating_sub(self.read(slot));
            if left == 0 {
                return;
            }
        }
    }

    /// Reads from a connection what its budget allows, and handles it. Returns the bytes that were read or handled.
    pub(super) fn read(&mut self, slot: u32) -> usize {
        let (mut spent, mut budget) = (0, BUDGET);
        while self.wants_service(slot) && spent < budget {
            if self.core.sessions[slot].has_backlog() {
                spent += self.serve_backlog(slot);
                break;
            }
            spent += if self.is_receiving_directly(slot) {
                budget = LARGE_BUDGET;
                self.receive_directly(slot, budget - spent)
            } else {
                self.receive(slot)
            };
            if self.core.sessions[slot].has_backlog() {
                break;
            }
        }
        self.flush_many_posts();
        self.core.account(slot);
        self.serve_later(slot);
        self.keep_within_memory();
        spent
    }

    /// No wake-up may be lost: whoever can be served waits for its turn. Everyone else is paused, until its queue is
    /// flushed, or its socket is known drained, until the event that is sure to come.
    pub(super) fn serve_later(&mut self, slot: u32) {
        if self.wants_service(slot) {
            self.push_again(slot);
        }
    }

    fn wants_service(&self, slot: u32) -> bool {
        let session = &self.core.sessions[slot];
        matches!(session.phase, Phase::Handshake | Phase::Open | Phase::Draining)
            && !session.flags.has(Flags::PAUSED)
            && (!session.flags.has(Flags::DRAINED) || session.has_backlog())
    }

    /// Receives into the loop's buffer. Returns how many bytes.
    fn receive(&mut self, slot: u32) -> usize {
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = self.receive_into(slot, &mut buffer);
        self.note_drained(slot, received, buffer.len());
        if let Ok(n @ 1..) = received {
            self.handle_input(slot, buffer.get_mut(..n).unwrap_or_default());
        }
        self.buffer = buffer;
        self.after_receive(slot, received)
    }

    fn is_receiving_directly(&mut self, slot: u32) -> bool {
        self.core.sessions[slot].connection.as_mut().is_some_and(|connection| connection.spare().is_some())
    }

    /// Receives the rest of a large frame where it belongs, or `limit` bytes of it.
    fn receive_directly(&mut self, slot: u32, limit: usize) -> usize {
        let Some(mut connection) = self.core.sessions[slot].connection.take() else { return 0 };
        let spare = connection.spare().unwrap_or_default();
        let room = spare.len().min(limit);
        let spare = spare.get_mut(..room).unwrap_or_default();
        let received = self.receive_into(slot, spare);
        self.note_drained(slot, received, room);
        let answer = self.core.outbox.replies.len();
        let result = match received {
            Ok(n) => connection.filled(n, &mut self.core.outbox.replies),
            Err(_) => Ok(()),
        };
        self.core.sessions[slot].connection = Some(connection);
        match result {
            Ok(()) if received.is_ok_and(|n| n > 0) => self.handle_input(slot, &mut []),
            Ok(()) => {}
            Err(error) => self.fail_by_protocol(slot, answer, error),
        }
        self.after_receive(slot, received)
    }

    /// One `recv`; an interrupted one is repeated. What else fails has failed the connection when this returns.
    fn receive_into(&mut self, slot: u32, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_mut) else { return Ok(0) };
        let result = loop {
            match socket.receive(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match result {
            Ok(n) => {
                if n > 0 {
                    let tick = self.core.tick();
                    let session = &mut self.core.sessions[slot];
                    if session.phase == Phase::Open {
                        session.heard = tick;
                        session.flags.clear(Flags::PINGED);
                    }
                }
                Ok(n)
            }
            Err(error) => {
                let kind = error.kind();
                if kind != ErrorKind::WouldBlock {
                    self.fail(slot, Error::Io(error));
                }
                Err(kind)
            }
        }
    }

    /// Notes whether the socket is empty now, before its bytes are handled: a closing handshake that they complete ends
    /// the connection at once if so.
    fn note_drained(&mut self, slot: u32, received: Result<usize, ErrorKind>, room: usize) {
        let flags = &mut self.core.sessions[slot].flags;
        // A short read has emptied the socket (epoll(7)), unless the end of the stream lies behind it.
        if received.map_or(true, |n| n == 0 || (n < room && !flags.has(Flags::READ_CLOSED))) {
            flags.set(Flags::DRAINED);
        }
    }

    /// Ends what has ended. Returns how many bytes were received.
    fn after_receive(&mut self, slot: u32, received: Result<usize, ErrorKind>) -> usize {
        if received == Ok(0) {
            self.end_of_stream(slot);
        }
        received.unwrap_or(0)
    }

    /// Handles bytes that were received before. Returns how many.
    fn serve_backlog(&mut self, slot: u32) -> usize {
        let backlog = std::mem::take(&mut self.core.sessions[slot].rare().backlog);
        let (mut bytes, start) = (backlog.bytes, backlog.start);
        let Some(input) = bytes.get_mut(start..) else { return 0 };
        let len = input.len();
        let kept = self.dispatch(slot, input);
        let session = &mut self.core.sessions[slot];
        if kept > 0 && session.phase == Phase::Open {
            let start = bytes.len() - kept;
            session.rare().backlog = Backlog { bytes, start };
        }
        session.shrink();
        len - kept
    }

    fn handle_input(&mut self, slot: u32, input: &mut [u8]) {
        match self.core.sessions[slot].phase {
            Phase::Handshake => self.on_handshake_bytes(slot, input),
            Phase::Open => self.dispatch_and_keep(slot, input),
            _ => {}
        }
    }

    /// Handles messages; what cannot be handled now is kept.
    pub(super) fn dispatch_and_keep(&mut self, slot: u32, input: &mut [u8]) {
        let kept = self.dispatch(slot, input);
        if kept > 0 && self.core.sessions[slot].phase == Phase::Open {
            let rest = input.get(input.len() - kept..).unwrap_or_default();
            self.core.sessions[slot].rare().backlog.bytes = rest.to_vec();
        }
    }
}
