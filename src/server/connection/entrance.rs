//! A connection that speaks HTTP (RFC 9112): a PROXY header where one is due, then requests, one at a time and in order,
//! until one of them opens a WebSocket or an answer ends the connection. Keep-alive lives here.
//!
//! Bytes become [`Step`]s. The caller answers them, and the entrance remembers what an answer still needs.

mod stage;

use std::time::Duration;

pub(crate) use self::stage::{Arrived, Decision, Due, Late, NoRoom, Owed, Upload};
use self::stage::{Intake, Stage};
use super::websocket::Extra;
use crate::http::{
    Body, BodyDecoder, BodyLength, HeadScanner, ProxyHeader, ProxyHeaderError, Reach, RequestError, Via,
};
use crate::server::types::env::{Charge, Env, Tick, millis};

/// How long a connection for which there was no room has for its request head.
const RESERVE: Duration = Duration::from_secs(2);

/// The data of a connection that speaks HTTP. While it is idle it owns no memory on the heap.
pub(crate) struct Entrance {
    intake: Option<Box<Intake>>,
    extra: Option<Box<Extra>>,
    /// When it was accepted, when the first byte of a later request came, or when its last answer was given.
    pub since: Tick,
    /// Requests that it was answered.
    pub served: u16,
    /// It was accepted by a listener, and from a peer, on this machine.
    pub is_local: bool,
    /// Whether it comes from a trusted proxy, so that X-Forwarded headers count.
    pub via: Via,
    /// A PROXY header has come: the peer is a proxy that speaks for a client.
    pub is_proxied: bool,
    /// A PROXY header must come before the first request.
    pub awaits_proxy_header: bool,
    /// There was no room for it, so that it may ask plain requests only.
    pub no_room: Option<NoRoom>,
}

/// The front of the input.
pub(crate) enum Step<'a> {
    /// Not enough: more bytes must come, or an answer is due first.
    Wait,
    /// The head of a request. Its body, if it has one, is next in the input.
    Head(&'a [u8]),
    /// A request with its whole body.
    Request(Upload),
    /// A PROXY header.
    Proxy(ProxyHeader),
    /// No PROXY header where one was due.
    NoProxy(ProxyHeaderError),
    /// A broken rule, and whether its answer has a body.
    Refuse(RequestError, Body),
}

impl Entrance {
    pub fn new(is_local: bool, env: &Env) -> Self {
        Entrance {
            intake: None,
            extra: None,
            since: env.tick(),
            served: 0,
            is_local,
            via: Via::Direct,
            is_proxied: false,
            awaits_proxy_header: false,
            no_room: None,
        }
    }

    /// Whether it was answered, and nothing of another request has come.
    pub fn is_idle(&self) -> bool {
        self.intake.is_none() && self.served > 0
    }

    /// Whether nothing of a request has come.
    pub fn is_silent(&self) -> bool {
        self.intake.is_none()
    }

    /// Whether the head of the current request is complete.
    pub fn has_head(&self) -> bool {
        matches!(self.stage(), Some(Stage::Body(_) | Stage::Upgrade(_) | Stage::Answer(_)))
    }

    /// Whether an answer is due that the application has put off.
    pub fn is_owed_an_answer(&self) -> bool {
        matches!(self.stage(), Some(Stage::Upgrade(_) | Stage::Answer(_)))
    }

    /// Whether a handler has put off its decision about an opening handshake.
    pub fn awaits_decision(&self) -> bool {
        matches!(self.stage(), Some(Stage::Upgrade(_)))
    }

    /// Whether bytes wait that have not been looked at. Bytes of a body wait only if the turn's work ended with its head.
    pub fn has_backlog(&self) -> bool {
        self.intake.as_deref().is_some_and(|intake| match intake.stage {
            Stage::Backlog => true,
            Stage::Body(_) => !intake.bytes.is_empty(),
            Stage::Head(_) | Stage::Upgrade(_) | Stage::Answer(_) => false,
        })
    }

    /// Whether the connection stays within the machine. A proxy may have clients anywhere.
    pub fn reach(&self) -> Reach {
        if self.is_local && self.via != Via::TrustedProxy { Reach::Loopback } else { Reach::Network }
    }

    pub fn extra(&self) -> Option<&Extra> {
        self.extra.as_deref()
    }

    pub fn extra_mut(&mut self) -> &mut Option<Box<Extra>> {
        &mut self.extra
    }

