//! Laws of `FrameHeader::parse` and `encode` (RFC 6455 5.2):
//!
//! 1. No input makes them panic.
//! 2. An accepted header takes 2 to 14 bytes of the input, and the bytes after it change nothing.
//! 3. An accepted header keeps the rules: a control frame is final and has at most 125 bytes, no length reaches 2^63.
//! 4. Encoding an accepted header, RSV1 included, gives the bytes from which it was parsed.
//! 5. A prefix of an accepted header is incomplete, never an error; a longer input gives the same error.
//! 6. Encoding and parsing a header that keeps the rules gives the same header, RSV1 included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhop::protocol::{FrameHeader, Opcode};

fuzz_target!(|data: &[u8]| {
    let parsed = FrameHeader::parse(data);
    if let Ok(Some((header, consumed))) = parsed {
        assert!((2..=FrameHeader::MAX_LEN.min(data.len())).contains(&consumed));
        assert_eq!(FrameHeader::parse(&data[..consumed]), parsed);
        assert!(!header.opcode.is_control() || header.fin && header.payload_len <= 125);
        assert!(header.payload_len >> 63 == 0);
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, data[..consumed]);
    }
    for length in 0..data.len().min(FrameHeader::MAX_LEN) {
        let shorter = FrameHeader::parse(&data[..length]);
        match parsed {
            Ok(Some((_, consumed))) if length >= consumed => assert_eq!(shorter, parsed),
            Ok(_) => assert_eq!(shorter, Ok(None)),
            Err(_) => assert!(shorter == Ok(None) || shorter == parsed),
        }
    }
    if let Some(header) = sendable(data) {
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(FrameHeader::parse(&encoded), Ok(Some((header, encoded.len()))));
    }
});

/// Draws a header that keeps the rules.
fn sendable(data: &[u8]) -> Option<FrameHeader> {
    let (&[first, second], rest) = data.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let opcodes = [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
    let opcode = opcodes[usize::from(first) % opcodes.len()];
    // The shift makes short lengths as frequent as long ones, and keeps them below 2^63.
    let length = u64::from_be_bytes(*length) >> (1 + second % 63);
    let masking_key = rest.first_chunk().copied();
    let rsv1 = first & 0x40 != 0;
    Some(match opcode.is_control() {
        true => FrameHeader { fin: true, rsv1, opcode, masking_key, payload_len: length % 126 },
        false => FrameHeader { fin: first & 0x80 != 0, rsv1, opcode, masking_key, payload_len: length },
    })
}
