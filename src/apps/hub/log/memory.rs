//! The log of a hub that is alone: a counter.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Entry, Epoch, Event, Full, Id, Kind, Log, Status};

/// Room that the buffer keeps when it is empty.
const KEPT: usize = 1024 * 1024;

/// A log in memory. Ids are 1, 2, 3 and so on, and an entry is applied with the next [`next_event`](Log::next_event).
///
/// It takes all entries: the hub bounds those that wait.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: Epoch,
    last: Id,
    /// Entries that nobody has fetched yet.
    waiting: VecDeque<Waiting>,
    /// Their texts and payloads, one behind the other, after those of some entries that have been fetched.
    bytes: Vec<u8>,
    /// Bytes that were in front of them. Ranges count from there.
    dropped: usize,
}

#[derive(Debug)]
struct Waiting {
    id: Id,
    ticket: u64,
    kind: Kind,
    keep: bool,
    channel: Range<usize>,
    key: Option<Range<usize>>,
    except: Option<Range<usize>>,
    payload: Range<usize>,
}

impl MemoryLog {
    /// An empty log with an epoch of its own.
    pub fn new() -> Self {
        MemoryLog { epoch: Epoch::random(), last: Id(0), waiting: VecDeque::new(), bytes: Vec::new(), dropped: 0 }
    }

    fn add(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.dropped + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.dropped + self.bytes.len()
    }

    /// Drops the bytes of fetched entries, if they are all or most of what is there.
    fn tidy(&mut self) {
        let Some(next) = self.waiting.front() else {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            self.dropped = 0;
            return;
        };
        let fetched = next.channel.start - self.dropped;
        if fetched >= KEPT && fetched >= self.bytes.len() / 2 {
            self.bytes.drain(..fetched);
            self.dropped += fetched;
        }
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.start - self.dropped..range.end - self.dropped).unwrap_or_default()
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // It has been a `str` when it was appended.
        std::str::from_utf8(self.slice(range)).unwrap_or_default()
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl Log for MemoryLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&mut self, entry: Entry<'_>, ticket: u64) -> Result<(), Full> {
        self.tidy();
        self.last.0 += 1;
        let waiting = Waiting {
            id: self.last,
            ticket,
            kind: entry.kind,
            keep: entry.keep,
            channel: self.add(entry.channel.as_bytes()),
            key: entry.key.map(|key| self.add(key.as_bytes())),
            except: entry.except.map(|except| self.add(except.as_bytes())),
            payload: self.add(entry.payload),
        };
        self.waiting.push_back(waiting);
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event<'_>> {
        let next = self.waiting.pop_front()?;
        let entry = Entry {
            channel: self.text(&next.channel),
            kind: next.kind,
            payload: self.slice(&next.payload),
            key: next.key.map(|key| self.text(&key)),
            keep: next.keep,
            except: next.except.map(|except| self.text(&except)),
        };
        Some(Event::Applied { id: next.id, ticket: Some(next.ticket), entry })
    }

    fn status(&self) -> Status {
        Status::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> =
        Entry { channel: "/a", kind: Kind::Text, payload: b"hello", key: None, keep: true, except: None };

    #[test]
    fn applies_entries_in_order_as_they_came() {
        let entries = [
            ENTRY,
            Entry { channel: "/b/\u{e9}", kind: Kind::Binary, payload: b"\xff\x00", keep: false, ..ENTRY },
            Entry { key: Some("k"), except: Some("c8f1"), payload: b"", ..ENTRY },
            Entry { kind: Kind::Forget, payload: b"", ..ENTRY },
        ];
        let mut log = MemoryLog::new();
        for turn in 0..3 {
            for (number, entry) in (0..).zip(entries) {
                assert_eq!(log.append(entry, 100 + number), Ok(()));
            }
            for (number, entry) in (0..).zip(entries) {
                let id = Id(turn * 4 + number + 1);
                assert_eq!(log.next_event(), Some(Event::Applied { id, ticket: Some(100 + number), entry }));
            }
            assert_eq!(log.next_event(), None);
        }
        assert_eq!(log.status(), Status::Ready);
    }

    #[test]
    fn a_long_payload_leaves_no_long_buffer_behind() {
        let mut log = MemoryLog::new();
        let long = vec![0; 3 * KEPT];
        for payload in [&long[..], b"short"] {
            log.append(Entry { payload, ..ENTRY }, 0).expect("room");
            assert!(matches!(log.next_event(), Some(Event::Applied { entry, .. }) if entry.payload == payload));
        }
        assert!(log.bytes.capacity() <= KEPT, "{}", log.bytes.capacity());
    }

    #[test]
    fn a_log_that_is_never_empty_does_not_grow() {
        let mut log = MemoryLog::new();
        log.append(ENTRY, 0).expect("room");
        for number in 1..3000u64 {
            let payload = [number as u8; 4096];
            log.append(Entry { payload: &payload, ..ENTRY }, number).expect("room");
            let before = [(number - 1) as u8; 4096];
            let expected = if number == 1 { b"hello" } else { &before[..] };
            assert!(matches!(log.next_event(), Some(Event::Applied { entry, .. }) if entry.payload == expected));
        }
        assert!(log.bytes.capacity() <= 4 * KEPT, "{}", log.bytes.capacity());
    }
}
