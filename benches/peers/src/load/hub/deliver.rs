//! All listeners hear one channel. A message is delivered when the last listener has received it.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::CHANNEL;
use super::hall::{Hall, Happened};
use crate::load::broadcast::{Deliveries, ENTER};
use crate::load::script::Script;
use crate::load::walker::Form;
use crate::load::{POLL, Progress, Times};
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::Pace;

/// Connections that publish at a fixed rate, of which some may wait for an answer.
const PUBLISHERS: usize = 8;
/// The most messages in flight at a fixed rate. If more are due, they wait.
const MOST: usize = 64;

pub fn run(
    server: &Server,
    listeners: usize,
    form: Form,
    script: &Script,
    pace: Pace,
    times: Times,
) -> Result<Reading, Box<dyn Error>> {
    let (publishers, most) = match pace {
        Pace::InFlight(most) => (most, most),
        Pace::PerSecond(_) => (PUBLISHERS, MOST),
    };
    let mut hall = Hall::open(server.address(), publishers, 1, script)?;
    hall.listen(listeners, form, |_| CHANNEL)?;
    thread::sleep(ENTER);
    let mut progress = Progress::new(server, times);
    let mut clock = Clock::new(pace);
    let (mut deliveries, mut in_flight, mut through) = (Deliveries::new(listeners, most), VecDeque::new(), 0);
    while !progress.is_over() || through < hall.published || hall.is_waiting() {
        if !progress.is_over() {
            clock.publish(&mut hall, &mut in_flight, most)?;
        }
        let has_events = hall.wait(clock.timeout())?;
        progress.tick(has_events)?;
        hall.go_on(|hall, what| {
            let Happened::Heard(at, came) = what else { return Ok(()) };
            let end = hall.listeners[at].heard;
            if end > hall.published {
                return Err("a message came twice".into());
            }
            progress.came(came);
            let ended = deliveries.note(end - came.messages..end);
            through += ended;
            let now = Instant::now();
            for due in (0..ended).filter_map(|_| in_flight.pop_front()) {
                progress.took(now.saturating_duration_since(due), 1);
            }
            Ok(())
        })?;
    }
    progress.reading()
}

/// Tells when messages are due.
enum Clock {
    /// As soon as there is room for another one in flight.
    Always,
    Every {
        gap: Duration,
        next: Instant,
    },
}

impl Clock {
    fn new(pace: Pace) -> Self {
        match pace {
            Pace::InFlight(_) => Clock::Always,
            Pace::PerSecond(rate) => Clock::Every { gap: Duration::from_secs(1) / rate, next: Instant::now() },
        }
    }

    /// Publishes the messages that are due, as far as publishers are free.
    fn publish(&mut self, hall: &mut Hall<'_>, in_flight: &mut VecDeque<Instant>, most: usize) -> io::Result<()> {
        let now = Instant::now();
        while in_flight.len() < most
            && let Some(publisher) = hall.publishers.iter().position(|publisher| !publisher.is_waiting())
        {
            let due = match self {
                Clock::Always => now,
                Clock::Every { next, .. } if *next > now => break,
                Clock::Every { gap, next } => {
                    *next += *gap;
                    *next - *gap
                }
            };
            in_flight.push_back(due);
            hall.publish(publisher, CHANNEL, due)?;
        }
        Ok(())
    }

    /// How long a poll may wait. At a fixed rate, it does not wait, because waking up may take longer than a delivery.
    fn timeout(&self) -> Duration {
        if let Clock::Always = self { POLL } else { Duration::ZERO }
    }
}
