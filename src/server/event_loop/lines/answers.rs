//! Answers to plain requests, and what follows: the next request, or the end of the connection.

use super::{Line, Lines};
use crate::http::{Body, Persistence, Request, Response, SharedBody, Via};
use crate::server::connection::leaving::Leaving;
use crate::server::connection::{Connection, Standing};
use crate::server::transport::Socket;
use crate::server::types::error::ConnectionError;
use crate::server::types::stats::Count;

impl<S: Socket> Lines<S> {
    /// Answers a request that opens no WebSocket. The connection goes on if `after` says so, else it leaves.
    #[inline(never)]
    pub fn respond(&mut self, slot: u32, response: &Response, body: Body, after: Persistence) {
        if self.entrance(slot).is_none() {
            return;
        }
        self.shared.env.stats.add(if response.status() >= 400 { Count::Refused } else { Count::Answered });
        let mut head = Vec::new();
        let shared = response.shared_content().filter(|_| body == Body::Include);
        let date = self.shared.env.date();
        response.encode(&mut head, date, if shared.is_some() { Body::Omit } else { body }, after);
        self.send_response(slot, &head, shared);
        let Some((entrance, env)) = self.entrance(slot) else { return };
        match after {
            Persistence::KeepAlive => entrance.note_answered(env),
            Persistence::Close => {
                let leaving = Leaving::after_answer(entrance.no_room.is_some(), env);
                self.leave(slot, leaving);
            }
        }
    }

    /// Sends a route's or a handler's answer to a plain request.
    pub fn answer(&mut self, slot: u32, response: &Response, body: Body, after: Persistence) {
        self.respond(slot, response, body, after);
        if self.entrance(slot).is_some_and(|(entrance, _)| entrance.via == Via::TrustedProxy) {
            // The proxy may name another client with its next request.
            self.shared.addresses.release(slot);
        }
    }

    /// Whether another request may follow on the connection.
    pub fn persistence(&self, slot: u32, request: &Request<'_>) -> Persistence {
        let (shared, config) = (&self.shared, &self.shared.env.config);
        let connection = self.connection(slot);
        let served = connection.map_or(0, Connection::served);
        let may_stay = request.keeps_alive()
            && config.keep_alive.is_some()
            && served.saturating_add(1) < config.max_requests
            && self.stopping.is_none()
            && connection.is_none_or(|it| it.standing() != Standing::Reserve)
            && shared.table.len() - shared.table.count(Standing::Reserve) < config.max_connections;
        if may_stay { Persistence::KeepAlive } else { Persistence::Close }
    }

    /// Sends bytes of HTTP, and a shared body.
    #[inline(never)]
    pub fn send_response(&mut self, slot: u32, head: &[u8], body: Option<&SharedBody>) {
        let Some(Line { connection, mut socket, env }) = self.line(slot) else { return };
        match connection.output.send_response(&mut socket, head, body, env) {
            Ok(()) if connection.output.len() == 0 => {}
            Ok(()) => {
                self.shared.schedule(slot);
                if body.is_some() {
                    self.flush(slot);
                }
            }
            Err(error) => self.fail(slot, ConnectionError::Io(error)),
        }
    }
}
