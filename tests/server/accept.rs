//! A handler decides about opening handshakes.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use sockhop::http::{Request, Response};
use sockhop::{Accept, Config, Context, Deferred, Handle, Handler, Message, Rejected};
use tungstenite::client::ClientRequestBuilder;

use crate::common::{ClientMessage, PATIENCE, TestServer, bind_with, handshake, raw, read_text, refusal};

/// Decides by the request.
struct Doorkeeper;

impl Handler for Doorkeeper {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        ctx.send("from accept");
        match request.query() {
            Some("no") => Accept::no(403, "not you\n"),
            Some("full") => Accept::No(Response::text(503, "full\n").header("Retry-After", "7")),
            Some("liar") => Accept::subprotocol("never-offered"),
            Some("panic") => panic!("as the test wants it"),
            _ if request.cookie("session") == Some("s3cret") => Accept::subprotocol("v2.chat"),
            _ => Accept::yes(),
        }
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let text = format!("open with {}", ctx.subprotocol().unwrap_or("no subprotocol"));
        ctx.send(text);
    }
}

#[test]
fn a_handler_refuses_with_its_own_answer() {
    let server = TestServer::serve(Doorkeeper);
    for (query, status, text) in [("no", 403, "not you\n"), ("full", 503, "full\n")] {
        let url = format!("ws://{}/?{query}", server.addr());
        assert_eq!(refusal(handshake(server.tcp(), url)), (status, text.into()));
    }
    let answer = raw::exchange(&mut server.tcp(), format!("{}\r\n", raw::request("/?full")).as_bytes());
    assert_eq!((answer.status, answer.header("retry-after").as_str()), (503, "7"));
    answer.check_framing();
}

#[test]
fn a_handler_s_mistakes_are_answered_with_500_and_the_server_goes_on() {
    let server = TestServer::serve(Doorkeeper);
    for query in ["liar", "panic"] {
        let url = format!("ws://{}/?{query}", server.addr());
        assert_eq!(refusal(handshake(server.tcp(), url)).0, 500, "{query}");
    }
    assert_eq!(read_text(&mut server.connect("/")), "from accept");
}

#[test]
fn messages_of_accept_and_open_come_right_behind_the_handshake() {
    let server = TestServer::serve(Doorkeeper);
    let mut client = server.connect("/");
    assert_eq!(read_text(&mut client), "from accept");
    assert_eq!(read_text(&mut client), "open with no subprotocol");
}

#[test]
fn the_chosen_subprotocol_is_answered_and_no_other() {
    let server = TestServer::serve(Doorkeeper);
    let url = format!("ws://{}/", server.addr());
    let request = ClientRequestBuilder::new(url.parse().unwrap())
        .with_sub_protocol("v1.chat")
        .with_sub_protocol("v2.chat")
        .with_header("Cookie", "a=b; session=s3cret");
    let (mut client, response) = handshake(server.tcp(), request).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "v2.chat");
    assert_eq!(read_text(&mut client), "from accept");
    assert_eq!(read_text(&mut client), "open with v2.chat");
    // A client that offers none gets no such header; tungstenite would refuse one.
    let (_, response) = handshake(server.tcp(), url).unwrap();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
}

/// Puts every handshake off.
struct Patient(Sender<(Deferred, Handle)>);

impl Patient {
    fn new() -> (Self, Receiver<(Deferred, Handle)>) {
        let (sender, handshakes) = mpsc::channel();
        (Patient(sender), handshakes)
    }
}

impl Handler for Patient {
    fn accept(&mut self, ctx: &mut Context<'_>, _request: &Request<'_>) -> Accept {
        self.0.send((ctx.deferred(), ctx.handle())).expect("the test waits");
        Accept::Later
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.send(message);
    }
}

#[test]
fn a_thread_accepts_later_and_what_lay_behind_the_request_is_answered() {
    let (handler, handshakes) = Patient::new();
    let server = TestServer::serve(handler);
    let mut stream = server.tcp();
    let request = format!("{}Sec-WebSocket-Protocol: a, b\r\n\r\n", raw::request("/"));
    stream.write_all(&[request.as_bytes(), &raw::text("early")].concat()).unwrap();
    let (deferred, handle) = handshakes.recv_timeout(PATIENCE).unwrap();
    stream.write_all(&raw::text("while it waits")).unwrap();
    handle.settle(deferred, Accept::subprotocol("b")).unwrap();
    let head = raw::read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("\r\nSec-WebSocket-Protocol: b\r\n"), "{head}");
    assert_eq!(raw::read_text(&mut stream), "early");
    assert_eq!(raw::read_text(&mut stream), "while it waits");
    // Deciding again changes nothing.
    handle.settle(deferred, Accept::no(403, "")).unwrap();
    stream.write_all(&raw::text("late")).unwrap();
    assert_eq!(raw::read_text(&mut stream), "late");
}

#[test]
fn a_thread_refuses_later_and_a_late_decision_says_nothing_about_who_has_come_since() {
    let (handler, handshakes) = Patient::new();
    let server = TestServer::serve(handler);
    let ask = || {
        let mut stream = server.tcp();
        stream.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
        (stream, handshakes.recv_timeout(PATIENCE).unwrap().0)
    };
    let (mut first, old) = ask();
    server.handle.settle(old, Accept::no(403, "no\n")).unwrap();
    assert_eq!(raw::exchange(&mut first, b"").status, 403);
    drop(first);

    let (mut second, new) = ask();
    assert_ne!(old, new, "the place may be the same, its name is not");
    server.handle.settle(old, Accept::yes()).unwrap();
    server.handle.settle(new, Accept::no(401, "who are you?\n")).unwrap();
    let answer = raw::exchange(&mut second, b"");
    assert_eq!((answer.status, answer.body.as_str()), (401, "who are you?\n"));
}

#[test]
fn accepting_a_client_that_has_left_meanwhile_harms_nobody() {
    let (handler, handshakes) = Patient::new();
    let server = TestServer::serve(handler);
    for _ in 0..2 {
        let mut gone = server.tcp();
        gone.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
        let (deferred, handle) = handshakes.recv_timeout(PATIENCE).unwrap();
        drop(gone);
        handle.settle(deferred, Accept::yes()).unwrap();
    }
}

#[test]
fn a_handshake_that_nobody_settles_ends_with_503() {
    let (handler, handshakes) = Patient::new();
    let config = Config { handshake_timeout: Duration::from_millis(50), ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", handler));
    let url = format!("ws://{}/", server.addr());
    assert_eq!(refusal(handshake(server.tcp(), url)).0, 503);
    let (deferred, handle) = handshakes.recv_timeout(PATIENCE).unwrap();
    handle.settle(deferred, Accept::yes()).unwrap();
    drop(server);
    assert!(matches!(handle.settle(deferred, Accept::yes()), Err(Rejected::Stopped(Accept::Yes(None)))));
}

#[test]
fn an_accepted_client_may_be_silent_for_longer_than_the_handshake_may_take() {
    let config = Config { handshake_timeout: Duration::from_millis(50), ..Config::default() };
    let server = TestServer::run(bind_with(config).mount("/", crate::common::Echo));
    let mut old = server.connect("/");
    // Another client's 408 comes later than that.
    assert_eq!(raw::exchange(&mut server.tcp(), b"GET /").status, 408);
    old.send(ClientMessage::text("still here")).unwrap();
    assert_eq!(read_text(&mut old), "still here");
}
