//! The interface that an application implements: [`Handler`], and the values that its callbacks receive and return.

use std::any::Any;
use std::fmt;

use super::context::Context;
use crate::http::{Request, Response, upgrade_required};
use crate::protocol::{CloseCode, CloseFrame, Message};
use crate::server::types::error::{ConnectionError, Reason};
use crate::server::types::id::TimerId;
pub use crate::server::types::verdict::Accept;

/// An application: one value for each mounted path, so `&mut self` is the state that its connections share.
///
/// Callbacks run on the loop's one thread, one at a time, and should return soon. Longer work belongs on another thread,
/// which answers through a [`Handle`](crate::Handle). Callbacks never wait and never fail: the actions of a [`Context`]
/// happen after the callback has returned.
///
/// ```
/// use sockhop::{Context, Handler, Message};
///
/// /// Counts the messages of all its connections.
/// #[derive(Default)]
/// struct Counter(u64);
///
/// impl Handler for Counter {
///     fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
///         self.0 += 1;
///         ctx.send(format!("message {}", self.0));
///     }
/// }
/// ```
///
/// A callback that panics costs its connection (Close 1011), not the server; see
/// [`Config::max_panics`](crate::Config::max_panics).
pub trait Handler: Any + Send {
    /// A valid opening handshake has come in: accept it, refuse it, or decide later (RFC 6455 §4.2.2).
    ///
    /// The request's head is gone afterwards: keep what you need of it with [`Context::attach`]. A message to the
    /// connection itself leaves right after the response, if the handshake is accepted now; with [`Accept::Later`] it is
    /// lost. Messages to others, and timers, count in any case. The connection is a member of its mount, and so receives
    /// broadcasts, from `open` on. Default: accept, without a subprotocol.
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let _ = (ctx, request);
        Accept::yes()
    }

    /// The connection is open.
    fn open(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }

    /// A whole message has come in.
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let _ = (ctx, message);
    }

    /// The queue has drained: the connection is owed no more than the low-water mark, after more than the high-water mark,
    /// or after [`Context::notify_drained`]. A handler that produces data of its own accord may go on.
    fn drained(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }

    /// A timer scheduled by [`Context::after`] is due. Its connection may have left meanwhile: `ctx.id()` still names it,
    /// messages to it reach nobody, and the value attached to it is gone. `broadcast` and `publish` work as always.
    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        let _ = (ctx, timer);
    }

    /// The connection has failed; its `close` follows.
    fn error(&mut self, ctx: &mut Context<'_>, error: &ConnectionError) {
        let _ = (ctx, error);
    }

    /// The connection has ended: exactly once for each `open`. Nothing can be sent to it any more; the value attached to it
    /// is still there.
    fn close(&mut self, ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        let _ = (ctx, reason);
    }

    /// The server begins to shut down: the connections close after this, and no timer or message brings more time. Requests
    /// that this handler owes an answer ([`Answer::Later`]) should get it soon, since the server waits for them up to
    /// [`Shutdown::timeout`](crate::Shutdown::timeout). `ctx.id()` is [`ConnectionId::NOBODY`](crate::ConnectionId::NOBODY).
    fn shutdown(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }

    /// The head of a plain HTTP request has come in, and its body has not been read: admit it, with the most bytes that its
    /// body may have, or refuse it. A client that waits for `100 Continue` uploads nothing if it is refused here. Default:
    /// admit, with [`Config::max_body`](crate::Config::max_body).
    fn admit(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
        let _ = request;
        Ok(ctx.max_body())
    }

    /// A plain HTTP request has come in, with its whole body. A route at the same path goes first. Default: 426 for GET and
    /// HEAD, since the path is for WebSockets, 204 for OPTIONS, and 405 for other methods.
    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        let _ = (ctx, body);
        Answer::Now(upgrade_required(request))
    }
}

/// A handler's answer to a plain HTTP request.
#[derive(Debug)]
pub enum Answer {
    /// This response, now.
    Now(Response),
    /// A later response, by [`Context::answer`] or [`Handle::answer`](crate::Handle::answer) with [`Context::deferred`],
    /// within [`Config::answer_timeout`](crate::Config::answer_timeout) (else 503). Until then, no other request of that
    /// connection is handled.
    Later,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Answer::Now(response)
    }
}

/// Why a connection has ended, as [`Handler::close`] gets it.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseReason<'a> {
    /// The peer has sent a Close frame; `None`: one without a code (1005, RFC 6455 §7.1.5).
    Peer(Option<&'a CloseFrame<'a>>),
    /// The handler or a [`Handle`](crate::Handle) has closed it, with this frame.
    Local(&'a CloseFrame<'a>),
    /// The peer has gone without a Close frame (1006).
    Lost,
    /// The connection has failed; `error` was called with the same value.
    Failed(&'a ConnectionError),
    /// The server is shutting down.
    Shutdown,
}

impl CloseReason<'_> {
    /// The close code, with 1005 for none and 1006 where no Close frame was received (RFC 6455 §7.1.5).
    pub fn code(&self) -> CloseCode {
        match self {
            CloseReason::Peer(Some(frame)) | CloseReason::Local(frame) => frame.code,
            CloseReason::Peer(None) => CloseCode::NO_STATUS,
            CloseReason::Lost => CloseCode::ABNORMAL,
            CloseReason::Failed(error) => error.close_code(),
            CloseReason::Shutdown => CloseCode::GOING_AWAY,
        }
    }
}

/// For a log line: `left with 1000: bye`, `lost without a Close frame`.
impl fmt::Display for CloseReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, frame) = match self {
            CloseReason::Peer(Some(frame)) => ("left", frame),
            CloseReason::Local(frame) => ("was closed", frame),
            CloseReason::Peer(None) => return f.write_str("left without a code"),
            CloseReason::Lost => return f.write_str("lost without a Close frame"),
            CloseReason::Failed(error) => return write!(f, "failed: {error}"),
            CloseReason::Shutdown => return f.write_str("closed because the server shuts down"),
        };
        write!(f, "{what} with {}", frame.code.0)?;
        if frame.reason.is_empty() { Ok(()) } else { write!(f, ": {}", frame.reason.escape_debug()) }
    }
}

impl Reason {
    /// The same, as a handler sees it.
    pub(crate) fn as_close_reason(&self) -> CloseReason<'_> {
        match self {
            Reason::Peer(frame) => CloseReason::Peer(frame.as_ref()),
            Reason::Local(frame) => CloseReason::Local(frame),
            Reason::Lost => CloseReason::Lost,
            Reason::Failed(error) => CloseReason::Failed(error),
            Reason::Shutdown => CloseReason::Shutdown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_shown_as_a_line_of_a_log() {
        let (bye, bare) = (CloseFrame::normal("bye\n"), CloseFrame::new(CloseCode(4000), ""));
        let cases = [
            (CloseReason::Peer(Some(&bye)), "left with 1000: bye\\n"),
            (CloseReason::Local(&bare), "was closed with 4000"),
            (CloseReason::Peer(None), "left without a code"),
            (CloseReason::Lost, "lost without a Close frame"),
            (CloseReason::Failed(&ConnectionError::PingTimeout), "failed: no sign of life after a ping"),
            (CloseReason::Shutdown, "closed because the server shuts down"),
        ];
        for (reason, expected) in cases {
            assert_eq!(reason.to_string(), expected);
        }
    }
}
