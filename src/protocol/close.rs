//! The Close frame: its code and its reason (§5.5.1, §7.4).

use std::{borrow::Cow, fmt, str};

use super::error::ProtocolError;

/// A status code that says why a connection ends (§7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server shuts down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a type of message that the receiver does not accept, such as binary where it expects text.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: the Close frame had no code. Never sent, only reported.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: the connection ended without a Close frame. Never sent, only reported.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: the content of a message does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message breaks a policy of the receiver, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client requires an extension that the server did not accept.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server has an internal error.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded, or the client is too slow. It may try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway received an invalid response from the server behind it (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// Whether a Close frame of either side may carry this code: 1000 to 1003, 1007 to 1014, 3000 to 4999 (§7.4.1, §7.4.2
    /// and the IANA registry).
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The name of the code in the IANA registry, or that of its range.
    pub const fn name(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status received",
            1006 => "abnormal closure",
            1007 => "invalid frame payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "tls handshake",
            3000..=3999 => "registered",
            4000..=4999 => "private use",
            _ => "reserved",
        }
    }
}

/// Prints the number and the name: `1001 going away`.
impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

/// The content of a Close frame that has a code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseFrame<'a> {
    /// Why the connection ends.
    pub code: CloseCode,
    /// A text for logs; may be empty. At most 123 bytes of it are sent.
    pub reason: Cow<'a, str>,
}

impl<'a> CloseFrame<'a> {
    /// The length in bytes of the longest reason that is sent whole.
    pub const MAX_REASON: usize = 123;

    /// A Close frame with `code` and `reason`.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'a, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// A Close frame with code 1000.
    pub fn normal(reason: impl Into<Cow<'a, str>>) -> Self {
        Self::new(CloseCode::NORMAL, reason)
    }

    /// Parses the unmasked payload of a Close frame; `None` when it is empty.
    ///
    /// # Errors
    /// The payload is one byte, the code may not be sent, or the reason is not UTF-8.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, ProtocolError> {
        // 5.5.1 Close: the first two bytes of a payload are the code.
        let Some((code, reason)) = payload.split_first_chunk() else {
            return if payload.is_empty() { Ok(None) } else { Err(ProtocolError::TruncatedCloseCode) };
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.may_be_sent() {
            return Err(ProtocolError::InvalidCloseCode);
        }
        let reason = str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
        Ok(Some(Self::new(code, reason)))
    }

    /// Appends the payload, 2 to 125 bytes. Cuts a longer reason between two characters.
    pub fn encode(&self, output: &mut Vec<u8>) {
        let longest = self.reason.len().min(Self::MAX_REASON);
        let end = (0..=longest).rev().find(|&end| self.reason.is_char_boundary(end)).unwrap_or_default();
        let reason = self.reason.get(..end).unwrap_or_default();
        output.extend_from_slice(&self.code.0.to_be_bytes());
        output.extend_from_slice(reason.as_bytes());
    }

    /// The same frame, owning its reason.
    pub fn into_owned(self) -> CloseFrame<'static> {
        CloseFrame { code: self.code, reason: Cow::Owned(self.reason.into_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_sent_only_if_the_rfc_or_the_registry_allows_it() {
        for (codes, valid) in [
            (0..=999, false),
            (1000..=1003, true),
            (1004..=1006, false),
            (1007..=1014, true),
            (1015..=2999, false),
            (3000..=4999, true),
            (5000..=u16::MAX, false),
        ] {
            for code in codes {
                assert_eq!(CloseCode(code).may_be_sent(), valid, "{code}");
                let expected = if valid {
                    Ok(Some(CloseFrame::new(CloseCode(code), "x")))
                } else {
                    Err(ProtocolError::InvalidCloseCode)
                };
                assert_eq!(CloseFrame::parse(&[&code.to_be_bytes()[..], b"x"].concat()), expected, "{code}");
            }
        }
    }

    #[test]
    fn prints_the_number_and_the_name_of_a_code() {
        for (code, text) in [
            (1001, "1001 going away"),
            (1004, "1004 reserved"),
            (3000, "3000 registered"),
            (4999, "4999 private use"),
            (5000, "5000 reserved"),
        ] {
            assert_eq!(CloseCode(code).to_string(), text);
        }
    }

    #[test]
    fn parses_only_payloads_that_the_rfc_allows() {
        for (payload, parsed) in [
            (&b""[..], Ok(None)),
            (b"\x03", Err(ProtocolError::TruncatedCloseCode)),
            (b"\x03\xE8", Ok(Some(CloseFrame::normal("")))),
            (b"\x03\xE8bye", Ok(Some(CloseFrame::normal("bye")))),
            (b"\x03\xE8\xC3", Err(ProtocolError::InvalidCloseReason)),
            (b"\x03\xED\xC3", Err(ProtocolError::InvalidCloseCode)),
        ] {
            assert_eq!(CloseFrame::parse(payload), parsed, "{payload:02X?}");
        }
    }

    #[test]
    fn cuts_a_long_reason_between_two_characters() {
        for (reason, kept) in [
            ("x".repeat(123), "x".repeat(123)),
            ("x".repeat(124), "x".repeat(123)),
            (format!("{}é", "x".repeat(121)), format!("{}é", "x".repeat(121))),
            (format!("{}é", "x".repeat(122)), "x".repeat(122)),
            ("🎈".repeat(40), "🎈".repeat(30)),
        ] {
            let mut payload = Vec::new();
            CloseFrame::new(CloseCode(4000), &*reason).encode(&mut payload);
            assert!(payload.len() <= 125);
            assert_eq!(CloseFrame::parse(&payload), Ok(Some(CloseFrame::new(CloseCode(4000), kept))));
        }
    }
}
