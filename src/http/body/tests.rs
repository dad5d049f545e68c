use super::*;
use crate::http::testing::however_split;

type Length = Result<BodyLength, RequestError>;

fn head(version: &str, lines: &[&str]) -> Vec<u8> {
    format!("POST / {version}\r\nHost: a\r\n{}\r\n", lines.iter().map(|it| format!("{it}\r\n")).collect::<String>())
        .into_bytes()
}

/// The outcome of a body, the decoded bytes, and how many bytes were taken.
type Outcome = (Result<bool, RequestError>, Vec<u8>, u64);

fn decode(length: BodyLength, pieces: &[&[u8]], max: usize) -> Outcome {
    let (mut decoder, mut body, mut taken) = (BodyDecoder::new(length), Vec::new(), 0);
    let mut result = decoder.decode(&mut &[][..], &mut body, max);
    for piece in pieces {
        let mut input = *piece;
        if result == Ok(false) {
            result = decoder.decode(&mut input, &mut body, max);
        }
        taken += (piece.len() - input.len()) as u64;
        assert_eq!(decoder.wire_bytes(), taken);
        assert!(body.capacity() <= (2 * body.len()).max(8), "{} bytes for {}", body.capacity(), body.len());
    }
    (result, body, taken)
}

#[test]
fn a_head_gives_one_length_or_is_refused() {
    use BodyLength::{Chunked, Sized};
    use RequestError::*;
    let cases: &[(&[&str], Length)] = &[
        (&[], Ok(BodyLength::None)),
        (&["Content-Length: 0"], Ok(Sized(0))),
        (&["content-length:\t5 "], Ok(Sized(5))),
        (&["Content-Length: 005"], Ok(Sized(5))),
        (&["Content-Length: 18446744073709551615"], Ok(Sized(u64::MAX))),
        (&["Content-Length: 18446744073709551616"], Err(ContentLength)),
        (&["Content-Length:"], Err(ContentLength)),
        (&["Content-Length: +5"], Err(ContentLength)),
        (&["Content-Length: -5"], Err(ContentLength)),
        (&["Content-Length: 0x5"], Err(ContentLength)),
        (&["Content-Length: 5 5"], Err(ContentLength)),
        (&["Content-Length: 5,5"], Err(ContentLength)),
        (&["Content-Length: 5,"], Err(ContentLength)),
        (&["Content-Length: 5.0"], Err(ContentLength)),
        (&["Content-Length: \u{a0}5"], Err(ContentLength)),
        (&["Content-Length: \u{665}"], Err(ContentLength)),
        (&["Content-Length: 5", "Content-Length: 5"], Err(SeveralLengths)),
        (&["Content-Length: 5", "content-length: 6"], Err(SeveralLengths)),
        (&["Transfer-Encoding: chunked"], Ok(Chunked)),
        (&["transfer-encoding:CHUNKED"], Ok(Chunked)),
        (&["Transfer-Encoding:"], Err(TransferEncoding)),
        (&["Transfer-Encoding: identity"], Err(TransferEncoding)),
        (&["Transfer-Encoding: gzip, chunked"], Err(TransferEncoding)),
        (&["Transfer-Encoding: chunked, gzip"], Err(TransferEncoding)),
        (&["Transfer-Encoding: chunked, chunked"], Err(TransferEncoding)),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], Err(TransferEncoding)),
        (&["Transfer-Encoding: \"chunked\""], Err(TransferEncoding)),
        (&["Transfer-Encoding: chunked;q=1"], Err(TransferEncoding)),
        (&["Transfer-Encoding: xchunked"], Err(TransferEncoding)),
        (&["Transfer-Encoding: chunked", "Content-Length: 5"], Err(ConflictingLengths)),
        (&["Content-Length: 0", "Transfer-Encoding: identity"], Err(ConflictingLengths)),
        (&["Content-Length: 5", "Content-Length: 5", "Transfer-Encoding: chunked"], Err(ConflictingLengths)),
    ];
    for (lines, expected) in cases {
        let bytes = head("HTTP/1.1", lines);
        assert_eq!(Request::parse(&bytes).unwrap().body_length(), *expected, "{lines:?}");
    }
    let old = [("Content-Length: 5", Ok(Sized(5))), ("Transfer-Encoding: chunked", Err(TransferEncodingOverHttp10))];
    for (line, expected) in old {
        assert_eq!(Request::parse(&head("HTTP/1.0", &[line])).unwrap().body_length(), expected, "{line}");
    }
}

