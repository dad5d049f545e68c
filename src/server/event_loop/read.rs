//! Reading sockets, each within a budget, so that whoever sends fastest does not keep others waiting.

use std::io::ErrorKind;

use super::EventLoop;
use crate::protocol::DEFLATE_AVAILABLE;
use crate::server::handler::Error;
use crate::server::poller::{Poller, Socket};
use crate::server::session::{Backlog, Flags, Phase};

/// Bytes that one connection may read in a turn.
const BUDGET: usize = 64 * 1024;
/// The same while it receives a large message of its own.
const LARGE_BUDGET: usize = 256 * 1024;
/// Bytes that all connections which came back for more may read in a turn.
const TURN_BUDGET: usize = 1024 * 1024;
/// Bytes that messages of one connection may have when they are inflated, in a turn.
const INFLATED: usize = 256 * 1024;

impl<P: Poller> EventLoop<P> {
    /// Serves the first `waiting` connections that had more to read than their budget, round robin.
    pub(super) fn serve_again(&mut self, waiting: usize) {
        let mut left = TURN_BUDGET;
        for _ in 0..waiting {
            let Some(slot) = self.again.pop_front() else { return };
            self.core.sessions[slot].flags.clear(Flags::AGAIN);
            left = left.saturating_sub(self.read(slot));
            self.fire_timers_in_time();
            if left == 0 {
                return;
            }
        }
    }

    /// Reads from a connection what its budget allows, and handles it. Returns the bytes that were read or handled.
    pub(super) fn read(&mut self, slot: u32) -> usize {
        let (mut spent, mut budget) = (0, BUDGET);
        if DEFLATE_AVAILABLE {
            self.contexts.inflatable = INFLATED;
        }
        while self.wants_service(slot) && spent < budget && (!DEFLATE_AVAILABLE || self.contexts.inflatable > 0) {
            if self.core.sessions[slot].has_backlog() {
                spent += self.serve_backlog(slot);
                break;
            }
            if self.is_inflating(slot) {
                // What has come of the message is to be finished first.
                self.handle_input(slot, &mut []);
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
        if DEFLATE_AVAILABLE { spent + (INFLATED - self.contexts.inflatable) } else { spent }
    }

    /// No wake-up may be lost: whoever can be served waits for its turn. Everyone else is paused, until its queue is
    /// flushed, or its socket is known drained, until the event that is sure to come.
    pub(super) fn serve_later(&mut self, slot: u32) {
        if self.wants_service(slot) {
            self.push_again(slot);
        }
    }

    pub(super) fn wants_service(&self, slot: u32) -> bool {
        let session = &self.core.sessions[slot];
        matches!(session.phase, Phase::Handshake | Phase::Open | Phase::Draining)
            && !session.flags.has(Flags::PAUSED)
            && (!session.flags.has(Flags::DRAINED) || session.has_backlog() || self.is_inflating(slot))
    }

    /// Whether a message that has come is inflated by and by.
    fn is_inflating(&self, slot: u32) -> bool {
        self.core.sessions[slot].connection.as_ref().is_some_and(|connection| connection.is_paused())
    }

    /// Receives into the loop's buffer. Returns how many bytes.
    fn receive(&mut self, slot: u32) -> usize {
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = self.receive_into(slot, &mut buffer);
        if received > 0 {
            self.handle_input(slot, buffer.get_mut(..received).unwrap_or_default());
        }
        self.buffer = buffer;
        received
    }

    fn is_receiving_directly(&mut self, slot: u32) -> bool {
        self.core.sessions[slot].connection.as_mut().is_some_and(|connection| connection.spare().is_some())
    }

    /// Receives the rest of a large frame where it belongs, or `limit` bytes of it.
    fn receive_directly(&mut self, slot: u32, limit: usize) -> usize {
        let Some(mut connection) = self.core.sessions[slot].connection.take() else { return 0 };
        let spare = connection.spare().unwrap_or_default();
        let room = spare.len().min(limit);
        let received = self.receive_into(slot, spare.get_mut(..room).unwrap_or_default());
        if received == 0 {
            // Unless it has ended meanwhile.
            if self.core.sessions[slot].phase == Phase::Open {
                self.core.sessions[slot].connection = Some(connection);
            }
            return 0;
        }
        let answer = self.core.outbox.replies.len();
        let result = connection.filled(received, &mut self.core.outbox.replies);
        self.core.sessions[slot].connection = Some(connection);
        match result {
            Ok(()) => self.handle_input(slot, &mut []),
            Err(error) => self.fail_by_protocol(slot, answer, error),
        }
        received
    }

    /// One `recv`; an interrupted one is repeated. Returns how many bytes came, after the conclusions about the socket
    /// and, where none came, about the connection.
    fn receive_into(&mut self, slot: u32, buffer: &mut [u8]) -> usize {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_mut) else { return 0 };
        let result = loop {
            match socket.receive(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let tick = self.core.tick();
        let session = &mut self.core.sessions[slot];
        match result {
            Ok(n @ 1..) => {
                // A short read has emptied the socket (epoll(7)), unless the end of the stream lies behind it.
                if n < buffer.len() && !session.flags.has(Flags::READ_CLOSED) {
                    session.flags.set(Flags::DRAINED);
                }
                if session.phase == Phase::Open {
                    session.heard = tick;
                    session.flags.clear(Flags::PINGED);
                }
                if let Some(unfinished) = session.rare.as_deref_mut().and_then(|rare| rare.unfinished.as_mut()) {
                    unfinished.gained += n as u64;
                }
                return n;
            }
            Ok(_) => {
                session.flags.set(Flags::DRAINED);
                self.end_of_stream(slot);
            }
            Err(error) => {
                session.flags.set(Flags::DRAINED);
                if error.kind() != ErrorKind::WouldBlock {
                    self.fail(slot, Error::Io(error));
                }
            }
        }
        0
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
