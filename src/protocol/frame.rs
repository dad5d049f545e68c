//! Frames (§5.2, §5.3): opcodes, headers, masking, and the only frame encoder of the crate.
//!
//! This file checks the rules that one header can break by itself. The connection checks the rules that depend on the
//! role, the extension, the limits or earlier frames (§5.1, §5.4, §9, §10.4).

use super::error::ProtocolError;

const FIN: u8 = 0x80;
/// RFC 7692 6: the message is compressed.
pub(super) const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LEN: u8 = 0x7F;
/// This 7-bit length means that the length stands in the next 2 bytes.
const LEN_16: u8 = 126;
/// This 7-bit length means that the length stands in the next 8 bytes.
const LEN_64: u8 = 127;

/// The kind of a frame (§5.2, §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// 0: another fragment of the current message.
    Continuation = 0x0,
    /// 1: a text message, or its first fragment.
    Text = 0x1,
    /// 2: a binary message, or its first fragment.
    Binary = 0x2,
    /// 8: starts or answers the closing handshake.
    Close = 0x8,
    /// 9: asks the peer for a Pong.
    Ping = 0x9,
    /// 0xA: answers a Ping.
    Pong = 0xA,
}

impl Opcode {
    /// Whether this is a control frame: at most 125 bytes, never fragmented, allowed between fragments (§5.5).
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    /// `None`: the number is reserved.
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
    /// Whether the message is compressed (RFC 7692 §6). Allowed only on the first frame of a message, and only after
    /// permessage-deflate was negotiated: [`Connection`](super::Connection) checks that, `parse` cannot.
    pub rsv1: bool,
    /// The kind of the frame.
    pub opcode: Opcode,
    /// The key that masks the payload (§5.3); `None` when the MASK bit is clear.
    pub masking_key: Option<[u8; 4]>,
    /// The length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The length of the longest header in bytes: 2, an 8-byte length and a masking key.
    pub const MAX_LEN: usize = 14;

    /// Parses the header at the front of `input`. Returns it with its length in bytes, or `None` when more bytes are
    /// needed.
    ///
    /// # Errors
    /// The header breaks a rule of §5.2 or §5.5 by itself. The error is found at the first byte that shows it: a longer
    /// input never gives another error.
    pub fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        // 5.2: RSV bits MUST be 0 unless an extension defines them. No extension here defines RSV2 or RSV3.
        if first & RSV2_RSV3 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_number(first & OPCODE).ok_or(ProtocolError::ReservedOpcode)?;
        let (fin, rsv1) = (first & FIN != 0, first & RSV1 != 0);
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
        Ok(Some((Self { fin, rsv1, opcode, masking_key, payload_len }, input.len() - rest.len())))
    }

    /// Appends the header, with the length in its shortest form.
    // Always inlined: in nearly every call all fields but the length are constants.
    #[inline(always)]
    pub fn encode(&self, output: &mut Vec<u8>) {
        let first = if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 } | self.opcode as u8;
        let mask_bit = if self.masking_key.is_some() { MASK } else { 0 };
        if let Ok(len @ 0..LEN_16) = u8::try_from(self.payload_len) {
            output.extend_from_slice(&[first, mask_bit | len]);
        } else if let Ok(len) = u16::try_from(self.payload_len) {
            let [high, low] = len.to_be_bytes();
            output.extend_from_slice(&[first, mask_bit | LEN_16, high, low]);
        } else {
            output.extend_from_slice(&[first, mask_bit | LEN_64]);
            output.extend_from_slice(&self.payload_len.to_be_bytes());
        }
        if let Some(key) = self.masking_key {
            output.extend_from_slice(&key);
        }
    }

    /// The header of an unfragmented, unmasked and uncompressed frame with this payload.
    #[inline(always)]
    pub(super) fn whole(opcode: Opcode, payload: &[u8]) -> Self {
        Self { fin: true, rsv1: false, opcode, masking_key: None, payload_len: payload.len() as u64 }
    }

    /// Appends the header, then `payload`, masked when the header has a masking key.
    pub(super) fn encode_with(&self, payload: &[u8], output: &mut Vec<u8>) {
        output.reserve(Self::MAX_LEN + payload.len());
        self.encode(output);
        let start = output.len();
        output.extend_from_slice(payload);
        if let Some(key) = self.masking_key {
            mask(output.get_mut(start..).unwrap_or_default(), key, 0);
        }
    }
}

/// Appends a whole unmasked frame, as a server sends it: header and payload, FIN set.
///
/// All receivers get the same bytes: encode once, send to all. The caller must keep the payload of a control frame at
/// or below 125 bytes.
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
    FrameHeader::whole(opcode, payload).encode(output);
    output.extend_from_slice(payload);
}

/// Masks or unmasks `payload` in place (§5.3): byte `i` is XORed with byte `(offset + i) mod 4` of the masking key.
/// Masking twice gives the original bytes.
///
/// `offset` is the position of `payload[0]` in the payload of its frame: 0 for a whole frame, or the number of bytes
/// already unmasked when a frame arrives in pieces. Only `offset % 4` matters.
///
/// ```
/// let mut payload = *b"Hello";
/// sockhop::protocol::mask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[inline]
pub fn mask(payload: &mut [u8], masking_key: [u8; 4], offset: usize) {
    let mut key = masking_key;
    key.rotate_left(offset % 4);
    // The compiler turns these 4-byte steps into vector instructions. Key and payload are both read in native order, so
    // no bytes are swapped.
    let word = u32::from_ne_bytes(key);
    let (words, tail) = payload.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Takes an unfragmented, uncompressed data frame off the front of `input`: opcode, masking key and the payload, still
/// masked. Nearly every frame is one of these, so this path is kept short.
///
/// `None`: `input` is unchanged and [`FrameHeader::parse`] must judge it. That includes frames of 64 KiB and more, frames
/// with more than `max_payload` bytes, and frames that are masked when `masked` is false, or the reverse.
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
    // 5.2: a 16-bit length below 126 is not in its shortest form.
    if header_len == 4 && payload_len < u16::from(LEN_16) || u64::from(payload_len) > max_payload {
        return None;
    }
    let header_len = header_len + if masked { 4 } else { 0 };
    let frame = input.split_off_mut(..header_len + usize::from(payload_len))?;
    let (header, payload) = frame.split_at_mut_checked(header_len)?;
    let key = if masked { *header.last_chunk()? } else { [0; 4] };
    Some((opcode, key, payload))
}

/// Completes the payload length: `len` is its 7-bit form, `rest` the bytes that follow. Returns it with the bytes after
/// it.
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

#[cfg(test)]
mod tests;
