//! Acts on a connection whose deadline has passed.

use super::{Line, Lines};
use crate::http::{Body, Persistence, Response};
use crate::server::connection::Connection;
use crate::server::connection::deadlines::Then;
use crate::server::connection::entrance::Late;
use crate::server::event_loop::logs::log_late;
use crate::server::event_loop::responses::unavailable;
use crate::server::transport::Socket;
use crate::server::types::error::ConnectionError;
use crate::server::types::stats::Count;

impl<S: Socket> Lines<S> {
    /// A deadline of a connection has passed.
    pub fn act(&mut self, slot: u32, then: Then) {
        match then {
            Then::Refuse(late) => self.refuse_late(slot, late),
            Then::CloseIdle => self.kill(slot),
            Then::Ping => self.ping(slot),
            Then::Fail(error) => self.fail(slot, error),
            Then::Drop => {
                let is_owed = self.connection(slot).is_some_and(|connection| connection.output.len() > 0);
                if is_owed { self.abort(slot) } else { self.kill(slot) }
            }
            Then::CheckMessage => {
                let is_held = self.is_held(slot);
                let Some(Line { connection, env, .. }) = self.line(slot) else { return };
                let is_paused = is_held || connection.output.is_paused();
                let websocket = connection.websocket_mut();
                if websocket.is_some_and(|websocket| !websocket.has_gained_enough(is_paused, env)) {
                    self.fail(slot, ConnectionError::MessageTimeout);
                }
            }
            Then::ForgetRate => {
                let connection = self.shared.table.get_mut(slot);
                if let Some(websocket) = connection.and_then(Connection::websocket_mut) {
                    websocket.forget_rate();
                }
            }
            Then::Look => {}
        }
    }

    fn ping(&mut self, slot: u32) {
        let Some(connection) = self.shared.table.get_mut(slot) else { return };
        connection.is_pinged = true;
        let mut frame = Vec::new();
        let protocol = connection.websocket_mut().and_then(|websocket| websocket.protocol.as_mut());
        if protocol.is_some_and(|protocol| protocol.ping(b"", &mut frame).is_ok()) {
            self.send_always(slot, &frame);
        }
    }

    /// A request is not complete in time, or not answered.
    fn refuse_late(&mut self, slot: u32, late: Late) {
        self.shared.env.stats.add(Count::HandshakeTimeouts);
        log_late(&mut self.shared, slot, late);
        // A client that has sent nothing might take an answer for that to its first request.
        if late == Late::Head && self.entrance(slot).is_some_and(|(entrance, _)| entrance.is_silent()) {
            return self.kill(slot);
        }
        let response = match late {
            Late::Head => Response::text(408, "the request head was not complete in time\n"),
            Late::Body => Response::text(408, "the request body came too slowly; send at least 1 KiB a second\n"),
            Late::Decision | Late::Answer => unavailable("the application has not answered in time"),
        };
        let body = self.entrance(slot).map_or(Body::Include, |(entrance, _)| entrance.answer_body());
        self.respond(slot, &response, body, Persistence::Close);
    }
}
