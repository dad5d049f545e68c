use std::slice;

use super::*;
use crate::protocol::{
    CloseCode,
    testing::{KEY, Outcome, Path, Random, check, feed, masked, unmasked},
};

mod closing;
mod large;
mod rules;
mod sending;

use Event::{Message as M, Ping, Pong};
use Message::{Binary, Text};

fn server() -> Connection {
    Connection::server(Limits::default())
}

fn client() -> Connection<Client<impl FnMut() -> [u8; 4]>> {
    Connection::client(Limits::default(), || KEY)
}

/// The Close frame with which a server fails the connection.
fn failing_close(error: ProtocolError) -> Vec<u8> {
    unmasked(0x88, &[&error.close_code().0.to_be_bytes(), error.to_string().as_bytes()].concat())
}

/// The outcome of `events` and then a broken rule, at a server.
fn failed(events: &[Event<'_>], error: ProtocolError) -> Outcome {
    Outcome::new(events, &failing_close(error), Err(error))
}

#[test]
fn takes_no_more_frames_than_allowed_of_any_kind() {
    let fragments = [&masked(0x01, b"a")[..], &masked(0x00, b""), &masked(0x80, b"b")].concat();
    let mut stream = [masked(0x8A, b""), fragments, masked(0x81, b"c"), masked(0x82, b"d")].concat();
    let (mut server, mut output, mut events) = (server(), Vec::new(), Vec::new());
    let mut input = &mut stream[..];
    for round in 0..3 {
        let mut allowance = Allowance { frames: 2, lend: &mut || None, contexts: None };
        while let Ok(Some(event)) = server.receive_with(&mut input, &mut output, &mut allowance) {
            events.push(format!("{event:?}"));
        }
        assert_eq!((allowance.frames, input.is_empty()), (0, round == 2));
    }
    assert_eq!(events, ["Pong([])", "Message(Text(\"ab\"))", "Message(Text(\"c\"))", "Message(Binary([100]))"]);
}

#[test]
fn counts_the_payload_received_of_an_unfinished_message() {
    let stream = [masked(0x01, b"abc"), masked(0x80, b"de")].concat();
    let mut server = server();
    let mut counts = Vec::new();
    for mut byte in stream {
        let is_over = matches!(server.receive(&mut slice::from_mut(&mut byte), &mut Vec::new()), Ok(Some(_)));
        counts.push(server.unfinished());
        assert_eq!(is_over, server.unfinished().is_none());
    }
    let received = [0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 4];
    assert_eq!(counts, received.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
}

#[test]
fn an_idle_connection_takes_24_bytes_and_no_heap_block() {
    assert_eq!(size_of::<Connection<Server>>(), 24);
    assert_eq!(size_of::<Option<Connection<Server>>>(), 24);
    let mut server = server();
    let mut output = Vec::new();
    assert!(server.is_idle() && server.buffered() == 0);
    // Something is kept of each of these while it is incomplete, and nothing afterwards.
    for mut stream in [
        masked(0x81, b"a message"),
        [masked(0x01, b"a fragmented "), masked(0x80, b"message")].concat(),
        masked(0x89, b"a ping"),
        [masked(0x02, b""), masked(0x00, b""), masked(0x80, b"")].concat(),
    ] {
        let last = stream.len() - 1;
        let (mut head, mut tail) = stream.split_at_mut(last);
        while server.receive(&mut head, &mut output).expect("no error").is_some() {}
        assert!(!server.is_idle() && server.buffered() > 0);
        assert!(server.receive(&mut tail, &mut output).expect("no error").is_some());
        assert_eq!(server.receive(&mut tail, &mut output), Ok(None));
        assert!(server.is_idle() && server.buffered() == 0);
    }
}

#[test]
fn counts_the_held_memory_by_capacity() {
    let mut server = server();
    let mut output = Vec::new();
    let mut held = 0;
    // An incomplete header, message and control payload are each counted on top of the box that holds them.
    for (mut stream, more) in [
        (masked(0x02, &[b'x'; 2000])[..3].to_vec(), 1),
        (masked(0x02, &[b'x'; 2000])[3..].to_vec(), 2000),
        (masked(0x89, &[b'x'; 125])[..100].to_vec(), 94),
    ] {
        assert_eq!(server.receive(&mut &mut stream[..], &mut output), Ok(None));
        assert!(server.buffered() >= held + more, "{} held", server.buffered());
        held = server.buffered();
    }
    assert!(held < 2 * 2100 + 300);
}

#[test]
fn neither_copies_nor_keeps_a_message_that_lies_whole_in_the_input() {
    for payload_len in [0, 125, 126, 65_535, 65_536, 200_000] {
        let mut server = server();
        let mut stream = masked(0x82, &vec![7; payload_len]);
        let place = stream.as_ptr_range();
        let mut input = &mut stream[..];
        let Ok(Some(M(Binary(payload)))) = server.receive(&mut input, &mut Vec::new()) else { panic!("no message") };
        assert_eq!(payload, vec![7; payload_len]);
        assert!(place.contains(&payload.as_ptr()) || payload.is_empty() && payload.as_ptr() == place.end);
        assert!(server.is_idle());
    }
}

#[test]
fn does_not_copy_a_whole_message_after_a_split_one_either() {
    let mut server = server();
    let mut output = Vec::new();
    let mut first = masked(0x81, b"split");
    let (mut head, mut tail) = first.split_at_mut(8);
    assert_eq!(server.receive(&mut head, &mut output), Ok(None));
    assert_eq!(server.receive(&mut tail, &mut output), Ok(Some(M(Text("split")))));
    let mut second = masked(0x81, b"whole");
    let place = second.as_ptr_range();
    let mut input = &mut second[..];
    let Ok(Some(M(Text(text)))) = server.receive(&mut input, &mut output) else { panic!("no message") };
    assert!(text == "whole" && place.contains(&text.as_ptr()));
    assert!(server.is_idle());
}

#[test]
fn takes_only_the_bytes_of_one_event() {
    let mut server = server();
    let mut output = Vec::new();
    let mut stream = [masked(0x81, b"a"), masked(0x89, b"b"), masked(0x82, b"c")].concat();
    let mut input = &mut stream[..];
    assert_eq!(server.receive(&mut input, &mut output), Ok(Some(M(Text("a")))));
    assert_eq!((input.len(), output.len()), (14, 0));
    assert_eq!(server.receive(&mut input, &mut output), Ok(Some(Ping(b"b"))));
    assert_eq!((input.len(), &output[..]), (7, &b"\x8A\x01b"[..]));
    assert_eq!(server.receive(&mut input, &mut output), Ok(Some(M(Binary(b"c")))));
    assert_eq!(server.receive(&mut input, &mut output), Ok(None));
}

#[test]
fn random_frames_give_the_same_events_however_they_are_cut() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut stream = Vec::new();
        for _ in 0..random.below(8) {
            let first = random.pick(b"\x81\x81\x82\x01\x02\x00\x00\x80\x80\x89\x8A\x88\xC1\x83");
            let len = random.below(12);
            let payload: Vec<u8> = (0..len).map(|_| random.pick(b"ab\x03\xE8\xC3\xA9\xF0\x9F")).collect();
            let frame = if random.below(30) == 0 { unmasked(first, &payload) } else { masked(first, &payload) };
            stream.extend(frame);
        }
        // Sometimes one bit is flipped.
        if !stream.is_empty() && random.below(4) == 0 {
            let place = random.below(stream.len());
            stream[place] ^= 1 << random.below(8);
        }
        let whole = feed(&mut server(), &stream, Path::Input, || stream.len());
        check(server, &stream, &whole);
    }
}
