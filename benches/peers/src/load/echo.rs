//! Each client keeps some messages in flight: it sends one more for each that comes back.

use std::error::Error;
use std::time::Instant;

use super::crowd::{Came, Crowd};
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
    let mut crowd = Crowd::open(server, "/echo", clients, script)?;
    for client in &mut crowd.clients {
        client.send(in_flight as u64, Instant::now(), script)?;
    }
    let mut progress = Progress::new(server, times);
    // When the time is over, nothing more is sent, but all messages in flight must still come back.
    while !progress.is_over() || crowd.has_in_flight() {
        let has_events = crowd.wait(POLL)?;
        progress.tick(has_events)?;
        crowd.go_on(|clients, at, came @ Came { messages, .. }| {
            let now = Instant::now();
            progress.came(came);
            clients[at].settle(messages, now, |span, messages| progress.took(span, messages));
            if messages > 0 && !progress.is_over() {
                clients[at].send(messages, now, script)?;
            }
            Ok(())
        })?;
    }
    progress.reading()
}
