//! Messages of every shape come back as they went.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use crate::common::raw::{self, BINARY, CONTINUATION, FIN, PING, PONG, TEXT};
use crate::common::{ClientMessage, Echo, PATIENCE, TestServer, bind, noise};

/// Bytes of the largest message that the default configuration takes.
const LIMIT: usize = 1024 * 1024;

#[test]
fn echoes_text_and_binary_of_every_length() {
    let server = TestServer::serve(Echo);
    let mut client = server.connect("/");
    for len in [0, 1, 2, 125, 126, 127, 4096, 32_767, 32_768, 65_535, 65_536, 65_537, 300_000, LIMIT - 1, LIMIT] {
        let binary = ClientMessage::binary(noise(len as u64, len));
        // Characters of one to four bytes, up to exactly that length.
        let mut text: String = "aé€😀".chars().cycle().take(len / 3).collect();
        while text.len() > len {
            text.pop();
        }
        text.extend(std::iter::repeat_n('x', len - text.len()));
        for message in [binary, ClientMessage::text(text)] {
            client.send(message.clone()).unwrap();
            assert!(client.read().unwrap() == message, "a message of {len} bytes came back changed");
        }
    }
}

#[test]
fn answers_messages_in_the_order_in_which_they_came() {
    let server = TestServer::serve(Echo);
    let mut stream = raw::open(server.addr(), "/");
    let mut reader = stream.try_clone().unwrap();
    // More than the frames and the bytes that one connection may have in a turn.
    let texts: Vec<String> = (0..5000).map(|i| format!("{i} {}", "x".repeat(i % 300))).collect();
    let bytes: Vec<u8> = texts.iter().flat_map(|text| raw::text(text)).collect();
    let writer = thread::spawn(move || stream.write_all(&bytes).unwrap());
    for text in &texts {
        assert_eq!(raw::read_text(&mut reader), *text);
    }
    writer.join().unwrap();
}

#[test]
fn puts_fragments_together_and_answers_control_frames_between_them() {
    let server = TestServer::serve(Echo);
    let mut stream = raw::open(server.addr(), "/");
    let euro = "€".as_bytes();
    let bytes = [
        raw::frame(TEXT, b"one "),
        raw::frame(FIN | PING, b"between"),
        // A character in two fragments, and a fragment without a byte.
        raw::frame(CONTINUATION, &euro[..1]),
        raw::frame(CONTINUATION, b""),
        raw::frame(FIN | PONG, b"unasked"),
        raw::frame(CONTINUATION, &euro[1..]),
        raw::frame(FIN | CONTINUATION, b""),
        raw::frame(BINARY, &[1; 70_000]),
        raw::frame(FIN | CONTINUATION, &[2; 70_000]),
    ];
    stream.write_all(&bytes.concat()).unwrap();
    assert_eq!(raw::read_frame(&mut stream), (FIN | PONG, b"between".to_vec()));
    assert_eq!(raw::read_text(&mut stream), "one €");
    let (first, payload) = raw::read_frame(&mut stream);
    assert_eq!(first, FIN | BINARY);
    assert!(payload == [vec![1; 70_000], vec![2; 70_000]].concat());
}

#[test]
fn takes_a_handshake_and_messages_byte_by_byte() {
    let server = TestServer::serve(Echo);
    let mut stream = server.tcp();
    let head = format!("{}\r\n", raw::request("/"));
    for byte in head.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    raw::read_101(&mut stream);
    for byte in [raw::text("slow"), raw::frame(FIN | BINARY, &[7; 300]), raw::frame(FIN | PING, b"p")].concat() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(raw::read_text(&mut stream), "slow");
    assert_eq!(raw::read_frame(&mut stream), (FIN | BINARY, vec![7; 300]));
    assert_eq!(raw::read_frame(&mut stream), (FIN | PONG, b"p".to_vec()));
}

#[test]
fn handles_frames_that_lie_right_behind_the_request() {
    let server = TestServer::serve(Echo);
    let mut stream = server.tcp();
    let large = noise(1, 200_000);
    let head = format!("{}\r\n", raw::request("/"));
    let frames = [raw::text("first"), raw::frame(FIN | BINARY, &large), raw::frame(FIN | PING, b"!")];
    stream.write_all(&[head.as_bytes(), &frames.concat()].concat()).unwrap();
    raw::read_101(&mut stream);
    assert_eq!(raw::read_text(&mut stream), "first");
    assert!(raw::read_frame(&mut stream) == (FIN | BINARY, large));
    assert_eq!(raw::read_frame(&mut stream), (FIN | PONG, b"!".to_vec()));
}

#[test]
fn a_client_that_reads_late_loses_nothing() {
    let server = TestServer::serve(Echo);
    // Replies that are copied, that are sent from where the message lies, and that are sent from a buffer of their own.
    for len in [4000, 40_000, LIMIT] {
        let stream = raw::open(server.addr(), "/");
        let mut reader = stream.try_clone().unwrap();
        let (stuck, is_stuck) = mpsc::channel();
        let writer = thread::spawn(move || send_until_stuck_and_on(stream, len, &stuck));
        is_stuck.recv_timeout(PATIENCE).expect("the server stops reading when its replies are not read");
        let mut count = 0;
        while reader.peek(&mut [0]).unwrap() > 0 {
            let (first, payload) = raw::read_frame(&mut reader);
            assert!(
                first == FIN | BINARY && payload == noise(count, len),
                "message {count} of {len} came back changed"
            );
            count += 1;
        }
        assert_eq!(count, writer.join().unwrap(), "the end comes behind the last message");
    }
}

/// Sends messages until all buffers on the way there and back are full and the server has stopped reading, says so, and
/// sends ten more. Returns how many they are in all.
fn send_until_stuck_and_on(mut stream: TcpStream, len: usize, stuck: &Sender<()>) -> u64 {
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut more = None;
    for i in 0.. {
        let frame = raw::frame(FIN | BINARY, &noise(i, len));
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if more.is_none() {
                        stuck.send(()).unwrap();
                        more = Some(i + 10);
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        if more == Some(i) {
            stream.shutdown(Shutdown::Write).unwrap();
            return i + 1;
        }
    }
    unreachable!("buffers are not endless")
}

#[test]
fn a_client_that_sends_and_ends_its_side_at_once_is_answered() {
    let server = TestServer::serve(Echo);
    for n in [1, 3, 600] {
        let mut stream = raw::open(server.addr(), "/");
        stream.write_all(&raw::text("last words").repeat(n)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        for _ in 0..n {
            assert_eq!(raw::read_text(&mut stream), "last words");
        }
        assert_eq!(raw::read_rest(&mut stream), b"");
    }
}

#[test]
fn mounts_have_handlers_of_their_own() {
    let server = TestServer::run(
        bind().mount("/a", Echo).mount("/b/*", crate::app::Tagged("b")).mount("/*", crate::app::Tagged("all")),
    );
    for (path, answer) in [
        ("/a", "hi"),
        ("/a?x=1", "hi"),
        ("/b", "b /b: hi"),
        ("/b/c/d", "b /b/c/d: hi"),
        ("/bc", "all /bc: hi"),
        ("/", "all /: hi"),
    ] {
        let mut client = server.connect(path);
        client.send(ClientMessage::text("hi")).unwrap();
        assert_eq!(crate::common::read_text(&mut client), answer);
    }
}
