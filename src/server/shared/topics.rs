//! Topics and their subscribers. Each mount is a topic without a name, which its connections never leave.
//!
//! A member list is dense, so that a broadcast walks it in one go. A member knows its position in the list and gives it to
//! [`Topics::leave`]. When another member leaves, the last member moves to that position, and `leave` names it.

use std::collections::HashMap;

use slab::Slab;

use crate::server::types::id::TopicKey;

#[derive(Default)]
pub(crate) struct Topics {
    names: HashMap<Box<str>, TopicKey>,
    topics: Slab<Topic>,
}

struct Topic {
    /// `None`: a mount's own topic, which stays when it is empty.
    name: Option<Box<str>>,
    /// Slots of the members, in no order.
    members: Vec<u32>,
}

impl Topics {
    /// A topic for a mount.
    pub fn add_mount(&mut self) -> TopicKey {
        TopicKey(self.topics.insert(Topic { name: None, members: Vec::new() }) as u32)
    }

    pub fn key(&self, name: &str) -> Option<TopicKey> {
        self.names.get(name).copied()
    }

    pub fn key_or_insert(&mut self, name: &str) -> TopicKey {
        if let Some(key) = self.key(name) {
            return key;
        }
        let key = TopicKey(self.topics.insert(Topic { name: Some(name.into()), members: Vec::new() }) as u32);
        self.names.insert(name.into(), key);
        key
    }

    pub fn members(&self, key: TopicKey) -> &[u32] {
        self.topics.get(key.0 as usize).map_or(&[], |topic| &topic.members)
    }

    /// Members of all topics together.
    #[cfg(any(test, fuzzing))]
    pub fn total_members(&self) -> usize {
        self.topics.iter().map(|(_, topic)| topic.members.len()).sum()
    }

    /// Adds a member and returns its position.
    pub fn join(&mut self, key: TopicKey, slot: u32) -> u32 {
        let members = &mut self.topics[key.0 as usize].members;
        members.push(slot);
        (members.len() - 1) as u32
    }

    /// Removes the member at a position; returns the slot of the member that has moved there, if one has.
    pub fn leave(&mut self, key: TopicKey, position: u32) -> Option<u32> {
        let topic = &mut self.topics[key.0 as usize];
        topic.members.swap_remove(position as usize);
        let moved = topic.members.get(position as usize).copied();
        if topic.members.is_empty()
            && let Some(name) = topic.name.take()
        {
            self.names.remove(&name);
            self.topics.remove(key.0 as usize);
        } else if topic.members.capacity() > 64 && topic.members.len() < topic.members.capacity() / 4 {
            topic.members.shrink_to(topic.members.len() * 2);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::Random;

    #[test]
    fn a_leaving_member_names_the_one_that_takes_its_position() {
        let mut topics = Topics::default();
        let key = topics.key_or_insert("news");
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
        let key = topics.key_or_insert("news");
        assert_eq!(topics.key_or_insert("news"), key);
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
        let first = topics.key_or_insert("news");
        topics.join(first, 1);
        topics.leave(first, 0);
        // Its place is free for another topic, and nobody has stayed behind there.
        let other = topics.key_or_insert("other");
        assert_eq!((other, topics.members(other)), (first, &[][..]));
        assert_eq!(topics.key("news"), None);
        let again = topics.key_or_insert("news");
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
            let capacity = topics.topics[key.0 as usize].members.capacity();
            assert!(capacity <= 64.max(4 * left + 4), "{left} members, room for {capacity}");
        }
    }
}
