//! Rules for all requests and refusals, across the files of this room.

use super::testing::however_split;
use super::*;

pub(crate) mod smuggling;

const ALL: [RequestError; 34] = [
    RequestError::Malformed,
    RequestError::Tls,
    RequestError::RequestLineTooLong,
    RequestError::HeadTooLarge,
    RequestError::TooManyHeaders,
    RequestError::HttpVersion,
    RequestError::Target,
    RequestError::MissingHost,
    RequestError::SeveralHosts,
    RequestError::Host,
    RequestError::ConflictingLengths,
    RequestError::SeveralLengths,
    RequestError::ContentLength,
    RequestError::TransferEncoding,
    RequestError::TransferEncodingOverHttp10,
    RequestError::Chunk,
    RequestError::ChunkLinesTooLong,
    RequestError::Trailer,
    RequestError::TrailersTooLong,
    RequestError::BodyTooLarge,
    RequestError::Expectation,
    RequestError::MethodNotGet,
    RequestError::UpgradeOverHttp10,
    RequestError::MissingUpgrade,
    RequestError::MissingConnectionUpgrade,
    RequestError::BodyNotAllowed,
    RequestError::VersionNot13,
    RequestError::MissingKey,
    RequestError::SeveralKeys,
    RequestError::Key,
    RequestError::Subprotocols,
    RequestError::SubprotocolTwice,
    RequestError::ForeignOrigin,
    RequestError::SeveralOrigins,
];

fn encode(response: &Response) -> String {
    let mut output = Vec::new();
    response.encode(&mut output, None, Body::Include, Persistence::Close);
    String::from_utf8(output).unwrap()
}

/// A server without sockets, with one mount at `/chat`: returns its refusal, or None if the handshake succeeds.
fn refuse(bytes: &[u8]) -> Option<Response> {
    let mut router = Router::default();
    router.add_mount("/chat", 0).unwrap();
    router.add_route("GET", "/page", 0).unwrap();
    let handshake = || {
        HeadScanner::default().scan(bytes)?;
        let request = Request::parse(bytes)?;
        match router.resolve(&request) {
            Resolved::Mount(_) => {}
            Resolved::Request(_) => return Ok(Some(upgrade_required(&request))),
            other => return Ok(other.refusal()),
        }
        Upgrade::from_request(&request)?;
        OriginPolicy::default().check(&request, Via::Direct, Reach::Network)?;
        Ok(None)
    };
    handshake().unwrap_or_else(|error: RequestError| Some(error.response()))
}

