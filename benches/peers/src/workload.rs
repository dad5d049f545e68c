//! What is measured.

/// A load, and what is said of it.
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub load: Load,
}

/// What clients do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// Each client keeps so many messages in flight, and gets each of them back.
    Echo { clients: usize, in_flight: usize, len: usize, is_text: bool },
    /// All clients together send so many in a second, in turn, and get them back.
    Rate { clients: usize, per_second: u32, len: usize },
    /// One client keeps so many in flight, and everybody gets them.
    Broadcast { clients: usize, in_flight: usize, len: usize },
    /// Clients come and go: opening handshake, closing handshake.
    Connect { total: usize, at_once: usize },
    /// Clients that have had one message back each, and do nothing more.
    Idle { clients: usize },
}

/// A server in a scripting language gets a part of it where its whole would take minutes, or more than it can do.
const SLOW: usize = 5;

pub const WORKLOADS: [Workload; 11] = [
    echo("echo-small", "64 clients, 20 bytes, one message in flight", 64, 1, 20),
    echo("echo-pipe16", "64 clients, 64 bytes, 16 messages in flight", 64, 16, 64),
    Workload {
        name: "echo-text",
        about: "64 clients, 1 KiB of text, 4 messages in flight",
        load: Load::Echo { clients: 64, in_flight: 4, len: 1024, is_text: true },
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
        load: Load::Idle { clients: 10_000 },
    },
];

const fn echo(name: &'static str, about: &'static str, clients: usize, in_flight: usize, len: usize) -> Workload {
    Workload { name, about, load: Load::Echo { clients, in_flight, len, is_text: false } }
}

const fn broadcast(name: &'static str, about: &'static str, clients: usize, in_flight: usize) -> Workload {
    Workload { name, about, load: Load::Broadcast { clients, in_flight, len: 128 } }
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
            Load::Idle { clients } => Load::Idle { clients: clients / part },
            Load::Rate { clients, per_second, len } if is_slow => {
                Load::Rate { clients, per_second: per_second / SLOW as u32, len }
            }
            Load::Broadcast { clients, in_flight, len } if is_trial => {
                Load::Broadcast { clients: clients / part, in_flight, len }
            }
            other => other,
        }
    }
}
