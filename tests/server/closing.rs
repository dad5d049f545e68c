//! The closing handshake (RFC 6455 7), whoever begins it, and the ends without one.

use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use sockhop::{CloseCode, CloseFrame, CloseReason, Config, ConnectionError, Context, Handler, Message};

use crate::common::raw::{self, CLOSE, FIN, PING};
use crate::common::{PATIENCE, Reporter, TestServer, bind_with, describe, read_close};

#[test]
fn a_client_s_close_is_answered_with_its_code_and_the_end_of_the_stream() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        for reason in ["", "because €"] {
            let mut stream = raw::open(server.addr(), "/");
            stream.write_all(&[raw::text("last"), raw::close(code, reason), raw::text("after")].concat()).unwrap();
            assert_eq!(raw::read_text(&mut stream), "last");
            assert_eq!(raw::read_close(&mut stream).0, code);
            assert_eq!(raw::read_rest(&mut stream), b"", "no second Close, no answer to what comes after one");
            reports.expect(&["open", "text last", &format!("close by peer {code}")]);
        }
    }
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&raw::frame(FIN | CLOSE, b"")).unwrap();
    assert_eq!(raw::read_rest(&mut stream), [FIN | CLOSE, 0], "5.5.1: without a code, as it came");
    reports.expect(&["open", "close by peer 1005"]);
    drop(server);
    reports.expect_end();
}

#[test]
fn the_independent_client_closes_in_good_order() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    for frame in [None, Some((1000, "done")), Some((4444, "€"))] {
        let mut client = server.connect("/");
        let close = frame
            .map(|(code, reason)| tungstenite::protocol::CloseFrame { code: u16::into(code), reason: reason.into() });
        client.close(close).unwrap();
        let code = frame.map_or(1005, |(code, _)| code);
        assert_eq!(read_close(&mut client).0, code);
        reports.expect(&["open", &format!("close by peer {code}")]);
    }
}

#[test]
fn a_close_ends_a_message_that_is_not_finished() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&[raw::frame(raw::TEXT, b"half a mess"), raw::close(1000, "")].concat()).unwrap();
    assert_eq!(raw::read_close(&mut stream).0, 1000);
    reports.expect(&["open", "close by peer 1000"]);
}

/// Closes at the text `close`, and tells the rest.
struct Closer(Sender<String>);

impl Handler for Closer {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if message != Message::Text("close") {
            return self.0.send(format!("{message:?}")).unwrap();
        }
        ctx.send("goodbye");
        ctx.close(CloseFrame::new(CloseCode(4001), "enough €"));
        ctx.send("never sent");
        ctx.close(CloseFrame::normal("never sent either"));
    }

    fn error(&mut self, _ctx: &mut Context<'_>, error: &ConnectionError) {
        self.0.send(format!("error {error}")).unwrap();
    }

    fn close(&mut self, _ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        self.0.send(describe(&reason)).unwrap();
    }
}

#[test]
fn a_handler_s_close_is_the_last_that_is_sent_and_no_message_comes_in_after_it() {
    let (sender, reports) = mpsc::channel();
    let server = TestServer::serve(Closer(sender));
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&[raw::text("close"), raw::text("after"), raw::frame(FIN | PING, b"after")].concat()).unwrap();
    assert_eq!(raw::read_text(&mut stream), "goodbye");
    assert_eq!(raw::read_close(&mut stream), (4001, "enough €".into()));
    stream.write_all(&[raw::text("later still"), raw::close(4001, "")].concat()).unwrap();
    assert_eq!(raw::read_rest(&mut stream), b"");
    assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), "close by us 4001");

    let mut client = server.connect("/");
    client.send("close".into()).unwrap();
    assert_eq!(crate::common::read_text(&mut client), "goodbye");
    assert_eq!(read_close(&mut client), (4001, "enough €".into()));
    assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), "close by us 4001");
}

#[test]
fn both_sides_may_close_at_once() {
    let (sender, reports) = mpsc::channel();
    let server = TestServer::serve(Closer(sender));
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&[raw::text("close"), raw::close(4002, "me too")].concat()).unwrap();
    assert_eq!(raw::read_text(&mut stream), "goodbye");
    assert_eq!(raw::read_close(&mut stream).0, 4001);
    assert_eq!(raw::read_rest(&mut stream), b"");
    assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), "close by us 4001");
}

#[test]
fn a_close_that_is_not_answered_ends_by_its_timeout() {
    let (sender, reports) = mpsc::channel();
    let config = Config { close_timeout: Duration::from_millis(50), ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", Closer(sender)));
    let mut stream = raw::open(server.addr(), "/");
    stream.write_all(&raw::text("close")).unwrap();
    assert_eq!(raw::read_text(&mut stream), "goodbye");
    assert_eq!(raw::read_close(&mut stream).0, 4001);
    raw::wait_for_end(&mut stream);
    assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), "error close not answered in time");
    assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), "close by failure 1006");
}

#[test]
fn a_client_that_goes_without_a_close_is_lost() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    let stream = raw::open(server.addr(), "/");
    stream.shutdown(Shutdown::Write).unwrap();
    reports.expect(&["open", "close by loss 1006"]);

    let mut half = raw::open(server.addr(), "/");
    half.write_all(&raw::text("cut in the middle")[..9]).unwrap();
    drop(half);
    reports.expect(&["open", "close by loss 1006"]);

    // A reset: linger 0 throws away what is under way, and says so.
    let reset = raw::open(server.addr(), "/");
    socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
    drop(reset);
    reports.expect(&["open"]);
    drop(server);
    let mut rest = reports.rest();
    let last = rest.pop().unwrap();
    assert!(last == "close by failure 1006" || last == "close by loss 1006", "{last}");
    assert!(rest.iter().all(|report| report.starts_with("error ")), "{rest:?}");
}

#[test]
fn a_silent_client_is_pinged_and_dropped() {
    let (handler, reports) = Reporter::new();
    let config = Config {
        ping_interval: Some(Duration::from_millis(50)),
        pong_timeout: Duration::from_millis(50),
        ..Config::default()
    };
    let server = TestServer::run(bind_with(config).mount("/", handler));
    // The independent client answers Pings while it reads.
    let mut lively = server.connect("/");
    reports.expect(&["open"]);
    let mut silent = raw::open(server.addr(), "/");
    reports.expect(&["open"]);
    let ping = raw::read_frame(&mut silent);
    assert_eq!(ping.0, FIN | PING);
    lively.get_mut().set_nonblocking(true).unwrap();
    loop {
        match lively.read() {
            Ok(message) => assert!(message.is_ping()),
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
        if let Some(report) = reports.poll(Duration::from_millis(1)) {
            assert_eq!(report, "error no sign of life after a ping");
            break;
        }
    }
    raw::wait_for_end(&mut silent);
    reports.expect(&["close by failure 1006"]);
    drop(lively);
}
