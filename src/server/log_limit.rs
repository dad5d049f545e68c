//! What a peer can have logged: of each kind ten lines in a second of the loop's clock. More are counted, and when the
//! second is over one line says how many.
//!
//! All lines of the loop are written by [`log_limited!`], which evaluates nothing of a line that is not written. A line
//! names the client's address; one about a limit that was reached also the flag of the command that sets it, with its
//! value, and the field of `Config`. What comes from a peer is escaped in it, and cut ([`excerpt`]).

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use log::Level;

/// Lines of one kind in a second.
const LINES: u64 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// What the loop's lines are filtered by (`RUST_LOG=sockhop::server=debug`).
pub(crate) const TARGET: &str = "sockhop::server";

/// Writes a line of a [`Kind`], unless there have been too many of them: `log_limited!(core, Origin, "{}", ...)`.
macro_rules! log_limited {
    ($core:expr, $kind:ident, $($line:tt)+) => {{
        use $crate::server::log_limit as limited;
        let now = $core.now;
        if $core.log_limit.admits(limited::Kind::$kind, now) {
            log::log!(target: limited::TARGET, limited::Kind::$kind.level(), $($line)+);
        }
    }};
}
pub(crate) use log_limited;

/// What lines are about. Each has its own ten in a second, so that a flood of one kind hides no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    // What an operator or a programmer can act on.
    Full,
    Unfinished,
    Address,
    MemoryRefused,
    MemoryClosed,
    Contexts,
    Head,
    Origin,
    ProxyHeader,
    MessageSize,
    MessageRate,
    Timers,
    Slow,
    Undecided,
    Panic,
    Misuse,
    // What is everyday.
    Request,
    Refused,
    Protocol,
    Timeout,
    Io,
    Closed,
    Late,
}

impl Kind {
    const ALL: [Kind; 23] = [
        Kind::Full,
        Kind::Unfinished,
        Kind::Address,
        Kind::MemoryRefused,
        Kind::MemoryClosed,
        Kind::Contexts,
        Kind::Head,
        Kind::Origin,
        Kind::ProxyHeader,
        Kind::MessageSize,
        Kind::MessageRate,
        Kind::Timers,
        Kind::Slow,
        Kind::Undecided,
        Kind::Panic,
        Kind::Misuse,
        Kind::Request,
        Kind::Refused,
        Kind::Protocol,
        Kind::Timeout,
        Kind::Io,
        Kind::Closed,
        Kind::Late,
    ];

    /// What an operator can act on is a warning, what only a programmer can mend is an error.
    pub const fn level(self) -> Level {
        match self {
            Kind::Panic | Kind::Misuse => Level::Error,
            Kind::Full
            | Kind::Unfinished
            | Kind::Address
            | Kind::MemoryRefused
            | Kind::MemoryClosed
            | Kind::Contexts
            | Kind::Head
            | Kind::Origin
            | Kind::ProxyHeader
            | Kind::MessageSize
            | Kind::MessageRate
            | Kind::Timers
            | Kind::Slow
            | Kind::Undecided => Level::Warn,
            Kind::Request | Kind::Refused | Kind::Protocol | Kind::Timeout | Kind::Io | Kind::Closed | Kind::Late => {
                Level::Debug
            }
        }
    }

    /// What has happened so often that it is only counted.
    fn name(self) -> &'static str {
        match self {
            Kind::Full => "refused for --max-connections",
            Kind::Unfinished => "dropped with an unfinished opening handshake",
            Kind::Address => "refused for --max-per-address",
            Kind::MemoryRefused => "refused for --max-memory",
            Kind::MemoryClosed => "closed for --max-memory",
            Kind::Contexts => "compressed without context takeover for --max-memory",
            Kind::Head => "refused for --max-head or --max-request-line",
            Kind::Origin => "refused for their origin",
            Kind::ProxyHeader => "dropped for their PROXY header",
            Kind::MessageSize => "closed for --max-message or --max-frames",
            Kind::MessageRate => "closed for --max-message-rate",
            Kind::Timers => "closed for --max-timers",
            Kind::Slow => "closed for --max-queue",
            Kind::Undecided => "refused for the application's silence",
            Kind::Panic => "panics",
            Kind::Misuse => "mistakes of the application",
            Kind::Request => "requests",
            Kind::Refused => "requests refused",
            Kind::Protocol => "failed for what the peer sent",
            Kind::Timeout => "timeouts",
            Kind::Io => "failed by the socket",
            Kind::Closed => "closed",
            Kind::Late => "messages that came too late to be sent",
        }
    }
}

/// How many lines of each kind there have been in the current second.
#[derive(Default)]
pub(crate) struct LogLimit {
    windows: [Window; Kind::ALL.len()],
    /// When the first of the seconds ends in which lines were left out.
    ends: Option<Instant>,
}

/// A second of one kind: it begins with a line.
#[derive(Clone, Copy, Default)]
struct Window {
    since: Option<Instant>,
    lines: u64,
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.duration_since(since) >= SECOND)
    }

    fn left_out(&self) -> u64 {
        self.lines.saturating_sub(LINES)
    }
}

impl LogLimit {
    /// Counts a line; whether it is to be written.
    #[inline]
    pub fn admits(&mut self, kind: Kind, now: Instant) -> bool {
        kind.level() <= log::max_level() && self.count(kind, now)
    }

    /// When there is a count to be said, if there is.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.ends
    }

    /// Says how many lines were left out in the seconds that are over.
    pub fn say_counts(&mut self, now: Instant) {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.end_seconds(|window| window.is_over(now));
        }
    }

    /// The same for those that are not: there is no later.
    pub fn finish(&mut self) {
        self.end_seconds(|_| true);
    }

    fn count(&mut self, kind: Kind, now: Instant) -> bool {
        if !log::log_enabled!(target: TARGET, kind.level()) {
            return false;
        }
        if self.windows[kind as usize].is_over(now) {
            self.say_counts(now);
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
            let left_out = window.left_out();
            if left_out == 0 {
                continue;
            }
            if is_over(window) {
                *window = Window::default();
                log::log!(target: TARGET, kind.level(), "... and {left_out} more in that second: {}", kind.name());
            } else {
                let end = window.since.map(|since| since + SECOND);
                self.ends = self.ends.into_iter().chain(end).min();
            }
        }
    }
}

/// The beginning of a text that comes from a peer, or may: escaped, at most 200 characters of it.
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
