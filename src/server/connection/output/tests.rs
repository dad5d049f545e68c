//! Outputs over a socket that accepts a number of bytes, without a loop.

mod marks;
mod slow;

use crate::server::types::id::TopicKey;
use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::protocol::{Opcode, encode_frame};
use crate::server::connection::testing::{FakeSocket, env, set_tick};
use crate::server::types::config::Config;
use crate::server::types::shared_bytes::SharedBytes;

/// A frame of `len` bytes, header included, with a payload of `fill`.
fn frame(len: usize, fill: u8) -> Vec<u8> {
    let header_len = if len <= 127 { 2 } else { 4 };
    let mut bytes = Vec::new();
    encode_frame(Opcode::Binary, &vec![fill; len - header_len], &mut bytes);
    assert_eq!(bytes.len(), len);
    bytes
}

/// The ways to send a frame of 5,000 bytes, which is long enough to be shared.
#[derive(Clone, Copy, Debug)]
enum Way {
    Frames,
    PayloadFromSlice,
    PayloadFromShared,
    Always,
    Response,
    Posts,
}

/// The outcome for frames that the socket accepted, or that are queued.
fn sent_of(output: &Output) -> Sent {
    if output.len() == 0 { Sent::All } else { Sent::Queued }
}

impl Way {
    const ALL: [Way; 6] =
        [Way::Frames, Way::PayloadFromSlice, Way::PayloadFromShared, Way::Always, Way::Response, Way::Posts];

    fn send(self, fill: u8, output: &mut Output, socket: &mut FakeSocket, env: &Env) -> io::Result<Vec<u8>> {
        let mut bytes = frame(5000, fill);
        bytes.iter_mut().skip(4).zip((0..250).cycle()).for_each(|(byte, at)| *byte ^= at);
        let shared = Rc::new(SharedBytes::new(bytes.clone()));
        let (header, payload) = bytes.split_at(4);
        let parts = [Part::Frames(header), Part::Payload(payload, 4)];
        let sent = match self {
            Way::Frames => output.send(socket, &[Part::Frames(&bytes)], Input::Slice(&[]), env)?,
            Way::PayloadFromSlice => output.send(socket, &parts, Input::Slice(&bytes), env)?,
            Way::PayloadFromShared => output.send(socket, &parts, Input::Shared(&shared), env)?,
            Way::Always => output.send_always(socket, &bytes, env).map(|()| sent_of(output))?,
            Way::Response => output.send_response(socket, &bytes, None, env).map(|()| sent_of(output))?,
            Way::Posts => output.send_posts(socket, &Share::new(&shared, 0..bytes.len(), 0, TopicKey(0)), env)?,
        };
        assert_eq!(sent, sent_of(output));
        Ok(bytes)
    }
}

/// Flushes until nothing is owed, and returns all that the socket got.
fn flush_all(output: &mut Output, socket: &mut FakeSocket, env: &Env) -> Vec<u8> {
    socket.room = usize::MAX;
    while output.flush(socket, &mut Tick(0), env).unwrap() == Flushed::Budget {}
    output.settle(env);
    assert_eq!(output.len(), 0);
    std::mem::take(&mut socket.sent)
}

#[test]
fn a_socket_that_accepts_all_bytes_leaves_nothing_queued_and_no_memory() {
    for way in Way::ALL {
        let env = env(Config::default());
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(usize::MAX));
        let bytes = way.send(b'a', &mut output, &mut socket, &env).unwrap();
        assert!(socket.sent == bytes, "{way:?}");
        assert_eq!(socket.writes, 1, "{way:?}");
        assert!(output.0.is_none(), "{way:?}");
        assert_eq!((env.memory(), output.held(), output.stalled_since()), (0, 0, None), "{way:?}");
    }
}

#[test]
fn the_rest_of_a_partial_write_is_queued_and_the_output_blocks() {
    for way in Way::ALL {
        for room in [0, 1, 3, 4, 5, 100, 904, 2500, 4999] {
            let env = env(Config::default());
            let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
            let bytes = way.send(b'a', &mut output, &mut socket, &env).unwrap();
            assert_eq!((socket.writes, socket.sent.len(), output.len()), (1, room, 5000 - room), "{way:?}");
            assert!(output.is_blocked(), "{way:?}, {room}");
            assert!(env.memory() > 0, "{way:?}, {room}");
            assert!(flush_all(&mut output, &mut socket, &env) == bytes, "{way:?}, {room}");
            assert!(output.0.is_none() && env.memory() == 0, "{way:?}, {room}");
        }
    }
}

