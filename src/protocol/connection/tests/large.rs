//! Large frames: lent and own buffers, and receiving into them.

use super::*;

const KIB: usize = 1024;

/// Receives the first `len` bytes of `frame`, with `lent` as the vector to lend. Returns whether it was asked for.
fn begin(server: &mut Connection, frame: &[u8], len: usize, lent: Option<Vec<u8>>) -> bool {
    let mut lent = lent;
    let mut asked = false;
    let mut lend = || {
        asked = true;
        lent.take()
    };
    let mut head = frame[..len].to_vec();
    assert_eq!(
        server.receive_with(
            &mut &mut head[..],
            &mut Vec::new(),
            &mut Allowance { frames: 9, lend: &mut lend, contexts: None }
        ),
        Ok(None)
    );
    asked
}

#[test]
fn asks_for_a_buffer_only_when_payload_has_arrived_and_64_kib_are_missing() {
    for (payload_len, first_len, asks) in [
        (64 * KIB, 1, false),
        (64 * KIB + 1, 0, false),
        (64 * KIB + 1, 1, true),
        (64 * KIB + 1, 2, false),
        (200 * KIB, 136 * KIB, true),
        (200 * KIB, 136 * KIB + 1, false),
    ] {
        let frame = masked(0x82, &vec![7; payload_len]);
        let header_len = frame.len() - payload_len;
        let mut server = server();
        let asked = begin(&mut server, &frame, header_len + first_len, None);
        assert_eq!(asked, asks, "{first_len} of {payload_len}");
        assert_eq!(server.spare().is_some(), asks && first_len > 4 * KIB, "{first_len} of {payload_len}");
    }
}

#[test]
fn one_lent_vector_serves_all_fragments_and_comes_back_when_the_peer_closes_instead() {
    let fragments = [masked(0x02, &vec![7; 70 * KIB]), masked(0x00, &vec![7; 70 * KIB])].concat();
    let mut server = server();
    assert!(begin(&mut server, &fragments, 20, Some(vec![0; 200 * KIB])));
    assert!(!begin(&mut server, &fragments[20..], 70 * KIB + 20, None));
    assert!((200 * KIB..201 * KIB).contains(&server.buffered()));
    let mut rest = [&fragments[70 * KIB + 40..], &masked(0x88, b"")].concat();
    let event = server.receive(&mut &mut rest[..], &mut Vec::new());
    assert_eq!(event, Ok(Some(Event::Close(None))));
    assert!((200 * KIB..201 * KIB).contains(&server.buffered()));
    assert_eq!(server.take_buffer().map(|buffer| buffer.len()), Some(200 * KIB));
}

#[test]
fn receives_a_message_into_the_lent_vector_and_gives_the_vector_back() {
    let payload: Vec<u8> = (0..100 * KIB).map(|i| (i % 251) as u8).collect();
    let frame = masked(0x82, &payload);
    let mut server = server();
    let mut output = Vec::new();
    let lent = vec![0xEE; 256 * KIB];
    let place = lent.as_ptr();
    let mut received = 10_000;
    assert!(begin(&mut server, &frame, received, Some(lent)));
    for _ in 0..2 {
        let spare = server.spare().expect("a large frame is incomplete");
        assert_eq!(spare.len(), frame.len() - received);
        let n = 50_000.min(spare.len());
        spare[..n].copy_from_slice(&frame[received..received + n]);
        assert_eq!(server.filled(n, &mut output), Ok(()));
        assert_eq!(server.take_buffer(), None);
        received += n;
    }
    assert!(server.spare().is_none());
    let mut rest = frame[received..].to_vec();
    let event = server.receive(&mut &mut rest[..], &mut output);
    assert_eq!(event, Ok(Some(M(Binary(&payload)))));
    let buffer = server.take_buffer().expect("the message's vector");
    assert!(buffer.starts_with(&payload));
    assert_eq!((buffer.as_ptr(), buffer.len()), (place, 256 * KIB));
    assert!(server.is_idle());
}

#[test]
fn receive_without_input_returns_the_message_that_filled_completed() {
    let frame = masked(0x82, &vec![7; 100 * KIB]);
    let mut server = server();
    begin(&mut server, &frame, 100, Some(vec![0; 100 * KIB]));
    let rest = &frame[100..];
    let spare = server.spare().expect("a large frame is incomplete");
    spare.copy_from_slice(rest);
    assert_eq!(server.filled(usize::MAX, &mut Vec::new()), Ok(()));
    assert!(server.spare().is_none());
    assert_eq!(server.receive(&mut &mut [][..], &mut Vec::new()), Ok(Some(M(Binary(&vec![7; 100 * KIB])))));
    assert_eq!(server.receive(&mut &mut [][..], &mut Vec::new()), Ok(None));
    assert!(server.is_idle());
}

