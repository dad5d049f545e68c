use super::ProxyHeaderError::{Command, Family, Line, LineTooLong, Signature, TooLong, TooShort};
use super::*;

/// A header of version 2.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("a block that fits").to_be_bytes();
    [SIGNATURE, &[command, family], &length, block].concat()
}

fn client(address: &str) -> ProxyHeader {
    ProxyHeader::Client(address.parse().expect(address))
}

fn tcp4() -> [u8; 12] {
    [192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 0x04, 0x01, 0xbb]
}

fn tcp6() -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv6Addr>().expect(text).octets();
    [&address("2001:db8::7")[..], &address("::1"), &[0xdc, 0x04, 0x01, 0xbb]].concat()
}

/// Checks the header in `bytes` when a request follows, and that every shorter piece is incomplete.
#[track_caller]
fn check(bytes: &[u8], expected: ProxyHeader) {
    let what = String::from_utf8_lossy(bytes);
    for length in 0..bytes.len() {
        assert_eq!(ProxyHeader::parse(&bytes[..length]), Ok(None), "{length} bytes of {what:?}");
    }
    for behind in [&b""[..], b"G", b"GET / HTTP/1.1\r\n\r\n", b"\r\n", b"PROXY "] {
        let all = [bytes, behind].concat();
        assert_eq!(ProxyHeader::parse(&all), Ok(Some((expected, bytes.len()))), "{what:?}");
    }
}

/// Checks that `bytes` are refused at their last byte, and not before.
#[track_caller]
fn check_error(bytes: &[u8], expected: ProxyHeaderError) {
    let what = String::from_utf8_lossy(bytes);
    for length in 0..bytes.len() {
        assert_eq!(ProxyHeader::parse(&bytes[..length]), Ok(None), "{length} bytes of {what:?}");
    }
    for behind in [&b""[..], b"\r\n", b"0000000000"] {
        assert_eq!(ProxyHeader::parse(&[bytes, behind].concat()), Err(expected), "{what:?}");
    }
}

#[test]
fn a_line_names_a_client_or_none() {
    let longest =
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), MAX_LINE);
    let cases = [
        ("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", client("192.0.2.7:56324")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", client("255.255.255.255:65535")),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", client("0.0.0.0:0")),
        ("PROXY TCP6 2001:db8::7 ::1 56324 443\r\n", client("[2001:db8::7]:56324")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", client("[::ffff:192.0.2.7]:1")),
        (&longest.replace("UNKNOWN", "TCP6"), client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        ("PROXY UNKNOWN\r\n", ProxyHeader::Unnamed),
        ("PROXY UNKNOWN 192.0.2.7 whatever\r\n", ProxyHeader::Unnamed),
        (longest, ProxyHeader::Unnamed),
    ];
    for (line, expected) in cases {
        check(line.as_bytes(), expected);
    }
}

#[test]
fn a_line_is_refused_at_the_byte_that_breaks_a_rule() {
    let lines = [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n",
        "PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 65536 1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 1 \r\n",
        "PROXY TCP4 192.0.2 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.02.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 localhost 1 2\r\n",
        "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY TCP6 2001:db8::7 192.0.2.1 1 2\r\n",
        "PROXY TCP6 [2001:db8::7] [::1] 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
    ];
    for line in lines {
        check_error(line.as_bytes(), Line);
    }
    let bytes: [&[u8]; 6] = [
        b"PROXY UNKNOWN\n",
        b"PROXY UNKNOWN\rX",
        b"PROXY UNKNOWN\r\r",
        b"PROXY TCP4 192.0.2.7\t",
        b"PROXY TCP4 \0",
        b"PROXY TCP4 \xff",
    ];
    for bytes in bytes {
        check_error(bytes, Line);
    }
}

#[test]
fn a_line_ends_within_107_bytes() {
    check_error(&[b"PROXY UNKNOWN ", &[b'x'; MAX_LINE - 14][..]].concat(), LineTooLong);
    check_error(&[b"PROXY UNKNOWN ", &[b'x'; MAX_LINE - 15][..], b"\r"].concat(), LineTooLong);
    check(&[b"PROXY UNKNOWN ", &[b'x'; MAX_LINE - 16][..], b"\r\n"].concat(), ProxyHeader::Unnamed);
}

#[test]
fn a_binary_header_names_a_client_or_none() {
    let with = |block: &[u8], more: &[u8]| [block, more].concat();
    // PP2_TYPE_NOOP, and PP2_TYPE_AUTHORITY with a wrong length, which nobody notices: extensions are not read.
    let extensions = [4, 0, 2, 0, 0, 2, 0, 200, b'x'];
    let cases = [
        (binary(0x21, 0x11, &tcp4()), client("192.0.2.7:56324")),
        (binary(0x21, 0x11, &with(&tcp4(), &extensions)), client("192.0.2.7:56324")),
        (binary(0x21, 0x11, &with(&tcp4(), &[0xff; ProxyHeader::MAX - FIXED - 12])), client("192.0.2.7:56324")),
        (binary(0x21, 0x21, &tcp6()), client("[2001:db8::7]:56324")),
        (binary(0x21, 0x21, &with(&tcp6(), &extensions)), client("[2001:db8::7]:56324")),
        (binary(0x21, 0x00, &[]), ProxyHeader::Unnamed),
        (binary(0x21, 0x00, &tcp4()), ProxyHeader::Unnamed),
        (binary(0x21, 0x12, &tcp4()), ProxyHeader::Unnamed),
        (binary(0x21, 0x22, &tcp6()), ProxyHeader::Unnamed),
        (binary(0x21, 0x31, &[b'/'; 216]), ProxyHeader::Unnamed),
        (binary(0x21, 0x32, &[b'/'; 216]), ProxyHeader::Unnamed),
        (binary(0x20, 0x00, &[]), ProxyHeader::Unnamed),
        (binary(0x20, 0x11, &tcp4()), ProxyHeader::Unnamed),
        (binary(0x20, 0x11, &[]), ProxyHeader::Unnamed),
        (binary(0x20, 0xff, &[1, 2, 3]), ProxyHeader::Unnamed),
    ];
    for (bytes, expected) in &cases {
        check(bytes, *expected);
    }
}

#[test]
fn a_binary_header_is_refused_at_the_byte_that_breaks_a_rule() {
    let start = |bytes: &[u8]| [SIGNATURE, bytes].concat();
    for command in [0x00, 0x01, 0x11, 0x22, 0x2f, 0x31, 0xff] {
        check_error(&start(&[command]), Command);
    }
    for family in [0x01, 0x02, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x41, 0xff] {
        check_error(&start(&[0x21, family]), Family);
    }
    for (family, length) in [(0x11, 11), (0x12, 0), (0x21, 35), (0x22, 12), (0x31, 215), (0x32, 0)] {
        check_error(&start(&[0x21, family, 0, length]), TooShort);
    }
    for command in [0x20, 0x21] {
        check_error(&start(&[command, 0x11, 0x0f, 0xf1]), TooLong);
        check_error(&start(&[command, 0x11, 0xff, 0xff]), TooLong);
    }
}

#[test]
fn other_bytes_are_refused_at_the_first_that_no_header_has() {
    let cases: [&[u8]; 8] = [b"G", b"PR ", b"PROXI", b"PROXY\r", b"\n", b"\r\n\r\nG", b"\x16", b"\r\n\r\n\0\r\nQUIT\r"];
    for bytes in cases {
        check_error(bytes, Signature);
    }
}
