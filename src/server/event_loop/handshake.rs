//! The opening handshake (RFC 6455 §4.2), and the little plain HTTP beside it. One request per connection.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::clients::too_many;
use super::dispatch::panic_text;
use super::{EventLoop, Mount};
use crate::http::{Body, OriginRefusal, Persistence, Reach, Request, RequestError, Resolved, Response, Upgrade, Via};
use crate::protocol::Extension;
use crate::server::compression::{self, Deflate};
use crate::server::config::Config;
use crate::server::handler::{Accept, Error};
use crate::server::log_limit::{excerpt, log_limited};
use crate::server::poller::Poller;
use crate::server::session::{Flags, Head, Phase, Waiting};
use crate::server::stats::Count;

/// Bytes behind a request that are kept while its acceptance is put off.
const EARLY: usize = 8 * 1024;
/// Bytes of a response's body for which a peer has a millisecond.
const SLOW_LINE: usize = 32;

impl<P: Poller> EventLoop<P> {
    /// Bytes of a request head, and perhaps of what follows it.
    pub(super) fn on_handshake_bytes(&mut self, slot: u32, input: &mut [u8]) {
        if self.core.sessions[slot].flags.has(Flags::PROXY_HEADER) {
            return self.on_proxy_header_bytes(slot, input);
        }
        let limits = self.core.config.head;
        let mut kept = self.core.sessions[slot].rare.as_mut().and_then(|rare| rare.head.take());
        // Nearly always the head comes whole, and is read where it lies.
        let (bytes, mut scanner) = match kept.as_mut() {
            None => (&mut *input, Default::default()),
            Some(head) => {
                head.bytes.extend_from_slice(input);
                (head.bytes.as_mut_slice(), std::mem::take(&mut head.scanner))
            }
        };
        match scanner.scan_within(bytes, &limits) {
            Ok(Some(len)) => {
                self.core.sessions[slot].shrink();
                if let Some((head, rest)) = bytes.split_at_mut_checked(len) {
                    self.on_head(slot, head, rest);
                }
            }
            Ok(None) => {
                let mut head = kept.unwrap_or_else(|| Box::new(Head { bytes: input.to_vec(), ..Head::default() }));
                head.scanner = scanner;
                self.core.sessions[slot].rare().head = Some(head);
            }
            Err(error) => self.refuse(slot, error),
        }
    }

    fn on_head(&mut self, slot: u32, head: &[u8], rest: &mut [u8]) {
        let request = match Request::parse(head) {
            Ok(request) => request,
            Err(error) => return self.refuse(slot, error),
        };
        log_limited!(
            self.core,
            Request,
            "{} {}: {} {}",
            self.core.sessions.peer(slot),
            self.core.sessions.id(slot),
            request.method(),
            excerpt(request.path())
        );
        if self.core.sessions[slot].flags.has(Flags::TURNED_AWAY) {
            let is_crowded = self.addresses.has_turned_away(slot);
            let response = if is_crowded { too_many() } else { unavailable("there are too many connections") };
            return self.respond(slot, &response, Body::answering(request.method()));
        }
        if !self.meet_client(slot, &request) {
            return;
        }
        match self.router.resolve(&request) {
            Resolved::Mount(mount) => match u16::try_from(mount) {
                Ok(mount) => self.on_upgrade(slot, mount, &request, rest),
                Err(_) => self.respond(slot, &Response::new(404), Body::Include),
            },
            Resolved::Request(_) => {
                self.respond(slot, &crate::http::upgrade_required(&request), Body::answering(request.method()));
            }
            Resolved::Route(route) => {
                let response = match self.routes.get_mut(route) {
                    Some(answer) => catch_unwind(AssertUnwindSafe(|| answer(&request))).unwrap_or_else(|panic| {
                        self.core.stats.add(Count::Panics);
                        log_limited!(
                            self.core,
                            Panic,
                            "the route {} has panicked: {}",
                            excerpt(request.path()),
                            excerpt(panic_text(&*panic))
                        );
                        failed()
                    }),
                    None => Response::new(404),
                };
                self.respond(slot, &response, Body::answering(request.method()));
            }
            refusal => {
                let response = self.router.refusal(&refusal).unwrap_or_else(|| Response::new(404));
                self.respond(slot, &response, Body::answering(request.method()));
            }
        }
    }

