//! A state, the lists beside it, and a tap on what its log hears and says.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{CHANNELS, Delivery, Listener, Lost, Naive, Outcome, Said, State};
use crate::apps::hub::config::{HubConfig, Rules};
use crate::apps::hub::log::fake::{OwnedEntry, OwnedEvent};
use crate::apps::hub::log::{Entry, Epoch, Event, Full, Id, Log, Status};
use crate::apps::hub::state::types::{Limits, Refusal, Replay, Sink};

pub(super) struct Node {
    pub(super) state: State<u32>,
    pub(super) naive: Naive,
    tap: Arc<Mutex<Tap>>,
    /// Of all that has been applied, and when.
    applied: DefaultHasher,
}

#[derive(Default)]
struct Tap {
    /// The tickets of appends since the last look, and whether the log took them.
    appended: Vec<(u64, bool)>,
    /// Events since the last look.
    events: Vec<OwnedEvent>,
}

/// A log with a tap.
struct Tapped {
    log: Box<dyn Log>,
    tap: Arc<Mutex<Tap>>,
}

fn lock(tap: &Mutex<Tap>) -> MutexGuard<'_, Tap> {
    tap.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log for Tapped {
    fn epoch(&self) -> Epoch {
        self.log.epoch()
    }

    fn append(&mut self, entry: Entry<'_>, ticket: u64) -> Result<(), Full> {
        let result = self.log.append(entry, ticket);
        lock(&self.tap).appended.push((ticket, result.is_ok()));
        result
    }

    fn next_event(&mut self) -> Option<Event<'_>> {
        let event = self.log.next_event()?;
        lock(&self.tap).events.push(OwnedEvent::from(&event));
        Some(event)
    }

    fn status(&self) -> Status {
        self.log.status()
    }
}

/// Writes down what a state says, and tells the listeners that are live.
struct Ears<'a> {
    node: usize,
    listeners: &'a mut [Listener],
    said: VecDeque<Said>,
}

impl Sink<u32> for Ears<'_> {
    fn deliver(&mut self, message: &Delivery<'_>) -> usize {
        let node = self.node;
        let subscribers = self.listeners.iter_mut().filter(|listener| listener.is_at(node)).map(|it| it.hear(message));
        let subscribers = subscribers.filter(|heard| *heard).count();
        self.said.push_back(Said::deliver(message, subscribers));
        subscribers
    }

    fn settle(&mut self, waiter: u32, outcome: Outcome) {
        self.said.push_back(Said::Settle(waiter, outcome));
    }

    fn lost(&mut self, lost: Lost) {
        let node = self.node;
        self.listeners.iter_mut().filter(|listener| listener.is_at(node)).for_each(|listener| listener.lose(lost));
        self.said.push_back(Said::Lost(lost));
    }
}

impl Node {
    pub(super) fn new(config: &HubConfig, log: Box<dyn Log>) -> Self {
        let tap = Arc::new(Mutex::new(Tap::default()));
        let naive = Naive::new(config, log.epoch());
        let log = Box::new(Tapped { log, tap: Arc::clone(&tap) });
        let state = State::new(Limits::from(config), Rules::new(config), log);
        Node { state, naive, tap, applied: DefaultHasher::new() }
    }

    pub(super) fn publish(&mut self, entry: &OwnedEntry, waiter: Option<u32>) {
        let is_away = matches!(self.state.log_status(), Status::Away { .. });
        let expected = if is_away { Some(Refusal::LogAway) } else { self.naive.refusal(entry) };
        let result = self.state.publish(entry.entry(), waiter);
        let appended = std::mem::take(&mut lock(&self.tap).appended);
        match (expected, &appended[..]) {
            (Some(refusal), []) => assert_eq!(result, Err(refusal)),
            (None, [(_, false)]) => assert_eq!(result, Err(Refusal::LogFull)),
            (None, [(ticket, true)]) => {
                assert_eq!(result, Ok(()));
                let len = entry.entry().payload.len();
                assert!(self.naive.waiting.insert(*ticket, (waiter, len)).is_none(), "a ticket is used once");
            }
            _ => panic!("{entry:?} should have been {expected:?}, and was {result:?} with {appended:?}"),
        }
    }

    /// True: there may be more.
    pub(super) fn apply(&mut self, node: usize, budget: usize, now: Instant, listeners: &mut [Listener]) -> bool {
        let mut ears = Ears { node, listeners, said: VecDeque::new() };
        let may_be_more = self.state.apply(budget, now, &mut ears);
        let Ears { listeners, mut said, .. } = ears;
        let events = std::mem::take(&mut lock(&self.tap).events);
        assert_eq!(may_be_more, events.len() == budget);
        assert!(events.len() <= budget, "{} events are applied, and {budget} were to be", events.len());
        for event in &events {
            let before = said.len();
            let published = self.naive.hear(event, &mut said, now, &self.state);
            let here = listeners.iter_mut().filter(|listener| listener.is_at(node));
            match event {
                OwnedEvent::Epoch(_) => here.for_each(|listener| listener.begin_anew()),
                _ => published.iter().for_each(|message| {
                    listeners.iter_mut().filter(|it| it.is_at(node)).for_each(|it| it.owe(message));
                }),
            }
            self.note(event, now);
            assert!(said.len() <= before);
        }
        assert!(said.is_empty(), "the state says without cause {said:?}");
        self.naive.compare(&self.state);
        may_be_more
    }

    /// Remembers what has been applied, so that nodes can be compared.
    fn note(&mut self, event: &OwnedEvent, now: Instant) {
        match event {
            OwnedEvent::Applied { id, entry, .. } => (id, entry, now).hash(&mut self.applied),
            OwnedEvent::Gap { before } => (before, now).hash(&mut self.applied),
            OwnedEvent::Epoch(epoch) => (epoch, now).hash(&mut self.applied),
            OwnedEvent::Refused { .. } => {}
        }
    }

    pub(super) fn has_applied_the_same_as(&self, other: &Node) -> bool {
        self.applied.finish() == other.applied.finish()
    }

    /// Both nodes have to give the same answers.
    pub(super) fn compare(&self, other: &Node) {
        let [one, two] = [&self.state, &other.state];
        assert_eq!(one.position(), two.position());
        for channel in CHANNELS {
            assert_eq!(one.summary(channel), two.summary(channel));
            assert_eq!(one.floor(channel), two.floor(channel));
            let last = one.position().id.0;
            for since in (0..=last).step_by(1 + last as usize / 8) {
                let text = one.show(Id(since));
                assert_eq!(one.resume(channel, Replay::Since(&text)), two.resume(channel, Replay::Since(&text)));
                assert_eq!(one.next_kept(channel, Id(since)), two.next_kept(channel, Id(since)));
            }
            assert_eq!(one.resume(channel, Replay::Last(2)), two.resume(channel, Replay::Last(2)));
        }
        assert_eq!((one.history_bytes(), one.keys()), (two.history_bytes(), two.keys()));
        assert_eq!(one.evicted(), two.evicted());
    }

    pub(super) fn expire(&mut self, now: Instant) {
        for _ in 0..100 {
            self.state.expire(now);
            if self.state.next_expiry().is_none_or(|due| due > now) {
                break;
            }
        }
        self.naive.expire(now);
        self.naive.compare(&self.state);
        let is_empty = self.state.channels() + self.state.keys() == 0;
        assert_eq!(self.state.next_expiry().is_none(), is_empty, "what is there expires some time");
    }

    pub(super) fn assert_all_answered(&self) {
        assert!(self.naive.waiting.is_empty(), "{:?} wait for ever", self.naive.waiting);
    }
}
