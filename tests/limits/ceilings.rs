//! Numbers that are not exceeded.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use sockhop::{Config, Context, Handler, Message};

use crate::common::{Echo, PATIENCE, TestServer, bind_with, handshake, raw, read_close, read_text, refusal};

#[test]
fn connections_over_the_limit_may_ask_plain_requests_only_until_others_leave() {
    const LIMIT: usize = 160;
    let config = Config { max_connections: LIMIT, ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", Echo));
    let mut clients: Vec<_> = (0..LIMIT).map(|_| server.connect("/")).collect();
    let url = format!("ws://{}/", server.addr());
    assert_eq!(refusal(handshake(server.tcp(), &url)).0, 503);
    // 32 at a time are heard; for one more the oldest leaves.
    let mut silent: Vec<_> = (0..33).map(|_| server.tcp()).collect();
    raw::wait_for_end(&mut silent[0]);
    let mut page = server.tcp();
    page.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(raw::read_head(&mut page).starts_with("HTTP/1.1 426 "));
    for client in &mut clients {
        client.send("hi".into()).unwrap();
        assert_eq!(read_text(client), "hi");
    }
    drop(silent);
    let mut first = clients.remove(0);
    first.close(None).unwrap();
    assert_eq!(read_close(&mut first).0, 1005);
    let mut next = server.connect("/");
    next.send("hi".into()).unwrap();
    assert_eq!(read_text(&mut next), "hi");
}

#[test]
fn silent_connections_do_not_keep_clients_out() {
    let config = Config { max_connections: 400, ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", Echo));
    let silent: Vec<_> = (0..300).map(|_| server.tcp()).collect();
    let mut client = server.connect("/");
    client.send("hi".into()).unwrap();
    assert_eq!(read_text(&mut client), "hi");
    // A quarter of all may be unfinished handshakes: the others have been dropped.
    let has_ended = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        !stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let since = Instant::now();
    while silent.iter().filter(|stream| has_ended(stream)).count() < 200 {
        assert!(since.elapsed() < PATIENCE, "more than a hundred unfinished handshakes are kept");
        thread::yield_now();
    }
}

struct Impatient;

impl Handler for Impatient {
    fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
        ctx.after(Duration::from_secs(3600));
        ctx.send("set");
    }
}

#[test]
fn a_connection_with_too_many_timers_is_1008() {
    let config = Config { max_timers: 10, ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", Impatient));
    let mut client = server.connect("/");
    for _ in 0..10 {
        client.send("another".into()).unwrap();
        assert_eq!(read_text(&mut client), "set");
    }
    client.send("another".into()).unwrap();
    loop {
        // The reply to the eleventh may come or not.
        match client.read().unwrap() {
            tungstenite::Message::Text(text) => assert_eq!(text.as_str(), "set"),
            tungstenite::Message::Close(frame) => break assert_eq!(u16::from(frame.unwrap().code), 1008),
            other => panic!("{other:?}"),
        }
    }
    // The next one begins anew.
    let mut client = server.connect("/");
    client.send("another".into()).unwrap();
    assert_eq!(read_text(&mut client), "set");
}

#[test]
fn clients_that_come_and_go_in_thousands_leave_nothing_behind() {
    let server = TestServer::serve(Echo);
    let mut witness = server.connect("/");
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    for i in 0..3000 {
        let mut stream = server.tcp();
        match i % 3 {
            0 => {}
            1 => stream.write_all(b"GET / HTTP/1.1\r\n").unwrap(),
            _ => stream.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap(),
        }
        if i % 2 == 0 {
            // A reset instead of an orderly end.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    // The server has seen them all when it answers one that came after them; others test in this process, too.
    let mut last = server.connect("/");
    for client in [&mut witness, &mut last] {
        client.send("hi".into()).unwrap();
        assert_eq!(read_text(client), "hi");
    }
    assert!(descriptors() < 3000, "{} descriptors are open", descriptors());
}
