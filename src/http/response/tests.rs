use super::*;

fn encode(response: &Response, body: Body) -> String {
    let mut output = Vec::new();
    response.encode(&mut output, None, body, Persistence::Close);
    String::from_utf8(output).unwrap()
}

const TAIL: &str = "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

#[test]
fn encodes_answers() {
    let html = Response::html(200, "<p>".to_owned());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n{TAIL}");
    assert_eq!(encode(&html, Body::Include), format!("{head}<p>"));
    assert_eq!(encode(&html, Body::Omit), head);
    let cases = [
        (
            Response::new(503).header("Retry-After", "2"),
            "503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\n",
        ),
        (Response::new(204).body(&b"x"[..]), "204 No Content\r\n"),
        (Response::new(299), "299 \r\nContent-Length: 0\r\n"),
        (
            Response::new(426).header("Upgrade", "websocket"),
            "426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
        ),
    ];
    for (response, expected) in cases {
        let tail = if response.status() == 426 { TAIL.replace("close", "close, Upgrade") } else { TAIL.to_owned() };
        assert_eq!(encode(&response, Body::Include), format!("HTTP/1.1 {expected}{tail}"));
    }
}

#[test]
fn tells_the_time_it_is_given() {
    let mut output = Vec::new();
    let date = HttpDate::from_unix(784_111_777);
    Response::new(204).encode(&mut output, Some(&date), Body::Include, Persistence::Close);
    let expected = format!("HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{TAIL}");
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn a_header_can_be_replaced() {
    let response = Response::new(200).header("A", "1").header("B", "2").header("a", "3").without_header("a");
    assert_eq!(response.header("A", "4").headers(), [("B".into(), "2".into()), ("A".into(), "4".into())]);
}

#[test]
fn appends_to_the_output() {
    let mut output = b"before".to_vec();
    Response::new(200).encode(&mut output, None, Body::Include, Persistence::Close);
    assert!(output.starts_with(b"beforeHTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_kept_connection_is_not_mentioned() {
    let cases = [
        (Response::text(200, "a"), Body::Include),
        (Response::text(200, "a"), Body::Omit),
        (Response::new(204), Body::Include),
        (Response::new(304).header("ETag", "\"a\""), Body::Include),
        (Response::new(426).header("Upgrade", "websocket"), Body::Include),
    ];
    for (response, body) in cases {
        let (closing, mut kept) = (encode(&response, body), Vec::new());
        response.encode(&mut kept, None, body, Persistence::KeepAlive);
        let expected = closing.replace("Connection: close\r\n", "").replace("close, ", "");
        assert_eq!(String::from_utf8(kept).unwrap(), expected);
        assert_eq!(closing.matches("Connection: close").count(), 1, "{closing}");
    }
}

#[test]
fn a_status_that_no_final_answer_has_becomes_500() {
    for status in [0, 99, 100, 101, 199, 600, 1000, u16::MAX] {
        assert_eq!(Response::new(status).status(), 500, "{status}");
    }
    for status in [200, 404, 599] {
        assert_eq!(Response::new(status).status(), status);
    }
}

#[test]
fn no_header_ends_its_line_early() {
    let bad = [
        ("X-A", "b\r\nSet-Cookie: evil=1"),
        ("X-A", "b\nevil"),
        ("X-A", "b\revil"),
        ("X-A", "b\0evil"),
        ("X-A", "b\x1bevil"),
        ("X-A: evil\r\nX-B", "b"),
        ("evil name", "b"),
        ("", "evil"),
        ("connection", "keep-alive, evil"),
        ("Content-Length", "7000"),
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Transfer-Encoding", "chunked, evil"),
    ];
    let clean = encode(&Response::new(200).header("X-Good", "a\tb \u{e9}"), Body::Include);
    assert!(clean.contains("X-Good: a\tb \u{e9}\r\n"));
    for (name, value) in bad {
        let response = Response::new(200).header("X-Good", "a\tb \u{e9}").header(name, value);
        assert_eq!(encode(&response, Body::Include), clean, "{name:?}: {value:?}");
    }
}

#[test]
fn head_gets_no_body() {
    assert_eq!(Body::answering("HEAD"), Body::Omit);
    assert_eq!(Body::answering("GET"), Body::Include);
    assert_eq!(Body::answering("head"), Body::Include);
    for (bytes, expected) in [
        (&b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"[..], Body::Omit),
        (b"\r\nHEAD ", Body::Omit),
        (b"HEAD", Body::Include),
        (b"HEADS / HTTP/1.1", Body::Include),
        (b"GET /HEAD HTTP/1.1", Body::Include),
        (b"", Body::Include),
    ] {
        assert_eq!(Body::answering_bytes(bytes), expected, "{}", bytes.escape_ascii());
    }
}
