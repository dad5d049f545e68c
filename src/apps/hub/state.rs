//! The state of a hub: history, keys, and publishes that wait for the log. It does no I/O and reads no clock.
//!
//! A publish goes to the log and nowhere else. The entries that the log hands back, in its order, are kept and
//! delivered. So each state that has applied the same part of a log gives the same answers.
//!
//! A resume is complete if the client has everything up to the channel's floor, the last message that the channel no
//! longer keeps. A channel that keeps nothing has no floor of its own: for all of them the horizon counts, the last message
//! of any channel that has been forgotten since. So a gap is told without need
//!
//! - to a channel that keeps nothing, or has begun to after another was forgotten, if that was after the client's position;
//! - after a [`Gap`](Event::Gap) of the log, to all positions before it, whatever the lost entries were;
//! - to a channel whose rule keeps nothing, unless nothing at all has been published since.
//!
//! And nothing is said of a message that was not to be kept (`keep`).

mod channels;
mod keys;
mod largest;
#[cfg(any(test, fuzzing))]
pub(crate) mod model;
mod ring;
pub(crate) mod types;
mod waiting;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::channels::Channels;
use self::keys::{Judgement, Keys};
use self::ring::Tick;
use self::types::{Delivery, Kept, Limits, Lost, Outcome, Position, Refusal, Replay, Sink, Start, Summary};
use self::waiting::Waiting;
use super::config::Rules;
use super::log::{Entry, Event, Id, Kind, Log, Status};

/// A tick is 2^6 = 64 ms.
const TICK_BITS: u32 = 6;
/// Messages and keys that one call lets expire, at most.
const EXPIRIES: usize = 256;

/// The state of a hub. `W` is who waits for the outcome of a publish.
pub(crate) struct State<W> {
    log: Box<dyn Log>,
    max_channels: usize,
    applied: Applied<W>,
}

/// The result of applying the log's events.
struct Applied<W> {
    /// Everything up to it has been applied.
    position: Position,
    /// Entries of any channel up to here have been lost.
    hole: Id,
    channels: Channels,
    keys: Keys,
    waiting: Waiting<W>,
    /// The first `now`, from which ticks count.
    start: Option<Instant>,
}

impl<W> State<W> {
    pub(crate) fn new(limits: Limits, rules: Rules, log: Box<dyn Log>) -> Self {
        let applied = Applied {
            position: Position { epoch: log.epoch(), id: Id(0) },
            hole: Id(0),
            channels: Channels::new(rules, limits.history_memory),
            keys: Keys::new(limits.max_keys),
            waiting: Waiting::new(limits.max_waiting, limits.max_waiting_bytes),
            start: None,
        };
        State { log, max_channels: limits.max_channels, applied }
    }

    /// Hands an entry to the log. Its waiter is settled by [`apply`](Self::apply), exactly once.
    ///
    /// `max_channels` counts those that have history. Listeners of channels without it are the caller's to count.
    ///
    /// # Errors
    ///
    /// Nothing has happened.
    pub(crate) fn publish(&mut self, entry: Entry<'_>, waiter: Option<W>) -> Result<(), Refusal> {
        let Applied { channels, waiting, .. } = &mut self.applied;
        if matches!(self.log.status(), Status::Away { .. }) {
            return Err(Refusal::LogAway);
        }
        if !waiting.has_room(entry.payload.len()) {
            return Err(Refusal::TooManyWaiting);
        }
        let keeps = entry.keep && entry.kind != Kind::Forget;
        if keeps && channels.len() >= self.max_channels {
            let name = entry.channel;
            if channels.get(name).is_none() && channels.keeps(name) {
                return Err(Refusal::TooManyChannels);
            }
        }
        self.log.append(entry, waiting.next_ticket()).map_err(|_| Refusal::LogFull)?;
        waiting.add(waiter, entry.payload.len());
        Ok(())
    }

    /// Applies what the log has, at most `budget` events. True: there may be more.
    #[must_use]
    pub(crate) fn apply(&mut self, budget: usize, now: Instant, sink: &mut dyn Sink<W>) -> bool {
        let now = self.applied.tick(now);
        for _ in 0..budget {
            let Some(event) = self.log.next_event() else { return false };
            self.applied.apply(event, now, sink);
        }
        true
    }

    /// Lets history and keys expire. One call takes a bounded time; [`next_expiry`](Self::next_expiry) says when to call
    /// again, which may be at once.
    pub(crate) fn expire(&mut self, now: Instant) {
        let now = self.applied.tick(now);
        self.applied.channels.expire(now, EXPIRIES);
        self.applied.keys.expire(now, EXPIRIES);
    }

