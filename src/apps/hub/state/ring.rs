//! The messages that a channel keeps, the oldest first.
//!
//! A message is one allocation with a slot of 24 bytes: `form tick [length except] payload`. With what the allocator of
//! glibc adds, and the slots in reserve, that is at most 59 bytes more than the payload and the text of `except`.

use std::collections::VecDeque;

use super::types::{Kept, Summary};
use crate::apps::hub::log::{Id, Kind};

/// Time in units of 64 ms. 32 bits last for eight years.
pub(super) type Tick = u32;

const BINARY: u8 = 1;
const HAS_EXCEPT: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct Ring {
    slots: VecDeque<Slot>,
    /// Of all payloads.
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    id: Id,
    record: Box<[u8]>,
}

impl Slot {
    fn new(message: &Kept<'_>, at: Tick) -> Self {
        let except = message.except.and_then(|text| Some((u8::try_from(text.len()).ok()?, text)));
        let more = except.map_or(0, |(_, text)| 1 + text.len());
        let mut record = Vec::with_capacity(5 + more + message.payload.len());
        let binary = if message.kind == Kind::Binary { BINARY } else { 0 };
        record.push(binary | if except.is_some() { HAS_EXCEPT } else { 0 });
        record.extend_from_slice(&at.to_le_bytes());
        if let Some((len, text)) = except {
            record.push(len);
            record.extend_from_slice(text.as_bytes());
        }
        record.extend_from_slice(message.payload);
        Slot { id: message.id, record: record.into_boxed_slice() }
    }

    fn kept(&self) -> Kept<'_> {
        let (form, rest) = self.record.split_first().unwrap_or((&0, &[]));
        let kind = if form & BINARY == 0 { Kind::Text } else { Kind::Binary };
        let rest = rest.get(size_of::<Tick>()..).unwrap_or_default();
        let (except, payload) = match rest.split_first() {
            Some((len, rest)) if form & HAS_EXCEPT != 0 => {
                let (text, payload) = rest.split_at(rest.len().min(usize::from(*len)));
                (std::str::from_utf8(text).ok(), payload)
            }
            _ => (None, rest),
        };
        Kept { id: self.id, kind, payload, except }
    }

    fn at(&self) -> Tick {
        self.record.get(1..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| Tick::from_le_bytes(*bytes))
    }
}

impl Ring {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Of all payloads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn summary(&self) -> Summary {
        let [first, last] = [self.slots.front(), self.slots.back()].map(|slot| slot.map(|slot| slot.id));
        Summary { messages: self.slots.len(), bytes: self.bytes, first, last }
    }

    /// When the oldest message came.
    pub(super) fn oldest(&self) -> Option<Tick> {
        self.slots.front().map(Slot::at)
    }

    /// Adds the newest message.
    pub(super) fn push(&mut self, message: &Kept<'_>, at: Tick) {
        if self.slots.len() == self.slots.capacity() {
            // By an eighth: a vector would double, and reserve as much as short messages take.
            self.slots.reserve_exact(1 + self.slots.len() / 8);
        }
        self.slots.push_back(Slot::new(message, at));
        self.bytes += message.payload.len();
    }

    /// Takes the oldest message away, and says its id and the length of its payload.
    pub(super) fn pop(&mut self) -> Option<(Id, usize)> {
        let slot = self.slots.pop_front()?;
        let len = slot.kept().payload.len();
        self.bytes -= len;
        let spare = self.slots.capacity() - self.slots.len();
        if spare > 3 + self.slots.len() / 4 {
            self.slots.shrink_to(self.slots.len() + 1 + self.slots.len() / 8);
        }
        Some((slot.id, len))
    }

    /// The oldest message after an id.
    pub(super) fn next(&self, after: Id) -> Option<Kept<'_>> {
        let at = self.slots.partition_point(|slot| slot.id <= after);
        self.slots.get(at).map(Slot::kept)
    }

    /// The id before the newest `count` messages, if there are more.
    pub(super) fn before_last(&self, count: usize) -> Option<Id> {
        let at = self.slots.len().checked_sub(count)?.checked_sub(1)?;
        self.slots.get(at).map(|slot| slot.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64, payload: &[u8]) -> Kept<'_> {
        Kept { id: Id(id), kind: Kind::Text, payload, except: None }
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        let long = "c".repeat(256);
        let messages = [
            message(3, b"hello"),
            Kept { kind: Kind::Binary, ..message(5, b"") },
            Kept { except: Some("c8f1"), ..message(6, b"x") },
            Kept { kind: Kind::Binary, except: Some(""), ..message(9, b"\xff\x00") },
            Kept { except: Some(&long[..255]), ..message(u64::MAX, b"") },
        ];
        let mut ring = Ring::default();
        for (at, message) in (1 << 31..).zip(&messages) {
            ring.push(message, at);
        }
        let mut after = Id(0);
        for message in &messages {
            assert_eq!(ring.next(after), Some(*message));
            after = message.id;
        }
        assert_eq!(ring.next(after), None);
        let summary = Summary { messages: 5, bytes: 8, first: Some(Id(3)), last: Some(Id(u64::MAX)) };
        assert_eq!(ring.summary(), summary);
        for (at, message) in (1 << 31..).zip(&messages) {
            assert_eq!(ring.oldest(), Some(at));
            assert_eq!(ring.pop(), Some((message.id, message.payload.len())));
        }
        assert_eq!((ring.pop(), ring.oldest(), ring.summary()), (None, None, Summary::default()));
        ring.push(&Kept { except: Some(&long), ..message(1, b"a") }, 0);
        assert_eq!(ring.next(Id(0)), Some(message(1, b"a")), "what is too long to name anybody is dropped");
    }

    #[test]
    fn the_next_message_is_found_from_every_id() {
        let mut ring = Ring::default();
        for id in 0..200u64 {
            ring.push(&message(10 + 3 * id, b""), 0);
            if id >= 150 {
                ring.pop();
            }
        }
        for after in 0..620 {
            let expected = (50..200).map(|id| Id(10 + 3 * id)).find(|id| *id > Id(after));
            assert_eq!(ring.next(Id(after)).map(|kept| kept.id), expected, "{after}");
        }
        let cases = [(0, Some(607)), (1, Some(604)), (149, Some(160)), (150, None), (usize::MAX, None)];
        for (count, expected) in cases {
            assert_eq!(ring.before_last(count), expected.map(Id), "{count}");
        }
    }

    #[test]
    fn slots_in_reserve_stay_few_while_a_ring_grows_and_shrinks() {
        let mut ring = Ring::default();
        let check = |ring: &Ring| {
            let (len, capacity) = (ring.slots.len(), ring.slots.capacity());
            assert!(capacity <= len + 4 + len / 4, "{len} {capacity}");
        };
        for id in 1..1000 {
            ring.push(&message(id, b""), 0);
            check(&ring);
        }
        for _ in 1..1000 {
            ring.pop();
            check(&ring);
        }
    }
}
