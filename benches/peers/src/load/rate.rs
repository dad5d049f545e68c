//! So many messages a second, whether they are answered or not, over all clients in turn. Latency is counted from when a
//! message was due, so that a server that stands still is not spared what piles up.

use std::error::Error;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{Progress, Times};
use crate::process::Server;
use crate::readings::Reading;

pub fn run(
    server: &Server,
    clients: usize,
    per_second: u32,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut clients = open_all(server.address(), "/echo", clients)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    for (at, client) in clients.iter_mut().enumerate() {
        client.register(&poll, at)?;
    }
    let mut buffer = vec![0; BUFFER];
    let gap = Duration::from_secs(1) / per_second;
    let (mut due, mut turn) = (Instant::now(), 0);
    let mut progress = Progress::new(server, times);
    while !progress.is_over() || clients.iter().any(|client| client.in_flight() > 0) {
        // Without a pause: waking up would take longer than many an answer.
        poll.poll(&mut events, Some(Duration::ZERO))?;
        progress.tick(!events.is_empty())?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush(script)?;
            }
            if event.is_readable() {
                let messages = client.receive(&mut buffer, script)?;
                progress.came(messages);
                client.settle(messages, Instant::now(), |span, messages| progress.took(span, messages));
            }
        }
        let now = Instant::now();
        while due <= now && !progress.is_over() {
            clients[turn].send(1, due, script)?;
            turn = (turn + 1) % clients.len();
            due += gap;
        }
    }
    progress.reading()
}
