//! Publishes that the log has not answered yet.

use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Waiting<W> {
    max: usize,
    max_bytes: usize,
    /// The ticket of the next one. No ticket is used twice.
    next: u64,
    /// The waiter, if somebody waits, and the length of the payload.
    publishes: HashMap<u64, (Option<W>, usize)>,
    bytes: usize,
}

impl<W> Waiting<W> {
    pub(super) fn new(max: usize, max_bytes: usize) -> Self {
        Waiting { max, max_bytes, next: 0, publishes: HashMap::new(), bytes: 0 }
    }

    /// Whether a payload of this length may wait. A single one may be longer than all together.
    pub(super) fn has_room(&self, len: usize) -> bool {
        let fits = self.publishes.is_empty() || self.bytes.saturating_add(len) <= self.max_bytes;
        fits && self.publishes.len() < self.max
    }

    /// The ticket that [`add`](Self::add) will use.
    pub(super) fn next_ticket(&self) -> u64 {
        self.next
    }

    pub(super) fn add(&mut self, waiter: Option<W>, len: usize) {
        self.publishes.insert(self.next, (waiter, len));
        self.next += 1;
        self.bytes += len;
    }

    /// Ends the wait of a publish. None: nobody waits for it, or no longer.
    pub(super) fn take(&mut self, ticket: u64) -> Option<W> {
        let (waiter, len) = self.publishes.remove(&ticket)?;
        self.bytes -= len;
        waiter
    }

    pub(super) fn len(&self) -> usize {
        self.publishes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_publishes_and_bytes() {
        let mut waiting = Waiting::new(3, 100);
        assert!(waiting.has_room(1000), "a single one may be longer");
        waiting.add(Some('a'), 60);
        assert!(waiting.has_room(40) && !waiting.has_room(41) && !waiting.has_room(usize::MAX));
        waiting.add(None, 0);
        waiting.add(Some('c'), 0);
        assert!(!waiting.has_room(0));
        assert_eq!(waiting.take(0), Some('a'));
        assert!(waiting.has_room(100) && !waiting.has_room(101));
    }

    #[test]
    fn each_wait_ends_once_in_any_order() {
        let mut waiting = Waiting::new(10, 100);
        for (ticket, waiter) in (0..).zip([Some('a'), None, Some('c')]) {
            assert_eq!(waiting.next_ticket(), ticket);
            waiting.add(waiter, 1);
        }
        let cases = [(2, Some('c')), (2, None), (1, None), (7, None), (0, Some('a')), (0, None)];
        for (ticket, waiter) in cases {
            assert_eq!(waiting.take(ticket), waiter, "{ticket}");
        }
        assert_eq!((waiting.len(), waiting.bytes), (0, 0));
    }
}
