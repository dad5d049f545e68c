//! A violation of the protocol fails the connection, with the code that says how (RFC 6455 7.1.7, 7.4.1).

use std::io::Write;

use sockhop::Config;
use sockhop::protocol::ProtocolError::{self, *};

use crate::common::raw::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use crate::common::{Reporter, TestServer, bind_with, noise};

/// A frame whose header says more than there is.
fn claim(first: u8, len: u64) -> Vec<u8> {
    [&[first, 0x80 | 127][..], &len.to_be_bytes(), &[1, 2, 3, 4]].concat()
}

/// A payload length in two or eight bytes, whatever its size.
fn long_form(marker: u8, len: &[u8]) -> Vec<u8> {
    [&[FIN | BINARY, 0x80 | marker][..], len, &[1, 2, 3, 4], b"payload"].concat()
}

/// Has clients say something good, something bad and something good again, in one write and byte by byte. The first is
/// answered, then comes a Close with the code, then the end of the stream in good order; the handler sees the same.
fn check_all(config: Config, code: u16, cases: &[(ProtocolError, Vec<u8>)]) {
    let (handler, reports) = Reporter::new();
    let server = TestServer::run(bind_with(config).mount("/", handler));
    for (error, bad) in cases {
        let bytes = [raw::text("before"), bad.clone()].concat();
        let whole = [&bytes[..], &raw::text("after")].concat();
        // Byte by byte, where it does not take long; nothing after it, for the server may have closed by then.
        let bytewise = if bytes.len() < 2000 { bytes.chunks(1).collect() } else { vec![&bytes[..]] };
        for pieces in [vec![&whole[..]], bytewise] {
            let mut stream = raw::open(server.addr(), "/");
            for piece in pieces {
                stream.write_all(piece).unwrap();
            }
            assert_eq!(raw::read_text(&mut stream), "before", "{error}");
            assert_eq!(raw::read_close(&mut stream).0, code, "{error}");
            assert_eq!(raw::read_rest(&mut stream), b"", "{error}");
            reports.expect(&["open", "text before", &format!("error {error}"), &format!("close by failure {code}")]);
        }
    }
    drop(server);
    reports.expect_end();
}

#[test]
fn a_frame_header_against_the_rules_is_1002() {
    let mut unmasked = raw::header(FIN | TEXT, 2);
    unmasked.extend(b"hi");
    check_all(
        Config::default(),
        1002,
        &[
            (UnmaskedClientFrame, unmasked),
            (ReservedBits, raw::frame(FIN | 0x40 | TEXT, b"x")),
            (ReservedBits, raw::frame(FIN | 0x20 | BINARY, b"")),
            (ReservedBits, raw::frame(FIN | 0x10 | PING, b"")),
            (ReservedOpcode, raw::frame(FIN | 3, b"x")),
            (ReservedOpcode, raw::frame(7, b"")),
            (ReservedOpcode, raw::frame(FIN | 11, b"")),
            (ReservedOpcode, raw::frame(FIN | 15, b"")),
            (NonMinimalLength, long_form(126, &[0, 125])),
            (NonMinimalLength, long_form(126, &[0, 0])),
            (NonMinimalLength, long_form(127, &[0, 0, 0, 0, 0, 0, 255, 255])),
            (LengthOverflow, claim(FIN | BINARY, 1 << 63)),
            (UnexpectedContinuation, raw::frame(CONTINUATION, b"x")),
            (UnexpectedContinuation, raw::frame(FIN | CONTINUATION, b"")),
            (InterruptedMessage, [raw::frame(TEXT, b"a"), raw::text("b")].concat()),
            (InterruptedMessage, [raw::frame(TEXT, b"a"), raw::frame(BINARY, b"b")].concat()),
            (FragmentedControl, raw::frame(PING, b"x")),
            (FragmentedControl, raw::frame(CLOSE, b"")),
            (ControlTooLong, raw::frame(FIN | PING, &[0; 126])),
            (ControlTooLong, raw::frame(FIN | PONG, &[0; 126])),
            (ControlTooLong, raw::frame(FIN | CLOSE, &[&[3, 232][..], &[b'x'; 124]].concat())),
        ],
    );
}

