//! The workloads for servers that speak TLS, and the goals of Sockhop on them.

use super::{Content, Key, Load, Workload, broadcast, echo};

pub const TLS: [Workload; 10] = [
    echo("echo-small", "64 clients, 20 bytes, one message in flight", 64, 1, 20),
    echo("echo-pipe16", "64 clients, 64 bytes, 16 messages in flight", 64, 16, 64),
    echo("echo-4k", "64 clients, 4 KiB, one message in flight", 64, 1, 4096),
    echo("echo-1m", "8 clients, 1 MiB, one message in flight", 8, 1, 1 << 20),
    broadcast("bcast-1000", "1,000 clients, 128 bytes, one message in flight; per delivery", 1000, 1),
    connect("connect", "all handshakes of a connection and its end, 64 clients at a time, P-256", Key::P256, false),
    connect("connect-resumed", "the same, sessions resumed", Key::P256, true),
    connect("connect-rsa", "the same with RSA of 2,048 bits, no session resumed", Key::Rsa2048, false),
    connect("connect-rsa-resumed", "the same, sessions resumed", Key::Rsa2048, true),
    Workload {
        name: "idle",
        about: "10,000 clients that have had one message each",
        load: Load::Idle { clients: 10_000, len: 64, content: Content::Bytes },
    },
];

/// The most that TLS may cost on a workload.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Goal {
    /// Processor time, as a multiple of that without TLS.
    Times(f64),
    /// Memory of an idle connection.
    Bytes(f64),
}

/// The goals, each with the name of its workload.
pub const GOALS: [(&str, Goal); 6] = [
    ("echo-small", Goal::Times(1.2)),
    ("echo-pipe16", Goal::Times(1.3)),
    ("echo-4k", Goal::Times(2.0)),
    ("echo-1m", Goal::Times(4.0)),
    ("bcast-1000", Goal::Times(1.35)),
    ("idle", Goal::Bytes(3800.0)),
];

const fn connect(name: &'static str, about: &'static str, key: Key, resumes: bool) -> Workload {
    Workload { name, about, load: Load::Connect { total: 12_000, at_once: 64, key, resumes } }
}
