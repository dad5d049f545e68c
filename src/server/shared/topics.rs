//! Topics and their subscribers. Each mount is a topic without a name, which its connections never leave.
//!
//! A member list is dense, so that a broadcast walks it in one go. A member knows its position in the list and gives it to
//! [`Topics::leave`]. When another member leaves, the last member moves to that position, and `leave` names it.
//!
//! A topic with one member is small, since a server may have one for each connection: its name is stored once, and its
//! member list needs no memory of its own.

use std::collections::HashMap;
use std::rc::Rc;

use slab::Slab;

use crate::server::types::id::TopicKey;

#[derive(Default)]
pub(crate) struct Topics {
    names: HashMap<Rc<str>, TopicKey>,
    topics: Slab<Topic>,
}

struct Topic {
    /// `None`: a mount's own topic, which stays when it is empty.
    name: Option<Rc<str>>,
    members: Members,
}

/// Slots of the members, in no order.
enum Members {
    One(u32),
    /// None, or several.
    Many(Vec<u32>),
}

impl Topics {
    /// A topic for a mount.
    pub fn add_mount(&mut self) -> TopicKey {
        self.insert(None)
    }

    pub fn key(&self, name: &str) -> Option<TopicKey> {
        self.names.get(name).copied()
    }

    /// The topic with this name. Where there is none it is made, with a copy of the name that others may share.
    pub fn key_or_insert(&mut self, name: &str, copy: impl FnOnce() -> Rc<str>) -> TopicKey {
        if let Some(key) = self.key(name) {
            return key;
        }
        let name = copy();
        let key = self.insert(Some(Rc::clone(&name)));
        self.names.insert(name, key);
        key
    }

    /// The name of a topic; a mount's own has none.
    pub fn name(&self, key: TopicKey) -> Option<&str> {
        self.topics.get(key.0 as usize)?.name.as_deref()
    }

    /// The names of all topics that have members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// How many topics with a name there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    pub fn members(&self, key: TopicKey) -> &[u32] {
        self.topics.get(key.0 as usize).map_or(&[], |topic| topic.members.as_slice())
    }

    /// Members of all topics together.
    #[cfg(any(test, fuzzing))]
    pub fn total_members(&self) -> usize {
        self.topics.iter().map(|(_, topic)| topic.members.as_slice().len()).sum()
    }

    /// Adds a member and returns its position.
    pub fn join(&mut self, key: TopicKey, slot: u32) -> u32 {
        self.topics[key.0 as usize].members.push(slot)
    }

    /// Removes the member at a position; returns the slot of the member that has moved there, if one has.
    pub fn leave(&mut self, key: TopicKey, position: u32) -> Option<u32> {
        let topic = &mut self.topics[key.0 as usize];
        topic.members.remove(position as usize);
        let members = topic.members.as_slice();
        let moved = members.get(position as usize).copied();
        if members.is_empty()
            && let Some(name) = topic.name.take()
        {
            self.names.remove(&name);
            self.topics.remove(key.0 as usize);
        }
        moved
    }

    /// Heap bytes, by capacity, without those of names.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        let lists = self.topics.iter().map(|(_, topic)| match &topic.members {
            Members::One(_) => 0,
            Members::Many(slots) => slots.capacity() * size_of::<u32>(),
        });
        let names = map_bytes(self.names.capacity(), size_of::<(Rc<str>, TopicKey)>());
        names + self.topics.capacity() * size_of::<Option<Topic>>() + lists.sum::<usize>()
    }

    fn insert(&mut self, name: Option<Rc<str>>) -> TopicKey {
        TopicKey(self.topics.insert(Topic { name, members: Members::Many(Vec::new()) }) as u32)
    }
}

impl Members {
    fn as_slice(&self) -> &[u32] {
        match self {
            Members::One(slot) => std::slice::from_ref(slot),
            Members::Many(slots) => slots,
        }
    }

    /// Adds a member and returns its position.
    fn push(&mut self, slot: u32) -> u32 {
        match self {
            Members::One(first) => *self = Members::Many(vec![*first, slot]),
            Members::Many(slots) if slots.is_empty() => *self = Members::One(slot),
            Members::Many(slots) => slots.push(slot),
        }
        (self.as_slice().len() - 1) as u32
    }

    /// Removes the member at a position. The last one takes its place.
    fn remove(&mut self, position: usize) {
        let Members::Many(slots) = self else {
            *self = Members::Many(Vec::new());
            return;
        };
        slots.swap_remove(position);
        if let [last] = slots[..] {
            *self = Members::One(last);
        } else if slots.capacity() > 64 && slots.len() < slots.capacity() / 4 {
            slots.shrink_to(slots.len() * 2);
        }
    }
}

