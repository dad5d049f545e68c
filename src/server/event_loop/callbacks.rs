//! Calls handlers: for connections, for timers, and for connections that have ended. A panic costs the connection that it
//! happens on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::lines::Ending;
use super::state::EventLoop;
use crate::server::api::context::Context;
use crate::server::api::handler::Handler;
use crate::server::transport::Poller;
use crate::server::types::error::{ConnectionError, Reason};
use crate::server::types::id::ConnectionId;
use crate::server::types::log_limit::log_limited;

/// Pieces of work, such as a read with all that follows from it, between two readings of the clock: timers must not wait
/// for the end of a long turn.
const WORK_PER_LOOK: usize = 32;
/// How long a turn may keep timers waiting.
const TIMERS_APART: Duration = Duration::from_millis(5);
/// Applications' timers that come due in one turn.
const TIMERS: usize = 1024;

impl<P: Poller> EventLoop<P> {
    /// Calls a handler for a connection, or for none. A panic costs the connection.
    pub(super) fn call(&mut self, mount: u16, id: ConnectionId, f: impl FnOnce(&mut dyn Handler, &mut Context<'_>)) {
        if !self.try_call(mount, id, f)
            && let Some(slot) = self.lines.shared.table.find_open(id)
        {
            self.lines.apply();
            self.lines.fail(slot, ConnectionError::Panic);
        }
    }

    /// Calls a handler. Returns whether it came back without a panic. A panic is counted, but has cost nothing yet.
    pub(super) fn try_call(
        &mut self,
        mount: u16,
        id: ConnectionId,
        f: impl FnOnce(&mut dyn Handler, &mut Context<'_>),
    ) -> bool {
        let Some(entry) = self.site.mounts.get_mut(usize::from(mount)) else { return true };
        let handler = &mut *entry.handler;
        let mut ctx = Context::new(&mut self.lines.shared, &self.handle, id, mount);
        let result = catch_unwind(AssertUnwindSafe(|| f(handler, &mut ctx)));
        if let Err(panic) = &result {
            self.site.on_panic(mount, id, &**panic, &mut self.lines.shared);
        }
        result.is_ok()
    }

    /// Calls the handlers whose timers are due.
    #[inline(never)]
    pub(super) fn fire_timers(&mut self) {
        let (now, limit) = (self.lines.shared.env.now, self.lines.shared.timers.next_id());
        for _ in 0..TIMERS {
            let Some(due) = self.lines.shared.timers.next_due(now, limit) else { return };
            self.call(due.mount, due.connection, |handler, ctx| handler.timer(ctx, due.id));
            self.lines.apply();
            self.lines.deliver_many_posts();
        }
    }

    /// Ends a piece of work amid a turn: when the pieces have taken so long that timers may be due, their handlers are
    /// called.
    #[inline(always)]
    pub(super) fn fire_timers_in_time(&mut self) {
        self.work += 1;
        if self.work >= WORK_PER_LOOK {
            self.look_at_the_clock();
        }
    }

    #[inline(never)]
    fn look_at_the_clock(&mut self) {
        self.work = 0;
        let now = self.poller.now();
        if now - self.lines.shared.env.now >= TIMERS_APART {
            self.lines.shared.env.set_now(now);
            self.fire_timers();
        }
    }

    /// Calls `drained`, `error` and `close`, each at most once for a connection in a turn. Their actions are applied in the
    /// next turn, so that no turn can go on for ever.
    #[inline]
    pub(super) fn call_back(&mut self) {
        self.lines.look_at_drain_requests();
        if !self.lines.drained.is_empty() {
            self.call_drained();
        }
        if !self.lines.endings.is_empty() {
            self.call_close();
        }
    }

    #[inline(never)]
    fn call_drained(&mut self) {
        let mut drained = std::mem::take(&mut self.lines.drained);
        drained.sort_unstable();
        drained.dedup();
        for slot in drained {
            let id = self.lines.shared.table.id(slot);
            if let Some(mount) = self.lines.connection(slot).and_then(|it| it.websocket()).map(|it| it.mount) {
                self.call(mount, id, |handler, ctx| handler.drained(ctx));
            }
        }
    }

    #[inline(never)]
    fn call_close(&mut self) {
        for Ending { id, mount, reason } in std::mem::take(&mut self.lines.endings) {
            if let Reason::Failed(error) = &reason {
                self.call(mount, id, |handler, ctx| handler.error(ctx, error));
            }
            let reason = reason.as_close_reason();
            log_limited!(self.lines.shared, Closed, "{id}: closed: {reason:?}");
            self.call(mount, id, |handler, ctx| handler.close(ctx, reason));
            // `close` was the last to look at the attached value.
            let connection = self.lines.shared.table.get_mut(id.slot);
            drop(connection.and_then(|it| it.leaving()).and_then(|leaving| leaving.kept.take()));
        }
    }

    /// The server is at its end: the handlers of all connections hear so.
    #[inline(never)]
    pub(super) fn end_all(&mut self) {
        for slot in self.lines.open_slots() {
            self.lines.end(slot, Reason::Shutdown, false);
        }
        self.call_back();
    }
}
