use super::*;
use crate::http::testing::however_split;
use crate::http::{Persistence, Request, Response, Upgrade};

#[test]
fn a_request_is_read_as_it_was_written() {
    let headers = [("X-A", "b\tc \u{e9}"), ("Connection", "close")];
    for (method, target, body) in [("GET", "/a?b", None), ("POST", "/", Some(&b"body"[..])), ("PUT", "/", Some(b""))] {
        let mut output = b"before".to_vec();
        encode_request(method, target, "a:80", &headers, body, &mut output).unwrap();
        let output = output.strip_prefix(b"before").unwrap();
        let request = Request::parse(output).unwrap();
        assert_eq!((request.method(), request.target(), request.authority()), (method, target, Some("a:80")));
        assert_eq!(request.headers().skip(1).take(2).collect::<Vec<_>>(), headers);
        let length = body.map_or(BodyLength::None, |body| BodyLength::Sized(body.len() as u64));
        assert_eq!(request.body_length(), Ok(length));
        assert!(output.ends_with(&[b"\r\n\r\n", body.unwrap_or_default()].concat()));
    }
}

#[test]
fn no_part_of_a_request_ends_its_line_early() {
    use RequestError::{Host, Malformed, Target};
    let cases = [
        ("", "/", "a", ("X", "y"), Malformed),
        ("GET /evil HTTP/1.1\r\nX:", "/", "a", ("X", "y"), Malformed),
        ("GET", "", "a", ("X", "y"), Target),
        ("GET", "evil", "a", ("X", "y"), Target),
        ("GET", "/ HTTP/1.1\r\nX:", "a", ("X", "y"), Target),
        ("GET", "/a b", "a", ("X", "y"), Target),
        ("CONNECT", "/", "a", ("X", "y"), Target),
        ("GET", "/", "a\r\nEvil: b", ("X", "y"), Host),
        ("GET", "/", "", ("X", "y"), Host),
        ("GET", "/", "a", ("X", "y\r\nEvil: b"), Malformed),
        ("GET", "/", "a", ("X", "y\nz"), Malformed),
        ("GET", "/", "a", ("X", "y\0z"), Malformed),
        ("GET", "/", "a", ("X: y\r\nZ", "z"), Malformed),
        ("GET", "/", "a", ("X ", "z"), Malformed),
        ("GET", "/", "a", ("host", "b"), Malformed),
        ("GET", "/", "a", ("content-length", "5"), Malformed),
        ("GET", "/", "a", ("Transfer-Encoding", "chunked"), Malformed),
    ];
    for (method, target, host, header, expected) in cases {
        let mut output = Vec::new();
        let result = encode_request(method, target, host, &[header], None, &mut output);
        assert_eq!((result, output.len()), (Err(expected), 0), "{method:?} {target:?} {host:?} {header:?}");
    }
}

/// Statuses and bodies, then the end or the error, then the number of bytes taken.
type Outcome = (Vec<(u16, String)>, Result<(), ResponseError>, usize);

/// Reads responses with bodies of at most 8 bytes until the connection ends behind these pieces.
fn read(pieces: &[&[u8]], body: Body) -> Outcome {
    let (mut parser, mut responses, mut taken) = (ResponseParser::new(8), Vec::new(), 0);
    let text = |response: ReceivedResponse| (response.status, String::from_utf8(response.body).unwrap());
    for piece in pieces {
        let mut input = *piece;
        loop {
            let left = input.len();
            let result = parser.receive(&mut input, body);
            taken += left - input.len();
            match result {
                Ok(Some(response)) => responses.push(text(response)),
                Ok(None) => break,
                Err(error) => return (responses, Err(error), taken),
            }
        }
        assert!(input.is_empty(), "bytes are left of an incomplete response");
    }
    let end = parser.end().map(|last| responses.extend(last.map(text)));
    (responses, end, taken)
}

#[test]
fn reads_responses_one_behind_the_other() {
    use Body::{Include, Omit};
    type Case<'a> = (&'a str, Body, &'a [(u16, &'a str)]);
    let cases: &[Case<'_>] = &[
        ("", Include, &[]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Include, &[(200, "ok")]),
        ("HTTP/1.1 200\r\nContent-Length: 8\r\n\r\n12345678", Include, &[(200, "12345678")]),
        (
            "HTTP/1.1 404 \u{e9}\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nno\r\n0\r\nA: b\r\n\r\n",
            Include,
            &[(404, "no")],
        ),
        ("HTTP/1.1 200 OK\r\n\r\nto end", Include, &[(200, "to end")]),
        ("HTTP/1.0 200 OK\r\n\r\n", Include, &[(200, "")]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 304 N\r\n\r\n", Omit, &[(200, ""), (304, "")]),
        ("HTTP/1.1 204 N\r\n\r\nHTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n", Include, &[(204, ""), (304, "")]),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 1\r\n\r\n\
             aHTTP/1.1 500 I\r\nContent-Length: 0\r\n\r\n",
            Include,
            &[(100, ""), (201, "a"), (500, "")],
        ),
    ];
    for (bytes, body, expected) in cases {
        let (responses, end, taken) = however_split(bytes.as_bytes(), |pieces| read(pieces, *body));
        let responses: Vec<_> = responses.iter().map(|(status, body)| (*status, &**body)).collect();
        assert_eq!((&responses[..], end, taken), (*expected, Ok(()), bytes.len()), "{bytes:?}");
    }
}

