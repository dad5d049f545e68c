//! What an application implements: [`Handler`], and the values that its callbacks receive and return.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::context::Context;
use super::handle::Ticket;
use super::timers::TimerId;
use crate::http::{Request, Response};
use crate::protocol::{CloseCode, CloseFrame, Message, ProtocolError};

/// An application: one value for each mounted path, so `&mut self` is the state that its connections share.
///
/// Callbacks run on the loop's one thread, one at a time, and should return soon: whatever takes longer belongs on a
/// thread of its own, which answers through a [`Handle`](super::Handle). They never wait and never fail: what a
/// [`Context`] is told to do happens after they have returned.
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
/// [`Config::max_panics`](super::Config::max_panics).
pub trait Handler: Any + Send {
    /// A valid opening handshake has come in: accept it, refuse it, or decide later (RFC 6455 §4.2.2).
    ///
    /// What is needed of the request's head later is copied here with [`Context::attach`]. What is sent to the
    /// connection itself leaves right after the response, if it is accepted now; with [`Accept::Later`] it is lost, for
    /// only `open` can tell that there is somebody to send to. What is said to others, and timers, count in any case. The
    /// connection is a member of its mount, and so of broadcasts, from `open` on. Default: accept, without a subprotocol.
    fn accept(&mut self, request: &Request<'_>, ctx: &mut Context<'_>) -> Accept {
        let _ = (request, ctx);
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

    /// What the connection is owed has fallen to the low-water mark, after it had passed the high-water mark: a
    /// handler that produces data of its own accord may go on.
    fn drain(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }

    /// A timer set by [`Context::after`] is due. Its connection may have left meanwhile: `ctx.id()` still names it, what
    /// is sent to it reaches nobody, what was attached to it is gone; `broadcast` and `publish` work as ever.
    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        let _ = (ctx, timer);
    }

    /// The connection has failed; its `close` follows.
    fn error(&mut self, ctx: &mut Context<'_>, error: &Error) {
        let _ = (ctx, error);
    }

    /// The connection has ended: exactly once for each `open`. Nothing can be sent to it any more; what was attached to
    /// it is still there.
    fn close(&mut self, ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        let _ = (ctx, reason);
    }
}

/// A handler's answer to an opening handshake.
#[derive(Debug)]
pub enum Accept {
    /// Yes, with the subprotocol, one of those that the client has offered, or with none.
    Yes(Option<Cow<'static, str>>),
    /// No, with the response to send; its status should not be 1xx or 2xx.
    No(Response),
    /// A thread will say, through [`Handle::settle`](super::Handle::settle), before the handshake deadline (else 503).
    /// What `accept` has sent to the connection is lost: `open` comes when it is accepted. A client that has sent more
    /// than 8 KiB behind its request by then is refused (400).
    Later(Ticket),
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

/// Names a connection for as long as the server runs: an id is never used again, and one that has left reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId {
    /// Place in the connection table; used again.
    pub(crate) slot: u32,
    /// How often the place has been taken; tells its tenants apart.
    pub(crate) generation: u32,
}

impl ConnectionId {
    /// The id that no connection has.
    pub const NOBODY: ConnectionId = ConnectionId { slot: u32::MAX, generation: u32::MAX };
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NOBODY {
            return f.write_str("#nobody");
        }
        write!(f, "#{}.{}", self.slot, self.generation)
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// A TCP peer's address and port.
    Tcp(SocketAddr),
    /// A process on this machine, over a Unix-domain socket.
    Unix,
    /// Nobody: the connection has left.
    Gone,
}

impl Peer {
    /// The peer's IP address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix | Peer::Gone => None,
        }
    }

    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Peer::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Peer::Unix => true,
            Peer::Gone => false,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix"),
            Peer::Gone => f.write_str("gone"),
        }
    }
}

/// Why a connection has failed, as [`Handler::error`] gets it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The peer has broken a rule of RFC 6455.
    Protocol(ProtocolError),
    /// The socket has failed.
    Io(io::Error),
    /// No sign of life after a Ping ([`Config::pong_timeout`](super::Config::pong_timeout)).
    PingTimeout,
    /// The peer did not answer our Close ([`Config::close_timeout`](super::Config::close_timeout)).
    CloseTimeout,
    /// The peer accepted none of the bytes it is owed ([`Config::write_timeout`](super::Config::write_timeout)).
    WriteTimeout,
    /// A message was not finished in time ([`Config::message_timeout`](super::Config::message_timeout)).
    MessageTimeout,
    /// The peer did not keep up with what it is sent ([`Config::max_queue`](super::Config::max_queue)).
    SlowConsumer,
    /// Too many pending timers ([`Config::max_timers`](super::Config::max_timers)).
    TooManyTimers,
    /// Too many messages in a second ([`Config::max_message_rate`](super::Config::max_message_rate)).
    TooManyMessages,
    /// It held the most when all together held too much ([`Config::max_memory`](super::Config::max_memory)).
    TooMuchMemory,
    /// A callback has panicked on this connection.
    Panic,
}

impl Error {
    /// The close code that tells the peer, where it can still be told.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Error::Protocol(error) => error.close_code(),
            Error::Io(_) | Error::PingTimeout | Error::CloseTimeout | Error::WriteTimeout => CloseCode::ABNORMAL,
            Error::MessageTimeout | Error::TooManyTimers | Error::TooManyMessages => CloseCode::POLICY_VIOLATION,
            Error::SlowConsumer | Error::TooMuchMemory => CloseCode::TRY_AGAIN_LATER,
            Error::Panic => CloseCode::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Protocol(error) => error.fmt(f),
            Error::Io(error) => error.fmt(f),
            Error::PingTimeout => f.write_str("no sign of life after a ping"),
            Error::CloseTimeout => f.write_str("close not answered in time"),
            Error::WriteTimeout => f.write_str("peer accepts no bytes"),
            Error::MessageTimeout => f.write_str("message not finished in time"),
            Error::SlowConsumer => f.write_str("slow consumer"),
            Error::TooManyTimers => f.write_str("too many pending timers"),
            Error::TooManyMessages => f.write_str("too many messages in a second"),
            Error::TooMuchMemory => f.write_str("server short of memory"),
            Error::Panic => f.write_str("handler panicked"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Protocol(error) => Some(error),
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a connection has ended, as [`Handler::close`] gets it.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseReason<'a> {
    /// The peer has sent a Close frame; `None`: one without a code (1005, RFC 6455 §7.1.5).
    Peer(Option<&'a CloseFrame<'a>>),
    /// The handler or a [`Handle`](super::Handle) has closed it, with this frame.
    Local(&'a CloseFrame<'a>),
    /// The peer has gone without a Close frame (1006).
    Lost,
    /// The connection has failed; `error` was called with the same value.
    Failed(&'a Error),
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
