//! Clients that each keep some messages in flight: for every one that comes back they send another.

use std::error::Error;
use std::time::Instant;

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{PATIENCE, POLL, Times, Window};
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
    let start = Instant::now() + times.warm_up;
    let end = start + times.measured;
    let (mut window, mut reading, mut last) = (None::<Window<'_>>, None, Instant::now());
    // When the time is over nothing more is sent, and all that is in flight has to come.
    while reading.is_none() || clients.iter().any(|client| client.in_flight() > 0) {
        poll.poll(&mut events, Some(POLL))?;
        let now = Instant::now();
        if reading.is_none() {
            match window.take() {
                Some(open) if now > end && open.has_messages() => reading = Some(open.close()?),
                None if now > start => window = Some(Window::open(server)?),
                other => window = other,
            }
        }
        if !events.is_empty() {
            last = now;
        } else if now - last > PATIENCE {
            return Err("answers have not come".into());
        }
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush(script)?;
            }
            if !event.is_readable() {
                continue;
            }
            let messages = client.receive(&mut buffer, script)?;
            let now = Instant::now();
            client.settle(messages, now, |span, messages| {
                if let Some(window) = &mut window {
                    window.took(span, messages);
                    window.messages += messages;
                }
            });
            if messages > 0 && reading.is_none() {
                client.send(messages, now, script)?;
            }
        }
    }
    reading.ok_or_else(|| "no time was measured".into())
}
