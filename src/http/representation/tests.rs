use super::*;
use crate::http::{Body, Persistence};

fn style() -> Representation {
    Representation::new("text/css", &b"a{}"[..])
}

fn status(lines: &[&str]) -> u16 {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.concat());
    style().answer(&Request::parse(head.as_bytes()).unwrap()).status()
}

#[test]
fn is_sent_unless_the_client_has_it() {
    let tag = style().etag().to_owned();
    assert_eq!(status(&[]), 200);
    let known = [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}"), format!("\"a,b\",W/{tag} ,")];
    for value in known {
        assert_eq!(status(&[&format!("If-None-Match: {value}\r\n")]), 304, "{value}");
    }
    for value in ["", "\"x\"", tag.trim_matches('"'), &tag.to_lowercase(), "w/*"] {
        assert_eq!(status(&[&format!("If-None-Match: {value}\r\n")]), 200, "{value}");
    }
    assert_eq!(status(&["If-None-Match: \"x\"\r\n", &format!("If-None-Match: {tag}\r\n")]), 304);
}

#[test]
fn its_tag_changes_with_its_bytes_its_type_and_its_coding() {
    let others = [
        Representation::new("text/css", &b"a{} "[..]),
        Representation::new("text/plain", &b"a{}"[..]),
        Representation::encoded("text/css", ContentCoding::Gzip, &b"a{}"[..]),
        Representation::encoded("text/css", ContentCoding::Brotli, &b"a{}"[..]),
    ];
    for other in others {
        assert_ne!(other.etag(), style().etag());
    }
    assert_eq!(style().etag(), style().etag());
}

#[test]
fn an_answer_304_has_the_tag_and_no_body() {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: {}\r\n\r\n", style().etag());
    let mut output = Vec::new();
    let answer = style().answer(&Request::parse(head.as_bytes()).unwrap());
    answer.encode(&mut output, None, Body::Include, Persistence::KeepAlive);
    let output = String::from_utf8(output).unwrap();
    assert!(output.starts_with("HTTP/1.1 304 Not Modified\r\n") && output.ends_with("\r\n\r\n"), "{output}");
    assert!(output.contains(&format!("\r\nETag: {}\r\n", style().etag())), "{output}");
    assert!(!output.contains("Content-Length") && !output.contains("Content-Type:"), "{output}");
}

/// The answer to a request with these lines for the digits, which are ten bytes.
fn digits(method: &str, lines: &str) -> Response {
    let digits = Representation::new("audio/wav", &b"0123456789"[..]);
    let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.replace("TAG", digits.etag()));
    digits.answer(&Request::parse(head.as_bytes()).unwrap())
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

#[test]
fn a_part_is_sent_to_a_client_that_asks_for_one() {
    let huge = "9".repeat(30);
    let to_huge = format!("bytes=4-{huge}");
    let last_huge = format!("bytes=-{huge}");
    let parts = [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=0-", "0123456789", "bytes 0-9/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=9-9", "9", "bytes 9-9/10"),
        ("bytes=7-100", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-10", "0123456789", "bytes 0-9/10"),
        ("bytes=-11", "0123456789", "bytes 0-9/10"),
        ("Bytes=1-1", "1", "bytes 1-1/10"),
        ("bytes= 1-1 ,, ", "1", "bytes 1-1/10"),
        ("bytes=0001-0002", "12", "bytes 1-2/10"),
        (&to_huge, "456789", "bytes 4-9/10"),
        (&last_huge, "0123456789", "bytes 0-9/10"),
    ];
    for (range, body, told) in parts {
        let answer = digits("GET", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status(), answer.content()), (206, body.as_bytes()), "{range}");
        assert_eq!(header(&answer, "Content-Range"), Some(told), "{range}");
        assert_eq!(header(&answer, "Content-Type"), Some("audio/wav"));
        assert!(header(&answer, "ETag").is_some());
        let mut output = Vec::new();
        answer.encode(&mut output, None, Body::Include, Persistence::KeepAlive);
        let length = format!("\r\nContent-Length: {}\r\n", body.len());
        assert!(String::from_utf8(output).unwrap().contains(&length), "{range}");
    }
}

#[test]
fn a_part_behind_the_end_is_refused() {
    let huge = format!("bytes={}-", "9".repeat(30));
    for range in ["bytes=10-", "bytes=10-10", "bytes=10-11", "bytes=-0", &huge] {
        let answer = digits("GET", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status(), answer.content()), (416, &b""[..]), "{range}");
        assert_eq!(header(&answer, "Content-Range"), Some("bytes */10"), "{range}");
    }
}

#[test]
fn any_other_range_is_ignored() {
    let ranges = [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=1",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-2x",
        "bytes=1--2",
        "bytes=--2",
        "bytes=1 - 2",
        "bytes=0x1-2",
        "items=1-2",
        "seconds=1-",
        "bytes 1-2",
        "=1-2",
        // Several parts may be answered with the whole (14.2).
        "bytes=1-2,4-5",
        "bytes=0-,0-",
        "bytes=1-2, -1",
    ];
    for range in ranges {
        let answer = digits("GET", &format!("Range: {range}\r\n"));
        assert_eq!((answer.status(), answer.content()), (200, &b"0123456789"[..]), "{range}");
        assert_eq!((header(&answer, "Content-Range"), header(&answer, "Accept-Ranges")), (None, Some("bytes")));
    }
    assert_eq!(digits("GET", "Range: bytes=1-2\r\nRange: bytes=1-2\r\n").status(), 200);
    assert_eq!(digits("HEAD", "Range: bytes=1-2\r\n").status(), 200, "Range is defined for GET alone (14.2)");
    let empty = Representation::new("text/plain", &b""[..]);
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n";
    assert_eq!(empty.answer(&Request::parse(head).unwrap()).status(), 200);
}

#[test]
fn a_part_of_another_version_is_not_sent() {
    let cases = [
        ("If-Range: TAG\r\n", 206),
        ("If-Range: W/TAG\r\n", 200),
        ("If-Range: \"other\"\r\n", 200),
        ("If-Range: *\r\n", 200),
        ("If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200),
        ("If-Range: TAG\r\nIf-Range: \"other\"\r\n", 200),
        ("If-None-Match: TAG\r\n", 304),
        ("If-None-Match: \"other\"\r\nIf-Range: TAG\r\n", 206),
    ];
    for (lines, status) in cases {
        assert_eq!(digits("GET", &format!("Range: bytes=1-2\r\n{lines}")).status(), status, "{lines}");
    }
    // The part does not exist in this version, but the client asks for the part of another: it gets all of this one.
    assert_eq!(digits("GET", "Range: bytes=10-\r\nIf-Range: \"other\"\r\n").status(), 200);
}

#[test]
fn bytes_that_are_compressed_say_so_but_not_in_a_304() {
    let style = Representation::encoded("text/css", ContentCoding::Brotli, &b"\x0b"[..]);
    let answer = |lines: String| {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        style.answer(&Request::parse(head.as_bytes()).unwrap())
    };
    for (lines, status, coding) in [
        (String::new(), 200, Some("br")),
        ("Range: bytes=0-0\r\n".to_owned(), 206, Some("br")),
        (format!("If-None-Match: {}\r\n", style.etag()), 304, None),
    ] {
        let answer = answer(lines);
        assert_eq!((answer.status(), header(&answer, "Content-Encoding")), (status, coding));
    }
    let missing = style.answer_with(404);
    assert_eq!((missing.status(), header(&missing, "Content-Encoding")), (404, Some("br")));
    assert_eq!(header(&missing, "ETag"), None);
}
