//! Days in the life of a hub, drawn from bytes: three listeners and five channels on one node with a log in memory, or on
//! three nodes with a log that is slow, cuts connections, forgets, and is replaced. Tests draw the bytes from a seed, the
//! fuzzer makes them up.
//!
//! The laws, each against lists that are kept beside the state ([`Naive`]) and by the listeners ([`Listener`]):
//!
//! 1. The ids that a listener gets rise, and it gets nothing twice, over reconnects, too, unless it was told of a gap.
//! 2. A listener gets all that was to be kept between its position and now, or is told of a gap. While it is live it gets
//!    what was not to be kept, too.
//! 3. No gap is told without cause; where a state cannot know better is said at the top of `state.rs`, and nowhere else
//!    is one allowed.
//! 4. A channel keeps exactly what its bounds allow. The bound over all takes no message without need, and then the
//!    oldest of the largest channel. History counts for as many bytes as a recount finds.
//! 5. Each accepted publish is answered exactly once, as its key, its kind and the log have it; a refused one never comes
//!    to the log, and is refused for the right reason.
//! 6. Messages are delivered as they were published, in the log's order.
//! 7. Two nodes that have applied the same at the same times give the same answers.
//! 8. One call applies no more events than its budget.

mod listener;
mod naive;
mod node;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::listener::Listener;
use self::naive::Naive;
use self::node::Node;
use super::State;
use super::types::{Delivery, Lost, Outcome, Position};
use crate::apps::hub::config::{History, HubConfig};
use crate::apps::hub::log::fake::{Fake, OwnedEntry};
use crate::apps::hub::log::memory::MemoryLog;
use crate::apps::hub::log::{Entry, Kind};

const CHANNELS: [&str; 5] = ["/a", "/b", "/none", "/short", "/few"];
const LISTENERS: usize = 3;
/// Steps of a day, for a bound on its length.
const STEPS: usize = 400;
/// Times are multiples of 7 s. No age is, so that ticks do not matter.
const SECONDS: Duration = Duration::from_secs(7);

/// Draws from bytes; 0 when there are none left.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// The calls that a state has made.
#[derive(PartialEq, Debug)]
enum Said {
    Deliver { position: Position, entry: OwnedEntry, subscribers: usize },
    Settle(u32, Outcome),
    Lost(Lost),
}

impl Said {
    fn deliver(message: &Delivery<'_>, subscribers: usize) -> Self {
        let Delivery { position, channel, kind, payload, except } = *message;
        let entry = OwnedEntry::from(&Entry { channel, kind, payload, except, key: None, keep: true });
        Said::Deliver { position, entry, subscribers }
    }
}

/// Lives through a day that begins now, panics where a law is broken, and says how many steps it had.
pub fn run(bytes: &[u8], now: Instant) -> usize {
    let mut day = Day::new(Draw(bytes), now);
    for step in 0..STEPS {
        if day.draw.0.is_empty() {
            day.end();
            return step;
        }
        day.step();
    }
    day.end();
    STEPS
}

struct Day<'a> {
    draw: Draw<'a>,
    now: Instant,
    /// None: a log in memory.
    fake: Option<Fake>,
    nodes: Vec<Node>,
    listeners: [Listener; LISTENERS],
    /// Messages published.
    messages: u32,
    /// Events that a node applies in one call, at most.
    budget: usize,
}

fn config(draw: &mut Draw<'_>) -> HubConfig {
    let rules = ["/none history=0", "/short age=10s", "/few history=2"];
    HubConfig {
        rules: rules.iter().map(|rule| rule.parse().expect("a rule")).collect(),
        history: History {
            messages: draw.pick(&[100, 3, 1]),
            bytes: draw.pick(&[1 << 20, 30]),
            age: Duration::from_secs(600),
        },
        history_memory: draw.pick(&[1 << 26, 2500, 1200]),
        max_channels: draw.pick(&[100, 3]),
        max_waiting: draw.pick(&[100, 3]),
        max_waiting_bytes: draw.pick(&[1 << 22, 60]),
        max_keys: draw.pick(&[100, 2]),
        ..HubConfig::default()
    }
}

impl<'a> Day<'a> {
    fn new(mut draw: Draw<'a>, now: Instant) -> Self {
        let config = config(&mut draw);
        let fake = (draw.below(3) > 0).then(|| Fake::new(3, now));
        let nodes = match &fake {
            None => vec![Node::new(&config, Box::new(MemoryLog::new()))],
            Some(fake) => (0..3).map(|node| Node::new(&config, Box::new(fake.log(node)))).collect(),
        };
        // The bound over all is followed event by event.
        let budget = if config.history_memory < 1 << 20 { 1 } else { 4 };
        let listeners = std::array::from_fn(|_| Listener::new());
        Day { draw, now, fake, nodes, listeners, messages: 0, budget }
    }

