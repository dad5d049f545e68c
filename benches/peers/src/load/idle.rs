//! Clients that have had one message each, and then do nothing: what they cost in memory.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{PATIENCE, POLL};
use crate::process::Server;
use crate::readings::Reading;

/// A server may tidy up a moment later.
const REST: Duration = Duration::from_millis(300);

pub fn run(server: &Server, clients: usize) -> Result<Reading, Box<dyn Error>> {
    thread::sleep(REST);
    let before = server.memory()?;
    let begin = Instant::now();
    let mut clients = open_all(server.address(), "/echo", clients)?;
    let opened = begin.elapsed();
    let script = Script::new(64, false, 1);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    for (at, client) in clients.iter_mut().enumerate() {
        client.register(&poll, at)?;
        client.send(1, Instant::now(), &script)?;
    }
    let (mut buffer, mut last) = (vec![0; BUFFER], Instant::now());
    let mut answered = 0;
    while answered < clients.len() as u64 {
        poll.poll(&mut events, Some(POLL))?;
        let now = Instant::now();
        if !events.is_empty() {
            last = now;
        } else if now - last > PATIENCE {
            return Err("answers have not come".into());
        }
        for event in events.iter().filter(|event| event.is_readable()) {
            answered += clients[event.token().0].receive(&mut buffer, &script)?;
        }
    }
    thread::sleep(REST);
    let after = server.memory()?;
    let count = clients.len() as f64;
    Ok(Reading {
        per_second: count / opened.as_secs_f64(),
        bytes_each: (after - before) / count,
        start_kib: before / 1024.0,
        start_ms: server.start.as_secs_f64() * 1e3,
        ..Reading::NONE
    })
}
