//! One client that publishes some messages at once, each to the next topic, and clients that subscribe to topics. When
//! all have got theirs it publishes again.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{PATIENCE, POLL, Times, Window};
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::Topics;

/// A server may tidy up a moment later.
const REST: Duration = Duration::from_millis(300);

pub fn run(
    server: &Server,
    subscribers: usize,
    topics: Topics,
    at_once: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    thread::sleep(REST);
    let before = server.memory()?;
    let mut clients = open_all(server.address(), "/topics", subscribers + 1)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    // The last of them publishes, and subscribes to nothing.
    for (at, client) in clients.iter_mut().enumerate() {
        match topics {
            _ if at == subscribers => {}
            Topics::Spread(count) => {
                client.subscribe(at % count..at % count + 1, ((at % count) as u64, count as u64))?;
            }
            Topics::Every(count) => client.subscribe(0..count, (0, 1))?,
        }
        client.register(&poll, at)?;
    }
    thread::sleep(REST);
    let bytes_each = (server.memory()? - before) / clients.len() as f64;
    // What comes of the messages that are sent at once.
    let deliveries = match topics {
        Topics::Spread(count) => subscribers * at_once / count,
        Topics::Every(_) => subscribers * at_once,
    } as u64;
    let mut buffer = vec![0; BUFFER];
    let start = Instant::now() + times.warm_up;
    let end = start + times.measured;
    let (mut window, mut last) = (None::<Window<'_>>, Instant::now());
    let mut sent = last;
    let mut come = 0;
    clients[subscribers].send(at_once as u64, sent, script)?;
    loop {
        poll.poll(&mut events, Some(POLL))?;
        let now = Instant::now();
        if !events.is_empty() {
            last = now;
        } else if now - last > PATIENCE {
            return Err(format!("of {deliveries} deliveries only {come} have come").into());
        }
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush(script)?;
            }
            if event.is_readable() {
                come += client.receive(&mut buffer, script)?;
            }
        }
        if come > deliveries {
            return Err("a message came twice".into());
        }
        if come < deliveries {
            continue;
        }
        come = 0;
        let now = Instant::now();
        // Whole rounds are measured.
        window = match window {
            Some(mut window) => {
                window.messages += deliveries;
                window.took(now - sent, deliveries);
                if now > end {
                    return Ok(Reading { bytes_each, ..window.close()? });
                }
                Some(window)
            }
            None if now > start => Some(Window::open(server)?),
            None => None,
        };
        sent = Instant::now();
        clients[subscribers].send(at_once as u64, sent, script)?;
    }
}
