//! The workloads: for the comparison of servers, for the series of growing sizes, for compression, for hubs, and for TLS.

mod hub;
mod tls;

pub use self::hub::{HISTORY, HUB, HubLoad, Pace};
pub use self::tls::{GOALS, Goal, TLS};

/// A load with its name and description.
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub load: Load,
}

/// The behaviour of the clients.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// The clients, one after the other, send `per_second` messages a second in all, and receive them back.
    Rate { clients: usize, per_second: u32, len: usize },
    /// Each client keeps `in_flight` messages in flight and receives each of them back, beside `silent` other clients.
    Echo { clients: usize, silent: usize, in_flight: usize, len: usize, content: Content },
    /// One client keeps `in_flight` messages in flight, and all clients receive them.
    Broadcast { clients: usize, in_flight: usize, len: usize, content: Content },
    /// One client publishes `at_once` messages at a time, each to the next topic, and its subscribers receive them.
    Publish { subscribers: usize, topics: Topics, at_once: usize, len: usize },
    /// Clients connect and leave: opening handshake, closing handshake. With TLS, its handshake comes first.
    Connect { total: usize, at_once: usize, key: Key, resumes: bool },
    /// Clients receive one message back each, and then do nothing.
    Idle { clients: usize, len: usize, content: Content },
    /// Some publish over HTTP, and others listen.
    Hub(HubLoad),
}

/// The kind of a server's private key, if it speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    P256,
    Rsa2048,
}

/// The content of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Random bytes.
    Bytes,
    /// Random text.
    Text,
    /// JSON. Clients offer to compress it.
    Json,
}

/// A server in a scripting language gets the load divided by this, if all of it would take minutes or be too much.
const SLOW: usize = 5;

/// The subscriptions of the clients.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Topics {
    /// Each client subscribes to one of this many topics, and each topic has about the same number of subscribers.
    Spread(usize),
    /// Each client subscribes to all of this many topics.
    Every(usize),
}

/// A load at growing sizes.
pub struct Series {
    pub name: &'static str,
    pub about: &'static str,
    /// The unit of the sizes.
    pub unit: &'static str,
    pub sizes: [usize; 4],
    pub load: fn(usize) -> Load,
}

pub const WORKLOADS: [Workload; 11] = [
    echo("echo-small", "64 clients, 20 bytes, one message in flight", 64, 1, 20),
    echo("echo-pipe16", "64 clients, 64 bytes, 16 messages in flight", 64, 16, 64),
    Workload {
        name: "echo-text",
        about: "64 clients, 1 KiB of text, 4 messages in flight",
        load: Load::Echo { clients: 64, silent: 0, in_flight: 4, len: 1024, content: Content::Text },
    },
    echo("echo-4k", "64 clients, 4 KiB, one message in flight", 64, 1, 4096),
    echo("echo-1m", "8 clients, 1 MiB, one message in flight", 8, 1, 1 << 20),
    Workload {
        name: "rate-20k",
        about: "64 clients, 64 bytes, 20,000 messages a second (scripting languages: 4,000)",
        load: Load::Rate { clients: 64, per_second: 20_000, len: 64 },
    },
    broadcast("bcast-1000", "1,000 clients, 128 bytes, one message in flight; per delivery", 1000, 1),
    broadcast("bcast-1000-k8", "1,000 clients, 128 bytes, 8 messages in flight; per delivery", 1000, 8),
    broadcast("bcast-5000", "5,000 clients, 128 bytes, 2 messages in flight; per delivery", 5000, 2),
    Workload {
        name: "connect",
        about: "opening and closing handshakes, 64 clients at a time; per connection",
        load: Load::Connect { total: 12_000, at_once: 64, key: Key::P256, resumes: false },
    },
    Workload {
        name: "idle",
        about: "10,000 clients that have had one message each",
        load: Load::Idle { clients: 10_000, len: 64, content: Content::Bytes },
    },
];

/// Workloads for servers with and without compression.
pub const COMPRESSION: [Workload; 2] = [
    Workload {
        name: "bcast-json",
        about: "1,000 clients, 1 KiB of JSON, one message in flight; per delivery",
        load: Load::Broadcast { clients: 1000, in_flight: 1, len: 1024, content: Content::Json },
    },
    Workload {
        name: "idle-json",
        about: "10,000 clients, or 500 with context takeover, that have had one message of 1 KiB each",
        load: Load::Idle { clients: 10_000, len: 1024, content: Content::Json },
    },
];

const CONNECTIONS: [usize; 4] = [100, 1000, 5000, 10_000];
const TOPICS: [usize; 4] = [1, 10, 100, 1000];

