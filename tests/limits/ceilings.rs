//! Numbers that are not exceeded.

use std::io::Write;
use std::time::Duration;

use sockhop::{Config, Context, Handler, Message};

use crate::common::{Echo, Reporter, TestServer, bind, raw, read_close, read_text};

#[test]
fn connections_over_the_limit_are_closed_and_leave_room_when_one_goes() {
    let (handler, reports) = Reporter::new();
    let config = Config { max_connections: 3, ..Config::default() };
    let server = TestServer::run(bind().config(config).mount("/", handler));
    let mut clients: Vec<_> = (0..3).map(|_| server.connect("/")).collect();
    reports.expect(&["open"; 3]);
    for _ in 0..5 {
        raw::wait_for_end(&mut server.tcp());
    }
    let mut first = clients.remove(0);
    first.close(None).unwrap();
    assert_eq!(read_close(&mut first).0, 1005);
    reports.expect(&["close by peer 1005"]);
    clients.push(server.connect("/"));
    for client in &mut clients {
        client.send("hi".into()).unwrap();
        assert_eq!(read_text(client), "hi");
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
    let server = TestServer::run(bind().config(config).mount("/", Impatient));
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
