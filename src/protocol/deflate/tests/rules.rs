//! RSV1, fragments, and payloads that are not DEFLATE data.

use super::*;
use Event::{Message as M, Ping};

/// A stored block that is not the last one.
pub(super) fn stored(plain: &[u8]) -> Vec<u8> {
    let len = u16::try_from(plain.len()).unwrap();
    [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), plain].concat()
}

#[test]
fn inflates_the_examples_of_the_rfc_and_others() {
    let text = "äöü€🎈 ".repeat(40);
    let cut = 1 + text.len() / 2;
    let payload = deflated(text.as_bytes());
    for (stream, events) in [
        (masked(0xC1, &HELLO), &[M(Text("Hello"))][..]),
        // 7.2.3.1, in two fragments.
        ([masked(0x41, &HELLO[..3]), masked(0x80, &HELLO[3..])].concat(), &[M(Text("Hello"))]),
        // 7.2.3.3: a block with no compression. 7.2.3.4: one with BFINAL. 7.2.3.5: two blocks.
        (masked(0xC1, b"\x00\x05\x00\xfa\xffHello\x00"), &[M(Text("Hello"))]),
        (masked(0xC1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), &[M(Text("Hello"))]),
        (masked(0xC2, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), &[M(Binary(b"Hello"))]),
        // The block with BFINAL alone.
        (masked(0xC1, b"\xf3\x48\xcd\xc9\xc9\x07\x00"), &[M(Text("Hello"))]),
        // 7.2.3.6: an empty message. Some compressors send no byte for it.
        (masked(0xC1, b"\x00"), &[M(Text(""))]),
        (masked(0xC2, b""), &[M(Binary(b""))]),
        ([masked(0x42, b""), masked(0x00, b""), masked(0x80, b"")].concat(), &[M(Binary(b""))]),
        // Each message may be compressed or not.
        (
            [masked(0x81, b"a"), masked(0xC1, &HELLO), masked(0x82, b"b")].concat(),
            &[M(Text("a")), M(Text("Hello")), M(Binary(b"b"))],
        ),
        // Control frames between fragments are never compressed.
        (
            [masked(0x41, &HELLO[..1]), masked(0x89, b""), masked(0x00, &HELLO[1..]), masked(0x80, b"")].concat(),
            &[Ping(b""), M(Text("Hello"))],
        ),
        (masked(0xC1, &payload), &[M(Text(&text))]),
        (
            [masked(0x41, &payload[..cut % payload.len()]), masked(0x80, &payload[cut % payload.len()..])].concat(),
            &[M(Text(&text))],
        ),
    ] {
        let mut expected = Outcome::of(events);
        if events.contains(&Ping(b"")) {
            expected.output = b"\x8A\x00".to_vec();
        }
        check(|| server(NONE, 1 << 20), &stream, &expected);
        check(|| server(TAKEOVER, 1 << 20), &stream, &expected);
    }
}

#[test]
fn refuses_rsv1_anywhere_but_on_the_first_frame_of_a_message() {
    let begun = masked(0x41, &HELLO[..3]);
    for (stream, error) in [
        (vec![0xC9], ProtocolError::ReservedBits),
        (vec![0x40], ProtocolError::ReservedBits),
        (masked(0xC9, b""), ProtocolError::ReservedBits),
        (masked(0xCA, b""), ProtocolError::ReservedBits),
        (masked(0xC8, b""), ProtocolError::ReservedBits),
        (masked(0xC0, b""), ProtocolError::ReservedBits),
        (masked(0xE1, &HELLO), ProtocolError::ReservedBits),
        (masked(0xD1, &HELLO), ProtocolError::ReservedBits),
        (masked(0xA1, &HELLO), ProtocolError::ReservedBits),
        (masked(0xC3, &HELLO), ProtocolError::ReservedBits),
        ([begun.clone(), masked(0xC0, &HELLO[3..])].concat(), ProtocolError::ReservedBits),
        ([begun.clone(), masked(0x40, &HELLO[3..])].concat(), ProtocolError::ReservedBits),
        ([begun.clone(), masked(0xC1, &HELLO)].concat(), ProtocolError::InterruptedMessage),
        ([masked(0x01, b"a"), masked(0xC1, &HELLO)].concat(), ProtocolError::InterruptedMessage),
        (unmasked(0xC1, &HELLO), ProtocolError::UnmaskedClientFrame),
    ] {
        check(|| server(NONE, 1 << 20), &stream, &Outcome::failed(&[], error));
    }
    // Without the extension it is refused everywhere.
    let outcome = feed(Connection::server(Limits::default()), &mut Contexts::default(), &masked(0xC1, &HELLO), || 1, 9);
    assert_eq!(outcome, Outcome::failed(&[], ProtocolError::ReservedBits));
}

