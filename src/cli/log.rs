//! The log: lines for standard error that never keep the server waiting.
//!
//! A line goes through a bounded queue to a thread that writes it. When standard error is stalled and the queue full,
//! lines are dropped, counted, and the count is written when there is room again. The thread begins with the first line:
//! with one thread alone the C library makes its system calls without guarding against cancellation.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that may wait to be written.
const QUEUE: usize = 1024;
/// How long the end of the program waits for a stalled standard error.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it lets the queue of a slow one become shorter, before it looks again.
const PAUSE: Duration = Duration::from_millis(5);

/// What is logged unless `RUST_LOG` says otherwise: what an operator can act on, and what the end waits for.
const FILTER: &str = "warn,sockhop::shutdown=info";

/// Starts the log, each line with its time.
pub fn start() -> Log {
    let log = Log::default();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(FILTER))
        .target(env_logger::Target::Pipe(Box::new(log.clone())))
        .init();
    log
}

/// The end of the log that takes lines.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Made with the first line, as is the thread at its other end.
    queue: Arc<OnceLock<SyncSender<Entry>>>,
    /// Lines that found the queue full since the last one that did not.
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// It is dropped when all before it are written.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the thread that writes. It ends with the program: the logger, which never ends before, holds a sender.
    fn start_writing(&self) -> SyncSender<Entry> {
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::clone(&self.dropped);
        let write = move || write_lines(&lines, &dropped, &mut io::stderr());
        if let Err(error) = thread::Builder::new().spawn(write) {
            // The one line that is worth waiting for.
            let _ = writeln!(io::stderr(), "nothing is logged: no thread could be started to write it: {error}");
        }
        queue
    }

    /// Waits until what was logged is written, or for half a second.
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
        // Late or not, the program ends now.
        let _ = is_done.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// One call is one line: the logger formats a record first and writes it as a whole.
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
        // There is nowhere to tell that standard error does not work.
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

    /// A log with a queue for so many lines, and the end that nobody reads from yet.
    fn stalled(capacity: usize) -> (Log, Receiver<Entry>) {
        let (queue, entries) = sync_channel(capacity);
        (Log { queue: Arc::new(queue.into()), dropped: Arc::default() }, entries)
    }

    /// What comes of lines, of which two are held, when the thread gets to run.
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
    fn lines_are_written_in_order() {
        assert_eq!(logged(&["one", "two"]), "one\ntwo\n");
    }

    #[test]
    fn a_full_queue_drops_lines_and_says_how_many() {
        let expected = "one\n2 log lines were dropped: standard error is too slow for them\ntwo\n";
        assert_eq!(logged(&["one", "two", "three", "four"]), expected);
    }

    #[test]
    fn a_thousand_and_24_lines_wait_for_a_stalled_standard_error() {
        let (mut log, entries) = stalled(QUEUE);
        (0..1026).for_each(|_| log.write_all(b"line\n").unwrap());
        assert_eq!((log.dropped.load(Ordering::Relaxed), entries.try_iter().count()), (2, 1024));
    }

    #[test]
    fn a_log_without_a_reader_takes_lines_and_ends() {
        let (mut log, entries) = stalled(1);
        drop(entries);
        assert!(log.write_all(b"one\n").is_ok());
        log.finish();
    }
}
