//! A log that several nodes share, slow and faulty by script. It lives in memory, and nothing happens in it by itself.
//!
//! A node's appends wait until the log takes them ([`commit`](Fake::commit)), and what is in the log waits until the node
//! hears it ([`reveal`](Fake::reveal)). In between connections are cut, acknowledgements get lost, entries are sent
//! twice, the log is trimmed, or replaced by one that lacks the newest entries.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Entry, Epoch, Event, Full, Id, Kind, Log, Status};

/// The log and its connections to the nodes.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Shared>>);

/// The end of a connection that a node has.
pub(crate) struct FakeLog {
    fake: Fake,
    node: usize,
    /// The event that is handed out.
    event: Option<OwnedEvent>,
}

struct Shared {
    epoch: Epoch,
    records: VecDeque<Record>,
    /// The last id given.
    last: Id,
    /// All entries up to here have been trimmed.
    trimmed: Id,
    lanes: Vec<Lane>,
    start: Instant,
}

#[derive(Clone)]
struct Record {
    id: Id,
    /// The node that it comes from, and its ticket there.
    origin: (usize, u64),
    entry: OwnedEntry,
}

struct Lane {
    /// Not yet in the log, or not yet known to be.
    sent: VecDeque<Sent>,
    /// In the log, not yet heard here.
    unheard: Vec<(Id, u64)>,
    /// The events that the node has not fetched.
    events: VecDeque<OwnedEvent>,
    /// The log that the node has heard last, and up to which id.
    heard: (Epoch, Id),
    /// For each origin the first ticket that has not been heard: what is below is a repeat.
    next: Vec<u64>,
    is_away: bool,
    is_full: bool,
}

struct Sent {
    ticket: u64,
    entry: OwnedEntry,
    /// It is in the log, but the node does not know, and will send it again.
    is_in_log: bool,
}

/// An [`Entry`] that owns its parts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OwnedEntry {
    channel: String,
    is_binary: Option<bool>,
    payload: Vec<u8>,
    key: Option<String>,
    keep: bool,
    except: Option<String>,
}

/// An [`Event`] that owns its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum OwnedEvent {
    Applied { id: Id, ticket: Option<u64>, entry: OwnedEntry },
    Refused { ticket: u64, unknown: bool },
    Gap { before: Id },
    Epoch(Epoch),
}

impl From<&Entry<'_>> for OwnedEntry {
    fn from(entry: &Entry<'_>) -> Self {
        let is_binary = match entry.kind {
            Kind::Text => Some(false),
            Kind::Binary => Some(true),
            Kind::Forget => None,
        };
        let [key, except] = [entry.key, entry.except].map(|text| text.map(str::to_owned));
        OwnedEntry {
            channel: entry.channel.to_owned(),
            is_binary,
            payload: entry.payload.to_vec(),
            key,
            keep: entry.keep,
            except,
        }
    }
}

impl OwnedEntry {
    pub(crate) fn entry(&self) -> Entry<'_> {
        let kind = self.is_binary.map_or(Kind::Forget, |is_binary| if is_binary { Kind::Binary } else { Kind::Text });
        let (key, except) = (self.key.as_deref(), self.except.as_deref());
        Entry { channel: &self.channel, kind, payload: &self.payload, key, keep: self.keep, except }
    }
}

impl From<&Event<'_>> for OwnedEvent {
    fn from(event: &Event<'_>) -> Self {
        match event {
            Event::Applied { id, ticket, entry } => {
                OwnedEvent::Applied { id: *id, ticket: *ticket, entry: OwnedEntry::from(entry) }
            }
            Event::Refused { ticket, unknown } => OwnedEvent::Refused { ticket: *ticket, unknown: *unknown },
            Event::Gap { before } => OwnedEvent::Gap { before: *before },
            Event::Epoch(epoch) => OwnedEvent::Epoch(*epoch),
        }
    }
}

impl OwnedEvent {
    pub(crate) fn event(&self) -> Event<'_> {
        match self {
            OwnedEvent::Applied { id, ticket, entry } => {
                Event::Applied { id: *id, ticket: *ticket, entry: entry.entry() }
            }
            OwnedEvent::Refused { ticket, unknown } => Event::Refused { ticket: *ticket, unknown: *unknown },
            OwnedEvent::Gap { before } => Event::Gap { before: *before },
            OwnedEvent::Epoch(epoch) => Event::Epoch(*epoch),
        }
    }
}

impl Fake {
    /// An empty log with connections to so many nodes.
    pub(crate) fn new(nodes: usize, start: Instant) -> Self {
        let epoch = Epoch::random();
        let lane = || Lane {
            sent: VecDeque::new(),
            unheard: Vec::new(),
            events: VecDeque::new(),
            heard: (epoch, Id(0)),
            next: vec![0; nodes],
            is_away: false,
            is_full: false,
        };
        let lanes = (0..nodes).map(|_| lane()).collect();
        let records = VecDeque::new();
        Fake(Arc::new(Mutex::new(Shared { epoch, records, last: Id(0), trimmed: Id(0), lanes, start })))
    }

    /// The end of a node's connection.
    pub(crate) fn log(&self, node: usize) -> FakeLog {
        FakeLog { fake: self.clone(), node, event: None }
    }

    /// The log takes what a node has sent, so many entries; each id is `step` above the one before.
    pub(crate) fn commit(&self, node: usize, count: usize, step: u64) {
        let mut shared = self.shared();
        for _ in 0..count {
            let Some(sent) = shared.lanes[node].sent.pop_front() else { break };
            shared.add(node, &sent, step);
        }
    }

