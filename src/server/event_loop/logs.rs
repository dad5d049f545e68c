//! What the log says of refusals and failures: whom they have met, which limit it was, and what sets it, as a flag of the
//! command and as a field of `Config`.

use super::EventLoop;
use crate::http::RequestError;
use crate::protocol::ProtocolError;
use crate::server::config::Config;
use crate::server::handler::Error;
use crate::server::log_limit::{Kind, TARGET, log_limited};
use crate::server::poller::Poller;
use crate::server::session::{Flags, Phase};

impl<P: Poller> EventLoop<P> {
    /// A request is about to be refused.
    pub(super) fn log_refusal(&mut self, slot: u32, error: RequestError) {
        let (peer, limits) = (self.core.sessions.peer(slot), self.core.config.head);
        match error {
            // Said already, with both values.
            RequestError::ForeignOrigin => {}
            RequestError::HeadTooLarge => log_limited!(
                self.core,
                Head,
                "{peer}: refused with 431: a request head of more bytes than --max-head {} allows (in code, Config::head)",
                limits.max_head
            ),
            RequestError::RequestLineTooLong => log_limited!(
                self.core,
                Head,
                "{peer}: refused with 414: a request line of more bytes than --max-request-line {} allows (in code, \
                 Config::head)",
                limits.max_request_line
            ),
            _ => log_limited!(self.core, Refused, "{peer}: refused with {}: {error}", error.status()),
        }
    }

    /// A handshake's time is up.
    pub(super) fn log_handshake_timeout(&mut self, slot: u32) {
        let (peer, timeout) = (self.core.sessions.peer(slot), self.core.config.handshake_timeout);
        let session = &self.core.sessions[slot];
        if session.phase == Phase::Waiting {
            log_limited!(
                self.core,
                Undecided,
                "{peer}: refused with 503: its ticket was not settled within --handshake-timeout {timeout:?} (in code, \
                 Config::handshake_timeout)"
            );
        } else if !session.flags.has(Flags::TURNED_AWAY) {
            log_limited!(
                self.core,
                Timeout,
                "{peer}: refused with 408: no whole request head within --handshake-timeout {timeout:?} (in code, \
                 Config::handshake_timeout)"
            );
        }
    }

    /// An open connection has failed.
    pub(super) fn log_failure(&mut self, slot: u32, error: &Error) {
        let (peer, id, code) = (self.core.sessions.peer(slot), self.core.sessions.id(slot), error.close_code().0);
        let queued = self.core.sessions[slot].queued();
        let core = &mut self.core;
        if let Some((kind, what, flag, most)) = limit(error, &core.config) {
            if core.log_limit.admits(kind, core.now) {
                let field = flag.replace('-', "_");
                log::log!(
                    target: TARGET,
                    kind.level(),
                    "{peer} {id}: closed with {code}: {what} than --{flag} {most} allows (in code, Config::{field})"
                );
            }
            return;
        }
        match error {
            Error::SlowConsumer => log_limited!(
                core,
                Slow,
                "{peer} {id}: closed with {code}: it is owed {queued} bytes, more than --max-queue {} allows (in code, \
                 Config::max_queue); see also --slow (Config::slow)",
                core.config.max_queue
            ),
            Error::Protocol(error) => {
                log_limited!(core, Protocol, "{peer} {id}: closed with {code}: {error} (RFC 6455, {})", error.section())
            }
            Error::Io(error) => log_limited!(core, Io, "{peer} {id}: failed: {error}"),
            // Said where it was caught, with its text.
            Error::Panic => {}
            timeout => self.log_timeout(slot, timeout),
        }
    }

    /// An open connection has not done in time what it should.
    fn log_timeout(&mut self, slot: u32, error: &Error) {
        let (peer, id, code) = (self.core.sessions.peer(slot), self.core.sessions.id(slot), error.close_code().0);
        let queued = self.core.sessions[slot].queued();
        let core = &mut self.core;
        match error {
            Error::PingTimeout => log_limited!(
                core,
                Timeout,
                "{peer} {id}: dropped: silent for --ping-interval {:?}, and after a Ping for --pong-timeout {:?} (in code, \
                 Config::ping_interval, Config::pong_timeout)",
                core.config.ping_interval,
                core.config.pong_timeout
            ),
            Error::CloseTimeout => log_limited!(
                core,
                Timeout,
                "{peer} {id}: dropped: no Close from it within --close-timeout {:?} (in code, Config::close_timeout)",
                core.config.close_timeout
            ),
            Error::WriteTimeout => log_limited!(
                core,
                Timeout,
                "{peer} {id}: dropped: of {queued} bytes it took none within --write-timeout {:?} (in code, \
                 Config::write_timeout)",
                core.config.write_timeout
            ),
            Error::MessageTimeout => log_limited!(
                core,
                Timeout,
                "{peer} {id}: closed with {code}: an unfinished message has gained less than 1 KiB within \
                 --message-timeout {:?} (in code, Config::message_timeout)",
                core.config.message_timeout
            ),
            _ => {}
        }
    }
}

/// The limit that a connection has passed: the kind of line, what was more, the flag without its dashes, which is the
/// field, too, and its value.
fn limit(error: &Error, config: &Config) -> Option<(Kind, &'static str, &'static str, u64)> {
    use ProtocolError::{MessageTooBig, TooManyFrames};
    let held = "it held the most of all connections, which together held more bytes";
    Some(match error {
        Error::Protocol(MessageTooBig) => {
            (Kind::MessageSize, "a message of more bytes", "max-message", config.max_message)
        }
        Error::Protocol(TooManyFrames) => {
            (Kind::MessageSize, "a message of more frames", "max-frames", config.max_frames.into())
        }
        Error::TooManyMessages => {
            (Kind::MessageRate, "more messages in a second", "max-message-rate", config.max_message_rate.into())
        }
        Error::TooManyTimers => (Kind::Timers, "more pending timers", "max-timers", config.max_timers as u64),
        Error::TooMuchMemory => (Kind::MemoryClosed, held, "max-memory", config.max_memory as u64),
        _ => return None,
    })
}
