//! One client that keeps some messages in flight, each of which goes to all, itself included. A message is through when
//! the last has got it.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::{BUFFER, open_all};
use super::script::Script;
use super::{PATIENCE, POLL, Times, Window};
use crate::process::Server;
use crate::readings::Reading;

/// A server may enter a member a moment after it has answered the handshake.
const ENTER: Duration = Duration::from_millis(200);

pub fn run(
    server: &Server,
    members: usize,
    in_flight: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut clients = open_all(server.address(), "/broadcast", members)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    for (at, client) in clients.iter_mut().enumerate() {
        client.register(&poll, at)?;
    }
    thread::sleep(ENTER);
    let mut buffer = vec![0; BUFFER];
    // How many have got each of the messages that are in flight.
    let mut deliveries = vec![0; in_flight];
    let start = Instant::now() + times.warm_up;
    let end = start + times.measured;
    let (mut window, mut reading, mut last) = (None::<Window<'_>>, None, Instant::now());
    let mut through = 0;
    clients[0].send(in_flight as u64, Instant::now(), script)?;
    while reading.is_none() || through < clients[0].asked() {
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
            return Err(format!("a message has not come to all; {through} have").into());
        }
        for event in &events {
            let asked = clients[0].asked();
            let client = &mut clients[event.token().0];
            if event.is_writable() {
                client.flush(script)?;
            }
            if !event.is_readable() {
                continue;
            }
            let first = client.answered;
            let messages = client.receive(&mut buffer, script)?;
            if first + messages > asked {
                return Err("a message came twice".into());
            }
            let mut ended = 0;
            for message in first..first + messages {
                let got = &mut deliveries[(message % in_flight as u64) as usize];
                *got += 1;
                if *got == members {
                    *got = 0;
                    ended += 1;
                }
            }
            if let Some(window) = &mut window {
                window.messages += messages;
            }
            if ended == 0 {
                continue;
            }
            through += ended;
            let now = Instant::now();
            clients[0].settle(ended, now, |span, messages| {
                if let Some(window) = &mut window {
                    window.took(span, messages);
                }
            });
            if reading.is_none() {
                clients[0].send(ended, now, script)?;
            }
        }
    }
    reading.ok_or_else(|| "no time was measured".into())
}
