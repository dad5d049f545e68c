//! The coarse clock of connections, and what all of them are subject to.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Config;
use super::stats::Stats;
use crate::http::HttpDate;
use crate::protocol::Limits;

/// Milliseconds since the loop began. It wraps after 49 days, so only spans are compared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tick(pub u32);

impl Tick {
    /// Milliseconds from `earlier` to this tick.
    pub fn since(self, earlier: Tick) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// A duration in milliseconds, as far as a tick can count.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A longer span would overflow an `Instant`. No deadline so far ahead is ever reached.
pub(crate) const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Bytes of heap that connections hold, summed over all of them.
pub(crate) type Account = Rc<Cell<usize>>;

/// A part of an [`Account`]. The part is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Account,
    bytes: usize,
}

impl Charge {
    /// A part of no bytes.
    pub fn new(account: &Account) -> Self {
        Charge { account: Rc::clone(account), bytes: 0 }
    }

    /// Changes the part to this many bytes.
    pub fn set(&mut self, bytes: usize) {
        self.account.set(self.account.get() - self.bytes + bytes);
        self.bytes = bytes;
    }

    /// Bytes of this part.
    pub fn get(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Deliveries of posts in a turn: with a system call each, they take about 35 ms.
const SLICE: usize = 5000;

/// Everything that all connections are subject to and that none of them changes.
pub(crate) struct Env {
    pub config: Config,
    /// Deliveries of posts in a turn.
    pub slice: usize,
    pub limits: Arc<Limits>,
    pub stats: Arc<Stats>,
    /// Bytes that connections hold alone, and bytes that their queues share.
    pub held: Account,
    pub shared: Account,
    /// When the current turn's events came.
    pub now: Instant,
    tick: Tick,
    start: Instant,
    date: Option<Date>,
}

/// The time of day, for answers to requests: written once a second.
struct Date {
    text: HttpDate,
    from: Tick,
    /// Milliseconds for which it is right.
    lasts: u32,
}

impl Env {
    pub fn new(config: Config, stats: Arc<Stats>, now: Instant) -> Self {
        let limits = Arc::new(config.limits());
        let (held, shared) = (Account::default(), Account::default());
        Env { config, slice: SLICE, limits, stats, held, shared, now, tick: Tick(0), start: now, date: None }
    }

    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
        // Wraps on purpose; see `Tick`.
        self.tick = Tick(now.duration_since(self.start).as_millis() as u32);
    }

    /// `now`, for the coarse deadlines of connections.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The time of day, no older than the turn.
    pub fn date(&self) -> Option<&HttpDate> {
        self.date.as_ref().map(|date| &date.text)
    }

    /// Whether the clock must be read again for the time of day.
    #[inline]
    pub fn is_date_over(&self) -> bool {
        self.date.as_ref().is_none_or(|date| self.tick.since(date.from) >= date.lasts)
    }

    /// Takes the time since the beginning of 1970.
    #[inline(never)]
    pub fn set_date(&mut self, unix: Duration) {
        let (text, lasts) = (HttpDate::from_unix(unix.as_secs()), 1000 - unix.subsec_millis());
        self.date = Some(Date { text, from: self.tick, lasts });
    }

    /// Bytes that all connections together are owed, or have sent as a part of a message or request.
    pub fn memory(&self) -> usize {
        self.held.get() + self.shared.get()
    }

    /// Whether so little memory is left that no new WebSocket is opened.
    pub fn is_short_of_memory(&self) -> bool {
        let most = self.config.max_memory;
        self.memory() > most - most / 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_part_of_its_account_until_it_is_dropped() {
        let account = Account::default();
        let (mut one, mut other) = (Charge::new(&account), Charge::new(&account));
        one.set(1000);
        other.set(10);
        one.set(100);
        assert_eq!((account.get(), one.get()), (110, 100));
        drop(one);
        assert_eq!(account.get(), 10);
        drop(other);
        assert_eq!(account.get(), 0);
    }

    #[test]
    fn a_span_is_right_when_the_tick_wraps() {
        assert_eq!(Tick(5).since(Tick(u32::MAX - 4)), 10);
    }
}