#[test]
fn knows_whether_the_client_waits_for_100_continue() {
    let cases: &[(&str, &[&str], Result<bool, RequestError>)] = &[
        ("HTTP/1.1", &[], Ok(false)),
        ("HTTP/1.1", &["expect: 100-Continue"], Ok(true)),
        ("HTTP/1.0", &["Expect: 100-continue"], Ok(false)),
        ("HTTP/1.1", &["Expect:"], Err(RequestError::Expectation)),
        ("HTTP/1.1", &["Expect: 200-ok"], Err(RequestError::Expectation)),
        ("HTTP/1.1", &["Expect: 100-continue, x"], Err(RequestError::Expectation)),
        ("HTTP/1.1", &["Expect: 100-continue", "Expect: x"], Err(RequestError::Expectation)),
        ("HTTP/1.0", &["Expect: x"], Err(RequestError::Expectation)),
    ];
    for (version, lines, expected) in cases {
        assert_eq!(Request::parse(&head(version, lines)).unwrap().expects_continue(), *expected, "{version} {lines:?}");
    }
}

#[test]
fn knows_whether_another_request_may_follow() {
    let cases: &[(&str, &[&str], bool)] = &[
        ("HTTP/1.1", &[], true),
        ("HTTP/1.1", &["Connection: keep-alive"], true),
        ("HTTP/1.1", &["connection: CLOSE"], false),
        ("HTTP/1.1", &["Connection: keep-alive, close"], false),
        ("HTTP/1.1", &["Connection: keep-alive", "Connection: close"], false),
        ("HTTP/1.0", &[], false),
        ("HTTP/1.0", &["Connection: keep-alive"], false),
    ];
    for (version, lines, expected) in cases {
        assert_eq!(Request::parse(&head(version, lines)).unwrap().keeps_alive(), *expected, "{version} {lines:?}");
    }
}

#[test]
fn takes_a_sized_body_and_not_a_byte_behind_it() {
    use BodyLength::{None, Sized};
    let too_large = Err(RequestError::BodyTooLarge);
    let cases: &[(BodyLength, &[u8], Outcome)] = &[
        (None, b"GET", (Ok(true), vec![], 0)),
        (Sized(0), b"GET", (Ok(true), vec![], 0)),
        (Sized(3), b"", (Ok(false), vec![], 0)),
        (Sized(3), b"ab", (Ok(false), b"ab".to_vec(), 2)),
        (Sized(3), b"abcGET", (Ok(true), b"abc".to_vec(), 3)),
        (Sized(8), b"abcdefghi", (Ok(true), b"abcdefgh".to_vec(), 8)),
        (Sized(9), b"abcdefghi", (too_large, vec![], 0)),
        (Sized(u64::MAX), b"a", (too_large, vec![], 0)),
    ];
    for (length, bytes, expected) in cases {
        let outcome = however_split(bytes, |pieces| decode(*length, pieces, 8));
        assert_eq!(outcome, *expected, "{length:?} {}", bytes.escape_ascii());
    }
}

