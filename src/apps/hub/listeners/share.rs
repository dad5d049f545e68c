//! The share of a turn that goes around all topics may take.

/// Listeners that are told something in a turn.
const LISTENERS: usize = 5000;
/// Topics that are looked at in a turn.
const TOPICS: usize = 1000;

pub(super) struct Share {
    listeners: usize,
    topics: usize,
}

impl Default for Share {
    fn default() -> Self {
        Share { listeners: LISTENERS, topics: TOPICS }
    }
}

impl Share {
    pub fn is_left(&self) -> bool {
        self.listeners > 0 && self.topics > 0
    }

    /// Topics that may yet be looked at.
    pub fn topics(&self) -> usize {
        self.topics
    }

    /// A topic was looked at, and so many listeners were told something.
    pub fn take(&mut self, listeners: usize) {
        self.topics = self.topics.saturating_sub(1);
        self.listeners = self.listeners.saturating_sub(listeners);
    }
}
