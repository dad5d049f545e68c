//! Each publisher has one publish in flight, to one channel after the other. Nobody listens.

use std::error::Error;
use std::time::Instant;

use super::hall::{Hall, Happened};
use crate::load::crowd::Came;
use crate::load::script::Script;
use crate::load::{PATIENCE, POLL, Progress, Times};
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::HISTORY;

pub fn run(
    server: &Server,
    connections: usize,
    channels: usize,
    script: &Script,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let mut hall = Hall::open(server.address(), connections, channels, script)?;
    fill(&mut hall, channels * HISTORY)?;
    let mut progress = Progress::new(server, times);
    start(&mut hall, connections)?;
    while !progress.is_over() || hall.is_waiting() {
        let has_events = hall.wait(POLL)?;
        progress.tick(has_events)?;
        hall.go_on(|hall, what| {
            if let Happened::Answered(publisher, since) = what {
                let now = Instant::now();
                progress.took(now - since, 1);
                progress.came(Came { messages: 1, bytes: 0 });
                if !progress.is_over() {
                    next(hall, publisher, now)?;
                }
            }
            Ok(())
        })?;
    }
    progress.reading()
}

/// Publishes so many messages in all, by all publishers, and waits until all are answered.
pub fn fill(hall: &mut Hall<'_>, messages: usize) -> Result<(), Box<dyn Error>> {
    let end = hall.published + messages as u64;
    start(hall, hall.publishers.len().min(messages))?;
    let mut last = Instant::now();
    while hall.is_waiting() {
        if hall.wait(POLL)? {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return Err("answers did not come".into());
        }
        hall.go_on(|hall, what| match what {
            Happened::Answered(publisher, _) if hall.published < end => Ok(next(hall, publisher, Instant::now())?),
            _ => Ok(()),
        })?;
    }
    Ok(())
}

/// The first `publishers` publish a message each.
fn start(hall: &mut Hall<'_>, publishers: usize) -> Result<(), Box<dyn Error>> {
    (0..publishers).try_for_each(|publisher| Ok(next(hall, publisher, Instant::now())?))
}

/// Publishes to the next channel.
fn next(hall: &mut Hall<'_>, publisher: usize, now: Instant) -> std::io::Result<()> {
    let channel = hall.published as usize % hall.channels();
    hall.publish(publisher, channel, now)
}
