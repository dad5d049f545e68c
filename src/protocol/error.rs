//! Errors: one variant for each rule of the RFC that a peer can break (§7.1.7, Fail the WebSocket Connection).
//!
//! [`ProtocolError`] is a mistake of the peer. [`NotOpen`] and [`ControlError`] are mistakes of the caller.

use std::{error, fmt};

use super::{close::CloseCode, utf8::InvalidUtf8};

/// The rule that the peer broke. The connection has failed, and the Close frame with [`close_code`](Self::close_code) is
/// already in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An RSV bit that no negotiated extension allows on this frame (§5.2, RFC 7692 §6).
    ReservedBits,
    /// The opcode is 3 to 7 or 0xB to 0xF (§5.2).
    ReservedOpcode,
    /// A control frame without FIN (§5.5).
    FragmentedControl,
    /// A control frame with a payload of more than 125 bytes (§5.5).
    ControlTooLong,
    /// A payload length that is not in its shortest form (§5.2).
    NonMinimalLength,
    /// A 64-bit payload length whose most significant bit is set (§5.2).
    LengthOverflow,
    /// A frame from a client without a masking key (§5.1).
    UnmaskedClientFrame,
    /// A frame from a server with a masking key (§5.1).
    MaskedServerFrame,
    /// A continuation frame outside a fragmented message (§5.4).
    UnexpectedContinuation,
    /// A text or binary frame before the last fragment of the previous message (§5.4).
    InterruptedMessage,
    /// A message of more than [`Limits::max_message`](super::Limits::max_message) bytes (§10.4).
    MessageTooBig,
    /// A message of more than [`Limits::max_frames`](super::Limits::max_frames) frames (§10.4).
    TooManyFrames,
    /// A text message that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A compressed message whose payload is not valid DEFLATE data, or is incomplete (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A Close frame with a payload of one byte, which is too short for a code (§5.5.1).
    TruncatedCloseCode,
    /// A Close frame with a code that may not be sent (§7.4).
    InvalidCloseCode,
    /// A Close frame whose reason is not UTF-8 (§5.5.1).
    InvalidCloseReason,
}

impl ProtocolError {
    /// The code of the Close frame for this error (§7.4.1).
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate | Self::InvalidCloseReason => CloseCode::INVALID_PAYLOAD,
            Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFrames => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The section of RFC 6455 with the broken rule, such as `"5.5.1"`; for another RFC its number stands before it.
    pub const fn section(self) -> &'static str {
        match self {
            Self::UnmaskedClientFrame | Self::MaskedServerFrame => "5.1",
            Self::ReservedBits | Self::ReservedOpcode | Self::NonMinimalLength | Self::LengthOverflow => "5.2",
            Self::UnexpectedContinuation | Self::InterruptedMessage => "5.4",
            Self::FragmentedControl | Self::ControlTooLong => "5.5",
            Self::TruncatedCloseCode | Self::InvalidCloseReason => "5.5.1",
            Self::InvalidCloseCode => "7.4",
            Self::InvalidUtf8 => "8.1",
            Self::InvalidDeflate => "RFC 7692 7.2.2",
            Self::MessageTooBig | Self::TooManyFrames => "10.4",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "reserved bit set without an extension",
            Self::ReservedOpcode => "reserved opcode",
            Self::FragmentedControl => "fragmented control frame",
            Self::ControlTooLong => "control frame longer than 125 bytes",
            Self::NonMinimalLength => "payload length not in its shortest form",
            Self::LengthOverflow => "payload length with its most significant bit set",
            Self::UnmaskedClientFrame => "unmasked frame from a client",
            Self::MaskedServerFrame => "masked frame from a server",
            Self::UnexpectedContinuation => "continuation frame outside a fragmented message",
            Self::InterruptedMessage => "new message before the last fragment of the previous one",
            Self::MessageTooBig => "message larger than the limit",
            Self::TooManyFrames => "message in more frames than the limit",
            Self::InvalidUtf8 => "text message that is not utf-8",
            Self::InvalidDeflate => "compressed message that cannot be inflated",
            Self::TruncatedCloseCode => "close frame with a payload of one byte",
            Self::InvalidCloseCode => "close code that may not be sent",
            Self::InvalidCloseReason => "close reason that is not utf-8",
        })
    }
}

impl error::Error for ProtocolError {}

impl From<InvalidUtf8> for ProtocolError {
    fn from(InvalidUtf8: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}

/// Nothing was sent, because the connection is not [`State::Open`](super::State::Open).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotOpen;

impl fmt::Display for NotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection is closing or closed")
    }
}

impl error::Error for NotOpen {}

/// The reason why a control frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlError {
    /// The connection is not [`State::Open`](super::State::Open).
    NotOpen,
    /// The payload has more than 125 bytes (§5.5).
    TooLong,
    /// The close code may not be sent (§7.4): see [`CloseCode::may_be_sent`].
    CloseCode(CloseCode),
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => NotOpen.fmt(f),
            Self::TooLong => f.write_str("control payload longer than 125 bytes"),
            Self::CloseCode(code) => write!(f, "close code {code} may not be sent"),
        }
    }
}

impl error::Error for ControlError {}

impl From<NotOpen> for ControlError {
    fn from(NotOpen: NotOpen) -> Self {
        Self::NotOpen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_section_and_a_close_code_that_may_be_sent() {
        use ProtocolError as E;
        for (error, code, section) in [
            (E::ReservedBits, 1002, "5.2"),
            (E::ReservedOpcode, 1002, "5.2"),
            (E::FragmentedControl, 1002, "5.5"),
            (E::ControlTooLong, 1002, "5.5"),
            (E::NonMinimalLength, 1002, "5.2"),
            (E::LengthOverflow, 1002, "5.2"),
            (E::UnmaskedClientFrame, 1002, "5.1"),
            (E::MaskedServerFrame, 1002, "5.1"),
            (E::UnexpectedContinuation, 1002, "5.4"),
            (E::InterruptedMessage, 1002, "5.4"),
            (E::MessageTooBig, 1009, "10.4"),
            (E::TooManyFrames, 1008, "10.4"),
            (E::InvalidUtf8, 1007, "8.1"),
            (E::InvalidDeflate, 1007, "RFC 7692 7.2.2"),
            (E::TruncatedCloseCode, 1002, "5.5.1"),
            (E::InvalidCloseCode, 1002, "7.4"),
            (E::InvalidCloseReason, 1007, "5.5.1"),
        ] {
            assert_eq!(error.close_code(), CloseCode(code), "{error}");
            assert_eq!(error.section(), section, "{error}");
            assert!(error.close_code().may_be_sent());
        }
    }
}
