//! Water marks, and the most that a connection may be owed.

use super::*;
use crate::server::types::id::TopicKey;

fn config() -> Config {
    Config { low_water: 50, high_water: 100, max_queue: 200, ..Config::default() }
}

#[test]
fn the_high_water_mark_pauses_and_the_low_one_resumes_and_is_reported_once() {
    let env = env(config());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
    let send = |output: &mut Output, socket: &mut FakeSocket, len| {
        let sent = output.send(socket, &[Part::Frames(&frame(len, b'a'))], Input::Slice(&[]), &env).unwrap();
        assert_eq!(sent, Sent::Queued);
    };
    send(&mut output, &mut socket, 100);
    assert!(!output.is_paused(), "100 bytes are not above the mark");
    send(&mut output, &mut socket, 2);
    assert!(output.is_paused());
    assert!(!output.settle(&env));
    // Below the high mark it is still paused, and going above it again changes nothing.
    socket.room = 20;
    output.flush(&mut socket, &mut Tick(0), &env).unwrap();
    send(&mut output, &mut socket, 100);
    while output.len() > 51 {
        socket.room = 1;
        output.flush(&mut socket, &mut Tick(0), &env).unwrap();
        assert!(!output.settle(&env) && output.is_paused(), "{} bytes are owed", output.len());
    }
    socket.room = 1;
    output.flush(&mut socket, &mut Tick(0), &env).unwrap();
    assert_eq!(output.len(), 50);
    assert!(output.settle(&env), "drained");
    assert!(!output.is_paused());
    assert!(!output.settle(&env), "drained is reported once");
}

#[test]
fn a_queue_that_stays_below_the_high_water_mark_is_never_reported_as_drained() {
    let env = env(config());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
    for _ in 0..2 {
        output.send_always(&mut socket, &frame(50, b'a'), &env).unwrap();
    }
    assert_eq!(output.len(), 100);
    socket.room = 100;
    output.flush(&mut socket, &mut Tick(0), &env).unwrap();
    assert!(!output.settle(&env));
}

#[test]
fn a_connection_that_leaves_is_no_longer_paused() {
    let env = env(config());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
    output.send_always(&mut socket, &frame(101, b'a'), &env).unwrap();
    output.stop_pausing();
    assert!(!output.is_paused());
    socket.room = 101;
    output.flush(&mut socket, &mut Tick(0), &env).unwrap();
    assert_eq!(output.len(), 0);
    assert!(!output.settle(&env), "its handler is not told that it has drained");
    assert!(output.0.is_none());
}

#[test]
fn frames_are_too_much_beyond_the_longest_queue_but_one_frame_of_any_size_is_taken_below_high_water() {
    use Sent::{Queued, TooMuch};
    // (bytes owed before, bytes that the socket accepts, lengths of the frames, outcome)
    let cases: [(usize, usize, &[usize], Sent); 14] = [
        (0, 0, &[1000], Queued),
        (100, 0, &[1000], Queued),
        (101, 0, &[1000], TooMuch),
        (101, 0, &[99], Queued),
        (101, 0, &[100], TooMuch),
        (101, 0, &[49, 50], Queued),
        (101, 0, &[50, 50], TooMuch),
        // The frames before the last one are owed when it comes.
        (0, 0, &[100, 1000], Queued),
        (0, 0, &[101, 1000], TooMuch),
        (0, 0, &[60, 40, 1000], Queued),
        (0, 0, &[60, 41, 1000], TooMuch),
        // Bytes that the socket has accepted are not owed.
        (0, 1, &[101, 1000], Queued),
        (0, 900, &[1000, 100], Queued),
        (0, 899, &[1000, 100], TooMuch),
    ];
    for (owed, room, lens, outcome) in cases {
        let env = env(config());
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
        let mut all = Vec::new();
        if owed > 0 {
            all = frame(owed, b'o');
            output.send_always(&mut socket, &all, &env).unwrap();
        }
        socket.room = room;
        let frames: Vec<Vec<u8>> = lens.iter().map(|&len| frame(len, b'a')).collect();
        let parts: Vec<Part<'_>> = frames.iter().map(|bytes| Part::Frames(bytes)).collect();
        let sent = output.send(&mut socket, &parts, Input::Slice(&[]), &env).unwrap();
        let joined = frames.concat();
        assert_eq!(sent, outcome, "{owed} owed, {room} accepted, {lens:?}");
        // They are queued all the same.
        all.extend(&joined);
        assert!(flush_all(&mut output, &mut socket, &env) == all, "{owed} owed, {lens:?}");
    }
}

#[test]
fn control_frames_leave_however_much_is_owed() {
    let env = env(config());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
    output.send_always(&mut socket, &frame(1000, b'a'), &env).unwrap();
    output.send_always(&mut socket, b"\x88\x00", &env).unwrap();
    assert!(flush_all(&mut output, &mut socket, &env).ends_with(b"\x88\x00"));
}

#[test]
fn dropping_unsent_frames_leaves_whole_frames_on_the_wire() {
    let frames = [frame(10, b'a'), frame(130, b'b'), frame(5000, b'c'), frame(7, b'd')];
    let all = frames.concat();
    let boundaries = [0, 10, 140, 5140, 5147];
    let shared = Rc::new(SharedBytes::new(all.clone()));
    let rooms = (0..300).chain(5100..=all.len());
    for room in rooms {
        for way in ["one by one", "one send", "payload in place", "posts", "always"] {
            let env = env(Config::default());
            let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
            let parts = [Part::Frames(&all[..144]), Part::Payload(&all[144..5140], 144), Part::Frames(&all[5140..])];
            let slice = Input::Slice(&[]);
            match way {
                "one by one" => frames.iter().for_each(|bytes| {
                    let _ = output.send(&mut socket, &[Part::Frames(bytes)], slice, &env).unwrap();
                }),
                "one send" => drop(output.send(&mut socket, &[Part::Frames(&all)], slice, &env).unwrap()),
                "payload in place" => drop(output.send(&mut socket, &parts, Input::Shared(&shared), &env).unwrap()),
                "posts" => {
                    let share = Share::new(&shared, 0..all.len(), 5140, TopicKey(0));
                    let _ = output.send_posts(&mut socket, &share, &env).unwrap();
                }
                _ => output.send_always(&mut socket, &all, &env).unwrap(),
            }
            output.drop_unsent_frames();
            let end = boundaries.into_iter().find(|end| *end >= room).unwrap();
            let wire = flush_all(&mut output, &mut socket, &env);
            assert!(wire == all[..end], "{way}, {room} accepted: {} on the wire, not {end}", wire.len());
        }
    }
}

#[test]
fn a_response_that_is_held_is_not_dropped_with_the_frames_behind_it() {
    let env = env(Config::default());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(usize::MAX));
    output.hold(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", &env);
    output.send_always(&mut socket, &frame(10, b'a'), &env).unwrap();
    output.drop_unsent_frames();
    assert!(flush_all(&mut output, &mut socket, &env) == b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
}
