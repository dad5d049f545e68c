//! The load generator: one thread, edge-triggered, and as cheap as possible, so that it does not limit the server.
//!
//! Frames are masked and encoded before the clock starts. All headers of the answers are checked, and every thousandth
//! payload.

mod broadcast;
mod client;
mod connect;
mod crowd;
mod echo;
mod hub;
mod idle;
mod publish;
mod quotes;
mod rate;
mod script;
mod stream;
mod walker;

use std::error::Error;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use self::crowd::{Came, Crowd};
use self::script::Script;
use crate::process::{Server, own_processor_time};
use crate::readings::Reading;
use crate::workload::{Content, Load};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait of a poll, so that the clock is checked in time.
const POLL: Duration = Duration::from_millis(50);

/// The times of a measurement.
#[derive(Clone, Copy)]
pub struct Times {
    /// The time before measuring starts.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// Puts a load on a server. A lost, altered or refused message is an error, and there is no reading then.
pub fn run(load: Load, server: &Server, times: Times) -> Result<Reading, Box<dyn Error>> {
    match load {
        Load::Echo { clients, silent, in_flight, len, content } => {
            let script = Script::new(len, content, in_flight);
            // Dropped when the load is over.
            let _silent = Crowd::open(server, "/echo", silent, &script)?;
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
        Load::Connect { total, at_once, .. } => connect::run(server, total, at_once),
        Load::Idle { clients, len, content } => idle::run(server, clients, &Script::new(len, content, 1)),
        Load::Hub(load) => hub::run(load, server, times),
    }
}

/// The progress of a measurement: warm-up, measured time, and then waiting for all messages in flight.
struct Progress<'a> {
    server: &'a Server,
    start: Instant,
    end: Instant,
    window: Option<Window<'a>>,
    reading: Option<Reading>,
    /// The time of the last event.
    last: Instant,
}

impl<'a> Progress<'a> {
    fn new(server: &'a Server, times: Times) -> Self {
        let last = Instant::now();
        let start = last + times.warm_up;
        Progress { server, start, end: start + times.measured, window: None, reading: None, last }
    }

    /// Checks the clock after a poll.
    fn tick(&mut self, has_events: bool) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        if has_events {
            self.last = now;
        } else if now - self.last > PATIENCE {
            return Err("answers did not come".into());
        }
        if self.reading.is_none() {
            match self.window.take() {
                // On a busy machine, the first answer may take longer than the measured time.
                Some(window) if now > self.end && !window.latency.is_empty() => self.reading = Some(window.close()?),
                None if now > self.start => self.window = Some(Window::open(self.server)?),
                window => self.window = window,
            }
        }
        Ok(())
    }

    /// Whether the measured time is over, so that nothing more is sent.
    fn is_over(&self) -> bool {
        self.reading.is_some()
    }

    /// Records the latency of some messages, within the measured time.
    fn took(&mut self, span: Duration, messages: u64) {
        if let Some(window) = &mut self.window {
            window.took(span, messages);
        }
    }

    /// Records received messages and bytes, within the measured time.
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

/// The measured time.
struct Window<'a> {
    server: &'a Server,
    begin: Instant,
    processor_time: Duration,
    /// The same of the generator.
    own_time: Duration,
    latency: Histogram<u64>,
    messages: u64,
    /// Bytes of WebSocket frames.
    bytes: u64,
}

impl<'a> Window<'a> {
    fn open(server: &'a Server) -> Result<Self, Box<dyn Error>> {
        let latency = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
        let (processor_time, own_time) = (server.processor_time()?, own_processor_time()?);
        Ok(Window { server, processor_time, own_time, begin: Instant::now(), latency, messages: 0, bytes: 0 })
    }

    /// Records the time of some messages from sending to their answer.
    fn took(&mut self, span: Duration, messages: u64) {
        // The histogram ends at a minute, which is longer than any wait.
        self.latency.saturating_record_n(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1), messages);
    }

    fn close(self) -> Result<Reading, Box<dyn Error>> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let used = (self.server.processor_time()? - self.processor_time).as_secs_f64();
        let generator = (own_processor_time()? - self.own_time).as_secs_f64() / seconds;
        let micros = |share| self.latency.value_at_quantile(share) as f64 / 1e3;
        Ok(Reading {
            cpu_us: used * 1e6 / self.messages as f64,
            per_second: self.messages as f64 / seconds,
            busy: used / seconds,
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            bytes: self.bytes as f64 / self.messages as f64,
            generator,
            ..Reading::NONE
        })
    }
}
