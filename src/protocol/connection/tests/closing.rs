//! The closing handshake (§5.5.1, §7.1).

use super::*;

/// A server that has sent its Close.
fn closing() -> Connection {
    let mut server = server();
    let mut output = Vec::new();
    server.close(Some(&CloseFrame::normal("")), &mut output).expect("a code that may be sent");
    assert_eq!((&output[..], server.state()), (&b"\x88\x02\x03\xE8"[..], State::Closing));
    server
}

fn closed<'a>(code: u16, reason: &'a str) -> Event<'a> {
    Event::Close(Some(CloseFrame::new(CloseCode(code), reason)))
}

#[test]
fn answers_a_close_once_with_the_peers_code_and_reason() {
    let data_after = [masked(0x88, b"\x03\xE8bye"), masked(0x81, b"x"), masked(0x88, b""), vec![0xFF; 9]].concat();
    for (stream, event, output) in [
        (masked(0x88, b""), Event::Close(None), &b"\x88\x00"[..]),
        (masked(0x88, b"\x03\xE8"), closed(1000, ""), b"\x88\x02\x03\xE8"),
        (masked(0x88, b"\x03\xE9bye"), closed(1001, "bye"), b"\x88\x05\x03\xE9bye"),
        (masked(0x88, b"\x13\x87caf\xC3\xA9"), closed(4999, "café"), b"\x88\x07\x13\x87caf\xC3\xA9"),
        (data_after, closed(1000, "bye"), b"\x88\x05\x03\xE8bye"),
        ([masked(0x01, b"half"), masked(0x88, b"")].concat(), Event::Close(None), b"\x88\x00"),
    ] {
        check(server, &stream, &Outcome::new(&[event], output, Ok(State::Closed)));
    }
}

