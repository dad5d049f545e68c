//! Plain requests to handlers, with bodies and answers that come later, and listeners with rules of their own.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use sockhop::http::{OriginPolicy, Request, Response};
use sockhop::{Answer, Config, Context, Deferred, Door, Handler, Message, Server, Shutdown};

use crate::common::{PATIENCE, TestServer, bind, bind_with, connect, raw, read_text, tcp, tcp_addr};

/// Publishes the bodies of requests to its WebSockets, and puts answers off if the path says so.
struct Hub(Sender<Deferred>);

impl Hub {
    fn new() -> (Self, Receiver<Deferred>) {
        let (sender, deferred) = mpsc::channel();
        (Hub(sender), deferred)
    }
}

impl Handler for Hub {
    fn open(&mut self, ctx: &mut Context<'_>) {
        ctx.subscribe("news");
        ctx.send("subscribed");
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }

    fn admit(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
        match request.query() {
            Some("small") => Ok(4),
            Some("nobody") => Err(Response::text(401, "who are you?\n")),
            _ => Ok(ctx.max_body()),
        }
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        ctx.publish("news", body);
        if request.query() == Some("later") {
            self.0.send(ctx.deferred()).expect("the test waits");
            return Answer::Later;
        }
        Response::text(200, format!("to {} of {}\n", ctx.subscribers("news"), ctx.connections())).into()
    }
}

fn post(target: &str, head: &str, body: &str) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}").into_bytes()
}

fn sized(target: &str, body: &str) -> Vec<u8> {
    post(target, &format!("Content-Length: {}\r\n", body.len()), body)
}

#[test]
fn a_handler_publishes_bodies_of_both_forms_over_one_connection() {
    let server = TestServer::serve(Hub::new().0);
    let mut client = server.connect("/");
    assert_eq!(read_text(&mut client), "subscribed");
    let mut stream = server.tcp();
    let chunked = post("/", "Transfer-Encoding: chunked\r\n", "2\r\ntw\r\n1;x=y\r\no\r\n0\r\n\r\n");
    for (request, body) in [(sized("/", "one"), "one"), (chunked, "two"), (post("/", "", ""), "")] {
        let answer = raw::ask(&mut stream, &request);
        assert_eq!((answer.status, answer.body.as_str()), (200, "to 1 of 1\n"));
        assert_eq!(client.read().unwrap(), tungstenite::Message::binary(body.as_bytes().to_vec()));
    }
    // The next one becomes a WebSocket itself.
    stream.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
    raw::read_101(&mut stream);
    assert_eq!(raw::read_text(&mut stream), "subscribed");
}