pub const GROWTH: [Series; 7] =
    [
        connections("echo-all", "all connections talk, 20 bytes, one message in flight on each", |clients| {
            Load::Echo { clients, silent: 0, in_flight: 1, len: 20, content: Content::Bytes }
        }),
        connections("echo-64", "the same, but only 64 of them talk", |clients| Load::Echo {
            clients: 64,
            silent: clients - 64,
            in_flight: 1,
            len: 20,
            content: Content::Bytes,
        }),
        connections("bcast", "one message of 128 bytes to all; per delivery", |clients| Load::Broadcast {
            clients,
            in_flight: 1,
            len: 128,
            content: Content::Bytes,
        }),
        connections("idle", "each has had one message, and does nothing", |clients| Load::Idle {
            clients,
            len: 64,
            content: Content::Bytes,
        }),
        topics(
            "one-of",
            "1,000 subscribers spread over the topics, 128 bytes to each topic at once; per delivery",
            |topics| Load::Publish { subscribers: 1000, topics: Topics::Spread(topics), at_once: topics, len: 128 },
        ),
        topics(
            "all-of",
            "100 subscribers to all the topics, 128 bytes to one after the other; per delivery",
            |topics| Load::Publish { subscribers: 100, topics: Topics::Every(topics), at_once: 1, len: 128 },
        ),
        topics("all-of-k16", "the same, 16 messages at once; per delivery", |topics| Load::Publish {
            subscribers: 100,
            topics: Topics::Every(topics),
            at_once: 16,
            len: 128,
        }),
    ];

const fn connections(name: &'static str, about: &'static str, load: fn(usize) -> Load) -> Series {
    Series { name, about, unit: "connections", sizes: CONNECTIONS, load }
}

const fn topics(name: &'static str, about: &'static str, load: fn(usize) -> Load) -> Series {
    Series { name, about, unit: "topics", sizes: TOPICS, load }
}

impl Series {
    /// The name of the readings at one size.
    pub fn name_at(&self, size: usize) -> String {
        format!("{}-at-{size}", self.name)
    }
}

/// Whether a workload, or a series at some size, has this name.
pub fn is_known(name: &str) -> bool {
    WORKLOADS.iter().chain(&COMPRESSION).chain(&HUB).chain(&TLS).any(|workload| workload.name == name)
        || GROWTH.iter().any(|series| series.sizes.iter().any(|size| series.name_at(*size) == name))
}

const fn echo(name: &'static str, about: &'static str, clients: usize, in_flight: usize, len: usize) -> Workload {
    Workload { name, about, load: Load::Echo { clients, silent: 0, in_flight, len, content: Content::Bytes } }
}

const fn broadcast(name: &'static str, about: &'static str, clients: usize, in_flight: usize) -> Workload {
    Workload { name, about, load: Load::Broadcast { clients, in_flight, len: 128, content: Content::Bytes } }
}

impl Load {
    pub fn is_broadcast(self) -> bool {
        matches!(self, Load::Broadcast { .. })
    }

    /// The key of a server with TLS, and whether clients resume sessions.
    pub fn handshakes(self) -> (Key, bool) {
        match self {
            Load::Connect { key, resumes, .. } => (key, resumes),
            _ => (Key::P256, false),
        }
    }

    pub fn is_hub(self) -> bool {
        matches!(self, Load::Hub(_))
    }

    /// Reduces the load, for a trial or for a slow server.
    pub fn scaled(self, is_trial: bool, is_slow: bool) -> Self {
        let part = match (is_trial, is_slow) {
            (true, _) => 200,
            (false, true) => SLOW,
            (false, false) => 1,
        };
        match self {
            Load::Connect { total, at_once, key, resumes } => {
                Load::Connect { total: total / part, at_once: at_once.min(total / part / 2), key, resumes }
            }
            Load::Hub(load) if is_trial => Load::Hub(load.reduced(part)),
            Load::Rate { clients, per_second, len } if is_slow => {
                Load::Rate { clients, per_second: per_second / SLOW as u32, len }
            }
            Load::Idle { clients, len, content } => Load::Idle { clients: (clients / part).max(1), len, content },
            Load::Broadcast { clients, in_flight, len, content } if is_trial => {
                Load::Broadcast { clients: (clients / part).max(1), in_flight, len, content }
            }
            Load::Publish { subscribers, topics, at_once, len } if is_trial => {
                Load::Publish { subscribers: subscribers.min(100), topics, at_once, len }
            }
            Load::Echo { clients, silent, in_flight, len, content } if is_trial => {
                Load::Echo { clients: clients.min(64), silent: silent / part, in_flight, len, content }
            }
            other => other,
        }
    }
}

impl Topics {
    pub fn count(self) -> usize {
        match self {
            Topics::Spread(count) | Topics::Every(count) => count,
        }
    }
}
