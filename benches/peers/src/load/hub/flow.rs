//! Publishes so many messages a second, each to the next channel, which has a publisher and a listener of its own.
//! Latency counts from the time when a message was due until its listener has it.

use std::collections::VecDeque;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use super::hall::{Hall, Happened};
use crate::load::broadcast::ENTER;
use crate::load::script::Script;
use crate::load::walker::Form;
use crate::load::{Progress, Times};
use crate::process::Server;
use crate::readings::Reading;

pub fn run(
    server: &Server,
    channels: usize,
    per_second: u32,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut hall = Hall::open(server.address(), channels, channels, script)?;
    hall.listen(channels, Form::Plain, |at| at)?;
    thread::sleep(ENTER);
    // Messages that are due while the publisher of their channel waits for an answer.
    let mut waiting = vec![VecDeque::new(); channels];
    let gap = Duration::from_secs(1) / per_second;
    let (mut due, mut turn) = (Instant::now(), 0);
    let mut progress = Progress::new(server, times);
    while !progress.is_over() || hall.is_waiting() || hall.listeners.iter().any(|listener| !listener.due.is_empty()) {
        // Polls without a pause, because waking up may take longer than an answer.
        let has_events = hall.wait(Duration::ZERO)?;
        progress.tick(has_events)?;
        hall.go_on(|hall, what| match what {
            Happened::Heard(at, came) => {
                progress.came(came);
                let now = Instant::now();
                for _ in 0..came.messages {
                    let due: Instant = hall.listeners[at].due.pop_front().ok_or("a message came twice")?;
                    progress.took(now.saturating_duration_since(due), 1);
                }
                Ok(())
            }
            Happened::Answered(at, _) => match waiting[at].pop_front() {
                Some(due) => Ok(hall.publish(at, at, due)?),
                None => Ok(()),
            },
        })?;
        let now = Instant::now();
        while due <= now && !progress.is_over() {
            hall.listeners[turn].due.push_back(due);
            if hall.publishers[turn].is_waiting() {
                waiting[turn].push_back(due);
            } else {
                hall.publish(turn, turn, due)?;
            }
            turn = (turn + 1) % channels;
            due += gap;
        }
    }
    progress.reading()
}
