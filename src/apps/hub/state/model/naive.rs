//! The knowledge that a node must have, written down plainly: lists that are walked from one end to the other, times as
//! they are.
//!
//! It is told what the log has handed over and what the state has said of it, and panics where the two do not fit.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{CHANNELS, Said};
use crate::apps::hub::config::{History, HubConfig, Rules};
use crate::apps::hub::log::fake::{OwnedEntry, OwnedEvent};
use crate::apps::hub::log::{Entry, Epoch, Id, Kind};
use crate::apps::hub::state::State;
use crate::apps::hub::state::channels::{CHANNEL_COST, MESSAGE_COST};
use crate::apps::hub::state::types::{Lost, Outcome, Position, Refusal};

const KEY_LIFE: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: Id,
    pub(super) entry: OwnedEntry,
    at: Instant,
}

#[derive(Default)]
struct Channel {
    /// All that was to be kept and has been delivered or lost, kept or not.
    published: Vec<Id>,
    kept: Vec<Message>,
    /// The last id that any channel had forgotten when this one began to keep.
    began: Id,
}

struct Key {
    channel: String,
    key: String,
    id: Id,
    message: (Kind, Vec<u8>),
    at: Instant,
}

pub(super) struct Naive {
    limits: HubConfig,
    rules: Rules,
    channels: BTreeMap<&'static str, Channel>,
    keys: Vec<Key>,
    position: Position,
    /// The last id of any channel that has been forgotten.
    forgotten: Id,
    /// The last id that a gap of the log has swallowed.
    pub(super) lost: Id,
    /// By ticket: the waiter and the length.
    pub(super) waiting: BTreeMap<u64, (Option<u32>, usize)>,
}

/// The answer that a resume must get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gap {
    /// Something that was to be kept is missing.
    Must,
    /// Nothing is, but the state cannot know.
    May,
    MustNot,
}

impl Naive {
    pub(super) fn new(config: &HubConfig, epoch: Epoch) -> Self {
        Naive {
            limits: config.clone(),
            rules: Rules::new(config),
            channels: CHANNELS.into_iter().map(|name| (name, Channel::default())).collect(),
            keys: Vec::new(),
            position: Position { epoch, id: Id(0) },
            forgotten: Id(0),
            lost: Id(0),
            waiting: BTreeMap::new(),
        }
    }

    fn history(&self, channel: &str) -> History {
        self.rules.find(channel).history
    }

    fn channel(&mut self, channel: &str) -> &mut Channel {
        self.channels.get_mut(channel).expect("one of the channels")
    }

    pub(super) fn kept(&self, channel: &str) -> &[Message] {
        &self.channels[channel].kept
    }

    fn size(&self, channel: &str) -> usize {
        self.kept(channel).iter().map(|message| message.entry.entry().payload.len() + MESSAGE_COST).sum()
    }

    fn cost(&self) -> usize {
        let filled = CHANNELS.iter().filter(|channel| !self.kept(channel).is_empty());
        filled.map(|channel| self.size(channel) + channel.len() + CHANNEL_COST).sum()
    }

    fn count(&self) -> usize {
        self.channels.values().filter(|channel| !channel.kept.is_empty()).count()
    }

    /// The reason for which a publish must be refused before the log is asked.
    pub(super) fn refusal(&self, entry: &OwnedEntry) -> Option<Refusal> {
        let entry = entry.entry();
        let bytes: usize = self.waiting.values().map(|(_, len)| len).sum();
        let fits = self.waiting.is_empty() || bytes + entry.payload.len() <= self.limits.max_waiting_bytes;
        if self.waiting.len() >= self.limits.max_waiting || !fits {
            return Some(Refusal::TooManyWaiting);
        }
        let starts = entry.keep && entry.kind != Kind::Forget && self.kept(entry.channel).is_empty();
        let is_full = self.count() >= self.limits.max_channels;
        (starts && is_full && self.history(entry.channel).messages > 0).then_some(Refusal::TooManyChannels)
    }

