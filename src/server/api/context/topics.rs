//! Questions and actions about a mount, about topics, and about other connections.

use std::time::Instant;

use super::Context;
use crate::server::types::id::ConnectionId;
use crate::server::types::payload::Payload;

impl Context<'_> {
    /// The pattern of this mount, as it was given to [`Server::mount`](crate::Server::mount).
    pub fn mount(&self) -> &str {
        self.shared.mounts.get(usize::from(self.mount)).map_or("", |mount| &mount.path)
    }

    /// The part of a decoded path behind that of this mount: `/a` of `/live/a` for a mount at `/live/*`, with or without the
    /// prefix of [`Config::path_prefix`](crate::Config::path_prefix) in front. A path elsewhere comes back whole.
    pub fn below_mount<'p>(&self, path: &'p str) -> &'p str {
        let mount = self.mount();
        let base = mount.strip_suffix("/*").unwrap_or(mount);
        let prefix = self.shared.env.config.path_prefix.trim_end_matches('/');
        let trimmed = below(path, prefix).and_then(|path| below(path, base));
        trimmed.or_else(|| below(path, base)).unwrap_or(path)
    }

    /// Gives this connection another path, which [`path`](Self::path) says from now on. For servers on which each connection
    /// has come to a path of its own: what only one connection has takes about 100 bytes and its length, and what all have
    /// takes nothing for each.
    pub fn set_path(&mut self, path: &str) {
        if let Some(slot) = self.slot() {
            self.shared.table.set_path(slot, path);
        }
    }

    /// The time at which this turn of the loop has begun, about. It stands still on a [`Stage`](crate::testing::Stage)
    /// that is not told to advance.
    pub fn now(&self) -> Instant {
        self.shared.env.now
    }

    /// Sends a message to all current subscribers of a topic but one.
    pub fn publish_except(&mut self, topic: &str, except: ConnectionId, payload: impl Payload) {
        if let Some(topic) = self.shared.topics.key(topic) {
            self.shared.posts.post(topic, payload.message(), Some(except));
        }
        if let Some(slot) = self.shared.table.find(except) {
            self.shared.posts.note_special(slot);
        }
    }

    /// Whether another connection, or this one, is among the [`subscribers`](Self::subscribers) of a topic.
    pub fn is_subscribed(&self, id: ConnectionId, topic: &str) -> bool {
        let slot = self.shared.table.find_open(id);
        slot.zip(self.shared.topics.key(topic)).is_some_and(|(slot, topic)| self.shared.is_member(slot, topic))
    }

    /// The topics that have subscribers, in no order.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.shared.topics.names()
    }

    /// How many topics have subscribers.
    pub fn topic_count(&self) -> usize {
        self.shared.topics.count()
    }
}

/// The path behind a base, if it is at or below it.
fn below<'p>(path: &'p str, base: &str) -> Option<&'p str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
