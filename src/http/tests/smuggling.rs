//! Requests about whose end two readers may disagree, and the one answer that each gets.
//!
//! This file needs nothing of the crate, so that tests of other rooms can use the same tables. They hold for a server
//! that answers any request to `/` with 200 and takes bodies of at most 1 MiB.

/// A request, the status that answers it (200: it is taken), and the body that is taken.
///
/// Bytes that follow are the next request if this one is taken, and are never read if it is refused.
pub(crate) struct Case {
    pub bytes: Vec<u8>,
    pub status: u16,
    pub body: &'static str,
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    let chunked = |body: &str| format!("{head}Transfer-Encoding: chunked\r\n\r\n{body}").into_bytes();
    let case = |bytes, status, body| Case { bytes, status, body };
    let mut cases = Vec::new();
    cases.extend(REQUESTS.iter().map(|(bytes, status, body)| case(bytes.to_vec(), *status, body)));
    cases.extend(LENGTHS.iter().map(|(rest, status, body)| case([head, rest].concat().into_bytes(), *status, body)));
    cases.extend(CHUNKS.iter().map(|(bytes, status, body)| case(chunked(bytes), *status, body)));
    let extension = |length: usize| format!("1{}\r\na\r\n0\r\n\r\n", ";".repeat(length));
    let lines = |count: usize| "1;3456789abcde\r\na\r\n".repeat(count) + "0\r\n\r\n";
    let trailers = |length: usize| format!("0\r\nA:{}\r\n\r\n", "b".repeat(length - 4));
    cases.extend([
        case(chunked(&extension(256)), 200, "a"),
        case(chunked(&extension(257)), 400, ""),
        case(chunked(&lines(4096)), 400, ""),
        case(chunked(&trailers(1024)), 200, ""),
        case(chunked(&trailers(1025)), 400, ""),
    ]);
    cases
}

/// Whole requests.
const REQUESTS: &[(&[u8], u16, &str)] = &[
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""),
    (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""),
    (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, ""),
    (b"GET / HTTP/1.1\rHost: a\r\r", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\rContent-Length: 5\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\nContent-Length: 5\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x0bc\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\xff\r\n\r\n", 200, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX\xff: b\r\n\r\n", 400, ""),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\xff\r\n\r\na", 400, ""),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xffchunked\r\n\r\n0\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded: c\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tfolded: c\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa9: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\0: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, ""),
    (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET /\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET / b HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET /\r\n\r\n", 400, ""),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, ""),
    (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, ""),
    (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"GET /#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400, ""),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi", 426, ""),
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 2\r\n\r\nhi",
        400,
        "",
    ),
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "",
    ),
];

/// POST requests, from the line behind Host on.
const LENGTHS: &[(&str, u16, &str)] = &[
    ("\r\n", 200, ""),
    ("Content-Length: 0\r\n\r\n", 200, ""),
    ("Content-Length: 5\r\n\r\nhello", 200, "hello"),
    ("content-length:\t5\t\r\n\r\nhello", 200, "hello"),
    ("Content-Length: 0000000005\r\n\r\nhello", 200, "hello"),
    ("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n", 200, ""),
    ("Content-Length: \r\n\r\n", 400, ""),
    ("Content-Length: +5\r\n\r\nhello", 400, ""),
    ("Content-Length: -5\r\n\r\nhello", 400, ""),
    ("Content-Length: 0x5\r\n\r\nhello", 400, ""),
    ("Content-Length: 5.\r\n\r\nhello", 400, ""),
    ("Content-Length: 1e1\r\n\r\nhello", 400, ""),
    ("Content-Length: 5 0\r\n\r\nhello", 400, ""),
    ("Content-Length: 5,5\r\n\r\nhello", 400, ""),
    ("Content-Length: 5, 6\r\n\r\nhello", 400, ""),
    ("Content-Length: 5;x\r\n\r\nhello", 400, ""),
    ("Content-Length: \"5\"\r\n\r\nhello", 400, ""),
    ("Content-Length: \u{a0}5\r\n\r\nhello", 400, ""),
    ("Content-Length: \u{665}\r\n\r\nhello", 400, ""),
    ("Content-Length: 18446744073709551616\r\n\r\nhello", 400, ""),
    ("Content-Length: 18446744073709551621\r\n\r\nhello", 400, ""),
    ("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, ""),
    ("Content-Length: 5\r\ncontent-length: 0\r\n\r\nhello", 400, ""),
    ("Content-Length : 5\r\n\r\nhello", 400, ""),
    ("Content-Length: 1048577\r\n\r\nhello", 413, ""),
    ("Content-Length: 18446744073709551615\r\n\r\nhello", 413, ""),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, ""),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Content-Length: 5\r\nTransfer-Encoding:\r\n\r\nhello", 400, ""),
    ("Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello", 400, ""),
    ("transfer-encoding:CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello"),
    ("Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: x chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: \u{a0}chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello", 417, ""),
    ("Expect: x\r\n\r\n", 417, ""),
];

/// Chunked bodies.
const CHUNKS: &[(&str, u16, &str)] = &[
    ("0\r\n\r\n", 200, ""),
    ("5\r\nhello\r\n0\r\n\r\n", 200, "hello"),
    ("1\r\na\r\nA\r\n0123456789\r\n000\r\n\r\n", 200, "a0123456789"),
    ("5;a=\"b\";c\r\nhello\r\n0\r\n\r\n", 200, "hello"),
    ("5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n", 200, "hello"),
    ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", 200, "0\r\n\r\n"),
    ("\r\n0\r\n\r\n", 400, ""),
    ("5\nhello\n0\n\n", 400, ""),
    ("5\rhello\r\n0\r\n\r\n", 400, ""),
    ("5\r\nhello\n0\r\n\r\n", 400, ""),
    ("5\r\nhello0\r\n\r\n", 400, ""),
    ("5\r\nhelloX\r\n0\r\n\r\n", 400, ""),
    ("4\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("6\r\nhello\r\n0\r\n\r\n", 400, ""),
    (" 5\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5 \r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5\t\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5 ;a\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("0x5\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("+5\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("-5\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5h\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5,5\r\nhello\r\n0\r\n\r\n", 400, ""),
    (";a\r\n0\r\n\r\n", 400, ""),
    ("5;a\nhello\r\n0\r\n\r\n", 400, ""),
    ("5;a\rb\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("5;\0\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("10000000000000005\r\nhello\r\n0\r\n\r\n", 400, ""),
    ("100001\r\nhello\r\n", 413, ""),
    ("5\r\nhello\r\nffffffffffffffff\r\n", 413, ""),
    ("0\r\n\n", 400, ""),
    ("0\n\r\n", 400, ""),
    ("0\r\nX: y\n\r\n", 400, ""),
    ("0\r\nX: y\rZ: z\r\n\r\n", 400, ""),
    ("0\r\nX : y\r\n\r\n", 400, ""),
    ("0\r\n: y\r\n\r\n", 400, ""),
    ("0\r\nX: y\r\n z\r\n\r\n", 400, ""),
    ("0\r\nX: \0\r\n\r\n", 400, ""),
    ("0\r\nGET / HTTP/1.1\r\n\r\n", 400, ""),
];
