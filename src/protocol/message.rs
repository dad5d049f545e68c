//! Messages, their limits, and their assembly from fragments (§5.4).

use super::{buffer::Buffer, error::ProtocolError, frame::Opcode, utf8::Utf8Validator};

/// A whole message (§5.4). Cheap to copy: it borrows its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The length of the payload in bytes.
    pub const fn len(self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub const fn is_empty(self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The payload; a text as UTF-8.
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The opcode of the message's first frame.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text(_) => Opcode::Text,
            Self::Binary(_) => Opcode::Binary,
        }
    }
}

/// Equal if this is a text message with that text.
impl PartialEq<&str> for Message<'_> {
    fn eq(&self, other: &&str) -> bool {
        matches!(self, Message::Text(text) if text == other)
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// The limits of one message (§10.4). Connections can share them: `Arc<Limits>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a message, all fragments together. Default: 1 MiB. The header of a frame that would exceed it
    /// fails the connection with Close 1009. A compressed message is counted as it is inflated.
    pub max_message: u64,
    /// The most frames of a message, including empty ones. Default: 131,072. One frame more fails the connection with
    /// Close 1008. An unfragmented message is always allowed, so 0 means the same as 1.
    pub max_frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message: 1 << 20, max_frames: 131_072 }
    }
}

/// An unfinished message.
pub(super) struct Assembly {
    /// Text or Binary.
    pub(super) opcode: Opcode,
    /// The number of complete frames.
    frames: u32,
    /// The sum of the payload lengths of these frames.
    len: u64,
    /// Validates a Text; a Binary does not use it.
    utf8: Utf8Validator,
    /// The payload so far, unmasked and inflated.
    pub(super) buffer: Buffer,
}

impl Assembly {
    pub(super) fn new(opcode: Opcode) -> Self {
        Self { opcode, frames: 0, len: 0, utf8: Utf8Validator::default(), buffer: Buffer::default() }
    }

    /// Checks that one more frame with this payload length keeps within the limits (§10.4). `max_len` limits the sum of
    /// the payload lengths.
    pub(super) fn may_continue(&self, payload_len: u64, max_len: u64, max_frames: u32) -> Result<(), ProtocolError> {
        // A sum could overflow. The difference cannot, since `len` was checked here frame by frame.
        if payload_len > max_len.saturating_sub(self.len) {
            return Err(ProtocolError::MessageTooBig);
        }
        if self.frames >= max_frames {
            return Err(ProtocolError::TooManyFrames);
        }
        Ok(())
    }

    /// Counts a complete frame that is not the last one.
    pub(super) fn count_frame(&mut self, payload_len: u64) {
        self.frames += 1;
        self.len += payload_len;
    }

    /// Appends unmasked payload.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        // 8.1: text fails at its first invalid byte, before it is complete.
        if self.opcode == Opcode::Text {
            self.utf8.push(piece)?;
        }
        self.buffer.append(piece);
        Ok(())
    }

    /// Appends the first `n` bytes of the buffer's spare part, after `unmask` has unmasked them in place.
    pub(super) fn append_spare(&mut self, n: usize, unmask: impl FnOnce(&mut [u8])) -> Result<(), ProtocolError> {
        let Some(piece) = self.buffer.take_spare(n) else { return Ok(()) };
        unmask(piece);
        if self.opcode == Opcode::Text {
            self.utf8.push(piece)?;
        }
        Ok(())
    }
}