#[test]
fn a_client_that_waits_uploads_only_what_is_admitted() {
    let server = TestServer::serve(Hub::new().0);
    let waiting = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    let mut stream = server.tcp();
    stream.write_all(&post("/", waiting, "")).unwrap();
    assert_eq!(raw::read_head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(raw::ask(&mut stream, b"hello").status, 200);
    for (target, status) in [("/?nobody", 401), ("/?small", 413)] {
        let refusal = raw::exchange(&mut server.tcp(), &post(target, waiting, ""));
        assert_eq!(refusal.status, status, "{target}");
        refusal.check_framing();
    }
    assert_eq!(raw::ask(&mut server.tcp(), &sized("/?small", "four")).status, 200);
    assert_eq!(raw::exchange(&mut server.tcp(), &sized("/?small", "fives")).status, 413);
}

#[test]
fn a_thread_answers_later_and_in_order() {
    let (handler, deferred) = Hub::new();
    let server = TestServer::serve(handler);
    let mut stream = server.tcp();
    // Two requests at once: the second one waits for the first.
    stream.write_all(&[sized("/?later", "a"), sized("/", "b")].concat()).unwrap();
    let first = deferred.recv_timeout(PATIENCE).unwrap();
    server.handle.answer(first, Response::text(202, "at last\n")).unwrap();
    let answer = raw::ask(&mut stream, b"");
    assert_eq!((answer.status, answer.body.as_str()), (202, "at last\n"));
    assert_eq!(raw::ask(&mut stream, b"").status, 200);
    // Answering again changes nothing.
    server.handle.answer(first, Response::new(500)).unwrap();
    assert_eq!(raw::ask(&mut stream, &sized("/", "c")).status, 200);
}

#[test]
fn an_answer_that_does_not_come_is_503() {
    let config = Config { answer_timeout: Duration::from_millis(50), ..Config::default() };
    let (handler, _deferred) = Hub::new();
    let server = TestServer::run(bind_with(config).mount("/", handler));
    let answer = raw::exchange(&mut server.tcp(), &sized("/?later", "a"));
    assert_eq!(answer.status, 503);
    answer.check_framing();
}

#[test]
fn a_connection_ends_with_its_last_request_or_when_it_is_idle() {
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let limited = |config| TestServer::run(bind_with(config).route("GET", "/", |_, _| Response::text(200, "ok\n")));
    let server = limited(Config { max_requests: 3, ..Config::default() });
    let mut stream = server.tcp();
    assert_eq!([(); 2].map(|()| raw::ask(&mut stream, get).status), [200; 2]);
    raw::exchange(&mut stream, get).check_framing();

    let server = limited(Config { keep_alive: None, ..Config::default() });
    raw::exchange(&mut server.tcp(), get).check_framing();

    let server = limited(Config { keep_alive: Some(Duration::from_millis(50)), ..Config::default() });
    let mut stream = server.tcp();
    assert_eq!(raw::ask(&mut stream, get).status, 200);
    assert_eq!(raw::read_rest(&mut stream), b"");
}

#[test]
fn a_door_has_paths_origins_and_limits_of_its_own() {
    let any = OriginPolicy { any: true, ..OriginPolicy::default() };
    let admin = Door::new("127.0.0.1:0").mount("/admin", Hub::new().0);
    let open = Door::new("127.0.0.1:0").origins(any);
    let small = Door::new("127.0.0.1:0").max_connections(1);
    let server = bind().mount("/public", Hub::new().0);
    let server = TestServer::run([admin, open, small].into_iter().try_fold(server, Server::listen).unwrap());
    let [public, admin, open, small] = [0, 1, 2, 3].map(|at| tcp_addr(&server.addrs[at]));

    let status = |addr, path: &str, line: &str| {
        let request = format!("{}{line}Connection: close\r\n\r\n", raw::request(path));
        let mut stream = tcp(addr);
        stream.write_all(request.as_bytes()).unwrap();
        raw::read_head(&mut stream)[9..12].to_owned()
    };
    let foreign = "Origin: https://example.com\r\n";
    assert_eq!([status(public, "/public", ""), status(public, "/admin", "")], ["101", "404"]);
    assert_eq!([status(admin, "/public", ""), status(admin, "/admin", "")], ["404", "101"]);
    assert_eq!([status(public, "/public", foreign), status(open, "/public", foreign)], ["403", "101"]);
    let mut first = connect(small, "/public");
    assert_eq!(read_text(&mut first), "subscribed");
    assert_eq!(status(small, "/public", ""), "503");
    assert_eq!(status(public, "/public", ""), "101", "the others have room");
}

#[test]
fn a_full_door_is_not_ready_and_the_others_are() {
    let server = bind();
    let handle = server.handle();
    let ready = move |_: &Request<'_>, _: &[u8]| Response::text(if handle.is_full() { 503 } else { 200 }, "\n");
    let server = server.mount("/chat", Hub::new().0).route("GET", "/readyz", ready);
    let server = server.listen(Door::new("127.0.0.1:0").max_connections(2)).unwrap();
    let handle = server.handle();
    let server = TestServer::run(server);
    let [public, small] = [0, 1].map(|at| tcp_addr(&server.addrs[at]));
    let get =
        |addr| raw::exchange(&mut tcp(addr), b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status;

    let mut first = connect(small, "/chat");
    assert_eq!(read_text(&mut first), "subscribed");
    let mut kept = tcp(small);
    let ask = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(
        [(); 2].map(|()| raw::ask(&mut kept, ask).status),
        [200; 2],
        "the check's own connection would make room"
    );
    let mut last = connect(small, "/chat");
    assert_eq!(read_text(&mut last), "subscribed");
    assert_eq!([get(small), get(public)], [503, 200]);
    assert!(!handle.is_full(), "another thread asks about the server");
    drop(last);
    while get(small) == 503 {}
}

#[test]
fn a_program_with_a_loop_of_its_own_makes_the_turns() {
    let server = bind().route("GET", "/", |_, _| Response::text(200, "ok\n"));
    let (handle, address) = (server.handle(), tcp_addr(&server.local_addrs()[0]));
    let mut running = server.start().unwrap();
    assert!(running.step(Some(Duration::ZERO)).unwrap(), "nothing to do is no end");
    let mut stream = tcp(address);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.set_nonblocking(true).unwrap();
    while stream.peek(&mut [0]).is_err() {
        assert!(running.step(Some(PATIENCE)).unwrap());
    }
    stream.set_nonblocking(false).unwrap();
    assert_eq!(raw::ask(&mut stream, b"").status, 200);
    handle.shutdown(Shutdown::default());
    while running.step(Some(PATIENCE)).unwrap() {}
    assert_eq!(raw::read_rest(&mut stream), b"");
}

#[test]
fn a_server_takes_255_doors_and_no_more() {
    let server = (0..254).try_fold(bind(), |server, _| Server::listen(server, "127.0.0.1:0")).unwrap();
    let error = server.listen("127.0.0.1:0").unwrap_err();
    assert_eq!(error.to_string(), "a server has at most 255 doors");
}