    /// A request to open a WebSocket on a mount.
    fn on_upgrade(&mut self, slot: u32, mount: u16, request: &Request<'_>, rest: &mut [u8]) {
        let via = self.via(slot);
        // Who is known to be a proxy may have clients anywhere.
        let local = self.core.sessions[slot].flags.has(Flags::LOCAL) && via == Via::Direct;
        let reach = if local { Reach::Loopback } else { Reach::Network };
        let upgrade = match Upgrade::from_request(request) {
            Ok(upgrade) => upgrade,
            Err(error) => {
                self.log_refusal(slot, error);
                return self.respond(slot, &error.response(), Body::answering(request.method()));
            }
        };
        if let Err(error) = self.core.config.origins.check(request, via, reach) {
            if error == RequestError::ForeignOrigin {
                let refusal = OriginRefusal::new(request, via);
                log_limited!(self.core, Origin, "{}: refused with 403: {refusal}", self.core.sessions.peer(slot));
            }
            return self.refuse(slot, error);
        }
        if self.stopping.is_some() {
            return self.respond(slot, &unavailable("the server is shutting down"), Body::Include);
        }
        if self.core.is_short_of_memory() {
            log_limited!(
                self.core,
                MemoryRefused,
                "{}: refused with 503: all connections together hold nearly as many bytes as --max-memory {} allows (in \
                 code, Config::max_memory)",
                self.core.sessions.peer(slot),
                self.core.config.max_memory
            );
            return self.respond(slot, &unavailable("the server is short of memory"), Body::Include);
        }
        let id = self.core.sessions.id(slot);
        self.core.sessions.set_path(slot, request.path());
        self.core.sessions[slot].mount = mount;
        let extension = match self.agree_on_compression(slot, &upgrade) {
            Ok(extension) => extension,
            Err(error) => return self.refuse(slot, error),
        };
        let mut accept = None;
        self.call(mount, id, |handler, ctx| accept = Some(handler.accept(request, ctx)));
        let offered = upgrade.subprotocols().map(Box::from).collect();
        let waiting = Waiting { accept_key: upgrade.accept_key(), offered, extension };
        match accept {
            Some(Accept::Later(_)) if rest.len() <= EARLY => {
                self.core.sessions.set_phase(slot, Phase::Waiting);
                let rare = self.core.sessions[slot].rare();
                rare.waiting = Some(Box::new(waiting));
                rare.backlog.bytes = rest.to_vec();
                self.apply();
                // No other event will tell that it has hung up already.
                if self.core.sessions[slot].flags.has(Flags::READ_CLOSED) {
                    self.kill(slot);
                }
            }
            Some(accept) => {
                self.settle(slot, waiting, accept);
                if self.core.sessions[slot].phase == Phase::Open {
                    self.dispatch_and_keep(slot, rest);
                }
            }
            None => {
                self.apply();
                self.respond(slot, &failed(), Body::Include);
            }
        }
    }

    /// What becomes of the client's offers: no context takeover when there is no memory for it.
    fn agree_on_compression(&mut self, slot: u32, upgrade: &Upgrade<'_>) -> Result<Option<Extension>, RequestError> {
        let Config { deflate, slow, max_memory, .. } = self.core.config;
        let mut agreed = compression::negotiate(deflate, slow, upgrade)?;
        if !self.core.has_room_for_contexts(compression::reserved(agreed)) {
            log_limited!(
                self.core,
                Contexts,
                "{}: compressed without context takeover: with its contexts more than half of --max-memory {max_memory} \
                 would be in use (in code, Config::max_memory)",
                self.core.sessions.peer(slot)
            );
            agreed = compression::negotiate(deflate.map(Deflate::without_takeover), slow, upgrade)?;
        }
        self.core.reserve(slot, compression::reserved(agreed));
        if deflate.is_some() {
            log_limited!(
                self.core,
                Request,
                "{} {}: {}",
                self.core.sessions.peer(slot),
                self.core.sessions.id(slot),
                compression::describe(agreed)
            );
        }
        Ok(agreed)
    }

