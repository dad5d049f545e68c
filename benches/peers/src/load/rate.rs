//! Sends a fixed number of messages a second, from each client in turn, whether they are answered or not. Latency
//! counts from the time when a message was due, so that a server that stalls is charged for all messages that wait.

use std::error::Error;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
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
    let mut crowd = Crowd::open(server, "/echo", clients, script)?;
    let gap = Duration::from_secs(1) / per_second;
    let (mut due, mut turn) = (Instant::now(), 0);
    let mut progress = Progress::new(server, times);
    while !progress.is_over() || crowd.has_in_flight() {
        // Polls without a pause, because waking up may take longer than an answer.
        let has_events = crowd.wait(Duration::ZERO)?;
        progress.tick(has_events)?;
        crowd.go_on(|clients, at, came| {
            progress.came(came);
            clients[at].settle(came.messages, Instant::now(), |span, messages| progress.took(span, messages));
            Ok(())
        })?;
        let now = Instant::now();
        while due <= now && !progress.is_over() {
            crowd.clients[turn].send(1, due, script)?;
            turn = (turn + 1) % clients;
            due += gap;
        }
    }
    progress.reading()
}
