//! TLS on connections: its beginning, its failures, and clients that speak plain HTTP where TLS is spoken.

use std::io;
use std::mem;
use std::time::Duration;

use super::{Line, Lines};
use crate::http::{Body, Persistence, Request, Response};
use crate::server::connection::leaving::Leaving;
use crate::server::connection::{Phase, Reading};
use crate::server::event_loop::logs::log_no_tls;
use crate::server::transport::{Received, Security, Socket};
use crate::server::types::error::{ConnectionError, Reason};
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

impl<S: Socket> Lines<S> {
    /// Whether a connection speaks TLS, and its handshake is not complete.
    #[inline]
    pub fn is_handshaking(&self, slot: u32) -> bool {
        self.layers.has(slot) && self.layers.security(slot) == Security::Handshaking
    }

    /// A step of a TLS handshake took so long. Counts it, and how the handshake has ended if it has.
    pub fn count_handshake(&mut self, slot: u32, span: Duration) {
        let stats = &self.shared.env.stats;
        stats.add_many(Count::TlsMicros, u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
        if let Some(count) = self.layers.get(slot).and_then(|layer| layer.ending()) {
            stats.add(count);
        }
    }

    /// Tells a request by which TLS connection it has come, if it has come by one.
    #[inline]
    pub fn note_tls(&self, slot: u32, request: &mut Request<'_>) {
        if let Some(layer) = self.layers.get(slot) {
            request.set_tls(layer.request_tls());
        }
    }

    /// A PROXY header has been read: TLS begins behind it, with the rest of the input, where it is spoken.
    pub fn begin_tls(&mut self, slot: u32, rest: &mut &mut [u8]) {
        let Some(layer) = self.layers.get_mut(slot) else { return };
        layer.begin(&*mem::take(rest));
        if let Some(Line { connection, .. }) = self.line(slot)
            && connection.reading == Reading::Drained
        {
            connection.reading = Reading::Ready;
        }
    }

    /// A `receive` brought no bytes, and perhaps the end.
    pub fn on_nothing(&mut self, slot: u32, received: io::Result<Received>) {
        match received {
            Ok(Received { ended: true, .. }) => self.end_of_stream(slot),
            Ok(_) => {}
            Err(error) => self.fail_by_socket(slot, error),
        }
    }

    /// A socket, or TLS on it, has failed.
    #[inline(never)]
    fn fail_by_socket(&mut self, slot: u32, error: io::Error) {
        if self.layers.security(slot) != Security::Failed {
            return self.fail(slot, ConnectionError::Io(error));
        }
        let count = self.layers.get(slot).and_then(|layer| layer.ending());
        let Some(Line { connection, socket, env }) = self.line(slot) else { return };
        // Nothing can be encrypted any more, but an alert may still leave.
        connection.output.drop_queue();
        if socket.pending() > 0 {
            connection.output.note_pending(socket.pending(), env);
        }
        match &connection.phase {
            Phase::WebSocket(_) => {
                self.shared.env.stats.add(Count::IoErrors);
                let (peer, id) = (self.shared.table.peer(slot), self.shared.table.id(slot));
                log_limited!(self.shared, Io, "{peer} {id}: failed: TLS: {error}");
                self.end(slot, Reason::Failed(ConnectionError::Io(error)), false);
            }
            Phase::Entrance(entrance) => {
                let leaving = Leaving::after_answer(entrance.no_room.is_some(), env);
                log_no_tls(&mut self.shared, slot, count, &error);
                self.leave(slot, leaving);
            }
            Phase::Leaving(_) => self.kill(slot),
        }
    }

    /// Answers a request in the clear where TLS is spoken, or where all requests are sent on to `https:` at a port: where the
    /// page is, or that it must be asked for by TLS. Returns whether it was one.
    pub fn refuse_in_the_clear(&mut self, slot: u32, request: &Request<'_>, redirect: Option<u16>) -> bool {
        let is_clear = self.layers.security(slot) == Security::Clear;
        if !is_clear && redirect.is_none() {
            return false;
        }
        if is_clear {
            let peer = self.shared.table.peer(slot);
            log_limited!(
                self.shared,
                Clear,
                "{peer}: plain HTTP has come to a port that speaks TLS: use wss:// or https://"
            );
        }
        let is_safe = ["GET", "HEAD"].contains(&request.method()) && !request.wants_upgrade();
        let authority = match redirect {
            None => request.authority().map(str::to_owned),
            Some(port) => {
                request.host().map(|host| if port == 443 { host.to_owned() } else { format!("{host}:{port}") })
            }
        };
        let response = match authority.filter(|_| is_safe) {
            Some(authority) => {
                let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
                let location = format!("https://{authority}{}{query}", request.path());
                Response::text(308, "Use https:// in place of http://.\n").header("Location", location)
            }
            None => Response::text(400, "Use wss:// or https://.\n"),
        };
        self.respond(slot, &response, Body::answering(request.method()), Persistence::Close);
        true
    }
}
