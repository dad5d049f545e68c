//! Bodies, their lengths, and the headers that go with a message.

use super::*;

#[test]
fn bodies_and_headers() {
    let (full, over) = ("x".repeat(64), "x".repeat(65));
    let long = "k".repeat(128);
    let longer = "k".repeat(129);
    let post = |name, value, body, status, text| -> (_, _, Box<[(&str, &str)]>, _, _, _) {
        ("POST", "/a", Box::new([(name, value)]), body, status, text)
    };
    let none = "X-Nothing";
    let rows = [
        post(none, "", Some(&*full), 202, "id"),
        post(none, "", Some(&*over), 413, "65 bytes, more than Config::max_body (64)"),
        post(none, "", None, 411, "Content-Length"),
        post(none, "", Some(""), 202, "id"),
        post("Content-Type", "multipart/form-data", Some("x"), 202, "id"),
        post("Content-Type", "", Some("x"), 202, "id"),
        post("Content-Type", "text/plain; charset=latin1", Some("x"), 202, "id"),
        post("Content-Encoding", "gzip", Some("x"), 415, "Content-Encoding"),
        post("Content-Encoding", "identity", Some("x"), 202, "id"),
        post("Content-Encoding", "", Some("x"), 415, "Content-Encoding"),
        post("Idempotency-Key", &long, Some("x"), 202, "id"),
        post("Idempotency-Key", &long, Some("x"), 200, "duplicate"),
        post("Idempotency-Key", &long, Some("y"), 422, "another message"),
        post("Idempotency-Key", &longer, Some("x"), 400, "128"),
        post("Idempotency-Key", "", Some("x"), 400, "128"),
        post("Idempotency-Key", "a b", Some("x"), 400, "visible"),
        post("Idempotency-Key", "\u{e9}", Some("x"), 400, "visible"),
        post("Idempotency-Key", "\"quoted\"", Some("x"), 202, "id"),
        post("Idempotency-Key", "quoted", Some("x"), 202, "id"),
        post("Sockhop-History", "no", Some("x"), 202, "id"),
        post("Sockhop-History", "NO", Some("x"), 202, "id"),
        post("Sockhop-History", "yes", Some("x"), 202, "id"),
        post("Sockhop-History", "0", Some("x"), 400, "Sockhop-History"),
        post("Sockhop-Except", "c8f1", Some("x"), 202, "id"),
        post("Sockhop-Except", "*", Some("x"), 202, "id"),
        post("Sockhop-Except", "", Some("x"), 400, "first frame"),
        post("Sockhop-Except", "a, b", Some("x"), 400, "first frame"),
        post("Sockhop-Except", &longer, Some("x"), 400, "first frame"),
    ];
    let mut stage = small();
    for (method, target, headers, body, status, text) in &rows {
        check(&mut stage, &[(method, target, headers, *body, *status, text)]);
    }
    let key = ("Idempotency-Key", "a");
    check(&mut stage, &[("POST", "/a", &[key, key], Some("x"), 400, "send it once")]);
}

#[test]
fn bytes_on_the_wire() {
    let head = |rest: &str| format!("POST /a HTTP/1.1\r\nHost: localhost\r\n{rest}");
    let cases: &[(String, u16, &str)] = &[
        (head("Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), 202, "id"),
        (head("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 202, "id"),
        // A chunked body that is too long is the server's to refuse: plain text.
        (head("Transfer-Encoding: chunked\r\n\r\n41\r\n"), 413, "The body is too large"),
        (head("Content-Length: 99999999999999999999\r\n\r\n"), 400, "Content-Length"),
        (head("Content-Length: 18446744073709551615\r\n\r\n"), 413, "Config::max_body (64)"),
        (head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, "not both"),
        (head("Content-Length: +1\r\n\r\nx"), 400, "Content-Length"),
        (head("Expect: 100-continue\r\nContent-Length: 65\r\n\r\n"), 413, "Config::max_body (64)"),
        (head("Expect: 200-maybe\r\nContent-Length: 1\r\n\r\n"), 417, "100-continue"),
        (head("Content-Length: 2\r\n\r\n\u{e9}"), 202, "id"),
        ("POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx".to_owned(), 202, "id"),
        ("POST /a HTTP/1.0\r\n\r\n".to_owned(), 411, "Content-Length"),
        ("POST * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "target"),
        ("POST /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, ""),
        ("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi".to_owned(), 200, "channel"),
        ("DELETE /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".to_owned(), 204, ""),
        ("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n".to_owned(), 413, ""),
    ];
    let mut stage = small();
    for (bytes, status, text) in cases {
        let got = send_raw(&mut stage, bytes.as_bytes());
        let said = String::from_utf8_lossy(&got.response.body).into_owned();
        assert_eq!(got.status, *status, "{bytes:?}: {said}");
        assert!(said.contains(text), "{bytes:?}: {said}");
    }
    let got = send_raw(&mut stage, b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\xed\xa0\x80");
    assert_eq!(got.status, 415, "a surrogate is no character");
    let got =
        send_raw(&mut stage, b"POST /a HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \xff\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(got.status, 400, "a key that is not UTF-8");
}
