//! Refusals: a status, and JSON that says what is wrong and what to do.

use std::borrow::Cow;

use super::channel::BadChannel;
use super::json;
use super::state::types::Refusal;
use super::tokens::Denied;
use crate::http::Response;

/// Why a request, or a part of a batch, is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub status: u16,
    /// The mistake, and the remedy. The text may name a field as `Config::max_body`, and has no byte of the request's.
    pub text: Cow<'static, str>,
    /// A header line that belongs to the status.
    pub header: Option<(&'static str, &'static str)>,
    /// What was asked for may have happened nevertheless.
    pub unknown: bool,
}

/// Rewrites a text for clients, see [`HubConfig::rephrase`](super::HubConfig::rephrase).
pub(super) type Rephrase = fn(&str) -> String;

impl Problem {
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Problem { status, text: text.into(), header: None, unknown: false }
    }

    pub fn with(self, name: &'static str, value: &'static str) -> Self {
        Problem { header: Some((name, value)), ..self }
    }

    /// 503, and after how many seconds to try again.
    pub fn busy(text: impl Into<Cow<'static, str>>, seconds: &'static str) -> Self {
        Problem::new(503, text).with("Retry-After", seconds)
    }

    /// The answer: `{"error":"…"}`.
    pub fn response(&self, rephrase: Rephrase) -> Response {
        let mut body = String::from("{");
        self.write(rephrase, &mut body);
        body.push('}');
        let response = Response::new(self.status).header("Content-Type", "application/json").body(body.into_bytes());
        match self.header {
            Some((name, value)) => response.header(name, value),
            None => response,
        }
    }

    /// Appends the members of the JSON.
    pub fn write(&self, rephrase: Rephrase, output: &mut String) {
        output.push_str("\"error\":");
        json::push(output, &rephrase(&self.text));
        if self.unknown {
            output.push_str(",\"unknown\":true");
        }
    }
}

impl From<BadChannel> for Problem {
    fn from(bad: BadChannel) -> Self {
        Problem::new(bad.status(), bad.to_string())
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let problem = Problem::new(denied.status(), denied.to_string());
        match denied.challenge() {
            Some(challenge) => problem.with("WWW-Authenticate", challenge),
            None => problem,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooManyChannels => Problem::busy(
                "the hub has as many channels as it may: try again later, or raise HubConfig::max_channels",
                "30",
            ),
            Refusal::TooManyWaiting => Problem::busy(
                "too many publishes wait for the log: try again, or raise HubConfig::max_waiting and \
                 HubConfig::max_waiting_bytes",
                "1",
            ),
            Refusal::LogFull => Problem::busy("the log has no room now: try again", "1"),
            Refusal::LogAway => Problem::busy("the log is away, and nothing was published: try again", "5"),
        }
    }
}
