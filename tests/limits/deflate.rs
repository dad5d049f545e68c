//! Compressed floods and bombs over real sockets.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use sockhop::protocol::{Context, Deflater};
use sockhop::{Config, Count, Deflate, DeflateOptions, Message, Server};

use crate::common::flood::{Flood, Sink};
use crate::common::raw::{self, BINARY, CLOSE, FIN, TEXT};
use crate::common::{PATIENCE, TestServer, bind, tcp};

const RSV1: u8 = 0x40;

fn server() -> Server {
    bind().mount("/", Sink).config(Config { deflate: Some(Deflate::default()), ..Config::default() })
}

/// Opens a WebSocket with compression.
fn open(server: &TestServer) -> TcpStream {
    let mut stream = tcp(server.addr());
    let head = format!("{}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", raw::request("/"));
    stream.write_all(head.as_bytes()).unwrap();
    let head = raw::read_head(&mut stream);
    assert!(head.contains("\r\nSec-WebSocket-Extensions: permessage-deflate; "), "{head}");
    stream
}

/// So many zeros, compressed.
fn zeros(len: usize) -> Vec<u8> {
    let mut deflater = Deflater::new(Context::None, 15, DeflateOptions { threshold: 0, level: 9 });
    deflater.deflate(Message::Binary(&vec![0; len])).expect("they get shorter").to_vec()
}

/// Has two clients flood the server while a bystander wants its echoes.
fn check(frames: &[u8]) {
    let server = TestServer::run(server());
    let flood = Flood::default();
    let mut bystander = raw::open(server.addr(), "/");
    thread::scope(|scope| {
        let _until_then = flood.until_dropped();
        for _ in 0..2 {
            let stream = open(&server);
            scope.spawn(|| flood.run(stream, frames));
        }
        let mut answered = 0;
        while flood.sent() < 200 || answered < 20 {
            let text = format!("bystander {answered}");
            bystander.write_all(&raw::text(&text)).unwrap();
            assert_eq!(raw::read_text(&mut bystander), text);
            answered += 1;
        }
    });
}

#[test]
fn a_bystander_is_answered_while_others_send_large_messages_that_were_small() {
    check(&raw::frame(FIN | RSV1 | BINARY, &zeros(1_000_000)));
}

#[test]
fn a_bystander_is_answered_while_others_send_many_small_ones() {
    check(&raw::frame(FIN | RSV1 | BINARY, &zeros(60_000)).repeat(200));
}

#[test]
fn a_bystander_is_answered_while_others_send_blocks_with_nothing_in_them() {
    // Last blocks without content, each of which begins a new stream.
    let blocks = [&[0x03, 0x00].repeat(30_000)[..], &[0x00]].concat();
    check(&raw::frame(FIN | RSV1 | BINARY, &blocks));
}

#[test]
fn a_bomb_is_answered_with_1009() {
    let (server, stats) = {
        let server = server();
        let stats = server.stats();
        (TestServer::run(server), stats)
    };
    let bomb = zeros(64 << 20);
    assert!(bomb.len() < 70_000);
    for _ in 0..20 {
        let mut stream = open(&server);
        stream.write_all(&raw::frame(FIN | RSV1 | BINARY, &bomb)).unwrap();
        let (first, payload) = raw::read_frame(&mut stream);
        assert_eq!((first, &payload[..2]), (FIN | CLOSE, &1009_u16.to_be_bytes()[..]));
    }
    let mut stream = open(&server);
    stream.write_all(&raw::frame(FIN | RSV1 | TEXT, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])).unwrap();
    assert_eq!(raw::read_text(&mut stream), "Hello");
    // Counted when the batch is over: its replies may have left before.
    let since = Instant::now();
    while stats.get(Count::Inflated) == 0 && since.elapsed() < PATIENCE {
        thread::yield_now();
    }
    assert_eq!((stats.get(Count::Inflated), stats.get(Count::InflateErrors)), (1, 0));
}
