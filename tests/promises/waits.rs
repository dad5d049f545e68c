//! Deadlines, with `Config::default()` but where a limit is named.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use sockhop::{CloseFrame, Config, Context, Handler, Message, TimerId};

use crate::common::line::{Line, Way};
use crate::common::raw::{self, BINARY, CLOSE, FIN, PING, TEXT};
use crate::common::{Echo, PATIENCE, Reporter, TestServer, read_close};
use crate::{expect_after, expect_within};

over_each_way! {
    an_unfinished_handshake_ends_after_10_seconds: "takes 10 s: .ci/run promises",
    a_close_that_is_not_answered_ends_after_5_seconds: "takes 5 s: .ci/run promises",
    a_client_that_ends_its_stream_is_freed_at_once: "looks at the clock: .ci/run promises",
    bytes_owed_after_the_end_of_a_stream_are_given_up_after_5_seconds: "takes 5 s: .ci/run promises",
    a_slow_consumer_is_reset_after_5_seconds: "takes 5 s: .ci/run promises",
    a_client_that_takes_nothing_is_reset_after_30_seconds: "takes 30 s: .ci/run promises",
    an_unfinished_message_that_stands_still_ends_after_60_seconds: "takes a minute: .ci/run promises",
    one_too_many_has_two_seconds_for_its_request: "takes 2 s: .ci/run promises",
    a_silent_client_is_pinged_after_25_seconds_and_dropped_20_seconds_later: "takes 45 s: .ci/run promises",
    a_refused_client_that_stays_is_gone_within_a_second: "looks at the clock: .ci/run promises",
}

const SOON: Duration = Duration::from_millis(50);

/// A connection that waits for longer than any deadline here.
fn patient(stream: impl Into<Line>) -> Line {
    let stream = stream.into();
    stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
    stream
}

fn open(server: &TestServer) -> Line {
    patient(server.place().open("/"))
}

/// Waits for a reset without reading anything.
fn wait_for_reset(stream: &TcpStream) {
    while stream.take_error().unwrap().is_none() {
        thread::sleep(SOON);
    }
}

