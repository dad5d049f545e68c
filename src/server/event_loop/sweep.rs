//! Deadlines. Those of connections are found by looking at all of them: that needs no memory per connection. A look tells
//! when the next one must be, and whoever sets a deadline sees to it that it is early enough ([`EventLoop::look_for`]), so
//! that no deadline is noticed more than a fifth of a second late, and the loop sleeps while there is none. Applications'
//! timers are exact.

use std::time::Duration;

use super::handshake::unavailable;
use super::{EventLoop, TIMERS_APART, WORK_PER_LOOK};
use crate::http::{Body, Response};
use crate::server::core::Core;
use crate::server::handler::Error;
use crate::server::poller::Poller;
use crate::server::session::{Deadline, Flags, Phase, Rare, Tick, Unfinished};
use crate::server::stats::Count;

/// Bytes that an unfinished message must gain in each span of its timeout.
const MESSAGE_PROGRESS: u64 = 1024;
/// How long one connection too many has for its request, to be told so.
const TURNED_AWAY: Duration = Duration::from_secs(2);
/// Applications' timers that come due in one turn.
const TIMERS: usize = 1024;

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

    /// In the midst of a turn, after each piece of work: the same when they have taken so long that some may be due.
    #[inline]
    pub(super) fn fire_timers_in_time(&mut self) {
        self.work += 1;
        if self.work < WORK_PER_LOOK {
            return;
        }
        self.work = 0;
        let now = self.poller.now();
        if now - self.core.now >= TIMERS_APART {
            self.core.set_now(now);
            self.fire_timers();
        }
    }

    /// Looks for connections whose time is up.
    pub(super) fn sweep(&mut self) {
        let now = self.core.now;
        if self.core.next_sweep.is_none_or(|at| at > now) {
            return;
        }
        self.core.next_sweep = None;
        let mut next = u64::MAX;
        let (tick, ping_interval) = (self.core.tick(), self.core.config.ping_interval);
        let (ping, slack) = (Core::millis(ping_interval), Core::slack(ping_interval).as_millis() as u64);
        for slot in 0..self.core.sessions.slots() as u32 {
            let session = &self.core.sessions[slot];
            let silence = tick.since(session.heard);
            // Nearly all are idle, with nothing to wait for but the next Ping.
            if session.phase == Phase::Open
                && session.rare.is_none()
                && !session.flags.has(Flags::PINGED)
                && silence < ping
            {
                next = next.min(u64::from(ping - silence) + slack);
                continue;
            }
            self.fire_timers_in_time();
            self.sweep_one(slot);
            next = next.min(self.next_look(slot).unwrap_or(u64::MAX));
        }
        if next < u64::MAX {
            self.core.look_by(now + Duration::from_millis(next));
        }
    }

    fn sweep_one(&mut self, slot: u32) {
        let tick = self.core.tick();
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

    /// A connection's deadlines have changed: they are looked for in time.
    pub(super) fn look_for(&mut self, slot: u32) {
        if let Some(millis) = self.next_look(slot) {
            self.core.look_by(self.core.now + Duration::from_millis(millis));
        }
    }

    /// In how many milliseconds a connection must be looked at, for one of its deadlines.
    pub(super) fn next_look(&self, slot: u32) -> Option<u64> {
        let (config, session, tick) = (&self.core.config, &self.core.sessions[slot], self.core.tick());
        let look = |from: Tick, span: Duration| {
            let left = u64::from(Core::millis(span).saturating_sub(tick.since(from)));
            left + Core::slack(span).as_millis() as u64
        };
        let deadline = |deadline: Deadline| look(deadline.from, Duration::from_millis(deadline.millis.into()));
        let of_queue = |rare: &Rare| {
            let stall = (!rare.queue.is_empty()).then(|| look(rare.progress, config.write_timeout));
            rare.deadline.map(deadline).into_iter().chain(stall).min()
        };
        let rare = session.rare.as_deref();
        match session.phase {
            Phase::Free | Phase::Dead => None,
            Phase::Handshake => Some(look(session.heard, self.handshake_timeout(slot))),
            Phase::Waiting => Some(look(session.heard, config.handshake_timeout)),
            Phase::Draining => rare.and_then(of_queue).or(Some(0)),
            Phase::Open => {
                let (ping, pong) = (config.ping_interval, config.pong_timeout);
                let ping = (!ping.is_zero() && !self.is_closing(slot)).then(|| {
                    let is_pinged = session.flags.has(Flags::PINGED);
                    // Whoever is pinged may be heard at once, and is then due for the next Ping sooner, perhaps.
                    if is_pinged {
                        look(session.heard, ping.saturating_add(pong)).min(look(tick, ping))
                    } else {
                        look(session.heard, ping)
                    }
                });
                let message = rare.and_then(|rare| rare.unfinished).filter(|_| !config.message_timeout.is_zero());
                let message = message.map(|unfinished| look(unfinished.since, config.message_timeout));
                let rate = rare.and_then(|rare| rare.rate).map(|rate| look(rate.since, Duration::from_secs(1)));
                [ping, message, rate, rare.and_then(of_queue)].into_iter().flatten().min()
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
            if self.is_silent(slot, tick, ping.saturating_add(pong)) {
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
                self.core.look_after(self.core.config.message_timeout);
            }
        } else if let Some(rare) = session.rare.as_deref_mut()
            && rare.unfinished.take().is_some()
        {
            session.shrink();
        }
    }
}
