//! How long a bystander waits for its echo while others send as fast as they can: `cargo bench --bench fairness`.
//!
//! Everything runs on this machine, the clients too: with fewer cores than floods, the bystander also waits for a core.

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use common::flood::{Flood, Sink};
use common::raw::{self, BINARY, FIN, PING, TEXT};
use common::{Echo, TestServer};

/// Echoes measured, if they come within the time.
const ECHOES: usize = 5000;
const TIME: Duration = Duration::from_secs(2);

fn main() {
    // `cargo test --all-targets` runs it, too.
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("measures only as `cargo bench --bench fairness`");
    }
    let large = raw::frame(FIN | BINARY, &[7; 64 * 1024]);
    let small = raw::frame(FIN | TEXT, b"twenty bytes of text").repeat(2000);
    let pings = raw::frame(FIN | PING, b"").repeat(8000);
    println!("{:<42} {:>7} {:>9} {:>9} {:>9} {:>11}", "bystander's echo", "echoes", "p50", "p99", "max", "flood");
    measure("alone", Behaviour::Swallow, 0, &[]);
    for floods in [1, 2, 8] {
        measure(&format!("{floods} × 64 KiB frames, swallowed"), Behaviour::Swallow, floods, &large);
    }
    for floods in [1, 8] {
        measure(&format!("{floods} × 64 KiB frames, echoed"), Behaviour::Echo, floods, &large);
    }
    measure("2 × 20-byte messages, echoed", Behaviour::Echo, 2, &small);
    measure("2 × pings", Behaviour::Echo, 2, &pings);
}

/// What the server does with the flood.
enum Behaviour {
    Swallow,
    Echo,
}

fn measure(name: &str, behaviour: Behaviour, floods: usize, frames: &[u8]) {
    let server = match behaviour {
        Behaviour::Swallow => TestServer::serve(Sink),
        Behaviour::Echo => TestServer::serve(Echo),
    };
    let flood = Flood::default();
    let mut bystander = raw::open(server.addr(), "/");
    thread::scope(|scope| {
        let _until_then = flood.until_dropped();
        for _ in 0..floods {
            let stream = raw::open(server.addr(), "/");
            scope.spawn(|| flood.run(stream, frames));
        }
        // It is measured once the floods are under way.
        while flood.sent() < 20 * floods as u64 {
            thread::yield_now();
        }
        let (start, sent) = (Instant::now(), flood.sent());
        let mut waits = Vec::with_capacity(ECHOES);
        while waits.len() < ECHOES && start.elapsed() < TIME {
            let asked = Instant::now();
            bystander.write_all(&raw::text("still there?")).expect("the server takes it");
            assert_eq!(raw::read_text(&mut bystander), "still there?");
            waits.push(asked.elapsed());
        }
        let bytes = (flood.sent() - sent) as f64 * frames.len() as f64;
        report(name, waits, bytes / start.elapsed().as_secs_f64());
    });
}

fn report(name: &str, mut waits: Vec<Duration>, bytes_per_second: f64) {
    waits.sort_unstable();
    let micros = |share: f64| {
        let at = ((waits.len() - 1) as f64 * share).round() as usize;
        format!("{:.0} µs", waits[at].as_secs_f64() * 1e6)
    };
    let (p50, p99, max) = (micros(0.5), micros(0.99), micros(1.0));
    let flood = format!("{:.0} MB/s", bytes_per_second / 1e6);
    println!("{name:<42} {:>7} {p50:>9} {p99:>9} {max:>9} {flood:>11}", waits.len());
}
