//! The costs of a full hub. Each test needs a process of its own, since it looks at the memory of the process:
//! `cargo test --release --lib NAME -- --ignored --nocapture`.

use std::fs;
use std::time::{Duration, Instant};

use super::scene::ENTRY;
use crate::apps::hub::config::{HubConfig, Rules};
use crate::apps::hub::log::Entry;
use crate::apps::hub::log::memory::MemoryLog;
use crate::apps::hub::state::State;
use crate::apps::hub::state::types::{Delivery, Limits, Lost, Outcome, Sink};

/// Counts what it is told.
#[derive(Default)]
struct Count {
    settled: usize,
}

impl Sink<u32> for Count {
    fn deliver(&mut self, _: &Delivery<'_>) -> usize {
        0
    }

    fn settle(&mut self, _: u32, _: Outcome) {
        self.settled += 1;
    }

    fn lost(&mut self, _: Lost) {}
}

struct Load {
    state: State<u32>,
    names: Vec<String>,
    count: Count,
    drawn: u64,
    now: Instant,
}

impl Load {
    fn new(config: &HubConfig, channels: usize) -> Self {
        let state = State::new(Limits::from(config), Rules::new(config), Box::new(MemoryLog::new()));
        let names = (0..channels).map(|number| format!("/orders/{number}")).collect();
        Load { state, names, count: Count::default(), drawn: 1, now: Instant::now() }
    }

    /// Publishes to a channel and applies it; how long that took.
    fn publish(&mut self, channel: usize, payload: &[u8]) -> Duration {
        let entry = Entry { channel: &self.names[channel], payload, ..ENTRY };
        let begin = Instant::now();
        self.state.publish(entry, Some(0)).expect("room");
        while self.state.apply(64, self.now, &mut self.count) {}
        begin.elapsed()
    }

    /// A channel drawn at random.
    fn draw(&mut self) -> usize {
        self.drawn = self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.drawn >> 33) as usize % self.names.len()
    }
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

/// How long this thread has had a processor.
fn busy() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(times.split_whitespace().next().and_then(|time| time.parse().ok()).expect("a number"))
}

fn show(name: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    println!("{name}: mean {mean:?} p50 {:?} p99 {:?} p99.9 {:?} max {:?}", at(0.5), at(0.99), at(0.999), at(1.0));
    at(0.99)
}

#[test]
#[ignore = "takes half a minute and 128 MiB"]
fn a_hundred_thousand_channels_keep_a_million_messages_in_128_mib() {
    let bound = 128 << 20;
    let config = HubConfig { history_memory: bound, ..HubConfig::default() };
    let mut load = Load::new(&config, 100_000);
    let payload = [b'x'; 40];
    let before = resident();
    let mut times = Vec::with_capacity(1_000_000);
    let own = resident() - before;
    for round in 0..10 {
        for channel in 0..load.names.len() {
            // Another order in each round.
            let channel = (channel * 7919 + round) % load.names.len();
            times.push(load.publish(channel, &payload));
        }
    }
    let mut kept: usize = load.names.iter().map(|name| load.state.summary(name).messages).sum();
    assert_eq!((kept, load.state.channels(), load.state.evicted()), (1_000_000, 100_000, 0));
    let used = resident() - before - own.max(times.len() * size_of::<Duration>());
    println!(
        "1,000,000 messages of 40 bytes: {used} bytes resident, {} counted, {bound} allowed",
        load.state.history_bytes()
    );
    assert!(used <= bound);
    show("filling", times);
    // Then the oldest go, in channels that are no longer all alike.
    while load.state.evicted() == 0 {
        let channel = load.draw();
        load.publish(channel, &payload);
    }
    let before = resident();
    let mut times = Vec::with_capacity(1_000_000);
    let own = resident() - before;
    for _ in 0..1_000_000 {
        let channel = load.draw();
        times.push(load.publish(channel, &payload));
    }
    kept = load.names.iter().map(|name| load.state.summary(name).messages).sum();
    let used = used + resident() - before - own.max(times.len() * size_of::<Duration>());
    println!(
        "{} evicted, {kept} kept: {used} bytes resident, {} counted",
        load.state.evicted(),
        load.state.history_bytes()
    );
    assert!(load.state.evicted() >= 999_000 && load.state.history_bytes() <= bound && used <= bound);
    assert!(show("evicting", times) < Duration::from_millis(5));
}

#[test]
#[ignore = "takes 600 MiB"]
fn history_takes_no_more_memory_than_it_counts_for() {
    let config = HubConfig { history_memory: 1 << 30, max_channels: usize::MAX, ..HubConfig::default() };
    // All stay until the end, so that none uses again what another has given back.
    let mut loads = Vec::new();
    let full = [0, 1, 8, 24, 40, 60, 200].map(|len| (5000, 100, len));
    let small = [(230_000, 1, 10), (115_000, 1, 1), (120_000, 2, 1), (60_000, 5, 40), (30_000, 9, 1)];
    for (channels, messages, len) in full.into_iter().chain(small) {
        let mut load = Load::new(&config, channels);
        let payload = vec![b'x'; len];
        let before = resident();
        for turn in 0..channels * messages {
            load.publish(turn % channels, &payload);
        }
        let (used, counted) = (resident() - before, load.state.history_bytes());
        let each = used as f64 / (channels * messages) as f64 - len as f64;
        println!(
            "{messages} of {len} bytes in each of {channels} channels: {used} bytes resident, {counted} counted; with its \
             part of the channel each message takes {each:.1} bytes more than its payload"
        );
        assert_eq!(load.state.evicted(), 0);
        assert!(used <= counted);
        loads.push(load);
    }
}

#[test]
#[ignore = "a figure"]
fn prints_the_cost_of_a_publish_that_is_applied_and_kept() {
    for (channels, history_memory) in [(1, 64 << 20), (1000, 64 << 20), (100_000, 1 << 30)] {
        let mut load = Load::new(&HubConfig { history_memory, ..HubConfig::default() }, channels);
        let payload = [b'x'; 200];
        // Until rings are as full as they get.
        for _ in 0..1_500_000 {
            let channel = load.draw();
            load.publish(channel, &payload);
        }
        let order: Vec<_> = (0..1_000_000).map(|_| load.draw()).collect();
        let begin = busy();
        for channel in order {
            let entry = Entry { channel: &load.names[channel], payload: &payload, ..ENTRY };
            load.state.publish(entry, Some(0)).expect("room");
            while load.state.apply(64, load.now, &mut load.count) {}
        }
        let each = (busy() - begin) / 1_000_000;
        println!("{channels} channels: {each:?} of processor time a publish of 200 bytes");
        assert_eq!(load.count.settled, 2_500_000);
    }
}
