//! Shutting down, and handlers that panic.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use sockhop::http::Response;
use sockhop::{CloseCode, Config, Context, Handler, Message, Shutdown};

use crate::common::{
    ClientMessage, Echo, Reporter, TestServer, bind, bind_with, handshake, raw, read_close, read_text, refusal,
};

#[test]
fn a_shutdown_says_1001_to_all_and_lets_run_return() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    let mut clients: Vec<_> = (0..20).map(|_| server.connect("/")).collect();
    // A client that has not sent its request yet does not hold the server up.
    let _idle = server.tcp();
    server.handle.shutdown(Shutdown::default());
    for client in &mut clients {
        assert_eq!(read_close(client).0, 1001);
    }
    server.wait().unwrap();
    reports.expect(&["open"; 20]);
    reports.expect(&["close by shutdown 1001"; 20]);
    reports.expect_end();
}

#[test]
fn while_it_shuts_down_plain_requests_are_answered_and_handshakes_refused() {
    let server = TestServer::run(bind().mount("/", Echo).route("GET", "/healthz", |_, _| Response::text(200, "ok\n")));
    let mut last = raw::open(server.addr(), "/");
    server.handle.shutdown(Shutdown {
        code: CloseCode::SERVICE_RESTART,
        timeout: Duration::from_secs(30),
        ..Shutdown::default()
    });
    assert_eq!(raw::read_close(&mut last).0, 1012);
    let health = raw::exchange(&mut server.tcp(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let url = format!("ws://{}/", server.addr());
    assert_eq!(refusal(handshake(server.tcp(), url)).0, 503);
    last.write_all(&raw::close(1012, "")).unwrap();
    assert_eq!(raw::read_rest(&mut last), b"");
    server.wait().unwrap();
}

#[test]
fn a_second_shutdown_ends_at_once() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    let mut deaf = raw::open(server.addr(), "/");
    let shutdown = Shutdown { timeout: Duration::from_secs(3600), ..Shutdown::default() };
    server.handle.shutdown(shutdown);
    assert_eq!(raw::read_close(&mut deaf).0, 1001);
    server.handle.shutdown(shutdown);
    server.wait().unwrap();
    reports.expect(&["open", "close by shutdown 1001"]);
}

#[test]
fn the_server_waits_for_a_silent_client_no_longer_than_the_drain_says() {
    let server = TestServer::serve(Echo);
    let mut deaf = raw::open(server.addr(), "/");
    server.handle.shutdown(Shutdown { timeout: Duration::from_millis(50), ..Shutdown::default() });
    assert_eq!(raw::read_close(&mut deaf).0, 1001);
    server.wait().unwrap();
    raw::wait_for_end(&mut deaf);
}

#[test]
fn a_byte_on_a_stream_shuts_down_and_a_second_one_ends_at_once() {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let server = TestServer::run(bind().shutdown_on(theirs).mount("/", Echo));
    let mut deaf = raw::open(server.addr(), "/");
    ours.write_all(&[1]).unwrap();
    assert_eq!(raw::read_close(&mut deaf).0, 1001);
    ours.write_all(&[1]).unwrap();
    server.wait().unwrap();
}

#[test]
fn a_message_before_a_shutdown_arrives_before_its_close() {
    let server = TestServer::serve(Echo);
    let mut client = server.connect("/");
    for i in 0..100 {
        server.handle.broadcast("/", i.to_string()).unwrap();
    }
    server.handle.shutdown(Shutdown::default());
    for i in 0..100 {
        assert_eq!(read_text(&mut client), i.to_string());
    }
    assert_eq!(read_close(&mut client).0, 1001);
    server.wait().unwrap();
}

#[test]
fn a_panic_costs_its_connection_and_no_other() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    let mut other = server.connect("/");
    reports.expect(&["open"]);
    for _ in 0..3 {
        let mut client = server.connect("/");
        client.send("fine".into()).unwrap();
        client.send("panic".into()).unwrap();
        client.send("never seen".into()).unwrap();
        assert_eq!(read_text(&mut client), "fine");
        assert_eq!(read_close(&mut client).0, 1011);
        reports.expect(&["open", "text fine", "error handler panicked", "close by failure 1011"]);
    }
    other.send("still here".into()).unwrap();
    assert_eq!(read_text(&mut other), "still here");
    drop(other);
    drop(server);
}

/// Panics in the callback that the path names.
struct Clumsy(mpsc::Sender<&'static str>);

impl Handler for Clumsy {
    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.after(Duration::ZERO);
        ctx.send("said before");
        assert_ne!(ctx.path(), "/open");
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, _timer: sockhop::TimerId) {
        assert_ne!(ctx.path(), "/timer");
    }

    fn close(&mut self, ctx: &mut Context<'_>, _reason: sockhop::CloseReason<'_>) {
        self.0.send("close").unwrap();
        assert_ne!(ctx.path(), "/close");
    }
}

#[test]
fn a_panic_in_any_callback_is_caught_and_close_is_called_once() {
    let (sender, closes) = mpsc::channel();
    let server = TestServer::run(bind().mount("/*", Clumsy(sender)));
    for path in ["/open", "/timer"] {
        let mut client = server.connect(path);
        assert_eq!(read_text(&mut client), "said before");
        assert_eq!(read_close(&mut client).0, 1011, "{path}");
    }
    let mut client = server.connect("/close");
    assert_eq!(read_text(&mut client), "said before");
    client.close(None).unwrap();
    assert_eq!(read_close(&mut client).0, 1005);
    let mut client = server.connect("/fine");
    client.send(ClientMessage::text("still here")).unwrap();
    assert_eq!((read_text(&mut client), read_text(&mut client)), ("said before".into(), "still here".into()));
    drop(client);
    drop(server);
    assert_eq!(closes.try_iter().count(), 4);
}

#[test]
fn run_gives_up_after_too_many_panics() {
    let (handler, reports) = Reporter::new();
    let config = Config { max_panics: 2, ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/room", handler));
    let mut other = server.connect("/room");
    reports.expect(&["open"]);
    for _ in 0..3 {
        let mut client = server.connect("/room");
        client.send("panic".into()).unwrap();
        raw::wait_for_end(client.get_mut());
        reports.expect(&["open", "error handler panicked", "close by failure 1011"]);
    }
    let error = server.wait().unwrap_err().to_string();
    assert!(error.contains("/room") && error.contains('3'), "{error}");
    raw::wait_for_end(other.get_mut());
    reports.expect(&["close by shutdown 1001"]);
    reports.expect_end();
}