#[test]
fn a_close_with_a_bad_payload_fails_the_connection() {
    use ProtocolError::*;
    let mut streams = vec![(b"\x03".to_vec(), TruncatedCloseCode), (b"\x03\xE8\xFF".to_vec(), InvalidCloseReason)];
    streams.extend([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(|code: u16| {
        let payload = [&code.to_be_bytes()[..], b"why"].concat();
        (payload, InvalidCloseCode)
    }));
    for (payload, error) in streams {
        check(server, &masked(0x88, &payload), &failed(&[], error));
        check(closing, &masked(0x88, &payload), &Outcome::new(&[], b"", Err(error)));
    }
}

#[test]
fn after_our_close_only_the_peers_close_is_an_event() {
    let stream = [
        masked(0x81, b"discarded"),
        masked(0x89, b"not answered"),
        masked(0x01, b"discarded \xFF"),
        masked(0x8A, b"not delivered"),
        masked(0x80, b"too"),
        masked(0x88, b"\x03\xE8bye"),
        masked(0x81, b"never looked at"),
    ];
    check(closing, &stream.concat(), &Outcome::new(&[closed(1000, "bye")], b"", Ok(State::Closed)));
    check(closing, &stream[..4].concat(), &Outcome::new(&[], b"", Ok(State::Closing)));
}

#[test]
fn after_our_close_the_rules_still_hold_but_no_second_close_is_sent() {
    use ProtocolError::*;
    for (stream, error) in [
        (unmasked(0x81, b"x"), UnmaskedClientFrame),
        (masked(0x80, b"x"), UnexpectedContinuation),
        ([masked(0x01, b"x"), masked(0x01, b"x")].concat(), InterruptedMessage),
        (masked(0xC1, b"x"), ReservedBits),
        (b"\x82\xFF\x00\x00\x00\x00\x00\x10\x00\x01\0\0\0\0".to_vec(), MessageTooBig),
    ] {
        check(closing, &stream, &Outcome::new(&[], b"", Err(error)));
    }
}

#[test]
fn closing_gives_up_the_unfinished_message_and_skips_the_rest_of_it() {
    let mut stream = [masked(0x01, &[b'x'; 1000]), masked(0x80, b"y"), masked(0x88, b"")].concat();
    for cut in [3, 8, 9, 500, 1007, 1008, 1012, 1014] {
        let mut server = server();
        let mut output = Vec::new();
        let mut copy = stream.clone();
        let (mut head, mut tail) = copy.split_at_mut(cut);
        assert_eq!(server.receive(&mut head, &mut output), Ok(None));
        assert_eq!(server.close(None, &mut output), Ok(()));
        assert_eq!(server.receive(&mut tail, &mut output), Ok(Some(Event::Close(None))));
        assert_eq!((&output[..], server.state()), (&b"\x88\x00"[..], State::Closed));
        assert_eq!(server.receive(&mut tail, &mut output), Ok(None));
        assert!(server.is_idle());
    }
    // Discarded payload is not kept.
    let mut server = closing();
    let mut input = &mut stream[..900];
    assert_eq!(server.receive(&mut input, &mut Vec::new()), Ok(None));
    assert!(server.buffered() < 300);
}

#[test]
fn a_ping_cut_by_our_close_does_not_mix_with_the_next_control_frame() {
    let mut stream = [masked(0x89, b"ping"), masked(0x88, b"\x03\xE8bye")].concat();
    let (mut ping_begins, rest) = stream.split_at_mut(8);
    let (mut close_begins, mut rest) = rest.split_at_mut(10);
    let mut server = server();
    let mut output = Vec::new();
    assert_eq!(server.receive(&mut ping_begins, &mut output), Ok(None));
    assert_eq!(server.close(None, &mut output), Ok(()));
    assert_eq!(server.receive(&mut close_begins, &mut output), Ok(None));
    assert_eq!(server.receive(&mut rest, &mut output), Ok(Some(closed(1000, "bye"))));
    assert_eq!(output, b"\x88\x00");
}

#[test]
fn a_close_cut_by_our_close_still_counts() {
    let stream = masked(0x88, b"\x03\xE8bye");
    for cut in 0..stream.len() {
        let mut server = server();
        let mut output = Vec::new();
        let mut copy = stream.clone();
        let (mut head, mut tail) = copy.split_at_mut(cut);
        assert_eq!(server.receive(&mut head, &mut output), Ok(None));
        assert_eq!(server.close(None, &mut output), Ok(()));
        assert_eq!(server.receive(&mut tail, &mut output), Ok(Some(closed(1000, "bye"))));
        assert_eq!(output, b"\x88\x00");
    }
}

#[test]
fn a_closed_connection_discards_all_input() {
    let mut server = server();
    let mut output = Vec::new();
    let mut stream = [&masked(0x81, b"before")[..], &masked(0x01, b"half"), b"\xFF", &masked(0x81, b"after")].concat();
    let mut input = &mut stream[..];
    assert_eq!(server.receive(&mut input, &mut output), Ok(Some(M(Text("before")))));
    assert_eq!(server.receive(&mut input, &mut output), Err(ProtocolError::ReservedBits));
    assert_eq!(server.state(), State::Closed);
    let sent = output.len();
    for mut more in [&mut [][..], &mut masked(0x89, b"x"), &mut [0xFF; 100]] {
        assert_eq!(server.receive(&mut more, &mut output), Ok(None));
        assert!(more.is_empty());
    }
    assert_eq!(output.len(), sent);
    assert!(server.is_idle());
}

#[test]
fn sends_one_close_only() {
    let mut server = server();
    let mut output = Vec::new();
    let frame = CloseFrame::new(CloseCode::GOING_AWAY, "x".repeat(200));
    assert_eq!(server.close(Some(&frame), &mut output), Ok(()));
    assert_eq!(output, unmasked(0x88, &[b"\x03\xE9", &[b'x'; 123][..]].concat()));
    let sent = output.len();
    assert_eq!(server.close(None, &mut output), Ok(()));
    assert_eq!(server.close(Some(&frame), &mut output), Ok(()));
    assert_eq!((output.len(), server.state()), (sent, State::Closing));
}

#[test]
fn refuses_to_send_a_code_that_may_not_be_sent() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map(CloseCode) {
        let mut server = server();
        let mut output = Vec::new();
        let refused = server.close(Some(&CloseFrame::new(code, "")), &mut output);
        assert_eq!(refused, Err(ControlError::CloseCode(code)));
        assert_eq!((output.len(), server.state()), (0, State::Open));
    }
}
