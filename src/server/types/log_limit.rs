//! Bounds how much a peer can have logged: of each kind ten lines in a second of the loop's clock. Further lines are
//! counted, and when the second is over one line gives the count.
//!
//! All lines of the loop are written by [`log_limited!`], which evaluates nothing of a line that is not written. A line
//! names the client's address; a line about a limit also names the field of `Config` that sets it, with its value. Bytes
//! from a peer are escaped and cut ([`excerpt`]).

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use log::Level;

/// Lines of one kind in a second.
const LINES: u64 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// The target of the loop's lines (`RUST_LOG=sockhop::server=debug`).
pub(crate) const TARGET: &str = "sockhop::server";

/// Writes a line of a [`Kind`], unless there have been too many of them: `log_limited!(shared, Origin, "{}", ...)`.
macro_rules! log_limited {
    ($shared:expr, $kind:ident, $($line:tt)+) => {{
        use $crate::server::types::log_limit as limited;
        let now = $shared.env.now;
        if $shared.log_limit.admits(limited::Kind::$kind, now) {
            log::log!(target: limited::TARGET, limited::Kind::$kind.level(), $($line)+);
        }
    }};
}
pub(crate) use log_limited;

/// Declares [`Kind`] with the level of each and the words that stand behind a count of suppressed lines.
macro_rules! kinds {
    ($($kind:ident: $level:ident, $name:literal;)+) => {
        /// The subject of a line. Each kind has its own ten lines a second, so that a flood of one hides no other.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Kind {
            $($kind,)+
        }

        impl Kind {
            const ALL: [Kind; [$($name),+].len()] = [$(Kind::$kind),+];

            /// Warnings are for operators, errors for the programmer of the application, all else is for debugging.
            pub const fn level(self) -> Level {
                match self {
                    $(Kind::$kind => Level::$level,)+
                }
            }

            /// The name of the event, for the line that only counts.
            fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    Full: Warn, "refused for Config::max_connections";
    Unfinished: Warn, "dropped with an unfinished request";
    Address: Warn, "refused for Config::max_connections_per_address";
    MemoryRefused: Warn, "refused for Config::max_memory";
    MemoryClosed: Warn, "closed for Config::max_memory";
    Contexts: Warn, "compressed less or not at all for Config::max_memory";
    Takeover: Warn, "closed for compressing with a context that was to be forgotten";
    Head: Warn, "refused for Config::head";
    Body: Warn, "refused for Config::max_body";
    Origin: Warn, "refused for their origin";
    Path: Warn, "WebSockets refused for their path";
    Handshake: Warn, "WebSockets refused for their opening handshake";
    LostUpgrade: Warn, "WebSockets without the header Upgrade";
    Tls: Warn, "refused because they speak TLS";
    Clear: Warn, "refused because they do not speak TLS";
    NoTls: Warn, "dropped in their TLS handshake";
    BrokenTls: Debug, "dropped for breaking TLS";
    ProxyHeader: Warn, "dropped for their PROXY header";
    MessageSize: Warn, "closed for Config::max_message or Config::max_frames";
    MessageRate: Warn, "closed for Config::max_message_rate";
    Timers: Warn, "closed for Config::max_timers";
    Slow: Warn, "closed for Config::max_queue";
    Undecided: Warn, "refused because the application did not answer";
    Panic: Error, "panics";
    Misuse: Error, "mistakes of the application";
    Request: Debug, "requests";
    Refused: Debug, "requests refused";
    Protocol: Debug, "failed for a protocol error";
    Timeout: Debug, "timeouts";
    Io: Debug, "failed by the socket";
    Closed: Debug, "closed";
    Late: Debug, "messages sent too late";
}

/// How many lines of each kind there have been in the current second.
#[derive(Default)]
pub(crate) struct LogLimit {
    windows: [Window; Kind::ALL.len()],
    /// When the earliest second with suppressed lines ends.
    ends: Option<Instant>,
}

/// One second of one kind. It begins with a line.
#[derive(Clone, Copy, Default)]
struct Window {
    since: Option<Instant>,
    lines: u64,
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.duration_since(since) >= SECOND)
    }

    fn suppressed(&self) -> u64 {
        self.lines.saturating_sub(LINES)
    }
}

impl LogLimit {
    /// Counts a line. Returns whether to write it.
    #[inline]
    pub fn admits(&mut self, kind: Kind, now: Instant) -> bool {
        kind.level() <= log::max_level() && self.count(kind, now)
    }

    /// When the next count is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.ends
    }

    /// Writes how many lines were suppressed in the seconds that are over.
    pub fn write_counts(&mut self, now: Instant) {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.end_seconds(|window| window.is_over(now));
        }
    }

    /// Writes all counts: the loop is about to end.
    pub fn finish(&mut self) {
        self.end_seconds(|_| true);
    }

    fn count(&mut self, kind: Kind, now: Instant) -> bool {
        if !log::log_enabled!(target: TARGET, kind.level()) {
            return false;
        }
        if self.windows[kind as usize].is_over(now) {
            self.write_counts(now);
            self.windows[kind as usize] = Window { since: Some(now), lines: 0 };
        }
        let window = &mut self.windows[kind as usize];
        window.lines += 1;
        if window.lines == LINES + 1 {
            let end = window.since.map(|since| since + SECOND);
            self.ends = self.ends.into_iter().chain(end).min();
        }
        window.lines <= LINES
    }

    fn end_seconds(&mut self, is_over: impl Fn(&Window) -> bool) {
        self.ends = None;
        for kind in Kind::ALL {
            let window = &mut self.windows[kind as usize];
            let suppressed = window.suppressed();
            if suppressed == 0 {
                continue;
            }
            if is_over(window) {
                *window = Window::default();
                log::log!(target: TARGET, kind.level(), "... and {suppressed} more in that second: {}", kind.name());
            } else {
                let end = window.since.map(|since| since + SECOND);
                self.ends = self.ends.into_iter().chain(end).min();
            }
        }
    }
}

/// The beginning of a text that a peer may have sent: escaped, at most 200 characters.
pub(crate) fn excerpt(text: &str) -> impl fmt::Display + '_ {
    Excerpt(text)
}

struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        let mut rest = self.0.chars();
        rest.by_ref().take(LONGEST).flat_map(char::escape_debug).try_for_each(|c| f.write_char(c))?;
        if rest.as_str().is_empty() { Ok(()) } else { f.write_str("...") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_place() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{kind:?}");
        }
    }

    #[test]
    fn an_excerpt_is_one_short_line_of_printable_characters() {
        assert_eq!(
            excerpt("a\n\r\t\0\u{1b}[31m\u{85}\u{202e}\"é").to_string(),
            r#"a\n\r\t\0\u{1b}[31m\u{85}\u{202e}\"é"#
        );
        assert_eq!(excerpt(&"é".repeat(201)).to_string(), "é".repeat(200) + "...");
    }
}
