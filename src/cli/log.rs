//! The log: lines for standard error. The server never waits for them to be written.
//!
//! A line goes through a bounded queue to a thread that writes it. When standard error is stalled and the queue is
//! full, lines are dropped and counted, and the count is written when there is room again. The thread starts with the
//! first line: while a process has only one thread, the C library makes system calls without guarding against
//! cancellation.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::fields;

/// Lines that may wait to be written.
const QUEUE: usize = 1024;
/// How long the program waits for a stalled standard error before it ends.
const PATIENCE: Duration = Duration::from_millis(500);
/// The pause between two attempts to put an entry into a full queue.
const PAUSE: Duration = Duration::from_millis(5);

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
pub struct Log {
    /// Made with the first line, together with the thread that receives from it.
    queue: Arc<OnceLock<SyncSender<Entry>>>,
    /// Lines dropped since the last one that was queued.
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// The sender in it is dropped when all earlier entries are written.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the thread that writes. It runs until the program ends: the logger holds a sender for that long.
    fn start_writing(&self) -> SyncSender<Entry> {
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::clone(&self.dropped);
        let write = move || write_lines(&lines, &dropped, &mut io::stderr());
        if let Err(error) = thread::Builder::new().spawn(write) {
            // Written directly, since nothing else will write it.
            let _ = writeln!(io::stderr(), "nothing is logged: no thread could be started to write it: {error}");
        }
        queue
    }

    /// Waits until all queued lines are written, but at most half a second.
    pub fn finish(&self) {
        let Some(queue) = self.queue.get() else { return };
        let end = Instant::now() + PATIENCE;
        let (done, is_done) = sync_channel(1);
        let mut entry = Entry::Flush(done);
        while let Err(TrySendError::Full(unsent)) = queue.try_send(entry) {
            if Instant::now() >= end {
                return;
            }
            thread::sleep(PAUSE);
            entry = unsent;
        }
        // In time or not, the program ends now.
        let _ = is_done.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// Each call of `write` gets one line: the logger formats a record before it writes the record as a whole.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let queue = self.queue.get_or_init(|| self.start_writing());
        if let Err(TrySendError::Full(_)) = queue.try_send(Entry::Line(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(lines: &Receiver<Entry>, dropped: &AtomicU64, output: &mut impl Write) {
    for entry in lines {
        let count = dropped.swap(0, Ordering::Relaxed);
        // If standard error does not work, there is nowhere to report that.
        let _ = match entry {
            Entry::Line(line) => output.write_all(&line),
            Entry::Flush(_done) => output.flush(),
        };
        if count > 0 {
            let _ = writeln!(output, "{count} log lines were dropped: standard error is too slow for them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log with a queue for `capacity` lines, and the other end of the queue, from which nothing is read yet.
    fn stalled(capacity: usize) -> (Log, Receiver<Entry>) {
        let (queue, entries) = sync_channel(capacity);
        (Log { queue: Arc::new(queue.into()), dropped: Arc::default() }, entries)
    }

    /// The output for lines that are logged before the thread runs, with a queue for two of them.
    fn logged(lines: &[&str]) -> String {
        let (mut log, entries) = stalled(2);
        for line in lines {
            log.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let dropped = Arc::clone(&log.dropped);
        drop(log);
        let mut output = Vec::new();
        write_lines(&entries, &dropped, &mut output);
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
        assert_eq!(logged(&["one", "two"]), "one\ntwo\n");
    }

    #[test]
    fn a_full_queue_drops_lines_and_says_how_many() {
        let expected = "one\n2 log lines were dropped: standard error is too slow for them\ntwo\n";
        assert_eq!(logged(&["one", "two", "three", "four"]), expected);
    }

    #[test]
    fn a_stalled_standard_error_leaves_1024_lines_queued() {
        let (mut log, entries) = stalled(QUEUE);
        (0..1026).for_each(|_| log.write_all(b"line\n").unwrap());
        assert_eq!((log.dropped.load(Ordering::Relaxed), entries.try_iter().count()), (2, 1024));
    }

    #[test]
    fn a_log_without_its_thread_takes_lines_and_finishes() {
        let (mut log, entries) = stalled(1);
        drop(entries);
        assert!(log.write_all(b"one\n").is_ok());
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