/// Has echoes made that are not read, until the server does not read any more either.
fn clog(stream: &mut Line) {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let frame = raw::frame(FIN | BINARY, &[7; 100_000]);
    loop {
        match stream.write_all(&frame) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn an_unfinished_handshake_ends_after_10_seconds(way: Way) {
    let server = way.serve(Echo);
    let (mut silent, mut dribbling) = (patient(server.tcp()), patient(server.place().line()));
    let start = Instant::now();
    let mut writer = dribbling.try_clone().unwrap();
    writer.write_all(b"GET /").unwrap();
    let mut beginner = patient(server.tcp());
    let dribble = thread::spawn(move || {
        while writer.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    let mut writer = beginner.try_clone().unwrap();
    let begin = thread::spawn(move || {
        for byte in way.beginning() {
            if writer.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    });
    let head = raw::read_head(&mut dribbling);
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    expect_after(start, Duration::from_secs(10));
    // A client that has sent nothing would take a 408 for the answer to its first request.
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    expect_after(start, Duration::from_secs(10));
    raw::wait_for_end(&mut beginner);
    expect_after(start, Duration::from_secs(10));
    drop((silent, dribbling, beginner));
    dribble.join().unwrap();
    begin.join().unwrap();
}

/// Closes at the first message.
struct Closer;

impl Handler for Closer {
    fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
        ctx.close(CloseFrame::normal("bye"));
    }
}

fn a_close_that_is_not_answered_ends_after_5_seconds(way: Way) {
    let server = way.serve(Closer);
    let mut stream = open(&server);
    stream.write_all(&raw::text("close")).unwrap();
    assert_eq!(raw::read_close(&mut stream).0, 1000);
    let start = Instant::now();
    raw::wait_for_end(&mut stream);
    expect_after(start, Duration::from_secs(5));
}

fn a_client_that_ends_its_stream_is_freed_at_once(way: Way) {
    let (handler, reports) = Reporter::new();
    let server = way.serve(handler);
    for _ in 0..20 {
        let mut stream = open(&server);
        let start = Instant::now();
        stream.write_all(&raw::text("last")).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(raw::read_rest(&mut stream), [&[FIN | TEXT, 4], &b"last"[..]].concat());
        expect_within(start.elapsed(), Duration::from_millis(100));
        reports.expect(&["open", "text last", "close by loss 1006"]);
    }
}

/// Sends until the connection is owed something, which is far less than would have it paused.
struct Filler(Sender<()>);

impl Handler for Filler {
    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.after(Duration::ZERO);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, _timer: TimerId) {
        if ctx.queued() > 0 {
            return self.0.send(()).unwrap();
        }
        ctx.send([7; 50_000]);
        ctx.after(Duration::from_millis(1));
    }
}

fn bytes_owed_after_the_end_of_a_stream_are_given_up_after_5_seconds(way: Way) {
    let (sender, is_full) = mpsc::channel();
    let server = way.serve(Filler(sender));
    let stream = open(&server);
    is_full.recv_timeout(PATIENCE).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let start = Instant::now();
    wait_for_reset(&stream);
    expect_after(start, Duration::from_secs(5));
}

/// Says 40 MB to all.
struct Torrent;

impl Handler for Torrent {
    fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
        (0..400).for_each(|_| ctx.broadcast([7; 100_000]));
    }
}

fn a_slow_consumer_is_reset_after_5_seconds(way: Way) {
    let server = way.serve(Torrent);
    let mut stream = open(&server);
    stream.write_all(&raw::text("all")).unwrap();
    let start = Instant::now();
    wait_for_reset(&stream);
    expect_after(start, Duration::from_secs(5));
}

fn a_client_that_takes_nothing_is_reset_after_30_seconds(way: Way) {
    let (handler, reports) = Reporter::new();
    let server = way.serve(handler);
    let mut stream = open(&server);
    let since = Instant::now();
    clog(&mut stream);
    let clogged = Instant::now();
    wait_for_reset(&stream);
    // It began to take nothing some time before it was noticed here.
    assert!(since.elapsed() > Duration::from_secs(30) - SOON);
    expect_within(clogged.elapsed(), Duration::from_secs(30));
    drop(server);
    assert!(reports.rest().contains(&"error peer accepts no bytes".to_owned()));
}

fn an_unfinished_message_that_stands_still_ends_after_60_seconds(way: Way) {
    let server = way.serve(Echo);
    let mut stream = open(&server);
    stream.write_all(&raw::frame(TEXT, b"a fragment")).unwrap();
    let start = Instant::now();
    // It answers the Ping that comes meanwhile.
    let (first, payload) = raw::read_frame(&mut stream);
    assert_eq!(first, FIN | PING);
    stream.write_all(&raw::frame(FIN | raw::PONG, &payload)).unwrap();
    let (mut first, mut payload) = raw::read_frame(&mut stream);
    if first == FIN | PING {
        (first, payload) = raw::read_frame(&mut stream);
    }
    assert_eq!((first, &payload[..2]), (FIN | CLOSE, &1008_u16.to_be_bytes()[..]));
    expect_after(start, Duration::from_secs(60));
}

fn one_too_many_has_two_seconds_for_its_request(way: Way) {
    let config = Config { max_connections: 1, ..Config::default() };
    let server = way.run(way.bind_with(config).mount("/", Echo));
    let mut first = server.place().connect("/");
    let mut silent = patient(server.tcp());
    let start = Instant::now();
    raw::wait_for_end(&mut silent);
    expect_after(start, Duration::from_secs(2));
    first.close(None).unwrap();
    assert_eq!(read_close(&mut first).0, 1005);
}

fn a_silent_client_is_pinged_after_25_seconds_and_dropped_20_seconds_later(way: Way) {
    let server = way.serve(Echo);
    let mut stream = open(&server);
    let start = Instant::now();
    assert_eq!(raw::read_frame(&mut stream).0, FIN | PING);
    expect_after(start, Duration::from_secs(25));
    raw::wait_for_end(&mut stream);
    expect_after(start, Duration::from_secs(45));
}

fn a_refused_client_that_stays_is_gone_within_a_second(way: Way) {
    let server = way.serve(Echo);
    for bad in ["GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "\x16\x03\x01"] {
        let mut stream = patient(server.place().line());
        stream.write_all(bad.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 4"));
        let start = Instant::now();
        // Its later bytes are discarded for a while, and then answered with a reset.
        while stream.write_all(b"more").is_ok() {
            thread::sleep(SOON);
        }
        expect_within(start.elapsed(), Duration::from_secs(1));
    }
}
