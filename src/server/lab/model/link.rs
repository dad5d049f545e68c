//! A connection as the model knows it, and what it is to get.

use std::collections::HashSet;

/// A connection as the handler knows it.
pub(super) struct Link {
    pub client: u16,
    pub open: bool,
    pub topics: HashSet<usize>,
    /// The topic that it has as its home, in place of the mount.
    pub home: Option<usize>,
    pub expected: Vec<Expected>,
    /// The number of messages before its close. Later ones need not arrive.
    pub closed_at: Option<usize>,
    /// Messages that have come from its client.
    pub received: u32,
    /// The act that its `close` performs.
    pub last_will: u8,
}

pub(super) struct Expected {
    pub print: u64,
    pub is_post: bool,
}

impl Link {
    pub fn new(client: u16, home: Option<usize>) -> Self {
        Link {
            client,
            open: true,
            topics: HashSet::new(),
            home,
            expected: Vec::new(),
            closed_at: None,
            received: 0,
            last_will: 0,
        }
    }

    pub fn hears(&self, topic: usize) -> bool {
        self.home == Some(topic) || self.topics.contains(&topic)
    }
}
