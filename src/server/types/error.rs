//! Why a connection has failed or ended.

use std::fmt;
use std::io;

use crate::protocol::{CloseCode, CloseFrame, ProtocolError};

/// Why a connection has failed, as [`Handler::error`](crate::Handler::error) gets it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer has broken a rule of RFC 6455.
    Protocol(ProtocolError),
    /// The socket has failed.
    Io(io::Error),
    /// No sign of life after a Ping ([`Config::pong_timeout`](crate::Config::pong_timeout)).
    PingTimeout,
    /// The peer did not answer our Close ([`Config::close_timeout`](crate::Config::close_timeout)).
    CloseTimeout,
    /// The peer accepted none of the bytes that it is owed ([`Config::write_timeout`](crate::Config::write_timeout)).
    WriteTimeout,
    /// A message was not finished in time ([`Config::message_timeout`](crate::Config::message_timeout)).
    MessageTimeout,
    /// The peer did not keep up with what it is sent ([`Config::max_queue`](crate::Config::max_queue)).
    SlowConsumer,
    /// Too many pending timers ([`Config::max_timers`](crate::Config::max_timers)).
    TooManyTimers,
    /// Too many messages in a second ([`Config::max_message_rate`](crate::Config::max_message_rate)).
    TooManyMessages,
    /// All connections together held too much memory, and this one held the most ([`Config::max_memory`](crate::Config::max_memory)).
    TooMuchMemory,
    /// A callback has panicked on this connection.
    Panic,
}

impl ConnectionError {
    /// The close code that tells the peer, where it can still be told.
    pub fn close_code(&self) -> CloseCode {
        match self {
            ConnectionError::Protocol(error) => error.close_code(),
            ConnectionError::Io(_)
            | ConnectionError::PingTimeout
            | ConnectionError::CloseTimeout
            | ConnectionError::WriteTimeout => CloseCode::ABNORMAL,
            ConnectionError::MessageTimeout | ConnectionError::TooManyTimers | ConnectionError::TooManyMessages => {
                CloseCode::POLICY_VIOLATION
            }
            ConnectionError::SlowConsumer | ConnectionError::TooMuchMemory => CloseCode::TRY_AGAIN_LATER,
            ConnectionError::Panic => CloseCode::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionError::Protocol(error) => error.fmt(f),
            ConnectionError::Io(error) => error.fmt(f),
            ConnectionError::PingTimeout => f.write_str("no sign of life after a ping"),
            ConnectionError::CloseTimeout => f.write_str("close not answered in time"),
            ConnectionError::WriteTimeout => f.write_str("peer accepts no bytes"),
            ConnectionError::MessageTimeout => f.write_str("message not finished in time"),
            ConnectionError::SlowConsumer => f.write_str("slow consumer"),
            ConnectionError::TooManyTimers => f.write_str("too many pending timers"),
            ConnectionError::TooManyMessages => f.write_str("too many messages in a second"),
            ConnectionError::TooMuchMemory => f.write_str("server short of memory"),
            ConnectionError::Panic => f.write_str("handler panicked"),
        }
    }
}

impl std::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConnectionError::Protocol(error) => Some(error),
            ConnectionError::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a connection has ended; [`CloseReason`](crate::CloseReason) borrows from it.
#[derive(Debug)]
pub(crate) enum Reason {
    Peer(Option<CloseFrame<'static>>),
    Local(CloseFrame<'static>),
    Lost,
    Failed(ConnectionError),
    Shutdown,
}
