//! Refusals of channels.

use std::borrow::Cow;

use super::super::channel::BadChannel;
use super::super::tokens::Denied;
use crate::http::Response;

/// Why a client may not listen to a channel, or not now.
pub(super) struct Refused {
    pub status: u16,
    pub reason: Cow<'static, str>,
    challenge: Option<&'static str>,
}

impl Refused {
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Refused { status, reason: reason.into(), challenge: None }
    }

    /// The answer to an opening handshake.
    pub fn response(&self) -> Response {
        let body = serde_json::json!({ "error": self.reason }).to_string();
        let mut response =
            Response::new(self.status).header("Content-Type", "application/json").body(body.into_bytes());
        if let Some(challenge) = self.challenge {
            response = response.header("WWW-Authenticate", challenge);
        }
        if self.status == 503 { response.header("Retry-After", "5") } else { response }
    }
}

impl From<BadChannel> for Refused {
    fn from(bad: BadChannel) -> Self {
        Refused::new(bad.status(), bad.to_string())
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Refused { challenge: denied.challenge(), ..Refused::new(denied.status(), denied.to_string()) }
    }
}
