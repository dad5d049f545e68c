//! Plain requests: how an input becomes some, and how the handlers under test answer each. An answer depends on nothing but
//! the request, so that a model can give it, too.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::Arc;

use sockhop::http::{Request, Response};

use crate::{Draw, masked_frame};

/// A handler's answer to a request.
pub enum Reply {
    Now(Response),
    /// Put off.
    Later(Response),
    Panic,
}

/// Bytes that the body may have, the response that refuses it, or `None` for a panic. `max_body` is the configured limit.
pub fn admit(request: &Request<'_>, max_body: usize) -> Option<Result<usize, Response>> {
    match request.query_param("admit").as_deref() {
        Some("no") => Some(Err(Response::text(401, "a token is missing\n"))),
        Some("panic") => None,
        Some(most) => Some(Ok(most.parse().unwrap_or(max_body))),
        None => Some(Ok(max_body)),
    }
}

/// The answer: a mirror of the request, or its body, or as the query says.
pub fn reply(request: &Request<'_>, body: &[u8]) -> Reply {
    let mirror = || Response::text(200, seen(request, body));
    match request.query_param("reply").as_deref() {
        Some("later") => Reply::Later(mirror()),
        Some("panic") => Reply::Panic,
        Some("body") => Reply::Now(Response::new(201).shared_body(Arc::from(body))),
        Some("body-later") => Reply::Later(Response::new(200).shared_body(Arc::from(body))),
        Some(status) => Reply::Now(status.parse().map_or_else(|_| mirror(), Response::new)),
        None => Reply::Now(mirror()),
    }
}

/// A request as a handler has seen it.
pub fn seen(request: &Request<'_>, body: &[u8]) -> String {
    format!("{} {} {} {:x}", request.method(), request.path(), body.len(), digest(body))
}

pub fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "GET", "POST", "OPTIONS", "DELETE"];
const TARGETS: [&str; 16] = [
    "/chat",
    "/chat?reply=later",
    "/page",
    "/files/a",
    "/chat?reply=body",
    "/chat?reply=body-later",
    "/chat?admit=100",
    "/chat?admit=no",
    "/chat?admit=panic",
    "/chat?reply=panic",
    "/chat?reply=204",
    "/ws/rooms/a?reply=404",
    "/nothing",
    "/chat?admit=100000&reply=later",
    "/%2e%2e/",
    "http://b/rooms/x",
];

/// A request that mostly keeps the rules:
///
/// | bytes | meaning |
/// |---|---|
/// | 1 | bits 0 to 2: the method; 4 to 7: the target |
/// | 1 | bits 0, 1: no body, one with a length, in chunks, in chunks with extensions and a trailer; 2: expects 100; |
/// |   | 3: the last one; 4: HTTP/1.0; 5: behind an empty line; 6, 7: the body is a frame, a request, or one byte again |
/// |   | and again |
/// | with a body | its length; for chunks the length of the longest one |
pub fn draw_request(draw: &mut Draw<'_>) -> Vec<u8> {
    let (Some(first), Some(second)) = (draw.byte(), draw.byte()) else { return Vec::new() };
    let is_set = |bit: u8| second >> bit & 1 != 0;
    let (method, target) = (METHODS[usize::from(first & 7)], TARGETS[usize::from(first >> 4)]);
    let version = if is_set(4) { "1.0" } else { "1.1" };
    let mut bytes = Vec::new();
    let mut put = |text: &str| bytes.extend_from_slice(text.as_bytes());
    if is_set(5) {
        put("\r\n");
    }
    put(&format!("{method} {target} HTTP/{version}\r\nHost: a\r\n"));
    if is_set(2) {
        put("Expect: 100-continue\r\n");
    }
    if is_set(3) {
        put("Connection: close\r\n");
    }
    let length = if second & 3 == 0 { 0 } else { draw.length() };
    let body: Vec<u8> = match second >> 6 {
        0 => vec![first; length],
        1 => masked_frame(0x81, b"hidden").repeat(length / 12 + 1),
        _ => b"GET /chat HTTP/1.1\r\nHost: hidden\r\n\r\n".repeat(length / 36 + 1),
    };
    match second & 3 {
        0 => put("\r\n"),
        1 => {
            put(&format!("Content-Length: {}\r\n\r\n", body.len()));
            bytes.extend(body);
        }
        framing => {
            put("Transfer-Encoding: chunked\r\n\r\n");
            let (extension, trailer) = if framing == 2 { ("", "") } else { (";a=\"b\"", "Trailer: x\r\n") };
            bytes.extend(chunked(&body, 1 + draw.length(), extension, trailer));
        }
    }
    bytes
}

/// A body in chunks of at most `most` bytes (RFC 9112 7.1). Each chunk line has the extension.
pub fn chunked(body: &[u8], most: usize, extension: &str, trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(most) {
        write!(bytes, "{:X}{extension}\r\n", chunk.len()).expect("a vector takes all");
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    write!(bytes, "0{extension}\r\n{trailers}\r\n").expect("a vector takes all");
    bytes
}
