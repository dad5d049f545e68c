//! What other threads have asked for through a [`Handle`](crate::server::Handle), and the server's end.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use super::EventLoop;
use super::handshake::{find_mount, unavailable};
use crate::http::Body;
use crate::protocol::{CloseCode, CloseFrame};
use crate::server::core::FAR;
use crate::server::handle::{Command, Drain};
use crate::server::handler::{Accept, ConnectionId, Handler};
use crate::server::log_limit::log_limited;
use crate::server::outbox::Action;
use crate::server::poller::Poller;
use crate::server::session::{Phase, Reason};

/// The server is at its end.
pub(super) struct Stopping {
    /// When it no longer waits for its peers.
    pub deadline: Instant,
    /// What they are told.
    code: CloseCode,
    /// Those who have not been told, and when they will be, the next one last.
    due: Vec<(Instant, ConnectionId)>,
}

impl Stopping {
    /// When there is something to do.
    pub fn next_deadline(&self) -> Instant {
        self.due.last().map_or(self.deadline, |(at, _)| *at)
    }
}

impl<P: Poller> EventLoop<P> {
    pub(super) fn take_commands(&mut self) {
        for command in self.core.handle.take() {
            self.command(command);
            self.fire_timers_in_time();
        }
        // What was said in a row to one connection leaves in one write.
        self.apply();
        for _ in 0..self.poller.stop_requests() {
            self.stop(self.core.config.drain);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Send { to, frame } => {
                if let Some(slot) = self.core.find_open(to) {
                    self.core.settle_posts(slot);
                    self.core.send_frame(to, &frame);
                }
            }
            Command::Broadcast { path, frame } => match find_mount(&self.mounts, &path) {
                Some(mount) => {
                    self.core.outbox.posts.post_frame(self.core.mount_topics[usize::from(mount)], &frame);
                    self.flush_many_posts();
                }
                None => log_limited!(self.core, Misuse, "Handle::broadcast: nothing is mounted at {path}"),
            },
            Command::Publish { topic, frame } => {
                if let Some(topic) = self.core.topics.key(&topic) {
                    self.core.outbox.posts.post_frame(topic, &frame);
                    self.flush_many_posts();
                }
            }
            Command::Close { id, frame } => {
                self.core.settle_posts_for(id);
                self.core.outbox.actions.push(Action::Close { id, frame });
            }
            Command::Settle { id, accept } => {
                self.apply();
                self.settle_later(id, accept);
            }
            Command::Call { path, run } => match find_mount(&self.mounts, &path) {
                Some(mount) => self.call(mount, ConnectionId::NOBODY, |handler, ctx| {
                    let handler: &mut dyn Handler = handler;
                    run(handler, ctx);
                }),
                None => log_limited!(self.core, Misuse, "Handle::call: nothing is mounted at {path}"),
            },
            Command::Shutdown(drain) => {
                self.apply();
                self.stop(drain);
            }
        }
    }

    /// Answers an opening handshake that was put off, if it still waits and is to be put off no longer.
    fn settle_later(&mut self, id: ConnectionId, accept: Accept) {
        if let Some(slot) = self.core.sessions.find(id)
            && self.core.sessions[slot].phase == Phase::Waiting
            && !matches!(accept, Accept::Later(_))
            && let Some(waiting) = self.core.sessions[slot].rare().waiting.take()
        {
            self.settle(slot, *waiting, accept);
            // What was kept for the handshake is not needed any more.
            self.core.sessions[slot].shrink();
            self.serve_later(slot);
        }
    }

    /// Says Close to all, or, said again, ends at once.
    fn stop(&mut self, drain: Drain) {
        let now = self.core.now;
        if let Some(stopping) = &mut self.stopping {
            stopping.deadline = now;
            return;
        }
        self.core.handle.set_stopping();
        // Further ahead is never.
        let (over, timeout) = (drain.over.min(FAR), drain.timeout.min(FAR));
        let jitter = RandomState::new();
        let mut due: Vec<_> = self
            .core
            .sessions
            .taken()
            .filter(|&slot| self.core.sessions[slot].phase == Phase::Open)
            .map(|slot| (now + over.mul_f64(fraction(&jitter, slot)), self.core.sessions.id(slot)))
            .collect();
        due.sort_unstable_by(|one, other| other.cmp(one));
        if !due.is_empty() {
            // A target of its own: the command shows it by default, so that nobody takes the wait for a hang.
            log::info!(target: "sockhop::shutdown", "closing connections: {}; Ctrl-C again stops at once", due.len());
        }
        let deadline = now + over + timeout;
        self.stopping = Some(Stopping { deadline, code: drain.code, due });
        // Who has not answered by then has failed: it is to hear that, not of the shutdown.
        self.core.look_by(deadline);
        for slot in self.core.sessions.taken().collect::<Vec<_>>() {
            if self.core.sessions[slot].phase == Phase::Waiting {
                self.respond(slot, &unavailable("the server is shutting down"), Body::Include);
            }
        }
        self.close_due();
    }

    /// Says Close to those whose time has come in a shutdown that takes some.
    pub(super) fn close_due(&mut self) {
        let now = self.core.now;
        while let Some(stopping) = &mut self.stopping
            && let Some((_, id)) = stopping.due.pop_if(|(at, _)| *at <= now)
        {
            let frame = CloseFrame::new(stopping.code, "");
            if let Some(slot) = self.core.find_open(id) {
                self.close_for(slot, &frame, Reason::Shutdown);
            }
            self.fire_timers_in_time();
        }
    }

    /// Whether the server has been shut down: nobody is left, or the time is up.
    pub(super) fn has_stopped(&self) -> bool {
        let Some(stopping) = &self.stopping else { return false };
        let is_busy = |slot| matches!(self.core.sessions[slot].phase, Phase::Open | Phase::Draining);
        stopping.deadline <= self.core.now || !self.core.sessions.taken().any(is_busy)
    }
}

/// A number from 0 to 1 that nobody can foresee.
fn fraction(jitter: &RandomState, slot: u32) -> f64 {
    jitter.hash_one(slot) as f64 / u64::MAX as f64
}