#[test]
fn text_that_is_not_utf_8_is_1007_at_its_first_bad_byte() {
    for bad in [
        // A byte that never occurs, a surrogate, more than U+10FFFF, an overlong form, half a character at the end, ...
        raw::frame(FIN | TEXT, b"abc\xff"),
        raw::frame(FIN | TEXT, b"\xed\xa0\x80"),
        raw::frame(FIN | TEXT, b"\xf4\x90\x80\x80"),
        raw::frame(FIN | TEXT, b"\xc0\xaf"),
        raw::frame(FIN | TEXT, b"\xe2\x82"),
        // ... in a fragment, across fragments, at the end of a long text.
        raw::frame(TEXT, b"\xff"),
        [raw::frame(TEXT, b"\xe2\x82"), raw::frame(FIN | CONTINUATION, b"x")].concat(),
        raw::frame(FIN | TEXT, &[&[b'a'; 200_000][..], b"\xff"].concat()),
    ] {
        check_all(Config::default(), 1007, &[(InvalidUtf8, bad)]);
    }
}

#[test]
fn a_bad_byte_fails_a_frame_that_is_not_finished() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::serve(handler);
    // 1,000 bytes are promised, 4 sent.
    let mut stream = raw::open(server.addr(), "/");
    let frame = raw::frame(FIN | TEXT, &[b"ab\xff\xff", &[b'x'; 996][..]].concat());
    stream.write_all(&frame[..8 + 4]).unwrap();
    assert_eq!(raw::read_close(&mut stream).0, 1007);
    reports.expect(&["open", &format!("error {InvalidUtf8}"), "close by failure 1007"]);
}

#[test]
fn a_close_frame_against_the_rules_is_1002_and_a_bad_reason_1007() {
    let mut cases = vec![(TruncatedCloseCode, raw::frame(FIN | CLOSE, &[3]))];
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push((InvalidCloseCode, raw::close(code, "")));
    }
    check_all(Config::default(), 1002, &cases);
    check_all(Config::default(), 1007, &[(InvalidCloseReason, raw::frame(FIN | CLOSE, b"\x03\xe8\xff"))]);
}

#[test]
fn messages_over_the_limit_are_1009_at_the_header_that_crosses_it() {
    let config = Config { max_message: 1000, ..Config::default() };
    let half = || raw::frame(BINARY, &[0; 500]);
    for bad in [
        claim(FIN | BINARY, 70_000),
        claim(FIN | TEXT, u64::MAX >> 1),
        raw::frame(FIN | BINARY, &[0; 1001])[..8].to_vec(),
        [half(), raw::frame(CONTINUATION, &[0; 501])[..8].to_vec()].concat(),
        [half(), claim(CONTINUATION, u64::MAX >> 1)].concat(),
    ] {
        check_all(config.clone(), 1009, &[(MessageTooBig, bad)]);
    }
}

#[test]
fn a_message_of_exactly_the_limits_passes() {
    let config = Config { max_message: 1000, max_frames: 20, ..Config::default() };
    let (handler, reports) = Reporter::new();
    let server = TestServer::run(bind_with(config).mount("/", handler));
    let mut stream = raw::open(server.addr(), "/");
    let whole = noise(3, 1000);
    let mut bytes = raw::frame(FIN | BINARY, &whole);
    // 20 frames of 50 bytes.
    for (i, piece) in whole.chunks(50).enumerate() {
        let first = [BINARY, CONTINUATION, FIN | CONTINUATION][usize::from(i > 0) + usize::from(i == 19)];
        bytes.extend(raw::frame(first, piece));
    }
    stream.write_all(&bytes).unwrap();
    for _ in 0..2 {
        assert_eq!(raw::read_frame(&mut stream), (FIN | BINARY, whole.clone()));
    }
    reports.expect(&["open", "binary of 1000", "binary of 1000"]);
}

#[test]
fn messages_of_too_many_frames_are_1008_empty_ones_counted() {
    let config = Config { max_frames: 20, ..Config::default() };
    let empty = [raw::frame(TEXT, b""), raw::frame(CONTINUATION, b"").repeat(20)].concat();
    // Control frames are no fragments.
    let pong = raw::frame(FIN | PONG, b"").repeat(50);
    let some = [raw::frame(TEXT, b"a"), pong, raw::frame(CONTINUATION, b"b").repeat(20)].concat();
    check_all(config, 1008, &[(TooManyFrames, empty), (TooManyFrames, some)]);
}
