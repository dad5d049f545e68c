//! Clients that each keep some messages in flight: for every one that comes back they send another.

use std::error::Error;
use std::time::Instant;

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{POLL, Progress, Times};
use crate::process::Server;
use crate::readings::Reading;

pub fn run(
    server: &Server,
    clients: usize,
    in_flight: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut clients = open_all(server.address(), "/echo", clients)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    for (at, client) in clients.iter_mut().enumerate() {
        client.register(&poll, at)?;
        client.send(in_flight as u64, Instant::now(), script)?;
    }
    let mut buffer = vec![0; BUFFER];
    let mut progress = Progress::new(server, times);
    // When the time is over nothing more is sent, and all that is in flight has to come.
    while !progress.is_over() || clients.iter().any(|client| client.in_flight() > 0) {
        poll.poll(&mut events, Some(POLL))?;
        progress.tick(!events.is_empty())?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush(script)?;
            }
            if !event.is_readable() {
                continue;
            }
            let messages = client.receive(&mut buffer, script)?;
            if messages == 0 {
                continue;
            }
            let now = Instant::now();
            progress.came(messages);
            client.settle(messages, now, |span, messages| progress.took(span, messages));
            if !progress.is_over() {
                client.send(messages, now, script)?;
            }
        }
    }
    progress.reading()
}
