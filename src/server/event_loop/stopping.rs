//! A server that is shutting down.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::time::Instant;

use crate::protocol::CloseCode;
use crate::server::types::id::ConnectionId;

pub(crate) struct Stopping {
    /// When the server no longer waits for its peers.
    pub deadline: Instant,
    /// The code of the Close that connections get.
    pub code: CloseCode,
    /// Connections that have not been closed, and when they will be.
    pub due: BinaryHeap<Reverse<(Instant, ConnectionId)>>,
}

impl Stopping {
    /// Takes a connection whose time has come.
    pub fn take_due(&mut self, now: Instant) -> Option<ConnectionId> {
        let next = self.due.peek_mut().filter(|next| next.0.0 <= now)?;
        Some(PeekMut::pop(next).0.1)
    }

    /// When there is something to do.
    pub fn next_deadline(&self) -> Instant {
        self.due.peek().map_or(self.deadline, |Reverse((at, _))| *at)
    }
}
