use super::*;
use crate::protocol::testing::{KEY, masked, unmasked};

fn header(fin: bool, opcode: Opcode, masking_key: Option<[u8; 4]>, payload_len: u64) -> FrameHeader {
    FrameHeader { fin, rsv1: false, opcode, masking_key, payload_len }
}

#[test]
fn parses_the_examples_of_the_rfc() {
    // §5.7
    use Opcode::*;
    for (bytes, expected) in [
        (&b"\x81\x05Hello"[..], (header(true, Text, None, 5), 2)),
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", (header(true, Text, Some(KEY), 5), 6)),
        (b"\x01\x03Hel", (header(false, Text, None, 3), 2)),
        (b"\x80\x02lo", (header(true, Continuation, None, 2), 2)),
        (b"\x89\x05Hello", (header(true, Ping, None, 5), 2)),
        (b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", (header(true, Pong, Some(KEY), 5), 6)),
        (b"\x82\x7E\x01\x00", (header(true, Binary, None, 256), 4)),
        (b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", (header(true, Binary, None, 65536), 10)),
    ] {
        assert_eq!(FrameHeader::parse(bytes), Ok(Some(expected)), "{bytes:02X?}");
    }
}

/// Headers that break a rule by themselves, and the number of bytes after which each must be refused.
#[test]
fn refuses_a_header_at_the_first_byte_that_shows_the_error() {
    use ProtocolError::*;
    for (bytes, needed, error) in [
        (&b"\xA1\x80\0\0\0\0"[..], 1, ReservedBits),
        (b"\xD1\x80", 1, ReservedBits),
        (b"\x91\x80", 1, ReservedBits),
        (b"\xF3\xFF", 1, ReservedBits),
        (b"\x83\x80", 1, ReservedOpcode),
        (b"\xC3\x80", 1, ReservedOpcode),
        (b"\x09\x80", 1, FragmentedControl),
        (b"\x49\x80", 1, FragmentedControl),
        (b"\x08\xFF", 1, FragmentedControl),
        (b"\x0A\x00", 1, FragmentedControl),
        (b"\x88\xFE\x00\x7E", 2, ControlTooLong),
        (b"\x89\x7E\x00\x01", 2, ControlTooLong),
        (b"\x8A\xFF\xFF\xFF", 2, ControlTooLong),
        (b"\x81\xFE\x00\x00\0\0\0\0", 4, NonMinimalLength),
        (b"\x81\x7E\x00\x7D", 4, NonMinimalLength),
        (b"\x02\x7F\x00\x00\x00\x00\x00\x00\x00\x7D", 8, NonMinimalLength),
        (b"\x82\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF\0\0\0\0", 8, NonMinimalLength),
        (b"\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00", 3, LengthOverflow),
        (b"\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 3, LengthOverflow),
    ] {
        for len in 0..=bytes.len() {
            let expected = if len < needed { Ok(None) } else { Err(error) };
            assert_eq!(FrameHeader::parse(&bytes[..len]), expected, "{len} of {bytes:02X?}");
        }
    }
}

#[test]
fn checks_the_first_byte_for_rsv2_and_rsv3_then_opcode_then_fin() {
    for first in 0..=255 {
        let expected = match (first & 0x30, first & 0x0F, first & 0x80) {
            (1.., _, _) => Err(ProtocolError::ReservedBits),
            (_, 3..=7 | 11..=15, _) => Err(ProtocolError::ReservedOpcode),
            (_, 8..=10, 0) => Err(ProtocolError::FragmentedControl),
            _ => Ok(None),
        };
        assert_eq!(FrameHeader::parse(&[first]), expected, "{first:02X}");
    }
}

#[test]
fn parses_each_encoded_header_as_itself_from_exactly_its_bytes() {
    for payload_len in [0, 1, 125, 126, 127, 65_535, 65_536, (1 << 63) - 1] {
        for opcode in [Opcode::Continuation, Opcode::Text, Opcode::Binary] {
            for (fin, rsv1, masking_key) in
                [(false, false, None), (true, true, None), (true, false, Some([0; 4])), (false, true, Some(KEY))]
            {
                let header = FrameHeader { fin, rsv1, opcode, masking_key, payload_len };
                let mut bytes = Vec::new();
                header.encode(&mut bytes);
                assert!(bytes.len() <= FrameHeader::MAX_LEN);
                for len in 0..bytes.len() {
                    assert_eq!(FrameHeader::parse(&bytes[..len]), Ok(None), "{len} of {bytes:02X?}");
                }
                let len = bytes.len();
                bytes.extend([0xFF; 20]);
                assert_eq!(FrameHeader::parse(&bytes), Ok(Some((header, len))));
            }
        }
    }
}

#[test]
fn encodes_lengths_in_the_shortest_form() {
    for (payload_len, bytes) in [
        (0, &b"\x82\x00"[..]),
        (125, b"\x82\x7D"),
        (126, b"\x82\x7E\x00\x7E"),
        (65_535, b"\x82\x7E\xFF\xFF"),
        (65_536, b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00"),
    ] {
        let mut output = b"before".to_vec();
        encode_frame(Opcode::Binary, &vec![7; payload_len], &mut output);
        assert_eq!(output, [b"before", bytes, &vec![7; payload_len]].concat());
        let mut masked_header = Vec::new();
        header(true, Opcode::Binary, Some(KEY), payload_len as u64).encode(&mut masked_header);
        assert!(masked(0x82, &vec![7; payload_len]).starts_with(&masked_header));
    }
}

#[test]
fn takes_a_whole_message_only_when_its_last_byte_is_there() {
    for payload_len in [0, 1, 125, 126, 300, 65_535] {
        for is_masked in [true, false] {
            let payload = vec![b'x'; payload_len];
            let frame = if is_masked { masked(0x81, &payload) } else { unmasked(0x81, &payload) };
            let mut stream = [&frame[..], b"rest"].concat();
            for len in (0..frame.len()).rev().take(200) {
                let mut input = &mut stream[..len];
                assert_eq!(take_whole_message(&mut input, is_masked, 1 << 20), None);
                assert_eq!(input.len(), len);
            }
            let mut input = &mut stream[..];
            // A message may be exactly as long as the limit.
            let limit = payload_len as u64;
            let (opcode, key, taken) = take_whole_message(&mut input, is_masked, limit).expect("a whole message");
            assert_eq!((opcode, taken.len(), &*input), (Opcode::Text, payload_len, &b"rest"[..]));
            assert!(!is_masked || key == KEY);
        }
    }
}

#[test]
fn leaves_frames_that_break_a_rule_to_the_parser() {
    for (bytes, is_masked) in [
        (unmasked(0x81, b"unmasked"), true),
        (masked(0x81, b"masked"), false),
        (masked(0x01, b"fragment"), true),
        (masked(0x80, b"continuation"), true),
        (masked(0x89, b"ping"), true),
        (masked(0xC1, b"compressed"), true),
        (masked(0x83, b"reserved opcode"), true),
        (masked(0x82, b"larger than the limit of 20"), true),
        (b"\x82\xFE\x00\x05\0\0\0\0short".to_vec(), true),
        (b"\x82\x7E\x00\x05short".to_vec(), false),
        (b"\x82\x7F\0\0\0\0\0\0\0\x05short".to_vec(), false),
    ] {
        let mut copy = bytes.clone();
        let mut input = &mut copy[..];
        assert_eq!(take_whole_message(&mut input, is_masked, 20), None, "{bytes:02X?}");
        assert_eq!(input, bytes);
    }
}

#[test]
fn encodes_a_compressed_masked_frame_with_its_payload() {
    let header = FrameHeader { rsv1: true, masking_key: Some(KEY), ..FrameHeader::whole(Opcode::Text, b"Hello") };
    let mut output = b"before".to_vec();
    header.encode_with(b"Hello", &mut output);
    assert_eq!(output, [b"before", &masked(0xC1, b"Hello")[..]].concat());
}

/// §5.3 word by word.
fn mask_by_the_rfc(payload: &[u8], offset: usize) -> Vec<u8> {
    payload.iter().enumerate().map(|(i, byte)| byte ^ KEY[(i + offset) % 4]).collect()
}

#[test]
fn masks_every_length_and_offset_as_the_rfc_says() {
    let plain: Vec<u8> = (0..=255).collect();
    for len in 0..=70 {
        for offset in [0, 1, 2, 3, 4, 5, 4095, usize::MAX - 3] {
            let mut payload = plain[..len].to_vec();
            mask(&mut payload, KEY, offset);
            assert_eq!(payload, mask_by_the_rfc(&plain[..len], offset % 4), "{len} bytes at {offset}");
        }
    }
}

#[test]
fn masks_in_two_pieces_as_in_one() {
    let plain: Vec<u8> = (0..37).collect();
    for cut in 0..=plain.len() {
        let mut payload = plain.clone();
        let (head, tail) = payload.split_at_mut(cut);
        mask(head, KEY, 0);
        mask(tail, KEY, cut);
        assert_eq!(payload, mask_by_the_rfc(&plain, 0), "cut at {cut}");
    }
}

#[test]
fn masking_twice_gives_the_original() {
    let mut payload = *b"some bytes of any kind";
    mask(&mut payload, KEY, 3);
    assert_ne!(&payload, b"some bytes of any kind");
    mask(&mut payload, KEY, 3);
    assert_eq!(&payload, b"some bytes of any kind");
}
