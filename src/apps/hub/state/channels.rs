//! The channels that have history, within their own bounds and one bound over all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::largest::Largest;
use super::ring::{Ring, Tick};
use super::types::Kept;
use crate::apps::hub::config::{History, Rules};
use crate::apps::hub::log::Id;

/// Bytes that count for a message besides its payload: a slot, a header, and what the allocator adds.
pub(crate) const MESSAGE_COST: usize = 64;
/// Bytes that count for a channel besides its name: its record, its place in four tables, slots in reserve.
pub(crate) const CHANNEL_COST: usize = 256;
/// Tables are not made smaller than this.
const SMALL: usize = 64;

pub(super) struct Channels {
    rules: Rules,
    /// Of `cost`.
    limit: usize,
    indices: HashMap<Arc<str>, u32>,
    channels: Vec<Channel>,
    /// Knows them by their places in `channels`.
    largest: Largest,
    /// When to look at which channel for messages that have expired: for each one entry, which comes too early if its
    /// oldest message has gone for another reason.
    dues: BTreeSet<(Tick, u32)>,
    /// Bytes that all history counts for.
    cost: usize,
    /// The last id of any channel that has been forgotten.
    horizon: Id,
    evicted: u64,
}

/// It keeps one message at least.
pub(super) struct Channel {
    name: Arc<str>,
    ring: Ring,
    /// Nothing up to here is kept, and what was kept after it still is.
    floor: Id,
    due: Tick,
    messages: usize,
    bytes: usize,
    age: Tick,
}

impl Channel {
    fn new(name: Arc<str>, floor: Id, history: &History) -> Self {
        let age = history.age.as_millis().div_ceil(1 << super::TICK_BITS);
        let age = Tick::try_from(age).unwrap_or(Tick::MAX);
        Channel { name, ring: Ring::default(), floor, due: 0, messages: history.messages, bytes: history.bytes, age }
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    fn size(&self) -> usize {
        self.ring.bytes() + self.ring.len() * MESSAGE_COST
    }

    /// The first tick at which the oldest message is older than it may be.
    fn expiry(&self) -> Tick {
        self.ring.oldest().map_or(Tick::MAX, |at| at.saturating_add(self.age).saturating_add(1))
    }

    fn is_over_its_bounds(&self) -> bool {
        let messages = self.ring.len();
        messages > self.messages || self.ring.bytes() > self.bytes && messages > 1
    }
}

impl Channels {
    pub(super) fn new(rules: Rules, limit: usize) -> Self {
        Channels {
            rules,
            limit,
            indices: HashMap::new(),
            channels: Vec::new(),
            largest: Largest::new(),
            dues: BTreeSet::new(),
            cost: 0,
            horizon: Id(0),
            evicted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    /// Bytes that all history counts for.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Messages that have gone because of the bound over all.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get(&self, name: &str) -> Option<&Channel> {
        self.channels.get(*self.indices.get(name)? as usize)
    }

    /// Whether a channel of this name keeps messages.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.rules.find(name).history.messages > 0
    }

    /// A listener that has all of a channel up to here misses nothing that is not kept. For a channel without history
    /// that is where the last one was forgotten.
    pub(super) fn floor(&self, name: &str) -> Id {
        self.get(name).map_or(self.horizon, |channel| channel.floor)
    }

    /// Keeps a message, newer than all that are there, and lets go what it displaces.
    pub(super) fn keep(&mut self, name: &str, message: &Kept<'_>, now: Tick) {
        let cost = message.payload.len().saturating_add(MESSAGE_COST);
        if cost.saturating_add(CHANNEL_COST + name.len()) > self.limit {
            return self.skip(name, message.id);
        }
        let index = match self.indices.get(name) {
            Some(index) => *index,
            None if self.keeps(name) => self.add(name),
            None => return,
        };
        let Some(channel) = self.channels.get_mut(index as usize) else { return };
        channel.ring.push(message, now);
        self.cost += cost;
        if channel.ring.len() == 1 {
            channel.due = channel.expiry();
            self.dues.insert((channel.due, index));
        }
        while channel.is_over_its_bounds() {
            let Some((id, len)) = channel.ring.pop() else { break };
            channel.floor = id;
            self.cost -= len + MESSAGE_COST;
        }
        self.largest.set(index, channel.ring.len(), channel.size());
        while self.cost > self.limit {
            let Some(largest) = self.largest.find() else { break };
            self.evicted += 1;
            self.pop(largest);
        }
    }

    /// Forgets the history of a channel.
    pub(super) fn forget(&mut self, name: &str) {
        let Some(index) = self.indices.get(name).copied() else { return };
        let Some(channel) = self.channels.get_mut(index as usize) else { return };
        self.cost -= channel.size();
        channel.floor = channel.ring.summary().last.unwrap_or(channel.floor);
        self.remove(index);
    }