    /// When something expires next, or earlier. It changes with each message and key.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let dues = [self.applied.channels.next_due(), self.applied.keys.next_due()];
        let due = dues.into_iter().flatten().min()?;
        self.applied.start?.checked_add(Duration::from_millis(u64::from(due) << TICK_BITS))
    }

    /// Everything up to it has been applied.
    pub(crate) fn position(&self) -> Position {
        self.applied.position
    }

    /// The text of an id of this log, such as `k3vQ7a-100`.
    pub(crate) fn show(&self, id: Id) -> String {
        Position { id, ..self.applied.position }.to_string()
    }

    /// How the log is.
    pub(crate) fn log_status(&self) -> Status {
        self.log.status()
    }

    /// Where a replay of a channel begins. A text that is no position of this log, or ahead of it, is a gap, and the
    /// replay begins with the oldest message.
    pub(crate) fn resume(&self, channel: &str, replay: Replay<'_>) -> Start {
        let Applied { channels, position, hole, .. } = &self.applied;
        let floor = channels.floor(channel);
        let (after, gap) = match replay {
            Replay::Since(text) => match Position::parse(text) {
                Some(since) if since.epoch == position.epoch && since.id <= position.id => {
                    let is_kept = since.id == position.id || channels.keeps(channel);
                    (since.id.max(floor), since.id < floor.max(*hole) || !is_kept)
                }
                _ => (floor, true),
            },
            Replay::Last(0) | Replay::Nothing => (position.id, false),
            Replay::Last(count) => {
                (channels.get(channel).and_then(|channel| channel.ring().before_last(count)).unwrap_or(floor), false)
            }
        };
        // A client whose channel is quiet gets a fresh position.
        let after = if self.next_kept(channel, after).is_none() { position.id } else { after };
        Start { after, gap }
    }

    /// The oldest message that a channel keeps after an id.
    pub(crate) fn next_kept(&self, channel: &str, after: Id) -> Option<Kept<'_>> {
        self.applied.channels.get(channel)?.ring().next(after)
    }

    /// Whether nothing that was kept after an id has gone. In mid-replay: if not, say gap and go on after
    /// [`floor`](Self::floor).
    pub(crate) fn is_complete(&self, channel: &str, after: Id) -> bool {
        after >= self.floor(channel)
    }

    /// The last entry that the log has lost; of which channels, nobody knows.
    pub(crate) fn hole(&self) -> Id {
        self.applied.hole
    }

    /// Nothing up to here is kept of a channel.
    pub(crate) fn floor(&self, channel: &str) -> Id {
        self.applied.channels.floor(channel)
    }

    /// Describes a channel's history; it is empty if there is none.
    pub(crate) fn summary(&self, channel: &str) -> Summary {
        self.applied.channels.get(channel).map(|channel| channel.ring().summary()).unwrap_or_default()
    }

    /// Channels that have history.
    pub(crate) fn channels(&self) -> usize {
        self.applied.channels.len()
    }

    /// Whether a channel has history.
    pub(crate) fn has_history(&self, channel: &str) -> bool {
        self.applied.channels.get(channel).is_some()
    }

    /// The bytes that all history counts for against `history_memory`: payloads, and 64 bytes for each, and for each
    /// channel its name and 256 bytes.
    pub(crate) fn history_bytes(&self) -> usize {
        self.applied.channels.cost()
    }

    /// Messages that have gone because of `history_memory`.
    pub(crate) fn evicted(&self) -> u64 {
        self.applied.channels.evicted()
    }

    /// Idempotency keys that are known.
    pub(crate) fn keys(&self) -> usize {
        self.applied.keys.len()
    }

    /// Publishes that the log has not answered.
    pub(crate) fn waiting(&self) -> usize {
        self.applied.waiting.len()
    }
}

impl<W> Applied<W> {
    fn tick(&mut self, now: Instant) -> Tick {
        let since = now.saturating_duration_since(*self.start.get_or_insert(now));
        Tick::try_from(since.as_millis() >> TICK_BITS).unwrap_or(Tick::MAX)
    }

    fn apply(&mut self, event: Event<'_>, now: Tick, sink: &mut dyn Sink<W>) {
        match event {
            Event::Applied { id, ticket, entry } => {
                let waiter = ticket.and_then(|ticket| self.waiting.take(ticket));
                let outcome = self.enter(id, &entry, now, sink);
                if let Some(waiter) = waiter {
                    sink.settle(waiter, outcome);
                }
            }
            Event::Refused { ticket, unknown } => {
                if let Some(waiter) = self.waiting.take(ticket) {
                    sink.settle(waiter, Outcome::Refused { unknown });
                }
            }
            Event::Gap { before } => {
                let last_lost = Id(before.0.saturating_sub(1));
                if last_lost > self.position.id {
                    self.position.id = last_lost;
                    self.hole = last_lost;
                    sink.lost(Lost { position: self.position, renumbered: false });
                }
            }
            Event::Epoch(epoch) => {
                self.position = Position { epoch, id: Id(0) };
                self.hole = Id(0);
                self.channels.clear();
                self.keys.clear();
                sink.lost(Lost { position: self.position, renumbered: true });
            }
        }
    }

    /// Applies an entry.
    fn enter(&mut self, id: Id, entry: &Entry<'_>, now: Tick, sink: &mut dyn Sink<W>) -> Outcome {
        let Entry { channel, kind, payload, except, .. } = *entry;
        if id <= self.position.id {
            log::warn!("the hub's log gave {channel} the id {}, but it had come to {}", id.0, self.position);
            return Outcome::Refused { unknown: true };
        }
        self.position.id = id;
        if kind == Kind::Forget {
            self.channels.forget(channel);
            return Outcome::Forgotten;
        }
        match self.keys.judge(entry, id, now) {
            Judgement::Repeat(id) => return Outcome::Duplicate { id },
            Judgement::Reused => return Outcome::KeyReused,
            Judgement::New => {}
        }
        if entry.keep {
            self.channels.keep(channel, &Kept { id, kind, payload, except }, now);
        }
        let subscribers = sink.deliver(&Delivery { position: self.position, channel, kind, payload, except });
        Outcome::Applied { id, subscribers }
    }
}
