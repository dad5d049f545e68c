//! Plain HTTP requests: to routes, to handlers, or refused. One at a time for a connection, in their order.

use super::logs::log_no_websocket;
use super::responses::failed;
use super::site::Target;
use super::state::EventLoop;
use crate::http::{Body, BodyLength, CONTINUE, Persistence, Request, RequestError, Response};
use crate::server::api::handler::Answer;
use crate::server::connection::entrance::{Owed, Step, Upload};
use crate::server::transport::Poller;
use crate::server::types::id::Deferred;
use crate::server::types::log_limit::{excerpt, log_limited};

/// Requests of one connection that are handled in a turn.
const REQUESTS: usize = 256;

impl<P: Poller> EventLoop<P> {
    /// Handles bytes of requests, and of frames behind an opening handshake.
    pub(super) fn on_entrance_bytes(&mut self, slot: u32, input: &mut [u8]) {
        let Some((entrance, _)) = self.lines.entrance(slot) else { return };
        let mut arrived = entrance.arrive(input);
        let mut rest = arrived.as_mut();
        for _ in 0..REQUESTS {
            let Some((entrance, env)) = self.lines.entrance(slot) else { break };
            match entrance.step(&mut rest, env) {
                Step::Wait => break,
                Step::Head(head) => self.on_head(slot, head, &mut rest),
                Step::Request(upload) => self.on_upload(slot, &upload),
                Step::Proxy(header) => {
                    let door = self.site.door(self.lines.door(slot));
                    self.lines.meet_proxied(slot, header, door);
                    self.lines.begin_tls(slot, &mut rest);
                }
                Step::NoProxy(error) => self.lines.drop_without_proxy_header(slot, error),
                Step::Refuse(error, body) => self.lines.refuse(slot, error, body),
            }
            if self.lines.connection(slot).is_some_and(|connection| connection.output.is_paused()) {
                break;
            }
        }
        let left = rest.len();
        if self.lines.is_open(slot) {
            return self.deliver_and_keep(slot, rest);
        }
        if let Some((entrance, env)) = self.lines.entrance(slot) {
            entrance.keep(arrived, left, env);
        }
        self.lines.shared.table.recount(slot);
        self.lines.shared.schedule(slot);
    }

    /// A request head is complete. Its body, if it has one, is at the front of `rest`.
    #[inline(never)]
    fn on_head(&mut self, slot: u32, head: &[u8], rest: &mut &mut [u8]) {
        let mut request = match Request::parse_scanned(head) {
            Ok(request) => request,
            Err(error) => return self.lines.refuse(slot, error, Body::answering_bytes(head)),
        };
        let shared = &mut self.lines.shared;
        let (peer, id) = (shared.table.peer(slot), shared.table.id(slot));
        log_limited!(shared, Request, "{peer} {id}: {} {}", request.method(), excerpt(request.path()));
        let door = self.lines.door(slot);
        if self.lines.refuse_in_the_clear(slot, &request, self.site.door(door).redirect) {
            return;
        }
        self.lines.note_tls(slot, &mut request);
        let rules = self.site.door(door);
        let no_room = self.lines.meet_client(slot, &request, rules);
        match (self.site.target(door, &request), no_room) {
            (Target::Upgrade(_), Some(why)) => {
                let response = self.lines.refuse_for_room(slot, why, rules);
                self.lines.respond(slot, &response, Body::Include, Persistence::Close);
            }
            (Target::Upgrade(mount), None) => self.on_upgrade(slot, mount, &request, rest.len()),
            (target, _) => {
                log_no_websocket(&mut self.lines.shared, slot, &request, &rules.router);
                if let Err(error) = self.on_plain(slot, &request, target, head, rest) {
                    self.lines.refuse(slot, error, Body::answering(request.method()));
                }
            }
        }
    }