    /// Takes the extra data, for the WebSocket that it becomes.
    pub fn take_extra(&mut self) -> Option<Box<Extra>> {
        self.extra.take()
    }

    /// Joins the input to the bytes that were kept.
    pub fn arrive<'a>(&mut self, input: &'a mut [u8]) -> Arrived<'a> {
        match self.intake.as_mut().map(|intake| std::mem::take(&mut intake.bytes)) {
            Some(mut bytes) if !bytes.is_empty() => {
                bytes.extend_from_slice(input);
                Arrived::Owned(bytes)
            }
            _ => Arrived::Borrowed(input),
        }
    }

    /// Keeps the last `left` of the bytes: the beginning of a head, or bytes that have not been looked at.
    pub fn keep(&mut self, arrived: Arrived<'_>, left: usize, env: &Env) {
        if left > 0 {
            let bytes = match arrived {
                Arrived::Borrowed(bytes) => bytes.get(bytes.len() - left..).unwrap_or_default().to_vec(),
                Arrived::Owned(mut bytes) => {
                    bytes.drain(..bytes.len() - left);
                    bytes
                }
            };
            self.intake(Stage::Backlog, env).bytes = bytes;
        }
        self.shrink();
    }

    /// Takes what it can from the front of the input.
    pub fn step<'a>(&mut self, rest: &mut &'a mut [u8], env: &Env) -> Step<'a> {
        if self.awaits_proxy_header {
            return self.step_proxy_header(rest, env);
        }
        match self.intake.as_deref_mut().map(|intake| &mut intake.stage) {
            Some(Stage::Upgrade(_) | Stage::Answer(_)) => Step::Wait,
            Some(Stage::Body(upload)) => {
                let mut input = &**rest;
                let outcome = upload.decoder.decode(&mut input, &mut upload.body, upload.max);
                let taken = rest.len() - input.len();
                let _decoded = rest.split_off_mut(..taken);
                match outcome {
                    Ok(false) => Step::Wait,
                    Ok(true) => self.take_upload().map_or(Step::Wait, Step::Request),
                    Err(error) => Step::Refuse(error, Body::answering_bytes(&upload.head)),
                }
            }
            Some(Stage::Head(scanner)) => {
                let scanner = std::mem::take(scanner);
                self.step_head(scanner, rest, env)
            }
            Some(Stage::Backlog) | None => self.step_head(HeadScanner::default(), rest, env),
        }
    }

    fn step_head<'a>(&mut self, mut scanner: HeadScanner, rest: &mut &'a mut [u8], env: &Env) -> Step<'a> {
        if rest.is_empty() {
            return Step::Wait;
        }
        if self.is_idle() {
            // The time of a later head begins with its first byte.
            self.since = env.tick();
        }
        match scanner.scan_within(rest, &env.config.head) {
            Ok(Some(len)) => {
                if let Some(intake) = self.intake.as_deref_mut() {
                    intake.stage = Stage::Backlog;
                }
                Step::Head(rest.split_off_mut(..len).unwrap_or_default())
            }
            Ok(None) => {
                self.intake(Stage::Backlog, env).stage = Stage::Head(scanner);
                Step::Wait
            }
            Err(error) => Step::Refuse(error, Body::answering_bytes(rest)),
        }
    }

    fn step_proxy_header<'a>(&mut self, rest: &mut &'a mut [u8], env: &Env) -> Step<'a> {
        match ProxyHeader::parse(rest) {
            Ok(Some((header, len))) => {
                let _header = rest.split_off_mut(..len);
                self.awaits_proxy_header = false;
                Step::Proxy(header)
            }
            Ok(None) => {
                self.intake(Stage::Head(HeadScanner::default()), env);
                Step::Wait
            }
            Err(error) => Step::NoProxy(error),
        }
    }

    /// The body of this request is next in the input. It may have `max` bytes.
    pub fn begin_body(&mut self, head: &[u8], length: BodyLength, max: usize, env: &Env) {
        let (head, decoder) = (head.to_vec(), BodyDecoder::new(length));
        let upload = Upload { head, body: Vec::new(), decoder, max, since: env.tick() };
        self.intake(Stage::Backlog, env).stage = Stage::Body(upload);
    }

    /// An application will decide later.
    pub fn defer_upgrade(&mut self, decision: Decision, env: &Env) {
        self.intake(Stage::Backlog, env).stage = Stage::Upgrade(Box::new(decision));
    }

    /// An application will answer later.
    pub fn defer_answer(&mut self, owed: Owed, env: &Env) {
        self.since = env.tick();
        self.intake(Stage::Backlog, env).stage = Stage::Answer(owed);
    }

    /// Whether the answer to the current request has a body (RFC 9110 9.3.2 HEAD).
    pub fn answer_body(&self) -> Body {
        match self.intake.as_deref() {
            Some(Intake { stage: Stage::Answer(owed), .. }) => owed.body,
            Some(Intake { stage: Stage::Body(upload), .. }) => Body::answering_bytes(&upload.head),
            Some(Intake { stage: Stage::Head(_), bytes, .. }) => Body::answering_bytes(bytes),
            _ => Body::Include,
        }
    }

    /// Takes an opening handshake that waits for its decision.
    pub fn take_decision(&mut self) -> Option<Box<Decision>> {
        let intake = self.intake.as_deref_mut()?;
        match std::mem::replace(&mut intake.stage, Stage::Backlog) {
            Stage::Upgrade(decision) => Some(decision),
            other => {
                intake.stage = other;
                None
            }
        }
    }

    /// Takes a request that waits for its answer.
    pub fn take_owed(&mut self) -> Option<Owed> {
        let intake = self.intake.as_deref_mut()?;
        let Stage::Answer(owed) = intake.stage else { return None };
        intake.stage = Stage::Backlog;
        Some(owed)
    }

    /// Takes the bytes behind a request.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        self.intake.as_mut().map(|intake| std::mem::take(&mut intake.bytes)).unwrap_or_default()
    }

    /// A request was answered, and another may follow. The value that the application has attached to it is dropped.
    pub fn note_answered(&mut self, env: &Env) {
        self.served = self.served.saturating_add(1);
        self.since = env.tick();
        self.extra = None;
    }

    #[cfg(test)]
    pub fn bytes(&mut self) -> Option<&mut Vec<u8>> {
        self.intake.as_mut().map(|intake| &mut intake.bytes)
    }

    /// The deadline of the current stage.
    pub fn due(&self, env: &Env) -> Option<Due> {
        let config = &env.config;
        let head = match self.no_room {
            Some(_) => config.handshake_timeout.min(RESERVE),
            None => config.handshake_timeout,
        };
        let after = |span, late| Some(Due { from: self.since, millis: millis(span), late });
        match self.stage() {
            Some(Stage::Head(_)) => after(head, Some(Late::Head)),
            Some(Stage::Upgrade(_)) => after(config.handshake_timeout, Some(Late::Decision)),
            Some(Stage::Answer(_)) => after(config.answer_timeout, Some(Late::Answer)),
            Some(Stage::Body(upload)) => Some(upload.due()),
            Some(Stage::Backlog) => None,
            None if self.served > 0 => config.keep_alive.and_then(|span| after(span, None)),
            None => after(head, Some(Late::Head)),
        }
    }

    /// Brings the account of memory up to date.
    pub fn account(&mut self) {
        if let Some(intake) = self.intake.as_deref_mut() {
            let upload = match &intake.stage {
                Stage::Body(Upload { head, body, .. }) => head.capacity() + body.capacity(),
                _ => 0,
            };
            intake.charge.set(intake.bytes.capacity() + upload);
        }
        if let Some(extra) = self.extra.as_deref_mut() {
            extra.account_reserved();
        }
    }

    /// Bytes held, as last accounted for.
    pub fn held(&self) -> usize {
        self.intake.as_ref().map_or(0, |intake| intake.charge.get())
    }

    fn stage(&self) -> Option<&Stage> {
        self.intake.as_deref().map(|intake| &intake.stage)
    }

    /// The intake, made with this stage where there is none.
    fn intake(&mut self, stage: Stage, env: &Env) -> &mut Intake {
        self.intake.get_or_insert_with(|| Box::new(Intake { bytes: Vec::new(), stage, charge: Charge::new(&env.held) }))
    }

    fn take_upload(&mut self) -> Option<Upload> {
        let intake = self.intake.as_deref_mut()?;
        match std::mem::replace(&mut intake.stage, Stage::Backlog) {
            Stage::Body(upload) => Some(upload),
            other => {
                intake.stage = other;
                None
            }
        }
    }

    /// Frees the intake when nothing is under way.
    fn shrink(&mut self) {
        if self.has_backlog() && self.intake.as_ref().is_some_and(|intake| intake.bytes.is_empty()) {
            self.intake = None;
        }
    }
}

#[cfg(test)]
mod tests;
