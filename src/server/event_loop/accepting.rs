//! Listeners that may have more connections waiting, and the pause when descriptors have run out.

use std::time::Instant;

use crate::server::types::id::ConnectionId;

#[derive(Default)]
pub(crate) struct Accepting {
    /// Listeners that may have more connections waiting.
    pub again: Vec<usize>,
    pub paused_until: Option<Instant>,
    /// When the log last said that descriptors have run out.
    pub complained: Option<Instant>,
    /// Connections whose requests were unfinished at the last look, the oldest last.
    pub oldest: Vec<ConnectionId>,
}

impl Accepting {
    /// Whether connections can be accepted without waiting for an event.
    pub fn is_ready(&self) -> bool {
        !self.again.is_empty() && self.paused_until.is_none()
    }

    /// A listener's event has come. It does not come again before all its connections have been accepted.
    pub fn note(&mut self, listener: usize) {
        if !self.again.contains(&listener) {
            self.again.push(listener);
        }
    }
}
