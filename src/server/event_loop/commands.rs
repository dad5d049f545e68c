//! Carries out the commands of other threads, which come by a [`Handle`](crate::server::Handle), and shuts down.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, RandomState};

use super::responses::unavailable;
use super::state::EventLoop;
use super::stopping::Stopping;
use crate::http::{Body, Persistence};
use crate::protocol::CloseFrame;
use crate::server::api::handle::Command;
use crate::server::api::handler::Handler;
use crate::server::connection::Phase;
use crate::server::shared::outbox::Action;
use crate::server::transport::Poller;
use crate::server::types::config::Shutdown;
use crate::server::types::env::FAR;
use crate::server::types::error::Reason;
use crate::server::types::id::ConnectionId;
use crate::server::types::log_limit::log_limited;
use crate::server::types::verdict::Verdict;

impl<P: Poller> EventLoop<P> {
    #[inline(never)]
    pub(super) fn take_commands(&mut self) {
        for command in self.handle.take() {
            self.carry_out(command);
            self.fire_timers_in_time();
        }
        // Consecutive messages to one connection leave in one write.
        self.lines.apply();
        for _ in 0..self.poller.stop_requests() {
            self.shut_down(self.lines.shared.env.config.shutdown);
        }
    }

    #[inline(never)]
    fn carry_out(&mut self, command: Command) {
        let shared = &mut self.lines.shared;
        match command {
            Command::Send { to, frame } => {
                if shared.table.find_open(to).is_some() {
                    shared.send_frame(to, &frame);
                }
            }
            Command::Broadcast { path, frame } => {
                match shared.find_mount(&path).and_then(|it| shared.mount_topic(it)) {
                    Some(topic) => {
                        shared.posts.post_frame(topic, &frame);
                        self.lines.deliver_many_posts();
                    }
                    None => log_limited!(shared, Misuse, "Handle::broadcast: nothing is mounted at {path}"),
                }
            }
            Command::Publish { topic, frame } => {
                if let Some(topic) = shared.topics.key(&topic) {
                    shared.posts.post_frame(topic, &frame);
                    self.lines.deliver_many_posts();
                }
            }
            Command::Close { id, frame } => {
                shared.settle_posts_for(id);
                shared.outbox.actions.push(Action::Close { id, frame });
            }
            Command::Decide(verdict) => self.decide(verdict),
            Command::Call { path, run } => match shared.find_mount(&path) {
                Some(mount) => self.call(mount, ConnectionId::NOBODY, |handler, ctx| {
                    let handler: &mut dyn Handler = handler;
                    run(handler, ctx);
                }),
                None => log_limited!(shared, Misuse, "Handle::call: nothing is mounted at {path}"),
            },
            Command::SetTls(tls) => self.site.set_tls(&tls),
            Command::Shutdown(shutdown) => {
                self.lines.apply();
                self.shut_down(shutdown);
            }
        }
    }

    /// Acts on the decisions of this turn's callbacks. Decisions of callbacks that are called meanwhile wait for the
    /// next turn.
    #[inline]
    pub(super) fn take_verdicts(&mut self) {
        if !self.lines.shared.outbox.verdicts.is_empty() {
            for verdict in std::mem::take(&mut self.lines.shared.outbox.verdicts) {
                self.decide(verdict);
                self.fire_timers_in_time();
            }
        }
    }

    #[inline(never)]
    fn decide(&mut self, verdict: Verdict) {
        self.lines.apply();
        match verdict {
            Verdict::Settle(deferred, accept) => self.settle_deferred(deferred, accept),
            Verdict::Answer(deferred, response) => self.answer_deferred(deferred, &response),
        }
    }

    /// Closes all connections, or, when the server is shutting down already, ends at once.
    #[inline(never)]
    fn shut_down(&mut self, shutdown: Shutdown) {
        let now = self.lines.shared.env.now;
        if let Some(stopping) = &mut self.lines.stopping {
            stopping.deadline = now;
            return;
        }
        self.handle.set_stopping();
        let mounts = u16::try_from(self.site.mounts.len()).unwrap_or(u16::MAX);
        for mount in 0..mounts {
            self.call(mount, ConnectionId::NOBODY, |handler, ctx| handler.shutdown(ctx));
        }
        self.lines.apply();
        let (over, timeout) = (shutdown.over.min(FAR), shutdown.timeout.min(FAR));
        let jitter = RandomState::new();
        let table = &self.lines.shared.table;
        let open = self.lines.open_slots().into_iter();
        let due_of = |slot| Reverse((now + over.mul_f64(fraction(&jitter, slot)), table.id(slot)));
        let due: BinaryHeap<_> = open.map(due_of).collect();
        if !due.is_empty() {
            // A target of its own: the command shows it by default, so that nobody takes the wait for a hang.
            log::info!(target: "sockhop::shutdown", "closing connections: {}; Ctrl-C again stops at once", due.len());
        }
        let deadline = now + over + timeout;
        self.lines.stopping = Some(Stopping { deadline, code: shutdown.code, due });
        // A connection that has not answered by then has failed: its handler hears that, not of the shutdown.
        self.lines.shared.look_by(deadline);
        for slot in self.lines.shared.table.slots_where(|connection| matches!(connection.phase, Phase::Entrance(_))) {
            let Some((entrance, _)) = self.lines.entrance(slot) else { continue };
            if entrance.awaits_decision() {
                let response = unavailable("the server is shutting down");
                self.lines.respond(slot, &response, Body::Include, Persistence::Close);
            } else if entrance.is_idle() {
                self.lines.kill(slot);
            }
        }
        self.close_due();
    }

    /// Closes the connections whose time has come in a shutdown that takes some.
    #[inline(never)]
    pub(super) fn close_due(&mut self) {
        let now = self.lines.shared.env.now;
        while let Some(stopping) = &mut self.lines.stopping
            && let Some(id) = stopping.take_due(now)
        {
            let frame = CloseFrame::new(stopping.code, "");
            if let Some(slot) = self.lines.shared.table.find_open(id) {
                self.lines.close_for(slot, &frame, Reason::Shutdown);
            }
            self.fire_timers_in_time();
        }
    }
}

/// A number from 0 to 1 that nobody can foresee.
fn fraction(jitter: &RandomState, slot: u32) -> f64 {
    jitter.hash_one(slot) as f64 / u64::MAX as f64
}
