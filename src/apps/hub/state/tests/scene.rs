//! A state over a log in memory, a clock that stands still, and a sink that writes down what it is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::apps::hub::config::{HubConfig, Rule, Rules};
use crate::apps::hub::log::memory::MemoryLog;
use crate::apps::hub::log::{Entry, Id, Kind};
use crate::apps::hub::state::State;
use crate::apps::hub::state::types::{Delivery, Limits, Lost, Outcome, Refusal, Replay, Sink};

pub(super) const ENTRY: Entry<'static> =
    Entry { channel: "/a", kind: Kind::Text, payload: b"hello", key: None, keep: true, except: None };

pub(super) fn rules(rules: &[&str]) -> Vec<Rule> {
    rules.iter().map(|rule| rule.parse().expect("a rule")).collect()
}

pub(super) struct Scene {
    pub(super) state: State<u64>,
    pub(super) sink: Notes,
    pub(super) now: Instant,
    waiters: u64,
}

#[derive(Default)]
pub(super) struct Notes {
    listeners: HashMap<String, usize>,
    said: Vec<String>,
    outcomes: Vec<Outcome>,
}

impl Sink<u64> for Notes {
    fn deliver(&mut self, message: &Delivery<'_>) -> usize {
        let Delivery { position, channel, kind, payload, except } = message;
        let subscribers = self.listeners.get(*channel).copied().unwrap_or(0);
        let except = except.map(|except| format!(" except {except}")).unwrap_or_default();
        let payload = String::from_utf8_lossy(payload);
        self.said.push(format!("{channel} {} {kind:?} {payload}{except} to {subscribers}", position.id.0));
        subscribers
    }

    fn settle(&mut self, waiter: u64, outcome: Outcome) {
        self.said.push(format!("settle {waiter} {outcome:?}"));
        self.outcomes.push(outcome);
    }

    fn lost(&mut self, lost: Lost) {
        self.said.push(format!("lost {} {}", lost.position.id.0, lost.renumbered));
    }
}

impl Scene {
    pub(super) fn new(change: impl FnOnce(&mut HubConfig)) -> Self {
        let mut config = HubConfig::default();
        change(&mut config);
        let state = State::new(Limits::from(&config), Rules::new(&config), Box::new(MemoryLog::new()));
        Scene { state, sink: Notes::default(), now: Instant::now(), waiters: 0 }
    }

    pub(super) fn listen(&mut self, channel: &str, listeners: usize) {
        self.sink.listeners.insert(channel.to_owned(), listeners);
    }

    /// Publishes an entry with the next number as its waiter, and applies it.
    pub(super) fn publish(&mut self, entry: Entry<'_>) -> Result<(), Refusal> {
        self.state.publish(entry, Some(self.waiters))?;
        self.waiters += 1;
        self.apply();
        Ok(())
    }

    /// Publishes texts to a channel, one after the other.
    pub(super) fn say(&mut self, channel: &str, texts: &[&str]) {
        for text in texts {
            self.publish(Entry { channel, payload: text.as_bytes(), ..ENTRY }).expect("room");
        }
    }

    pub(super) fn outcome(&mut self, entry: Entry<'_>) -> Outcome {
        self.publish(entry).expect("room");
        self.sink.outcomes.pop().expect("an outcome")
    }

    pub(super) fn forget(&mut self, channel: &str) {
        assert_eq!(self.outcome(Entry { channel, kind: Kind::Forget, payload: b"", ..ENTRY }), Outcome::Forgotten);
    }

    pub(super) fn apply(&mut self) {
        while self.state.apply(100, self.now, &mut self.sink) {}
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now += span;
        self.state.expire(self.now);
    }

    pub(super) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sink.said)
    }

    /// The ids that a channel keeps.
    pub(super) fn ids(&self, channel: &str) -> Vec<u64> {
        self.after(channel, Id(0))
    }

    pub(super) fn after(&self, channel: &str, mut after: Id) -> Vec<u64> {
        let next = || {
            after = self.state.next_kept(channel, after)?.id;
            Some(after.0)
        };
        std::iter::from_fn(next).collect()
    }

    /// Whether a resume after an id says gap, its position, and the ids of its replay.
    pub(super) fn since(&self, channel: &str, id: u64) -> (bool, u64, Vec<u64>) {
        self.resume(channel, Replay::Since(&self.state.show(Id(id))))
    }

    pub(super) fn resume(&self, channel: &str, replay: Replay<'_>) -> (bool, u64, Vec<u64>) {
        let start = self.state.resume(channel, replay);
        (start.gap, start.after.0, self.after(channel, start.after))
    }
}
