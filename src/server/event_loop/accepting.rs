//! Listeners that may have more connections waiting, and the pause when descriptors have run out.

use std::collections::BinaryHeap;
use std::io;
use std::time::{Duration, Instant};

use super::lines::Lines;
use crate::server::connection::{Connection, Phase, Standing};
use crate::server::shared::Shared;
use crate::server::transport::Socket;
use crate::server::types::id::ConnectionId;
use crate::server::types::log_limit::{TARGET, log_limited};
use crate::server::types::stats::Count;

/// Unfinished requests that may be there even where so many are more than a quarter of all connections.
const UNFINISHED: usize = 16;
/// How long nothing is accepted after descriptors, or the kernel's memory for them, have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// accept(2): the system, or this process, has no more descriptors. The same numbers on Linux and macOS.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

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

    /// Makes room for another request: unfinished ones may be a quarter of all connections.
    pub fn drop_oldest_request<S: Socket>(&mut self, lines: &mut Lines<S>) {
        let shared = &mut lines.shared;
        let most = shared.env.config.max_connections;
        if shared.table.count(Standing::Unfinished) < (most / 4).max(UNFINISHED) {
            return;
        }
        let is_unfinished = |connection: &Connection| connection.standing() == Standing::Unfinished;
        loop {
            let Some(id) = self.oldest.pop() else {
                // All are looked at, for as many as there are to drop until the next time.
                let found: BinaryHeap<_> = shared
                    .table
                    .iter()
                    .filter_map(|(slot, connection)| match &connection.phase {
                        Phase::Entrance(entrance) if is_unfinished(connection) => {
                            Some((shared.env.tick().since(entrance.since), slot))
                        }
                        _ => None,
                    })
                    .collect();
                // A heap, because it has less code than a sort.
                self.oldest = found.into_sorted_vec().into_iter().map(|(_, slot)| shared.table.id(slot)).collect();
                if self.oldest.is_empty() {
                    return;
                }
                continue;
            };
            if let Some(slot) = shared.table.find(id)
                && shared.table.get(slot).is_some_and(is_unfinished)
            {
                shared.env.stats.add(Count::HandshakesDropped);
                let peer = shared.table.peer(slot);
                log_limited!(
                    shared,
                    Unfinished,
                    "{peer}: dropped: a quarter of Config::max_connections ({most}) are unfinished requests, and this one \
                     was the oldest"
                );
                return lines.kill(slot);
            }
        }
    }

    /// No descriptor is left: nothing is accepted for a while.
    pub fn pause(&mut self, error: &io::Error, shared: &Shared) {
        let now = shared.env.now;
        self.paused_until = Some(now + PAUSE);
        if self.complained.is_none_or(|at| now - at >= Duration::from_secs(60)) {
            self.complained = Some(now);
            let advice = match error.raw_os_error() {
                Some(EMFILE | ENFILE) => "; raise the limit of open files (ulimit -n, LimitNOFILE, --ulimit nofile)",
                _ => "",
            };
            let open = shared.table.len();
            log::warn!(target: TARGET, "no connection can be accepted: {error}; {open} are open{advice}");
        }
    }
}
