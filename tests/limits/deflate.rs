//! Compressed floods and bombs over real sockets.

use std::io::Write;
use std::thread;
use std::time::Instant;

use sockhop::{Count, Server};

use crate::common::compressed::{RSV1, open};
use crate::common::deflate::{self, bomb, config, frame};
use crate::common::flood::{Flood, Sink};
use crate::common::raw::{self, FIN, TEXT};
use crate::common::{PATIENCE, TestServer, bind_with};

fn server() -> Server {
    bind_with(config()).mount("/", Sink)
}

/// Has two clients flood the server while a bystander wants its echoes.
fn check(frames: &[u8]) {
    let server = TestServer::run(server());
    let flood = Flood::default();
    let mut bystander = raw::open(server.addr(), "/");
    thread::scope(|scope| {
        let _until_then = flood.until_dropped();
        for _ in 0..2 {
            let stream = open(server.addr(), "/");
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
    check(&deflate::large());
}

#[test]
fn a_bystander_is_answered_while_others_send_many_small_ones() {
    check(&deflate::small());
}

#[test]
fn a_bystander_is_answered_while_others_send_blocks_with_nothing_in_them() {
    check(&deflate::empty());
}

#[test]
fn a_bomb_is_answered_with_1009() {
    let (server, stats) = {
        let server = server();
        let stats = server.stats();
        (TestServer::run(server), stats)
    };
    let bomb = frame(&bomb(1));
    assert!(bomb.len() < 70_000);
    for _ in 0..20 {
        let mut stream = open(server.addr(), "/");
        stream.write_all(&bomb).unwrap();
        assert_eq!(raw::read_close(&mut stream).0, 1009);
    }
    let mut stream = open(server.addr(), "/");
    stream.write_all(&raw::frame(FIN | RSV1 | TEXT, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])).unwrap();
    assert_eq!(raw::read_text(&mut stream), "Hello");
    // Counted when the batch is over: its replies may have left before.
    let since = Instant::now();
    while stats.get(Count::Inflated) == 0 && since.elapsed() < PATIENCE {
        thread::yield_now();
    }
    assert_eq!((stats.get(Count::Inflated), stats.get(Count::InflateErrors)), (1, 0));
}
