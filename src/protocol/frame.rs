//! The base framing protocol (§5.2): opcodes and the header of a frame.
//!
//! It knows the rules that a header can break by itself. Those that need the role, the limits or the frames before it
//! (§5.1, §5.4, §10.4) are the connection's.

use super::error::ProtocolError;

const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LEN: u8 = 0x7F;
/// The 7-bit length that says: the next 2 bytes are the length.
const LEN_16: u8 = 126;
/// The 7-bit length that says: the next 8 bytes are the length.
const LEN_64: u8 = 127;

/// What the payload of a frame is (§5.2, §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// 0: a further fragment of the message under way.
    Continuation = 0x0,
    /// 1: a text message, or its first fragment.
    Text = 0x1,
    /// 2: a binary message, or its first fragment.
    Binary = 0x2,
    /// 8: the closing handshake.
    Close = 0x8,
    /// 9: a question whether the peer is alive.
    Ping = 0x9,
    /// 0xA: its answer.
    Pong = 0xA,
}

impl Opcode {
    /// Whether it is a control frame: never fragmented, at most 125 bytes, welcome between fragments (§5.5).
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    /// The opcode with this number, unless that is reserved.
    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }
}

/// The header of a frame (§5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// What the payload is.
    pub opcode: Opcode,
    /// The key that the payload is masked with; `None` when the MASK bit is clear (§5.3).
    pub masking_key: Option<[u8; 4]>,
    /// The length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The longest header in bytes: 2, an 8-byte length, a masking key.
    pub const MAX_LEN: usize = 14;

    /// Parses the header at the front of `input`; beside it, its length in bytes. `None`: more bytes are needed.
    ///
    /// # Errors
    /// The header breaks a rule of §5.2 or §5.5 by itself. The error is found at the first byte that shows it, so a
    /// longer input never yields another one.
    pub fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        // 5.2: RSV bits MUST be 0 unless an extension defines them. Reserved opcodes fail the connection.
        if first & RSV != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_number(first & OPCODE).ok_or(ProtocolError::ReservedOpcode)?;
        let fin = first & FIN != 0;
        // 5.5 Control frames: at most 125 bytes, never fragmented.
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        if opcode.is_control() && second & LEN > 125 {
            return Err(ProtocolError::ControlTooLong);
        }
        let Some((payload_len, rest)) = parse_len(second & LEN, rest)? else { return Ok(None) };
        let (masking_key, rest) = if second & MASK == 0 {
            (None, rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (Some(*key), rest)
        };
        Ok(Some((Self { fin, opcode, masking_key, payload_len }, input.len() - rest.len())))
    }

    /// Appends the header, with the length in its shortest form. RSV bits are 0.
    pub fn encode(&self, output: &mut Vec<u8>) {
        let first = if self.fin { FIN } else { 0 } | self.opcode as u8;
        let mask_bit = if self.masking_key.is_some() { MASK } else { 0 };
        encode_start(first, mask_bit, self.payload_len, output);
        if let Some(key) = self.masking_key {
            output.extend_from_slice(&key);
        }
    }
}

/// Appends a whole unmasked frame, as a server sends it: header and payload, FIN set.
///
/// Such a frame is the same for every receiver: encode once, send to all. Of a control frame the payload is the
/// caller's to keep at or below 125 bytes.
///
/// ```
/// use sockhop::protocol::{Opcode, encode_frame};
/// let mut output = Vec::new();
/// encode_frame(Opcode::Text, b"Hello", &mut output);
/// assert_eq!(output, b"\x81\x05Hello");
/// ```
#[inline(always)]
pub fn encode_frame(opcode: Opcode, payload: &[u8], output: &mut Vec<u8>) {
    output.reserve(FrameHeader::MAX_LEN + payload.len());
    encode_start(FIN | opcode as u8, 0, payload.len() as u64, output);
    output.extend_from_slice(payload);
}

/// A whole data frame with FIN at the front of `input`, taken off it: opcode, masking key and the payload, still
/// masked. This is the shortest way for what nearly all frames are; `None` means that [`FrameHeader::parse`] is to
/// judge, and that `input` is as it was.
///
/// Only a frame with `masked` payload, or without, whose length has 7 or 16 bits and is at most `max_payload` counts.
#[inline]
pub(super) fn take_whole_message<'i>(
    input: &mut &'i mut [u8],
    masked: bool,
    max_payload: u64,
) -> Option<(Opcode, [u8; 4], &'i mut [u8])> {
    let &[first, second, high, low, ..] = &**input else { return None };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x82 => Opcode::Binary,
        _ => return None,
    };
    let (header_len, payload_len) = match second ^ if masked { MASK } else { 0 } {
        len @ 0..=125 => (2, u16::from(len)),
        LEN_16 => (4, u16::from_be_bytes([high, low])),
        _ => return None,
    };
    // 5.2: the shortest form, of which the first arm is always one.
    if header_len == 4 && payload_len < u16::from(LEN_16) || u64::from(payload_len) > max_payload {
        return None;
    }
    let header_len = header_len + if masked { 4 } else { 0 };
    let frame = input.split_off_mut(..header_len + usize::from(payload_len))?;
    let (header, payload) = frame.split_at_mut_checked(header_len)?;
    let key = if masked { *header.last_chunk()? } else { [0; 4] };
    Some((opcode, key, payload))
}

/// The payload length that a 7-bit length and the bytes behind it say, and what follows them.
fn parse_len(len: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    // 5.2: "the minimal number of bytes MUST be used", "the most significant bit MUST be 0".
    match len {
        LEN_64 => {
            if rest.first().is_some_and(|first| first & 0x80 != 0) {
                return Err(ProtocolError::LengthOverflow);
            }
            if rest.first_chunk() == Some(&[0; 6]) {
                return Err(ProtocolError::NonMinimalLength);
            }
            Ok(rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest)))
        }
        LEN_16 => {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let len = u16::from_be_bytes(*len);
            if len < u16::from(LEN_16) { Err(ProtocolError::NonMinimalLength) } else { Ok(Some((len.into(), rest))) }
        }
        _ => Ok(Some((len.into(), rest))),
    }
}

/// Appends the first byte, the MASK bit and the length.
#[inline(always)]
fn encode_start(first: u8, mask_bit: u8, payload_len: u64, output: &mut Vec<u8>) {
    if let Ok(len @ 0..LEN_16) = u8::try_from(payload_len) {
        output.extend_from_slice(&[first, mask_bit | len]);
    } else if let Ok(len) = u16::try_from(payload_len) {
        let [high, low] = len.to_be_bytes();
        output.extend_from_slice(&[first, mask_bit | LEN_16, high, low]);
    } else {
        output.extend_from_slice(&[first, mask_bit | LEN_64]);
        output.extend_from_slice(&payload_len.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
