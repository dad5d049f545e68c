//! Log lines about refusals and failures: which peer, which limit, and which field of `Config` sets it.

use std::io;

use crate::http::{LostUpgrade, Request, RequestError, Router, decode_path};
use crate::protocol::{ContextTakeover, ProtocolError};
use crate::server::connection::Connection;
use crate::server::connection::entrance::Late;
use crate::server::shared::Shared;
use crate::server::types::config::Config;
use crate::server::types::error::ConnectionError;
use crate::server::types::log_limit::{Kind, TARGET, excerpt, log_limited};
use crate::server::types::stats::Count;

/// A request is about to be refused.
pub(super) fn log_request_error(shared: &mut Shared, slot: u32, error: RequestError) {
    let (peer, status, limits) = (shared.table.peer(slot), error.status(), shared.env.config.head);
    match error {
        // This was logged already, with both values.
        RequestError::ForeignOrigin => {}
        RequestError::HeadTooLarge => log_limited!(
            shared,
            Head,
            "{peer}: refused with {status}: a request head of more bytes than Config::head.max_head ({}) allows",
            limits.max_head
        ),
        RequestError::RequestLineTooLong => log_limited!(
            shared,
            Head,
            "{peer}: refused with {status}: a request line of more bytes than Config::head.max_request_line ({}) allows",
            limits.max_request_line
        ),
        RequestError::BodyTooLarge => log_limited!(
            shared,
            Body,
            "{peer}: refused with {status}: a request body of more bytes than Config::max_body ({}), or its handler, allows",
            shared.env.config.max_body
        ),
        RequestError::Tls => {
            log_limited!(
                shared,
                Tls,
                "{peer}: a TLS client has come to a plain port: use ws:// or http://, or Door::tls"
            )
        }
        error if error.is_of_handshake() => {
            log_limited!(shared, Handshake, "{peer}: a WebSocket refused with {status}: {}", error.advice().trim_end())
        }
        _ => log_limited!(shared, Refused, "{peer}: refused with {status}: {error}"),
    }
}

/// A request opens no WebSocket here. A client that wants one is told so by no browser, so the operator is.
pub(super) fn log_no_websocket(shared: &mut Shared, slot: u32, request: &Request<'_>, router: &Router) {
    let peer = shared.table.peer(slot);
    if let Some(lost) = LostUpgrade::of(request) {
        log_limited!(shared, LostUpgrade, "{peer}: {lost}");
    } else if request.wants_upgrade() {
        let path = excerpt(request.path());
        if decode_path(request.path()).is_none() {
            log_limited!(shared, Handshake, "{peer}: a WebSocket refused with 400: the path \"{path}\" is not valid");
        } else {
            log_limited!(
                shared,
                Path,
                "{peer}: a WebSocket refused with 404: nothing is mounted at \"{path}\": {}mount a handler at /*",
                listed(&router.mount_patterns())
            );
        }
    }
}

/// A TLS handshake has failed.
pub(super) fn log_no_tls(shared: &mut Shared, slot: u32, count: Option<Count>, error: &io::Error) {
    let peer = shared.table.peer(slot);
    if count == Some(Count::TlsBroken) {
        log_limited!(shared, BrokenTls, "{peer}: no TLS: {error}");
    } else {
        // The operator may have chosen another certificate, or other versions.
        log_limited!(shared, NoTls, "{peer}: no TLS: {error}");
    }
}

/// `use /a, /b, ` and so on, or nothing.
fn listed(patterns: &[String]) -> String {
    const MOST: usize = 10;
    let more = if patterns.len() > MOST { "... " } else { "" };
    let all: String = patterns.iter().take(MOST).map(|pattern| format!("{pattern}, ")).collect();
    if all.is_empty() { all } else { format!("use {all}{more}or ") }
}

/// A request was not complete, or not answered, in time.
pub(super) fn log_late(shared: &mut Shared, slot: u32, late: Late) {
    let (peer, config) = (shared.table.peer(slot), &shared.env.config);
    let (handshake, answer) = (config.handshake_timeout, config.answer_timeout);
    match late {
        Late::Head => log_limited!(
            shared,
            Timeout,
            "{peer}: refused with 408: no whole request head within Config::handshake_timeout ({handshake:?})"
        ),
        Late::Body => {
            log_limited!(shared, Timeout, "{peer}: refused with 408: its body came with less than 1 KiB a second")
        }
        Late::Decision => log_limited!(
            shared,
            Undecided,
            "{peer}: refused with 503: the application did not decide within Config::handshake_timeout ({handshake:?})"
        ),
        Late::Answer => log_limited!(
            shared,
            Undecided,
            "{peer}: refused with 503: the application did not answer within Config::answer_timeout ({answer:?})"
        ),
    }
}