    /// Lets messages and keys go at their age.
    pub(super) fn expire(&mut self, now: Instant) {
        for name in CHANNELS {
            let age = self.history(name).age;
            let gone = self.kept(name).iter().take_while(|message| now - message.at > age).count();
            (0..gone).for_each(|_| self.pop(name));
        }
        self.keys.retain(|key| now - key.at <= KEY_LIFE);
    }

    /// The log has handed over an event, and the state has said the next of `said` to it. It tells the id of a message that
    /// replays have to bring, and its channel.
    pub(super) fn hear(
        &mut self,
        event: &OwnedEvent,
        said: &mut VecDeque<Said>,
        now: Instant,
        state: &State<u32>,
    ) -> Option<Message> {
        match event {
            OwnedEvent::Refused { ticket, unknown } => {
                self.settle(Some(*ticket), Outcome::Refused { unknown: *unknown }, said);
            }
            OwnedEvent::Gap { before } => {
                let last = Id(before.0 - 1);
                if last > self.position.id {
                    (self.position.id, self.lost) = (last, last);
                    self.channels.values_mut().for_each(|channel| channel.published.push(last));
                    expect(said, &Said::Lost(Lost { position: self.position, renumbered: false }));
                }
            }
            OwnedEvent::Epoch(epoch) => {
                let (waiting, limits) = (std::mem::take(&mut self.waiting), self.limits.clone());
                *self = Naive { waiting, ..Naive::new(&limits, *epoch) };
                expect(said, &Said::Lost(Lost { position: self.position, renumbered: true }));
            }
            OwnedEvent::Applied { id, ticket, entry } => return self.applied(*id, *ticket, entry, said, now, state),
        }
        None
    }

    fn applied(
        &mut self,
        id: Id,
        ticket: Option<u64>,
        entry: &OwnedEntry,
        said: &mut VecDeque<Said>,
        now: Instant,
        state: &State<u32>,
    ) -> Option<Message> {
        assert!(id > self.position.id, "the log has handed over {id:?} after {}", self.position);
        self.position.id = id;
        let parts = entry.entry();
        let name = parts.channel;
        if parts.kind == Kind::Forget {
            while !self.kept(name).is_empty() {
                self.pop(name);
            }
            self.settle(ticket, Outcome::Forgotten, said);
            return None;
        }
        if let Some(key) = parts.key {
            let message = (parts.kind, parts.payload.to_vec());
            if let Some(known) = self.keys.iter().find(|known| known.channel == name && known.key == key) {
                let is_repeat = known.message == message;
                let outcome = if is_repeat { Outcome::Duplicate { id: known.id } } else { Outcome::KeyReused };
                self.settle(ticket, outcome, said);
                return None;
            }
            let excess = (self.keys.len() + 1).saturating_sub(self.limits.max_keys);
            self.keys.drain(..excess);
            self.keys.push(Key { channel: name.to_owned(), key: key.to_owned(), id, message, at: now });
        }
        let message = Message { id, entry: entry.clone(), at: now };
        if parts.keep {
            self.channel(name).published.push(id);
            self.keep(name, message.clone(), state);
        }
        let Some(Said::Deliver { position, entry: delivered, subscribers }) = said.pop_front() else {
            panic!("{entry:?} was not delivered");
        };
        let expected = OwnedEntry::from(&Entry { key: None, keep: true, ..parts });
        assert_eq!((position, delivered), (self.position, expected));
        self.settle(ticket, Outcome::Applied { id, subscribers }, said);
        parts.keep.then_some(message)
    }

    fn settle(&mut self, ticket: Option<u64>, outcome: Outcome, said: &mut VecDeque<Said>) {
        if let Some((Some(waiter), _)) = ticket.and_then(|ticket| self.waiting.remove(&ticket)) {
            expect(said, &Said::Settle(waiter, outcome));
        }
    }

    fn keep(&mut self, name: &str, message: Message, state: &State<u32>) {
        let history = self.history(name);
        if history.messages == 0 {
            return;
        }
        let (limit, id) = (self.limits.history_memory, message.id);
        let len = message.entry.entry().payload.len();
        if len + MESSAGE_COST + CHANNEL_COST + name.len() > limit {
            while !self.kept(name).is_empty() {
                self.pop(name);
            }
            self.forgotten = id;
            return;
        }
        let forgotten = self.forgotten;
        let channel = self.channel(name);
        if channel.kept.is_empty() {
            channel.began = forgotten;
        }
        channel.kept.push(message);
        let bytes = |kept: &[Message]| kept.iter().map(|message| message.entry.entry().payload.len()).sum::<usize>();
        while channel.kept.len() > history.messages || channel.kept.len() > 1 && bytes(&channel.kept) > history.bytes {
            channel.kept.remove(0);
        }
        while self.cost() > limit {
            let victim = self.victim(state);
            self.pop(victim);
        }
    }

