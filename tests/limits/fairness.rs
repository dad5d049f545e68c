//! A client that sends as fast as it can does not keep others waiting for ever.
//! `benches/fairness` measures how long they wait.

use std::io::Write;
use std::thread;

use crate::common::flood::{Flood, Sink};
use crate::common::raw::{self, BINARY, FIN, PING, TEXT};
use crate::common::{Echo, TestServer};

/// How often the floods' frames are sent, at least, before the test is over.
const ENOUGH: u64 = 2000;

/// Has two clients flood the server while a bystander wants its echoes.
fn check(server: &TestServer, frames: Vec<u8>) {
    let flood = Flood::default();
    let mut bystander = raw::open(server.addr(), "/");
    thread::scope(|scope| {
        let _until_then = flood.until_dropped();
        for _ in 0..2 {
            let stream = raw::open(server.addr(), "/");
            scope.spawn(|| flood.run(stream, &frames));
        }
        let mut answered = 0;
        while flood.sent() < ENOUGH || answered < 20 {
            let text = format!("bystander {answered}");
            bystander.write_all(&raw::text(&text)).unwrap();
            assert_eq!(raw::read_text(&mut bystander), text);
            answered += 1;
        }
        // The floods have not ended by themselves: they went on all the time.
        let so_far = flood.sent();
        while flood.sent() == so_far {
            thread::yield_now();
        }
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