#[test]
fn a_value_that_is_not_utf8_is_shown_as_far_as_it_is() {
    let mut parser = ResponseParser::new(8);
    let response = parser.receive(&mut &b"HTTP/1.1 204 \r\nX: caf\xe9\r\n\r\n"[..], Body::Include).unwrap().unwrap();
    assert_eq!(response.header("x"), Some("caf\u{FFFD}"));
}

#[test]
fn refuses_responses_for_the_reasons_of_requests() {
    use RequestError::*;
    use ResponseError::{Incomplete, Invalid};
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(8192));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    let cases = [
        ("HTTP/1.1 200 OK\n", Invalid(Malformed)),
        ("\u{16}\u{3}\u{1}", Invalid(RequestError::Tls)),
        ("SSH-2.0-OpenSSH\r\n\r\n", Invalid(HttpVersion)),
        ("HTTP/1.1 2x0 OK\r\n\r\n", Invalid(Malformed)),
        ("HTTP/1.1 099 OK\r\n\r\n", Invalid(Malformed)),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Invalid(Malformed)),
        ("HTTP/2.0 200 OK\r\n\r\n", Invalid(HttpVersion)),
        (&*long, Invalid(HeadTooLarge)),
        (&*many, Invalid(TooManyHeaders)),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", Invalid(ContentLength)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", Invalid(SeveralLengths)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Invalid(TransferEncoding)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Invalid(BodyTooLarge)),
        ("HTTP/1.1 200 OK\r\n\r\n123456789", Invalid(BodyTooLarge)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", Invalid(Chunk)),
        ("HTTP/1.1 200 OK\r\n", Incomplete),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Incomplete),
    ];
    for (bytes, error) in cases {
        let outcome = however_split(bytes.as_bytes(), |pieces| {
            let (responses, end, _) = read(pieces, Body::Include);
            (responses, end)
        });
        assert_eq!(outcome, (vec![], Err(error)), "{bytes:?}");
    }
    assert_eq!(Invalid(Chunk).to_string(), "invalid response: malformed chunk");
}

#[test]
fn reads_the_responses_of_the_server() {
    for body in [Body::Include, Body::Omit] {
        let mut bytes = Vec::new();
        Response::text(200, "a").header("X-A", "b").encode(&mut bytes, None, body, Persistence::KeepAlive);
        Response::new(204).encode(&mut bytes, None, body, Persistence::KeepAlive);
        RequestError::MissingUpgrade.response().encode(&mut bytes, None, body, Persistence::Close);
        let (mut parser, mut input) = (ResponseParser::new(1024), &bytes[..]);
        let mut next = || parser.receive(&mut input, body).unwrap().unwrap();
        let first = next();
        assert_eq!((first.status, first.header("x-a"), first.header("connection")), (200, Some("b"), None));
        assert_eq!(first.body, if body == Body::Include { &b"a"[..] } else { b"" });
        assert_eq!(next().status, 204);
        let last = next();
        assert_eq!((last.status, last.header("upgrade")), (426, Some("websocket")));
        assert_eq!(last.header_lines("connection").collect::<Vec<_>>(), ["close, Upgrade"]);
        assert_eq!((parser.end(), input), (Ok(None), &b""[..]));
    }
}

#[test]
fn checks_the_response_to_an_opening_handshake() {
    use ResponseError::{AcceptKey, MissingConnectionUpgrade, MissingUpgrade, NotSwitchingProtocols};
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let mut written = Vec::new();
    Upgrade::encode_response(&accept_key(key), None, &[], &mut written);
    let valid = String::from_utf8(written).unwrap();
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let cases = [
        (valid.clone(), Ok(())),
        (valid.replace("Upgrade: websocket", "upgrade: WebSocket"), Ok(())),
        (valid.replace("n: Upgrade", "n: keep-alive, upgrade"), Ok(())),
        (valid.replace("101", "200") + "0", Err(NotSwitchingProtocols)),
        (valid.replace("Upgrade: websocket\r\n", ""), Err(MissingUpgrade)),
        (valid.replace("websocket", "h2c"), Err(MissingUpgrade)),
        (valid.replace("n: Upgrade", "n: close"), Err(MissingConnectionUpgrade)),
        (valid.replace(accept, ""), Err(AcceptKey)),
        (valid.replace(accept, &accept.repeat(2)), Err(AcceptKey)),
        (valid.replace("s3p", "S3P"), Err(AcceptKey)),
    ];
    for (text, expected) in cases {
        let (mut parser, mut input) = (ResponseParser::new(8), text.as_bytes());
        let response = parser.receive(&mut input, Body::Include).unwrap();
        let response = response.or_else(|| parser.end().unwrap()).unwrap();
        assert_eq!(response.check_handshake(key), expected, "{text}");
    }
}
