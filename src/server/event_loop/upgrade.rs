//! The opening handshake (RFC 6455 §4.2): checked, decided by a handler now or later, and answered.

use std::borrow::Cow;

use super::lines::Line;
use super::responses::failed;
use super::state::EventLoop;
use crate::http::{Body, Persistence, Request, RequestError, Upgrade};
use crate::protocol;
use crate::server::api::handler::Accept;
use crate::server::connection::Phase;
use crate::server::connection::entrance::Decision;
use crate::server::connection::websocket::{Sending, WebSocket};
use crate::server::transport::Poller;
use crate::server::types::error::ConnectionError;
use crate::server::types::id::Deferred;
use crate::server::types::log_limit::{excerpt, log_limited};
use crate::server::types::stats::Count;

/// Bytes behind a request that are kept while its decision is put off.
const EARLY: usize = 8 * 1024;

/// Bytes of a usual response, so that its buffer need not grow.
const RESPONSE: usize = 256;

impl<P: Poller> EventLoop<P> {
    /// A request to open a WebSocket on a mount, with `early` bytes behind it.
    #[inline(never)]
    pub(super) fn on_upgrade(&mut self, slot: u32, mount: u16, request: &Request<'_>, early: usize) {
        let upgrade = match Upgrade::from_request(request) {
            Ok(upgrade) => upgrade,
            Err(error) => return self.lines.refuse(slot, error, Body::answering(request.method())),
        };
        if let Some(refusal) = self.lines.refusal(slot, request) {
            return self.lines.respond(slot, &refusal, Body::Include, Persistence::Close);
        }
        let id = self.lines.shared.table.id(slot);
        self.lines.shared.table.set_path(slot, request.path());
        let extension = match self.lines.agree_on_compression(slot, &upgrade) {
            Ok(extension) => extension,
            Err(error) => return self.lines.refuse(slot, error, Body::answering(request.method())),
        };
        let mut accept = None;
        self.try_call(mount, id, |handler, ctx| accept = Some(handler.accept(ctx, request)));
        let offered = upgrade.subprotocols().map(Box::from).collect();
        let decision = Decision { accept_key: upgrade.accept_key(), mount, offered, extension };
        match accept {
            Some(Accept::Later) if early <= EARLY => {
                let Some((entrance, env)) = self.lines.entrance(slot) else { return };
                entrance.defer_upgrade(decision, env);
                self.lines.apply();
                // No other event will tell that the client has hung up already.
                if self.lines.connection(slot).is_some_and(|connection| connection.reading.is_closing()) {
                    self.lines.kill(slot);
                }
            }
            Some(accept) => self.settle(slot, &decision, accept),
            None => {
                self.lines.apply();
                self.lines.respond(slot, &failed(), Body::Include, Persistence::Close);
            }
        }
    }

    /// Answers an opening handshake that was put off, if the client still waits for it.
    pub(super) fn settle_deferred(&mut self, deferred: Deferred, accept: Accept) {
        let Some(slot) = self.lines.shared.table.find(deferred.id) else { return };
        let Some((entrance, _)) = self.lines.entrance(slot) else { return };
        if entrance.served != deferred.request || matches!(accept, Accept::Later) {
            return;
        }
        let Some(decision) = entrance.take_decision() else { return };
        let mut early = entrance.take_bytes();
        self.settle(slot, &decision, accept);
        if self.lines.is_open(slot) {
            self.deliver_and_keep(slot, &mut early);
        }
        if let Some(Line { connection, env, .. }) = self.lines.line(slot) {
            connection.account(env);
        }
        self.lines.serve_later(slot);
    }

    /// Answers an opening handshake as its handler has decided.
    #[inline(never)]
    fn settle(&mut self, slot: u32, decision: &Decision, accept: Accept) {
        let subprotocol = match accept {
            Accept::Yes(subprotocol) => subprotocol,
            Accept::No(response) => {
                self.lines.apply();
                return self.lines.respond(slot, &response, Body::Include, Persistence::Close);
            }
            Accept::Later => {
                self.lines.apply();
                return self.lines.refuse(slot, RequestError::Malformed, Body::Include);
            }
        };
        if let Some(name) = subprotocol.as_deref()
            && !decision.offered.iter().any(|offered| **offered == *name)
        {
            let shared = &mut self.lines.shared;
            log_limited!(
                shared,
                Misuse,
                "the handler at {} has chosen the subprotocol \"{}\", which the client has not offered",
                excerpt(shared.table.path(slot)),
                excerpt(name)
            );
            self.lines.apply();
            return self.lines.respond(slot, &failed(), Body::Include, Persistence::Close);
        }
        self.open(slot, decision, subprotocol);
    }

    #[inline(never)]
    fn open(&mut self, slot: u32, decision: &Decision, subprotocol: Option<Cow<'static, str>>) {
        let Decision { accept_key, mount, extension, .. } = decision;
        let mut response = Vec::with_capacity(RESPONSE);
        Upgrade::encode_response_with(accept_key, subprotocol.as_deref(), *extension, &[], &mut response);
        let id = self.lines.shared.table.id(slot);
        let mut extra = self.lines.entrance(slot).and_then(|(entrance, _)| entrance.take_extra());
        let home = extra.as_mut().and_then(|extra| extra.home.take());
        let seat = self.lines.shared.seat(slot, *mount, home);
        let Some(Line { connection, env, .. }) = self.lines.line(slot) else { return };
        env.stats.add(Count::Opened);
        let extension = extension.map(|answer| answer.extension);
        let mut protocol = protocol::Connection::server(env.limits.clone());
        if let Some(extension) = extension {
            protocol = protocol.with_extension(extension);
        }
        let sending = extension.and_then(Sending::new);
        connection.phase = Phase::WebSocket(WebSocket::new(protocol, sending, extra, *mount, seat));
        connection.heard = env.tick();
        if subprotocol.is_some() {
            connection.extra_mut(env).subprotocol = subprotocol;
        }
        connection.shrink_extra();
        self.lines.shared.table.recount(slot);
        self.lines.shared.addresses.forget_proxy(slot);
        let came_back = self.try_call(*mount, id, |handler, ctx| handler.open(ctx));
        if self.lines.shared.outbox.actions.is_empty() {
            self.lines.send_response(slot, &response, None);
        } else {
            // Messages of `accept` and `open` leave with the response.
            if let Some(Line { connection, env, .. }) = self.lines.line(slot) {
                connection.output.hold(&response, env);
            }
            self.lines.apply();
            self.lines.flush(slot);
        }
        self.lines.shared.schedule(slot);
        if !came_back {
            self.lines.fail(slot, ConnectionError::Panic);
        }
    }
}
