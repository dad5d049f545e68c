//! Tables of streams with their events and output, each whole and cut at every position.

use super::*;

/// Text fragments and one Ping between them.
fn fragments_around_a_ping() -> Vec<u8> {
    [masked(0x01, b"Hel"), masked(0x89, b"?"), masked(0x00, b""), masked(0x80, b"lo")].concat()
}

#[test]
fn accepts_every_stream_that_the_rfc_allows() {
    let long = "ab".repeat(100);
    let utf8 = "Hello-µ@ßöäüàá-UTF-8!! 🎈";
    let cuts_in_characters: Vec<u8> = (utf8.bytes().enumerate())
        .flat_map(|(i, byte)| {
            let fin = if i + 1 == utf8.len() { 0x80 } else { 0 };
            masked(fin | if i == 0 { 1 } else { 0 }, &[byte])
        })
        .collect();
    for (stream, events, output) in [
        (vec![], &[][..], &b""[..]),
        (masked(0x81, b"Hello"), &[M(Text("Hello"))], b""),
        (masked(0x82, b"\xFF\x00"), &[M(Binary(b"\xFF\x00"))], b""),
        (masked(0x81, b""), &[M(Text(""))], b""),
        (masked(0x82, b""), &[M(Binary(b""))], b""),
        (masked(0x81, long.as_bytes()), &[M(Text(&long))], b""),
        ([masked(0x81, b"a"), masked(0x82, b"b")].concat(), &[M(Text("a")), M(Binary(b"b"))], b""),
        (masked(0x89, b""), &[Ping(b"")], b"\x8A\x00"),
        (masked(0x89, b"Hello"), &[Ping(b"Hello")], b"\x8A\x05Hello"),
        (masked(0x8A, b"Hello"), &[Pong(b"Hello")], b""),
        ([masked(0x89, b"1"), masked(0x89, b"2")].concat(), &[Ping(b"1"), Ping(b"2")], b"\x8A\x011\x8A\x012"),
        (fragments_around_a_ping(), &[Ping(b"?"), M(Text("Hello"))], b"\x8A\x01?"),
        ([masked(0x02, b""), masked(0x00, b""), masked(0x80, b"")].concat(), &[M(Binary(b""))], b""),
        (
            [masked(0x02, b"a"), masked(0x8A, b"!"), masked(0x80, b"\xFF")].concat(),
            &[Pong(b"!"), M(Binary(b"a\xFF"))],
            b"",
        ),
        (cuts_in_characters, &[M(Text(utf8))], b""),
    ] {
        check(server, &stream, &Outcome::new(events, output, Ok(State::Open)));
    }
    let control = [b'x'; 125];
    let pong = unmasked(0x8A, &control);
    check(server, &masked(0x89, &control), &Outcome::new(&[Ping(&control)], &pong, Ok(State::Open)));
}

#[test]
fn fails_at_a_frame_that_the_rfc_forbids_after_answering_those_before_it() {
    use ProtocolError::*;
    let mut streams = vec![
        (unmasked(0x81, b"Hello"), UnmaskedClientFrame),
        (unmasked(0x89, b""), UnmaskedClientFrame),
        (unmasked(0x80, b"also no start"), UnmaskedClientFrame),
        (masked(0x00, b"x"), UnexpectedContinuation),
        (masked(0x80, b""), UnexpectedContinuation),
        ([masked(0x01, b"x"), masked(0x81, b"y")].concat(), InterruptedMessage),
        ([masked(0x02, b"x"), masked(0x00, b"y"), masked(0x02, b"")].concat(), InterruptedMessage),
        (masked(0x09, b""), FragmentedControl),
        (masked(0x08, b"\x03\xE8"), FragmentedControl),
        (masked(0x89, &[b'x'; 126]), ControlTooLong),
        (masked(0x88, &[b'x'; 126]), ControlTooLong),
        (masked(0x8A, &[b'x'; 70_000]), ControlTooLong),
        (b"\x81\xFE\x00\x7D".to_vec(), NonMinimalLength),
        (b"\x82\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF".to_vec(), NonMinimalLength),
        (b"\x82\xFF\x80\x00\x00\x00\x00\x00\x00\x01".to_vec(), LengthOverflow),
        (masked(0x81, b"\xFF"), InvalidUtf8),
        (masked(0x81, b"caf\xC3"), InvalidUtf8),
        ([masked(0x01, b"caf\xC3"), masked(0x80, b"")].concat(), InvalidUtf8),
        ([masked(0x01, b"caf\xC3"), masked(0x00, b"\x28")].concat(), InvalidUtf8),
    ];
    streams.extend((3..=7).chain(11..=15).map(|opcode| (masked(0x80 | opcode, b"x"), ReservedOpcode)));
    streams.extend((1..=7).map(|rsv| (masked(0x81 | rsv << 4, b"x"), ReservedBits)));
    // No extension was negotiated, so the first byte already shows it.
    streams.extend([0xC1, 0x40, 0xC0, 0xC9, 0x48, 0xC3].map(|first| (vec![first], ReservedBits)));
    let whole = [masked(0x01, b"be"), masked(0x89, b"!"), masked(0x80, b"fore")].concat();
    for (stream, error) in streams {
        check(server, &stream, &failed(&[], error));
        let output = [unmasked(0x8A, b"!"), failing_close(error)].concat();
        let expected = Outcome::new(&[Ping(b"!"), M(Text("before"))], &output, Err(error));
        check(server, &[whole.clone(), stream].concat(), &expected);
    }
}

