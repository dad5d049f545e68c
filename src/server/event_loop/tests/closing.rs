//! The closing handshake, and the ends that come without one.

use super::*;

/// Echoes, and closes on `close`.
fn closer() -> App {
    App::new(|ctx, call| match call {
        Call::Message(Message::Text("close")) => ctx.close(CloseFrame::normal("bye")),
        Call::Message(message) => ctx.send(message),
        _ => {}
    })
}

fn closed(code: u16) -> Frame {
    closed_for(code, "")
}

fn closed_for(code: u16, reason: &str) -> Frame {
    Frame::Close(code, reason.to_owned())
}

fn text(text: &str) -> Frame {
    Frame::Text(text.to_owned())
}

#[test]
fn the_peers_close_is_answered_and_the_connection_ends_at_once() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    client.calls();
    client.text("last");
    client.close(1000);
    bed.turn();
    assert_eq!(client.frames(), [text("last"), closed(1000)]);
    assert!(client.is_gone() && !client.is_reset());
    assert_eq!(bed.log(), ["open #0.0", "message #0.0", "close peer 1000 #0.0"]);
    bed.assert_empty();
}

#[test]
fn our_close_is_followed_by_nothing_and_ends_with_the_peers() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    client.text("a");
    client.text("close");
    client.text("too late");
    bed.settle();
    client.text("later still");
    client.ping(b"?");
    bed.settle();
    assert_eq!(client.frames(), [text("a"), Frame::Close(1000, "bye".to_owned())]);
    assert!(!client.is_ended(), "it waits for the peer's Close");
    client.close(1000);
    bed.settle();
    assert!(client.is_gone() && client.frames().is_empty());
    assert_eq!(bed.log()[3..], ["close local 1000 #0.0"]);
    bed.assert_empty();
}

#[test]
fn a_close_that_is_not_answered_within_five_seconds_ends_the_connection() {
    let mut bed = Bed::new(closer());
    let client = bed.open();
    client.text("close");
    bed.pass(Duration::from_millis(4900));
    assert!(!client.is_gone());
    bed.pass(Duration::from_millis(1200));
    assert!(client.is_gone());
    assert_eq!(bed.log()[2..], ["error close not answered in time #0.0", "close failed 1006 #0.0"]);
    bed.assert_empty();
}

#[test]
fn a_peer_that_ends_its_stream_after_our_close_is_not_an_error() {
    let mut bed = Bed::new(closer());
    let client = bed.open();
    client.text("close");
    bed.settle();
    client.finish();
    bed.settle();
    assert_eq!(bed.log()[2..], ["close local 1000 #0.0"]);
    bed.assert_empty();
}

#[test]
fn messages_before_a_broken_rule_are_answered_before_the_close() {
    for (bad, code, reason) in [
        (&[0x83, 0x80, 0, 0, 0, 0][..], 1002, "reserved opcode"),
        (b"\x81\x05Hello", 1002, "unmasked frame from a client"),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007, "text message that is not utf-8"),
        (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009, "message larger than the limit"),
    ] {
        let mut bed = Bed::new(closer());
        let mut client = bed.open();
        client.text("a");
        client.text("b");
        client.write(bad);
        client.text("not handled");
        bed.settle();
        assert_eq!(client.frames(), [text("a"), text("b"), closed_for(code, reason)]);
        assert!(client.is_ended());
        client.finish();
        bed.settle();
        assert_eq!(bed.log()[3..].len(), 2, "error and close");
        bed.assert_empty();
    }
}

#[test]
fn a_large_text_fails_at_its_first_bad_byte_while_it_is_received_directly() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    let mut payload = vec![b'x'; 500_000];
    payload[300_000] = 0xFF;
    let frame = masked(0x81, &payload);
    client.write(&frame[..400_000]);
    bed.settle();
    assert_eq!(client.frames(), [closed_for(1007, "text message that is not utf-8")]);
}

#[test]
fn a_stream_that_ends_anywhere_ends_the_connection_in_that_turn() {
    let bytes = [masked(0x81, b"whole"), masked(0x81, b"half")].concat();
    for sent in 0..bytes.len() {
        for together in [false, true] {
            let mut bed = Bed::new(closer());
            let mut client = bed.open();
            client.write(&bytes[..sent]);
            if !together {
                bed.settle();
            }
            client.finish();
            bed.turn();
            assert!(client.is_gone(), "after {sent} bytes, together: {together}");
            assert_eq!(client.frames(), if sent < 11 { vec![] } else { vec![text("whole")] });
            assert_eq!(bed.log().last().map(String::as_str), Some("close lost 1006 #0.0"));
            bed.assert_empty();
        }
    }
}

#[test]
fn all_that_came_with_the_end_of_the_stream_is_handled() {
    // More than a buffer, and more frames than a turn's budget.
    for (count, size) in [(1000, 3), (30, 10_000), (1, 300_000)] {
        let mut bed = Bed::new(closer());
        let mut client = bed.open();
        (0..count).for_each(|_| client.frame(0x82, &vec![1; size]));
        client.finish();
        bed.settle();
        assert_eq!(client.frames().len(), count);
        assert_eq!(bed.log().len(), count + 2);
        bed.assert_empty();
    }
}

