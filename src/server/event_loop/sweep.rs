//! Deadlines. Those of connections are found by looking at all of them now and then: that needs no memory per
//! connection. Applications' timers are exact.

use std::time::Duration;

use super::handshake::unavailable;
use super::{EventLoop, TIMERS_APART};
use crate::http::{Body, Response};
use crate::server::config::Config;
use crate::server::core::Core;
use crate::server::handler::Error;
use crate::server::poller::Poller;
use crate::server::session::{Flags, Phase, Tick, Unfinished};
use crate::server::stats::Count;

/// Bytes that an unfinished message must gain in each span of its timeout.
const MESSAGE_PROGRESS: u64 = 1024;
/// How long one connection too many has for its request, to be told so.
const TURNED_AWAY: Duration = Duration::from_secs(2);
/// Applications' timers that come due in one turn.
const TIMERS: usize = 1024;

/// How often connections are looked at: a timeout is late by a quarter at most, and by a second at most.
pub(super) fn interval(config: &Config) -> Duration {
    let Config {
        handshake_timeout, close_timeout, write_timeout, message_timeout, ping_interval, pong_timeout, ..
    } = config;
    [handshake_timeout, close_timeout, write_timeout, message_timeout, ping_interval, pong_timeout]
        .into_iter()
        .filter(|timeout| !timeout.is_zero())
        .min()
        .map_or(Duration::from_secs(1), |shortest| *shortest / 4)
        .clamp(Duration::from_millis(10), Duration::from_secs(1))
}

impl<P: Poller> EventLoop<P> {
    /// Calls the handlers whose timers are due.
    pub(super) fn fire_timers(&mut self) {
        let (now, limit) = (self.core.now, self.core.timers.next_id());
        for _ in 0..TIMERS {
            let Some(due) = self.core.timers.next_due(now, limit) else { return };
            self.call(due.mount, due.connection, |handler, ctx| handler.timer(ctx, due.id));
            self.apply();
            self.flush_many_posts();
        }
    }

    /// In the midst of a turn: the same when the turn has taken so long that some may be due.
    pub(super) fn fire_timers_in_time(&mut self) {
        let now = self.poller.now();
        if now - self.core.now >= TIMERS_APART {
            self.core.set_now(now);
            self.fire_timers();
        }
    }

    /// Looks for connections whose time is up.
    pub(super) fn sweep(&mut self) {
        if self.next_sweep > self.core.now {
            return;
        }
        self.next_sweep = self.core.now + self.sweep_interval;
        let tick = self.core.tick();
        for slot in self.core.sessions.taken().collect::<Vec<_>>() {
            match self.core.sessions[slot].phase {
                Phase::Handshake if self.is_silent(slot, tick, self.handshake_timeout(slot)) => {
                    self.core.stats.add(Count::HandshakeTimeouts);
                    self.log_handshake_timeout(slot);
                    let response = Response::text(408, "the request head was not complete in time\n");
                    self.respond(slot, &response, Body::Include);
                }
                Phase::Waiting if self.is_silent(slot, tick, self.core.config.handshake_timeout) => {
                    self.core.stats.add(Count::HandshakeTimeouts);
                    self.log_handshake_timeout(slot);
                    self.respond(slot, &unavailable("the application has not answered in time"), Body::Include);
                }
                Phase::Open => self.sweep_open(slot, tick),
                Phase::Draining => self.sweep_draining(slot, tick),
                Phase::Free | Phase::Handshake | Phase::Waiting | Phase::Dead => {}
            }
        }
    }

    fn handshake_timeout(&self, slot: u32) -> Duration {
        let timeout = self.core.config.handshake_timeout;
        let turned_away = self.core.sessions[slot].flags.has(Flags::TURNED_AWAY);
        if turned_away { timeout.min(TURNED_AWAY) } else { timeout }
    }

    fn is_silent(&self, slot: u32, tick: Tick, span: Duration) -> bool {
        tick.since(self.core.sessions[slot].heard) >= Core::millis(span)
    }

    fn sweep_open(&mut self, slot: u32, tick: Tick) {
        let overdue = self.overdue(slot, tick);
        self.core.account(slot);
        let config = &self.core.config;
        let (ping, pong) = (config.ping_interval, config.pong_timeout);
        if let Some(error) = overdue {
            self.fail(slot, error);
        } else if ping.is_zero() || self.is_closing(slot) {
            // Nobody is asked, or an answer of another kind is due.
        } else if self.core.sessions[slot].flags.has(Flags::PINGED) {
            if self.is_silent(slot, tick, ping + pong) {
                self.fail(slot, Error::PingTimeout);
            }
        } else if self.is_silent(slot, tick, ping) {
            self.core.sessions[slot].flags.set(Flags::PINGED);
            let mut frame = Vec::new();
            if let Some(connection) = self.core.sessions[slot].connection.as_mut()
                && connection.ping(b"", &mut frame).is_ok()
            {
                self.send_owed(slot, &frame);
            }
        }
    }

    /// What a connection has failed to do in time.
    fn overdue(&mut self, slot: u32, tick: Tick) -> Option<Error> {
        let config = &self.core.config;
        let session = &mut self.core.sessions[slot];
        let flags = session.flags;
        let rare = session.rare.as_deref_mut()?;
        rare.rate = rare.rate.filter(|rate| tick.since(rate.since) < 1000);
        if rare.deadline.is_some_and(|deadline| deadline.is_over(tick)) {
            return Some(Error::CloseTimeout);
        }
        if !rare.queue.is_empty() && tick.since(rare.progress) >= Core::millis(config.write_timeout) {
            return Some(Error::WriteTimeout);
        }
        let unfinished = rare.unfinished.as_mut()?;
        if !config.message_timeout.is_zero() && tick.since(unfinished.since) >= Core::millis(config.message_timeout) {
            // Of a peer that is not read from, nothing can come.
            if unfinished.gained < MESSAGE_PROGRESS && !flags.has(Flags::PAUSED) {
                return Some(Error::MessageTimeout);
            }
            *unfinished = Unfinished { since: tick, gained: 0 };
        }
        None
    }

    fn sweep_draining(&mut self, slot: u32, tick: Tick) {
        let Some(rare) = self.core.sessions[slot].rare.as_deref() else { return self.kill(slot) };
        let is_stuck =
            !rare.queue.is_empty() && tick.since(rare.progress) >= Core::millis(self.core.config.write_timeout);
        if is_stuck || rare.deadline.is_none_or(|deadline| deadline.is_over(tick)) {
            if rare.queue.is_empty() { self.kill(slot) } else { self.abort(slot) }
        }
    }

    /// Keeps account of when an unfinished message began to be one; `ended`: one has ended just now.
    pub(super) fn note_unfinished(&mut self, slot: u32, ended: bool) {
        let tick = self.core.tick();
        let session = &mut self.core.sessions[slot];
        let is_unfinished = session.connection.as_ref().is_some_and(|connection| !connection.is_idle());
        if is_unfinished {
            let rare = session.rare();
            if rare.unfinished.is_none() || ended {
                rare.unfinished = Some(Unfinished { since: tick, gained: 0 });
            }
        } else if let Some(rare) = session.rare.as_deref_mut()
            && rare.unfinished.take().is_some()
        {
            session.shrink();
        }
    }
}