#[test]
fn nothing_is_written_past_a_queue() {
    for first in Way::ALL {
        for second in Way::ALL {
            let env = env(Config::default());
            let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(3));
            let mut bytes = first.send(b'a', &mut output, &mut socket, &env).unwrap();
            socket.room = usize::MAX;
            bytes.extend(second.send(b'b', &mut output, &mut socket, &env).unwrap());
            assert_eq!(socket.writes, 1, "{first:?}, {second:?}");
            assert!(flush_all(&mut output, &mut socket, &env) == bytes, "{first:?}, {second:?}");
        }
    }
}

#[test]
fn a_response_with_a_shared_body_leaves_in_one_write_with_the_frames_behind_it() {
    let bytes: Arc<[u8]> = (0..300_000).map(|at| (at % 251) as u8).collect();
    for range in [0..300_000, 0..1, 1000..250_000, 299_999..300_000] {
        let env = env(Config::default());
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(usize::MAX));
        let body = SharedBody { bytes: Arc::clone(&bytes), range: range.clone() };
        output.send_response(&mut socket, b"head", Some(&body), &env).unwrap();
        assert_eq!(Arc::strong_count(&bytes), 3);
        assert!(output.held() < 10_000, "the body is not copied");
        output.hold(b"next", &env);
        assert_eq!(socket.writes, 0);
        assert!(flush_all(&mut output, &mut socket, &env) == [b"head", &bytes[range], b"next"].concat());
        assert!(output.0.is_none());
        assert_eq!(Arc::strong_count(&bytes), 2);
    }
}

#[test]
fn memory_is_given_back_when_the_queue_is_sent_or_cleared_or_dropped() {
    type End = fn(Output, &Env);
    let ends: [(&str, End); 4] = [
        ("sent", |mut output, env| drop(flush_all(&mut output, &mut FakeSocket::default(), env))),
        ("cleared", |mut output, _| output.clear()),
        ("dropped", |output, _| drop(output)),
        ("unsent frames dropped", |mut output, env| {
            output.drop_unsent_frames();
            assert_eq!((output.len(), env.held.get()), (0, 0));
        }),
    ];
    for (name, end) in ends {
        for way in [Way::Frames, Way::PayloadFromShared, Way::Posts] {
            let env = env(Config::default());
            let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(0));
            way.send(b'a', &mut output, &mut socket, &env).unwrap();
            assert_eq!(env.held.get(), output.held(), "{name}, {way:?}");
            assert!(env.memory() >= 4996, "{name}, {way:?}: {}", env.memory());
            end(output, &env);
            assert_eq!(env.memory(), 0, "{name}, {way:?}");
        }
    }
}

#[test]
fn a_pong_that_is_kept_replaces_an_older_one_and_leaves_at_the_next_flush() {
    let env = env(Config::default());
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(2));
    let text = frame(10, b'a');
    let parts = [Part::Frames(&text[..])];
    let _ = output.send(&mut socket, &parts, Input::Slice(&[]), &env).unwrap();
    for pong in [b"\x8A\x01a", b"\x8A\x01b"] {
        output.keep_pong(pong, &env);
        assert!(output.has_pong());
    }
    assert_eq!(output.len(), 8, "a Pong that is kept is not owed");
    assert_eq!(output.flush(&mut socket, &mut Tick(0), &env).unwrap(), Flushed::Done);
    assert!(!output.has_pong());
    let _ = output.send(&mut socket, &parts, Input::Slice(&[]), &env).unwrap();
    assert_eq!(flush_all(&mut output, &mut socket, &env), [&text, &b"\x8A\x01b"[..], &text].concat());
}

