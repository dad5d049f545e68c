//! The one table of deadlines: from when, how long, what then. A sweep finds them by looking at all connections, which
//! needs no memory per connection.

use std::time::Duration;

use super::entrance::{Due, Late};
use super::leaving::Stage;
use super::websocket::WebSocket;
use super::{Connection, Phase};
use crate::server::types::env::{Env, Tick, millis};
use crate::server::types::error::ConnectionError;

/// A deadline.
#[derive(Debug)]
pub(crate) struct Deadline {
    pub from: Tick,
    pub millis: u32,
    pub then: Then,
}

/// The consequence of a deadline that has passed.
#[derive(Debug)]
pub(crate) enum Then {
    /// The entrance answers that the request, or the application, is late.
    Refuse(Late),
    /// An idle connection between two requests is closed.
    CloseIdle,
    /// A silent peer is asked whether it is alive.
    Ping,
    /// The WebSocket fails.
    Fail(ConnectionError),
    /// The unfinished message must have gained enough.
    CheckMessage,
    /// The second in which messages are counted is over.
    ForgetRate,
    /// The connection is dropped. Bytes that are still owed are lost.
    Drop,
    /// Nothing but another look at the connection.
    Look,
}

impl Deadline {
    fn new(from: Tick, span: Duration, then: Then) -> Self {
        Deadline { from, millis: millis(span), then }
    }

    pub fn is_over(&self, now: Tick) -> bool {
        now.since(self.from) >= self.millis
    }

    /// In how many milliseconds a sweep must look, so that it finds the deadline passed, and several others with it.
    fn look_in(&self, now: Tick) -> u64 {
        u64::from(self.millis.saturating_sub(now.since(self.from))) + slack(self.millis)
    }
}

/// How late a deadline may be noticed, in milliseconds: at most a fifth of a second.
fn slack(millis: u32) -> u64 {
    u64::from(millis / 4).clamp(10, 200)
}

impl Connection {
    /// Names each deadline, the most severe first.
    #[inline]
    pub fn deadlines(&self, env: &Env, each: &mut impl FnMut(Deadline)) {
        match &self.phase {
            Phase::Leaving(leaving) => {
                if leaving.stage == Stage::Gone {
                    return;
                }
                if let Some(millis) = leaving.millis {
                    each(Deadline { from: leaving.since, millis, then: Then::Drop });
                }
                self.stall(env, Then::Drop, each);
            }
            Phase::WebSocket(websocket) => self.websocket_deadlines(websocket, env, each),
            Phase::Entrance(entrance) => {
                self.stall(env, Then::Drop, each);
                match entrance.due(env) {
                    Some(Due { from, millis, late: Some(late) }) => {
                        each(Deadline { from, millis, then: Then::Refuse(late) })
                    }
                    // A connection is idle once its answer has left.
                    Some(Due { from, millis, late: None }) if self.output.len() == 0 => {
                        let from =
                            if env.tick().since(self.heard) < env.tick().since(from) { self.heard } else { from };
                        each(Deadline { from, millis, then: Then::CloseIdle });
                    }
                    Some(_) | None => {}
                }
            }
        }
    }

    /// In how many milliseconds a sweep must look at this connection, if it has any deadline.
    #[inline(never)]
    pub fn next_look(&self, env: &Env) -> Option<u64> {
        let (mut next, now) = (None::<u64>, env.tick());
        self.deadlines(env, &mut |deadline| {
            let look = deadline.look_in(now);
            next = Some(next.map_or(look, |next| next.min(look)));
        });
        next
    }

    /// The first deadline that has passed.
    #[inline(never)]
    pub fn overdue(&self, env: &Env) -> Option<Then> {
        let (mut first, now) = (None, env.tick());
        self.deadlines(env, &mut |deadline| {
            if first.is_none() && deadline.is_over(now) && !matches!(deadline.then, Then::Look) {
                first = Some(deadline.then);
            }
        });
        first
    }

    #[inline]
    fn websocket_deadlines(&self, websocket: &WebSocket, env: &Env, each: &mut impl FnMut(Deadline)) {
        let (config, extra) = (&env.config, websocket.extra.as_deref());
        if let Some(closing) = extra.and_then(|extra| extra.closing.as_ref()) {
            each(Deadline::new(closing.since, config.close_timeout, Then::Fail(ConnectionError::CloseTimeout)));
        }
        self.stall(env, Then::Fail(ConnectionError::WriteTimeout), each);
        let ping_interval = config.ping_interval.filter(|_| !websocket.is_closing());
        if let Some(interval) = ping_interval.filter(|_| self.is_pinged) {
            let span = interval.saturating_add(config.pong_timeout);
            each(Deadline::new(self.heard, span, Then::Fail(ConnectionError::PingTimeout)));
            // If bytes come now, the next Ping is due after one interval, before the deadline of this Pong.
            each(Deadline::new(env.tick(), interval, Then::Look));
        }
        if let (Some(unfinished), Some(timeout)) = (extra.and_then(|it| it.unfinished), config.message_timeout) {
            each(Deadline::new(unfinished.since, timeout, Then::CheckMessage));
        }
        if let Some(interval) = ping_interval.filter(|_| !self.is_pinged) {
            each(Deadline::new(self.heard, interval, Then::Ping));
        }
        if let Some(rate) = extra.and_then(|extra| extra.rate) {
            each(Deadline::new(rate.since, Duration::from_secs(1), Then::ForgetRate));
        }
    }

    /// The peer must go on accepting the bytes that it is owed.
    #[inline]
    fn stall(&self, env: &Env, then: Then, each: &mut impl FnMut(Deadline)) {
        if let Some(since) = self.output.stalled_since() {
            each(Deadline::new(since, env.config.write_timeout, then));
        }
    }
}

#[cfg(test)]
mod tests;
