//! Requests that are refused, and the compression that an opening handshake agrees on.

use std::rc::Rc;

use super::{Line, Lines};
use crate::http::{
    Body, DeflateAnswer, OriginRefusal, Persistence, ProxyHeaderError, Request, RequestError, Response, Upgrade,
};
use crate::server::event_loop::logs::log_request_error;
use crate::server::event_loop::responses::unavailable;
use crate::server::shared::compressor;
use crate::server::transport::Socket;
use crate::server::types::log_limit::log_limited;

impl<S: Socket> Lines<S> {
    /// Refuses a request, or bytes that are none, and ends their connection. The answer to HEAD has no body (RFC 9110
    /// 9.3.2).
    pub fn refuse(&mut self, slot: u32, error: RequestError, body: Body) {
        log_request_error(&mut self.shared, slot, error);
        self.respond(slot, &error.response(), body, Persistence::Close);
    }

    /// The response that refuses an opening handshake before its handler is asked, if anything does.
    pub fn refusal(&mut self, slot: u32, request: &Request<'_>) -> Option<Response> {
        let (via, reach) = self.entrance(slot).map(|(entrance, _)| (entrance.via, entrance.reach()))?;
        let origins = Rc::clone(self.shared.origins(slot)?);
        if let Err(error) = origins.check(request, via, reach) {
            let shared = &mut self.shared;
            if error == RequestError::ForeignOrigin {
                let refusal = OriginRefusal::new(&origins, request, via, reach);
                let peer = shared.table.peer(slot);
                log_limited!(shared, Origin, "{peer}: refused with 403: {refusal}");
            } else {
                log_request_error(shared, slot, error);
            }
            return Some(error.response());
        }
        if self.stopping.is_some() {
            return Some(unavailable("the server is shutting down"));
        }
        let shared = &mut self.shared;
        if shared.env.is_short_of_memory() {
            let (peer, most) = (shared.table.peer(slot), shared.env.config.max_memory);
            log_limited!(
                shared,
                MemoryRefused,
                "{peer}: refused with 503: all connections together hold nearly as many bytes as Config::max_memory \
                 ({most}) allows"
            );
            return Some(unavailable("the server is short of memory"));
        }
        None
    }

    /// Negotiates compression: less of it, or none, when there is no memory for its contexts.
    pub fn agree_on_compression(
        &mut self,
        slot: u32,
        upgrade: &Upgrade<'_>,
    ) -> Result<Option<DeflateAnswer>, RequestError> {
        let shared = &mut self.shared;
        let (deflate, slow, most) = (shared.env.config.deflate, shared.env.config.slow, shared.env.config.max_memory);
        let answer = compressor::negotiate(deflate, slow, upgrade)?;
        let agreed = compressor::fit(answer, |bytes| shared.has_room_for_contexts(bytes));
        let peer = shared.table.peer(slot);
        if agreed != answer {
            let outcome = if agreed.is_some() { "compressed without the server's context" } else { "not compressed" };
            log_limited!(
                shared,
                Contexts,
                "{peer}: {outcome}: with its contexts more than half of Config::max_memory ({most}) would be in use"
            );
        } else if deflate.is_some() {
            log_limited!(shared, Request, "{peer} {}: {}", shared.table.id(slot), compressor::describe(agreed));
        }
        let reserved = compressor::reserved(agreed);
        if let (1.., Some(Line { connection, env, .. })) = (reserved, self.line(slot)) {
            connection.extra_mut(env).reserved = reserved;
            connection.account(env);
        }
        Ok(agreed)
    }

    /// A proxy that must send a PROXY header has sent something else.
    pub fn drop_without_proxy_header(&mut self, slot: u32, error: ProxyHeaderError) {
        let peer = self.shared.table.peer(slot);
        log_limited!(
            self.shared,
            ProxyHeader,
            "{peer}: dropped: {error}: by Config::proxy_protocol this proxy puts one before each connection"
        );
        self.kill(slot);
    }
}