/// An open WebSocket has failed.
pub(super) fn log_failure(shared: &mut Shared, slot: u32, error: &ConnectionError) {
    let (peer, id, code) = (shared.table.peer(slot), shared.table.id(slot), error.close_code().0);
    let queued = shared.table.get(slot).map_or(0, |connection| connection.output.len());
    if let Some((kind, what, field, most)) = limit(error, &shared.env.config) {
        if shared.log_limit.admits(kind, shared.env.now) {
            log::log!(
                target: TARGET,
                kind.level(),
                "{peer} {id}: closed with {code}: {what} than Config::{field} ({most}) allows"
            );
        }
        return;
    }
    let config = &shared.env.config;
    match error {
        ConnectionError::SlowConsumer => log_limited!(
            shared,
            Slow,
            "{peer} {id}: closed with {code}: it is owed {queued} bytes, more than Config::max_queue ({}) allows; see also \
             Config::slow",
            config.max_queue
        ),
        ConnectionError::Protocol(error) => log_protocol_error(shared, slot, *error),
        ConnectionError::Io(error) => log_limited!(shared, Io, "{peer} {id}: failed: {error}"),
        ConnectionError::PingTimeout => log_limited!(
            shared,
            Timeout,
            "{peer} {id}: dropped: silent for Config::ping_interval ({:?}), and after a Ping for Config::pong_timeout \
             ({:?})",
            config.ping_interval.unwrap_or_default(),
            config.pong_timeout
        ),
        ConnectionError::CloseTimeout => log_limited!(
            shared,
            Timeout,
            "{peer} {id}: dropped: no Close from it within Config::close_timeout ({:?})",
            config.close_timeout
        ),
        ConnectionError::WriteTimeout => log_limited!(
            shared,
            Timeout,
            "{peer} {id}: dropped: of {queued} bytes it accepted none within Config::write_timeout ({:?})",
            config.write_timeout
        ),
        ConnectionError::MessageTimeout => log_limited!(
            shared,
            Timeout,
            "{peer} {id}: closed with {code}: an unfinished message has gained less than 1 KiB within \
             Config::message_timeout ({:?})",
            config.message_timeout.unwrap_or_default()
        ),
        // A panic was logged where it was caught, with its text.
        _ => {}
    }
}

fn log_protocol_error(shared: &mut Shared, slot: u32, error: ProtocolError) {
    let (peer, id, code) = (shared.table.peer(slot), shared.table.id(slot), error.close_code().0);
    if error == ProtocolError::InvalidDeflate && forgets(shared, slot) {
        log_limited!(
            shared,
            Takeover,
            "{peer} {id}: closed with {code}: {error} (RFC 7692, 7.2.2); if the client compresses with its context though \
             client_no_context_takeover was agreed, Config::deflate takeover serves it"
        );
    } else {
        log_limited!(shared, Protocol, "{peer} {id}: closed with {code}: {error} (RFC 6455, {})", error.section());
    }
}

/// Whether the client of a connection was told to forget its context after each message.
fn forgets(shared: &Shared, slot: u32) -> bool {
    let websocket = shared.table.get(slot).and_then(Connection::websocket);
    let extension = websocket.and_then(|websocket| websocket.protocol.as_ref()?.extension());
    extension.is_some_and(|extension| extension.client_context == ContextTakeover::No)
}

/// The limit that a connection has exceeded: the kind of line, what was more, the field of `Config`, and its value.
fn limit(error: &ConnectionError, config: &Config) -> Option<(Kind, &'static str, &'static str, u64)> {
    use ProtocolError::{MessageTooBig, TooManyFrames};
    let held = "it held the most of all connections, which together held more bytes";
    Some(match error {
        ConnectionError::Protocol(MessageTooBig) => {
            (Kind::MessageSize, "a message of more bytes", "max_message", config.max_message as u64)
        }
        ConnectionError::Protocol(TooManyFrames) => {
            (Kind::MessageSize, "a message of more frames", "max_frames", config.max_frames.into())
        }
        ConnectionError::TooManyMessages => {
            let most = config.max_message_rate.unwrap_or_default();
            (Kind::MessageRate, "more messages in a second", "max_message_rate", most.into())
        }
        ConnectionError::TooManyTimers => (Kind::Timers, "more pending timers", "max_timers", config.max_timers as u64),
        ConnectionError::TooMuchMemory => (Kind::MemoryClosed, held, "max_memory", config.max_memory as u64),
        _ => return None,
    })
}