    /// Forgets all channels, and that there have been any.
    pub(super) fn clear(&mut self) {
        self.indices = HashMap::new();
        self.channels = Vec::new();
        self.largest = Largest::new();
        self.dues = BTreeSet::new();
        self.cost = 0;
        self.horizon = Id(0);
    }

    /// Lets messages go that have expired, in so many steps at most.
    pub(super) fn expire(&mut self, now: Tick, mut steps: usize) {
        while steps > 0 {
            let Some((due, index)) = self.dues.first().copied().filter(|(due, _)| *due <= now) else { return };
            steps -= 1;
            while let Some(channel) = self.channels.get_mut(index as usize) {
                let expiry = channel.expiry();
                if expiry > now || steps == 0 {
                    channel.due = expiry;
                    self.dues.remove(&(due, index));
                    self.dues.insert((expiry, index));
                    break;
                }
                steps -= 1;
                if !self.pop(index) {
                    break;
                }
            }
        }
    }

    /// When messages expire next, or earlier.
    pub(super) fn next_due(&self) -> Option<Tick> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// A message is longer than all history may be: it is not kept, and then nothing before it either.
    fn skip(&mut self, name: &str, id: Id) {
        if self.keeps(name) {
            self.evicted += 1;
            self.forget(name);
            self.horizon = self.horizon.max(id);
        }
    }

    fn add(&mut self, name: &str) -> u32 {
        let index = self.channels.len() as u32;
        let name: Arc<str> = name.into();
        let channel = Channel::new(Arc::clone(&name), self.horizon, &self.rules.find(&name).history);
        self.cost += CHANNEL_COST + name.len();
        self.indices.insert(name, index);
        self.channels.push(channel);
        self.largest.push(0, 0);
        index
    }

    /// Lets the oldest message of a channel go, and says whether there are others.
    fn pop(&mut self, index: u32) -> bool {
        let Some(channel) = self.channels.get_mut(index as usize) else { return false };
        if let Some((id, len)) = channel.ring.pop() {
            channel.floor = id;
            self.cost -= len + MESSAGE_COST;
        }
        if channel.ring.is_empty() {
            self.remove(index);
            return false;
        }
        self.largest.set(index, channel.ring.len(), channel.size());
        true
    }

    /// Takes a channel out of all tables. The last one gets its place.
    fn remove(&mut self, index: u32) {
        let channel = self.channels.swap_remove(index as usize);
        self.horizon = self.horizon.max(channel.floor);
        self.cost -= CHANNEL_COST + channel.name.len();
        self.indices.remove(&channel.name);
        self.dues.remove(&(channel.due, index));
        self.largest.swap_remove(index);
        if let Some(moved) = self.channels.get(index as usize) {
            let last = self.channels.len() as u32;
            self.dues.remove(&(moved.due, last));
            self.dues.insert((moved.due, index));
            if let Some(place) = self.indices.get_mut(&moved.name) {
                *place = index;
            }
        }
        let room = self.channels.len() * 2 + SMALL;
        if self.channels.capacity() > 2 * room {
            self.channels.shrink_to(room);
            self.indices.shrink_to(room);
            self.largest.shrink_to(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::hub::config::HubConfig;
    use crate::apps::hub::log::Kind;

    #[test]
    fn channels_with_nothing_left_leave_no_memory_behind() {
        let config = HubConfig::default();
        let mut channels = Channels::new(Rules::new(&config), config.history_memory);
        let count: u32 = 20_000;
        for number in 0..count {
            let message = Kept { id: Id(number.into()), kind: Kind::Text, payload: b"x", except: None };
            channels.keep(&format!("/{number}"), &message, number / 100);
        }
        assert_eq!((channels.len(), channels.dues.len()), (count as usize, count as usize));
        // Some in the middle, then the others by age.
        for number in (0..count).step_by(3) {
            channels.forget(&format!("/{number}"));
        }
        let left = count as usize - (count as usize).div_ceil(3);
        assert_eq!((channels.len(), channels.dues.len()), (left, left));
        for number in 0..count {
            assert_eq!(channels.get(&format!("/{number}")).is_some(), number % 3 != 0, "{number}");
        }
        for _ in 0..count / 100 {
            channels.expire(Tick::MAX - 1, 256);
        }
        assert_eq!((channels.len(), channels.dues.len(), channels.cost()), (0, 0, 0));
        let room = channels.channels.capacity() + channels.indices.capacity();
        assert!(room < 1000, "{room}");
    }
}
