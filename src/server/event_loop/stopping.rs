//! A server that is shutting down.

use std::time::Instant;

use crate::protocol::CloseCode;
use crate::server::types::id::ConnectionId;

pub(crate) struct Stopping {
    /// When the server no longer waits for its peers.
    pub deadline: Instant,
    /// The code of the Close that connections get.
    pub code: CloseCode,
    /// Connections that have not been closed, and when they will be, the next one last.
    pub due: Vec<(Instant, ConnectionId)>,
}

impl Stopping {
    /// When there is something to do.
    pub fn next_deadline(&self) -> Instant {
        self.due.last().map_or(self.deadline, |(at, _)| *at)
    }
}