    /// A plain request, whose body has yet to be read.
    #[inline(never)]
    fn on_plain(
        &mut self,
        slot: u32,
        request: &Request<'_>,
        target: Target,
        head: &[u8],
        rest: &mut &mut [u8],
    ) -> Result<(), RequestError> {
        let (length, expects_continue) = (request.body_length()?, request.expects_continue()?);
        let max = match self.admit(slot, request, &target) {
            Ok(max) => max,
            Err(response) => {
                // The unread body must not be taken for a request.
                let is_empty = matches!(length, BodyLength::None | BodyLength::Sized(0));
                let goes_on = is_empty && !matches!(target, Target::End(_));
                let after = if goes_on { self.lines.persistence(slot, request) } else { Persistence::Close };
                self.lines.respond(slot, &response, Body::answering(request.method()), after);
                return Ok(());
            }
        };
        match length {
            BodyLength::None => self.answer(slot, request, &[], target),
            BodyLength::Sized(len) if len > max as u64 => return Err(RequestError::BodyTooLarge),
            BodyLength::Sized(len) if len <= rest.len() as u64 => {
                let body = usize::try_from(len).ok().and_then(|len| rest.split_off_mut(..len)).unwrap_or_default();
                self.answer(slot, request, body, target);
            }
            BodyLength::Sized(_) | BodyLength::Chunked => {
                if expects_continue && rest.is_empty() {
                    self.lines.send_response(slot, CONTINUE, None);
                }
                if let Some((entrance, env)) = self.lines.entrance(slot) {
                    entrance.begin_body(head, length, max, env);
                }
            }
        }
        Ok(())
    }

    /// A request with a body that has come by and by.
    #[inline(never)]
    fn on_upload(&mut self, slot: u32, upload: &Upload) {
        match Request::parse_scanned(&upload.head) {
            Ok(mut request) => {
                self.lines.note_tls(slot, &mut request);
                let target = self.site.target(self.lines.door(slot), &request);
                self.answer(slot, &request, &upload.body, target);
            }
            Err(error) => self.lines.refuse(slot, error, Body::answering_bytes(&upload.head)),
        }
    }

    /// How many bytes the body of a request may have, or the response that refuses it before its body is read.
    #[inline(never)]
    fn admit(&mut self, slot: u32, request: &Request<'_>, target: &Target) -> Result<usize, Response> {
        match target {
            Target::Refusal(response) | Target::End(response) => Err(response.clone()),
            Target::Route(_) | Target::Upgrade(_) => Ok(self.lines.shared.env.config.max_body),
            Target::Handler(mount) => {
                let id = self.lines.shared.table.id(slot);
                self.lines.shared.table.set_path(slot, request.path());
                let mut admitted = None;
                self.try_call(*mount, id, |handler, ctx| admitted = Some(handler.admit(ctx, request)));
                self.lines.apply();
                admitted.unwrap_or_else(|| Err(failed()))
            }
        }
    }

    /// Has a route or a handler answer a request.
    #[inline(never)]
    fn answer(&mut self, slot: u32, request: &Request<'_>, content: &[u8], target: Target) {
        let (body, after) = (Body::answering(request.method()), self.lines.persistence(slot, request));
        let door = self.lines.door(slot);
        let is_full = self.lines.is_full_beside(slot, door, self.site.door(door));
        self.handle.full().begin_answer(is_full);
        let answer = match target {
            Target::Refusal(response) | Target::End(response) => Answer::Now(response),
            Target::Route(route) => Answer::Now(self.site.call_route(route, request, content, &mut self.lines.shared)),
            Target::Handler(mount) | Target::Upgrade(mount) => {
                let id = self.lines.shared.table.id(slot);
                self.lines.shared.table.set_path(slot, request.path());
                let mut answer = None;
                self.try_call(mount, id, |handler, ctx| answer = Some(handler.request(ctx, request, content)));
                self.lines.apply();
                answer.unwrap_or_else(|| Answer::Now(failed()))
            }
        };
        self.handle.full().end_answer();
        match answer {
            Answer::Now(response) => self.lines.answer(slot, &response, body, after),
            Answer::Later => {
                if let Some((entrance, env)) = self.lines.entrance(slot) {
                    entrance.defer_answer(Owed { body, after }, env);
                }
            }
        }
    }

    /// Sends an answer that a handler had put off, if the client still waits for it.
    pub(super) fn answer_deferred(&mut self, deferred: Deferred, response: &Response) {
        let Some(slot) = self.lines.shared.table.find(deferred.id) else { return };
        let Some((entrance, _)) = self.lines.entrance(slot) else { return };
        if entrance.served != deferred.request {
            return;
        }
        let Some(Owed { body, after }) = entrance.take_owed() else { return };
        let after = if self.lines.stopping.is_some() { Persistence::Close } else { after };
        self.lines.answer(slot, response, body, after);
        // Bytes behind the request are looked at now.
        self.on_entrance_bytes(slot, &mut []);
        self.lines.serve_later(slot);
    }
}