#[test]
fn refuses_invalid_and_incomplete_deflate_data_with_1007() {
    assert_eq!(ProtocolError::InvalidDeflate.close_code(), CloseCode::INVALID_PAYLOAD);
    let noise: Vec<u8> = (0..300_u32).map(|i| ((i * i) >> 3) as u8).collect();
    let whole = deflated(&noise);
    let mut streams = vec![
        b"\xff\xff\xff".to_vec(),
        b"\x07".to_vec(),
        // A stored block with a wrong length check, and an incomplete one.
        b"\x00\x05\x00\xfb\xffHello\x00".to_vec(),
        b"\x00\x05\x00\xfa\xffHel".to_vec(),
        // A block with BFINAL, then an invalid one.
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x07".to_vec(),
    ];
    streams.extend((2..whole.len()).step_by(7).map(|len| whole[..len].to_vec()));
    streams.extend((1..HELLO.len()).map(|len| HELLO[..len].to_vec()));
    // A dynamic block cut off within its code lengths, and near its end.
    let mut random = Random::new(3);
    let dynamic = deflated(&(0..4000).map(|_| random.pick(b"abcdefghijklmnopqrstuvwxyz 01234")).collect::<Vec<_>>());
    streams.extend((1..30).chain(dynamic.len() - 3..dynamic.len()).map(|len| dynamic[..len].to_vec()));
    // A reference to before the beginning of the message. It is last because context takeover allows it.
    streams.push(b"\x62\x04\x00\x00".to_vec());
    let last = streams.len() - 1;
    for (at, payload) in streams.iter().enumerate() {
        let stream = [masked(0xC1, &HELLO), masked(0xC2, payload)].concat();
        let expected = Outcome::failed(&[M(Text("Hello"))], ProtocolError::InvalidDeflate);
        check(|| server(NONE, 1 << 20), &stream, &expected);
        if at < last {
            check(|| server(TAKEOVER, 1 << 20), &stream, &expected);
        }
    }
}

#[test]
fn validates_inflated_text_at_the_end_of_each_frame() {
    let cut = deflated("é".as_bytes());
    for (stream, expected) in [
        (masked(0xC1, &stored(b"ok\xFF")), Err(ProtocolError::InvalidUtf8)),
        // Before the message ends, and before an error in the data that follows.
        (masked(0x41, &stored(b"ok\xC0\xAF")), Err(ProtocolError::InvalidUtf8)),
        (masked(0x41, &[&stored(b"ok\xC0\xAF")[..], b"\xff\xff"].concat()), Err(ProtocolError::InvalidUtf8)),
        (masked(0xC1, &[&stored(b"\xC3")[..], b"\x00"].concat()), Err(ProtocolError::InvalidUtf8)),
        (masked(0x41, &stored(b"\xC3")), Ok(State::Open)),
        (masked(0x42, &stored(b"\xFF")), Ok(State::Open)),
        (masked(0x41, &cut), Ok(State::Open)),
    ] {
        check(|| server(NONE, 1 << 20), &stream, &Outcome { end: expected, ..Outcome::of(&[]) });
    }
}

#[test]
fn while_closing_compressed_messages_are_followed_but_not_inflated() {
    let mut server = server(NONE, 100);
    let mut output = Vec::new();
    let mut begin = masked(0x41, &HELLO[..3]);
    assert_eq!(server.receive(&mut &mut begin[..], &mut output), Ok(None));
    server.close(None, &mut output).expect("no code");
    let mut rest = [masked(0x80, b"\xff\xff\xff\xff"), masked(0xC1, b"\xff\xff"), masked(0x88, b"")].concat();
    assert_eq!(server.receive(&mut &mut rest[..], &mut output), Ok(Some(Event::Close(None))));

    let mut other = super::server(NONE, 100);
    other.close(None, &mut output).expect("no code");
    let mut rest = [masked(0xC1, &HELLO), masked(0x81, &[b'a'; 101])].concat();
    assert_eq!(other.receive(&mut &mut rest[..], &mut output), Err(ProtocolError::MessageTooBig));
}
