//! The keys of publishers, by which a message that is published again is known.
//!
//! Of a key, its channel and the message only hashes are kept, 128 and 64 bits under secrets of this process: a key costs
//! the same however long they are, and no two are taken for one.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::ring::Tick;
use crate::apps::hub::log::{Entry, Id, Kind};

/// Five minutes.
const LIFE: Tick = (300_000 >> super::TICK_BITS) + 1;

/// The hash of a channel and a key.
type Name = [u64; 2];

pub(super) struct Keys {
    max: usize,
    secrets: [RandomState; 2],
    known: HashMap<Name, Known>,
    /// In the order in which they came. A key that `known` has with another tick, or not at all, has been replaced.
    order: VecDeque<(Name, Tick)>,
}

struct Known {
    id: Id,
    /// The hash of the kind and the payload.
    message: u64,
    at: Tick,
}

/// The answer of the keys about an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    New,
    Repeat(Id),
    /// The key belongs to another message.
    Reused,
}

impl Keys {
    pub(super) fn new(max: usize) -> Self {
        let secrets = [RandomState::new(), RandomState::new()];
        Keys { max, secrets, known: HashMap::new(), order: VecDeque::new() }
    }

    /// Judges an entry by its key, and remembers the key of a new one.
    pub(super) fn judge(&mut self, entry: &Entry<'_>, id: Id, now: Tick) -> Judgement {
        let Some(key) = entry.key else { return Judgement::New };
        let name = self.secrets.each_ref().map(|secret| secret.hash_one((entry.channel, key)));
        let message = self.secrets[0].hash_one((entry.kind == Kind::Binary, entry.payload));
        if let Some(known) = self.known.get(&name).filter(|known| expiry(known.at) > now) {
            return if known.message == message { Judgement::Repeat(known.id) } else { Judgement::Reused };
        }
        if self.max == 0 {
            return Judgement::New;
        }
        while self.order.len() >= self.max {
            self.forget_oldest();
        }
        self.known.insert(name, Known { id, message, at: now });
        self.order.push_back((name, now));
        Judgement::New
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn clear(&mut self) {
        self.known = HashMap::new();
        self.order = VecDeque::new();
    }

    /// Forgets keys that have expired, at most so many.
    pub(super) fn expire(&mut self, now: Tick, steps: usize) {
        for _ in 0..steps {
            if self.next_due().is_none_or(|due| due > now) {
                break;
            }
            self.forget_oldest();
        }
        if self.order.is_empty() && self.order.capacity() > 0 {
            self.clear();
        }
    }

    /// When the next key expires.
    pub(super) fn next_due(&self) -> Option<Tick> {
        self.order.front().map(|(_, at)| expiry(*at))
    }

    fn forget_oldest(&mut self) {
        if let Some((name, at)) = self.order.pop_front()
            && self.known.get(&name).is_some_and(|known| known.at == at)
        {
            self.known.remove(&name);
        }
    }
}

fn expiry(at: Tick) -> Tick {
    at.saturating_add(LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> =
        Entry { channel: "/a", kind: Kind::Text, payload: b"hello", key: Some("k"), keep: true, except: None };

    #[test]
    fn a_key_is_judged_within_its_channel_by_kind_and_payload() {
        let mut keys = Keys::new(10);
        assert_eq!(keys.judge(&ENTRY, Id(1), 0), Judgement::New);
        let cases = [
            (ENTRY, Judgement::Repeat(Id(1))),
            (Entry { keep: false, except: Some("c8f1"), ..ENTRY }, Judgement::Repeat(Id(1))),
            (Entry { payload: b"hello!", ..ENTRY }, Judgement::Reused),
            (Entry { kind: Kind::Binary, ..ENTRY }, Judgement::Reused),
            (Entry { channel: "/b", ..ENTRY }, Judgement::New),
            (Entry { key: Some("l"), ..ENTRY }, Judgement::New),
            // Neither the slash nor the letter wanders from one into the other.
            (Entry { channel: "/ak", key: Some(""), ..ENTRY }, Judgement::New),
            (Entry { channel: "/b", payload: b"other", ..ENTRY }, Judgement::Reused),
            (Entry { key: None, ..ENTRY }, Judgement::New),
            (Entry { key: None, ..ENTRY }, Judgement::New),
        ];
        for (number, (entry, expected)) in (2..).zip(cases) {
            assert_eq!(keys.judge(&entry, Id(number), 0), expected, "{entry:?}");
        }
        assert_eq!(keys.len(), 4);
    }

    #[test]
    fn a_key_lasts_five_minutes_from_the_first_message() {
        let minutes = |minutes: u32| minutes * 60_000 / (1 << super::super::TICK_BITS);
        let mut keys = Keys::new(10);
        assert_eq!(keys.judge(&ENTRY, Id(1), 7), Judgement::New);
        assert_eq!(keys.judge(&ENTRY, Id(2), 7 + minutes(5)), Judgement::Repeat(Id(1)));
        // Whether or not it has been cleared away.
        assert_eq!(keys.judge(&ENTRY, Id(3), 9 + minutes(5)), Judgement::New);
        keys.expire(9 + minutes(5), 10);
        assert_eq!(keys.judge(&ENTRY, Id(4), 9 + minutes(9)), Judgement::Repeat(Id(3)));
        keys.expire(9 + minutes(11), 10);
        assert_eq!((keys.len(), keys.next_due()), (0, None));
    }

    #[test]
    fn the_oldest_key_goes_when_there_are_too_many() {
        for max in [0, 1, 3] {
            let mut keys = Keys::new(max);
            let names = ["a", "b", "c", "d", "e"].map(|key| Entry { key: Some(key), ..ENTRY });
            for (number, entry) in (1..).zip(&names) {
                assert_eq!(keys.judge(entry, Id(number), 0), Judgement::New);
                assert!(keys.len() <= max);
            }
            for (number, entry) in (1..).zip(&names).skip(5 - max) {
                assert_eq!(keys.judge(entry, Id(9), 0), Judgement::Repeat(Id(number)), "{max}");
            }
            assert_eq!(keys.judge(&names[0], Id(9), 0), Judgement::New, "{max}");
        }
    }

    #[test]
    fn expiry_takes_a_bounded_number_of_steps() {
        let mut keys = Keys::new(100);
        for number in 0..50 {
            keys.judge(&Entry { key: Some(&number.to_string()), ..ENTRY }, Id(number), 0);
        }
        keys.expire(LIFE, 20);
        assert_eq!((keys.len(), keys.next_due()), (30, Some(LIFE)));
        keys.expire(LIFE - 1, 20);
        assert_eq!(keys.len(), 30);
        keys.expire(LIFE, 50);
        assert_eq!((keys.len(), keys.order.capacity()), (0, 0));
    }
}
