//! Measures the memory for clients that have received one message each and then do nothing.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Compression;
use super::crowd::Crowd;
use super::script::Script;
use super::{PATIENCE, POLL};
use crate::process::Server;
use crate::readings::Reading;

/// A server may free memory a moment later.
const REST: Duration = Duration::from_millis(300);
/// The number of connections if each keeps a context of some hundred KiB.
const HEAVY: usize = 20;

pub fn run(server: &Server, clients: usize, script: &Script) -> Result<Reading, Box<dyn Error>> {
    thread::sleep(REST);
    let start = server.memory()?;
    // The first client makes the server allocate what all connections share. That memory is not counted.
    let mut crowd = Crowd::open(server, "/echo", 1, script)?;
    exchange(&mut crowd, 0, script)?;
    let takes_over = crowd.clients[0].compression == Some(Compression::Takeover);
    let more = (if takes_over { clients / HEAVY } else { clients }).max(1);
    thread::sleep(REST);
    let before = server.memory()?;
    let begin = Instant::now();
    crowd.join(server, "/echo", more)?;
    let opened = begin.elapsed();
    exchange(&mut crowd, 1, script)?;
    thread::sleep(REST);
    let count = more as f64;
    Ok(Reading {
        per_second: count / opened.as_secs_f64(),
        bytes_each: (server.memory()? - before) / count,
        start_kib: start / 1024.0,
        start_ms: server.start.as_secs_f64() * 1e3,
        ..Reading::NONE
    })
}

/// Each client from index `from` on sends one message and receives it back.
fn exchange(crowd: &mut Crowd<'_>, from: usize, script: &Script) -> Result<(), Box<dyn Error>> {
    for client in &mut crowd.clients[from..] {
        client.send(1, Instant::now(), script)?;
    }
    let mut last = Instant::now();
    while crowd.has_in_flight() {
        if crowd.wait(POLL)? {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return Err("answers did not come".into());
        }
        crowd.go_on(|_, _, _| Ok(()))?;
    }
    Ok(())
}