/// Chunked bodies of at most 8 bytes, what they decode to, and how many bytes are taken.
const CHUNKED: &[(&str, Result<bool, RequestError>, &str, u64)] = {
    use RequestError::{BodyTooLarge, Chunk, Trailer};
    &[
        ("", Ok(false), "", 0),
        ("0\r\n\r\nGET", Ok(true), "", 5),
        ("3\r\nabc\r\n0\r\n\r\nGET", Ok(true), "abc", 13),
        ("1\r\na\r\n002\r\n\r\n\r\n00\r\n\r\n0", Ok(true), "a\r\n", 21),
        ("8\r\nabcdefgh\r\n0\r\n\r\n", Ok(true), "abcdefgh", 18),
        ("0000000000000000\r\n\r\n", Ok(true), "", 20),
        ("3;a=\"b\t\u{e9};\";\r\nabc\r\n0;\r\n\r\n", Ok(true), "abc", 25),
        ("0\r\nA: b\r\nC:\td\u{e9}\r\n\r\n0", Ok(true), "", 19),
        ("3\r\nab", Ok(false), "ab", 5),
        ("3\r\nabc\r\n", Ok(false), "abc", 8),
        ("0\r\n", Ok(false), "", 3),
        ("0\r\nA:\r\n", Ok(false), "", 7),
        ("9\r\nabcdefghi", Err(BodyTooLarge), "", 3),
        ("a\r\n", Err(BodyTooLarge), "", 3),
        ("ffffffffffffffff\r\n", Err(BodyTooLarge), "", 18),
        ("5\r\nabcde\r\n4\r\n", Err(BodyTooLarge), "abcde", 13),
        ("10000000000000000\r\n", Err(Chunk), "", 16),
        ("00000000000000001\r\n", Err(Chunk), "", 16),
        ("\r\n", Err(Chunk), "", 0),
        (";a\r\n", Err(Chunk), "", 0),
        (" 3\r\n", Err(Chunk), "", 0),
        ("3 \r\n", Err(Chunk), "", 1),
        ("3 ;a\r\n", Err(Chunk), "", 1),
        ("3\t\r\n", Err(Chunk), "", 1),
        ("+3\r\n", Err(Chunk), "", 0),
        ("-3\r\n", Err(Chunk), "", 0),
        ("0x3\r\n", Err(Chunk), "", 1),
        ("g\r\n", Err(Chunk), "", 0),
        ("3_0\r\n", Err(Chunk), "", 1),
        ("3\nabc\n0\n\n", Err(Chunk), "", 1),
        ("3\rabc", Err(Chunk), "", 2),
        ("3;a\nb\r\n", Err(Chunk), "", 3),
        ("3;a\rb\r\n", Err(Chunk), "", 4),
        ("3;\0\r\n", Err(Chunk), "", 2),
        ("3\r\nabcd\r\n", Err(Chunk), "abc", 6),
        ("3\r\nabc\n0\r\n", Err(Chunk), "abc", 6),
        ("3\r\nabc\r0\r\n", Err(Chunk), "abc", 7),
        ("3\r\nabc0\r\n\r\n", Err(Chunk), "abc", 6),
        ("0\r\nGET / HTTP/1.1\r\n", Err(Trailer), "", 6),
        ("0\r\n\n", Err(Trailer), "", 3),
        ("0\r\n\r\r\n", Err(Trailer), "", 4),
        ("0\r\n: a\r\n", Err(Trailer), "", 3),
        ("0\r\nA\r\n", Err(Trailer), "", 4),
        ("0\r\nA : b\r\n", Err(Trailer), "", 4),
        ("0\r\nA: b\n\r\n", Err(Trailer), "", 7),
        ("0\r\nA: b\rB: c\r\n", Err(Trailer), "", 8),
        ("0\r\nA: \0\r\n", Err(Trailer), "", 6),
        ("0\r\nA: b\r\n c\r\n\r\n", Err(Trailer), "", 9),
        ("0\r\n\u{e9}: b\r\n", Err(Trailer), "", 3),
    ]
};

#[test]
fn takes_chunks_and_refuses_at_the_byte_that_breaks_a_rule() {
    for (bytes, result, body, taken) in CHUNKED {
        let outcome = however_split(bytes.as_bytes(), |pieces| decode(BodyLength::Chunked, pieces, 8));
        assert_eq!(outcome, (*result, body.as_bytes().to_vec(), *taken), "{bytes:?}");
    }
}

#[test]
fn chunk_lines_and_trailers_are_bounded() {
    let extension = |length: usize| format!("1;{}\r\na\r\n0\r\n\r\n", "e".repeat(length - 1));
    // 4,680 lines of 14 bytes leave 16 for the last one.
    let lines = |last: &str| format!("{}{last}\r\n\r\n", "1;34567890ab\r\na\r\n".repeat(4680));
    let trailers = |length: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(length - 5));
    let cases = [
        (extension(256), Ok(true)),
        (extension(257), Err(RequestError::ChunkLinesTooLong)),
        (lines("0;34567890abcd"), Ok(true)),
        (lines("0;34567890abcde"), Err(RequestError::ChunkLinesTooLong)),
        (trailers(1024), Ok(true)),
        (trailers(1025), Err(RequestError::TrailersTooLong)),
        ("0\r\n".to_owned() + &"A:\r\n".repeat(256) + "\r\n", Ok(true)),
        ("0\r\n".to_owned() + &"A:\r\n".repeat(257) + "\r\n", Err(RequestError::TrailersTooLong)),
    ];
    for (bytes, expected) in cases {
        // Cutting 80 KB at 2,000 places is slow and shows nothing more.
        let (result, ..) = match bytes.len() {
            ..5000 => however_split(bytes.as_bytes(), |pieces| decode(BodyLength::Chunked, pieces, 1 << 20)),
            _ => decode(BodyLength::Chunked, &bytes.as_bytes().chunks(1000).collect::<Vec<_>>(), 1 << 20),
        };
        assert_eq!(result, expected, "{} bytes: {}", bytes.len(), &bytes[..20]);
    }
}

#[test]
fn counts_the_bytes_that_are_there_already() {
    let (mut decoder, mut body) = (BodyDecoder::new(BodyLength::Sized(3)), b"before".to_vec());
    assert_eq!(decoder.decode(&mut &b""[..], &mut body, 8), Err(RequestError::BodyTooLarge));
    let mut decoder = BodyDecoder::new(BodyLength::Sized(3));
    assert_eq!(decoder.decode(&mut &b"abc"[..], &mut body, 9), Ok(true));
    assert_eq!(body, b"beforeabc");
}
