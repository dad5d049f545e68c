//! Timers of applications: a binary heap, exact to the loop's clock.
//!
//! The timeouts of connections are not here. They are coarse, and a sweep finds them (`connection/deadlines.rs`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use crate::server::types::id::{ConnectionId, TimerId};

/// A timer that is due.
#[derive(Debug, PartialEq)]
pub(crate) struct Due {
    pub id: TimerId,
    /// The connection that scheduled it; it may have left.
    pub connection: ConnectionId,
    /// The mount whose handler it belongs to.
    pub mount: u16,
}

#[derive(Default)]
pub(crate) struct Timers {
    /// Deadlines. The entry of a cancelled timer stays until it comes up.
    heap: BinaryHeap<Reverse<(Instant, TimerId)>>,
    /// The timers that are neither due nor cancelled.
    pending: HashMap<TimerId, (ConnectionId, u16)>,
    /// How many are pending for each connection that has any.
    counts: HashMap<ConnectionId, usize>,
    next: u64,
}

impl Timers {
    pub fn next_deadline(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Timers that are pending for a connection.
    pub fn count(&self, connection: ConnectionId) -> usize {
        self.counts.get(&connection).copied().unwrap_or(0)
    }

    /// The id of the next timer. Timers that are scheduled from now on are not below it.
    pub fn next_id(&self) -> TimerId {
        TimerId(self.next)
    }

    pub fn schedule(&mut self, at: Instant, connection: ConnectionId, mount: u16) -> TimerId {
        let id = TimerId(self.next);
        self.next += 1;
        self.heap.push(Reverse((at, id)));
        self.pending.insert(id, (connection, mount));
        *self.counts.entry(connection).or_default() += 1;
        id
    }

    pub fn cancel(&mut self, id: TimerId) {
        self.remove(id);
        // Cancelled entries must not pile up for as long as their deadlines are away.
        if self.heap.len() > 64 && self.heap.len() > 2 * self.pending.len() {
            let pending = &self.pending;
            self.heap.retain(|Reverse((_, id))| pending.contains_key(id));
        }
    }

    /// Takes the next timer that is due at `now` and has an id below `limit`, if there is one.
    #[must_use]
    pub fn next_due(&mut self, now: Instant, limit: TimerId) -> Option<Due> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if at > now || id >= limit {
                return None;
            }
            self.heap.pop();
            if let Some((connection, mount)) = self.remove(id) {
                return Some(Due { id, connection, mount });
            }
        }
        None
    }

    fn remove(&mut self, id: TimerId) -> Option<(ConnectionId, u16)> {
        let (connection, mount) = self.pending.remove(&id)?;
        if let Some(count) = self.counts.get_mut(&connection) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&connection);
            }
        }
        Some((connection, mount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const WHO: ConnectionId = ConnectionId { slot: 1, generation: 2 };

    #[test]
    fn timers_come_due_in_the_order_of_their_deadlines() {
        let start = Instant::now();
        let mut timers = Timers::default();
        let late = timers.schedule(start + Duration::from_millis(20), WHO, 0);
        let soon = timers.schedule(start + Duration::from_millis(10), WHO, 1);
        assert_eq!(timers.next_deadline(), Some(start + Duration::from_millis(10)));
        let limit = timers.next_id();
        assert_eq!(timers.next_due(start + Duration::from_millis(9), limit), None);
        let now = start + Duration::from_millis(20);
        assert_eq!(timers.next_due(now, limit), Some(Due { id: soon, connection: WHO, mount: 1 }));
        assert_eq!(timers.count(WHO), 1);
        assert_eq!(timers.next_due(now, limit), Some(Due { id: late, connection: WHO, mount: 0 }));
        assert_eq!(timers.next_due(now, limit), None);
        assert_eq!(timers.count(WHO), 0);
    }

    #[test]
    fn a_timer_that_is_scheduled_while_others_come_due_waits_for_the_next_time() {
        let now = Instant::now();
        let mut timers = Timers::default();
        let limit = timers.next_id();
        timers.schedule(now, WHO, 0);
        assert_eq!(timers.next_due(now, limit), None);
        assert!(timers.next_due(now, timers.next_id()).is_some());
    }

    #[test]
    fn a_cancelled_timer_never_comes_due_and_leaves_nothing_behind() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for _ in 0..1000 {
            let id = timers.schedule(start + Duration::from_secs(3600), WHO, 0);
            timers.cancel(id);
            timers.cancel(id);
        }
        assert!(timers.heap.len() <= 65, "{} entries for no timer", timers.heap.len());
        assert_eq!(timers.count(WHO), 0);
        assert_eq!(timers.next_due(start + Duration::from_secs(7200), timers.next_id()), None);
    }
}
