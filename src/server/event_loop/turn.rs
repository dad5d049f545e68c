//! A turn: wait for events, serve them, look at deadlines, deliver, reap.

use std::io;
use std::time::Duration;

use super::state::EventLoop;
use crate::server::transport::{Poller, Ready, Token};
use crate::server::types::id::ConnectionId;

impl<P: Poller> EventLoop<P> {
    /// One turn. Returns whether there is to be another; if not, or after an error, all handlers have heard of the end.
    pub fn step(&mut self) -> io::Result<bool> {
        self.step_within(None)
    }

    /// The same, but it waits for events no longer than this; `None`: until one comes.
    pub fn step_within(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        let timeout = [self.timeout(), limit].into_iter().flatten().min();
        let mut result = self.turn(timeout);
        if let Some(error) = self.site.fatal.take() {
            result = Err(error);
        }
        let goes_on = result.is_ok() && !self.lines.has_stopped();
        if !goes_on {
            self.handle.stop();
            self.end_all();
            self.lines.shared.log_limit.finish();
        }
        result.map(|()| goes_on)
    }

    /// A turn that waits for events at most for `timeout`.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.poll(&mut ready, timeout)?;
        let env = &mut self.lines.shared.env;
        env.set_now(self.poller.now());
        self.lines.deliveries_left = env.slice;
        if env.is_date_over() {
            env.set_date(self.poller.unix_time());
        }
        self.lines.shared.compressor.begin_turn();
        self.work = 0;
        self.handshakes.begin_turn();
        // The actions of the callbacks at the end of the last turn.
        self.lines.apply();
        self.fire_timers();
        // Connections queued during this turn have already spent their budget.
        let (to_read, to_flush) = (self.lines.again.len(), self.lines.flushes.len());
        for event in ready.drain(..) {
            self.on_event(event);
            self.fire_timers_in_time();
        }
        self.ready = ready;
        self.serve_again(to_read);
        self.accept_waiting();
        self.close_due();
        self.sweep();
        self.take_verdicts();
        self.lines.shared.log_limit.write_counts(self.lines.shared.env.now);
        self.lines.deliver_posts();
        self.lines.flush_listed(to_flush);
        self.lines.keep_within_memory();
        self.call_back();
        self.lines.reap(|door| self.site.forget(door));
        self.handle.full().set(self.lines.is_full());
        if cfg!(debug_assertions) {
            self.assert_laws();
        }
        Ok(())
    }

    fn on_event(&mut self, event: Ready) {
        let (slot, id) = match event.token {
            Token::Wake => return self.take_commands(),
            Token::Listener(listener) => return self.accepting.note(listener),
            Token::Connection { slot, generation } => (slot, ConnectionId { slot, generation }),
        };
        let table = &self.lines.shared.table;
        // An event about an earlier tenant of the slot is stale.
        let Some(connection) = table.get(slot).filter(|it| table.is_current(id) && !it.is_gone()) else { return };
        if event.writable && connection.output.is_blocked() {
            self.lines.flush(slot);
        }
        if !event.readable && !event.read_closed {
            return;
        }
        let Some(connection) = self.lines.shared.table.get_mut(slot) else { return };
        connection.note_readable(event.read_closed);
        // A connection that waits for its turn is not read from twice in this one.
        let is_waiting = connection.is_again;
        if event.read_closed && connection.entrance().is_some_and(|entrance| entrance.awaits_decision()) {
            // Nobody reads while a handler decides, but a client that has hung up is not kept until the deadline.
            self.lines.kill(slot);
        } else if is_waiting || self.lines.is_handshaking(slot) && self.handshakes.are_crowded() {
            // Others have waited longer for their handshakes. A client that has hung up meanwhile is not worth one.
            if event.read_closed && self.lines.layers.awaits_hello(slot) {
                self.lines.kill(slot);
            } else {
                self.lines.serve_later(slot);
            }
        } else {
            self.read(slot);
        }
    }
}
