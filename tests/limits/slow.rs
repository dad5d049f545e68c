//! Peers that do not keep up: they cost themselves, and nobody else.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sockhop::{CloseReason, Config, ConnectionError, Context, Handler, Message};

use crate::common::raw::{self, BINARY, FIN, TEXT};
use crate::common::{ClientMessage, Reporter, TestServer, bind_with, describe, noise, read_text};

/// Broadcasts what it gets, and tells of failures.
struct Room(std::sync::mpsc::Sender<String>);

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }

    fn error(&mut self, _ctx: &mut Context<'_>, error: &ConnectionError) {
        self.0.send(format!("error {error}")).unwrap();
    }

    fn close(&mut self, _ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        self.0.send(describe(&reason)).unwrap();
    }
}

#[test]
fn a_client_that_does_not_keep_up_with_a_broadcast_is_closed_with_1013_and_the_others_miss_nothing() {
    let (sender, reports) = std::sync::mpsc::channel();
    let server = TestServer::serve(Room(sender));
    let mut slow = raw::open(server.addr(), "/");
    let mut quick = server.connect("/");
    // Until the kernel's buffers on the way to the slow one and its queue are full.
    let mut said = 0;
    let report = loop {
        assert!(said < 1000, "100 MB are owed to a client that reads nothing");
        let message = ClientMessage::binary(noise(said, 100_000));
        quick.send(message.clone()).unwrap();
        assert!(quick.read().unwrap() == message, "message {said} came changed");
        said += 1;
        if let Ok(report) = reports.try_recv() {
            break report;
        }
    };
    assert_eq!(report, "error slow consumer");
    assert_eq!(reports.recv().unwrap(), "close by failure 1013");
    // The slow client gets whole frames in order, and in the end a Close that says why there is no more.
    assert!(read_up_to_1013(&mut slow) < said);
    quick.send("still here".into()).unwrap();
    assert_eq!(read_text(&mut quick), "still here");
}

/// Says so much at once that no buffer takes it.
struct Torrent;

impl Handler for Torrent {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        for i in 0..300 {
            let bytes = noise(i, 100_000);
            if message == Message::Text("me") { ctx.send(bytes) } else { ctx.broadcast(bytes) }
        }
    }
}

#[test]
fn a_client_that_is_sent_too_much_at_once_gets_whole_frames_and_then_1013() {
    let server = TestServer::serve(Torrent);
    for whom in ["me", "all"] {
        let mut stream = raw::open(server.addr(), "/");
        stream.write_all(&raw::text(whom)).unwrap();
        let got = read_up_to_1013(&mut stream);
        assert!((1..300).contains(&got), "{got} messages came");
    }
}

/// Reads messages that are whole and in order, the Close behind them that says why there is no more, and the end.
fn read_up_to_1013(stream: &mut TcpStream) -> u64 {
    for i in 0.. {
        let (first, payload) = raw::read_frame(stream);
        if first != FIN | BINARY {
            assert_eq!((first, &payload[..2]), (FIN | raw::CLOSE, &1013_u16.to_be_bytes()[..]));
            assert_eq!(raw::read_rest(stream), b"");
            return i;
        }
        assert!(payload == noise(i, 100_000), "message {i} came changed");
    }
    unreachable!("streams end")
}

/// Answers a number with so many bytes.
struct Produce;

impl Handler for Produce {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if let Message::Text(len) = message {
            ctx.send(vec![7; len.parse().expect("a number")]);
        }
    }
}

#[test]
fn requests_wait_while_the_answers_to_earlier_ones_are_owed() {
    let server = TestServer::serve(Produce);
    for (len, times) in [("100000", 300), ("40000", 600), ("900", 9000)] {
        let mut stream = raw::open(server.addr(), "/");
        // All in one receive buffer of the server's; the answers are far more than may be owed to one client.
        stream.write_all(&raw::text(len).repeat(times)).unwrap();
        for i in 0..times {
            let (first, payload) = raw::read_frame(&mut stream);
            assert_eq!((first, payload.len().to_string().as_str()), (FIN | BINARY, len), "answer {i}");
        }
    }
}

#[test]
fn a_message_larger_than_all_buffers_on_the_way_arrives() {
    let server = TestServer::serve(Produce);
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&[raw::text("40000000"), raw::text("3")].concat()).unwrap();
    for len in [40_000_000, 3] {
        let (first, payload) = raw::read_frame(&mut stream);
        assert_eq!((first, payload.len()), (FIN | BINARY, len));
        assert!(payload.iter().all(|byte| *byte == 7));
    }
}

#[test]
fn a_client_that_accepts_no_bytes_is_dropped() {
    let (handler, reports) = Reporter::new();
    let config = Config { write_timeout: Duration::from_millis(100), ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", handler));
    let mut stream = raw::open(server.addr(), "/");
    // Echoes that nobody reads, until the server stops reading, too, and then has had enough.
    let frame = raw::frame(FIN | BINARY, &noise(0, 1_000_000));
    let writer = thread::spawn(move || while stream.write_all(&frame).is_ok() {});
    reports.expect(&["open"]);
    loop {
        let report = reports.poll(crate::common::PATIENCE).expect("an end");
        if report != "binary of 1000000" {
            assert_eq!(report, "error peer accepts no bytes");
            break;
        }
    }
    reports.expect(&["close by failure 1006"]);
    writer.join().unwrap();
}

#[test]
fn a_message_that_makes_no_progress_is_1008() {
    let (handler, reports) = Reporter::new();
    let config = Config { message_timeout: Some(Duration::from_millis(100)), ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", handler));
    let unfinished = raw::frame(FIN | TEXT, &[b'x'; 100]);
    for start in [raw::frame(TEXT, b"a fragment"), unfinished[..50].to_vec()] {
        let mut stream = raw::open(server.addr(), "/");
        stream.write_all(&start).unwrap();
        assert_eq!(raw::read_close(&mut stream).0, 1008);
        reports.expect(&["open", "error message not finished in time", "close by failure 1008"]);
    }
    // A connection that owes nothing may be silent: its Ping comes much later.
    let mut idle = server.connect("/");
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&raw::frame(TEXT, b"")).unwrap();
    assert_eq!(raw::read_close(&mut stream).0, 1008);
    idle.send("still here".into()).unwrap();
    assert_eq!(read_text(&mut idle), "still here");
}