#[test]
fn large_streams_give_the_same_events_on_every_path() {
    let text = "äöü€🎈".repeat(6 * KIB);
    let (head, tail) = text.as_bytes().split_at(3 + 5_000);
    let text_fragments = [masked(0x01, head), masked(0x89, b"?"), masked(0x80, tail)].concat();
    let mut wrong = text.clone().into_bytes();
    wrong[70_000] = 0xFF;
    let mut cut_short = text.clone().into_bytes();
    cut_short.pop();
    let open = |events: &[Event<'_>], output: &[u8]| Outcome::new(events, output, Ok(State::Open));
    for (stream, outcome) in [
        ([masked(0x81, text.as_bytes()), masked(0x81, b"x")].concat(), open(&[M(Text(&text)), M(Text("x"))], b"")),
        (text_fragments, open(&[Ping(b"?"), M(Text(&text))], b"\x8A\x01?")),
        (
            [masked(0x02, text.as_bytes()), masked(0x00, b"-"), masked(0x80, text.as_bytes())].concat(),
            open(&[M(Binary(format!("{text}-{text}").as_bytes()))], b""),
        ),
        (masked(0x81, &wrong), failed(&[], ProtocolError::InvalidUtf8)),
        (masked(0x81, &wrong)[..70_015].to_vec(), failed(&[], ProtocolError::InvalidUtf8)),
        (masked(0x81, &cut_short), failed(&[], ProtocolError::InvalidUtf8)),
    ] {
        check(server, &stream, &outcome);
    }
}

#[test]
fn three_hundred_claims_of_the_largest_message_take_less_than_600_bytes_each() {
    let frame = masked(0x82, &vec![7; 1 << 20]);
    for payload_bytes in [0, 1, 100] {
        let mut held = 0;
        for _ in 0..300 {
            let mut server = server();
            begin(&mut server, &frame, 14 + payload_bytes, None);
            assert!(server.spare().is_none());
            held += server.buffered();
        }
        assert!(held < 300 * 600, "{held} bytes");
    }
}

#[test]
fn gives_back_the_vector_of_a_message_that_failed_or_was_given_up() {
    let frame = masked(0x81, &[0xFF; 100 * KIB]);
    let mut failed = server();
    let mut head = frame[..20].to_vec();
    let mut allowance = Allowance { frames: 9, lend: &mut || Some(vec![0; 100 * KIB]), contexts: None };
    let result = failed.receive_with(&mut &mut head[..], &mut Vec::new(), &mut allowance);
    assert_eq!(result, Err(ProtocolError::InvalidUtf8));
    assert_eq!(failed.take_buffer().map(|buffer| buffer.len()), Some(100 * KIB));

    let frame = masked(0x82, &[0xFF; 100 * KIB]);
    let mut closing = server();
    assert!(begin(&mut closing, &frame, 20, Some(vec![0; 100 * KIB])));
    closing.close(None, &mut Vec::new()).expect("no code");
    assert_eq!(closing.take_buffer().map(|buffer| buffer.len()), Some(100 * KIB));
    assert!(closing.spare().is_none());
    assert_eq!(closing.filled(5, &mut Vec::new()), Ok(()));
    assert_eq!(closing.receive(&mut &mut frame[20..].to_vec()[..], &mut Vec::new()), Ok(None));
    assert!(closing.is_idle());
}

#[test]
fn gives_the_vector_of_a_fragmented_message_but_none_of_one_in_the_input() {
    let mut server = server();
    let mut output = Vec::new();
    let mut stream = [masked(0x01, b"Hel"), masked(0x80, b"lo")].concat();
    assert_eq!(server.receive(&mut &mut stream[..], &mut output), Ok(Some(M(Text("Hello")))));
    // Closing does not touch it.
    server.close(None, &mut output).expect("no code");
    assert_eq!(server.take_buffer().as_deref(), Some(&b"Hello"[..]));
    assert_eq!(server.take_buffer(), None);

    for mut stream in [masked(0x81, b"Hello"), [masked(0x02, b""), masked(0x80, b"")].concat()] {
        let mut server = self::server();
        assert!(server.receive(&mut &mut stream[..], &mut output).is_ok_and(|event| event.is_some()));
        assert_eq!(server.take_buffer(), None);
        assert!(server.is_idle());
    }
}
