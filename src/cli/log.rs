//! The log: lines for standard error. The server never waits for them to be written.
//!
//! A line goes through a bounded queue to a thread that writes it. When standard error is stalled and the queue is
//! full, lines are dropped and counted, and the count is written when there is room again. The thread starts with the
//! first line: while a process has only one thread, the C library makes system calls without guarding against
//! cancellation.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::fields;

/// Lines that may wait to be written.
const QUEUE: usize = 1024;
/// How long the program waits for a stalled standard error before it ends.
const PATIENCE: Duration = Duration::from_millis(500);

/// The lines that are logged unless `RUST_LOG` asks for others: an operator can act on these, or wants to know why the
/// server has not ended yet.
const FILTER: &str = "warn,sockhop::shutdown=info,sockhop::cli=info";

/// Starts the log. Each line has its time, and names flags where the server names fields of its configuration.
pub fn start() -> Log {
    let log = Log::default();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(FILTER))
        .target(env_logger::Target::Pipe(Box::new(log.clone())))
        .format(|line, record| {
            let (time, text) = (line.timestamp(), message(record));
            writeln!(line, "[{time} {:<5} {}] {text}", record.level(), record.target())
        })
        .init();
    if std::env::var_os("RUST_LOG").is_some_and(|value| value.to_str().is_none()) {
        ::log::warn!("RUST_LOG is not UTF-8, so it is ignored");
    }
    if let Some(word) = std::env::var("RUST_LOG").ok().filter(|value| is_no_level(value)) {
        // Not through the log, which that has turned off.
        let _ = writeln!(io::stderr(), "RUST_LOG: `{word}` is no level, so nothing is logged: {LEVELS}");
    }
    log
}

const LEVELS: &str = "write error, warn, info, debug, trace or off";

/// Whether a value of RUST_LOG is one word that is neither a level nor a part of this program. It is taken for the name of a
/// module, so that nothing else is logged.
fn is_no_level(value: &str) -> bool {
    let word = value.trim();
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word && word.parse::<::log::LevelFilter>().is_err() && !["sockhop", "mio", "rustls"].contains(&word)
}

/// The text of a record, with its further lines indented.
fn message(record: &::log::Record<'_>) -> String {
    let text = record.args().to_string().replace('\n', "\n    ");
    let is_ours = record.target().split("::").next() == Some("sockhop");
    if is_ours { fields::to_flags(&text) } else { text }
}

/// The end of the log that takes lines.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Queue>);

/// The lines that wait for the thread that writes them.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    /// Tells the thread that a line has come.
    filled: Condvar,
    /// Tells that all lines are written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Lines dropped since the last one that was queued.
    dropped: u64,
    writer: Writer,
}

/// The thread that writes.
#[derive(Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    NotStarted,
    /// It waits for a line.
    Waiting,
    /// It writes one, which is no longer in the queue.
    Writing,
    /// It could not be started.
    Failed,
}

impl Log {
    /// Starts the thread, which runs until the program ends.
    fn start_writing(&self) -> Writer {
        let queue = Arc::clone(&self.0);
        let write = move || {
            loop {
                queue.write_next(&mut io::stderr());
            }
        };
        match thread::Builder::new().spawn(write) {
            Ok(_) => Writer::Waiting,
            Err(error) => {
                // Written directly, since nothing else will write it.
                let _ = writeln!(io::stderr(), "nothing is logged: no thread could be started to write it: {error}");
                Writer::Failed
            }
        }
    }

    /// Waits until all queued lines are written, but at most half a second.
    pub fn finish(&self) {
        let is_writing = |state: &mut State| {
            state.writer == Writer::Writing || state.writer == Writer::Waiting && !state.lines.is_empty()
        };
        // In time or not, the program ends now.
        let _ = self.0.emptied.wait_timeout_while(self.0.lock(), PATIENCE, is_writing);
    }
}

/// Each call of `write` gets one line: the logger formats a record before it writes the record as a whole.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.writer == Writer::NotStarted {
            state.writer = self.start_writing();
        }
        if state.writer == Writer::Failed {
        } else if state.lines.len() < QUEUE {
            state.lines.push_back(line.to_vec());
            self.0.filled.notify_one();
        } else {
            state.dropped += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the oldest line, once there is one, and how many have been dropped.
    fn write_next(&self, output: &mut dyn Write) {
        let is_empty = |state: &mut State| state.lines.is_empty();
        let mut state = self.filled.wait_while(self.lock(), is_empty).unwrap_or_else(PoisonError::into_inner);
        let (line, dropped) = (state.lines.pop_front().unwrap_or_default(), mem::take(&mut state.dropped));
        state.writer = Writer::Writing;
        // Nobody waits for the line to be written.
        drop(state);
        // If standard error does not work, there is nowhere to report that.
        let _ = output.write_all(&line);
        if dropped > 0 {
            let _ = writeln!(output, "{dropped} log lines were dropped: standard error is too slow for them");
        }
        let mut state = self.lock();
        state.writer = Writer::Waiting;
        if state.lines.is_empty() {
            self.emptied.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log whose thread does not run yet, with these lines.
    fn stalled(lines: usize) -> Log {
        let mut log = Log::default();
        log.0.lock().writer = Writer::Waiting;
        (0..lines).for_each(|number| log.write_all(format!("{number}\n").as_bytes()).unwrap());
        log
    }

    /// The next lines as they are written.
    fn written(log: &Log, lines: usize) -> String {
        let mut output = Vec::new();
        (0..lines).for_each(|_| log.0.write_next(&mut output));
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_word_that_is_no_level_is_noticed() {
        for word in ["warning", "verbose", "1", " all "] {
            assert!(is_no_level(word), "{word}");
        }
        for value in
            ["", "warn", "DEBUG", "off", "sockhop", "sockhop::cli", "warn,sockhop=debug", "verbose=info", "a,b"]
        {
            assert!(!is_no_level(value), "{value}");
        }
    }

    #[test]
    fn lines_are_written_in_order() {
        let log = stalled(3);
        assert_eq!(written(&log, 3), "0\n1\n2\n");
        log.finish();
    }

    #[test]
    fn a_stalled_standard_error_leaves_1024_lines_queued_and_is_told_how_many_were_dropped() {
        let log = stalled(QUEUE + 2);
        assert_eq!(written(&log, 2), "0\n2 log lines were dropped: standard error is too slow for them\n1\n");
        assert!(written(&log, QUEUE - 2).ends_with("\n1022\n1023\n"));
        assert!(log.0.lock().lines.is_empty());
    }

    #[test]
    fn a_log_without_its_thread_takes_lines_and_finishes() {
        let mut log = Log::default();
        log.0.lock().writer = Writer::Failed;
        assert!(log.write_all(b"one\n").is_ok());
        assert!(log.0.lock().lines.is_empty());
        log.finish();
    }

    #[test]
    fn only_lines_of_the_server_name_flags_for_fields() {
        for (target, expected) in [
            ("sockhop::server", "over --max-memory"),
            ("sockhop", "over --max-memory"),
            ("sockhopper", "over Config::max_memory"),
            ("mio::poll", "over Config::max_memory"),
        ] {
            let args = format_args!("over Config::max_memory\nagain");
            let record = ::log::Record::builder().target(target).args(args).build();
            assert_eq!(message(&record), format!("{expected}\n    again"), "{target}");
        }
    }
}
