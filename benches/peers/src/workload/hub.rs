//! The workloads for hubs: publishing over HTTP, delivering over WebSocket, and memory.

use super::{Load, Workload, broadcast};

/// The behaviour of publishers and listeners. Payloads are text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HubLoad {
    /// Each of the kept HTTP connections has one publish in flight, to one channel after the other. Nobody listens. The
    /// history of all channels is full before the clock starts.
    Publish { connections: usize, channels: usize, len: usize },
    /// All listeners hear one channel.
    Deliver { listeners: usize, has_ids: bool, len: usize, pace: Pace },
    /// Each channel has one publisher and one listener; so many messages a second are published in all.
    Flow { channels: usize, per_second: u32, len: usize },
    /// Memory for each listener of one channel, after it has heard one message.
    Listeners { count: usize, has_ids: bool, len: usize },
    /// Memory for each channel with one listener, to which nothing is published.
    Channels { count: usize },
    /// Memory for each kept message beyond the first one of each channel.
    Messages { channels: usize, each: usize, len: usize },
}

/// The rate of publishing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// So many messages are in flight: the next one is published when all listeners have heard the oldest.
    InFlight(usize),
    PerSecond(u32),
}

/// Messages that both servers keep for each channel.
pub const HISTORY: usize = 100;

pub const HUB: [Workload; 16] = [
    publish("publish-10", "10 kept connections publish 200 bytes to one channel", 10, 1),
    publish("publish-10-spread", "10 kept connections, 1,000 channels", 10, 1000),
    publish("publish-100", "100 kept connections, one channel", 100, 1),
    publish("publish-100-spread", "100 kept connections, 1,000 channels", 100, 1000),
    broadcast("bcast-1000", "1,000 WebSocket clients, 128 bytes, one message in flight", 1000, 1),
    deliver("deliver-1000", "1,000 listeners, 128 bytes, one publish in flight", false, Pace::InFlight(1)),
    deliver("deliver-1000-ids", "the same, with ids", true, Pace::InFlight(1)),
    broadcast("bcast-1000-k8", "1,000 WebSocket clients, 128 bytes, 8 messages in flight", 1000, 8),
    deliver("deliver-1000-k8", "1,000 listeners, 128 bytes, 8 publishes in flight", false, Pace::InFlight(8)),
    deliver("deliver-1000-k8-ids", "the same, with ids", true, Pace::InFlight(8)),
    deliver("deliver-rate", "1,000 listeners, 128 bytes, 50 publishes a second", false, Pace::PerSecond(50)),
    deliver("deliver-rate-ids", "the same, with ids", true, Pace::PerSecond(50)),
    Workload {
        name: "flow-5k",
        about: "10 channels with a publisher and a listener each, 200 bytes, 5,000 publishes a second",
        load: Load::Hub(HubLoad::Flow { channels: 10, per_second: 5000, len: 200 }),
    },
    Workload {
        name: "listeners",
        about: "a listener of one channel, with 10,000 of them",
        load: Load::Hub(HubLoad::Listeners { count: 10_000, has_ids: false, len: 200 }),
    },
    Workload {
        name: "channels",
        about: "a channel with one listener, with 15,000 of them",
        load: Load::Hub(HubLoad::Channels { count: 15_000 }),
    },
    Workload {
        name: "messages",
        about: "a kept message of 200 bytes, with 100 in each of 1,000 channels",
        load: Load::Hub(HubLoad::Messages { channels: 1000, each: HISTORY, len: 200 }),
    },
];

const fn publish(name: &'static str, about: &'static str, connections: usize, channels: usize) -> Workload {
    Workload { name, about, load: Load::Hub(HubLoad::Publish { connections, channels, len: 200 }) }
}

const fn deliver(name: &'static str, about: &'static str, has_ids: bool, pace: Pace) -> Workload {
    Workload { name, about, load: Load::Hub(HubLoad::Deliver { listeners: 1000, has_ids, len: 128, pace }) }
}

impl HubLoad {
    /// The same with fewer clients and channels, for a trial.
    pub fn reduced(mut self, part: usize) -> Self {
        let reduce = |count: &mut usize| *count = (*count / part).max(1);
        match &mut self {
            HubLoad::Publish { channels, .. } | HubLoad::Messages { channels, .. } => reduce(channels),
            HubLoad::Deliver { listeners: count, .. }
            | HubLoad::Listeners { count, .. }
            | HubLoad::Channels { count } => reduce(count),
            HubLoad::Flow { per_second, .. } => *per_second /= 10,
        }
        self
    }
}