    /// The bound over all takes the oldest message of a channel that is the largest, to an eighth, among those with two or
    /// more, if there are any. Which of several is up to the state.
    fn victim(&self, state: &State<u32>) -> &'static str {
        let several = CHANNELS.iter().any(|name| self.kept(name).len() > 1);
        let is_eligible = |name: &&str| self.kept(name).len() > usize::from(several);
        let largest = CHANNELS.iter().copied().filter(is_eligible).map(|name| self.size(name)).max().unwrap_or(0);
        let may_go = |name: &&str| is_eligible(name) && self.size(name) * 9 / 8 >= largest;
        let has_gone = |name: &&str| self.kept(name).first().map(|message| message.id) != state.summary(name).first;
        // Of several, the one that frees the least went first: else the others would not have had to go.
        let freed = |name: &&str| {
            let [first, rest @ ..] = self.kept(name) else { return 0 };
            let channel = if rest.is_empty() { CHANNEL_COST + name.len() } else { 0 };
            channel + first.entry.entry().payload.len()
        };
        let candidates = CHANNELS.iter().copied().filter(may_go).filter(has_gone);
        candidates.min_by_key(freed).expect("the oldest message of the largest channel goes")
    }

    fn pop(&mut self, name: &str) {
        let channel = self.channel(name);
        let id = channel.kept.remove(0).id;
        if channel.kept.is_empty() {
            self.forgotten = self.forgotten.max(id);
        }
    }

    /// Whether who has all of a channel up to an id has to be told of a gap.
    pub(super) fn gap(&self, name: &str, since: Id) -> Gap {
        let channel = &self.channels[name];
        let is_kept = |id: &Id| channel.kept.iter().any(|message| message.id == *id);
        if channel.published.iter().any(|id| *id > since && !is_kept(id)) {
            return Gap::Must;
        }
        let is_unsure = channel.kept.is_empty() && self.forgotten > since
            || !channel.kept.is_empty() && channel.began > since
            || self.history(name).messages == 0 && self.position.id > since;
        if is_unsure { Gap::May } else { Gap::MustNot }
    }

    /// Compares all answers.
    pub(super) fn compare(&self, state: &State<u32>) {
        for name in CHANNELS {
            let kept = self.kept(name);
            let mut after = Id(0);
            for message in kept {
                let found = state.next_kept(name, after).expect("a message that is kept");
                let parts = message.entry.entry();
                assert_eq!((found.id, found.kind, found.except), (message.id, parts.kind, parts.except));
                assert!(found.payload == parts.payload, "the payload of {:?}", found.id);
                after = found.id;
            }
            assert_eq!(state.next_kept(name, after), None, "{name} keeps more than it may");
            let summary = state.summary(name);
            let bytes = kept.iter().map(|message| message.entry.entry().payload.len()).sum::<usize>();
            assert_eq!((summary.messages, summary.bytes), (kept.len(), bytes), "{name}");
            let ends = (kept.first().map(|message| message.id), kept.last().map(|message| message.id));
            assert_eq!((summary.first, summary.last), ends, "{name}");
            assert_eq!(state.has_history(name), !kept.is_empty());
        }
        assert_eq!((state.position(), state.channels()), (self.position, self.count()));
        assert_eq!((state.keys(), state.waiting()), (self.keys.len(), self.waiting.len()));
        assert_eq!(state.history_bytes(), self.cost());
        assert!(self.cost() <= self.limits.history_memory, "history is within its bound");
    }
}

/// The state must have said this next.
fn expect(said: &mut VecDeque<Said>, expected: &Said) {
    assert_eq!(said.pop_front().as_ref(), Some(expected), "what the state says");
}
