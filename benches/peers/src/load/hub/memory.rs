//! Measures the memory for listeners, channels and kept messages.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use super::CHANNEL;
use super::hall::{Hall, Happened};
use super::publish::fill;
use crate::load::script::Script;
use crate::load::walker::Form;
use crate::load::{PATIENCE, POLL};
use crate::process::Server;
use crate::readings::Reading;

/// A server may free memory a moment later.
const REST: Duration = Duration::from_millis(500);

/// Memory for each of `count` listeners of one channel, after each has heard a message.
pub fn listeners(server: &Server, count: usize, form: Form, script: &Script) -> Result<Reading, Box<dyn Error>> {
    let mut hall = Hall::open(server.address(), 1, 1, script)?;
    // The first listener makes the server allocate what all share. That memory is not counted.
    hall.listen(1, form, |_| CHANNEL)?;
    hear(&mut hall)?;
    let grown = Grown::since(server)?;
    hall.listen(count, form, |_| CHANNEL)?;
    hear(&mut hall)?;
    grown.by(count)
}

/// Memory for each of `count` channels, which one listener hears, and to which nothing is published.
pub fn channels(server: &Server, count: usize, script: &Script) -> Result<Reading, Box<dyn Error>> {
    let mut hall = Hall::open(server.address(), 0, 0, script)?;
    hall.listen(1, Form::Plain, |at| at)?;
    let grown = Grown::since(server)?;
    hall.listen(count, Form::Plain, |at| at)?;
    grown.by(count)
}

/// Memory for each message, if `each` are kept in each of the channels, without the first of each.
pub fn messages(server: &Server, channels: usize, each: usize, script: &Script) -> Result<Reading, Box<dyn Error>> {
    let mut hall = Hall::open(server.address(), 1, channels, script)?;
    fill(&mut hall, channels)?;
    let grown = Grown::since(server)?;
    let more = channels * (each - 1);
    fill(&mut hall, more)?;
    grown.by(more)
}

/// Publishes a message that all listeners hear.
fn hear(hall: &mut Hall<'_>) -> Result<(), Box<dyn Error>> {
    hall.publish(0, CHANNEL, Instant::now())?;
    let (mut heard, mut last) = (0, Instant::now());
    while heard < hall.listeners.len() as u64 || hall.is_waiting() {
        if hall.wait(POLL)? {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return Err("messages did not come".into());
        }
        hall.go_on(|_, what| {
            if let Happened::Heard(_, came) = what {
                heard += came.messages;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The growth of a server's memory.
struct Grown<'a> {
    server: &'a Server,
    all: f64,
    shared: f64,
}

impl<'a> Grown<'a> {
    fn since(server: &'a Server) -> Result<Self, Box<dyn Error>> {
        thread::sleep(REST);
        Ok(Grown { server, all: server.memory()?, shared: server.shared_memory()? })
    }

    /// The growth for each of `count` things.
    fn by(self, count: usize) -> Result<Reading, Box<dyn Error>> {
        let now = Grown::since(self.server)?;
        let each = |now: f64, then: f64| (now - then) / count as f64;
        let (bytes_each, shared_each) = (each(now.all, self.all), each(now.shared, self.shared));
        Ok(Reading { bytes_each, shared_each, ..Reading::NONE })
    }
}
