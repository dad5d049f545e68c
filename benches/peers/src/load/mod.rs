//! The load generator: one thread, edge-triggered, and as cheap as it can be made, so that the server is what is measured.
//! Frames are masked and encoded before the clock starts; of the answers all headers are checked, and every thousandth
//! payload.

mod broadcast;
mod client;
mod connect;
mod crowd;
mod echo;
mod idle;
mod publish;
mod quotes;
mod rate;
mod script;
mod walker;

use std::error::Error;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use self::crowd::{Came, Crowd};
use self::script::Script;
use crate::process::Server;
use crate::readings::Reading;
use crate::workload::{Content, Load};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a poll waits at most, so that the clock is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long a load is put on a server.
#[derive(Clone, Copy)]
pub struct Times {
    /// Before anything counts.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// Puts a load on a server. Whatever is lost, altered or refused is an error: such a reading does not count.
pub fn run(load: Load, server: &Server, times: Times) -> Result<Reading, Box<dyn Error>> {
    match load {
        Load::Echo { clients, silent, in_flight, len, content } => {
            let script = Script::new(len, content, in_flight);
            // They are there until the load is over.
            let _silent = Crowd::open(server.address(), "/echo", silent, &script)?;
            echo::run(server, clients, in_flight, &script, times)
        }
        Load::Rate { clients, per_second, len } => {
            let script = Script::new(len, Content::Bytes, 1);
            rate::run(server, clients, per_second, &script, times)
        }
        Load::Broadcast { clients, in_flight, len, content } => {
            let script = Script::new(len, content, in_flight);
            broadcast::run(server, clients, in_flight, &script, times)
        }
        Load::Publish { subscribers, topics, at_once, len } => {
            let script = Script::for_topics(len, topics.count(), at_once);
            publish::run(server, subscribers, topics, at_once, &script, times)
        }
        Load::Connect { total, at_once } => connect::run(server, total, at_once),
        Load::Idle { clients, len, content } => idle::run(server, clients, &Script::new(len, content, 1)),
    }
}

/// How far a measurement is: warm-up, the time that counts, and then the waiting for all that is in flight.
struct Progress<'a> {
    server: &'a Server,
    start: Instant,
    end: Instant,
    window: Option<Window<'a>>,
    reading: Option<Reading>,
    /// When something has happened.
    last: Instant,
}

impl<'a> Progress<'a> {
    fn new(server: &'a Server, times: Times) -> Self {
        let last = Instant::now();
        let start = last + times.warm_up;
        Progress { server, start, end: start + times.measured, window: None, reading: None, last }
    }

    /// Looks at the clock after a poll.
    fn tick(&mut self, has_events: bool) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        if has_events {
            self.last = now;
        } else if now - self.last > PATIENCE {
            return Err("answers have not come".into());
        }
        if self.reading.is_none() {
            match self.window.take() {
                // On a machine with much else to do an answer may take longer than planned.
                Some(window) if now > self.end && !window.latency.is_empty() => self.reading = Some(window.close()?),
                None if now > self.start => self.window = Some(Window::open(self.server)?),
                window => self.window = window,
            }
        }
        Ok(())
    }

    /// Nothing more is to be sent.
    fn is_over(&self) -> bool {
        self.reading.is_some()
    }

    /// So many messages took that long, if it counts.
    fn took(&mut self, span: Duration, messages: u64) {
        if let Some(window) = &mut self.window {
            window.took(span, messages);
        }
    }

    /// This has come, if it counts.
    fn came(&mut self, Came { messages, bytes }: Came) {
        if let Some(window) = &mut self.window {
            window.messages += messages;
            window.bytes += bytes;
        }
    }

    fn reading(self) -> Result<Reading, Box<dyn Error>> {
        self.reading.ok_or_else(|| "nothing was measured".into())
    }
}

/// The time that counts.
struct Window<'a> {
    server: &'a Server,
    begin: Instant,
    processor_time: Duration,
    latency: Histogram<u64>,
    messages: u64,
    /// Of WebSocket frames.
    bytes: u64,
}

impl<'a> Window<'a> {
    fn open(server: &'a Server) -> Result<Self, Box<dyn Error>> {
        let latency = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
        let processor_time = server.processor_time()?;
        Ok(Window { server, processor_time, begin: Instant::now(), latency, messages: 0, bytes: 0 })
    }

    /// So many messages took that long, from their sending to their answer.
    fn took(&mut self, span: Duration, messages: u64) {
        // A minute is more than anything is waited for.
        self.latency.saturating_record_n(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1), messages);
    }

    fn close(self) -> Result<Reading, Box<dyn Error>> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let used = (self.server.processor_time()? - self.processor_time).as_secs_f64();
        let micros = |share| self.latency.value_at_quantile(share) as f64 / 1e3;
        Ok(Reading {
            cpu_us: used * 1e6 / self.messages as f64,
            per_second: self.messages as f64 / seconds,
            busy: used / seconds,
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            bytes: self.bytes as f64 / self.messages as f64,
            ..Reading::NONE
        })
    }
}
