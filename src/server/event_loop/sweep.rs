//! Looks for connections whose deadline has passed. A look tells when the next one must be, and a connection with a new
//! deadline sees to it that it is early enough ([`Shared::schedule`](crate::server::shared::Shared::schedule)). So no
//! deadline is noticed more than a fifth of a second late, and the loop sleeps while there is none.

use std::time::Duration;

use super::lines::Line;
use super::logs::log_late;
use super::requests::unavailable;
use super::state::EventLoop;
use crate::http::{Body, Persistence, Response};
use crate::server::connection::Connection;
use crate::server::connection::deadlines::Then;
use crate::server::connection::entrance::Late;
use crate::server::transport::Poller;
use crate::server::types::error::ConnectionError;
use crate::server::types::stats::Count;

impl<P: Poller> EventLoop<P> {
    /// Looks at all connections, if a look is due.
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
                self.act(slot, then);
                self.fire_timers_in_time();
            }
            let look = self.lines.connection(slot).and_then(|it| it.next_look(&self.lines.shared.env));
            next = [next, look].into_iter().flatten().min();
        }
        if let Some(millis) = next {
            self.lines.shared.look_by(now + Duration::from_millis(millis));
        }
    }

    /// A deadline of a connection has passed.
    fn act(&mut self, slot: u32, then: Then) {
        match then {
            Then::Refuse(late) => self.refuse_late(slot, late),
            Then::CloseIdle => self.lines.kill(slot),
            Then::Ping => self.ping(slot),
            Then::Fail(error) => self.lines.fail(slot, error),
            Then::Drop => {
                let is_owed = self.lines.connection(slot).is_some_and(|connection| connection.output.len() > 0);
                if is_owed { self.lines.abort(slot) } else { self.lines.kill(slot) }
            }
            Then::CheckMessage => {
                let Some(Line { connection, env, .. }) = self.lines.line(slot) else { return };
                let is_paused = connection.output.is_paused();
                let websocket = connection.websocket_mut();
                if websocket.is_some_and(|websocket| !websocket.has_gained_enough(is_paused, env)) {
                    self.lines.fail(slot, ConnectionError::MessageTimeout);
                }
            }
            Then::ForgetRate => {
                let connection = self.lines.shared.table.get_mut(slot);
                if let Some(websocket) = connection.and_then(Connection::websocket_mut) {
                    websocket.forget_rate();
                }
            }
            Then::Look => {}
        }
    }

    fn ping(&mut self, slot: u32) {
        let Some(connection) = self.lines.shared.table.get_mut(slot) else { return };
        connection.is_pinged = true;
        let mut frame = Vec::new();
        let protocol = connection.websocket_mut().and_then(|websocket| websocket.protocol.as_mut());
        if protocol.is_some_and(|protocol| protocol.ping(b"", &mut frame).is_ok()) {
            self.lines.send_always(slot, &frame);
        }
    }

    /// A request is not complete in time, or not answered.
    fn refuse_late(&mut self, slot: u32, late: Late) {
        self.lines.shared.env.stats.add(Count::HandshakeTimeouts);
        log_late(&mut self.lines.shared, slot, late);
        let response = match late {
            Late::Head => Response::text(408, "the request head was not complete in time\n"),
            Late::Body => Response::text(408, "the request body came too slowly; send at least 1 KiB a second\n"),
            Late::Decision | Late::Answer => unavailable("the application has not answered in time"),
        };
        let owed = self.lines.entrance(slot).and_then(|(entrance, _)| entrance.take_owed());
        let body = owed.map_or(Body::Include, |owed| owed.body);
        self.lines.respond(slot, &response, body, Persistence::Close);
    }
}