#[test]
fn after_the_end_of_the_stream_what_is_owed_leaves_within_five_seconds() {
    for (takes, style) in [(true, Style::Epoll), (true, Style::Kqueue), (false, Style::Epoll)] {
        let mut bed = Bed::new(closer());
        bed.network.style(style);
        let mut client = bed.open();
        client.limit(3);
        client.frame(0x82, &[1; 1000]);
        client.finish();
        bed.settle();
        assert_eq!(bed.log()[2..], ["close lost 1006 #0.0"], "the handler hears at once");
        let turns = bed.pass(Duration::from_secs(4));
        assert!(turns < 10, "{turns} turns in 4 s");
        assert!(!client.is_gone());
        if takes {
            client.unlimit();
            bed.settle();
            assert_eq!(client.frames(), [Frame::Binary(vec![1; 1000])]);
            assert!(client.is_gone() && !client.is_reset());
        } else {
            bed.pass(Duration::from_secs(2));
            assert!(client.is_reset());
        }
        bed.assert_empty();
    }
}

#[test]
fn a_stream_that_ends_after_the_closing_handshake_still_gets_what_it_is_owed() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    client.limit(3);
    client.frame(0x82, &[1; 1000]);
    client.close(1000);
    bed.settle();
    client.finish();
    bed.settle();
    assert!(!client.is_gone());
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames(), [Frame::Binary(vec![1; 1000]), closed(1000)]);
    bed.assert_empty();
}

#[test]
fn a_reset_ends_the_connection_whatever_it_does() {
    for doing in ["idle", "half a frame", "half a large frame", "owed", "closing"] {
        let mut bed = Bed::new(closer());
        let client = bed.open();
        match doing {
            "half a frame" => client.write(&masked(0x81, b"half")[..7]),
            "half a large frame" => client.write(&masked(0x82, &[0; 200_000])[..100_000]),
            "owed" => {
                client.limit(0);
                client.text("a");
            }
            "closing" => client.text("close"),
            _ => {}
        }
        bed.settle();
        client.reset();
        bed.turn();
        assert!(client.is_gone(), "{doing}");
        let log = bed.log();
        assert_eq!(log.iter().filter(|line| line.starts_with("close")).count(), 1, "{doing}: {log:?}");
        bed.assert_empty();
    }
}

#[test]
fn after_a_refusal_what_the_peer_still_sends_is_discarded_for_a_second() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    client.write(b"\x81\x05Hello");
    bed.settle();
    assert_eq!(client.frames(), [closed_for(1002, "unmasked frame from a client")]);
    assert!(client.is_ended() && !client.is_gone());
    client.write(&[0; 200_000]);
    bed.settle();
    assert_eq!(client.unread(), 0);
    bed.pass(Duration::from_secs(2));
    assert!(client.is_gone() && !client.is_reset());
    bed.assert_empty();
}

#[test]
fn a_close_in_answer_needs_no_room_in_the_queue() {
    let config = Config { low_water: 100, high_water: 400, max_queue: 500, ..Config::default() };
    for end in [&masked(0x88, &1000u16.to_be_bytes()), &b"\x81\x05Hello"[..]] {
        let mut bed = Bed::with(config.clone(), closer());
        let mut client = bed.open();
        client.limit(0);
        client.write(&[&masked(0x82, &[1; 494]), end].concat());
        bed.settle();
        client.unlimit();
        bed.settle();
        let frames = client.frames();
        assert_eq!(frames[0], Frame::Binary(vec![1; 494]));
        assert!(matches!(frames[1..], [Frame::Close(1000 | 1002, _)]), "{frames:?}");
    }
}

#[test]
fn a_slow_consumer_that_closes_meanwhile_is_told_why_its_messages_do_not_come() {
    let config = Config { low_water: 100, high_water: 400, max_queue: 500, ..Config::default() };
    let mut bed = Bed::with(config, closer());
    let mut client = bed.open();
    client.limit(0);
    client.write(&[masked(0x82, &[1; 494]), masked(0x82, &[2; 494]), masked(0x88, &[])].concat());
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames(), [Frame::Close(1013, "slow consumer".to_owned())]);
}

#[test]
fn a_close_leaves_though_the_peer_is_owed_much() {
    let mut bed = Bed::new(closer());
    let mut client = bed.open();
    client.limit(0);
    (0..31).for_each(|_| client.frame(0x82, &[1; 8 * 1024]));
    client.text("close");
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames().last(), Some(&Frame::Close(1000, "bye".to_owned())));
    client.close(1000);
    bed.settle();
    bed.assert_empty();
}

#[test]
fn a_code_that_may_not_be_sent_becomes_a_close_without_one() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(_) = call {
            ctx.close(CloseFrame::new(CloseCode::ABNORMAL, ""));
        }
    }));
    let mut client = bed.open();
    client.text("close");
    bed.settle();
    assert_eq!(client.frames(), [closed(1005)]);
}