    /// The log takes what a node has sent first, but the node does not hear of it, and will send it again.
    pub(crate) fn lose_acknowledgement(&self, node: usize) {
        let mut shared = self.shared();
        if let Some(mut sent) = shared.lanes[node].sent.pop_front() {
            shared.add(node, &sent, 1);
            sent.is_in_log = true;
            shared.lanes[node].sent.push_front(sent);
        }
    }

    /// Gives up one of the entries that a node has sent. The node hears of it before or after all else that waits for it.
    pub(crate) fn refuse(&self, node: usize, which: usize, first: bool) {
        let mut shared = self.shared();
        let lane = &mut shared.lanes[node];
        if let Some(Sent { ticket, is_in_log: unknown, .. }) = lane.sent.remove(which) {
            let event = OwnedEvent::Refused { ticket, unknown };
            if first { lane.events.push_front(event) } else { lane.events.push_back(event) }
        }
    }

    /// Cuts a connection: some of what the node has sent has come to the log, and it knows of none.
    pub(crate) fn cut(&self, node: usize, committed: usize) {
        let mut shared = self.shared();
        shared.lanes[node].is_away = true;
        for place in 0.. {
            let Some(sent) = shared.lanes[node].sent.pop_front() else { break };
            if place < committed {
                shared.add(node, &sent, 1);
            }
            shared.lanes[node].events.push_back(OwnedEvent::Refused { ticket: sent.ticket, unknown: true });
        }
    }

    /// The connection is there again.
    pub(crate) fn heal(&self, node: usize) {
        self.shared().lanes[node].is_away = false;
    }

    /// Whether a node's queue is full from now on.
    pub(crate) fn set_full(&self, node: usize, is_full: bool) {
        self.shared().lanes[node].is_full = is_full;
    }

    /// Drops the oldest entries of the log.
    pub(crate) fn trim(&self, count: usize) {
        let mut shared = self.shared();
        for _ in 0..count {
            let Some(record) = shared.records.pop_front() else { break };
            shared.trimmed = record.id;
        }
    }

    /// Replaces the log by one that has only the first entries of this one, under other ids.
    pub(crate) fn replace(&self, kept: usize) {
        let mut shared = self.shared();
        shared.epoch = Epoch::random();
        shared.records.truncate(kept);
        for (id, record) in (1..).zip(&mut shared.records) {
            record.id = Id(id);
        }
        shared.last = Id(shared.records.len() as u64);
        shared.trimmed = Id(0);
    }

    /// A node hears what is in the log, so many entries or other events. True: there was as much.
    pub(crate) fn reveal(&self, node: usize, count: usize) -> bool {
        let mut shared = self.shared();
        (0..count).all(|_| shared.reveal(node))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn add(&mut self, node: usize, sent: &Sent, step: u64) {
        self.last.0 += step.max(1);
        let id = self.last;
        self.records.push_back(Record { id, origin: (node, sent.ticket), entry: sent.entry.clone() });
        self.lanes[node].unheard.push((id, sent.ticket));
    }

    fn reveal(&mut self, node: usize) -> bool {
        let Shared { epoch, records, trimmed, lanes, .. } = self;
        let Lane { unheard, events, heard, next, .. } = &mut lanes[node];
        if heard.0 != *epoch {
            *heard = (*epoch, Id(0));
            next.fill(0);
            events.push_back(OwnedEvent::Epoch(*epoch));
            // The log may have been replaced since they got their ids.
            let is_there = |ticket: u64| records.iter().find(|record| record.origin == (node, ticket));
            for (_, ticket) in std::mem::take(unheard) {
                match is_there(ticket) {
                    Some(record) => unheard.push((record.id, ticket)),
                    None => events.push_back(OwnedEvent::Refused { ticket, unknown: true }),
                }
            }
        } else if heard.1 < *trimmed {
            heard.1 = *trimmed;
            events.push_back(OwnedEvent::Gap { before: Id(trimmed.0 + 1) });
            let lost = unheard.extract_if(.., |(id, _)| *id <= *trimmed);
            events.extend(lost.map(|(_, ticket)| OwnedEvent::Refused { ticket, unknown: true }));
        } else if let Some(record) = records.get(records.partition_point(|record| record.id <= heard.1)) {
            heard.1 = record.id;
            let (origin, sequence) = record.origin;
            let ticket = (origin == node).then_some(sequence);
            unheard.retain(|(_, other)| Some(*other) != ticket);
            if sequence >= next[origin] {
                next[origin] = sequence + 1;
                events.push_back(OwnedEvent::Applied { id: record.id, ticket, entry: record.entry.clone() });
            }
        } else {
            return false;
        }
        true
    }
}

impl Log for FakeLog {
    fn epoch(&self) -> Epoch {
        self.fake.shared().lanes[self.node].heard.0
    }

    fn append(&mut self, entry: Entry<'_>, ticket: u64) -> Result<(), Full> {
        let lane = &mut self.fake.shared().lanes[self.node];
        if lane.is_full || lane.is_away {
            return Err(Full);
        }
        lane.sent.push_back(Sent { ticket, entry: OwnedEntry::from(&entry), is_in_log: false });
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event<'_>> {
        self.event = self.fake.shared().lanes[self.node].events.pop_front();
        self.event.as_ref().map(OwnedEvent::event)
    }

    fn status(&self) -> Status {
        let shared = self.fake.shared();
        if shared.lanes[self.node].is_away { Status::Away { since: shared.start } } else { Status::Ready }
    }
}