const VALID: [&str; 6] = [
    "GET /chat HTTP/1.1",
    "Host: a",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// The valid handshake with line `place` replaced, or `line` appended.
fn with(place: usize, line: &str) -> Vec<u8> {
    let mut lines = VALID.to_vec();
    lines.truncate(lines.len().max(place));
    match lines.get_mut(place) {
        Some(old) => *old = line,
        None => lines.push(line),
    }
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

#[test]
fn every_refusal_closes_and_gives_advice() {
    for error in ALL {
        let (response, text) = (error.response(), encode(&error.response()));
        assert_eq!(response.status(), error.status());
        assert!(text.starts_with(&format!("HTTP/1.1 {} ", error.status())), "{text}");
        let connection = if error.status() == 426 { "close, Upgrade" } else { "close" };
        assert!(text.contains(&format!("\r\nConnection: {connection}\r\n")), "{text}");
        assert_eq!(text.matches("\r\nConnection:").count(), 1, "{text}");
        assert!(text.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{text}");
        assert!(response.content().ends_with(b".\n") || response.content().ends_with(b";\n"), "{text}");
        assert_eq!(text.contains("\r\nSec-WebSocket-Version: 13\r\n"), error.status() == 426, "{text}");
        assert_eq!(text.contains("\r\nUpgrade: websocket\r\n"), error.status() == 426, "{text}");
        assert_eq!(text.contains("\r\nAllow: GET\r\n"), error.status() == 405, "{text}");
        let display = error.to_string();
        assert!(!display.is_empty() && !display.ends_with('.'), "{display}");
    }
}

#[test]
fn refusals_never_echo_the_peer() {
    let cases = [
        (with(0, "EVIL /chat HTTP/1.1"), 405),
        (with(0, "EVIL"), 400),
        (with(0, "GET /EVIL HTTP/1.1"), 404),
        (with(0, "GET /%EVIL HTTP/1.1"), 400),
        (with(0, "GET EVIL HTTP/1.1"), 400),
        (with(0, "GET /chat HTTP/9.9"), 505),
        (with(0, "GET /chat EVIL/1.1"), 400),
        (with(0, &format!("GET /{} HTTP/1.1", "EVIL".repeat(1100))), 414),
        (with(1, "Host: EVIL EVIL"), 400),
        (with(2, "Upgrade: EVIL"), 426),
        (with(3, "Connection: EVIL"), 426),
        (with(4, "Sec-WebSocket-Version: EVIL"), 426),
        (with(5, "Sec-WebSocket-Key: EVIL"), 400),
        (with(6, "Sec-WebSocket-Protocol: EVIL, EVIL"), 400),
        (with(6, "Sec-WebSocket-Protocol: EVIL EVIL"), 400),
        (with(6, "Origin: https://EVIL"), 403),
        (with(6, "Content-Length: 4EVIL"), 400),
        (with(6, "Transfer-Encoding: EVIL"), 400),
        (with(6, " EVIL"), 400),
        (with(6, "A: \0EVIL"), 400),
        (with(6, &format!("A: {}", "EVIL".repeat(2100))), 431),
        (with(6, &"EVIL: EVIL\r\n".repeat(101)), 431),
        (with(6, "EVIL: EVIL\r\n\r\nEVIL"), 0),
    ];
    for (bytes, status) in cases {
        let shown = bytes.escape_ascii();
        let Some(response) = refuse(&bytes) else {
            assert_eq!(status, 0, "{shown}");
            continue;
        };
        assert_eq!(response.status(), status, "{shown}");
        let text = encode(&response);
        assert!(!text.to_ascii_uppercase().contains("EVIL"), "{text}");
        assert!(text.contains("\r\nConnection: close"), "{text}");
    }
}

#[test]
fn lists_of_garbage_are_refused_like_short_ones() {
    for unit in ["a,", ",", " ,", "a b;=\",", "\t", "websocket/", "upgrade "] {
        let garbage = unit.repeat(7000 / unit.len());
        for (place, name, status) in
            [(2, "Upgrade", 426), (3, "Connection", 426), (6, "Sec-WebSocket-Protocol", 400), (6, "Origin", 403)]
        {
            let response = refuse(&with(place, &format!("{name}: {garbage}"))).map(|it| it.status());
            assert_eq!(response, Some(status), "{name} of {unit:?}");
        }
    }
}

/// A server that answers any request with 200: the status, the body taken from these pieces, and the bytes left.
fn take(pieces: &[&[u8]], bytes: &[u8]) -> (u16, Vec<u8>, usize) {
    let (mut scanner, mut fed, mut body) = (HeadScanner::default(), 0, Vec::new());
    let mut handle = || -> Result<usize, RequestError> {
        let mut pieces = pieces.iter().map(|piece| piece.len());
        let head = loop {
            fed += pieces.next().expect("a whole head");
            if let Some(length) = scanner.scan(&bytes[..fed])? {
                break length;
            }
        };
        let request = Request::parse(&bytes[..head])?;
        request.expects_continue()?;
        if request.wants_upgrade() {
            Upgrade::from_request(&request)?;
        }
        let mut decoder = BodyDecoder::new(request.body_length()?);
        let mut input = &bytes[head..fed];
        while !decoder.decode(&mut input, &mut body, 1 << 20)? {
            assert!(input.is_empty(), "bytes are left of an incomplete body");
            let start = fed;
            fed += pieces.next().expect("a whole body");
            input = &bytes[start..fed];
        }
        Ok(bytes.len() - fed + input.len())
    };
    match handle() {
        Ok(left) => (200, body, left),
        Err(error) => (error.status(), Vec::new(), 0),
    }
}

#[test]
fn every_request_ends_where_all_readers_see_its_end_or_is_refused() {
    let next = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases = smuggling::cases();
    assert!(cases.len() >= 60);
    for case in cases {
        let bytes = [&case.bytes[..], next].concat();
        // Cutting the longest at 2,000 places is slow and shows nothing more.
        let outcome = match bytes.len() {
            ..5000 => however_split(&bytes, |pieces| take(pieces, &bytes)),
            _ => take(&bytes.chunks(1000).collect::<Vec<_>>(), &bytes),
        };
        let left = if case.status == 200 { next.len() } else { 0 };
        assert_eq!(outcome, (case.status, case.body.as_bytes().to_vec(), left), "{}", case.bytes.escape_ascii());
    }
}
