//! Plain requests, and the opening handshakes that are refused, with their statuses (PROMISES: Handshake).

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use sockhop::http::Response;
use sockhop::{Config, Server};

use crate::common::{Echo, TestServer, bind, bind_with, raw, read_text};

fn server() -> Server {
    furnish(bind())
}

fn furnish(server: Server) -> Server {
    server
        .mount("/ws", Echo)
        .mount("/rooms/*", Echo)
        .route("GET", "/", |_, _| Response::html(200, "<p>hello"))
        .route("GET", "/query", |request, _| Response::text(200, request.query().unwrap_or("none").to_owned()))
        .route("GET", "/form", |_, _| Response::text(200, "get"))
        .route("POST", "/form", |_, body| {
            Response::new(204).header("X-Posted", String::from_utf8_lossy(body).into_owned())
        })
}

#[test]
fn routes_answer_get_and_head_over_http_1_1_and_1_0() {
    let server = TestServer::run(server());
    let mut kept = server.tcp();
    for version in ["1.1", "1.0"] {
        // Over HTTP/1.1 all requests use one connection, over HTTP/1.0 each has its own.
        let mut ask = |line: &str| {
            let request = format!("{line} HTTP/{version}\r\nHost: x\r\n\r\n");
            if version == "1.1" {
                return raw::ask(&mut kept, request.as_bytes());
            }
            let answer = raw::exchange(&mut server.tcp(), request.as_bytes());
            assert_eq!(answer.header("connection"), "close");
            answer
        };
        let get = ask("GET /");
        assert_eq!(get.header("content-length"), "8");
        assert_eq!((get.status, get.body.as_str()), (200, "<p>hello"));
        assert_eq!(get.header("content-type"), "text/html; charset=utf-8");
        let head = ask("HEAD /");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(head.headers, get.headers, "the same head, without the body");
        assert_eq!(ask("GET /query?a=b&c").body, "a=b&c");
        assert_eq!(ask("GET http://other.example/query?d").body, "d");
        assert_eq!(ask("GET /form").body, "get");
    }
    let request = b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b";
    let post = raw::ask(&mut kept, request);
    assert_eq!((post.status, post.header("x-posted").as_str()), (204, "a=b"));
    let last = raw::exchange(&mut kept, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    last.check_framing();
    assert_eq!(last.body, "<p>hello");
}

#[test]
fn a_request_for_an_unknown_path_gets_the_answer_of_not_found() {
    let server = TestServer::run(server().not_found(Response::text(410, "gone to /ws\n")));
    let upgrade = check(&server, &format!("{}\r\n", raw::request("/nowhere")), 410);
    let plain = check_kept(&server, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 410);
    assert_eq!([upgrade.body, plain.body], ["gone to /ws\n"; 2]);
    check_kept(&server, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426);
}

/// A handshake with one header line replaced, or left out.
fn with(name: &str, line: &str) -> String {
    let head = raw::request("/ws");
    let start = head.find(&format!("\r\n{name}:")).expect(name) + 2;
    let end = start + head[start..].find("\r\n").unwrap() + 2;
    format!("{}{line}{}\r\n", &head[..start], &head[end..])
}

fn whole() -> String {
    format!("{}\r\n", raw::request("/ws"))
}

/// A handshake with one more header line.
fn and(line: &str) -> String {
    format!("{}{line}\r\n\r\n", raw::request("/ws"))
}

/// Asserts the status, that the answer ends the connection, and that what lies behind the request is not answered.
fn check(server: &TestServer, request: &str, status: u16) -> raw::Answer {
    let answer = raw::exchange(&mut server.tcp(), format!("{request}{}", whole()).as_bytes());
    assert_eq!(answer.status, status, "{:?}", &request[..request.len().min(300)]);
    if request.starts_with("HEAD") {
        assert_eq!(answer.body, "", "{request:?}");
    } else {
        answer.check_framing();
    }
    answer
}

/// Asserts the status, that the answer leaves the connection open, and that a handshake behind the request is accepted.
fn check_kept(server: &TestServer, request: &str, status: u16) -> raw::Answer {
    let mut stream = server.tcp();
    let answer = raw::ask(&mut stream, format!("{request}{}", whole()).as_bytes());
    assert_eq!(answer.status, status, "{:?}", &request[..request.len().min(300)]);
    raw::read_101(&mut stream);
    answer
}

#[test]
fn malformed_requests_are_400() {
    let server = TestServer::run(server());
    for request in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".into(),
        "GET /ws\r\n\r\n".into(),
        "GET  /ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "\r\n\r\nGET /ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /ws HTTP/1.1\nHost: x\n\n".into(),
        "GET ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET ftp://x/ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /a/../ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /.git/config HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /%2e%2e/ws HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        with("Host", ""),
        with("Host", "Host: a\r\nHost: a\r\n"),
        with("Host", "Host: a b\r\n"),
        and("no colon"),
        and("Name : value"),
        and("X: folded\r\n over two lines"),
        and("X: bare\rreturn"),
        and("X: nul\0"),
        with("Sec-WebSocket-Key", ""),
        with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"),
        with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n"),
        and("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
        and("Content-Length: 5"),
        and("Transfer-Encoding: chunked"),
        and("Transfer-Encoding: identity"),
        and("Sec-WebSocket-Protocol: a,,b c"),
        and("Sec-WebSocket-Protocol: a, a"),
    ] {
        check(&server, &request, 400);
    }
}

#[test]
fn other_refusals_have_their_own_status_and_say_what_would_do() {
    let server = TestServer::run(server());
    for (request, status, header, value) in [
        ("GET /none HTTP/1.1\r\nHost: x\r\n\r\n".into(), 404, "allow", ""),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n".into(), 405, "allow", "GET, HEAD"),
        ("PUT /form HTTP/1.1\r\nHost: x\r\n\r\n".into(), 405, "allow", "GET, HEAD, POST"),
        ("POST /ws HTTP/1.1\r\nHost: x\r\n\r\n".into(), 405, "allow", "GET"),
        (with("Upgrade", ""), 426, "upgrade", "websocket"),
        ("HEAD /ws HTTP/1.1\r\nHost: x\r\n\r\n".into(), 426, "sec-websocket-version", "13"),
        ("GET /rooms/1 HTTP/1.1\r\nHost: x\r\n\r\n".into(), 426, "connection", "Upgrade"),
    ] {
        let answer = check_kept(&server, &request, status);
        assert_eq!(answer.header(header), value, "{request}");
    }
    for (request, status, header, value) in [
        (format!("{}\r\n", raw::request("/query")), 404, "upgrade", ""),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n".into(), 405, "allow", "GET, HEAD"),
        (whole().replacen("GET", "POST", 1), 405, "allow", "GET"),
        (whole().replacen("GET", "HEAD", 1), 405, "allow", "GET"),
        (with("Connection", "Connection: keep-alive\r\n"), 426, "connection", "close, Upgrade"),
        (with("Sec-WebSocket-Version", ""), 426, "sec-websocket-version", "13"),
        (with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n"), 426, "sec-websocket-version", "13"),
        (with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013\r\n"), 426, "sec-websocket-version", "13"),
        (with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8\r\n"), 426, "sec-websocket-version", "13"),
        (whole().replacen("HTTP/1.1", "HTTP/1.0", 1), 426, "upgrade", "websocket"),
        (whole().replacen("HTTP/1.1", "HTTP/1.2", 1), 505, "upgrade", ""),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505, "upgrade", ""),
        (and("Origin: https://evil.example"), 403, "upgrade", ""),
        (and("Origin: null"), 403, "upgrade", ""),
    ] {
        let answer = check(&server, &request, status);
        assert_eq!(answer.header(header), value, "{request}");
    }
}

#[test]
fn heads_over_the_limits_are_414_and_431() {
    let server = TestServer::run(server());
    let line = |len: usize| format!("GET /query?{} HTTP/1.1\r\nHost: x\r\n\r\n", "q".repeat(len - 20));
    check_kept(&server, &line(4096), 200);
    check(&server, &line(4097), 414);
    check(&server, &"G".repeat(5000), 414);
    // To the byte: 8 KiB with the empty line at the end.
    let padded = |len: usize| {
        let head = "GET /query HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n";
        head.replace("X: ", &format!("X: {}", "x".repeat(len - head.len())))
    };
    check_kept(&server, &padded(8192), 200);
    check(&server, &padded(8193), 431);
    let lines = |n: usize| format!("GET /query HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(n - 1));
    check_kept(&server, &lines(100), 200);
    check(&server, &lines(101), 431);
}

#[test]
fn handshakes_that_differ_only_in_form_are_accepted() {
    let server = TestServer::run(server());
    let host = server.addr();
    for request in [
        with("Upgrade", "upgrade: h2c, WebSocket/13, WEBSOCKET\r\n"),
        with("Connection", "Connection: keep-alive\r\nconnection: ,, uPGRADE\r\n"),
        whole().replacen("/ws", "ws://example.com/ws", 1),
        whole().replacen("/ws", "/rooms/%C3%A9?q", 1),
        and("Content-Length: 0"),
        and("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
        and("Sec-WebSocket-Protocol: unknown"),
        with("Host", &format!("Host: {host}\r\nOrigin: http://{host}\r\n")),
        format!("\r\n{}", and("X: one empty line before the request is skipped")),
    ] {
        let mut stream = server.tcp();
        stream.write_all(&[request.as_bytes(), &raw::text("hi")].concat()).unwrap();
        raw::read_101(&mut stream);
        assert_eq!(raw::read_text(&mut stream), "hi", "{request}");
    }
}

#[test]
fn a_refused_client_that_talks_on_still_gets_its_answer() {
    let server = TestServer::run(server());
    let request = format!("{}{}", with("Host", ""), "x".repeat(300_000));
    assert_eq!(raw::exchange(&mut server.tcp(), request.as_bytes()).status, 400);
}

#[test]
fn the_first_impossible_byte_is_answered_without_waiting_for_more() {
    let server = TestServer::run(server());
    for bytes in ["\x16", "\0", "\n", " GET", "GET /ws HTTP/1.1\n", "GET /ws HTTP/1.1\r\nHost: x\r\n :", "\r\n\r"] {
        assert_eq!(raw::exchange(&mut server.tcp(), bytes.as_bytes()).status, 400, "{bytes:?}");
    }
}

#[test]
fn an_unfinished_head_is_408_at_a_deadline_that_no_byte_extends() {
    let config = Config { handshake_timeout: Duration::from_millis(100), ..Config::default() };
    let server = TestServer::run(furnish(bind_with(config)));
    for start in ["GET /ws HT", raw::request("/ws").as_str()] {
        let answer = raw::exchange(&mut server.tcp(), start.as_bytes());
        assert_eq!(answer.status, 408, "{start:?}");
        answer.check_framing();
    }
    // Silence is not answered.
    assert_eq!(raw::read_rest(&mut server.tcp()), b"");
    // A byte more whenever nothing has come for a while; 2,000 of them would take 20 seconds.
    let mut stream = server.tcp();
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    stream.write_all(b"GET /").unwrap();
    for _ in 0..2000 {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(n) => return assert_eq!((n, byte), (1, [b'H']), "the answer begins"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.write_all(b"x").unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("a byte now and then keeps a handshake alive");
}

#[test]
fn a_path_prefix_may_be_trimmed_or_not() {
    let config = Config { path_prefix: "/live".into(), ..Config::default() };
    let server = TestServer::run(furnish(bind_with(config)));
    for path in ["/ws", "/live/ws", "/live/rooms/7"] {
        let mut client = server.connect(path);
        client.send("hi".into()).unwrap();
        assert_eq!(read_text(&mut client), "hi");
    }
    assert_eq!(check_kept(&server, "GET /live/query?x HTTP/1.1\r\nHost: x\r\n\r\n", 200).body, "x");
    check_kept(&server, "GET /livery/query HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    let error = Server::new(Config { path_prefix: "live".into(), ..Config::default() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("Config::path_prefix \"live\": a path begins with /"), "{error}");
}
