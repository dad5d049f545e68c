//! Who sends as fast as it can does not keep others waiting for ever. How long they wait is `benches/fairness.rs`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use sockhop::{Context, Handler, Message};

use crate::common::raw::{self, BINARY, FIN, PING, TEXT};
use crate::common::{Echo, TestServer};

/// Answers text and swallows the rest, so that a flood never has to wait for its own echoes.
struct Sink;

impl Handler for Sink {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if let Message::Text(_) = message {
            ctx.send(message);
        }
    }
}

/// Frames that were sent, at least before the test is over.
const FLOOD: u64 = 2000;

/// Sends `frames`, which are many, over and over until it is over; reads and discards what is answered.
fn flood(stream: TcpStream, frames: &[u8], sent: &AtomicU64, over: &AtomicBool) {
    let mut reader = stream.try_clone().unwrap();
    let mut writer = stream;
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        // Bounded, should the bystander never be answered.
        for _ in 0..1_000_000 {
            if over.load(Ordering::Relaxed) {
                break;
            }
            writer.write_all(frames).unwrap();
            sent.fetch_add(1, Ordering::Relaxed);
        }
        writer.shutdown(std::net::Shutdown::Both).unwrap();
    });
}

/// Has two clients flood the server while a bystander wants its echoes.
fn check(server: &TestServer, frames: Vec<u8>) {
    let (sent, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut bystander = raw::open(server.addr(), "/");
    thread::scope(|scope| {
        for _ in 0..2 {
            let stream = raw::open(server.addr(), "/");
            scope.spawn(|| flood(stream, &frames, &sent, &over));
        }
        let mut answered = 0;
        while sent.load(Ordering::Relaxed) < FLOOD || answered < 20 {
            let text = format!("bystander {answered}");
            bystander.write_all(&raw::text(&text)).unwrap();
            assert_eq!(raw::read_text(&mut bystander), text);
            answered += 1;
        }
        // The flood has not ended by itself: it went on all the time.
        let so_far = sent.load(Ordering::Relaxed);
        while sent.load(Ordering::Relaxed) == so_far {
            thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_bystander_is_answered_while_others_send_large_frames() {
    check(&TestServer::serve(Sink), raw::frame(FIN | BINARY, &[7; 64 * 1024]));
}

#[test]
fn a_bystander_is_answered_while_others_have_large_frames_echoed() {
    check(&TestServer::serve(Echo), raw::frame(FIN | BINARY, &[7; 64 * 1024]));
}

#[test]
fn a_bystander_is_answered_while_others_send_small_frames() {
    check(&TestServer::serve(Echo), raw::frame(FIN | TEXT, b"x").repeat(500));
}

#[test]
fn a_bystander_is_answered_while_others_ping() {
    check(&TestServer::serve(Echo), raw::frame(FIN | PING, b"x").repeat(500));
}

#[test]
fn a_bystander_is_answered_while_others_send_empty_fragments() {
    // One message for ever would be 1008: each repetition ends one.
    let fragments = [raw::frame(BINARY, b""), raw::frame(0, b"").repeat(498), raw::frame(FIN, b"")];
    check(&TestServer::serve(Sink), fragments.concat());
}
