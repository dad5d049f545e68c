//! Looks for connections whose deadline has passed. A look tells when the next one must be, and a connection with a new
//! deadline sees to it that it is early enough ([`Shared::schedule`](crate::server::shared::Shared::schedule)). So no
//! deadline is noticed more than a fifth of a second late, and the loop sleeps while there is none.

use std::time::Duration;

use super::state::EventLoop;
use crate::server::transport::Poller;

impl<P: Poller> EventLoop<P> {
    /// Looks at all connections, if a look is due.
    #[inline(never)]
    pub(super) fn sweep(&mut self) {
        let shared = &mut self.lines.shared;
        let now = shared.env.now;
        if shared.next_sweep.is_none_or(|at| at > now) {
            return;
        }
        shared.next_sweep = None;
        let mut next = None::<u64>;
        for slot in 0..self.lines.shared.table.slots() as u32 {
            let Some(connection) = self.lines.connection(slot) else { continue };
            if let Some(then) = connection.overdue(&self.lines.shared.env) {
                self.lines.act(slot, then);
                self.fire_timers_in_time();
            }
            let look = self.lines.connection(slot).and_then(|it| it.next_look(&self.lines.shared.env));
            next = [next, look].into_iter().flatten().min();
        }
        if let Some(millis) = next {
            self.lines.shared.look_by(now + Duration::from_millis(millis));
        }
    }
}
