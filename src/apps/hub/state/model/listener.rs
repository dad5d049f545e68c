//! A listener as the hub serves it: it resumes, its replay goes on message by message while others are published, and at
//! the head of the ring it becomes live.

use std::collections::VecDeque;

use super::naive::{Gap, Message};
use super::node::Node;
use super::{CHANNELS, Delivery, Draw, Lost, Position};
use crate::apps::hub::log::Id;
use crate::apps::hub::state::types::{Replay, Start};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Away,
    Replaying,
    Live,
}

pub(super) struct Listener {
    mode: Mode,
    node: usize,
    channel: &'static str,
    /// The text that names its connection.
    name: String,
    connections: usize,
    /// It has everything up to here, or was told that something is missing.
    after: Id,
    /// The end of the last gap of the log that it was told of.
    told: Id,
    /// The position that it would come back with.
    since: String,
    /// The messages that its replay still has to bring.
    owed: VecDeque<Id>,
}

impl Listener {
    pub(super) fn new() -> Self {
        Listener {
            mode: Mode::Away,
            node: 0,
            channel: CHANNELS[0],
            name: String::new(),
            connections: 0,
            after: Id(0),
            told: Id(0),
            since: String::new(),
            owed: VecDeque::new(),
        }
    }

    pub(super) fn node(&self) -> usize {
        self.node
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_at(&self, node: usize) -> bool {
        self.node == node && self.mode != Mode::Away
    }

    /// Comes to a node, mostly with its own position.
    pub(super) fn connect(&mut self, at: usize, node: &Node, draw: &mut Draw<'_>) {
        self.connections += 1;
        self.name = format!("{:p}.{}", self, self.connections);
        let choice = draw.below(8);
        if choice >= 5 || self.since.is_empty() {
            self.channel = draw.pick(&CHANNELS);
        }
        let last = node.state.position().id;
        let text = match choice {
            0..=4 => self.since.clone(),
            5 => node.state.show(Id(draw.below(last.0.min(254) as usize + 2) as u64)),
            _ => draw.pick(&["", "x", "zzzzzz-1", "zzzzzz", "-1"]).to_owned(),
        };
        let replay = match (choice, draw.below(6)) {
            (7, 0) => Replay::Nothing,
            (7, count) => Replay::Last(count - 1),
            _ => Replay::Since(&text),
        };
        // A resume that is complete is so up to now, another says gap, and the others claim nothing.
        (self.mode, self.node, self.told) = (Mode::Replaying, at, node.naive.lost);
        let start = node.state.resume(self.channel, replay);
        self.owed = self.check(start, replay, node);
        if self.owed.is_empty() {
            assert_eq!(start.after, last, "a quiet channel gets a fresh position");
        }
        self.moves_to(start.after, node);
        // With nothing to replay it is live in the same turn.
        self.replay(node, 0);
    }

    /// Checks where a replay begins, and says what it has to bring.
    fn check(&self, start: Start, replay: Replay<'_>, node: &Node) -> VecDeque<Id> {
        let kept = node.naive.kept(self.channel).iter().map(|message| message.id);
        let position = node.state.position();
        let owed: VecDeque<_> = match replay {
            Replay::Nothing => VecDeque::new(),
            Replay::Last(count) => kept.clone().skip(kept.len().saturating_sub(count)).collect(),
            Replay::Since(text) => {
                let since = Position::parse(text).filter(|it| it.epoch == position.epoch && it.id <= position.id);
                match since.map(|since| (since.id, node.naive.gap(self.channel, since.id))) {
                    None => assert!(start.gap, "{text} is no position here"),
                    Some((since, Gap::Must)) => assert!(start.gap, "{} misses something after {since:?}", self.channel),
                    Some((_, Gap::May)) => {}
                    Some((since, Gap::MustNot)) => {
                        assert!(!start.gap, "{} has all after {since:?}", self.channel);
                    }
                }
                let since = since.map_or(Id(0), |since| since.id);
                assert!(start.after >= since, "a resume goes back from {since:?} to {start:?}");
                kept.filter(|id| *id > since).collect()
            }
        };
        if !matches!(replay, Replay::Since(_)) {
            assert!(!start.gap, "{replay:?} claims nothing of before");
        }
        assert!(owed.front().is_none_or(|first| *first > start.after) && start.after <= position.id);
        owed
    }

    fn moves_to(&mut self, after: Id, node: &Node) {
        self.after = after;
        self.since = node.state.show(after);
    }

    /// Replays so many messages, and becomes live if there are no more.
    pub(super) fn replay(&mut self, node: &Node, count: usize) {
        if self.mode != Mode::Replaying {
            return;
        }
        for left in (0..=count).rev() {
            let gap = node.naive.gap(self.channel, self.after);
            if !node.state.is_complete(self.channel, self.after) {
                assert_ne!(gap, Gap::MustNot, "{} is complete after {:?}", self.channel, self.after);
                let floor = node.state.floor(self.channel);
                assert!(floor > self.after && floor <= node.state.position().id);
                self.owed.retain(|id| *id > floor);
                self.moves_to(floor, node);
            } else if gap == Gap::Must {
                let others = node.naive.gap(self.channel, self.after.max(self.told));
                assert_ne!(others, Gap::Must, "{} misses something after {:?}", self.channel, self.after);
            }
            match node.state.next_kept(self.channel, self.after) {
                Some(_) if left == 0 => return,
                Some(kept) => {
                    assert!(kept.id > self.after);
                    if kept.except != Some(&self.name) {
                        assert_eq!(self.owed.pop_front(), Some(kept.id), "the replay of {}", self.channel);
                    }
                    self.moves_to(kept.id, node);
                }
                None => {
                    self.mode = Mode::Live;
                    self.assert_nothing_is_owed();
                    return self.moves_to(node.state.position().id, node);
                }
            }
        }
    }

    /// A message is published at its node. Whether it has got it.
    pub(super) fn hear(&mut self, message: &Delivery<'_>) -> bool {
        if self.mode != Mode::Live || self.channel != message.channel || message.except == Some(&self.name) {
            return false;
        }
        let Position { id, .. } = message.position;
        assert!(id > self.after, "{id:?} comes after {:?}", self.after);
        (self.after, self.since) = (id, message.position.to_string());
        true
    }

    /// A message has been kept at its node.
    pub(super) fn owe(&mut self, message: &Message) {
        let entry = message.entry.entry();
        if self.mode == Mode::Replaying && entry.channel == self.channel && entry.except != Some(&self.name) {
            self.owed.push_back(message.id);
        }
    }

    /// Its node tells of a gap.
    pub(super) fn lose(&mut self, lost: Lost) {
        self.told = lost.position.id;
        if self.mode == Mode::Live {
            (self.after, self.since) = (lost.position.id, lost.position.to_string());
        }
    }

    /// The log is another one: a replay goes on from its start.
    pub(super) fn begin_anew(&mut self) {
        if self.mode == Mode::Replaying {
            self.owed.clear();
            self.after = Id(0);
        }
    }

    /// It is quiet, and gets its node's position.
    pub(super) fn note(&mut self, node: &Node) {
        if self.mode == Mode::Live {
            self.moves_to(node.state.position().id, node);
        }
    }

    pub(super) fn leave(&mut self) {
        self.mode = Mode::Away;
    }

    pub(super) fn assert_nothing_is_owed(&self) {
        assert!(self.mode == Mode::Away || self.owed.is_empty(), "{} owes {:?}", self.channel, self.owed);
    }
}