    /// Answers an opening handshake as its handler has decided.
    pub(super) fn settle(&mut self, slot: u32, waiting: Waiting, accept: Accept) {
        let subprotocol = match accept {
            Accept::Yes(subprotocol) => subprotocol,
            Accept::No(response) => {
                self.apply();
                return self.respond(slot, &response, Body::Include);
            }
            Accept::Later(_) => {
                self.apply();
                return self.refuse(slot, RequestError::Malformed);
            }
        };
        if let Some(name) = subprotocol.as_deref()
            && !waiting.offered.iter().any(|offered| **offered == *name)
        {
            log_limited!(
                self.core,
                Misuse,
                "the handler at {} has chosen the subprotocol \"{}\", which the client has not offered",
                excerpt(self.core.sessions.path(slot)),
                excerpt(name)
            );
            self.apply();
            return self.respond(slot, &failed(), Body::Include);
        }
        self.open(slot, &waiting, subprotocol);
    }

    fn open(&mut self, slot: u32, waiting: &Waiting, subprotocol: Option<Cow<'static, str>>) {
        let mut response = Vec::new();
        let Waiting { accept_key, extension, .. } = waiting;
        compression::encode_response(accept_key, subprotocol.as_deref(), *extension, &mut response);
        let (mount, id, tick) = (self.core.sessions[slot].mount, self.core.sessions.id(slot), self.core.tick());
        self.core.stats.add(Count::Opened);
        let session = &mut self.core.sessions[slot];
        session.connection = Some(compression::open(self.core.limits.clone(), *extension));
        session.sending = compression::sending(*extension);
        session.heard = tick;
        if subprotocol.is_some() {
            session.rare().subprotocol = subprotocol;
        }
        self.core.join_mount(slot, mount);
        let came_back = self.try_call(mount, id, |handler, ctx| handler.open(ctx));
        if self.core.outbox.actions.is_empty() {
            self.send_response(slot, &response);
        } else {
            // What `accept` and `open` have said leaves with the response.
            let rare = self.core.sessions[slot].rare();
            rare.queue.push(&response, response.len());
            rare.progress = tick;
            self.apply();
            self.flush(slot);
        }
        self.look_for(slot);
        if !came_back {
            self.fail(slot, Error::Panic);
        }
    }

    pub(super) fn refuse(&mut self, slot: u32, error: RequestError) {
        self.log_refusal(slot, error);
        self.respond(slot, &error.response(), Body::Include);
    }

    /// Answers a request that opens no WebSocket, and ends the connection.
    pub(super) fn respond(&mut self, slot: u32, response: &Response, body: Body) {
        if matches!(self.core.sessions[slot].phase, Phase::Handshake | Phase::Waiting) {
            if response.status() >= 400 {
                self.core.stats.add(Count::Refused);
            }
            let mut bytes = Vec::new();
            match response.shared_content().filter(|_| body == Body::Include) {
                None => {
                    response.encode(&mut bytes, body, Persistence::Close);
                    self.send_response(slot, &bytes);
                }
                Some(content) => {
                    response.encode(&mut bytes, Body::Omit, Persistence::Close);
                    let tick = self.core.tick();
                    let rare = self.core.sessions[slot].rare();
                    rare.progress = tick;
                    rare.queue.push(&bytes, bytes.len());
                    rare.queue.push_body(content);
                    self.flush(slot);
                }
            }
            if self.core.sessions[slot].phase != Phase::Dead {
                self.drain(slot);
                self.allow_for_body(slot);
            }
        }
    }

    /// A long body has more time to leave than a Close frame: as much as a slow line needs.
    fn allow_for_body(&mut self, slot: u32) {
        let queued = self.core.sessions[slot].queued();
        if let Some(deadline) = self.core.sessions[slot].rare.as_mut().and_then(|rare| rare.deadline.as_mut()) {
            let more = u32::try_from(queued / SLOW_LINE).unwrap_or(u32::MAX);
            deadline.millis = deadline.millis.saturating_add(more);
        }
    }
}

/// The answer of a server that takes no connection now.
pub(super) fn unavailable(why: &'static str) -> Response {
    Response::text(503, format!("{why}; try again\n")).header("Retry-After", "1")
}

/// The answer of a server whose application does not know what it does.
fn failed() -> Response {
    Response::text(500, "the application has failed\n")
}

/// A mount's handler, for those who look it up by path.
pub(super) fn find_mount(mounts: &[Mount], path: &str) -> Option<u16> {
    mounts.iter().position(|mount| *mount.path == *path).and_then(|at| u16::try_from(at).ok())
}