#[test]
fn a_pong_that_is_kept_can_be_taken_and_ends_with_the_pauses() {
    let env = env(Config::default());
    let mut output = Output::default();
    output.keep_pong(b"\x8A\x01a", &env);
    output.settle(&env);
    assert_eq!(output.take_pong().as_deref(), Some(&b"\x8A\x01a"[..]));
    assert_eq!(output.take_pong(), None);
    output.keep_pong(b"\x8A\x01b", &env);
    output.stop_pausing();
    assert!(output.0.is_none());
}

#[test]
fn a_flush_sends_no_more_than_its_budget() {
    use Flushed::{Budget, Done};
    let cases: [(usize, &[(Flushed, usize)]); 4] = [
        (1000, &[(Done, 1000)]),
        (BUDGET, &[(Done, BUDGET)]),
        (BUDGET + 1, &[(Budget, BUDGET), (Done, 1)]),
        (2 * BUDGET + 500, &[(Budget, BUDGET), (Budget, BUDGET), (Done, 500)]),
    ];
    for (len, expected) in cases {
        let env = env(Config::default());
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(usize::MAX));
        // More pieces than one write takes.
        let piece = vec![b'a'; 500];
        for at in (0..len).step_by(piece.len()) {
            output.hold(&piece[..piece.len().min(len - at)], &env);
        }
        for &(outcome, sent) in expected {
            assert_eq!(output.flush(&mut socket, &mut Tick(0), &env).unwrap(), outcome, "{len}");
            assert_eq!(std::mem::take(&mut socket.sent).len(), sent, "{len}");
        }
        assert_eq!(output.len(), 0);
    }
}

#[test]
fn only_a_byte_that_the_peer_accepts_moves_the_beginning_of_a_stall() {
    let mut env = env(Config::default());
    let (mut output, mut socket, mut alive) = (Output::default(), FakeSocket::with_room(1), Tick(7));
    let bytes = frame(50, b'a');
    let send = |output: &mut Output, socket: &mut FakeSocket, env: &Env| {
        output.send(socket, &[Part::Frames(&bytes)], Input::Slice(&[]), env).unwrap()
    };
    set_tick(&mut env, 1000);
    let _ = send(&mut output, &mut socket, &env);
    assert_eq!(output.stalled_since(), Some(Tick(1000)));
    // (time, bytes that the peer accepts, the stall's beginning, when the peer was last alive)
    let steps = [
        (2000, 0, Some(1000), 7),
        (3000, 1, Some(3000), 3000),
        (4000, 0, Some(3000), 3000),
        (5000, 97, Some(5000), 5000),
        (6000, 1, None, 6000),
    ];
    let _ = send(&mut output, &mut socket, &env);
    for (tick, room, stalled, heard) in steps {
        set_tick(&mut env, tick);
        socket.room = room;
        output.flush(&mut socket, &mut alive, &env).unwrap();
        assert_eq!((output.stalled_since(), alive), (stalled.map(Tick), Tick(heard)), "at {tick}");
        assert_eq!(output.is_blocked(), stalled.is_some(), "at {tick}");
    }
    // The time of the next queue begins with it.
    set_tick(&mut env, 9000);
    let _ = send(&mut output, &mut socket, &env);
    assert_eq!(output.stalled_since(), Some(Tick(9000)));
}

#[test]
fn a_failed_socket_makes_every_write_fail() {
    let env = env(Config::default());
    for way in Way::ALL {
        let mut socket = FakeSocket { broken: true, ..FakeSocket::default() };
        assert!(way.send(b'a', &mut Output::default(), &mut socket, &env).is_err(), "{way:?}");
    }
    let mut output = Output::default();
    output.hold(b"bytes", &env);
    let mut socket = FakeSocket { broken: true, ..FakeSocket::default() };
    assert!(output.flush(&mut socket, &mut Tick(0), &env).is_err());
}

#[test]
fn an_output_in_the_list_of_those_to_flush_is_kept_until_it_leaves_the_list() {
    let env = env(Config::default());
    let mut output = Output::default();
    assert!(!output.set_listed(true), "nothing is owed");
    output.hold(b"bytes", &env);
    assert_eq!([true, true].map(|is_listed| output.set_listed(is_listed)), [true, false]);
    flush_all(&mut output, &mut FakeSocket::default(), &env);
    assert!(output.is_listed());
    assert!(output.set_listed(false));
    output.shrink();
    assert!(output.0.is_none());
}