#[test]
fn text_fails_at_its_first_invalid_byte_before_the_frame_is_complete() {
    for (payload, wrong) in [
        (&b"ok\xFF...."[..], 2),
        (b"\xCE\xBA\xE1\xBD\xB9\xF4\x90\x80\x80edited", 6),
        (b"\xED\xA0\x80edited", 1),
        (b"\xC0\xAF", 0),
        (b"\xF5...", 0),
        (b"\xC3(", 1),
    ] {
        for fragmented in [false, true] {
            let first = if fragmented { 0x01 } else { 0x81 };
            let frame = masked(first, payload);
            let header_len = frame.len() - payload.len();
            let make = server;
            // The bytes before the invalid one are accepted. That byte fails the connection, before the frame is complete.
            let sound = &frame[..header_len + wrong];
            check(make, sound, &Outcome::new(&[], b"", Ok(State::Open)));
            let broken = &frame[..=header_len + wrong];
            check(make, broken, &failed(&[], ProtocolError::InvalidUtf8));
        }
    }
}

#[test]
fn accepts_a_message_of_exactly_the_limit_and_refuses_the_header_of_a_longer_one() {
    let make = || Connection::server(Limits { max_message: 300, max_frames: 4 });
    let (full, half) = ([b'x'; 300], [b'x'; 150]);
    let x = str::from_utf8(&full).expect("ascii");
    let over = masked(0x81, &[b'x'; 301]);
    let second = masked(0x80, &[b'x'; 151]);
    for (stream, outcome) in [
        (masked(0x81, &full), Outcome::new(&[M(Text(x))], b"", Ok(State::Open))),
        ([masked(0x01, &half), masked(0x80, &half)].concat(), Outcome::new(&[M(Text(x))], b"", Ok(State::Open))),
        ([masked(0x02, &full), masked(0x80, b"")].concat(), Outcome::new(&[M(Binary(&full))], b"", Ok(State::Open))),
        // The headers alone, without a byte of payload.
        (over[..8].to_vec(), failed(&[], ProtocolError::MessageTooBig)),
        ([&masked(0x01, &half)[..], &second[..8]].concat(), failed(&[], ProtocolError::MessageTooBig)),
        ([masked(0x02, &full), masked(0x00, b"x")].concat(), failed(&[], ProtocolError::MessageTooBig)),
        // All fragments count, not only the last one.
        (
            [&masked(0x02, &half)[..], &masked(0x00, b"x"), &second[..8]].concat(),
            failed(&[], ProtocolError::MessageTooBig),
        ),
        (
            [&masked(0x02, b"x")[..], b"\x80\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0"].concat(),
            failed(&[], ProtocolError::MessageTooBig),
        ),
    ] {
        check(make, &stream, &outcome);
    }
}

#[test]
fn accepts_a_message_of_max_frames_and_refuses_one_frame_more() {
    let make = || Connection::server(Limits { max_frames: 3, ..Limits::default() });
    let [start, middle, end] = [masked(0x01, b""), masked(0x00, b""), masked(0x80, b"")];
    let whole = [&start[..], &middle, &end].concat();
    let ok = Outcome::new(&[M(Text("")), M(Text(""))], b"", Ok(State::Open));
    check(make, &[&whole[..], &whole].concat(), &ok);
    let too_many = failed(&[], ProtocolError::TooManyFrames);
    check(make, &[&start[..], &middle, &middle, &middle].concat(), &too_many);
    check(make, &[&start[..], &middle, &middle, &end].concat(), &too_many);
    let unfragmented_only = || Connection::server(Limits { max_frames: 0, ..Limits::default() });
    check(unfragmented_only, &masked(0x81, b"x"), &Outcome::new(&[M(Text("x"))], b"", Ok(State::Open)));
    check(unfragmented_only, &[&start[..], &end].concat(), &too_many);
}

#[test]
fn accepts_131_072_frames_without_memory_for_each_and_refuses_one_more_with_1008() {
    let feed = |server: &mut Connection, mut frame: Vec<u8>| {
        server.receive(&mut &mut frame[..], &mut Vec::new()).map(|event| event.is_some())
    };
    for byte in [&b""[..], b"x"] {
        let mut server = server();
        assert_eq!(feed(&mut server, masked(0x02, byte)), Ok(false));
        let one = server.buffered();
        for _ in 2..131_072 {
            assert_eq!(feed(&mut server, masked(0x00, byte)), Ok(false));
        }
        // All fragments share one buffer, which grows only with the payload.
        assert!(server.buffered() <= one + 2 * 131_072 * byte.len(), "{} bytes", server.buffered());
        assert_eq!(feed(&mut server, masked(0x80, byte)), Ok(true), "the last frame that is allowed");
        assert_eq!(feed(&mut server, masked(0x02, byte)), Ok(false));
        for _ in 2..=131_072 {
            assert_eq!(feed(&mut server, masked(0x00, byte)), Ok(false));
        }
        assert_eq!(feed(&mut server, masked(0x80, byte)), Err(ProtocolError::TooManyFrames));
        assert_eq!(ProtocolError::TooManyFrames.close_code(), CloseCode(1008));
    }
}

#[test]
fn a_client_accepts_only_unmasked_frames_and_masks_its_own() {
    let pong = masked(0x8A, b"?");
    let ok = Outcome::new(&[M(Text("Hello")), Ping(b"?")], &pong, Ok(State::Open));
    check(client, &[unmasked(0x81, b"Hello"), unmasked(0x89, b"?")].concat(), &ok);
    let close = masked(0x88, b"\x03\xEAmasked frame from a server");
    let failed = Outcome::new(&[], &close, Err(ProtocolError::MaskedServerFrame));
    check(client, &masked(0x81, b"Hello"), &failed);
    check(client, &masked(0x89, b""), &failed);
}