    fn step(&mut self) {
        let node = self.draw.below(self.nodes.len());
        match self.draw.below(16) {
            0..=4 => self.publish(node),
            5 | 6 => {
                let budget = 1 + self.draw.below(self.budget);
                self.apply(node, budget);
            }
            7 => {
                let listener = &mut self.listeners[self.draw.below(LISTENERS)];
                listener.connect(node, &self.nodes[node], &mut self.draw);
            }
            8 | 9 => {
                let listener = &mut self.listeners[self.draw.below(LISTENERS)];
                listener.replay(&self.nodes[listener.node()], 1 + self.draw.below(4));
            }
            10 => {
                let listener = &mut self.listeners[self.draw.below(LISTENERS)];
                if self.draw.below(2) == 0 { listener.leave() } else { listener.note(&self.nodes[listener.node()]) }
            }
            11 if self.draw.below(4) == 0 => self.pass(),
            12 if self.draw.below(4) == 0 => self.meet(),
            _ => self.trouble(node),
        }
    }

    fn publish(&mut self, node: usize) {
        self.messages += 1;
        let draw = &mut self.draw;
        let channel = draw.pick(&CHANNELS);
        let shape = draw.below(128);
        let kind = match shape % 16 {
            0 => Kind::Forget,
            1..=3 => Kind::Binary,
            _ => Kind::Text,
        };
        let key = (shape / 16 == 1).then(|| draw.pick(&["k1", "k2", "k3"]));
        let payload = match (kind, key) {
            (Kind::Forget, _) => String::new(),
            // Repeats, and other messages under the same key.
            (_, Some(_)) => draw.pick(&["one", "one", "two"]).to_owned(),
            _ => format!("{}{}", self.messages, "x".repeat(draw.pick(&[0, 1, 5, 20, 20, 40, 900]))),
        };
        let except = (shape / 16 == 2).then(|| draw.below(LISTENERS)).map(|at| self.listeners[at].name().to_owned());
        let (payload, except) = (payload.as_bytes(), except.as_deref());
        let entry = OwnedEntry::from(&Entry { channel, kind, payload, key, except, keep: shape / 16 != 3 });
        let waiter = (shape / 16 != 4).then_some(self.messages);
        self.nodes[node].publish(&entry, waiter);
        if self.fake.is_none() {
            self.apply(node, 1);
        }
    }

    fn apply(&mut self, node: usize, budget: usize) -> bool {
        let listeners = &mut self.listeners;
        self.nodes[node].apply(node, budget, self.now, listeners)
    }

    /// Lets time pass.
    fn pass(&mut self) {
        self.now += SECONDS * self.draw.pick(&[1, 1, 1, 2, 50, 90]);
        for node in &mut self.nodes {
            node.expire(self.now);
        }
    }

    /// Something happens between a node and its log.
    fn trouble(&mut self, node: usize) {
        let Some(fake) = &self.fake else { return };
        let draw = &mut self.draw;
        match draw.below(24) {
            0..=6 => fake.commit(node, 1 + draw.below(3), draw.pick(&[1, 1, 5])),
            7..=14 => _ = fake.reveal(node, 1 + draw.below(4)),
            15 | 16 => fake.lose_acknowledgement(node),
            17 => fake.refuse(node, draw.below(3), draw.below(2) == 0),
            18 => fake.cut(node, draw.below(3)),
            19 | 20 => (0..3).for_each(|node| fake.heal(node)),
            21 => fake.set_full(node, draw.below(3) == 0),
            22 => fake.trim(1 + draw.below(6)),
            _ if draw.below(4) == 0 => fake.replace(draw.below(20)),
            _ => {}
        }
    }

    /// All that was sent comes to all nodes, and those that have applied the same are compared.
    fn meet(&mut self) {
        if let Some(fake) = &self.fake {
            (0..self.nodes.len()).for_each(|node| fake.commit(node, usize::MAX, 1));
        }
        for node in 0..self.nodes.len() {
            while self.fake.as_ref().is_some_and(|fake| fake.reveal(node, 1)) {}
            while self.apply(node, self.budget) {}
        }
        for (at, one) in self.nodes.iter().enumerate() {
            for other in self.nodes.iter().skip(at + 1).filter(|other| other.has_applied_the_same_as(one)) {
                one.compare(other);
            }
        }
    }

    /// Nothing is left open.
    fn end(mut self) {
        if let Some(fake) = &self.fake {
            (0..self.nodes.len()).for_each(|node| fake.heal(node));
        }
        self.meet();
        for node in &self.nodes {
            node.assert_all_answered();
        }
        for listener in &mut self.listeners {
            listener.replay(&self.nodes[listener.node()], usize::MAX);
            listener.assert_nothing_is_owed();
        }
    }
}