/// Bytes of a hash map with this capacity: it fills seven of eight places, and has a byte beside each.
#[cfg(test)]
pub(super) fn map_bytes(capacity: usize, entry: usize) -> usize {
    (capacity * 8 / 7).next_power_of_two() * (entry + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::Random;

    fn insert(topics: &mut Topics, name: &str) -> TopicKey {
        topics.key_or_insert(name, || name.into())
    }

    #[test]
    fn a_leaving_member_names_the_one_that_takes_its_position() {
        let mut topics = Topics::default();
        let key = insert(&mut topics, "news");
        assert_eq!([7, 8, 9].map(|slot| topics.join(key, slot)), [0, 1, 2]);
        assert_eq!(topics.leave(key, 0), Some(9));
        assert_eq!(topics.members(key), [9, 8]);
        assert_eq!(topics.leave(key, 1), None);
        assert_eq!(topics.members(key), [9]);
    }

    #[test]
    fn a_named_topic_ends_with_its_last_member_and_a_mounts_topic_does_not() {
        let mut topics = Topics::default();
        let mount = topics.add_mount();
        let key = insert(&mut topics, "news");
        assert_eq!(insert(&mut topics, "news"), key);
        for key in [mount, key] {
            topics.join(key, 1);
            topics.leave(key, 0);
        }
        assert_eq!(topics.key("news"), None);
        assert_eq!(topics.members(mount), [] as [u32; 0]);
        topics.join(mount, 5);
        assert_eq!(topics.members(mount), [5]);
    }

    #[test]
    fn the_name_of_a_topic_that_has_ended_can_be_used_again() {
        let mut topics = Topics::default();
        assert_eq!(topics.key("news"), None);
        let first = insert(&mut topics, "news");
        topics.join(first, 1);
        topics.leave(first, 0);
        // Its place is free for another topic, and nobody has stayed behind there.
        let other = insert(&mut topics, "other");
        assert_eq!((other, topics.members(other)), (first, &[][..]));
        assert_eq!(topics.key("news"), None);
        let again = insert(&mut topics, "news");
        assert_ne!(again, other);
        topics.join(again, 2);
        assert_eq!((topics.key("news"), topics.members(again)), (Some(again), &[2][..]));
        assert_eq!(topics.members(TopicKey(99)), [] as [u32; 0]);
    }

    #[test]
    fn each_member_stands_at_its_position_whoever_joins_and_leaves() {
        let mut random = Random::new(1);
        let (mut topics, mut positions) = (Topics::default(), HashMap::<u32, u32>::new());
        let key = topics.add_mount();
        for slot in 0..2000 {
            positions.insert(slot, topics.join(key, slot));
            while random.below(2) == 0 && !positions.is_empty() {
                let leaving = topics.members(key)[random.below(positions.len())];
                let position = positions.remove(&leaving).unwrap();
                if let Some(moved) = topics.leave(key, position) {
                    positions.insert(moved, position);
                }
            }
            assert_eq!(topics.total_members(), positions.len());
            assert!(positions.iter().all(|(slot, at)| topics.members(key)[*at as usize] == *slot));
        }
    }

    #[test]
    fn a_list_that_has_become_short_gives_its_memory_back() {
        let mut topics = Topics::default();
        let key = topics.add_mount();
        for slot in 0..10_000 {
            topics.join(key, slot);
        }
        for left in (0..10_000).rev() {
            topics.leave(key, 0);
            let capacity = match &topics.topics[key.0 as usize].members {
                Members::One(_) => 0,
                Members::Many(slots) => slots.capacity(),
            };
            assert!(capacity <= 64.max(4 * left + 4), "{left} members, room for {capacity}");
        }
    }

    #[test]
    fn a_topic_with_one_member_is_small_and_shares_its_name() {
        let (mut topics, names) = (Topics::default(), (0..100_000).map(|at| Rc::from(format!("/rooms/{at}"))));
        let names: Vec<Rc<str>> = names.collect();
        for (slot, name) in (0..).zip(&names) {
            let key = topics.key_or_insert(name, || Rc::clone(name));
            topics.join(key, slot);
            assert_eq!(Rc::strong_count(name), 3, "once here, and twice there");
        }
        let each = topics.held() / names.len();
        // 24 and 1 bytes in the table of names, and 40 for the topic, both with the slack of 100,000 in 131,072.
        assert!(each <= 90, "{each} bytes for each");
    }
}
