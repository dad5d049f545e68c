//! Decisions of handlers about opening handshakes, and answers that they give later.

use std::borrow::Cow;

use super::id::Deferred;
use crate::http::Response;

/// A handler's answer to an opening handshake.
#[derive(Debug)]
pub enum Accept {
    /// Yes, with one of the subprotocols that the client has offered, or with none.
    Yes(Option<Cow<'static, str>>),
    /// No, with the response to send; its status should not be 1xx or 2xx.
    No(Response),
    /// A later decision, by [`Context::settle`](crate::Context::settle) or [`Handle::settle`](crate::Handle::settle) with
    /// [`Context::deferred`](crate::Context::deferred), before the handshake deadline (else 503). A client that has sent more
    /// than 8 KiB behind its request by then is refused (400).
    Later,
}

impl Accept {
    /// Accepts without a subprotocol.
    pub fn yes() -> Self {
        Accept::Yes(None)
    }

    /// Accepts with a subprotocol, which must be one that the client has offered (else the handshake fails with 500).
    pub fn subprotocol(name: impl Into<Cow<'static, str>>) -> Self {
        Accept::Yes(Some(name.into()))
    }

    /// Refuses with a status and a line of text.
    pub fn no(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Accept::No(Response::text(status, text))
    }
}

/// A handler's decision about what it had put off.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Of a plain request.
    Answer(Deferred, Response),
    /// Of an opening handshake.
    Settle(Deferred, Accept),
}
