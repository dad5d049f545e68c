//! One client keeps some messages in flight, each of which goes to all clients, itself included. A message is delivered
//! when the last client has received it.

use std::error::Error;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::crowd::{Came, Crowd};
use super::script::Script;
use super::{POLL, Progress, Times};
use crate::process::Server;
use crate::readings::Reading;

/// A server may add a member a moment after it has answered the handshake.
pub const ENTER: Duration = Duration::from_millis(200);

pub fn run(
    server: &Server,
    members: usize,
    in_flight: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut crowd = Crowd::open(server, "/broadcast", members, script)?;
    thread::sleep(ENTER);
    let mut deliveries = Deliveries::new(members, in_flight);
    let mut progress = Progress::new(server, times);
    let mut through = 0;
    crowd.clients[0].send(in_flight as u64, Instant::now(), script)?;
    while !progress.is_over() || through < crowd.clients[0].asked() {
        let has_events = crowd.wait(POLL)?;
        progress.tick(has_events)?;
        crowd.go_on(|clients, at, came @ Came { messages, .. }| {
            let end = clients[at].answered;
            if end > clients[0].asked() {
                return Err("a message came twice".into());
            }
            progress.came(came);
            let ended = deliveries.note(end - messages..end);
            if ended > 0 {
                through += ended;
                let now = Instant::now();
                clients[0].settle(ended, now, |span, messages| progress.took(span, messages));
                if !progress.is_over() {
                    clients[0].send(ended, now, script)?;
                }
            }
            Ok(())
        })?;
    }
    progress.reading()
}

/// Counts the clients that have received each message in flight.
pub struct Deliveries {
    members: usize,
    counts: Vec<usize>,
}

impl Deliveries {
    /// Counts for at most `in_flight` messages at a time.
    pub fn new(members: usize, in_flight: usize) -> Self {
        Deliveries { members, counts: vec![0; in_flight] }
    }

    /// Notes that one client has received these messages. Returns how many of them all clients have received by now.
    pub fn note(&mut self, messages: Range<u64>) -> u64 {
        let in_flight = self.counts.len() as u64;
        let mut ended = 0;
        for message in messages {
            let got = &mut self.counts[(message % in_flight) as usize];
            *got += 1;
            if *got == self.members {
                *got = 0;
                ended += 1;
            }
        }
        ended
    }
}
