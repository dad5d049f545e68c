//! What is measured: the workloads on which servers are compared, the series that show how one grows, and what
//! compression costs.

/// A load, and what is said of it.
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub load: Load,
}

/// What clients do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// All clients together send so many in a second, in turn, and get them back.
    Rate { clients: usize, per_second: u32, len: usize },
    /// Each client keeps so many messages in flight, and gets each of them back; beside them, so many others are silent.
    Echo { clients: usize, silent: usize, in_flight: usize, len: usize, content: Content },
    /// One client keeps so many in flight, and everybody gets them.
    Broadcast { clients: usize, in_flight: usize, len: usize, content: Content },
    /// One client publishes so many at a time, to one topic after the other, and who subscribes to that gets them.
    Publish { subscribers: usize, topics: Topics, at_once: usize, len: usize },
    /// Clients come and go: opening handshake, closing handshake.
    Connect { total: usize, at_once: usize },
    /// Clients that have had one message back each, and do nothing more.
    Idle { clients: usize, len: usize, content: Content },
}

/// What messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Binary, at random.
    Bytes,
    /// Text, at random.
    Text,
    /// JSON, and clients offer to compress it.
    Json,
}

/// A server in a scripting language gets a part of it where its whole would take minutes, or more than it can do.
const SLOW: usize = 5;

/// Who subscribes to what.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Topics {
    /// Each client to one of so many topics, and about as many to each.
    Spread(usize),
    /// Each client to all of so many.
    Every(usize),
}

/// A load at growing sizes.
pub struct Series {
    pub name: &'static str,
    pub about: &'static str,
    /// What there are so many of.
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
        load: Load::Connect { total: 12_000, at_once: 64 },
    },
    Workload {
        name: "idle",
        about: "10,000 clients that have had one message each",
        load: Load::Idle { clients: 10_000, len: 64, content: Content::Bytes },
    },
];

/// On servers that compress, and the same that do not.
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
    /// The name that readings of one size have.
    pub fn name_at(&self, size: usize) -> String {
        format!("{}-at-{size}", self.name)
    }
}

/// Whether there is a workload, or a series at some size, of that name.
pub fn is_known(name: &str) -> bool {
    WORKLOADS.iter().chain(&COMPRESSION).any(|workload| workload.name == name)
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

    /// Less of it, for a trial, or for a server that would take minutes.
    pub fn scaled(self, is_trial: bool, is_slow: bool) -> Self {
        let part = match (is_trial, is_slow) {
            (true, _) => 200,
            (false, true) => SLOW,
            (false, false) => 1,
        };
        match self {
            Load::Connect { total, at_once } => Load::Connect { total: total / part, at_once },
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
