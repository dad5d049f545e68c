use super::*;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VALID: [&str; 5] = ["Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", KEY];

fn head(line: &str, headers: &[&str]) -> Vec<u8> {
    format!("{line}\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes()
}

/// The valid handshake with one header line (and all others of its name) replaced by `lines`.
fn with(lines: &[&str]) -> Vec<u8> {
    let name = |line: &str| line.split(':').next().map(str::to_ascii_lowercase);
    let kept = VALID.iter().filter(|line| lines.iter().all(|new| name(new) != name(line)));
    head("GET / HTTP/1.1", &kept.chain(lines).copied().collect::<Vec<_>>())
}

fn without(line: &str) -> Vec<u8> {
    head("GET / HTTP/1.1", &VALID.into_iter().filter(|it| *it != line).collect::<Vec<_>>())
}

fn check(bytes: &[u8]) -> Result<(), RequestError> {
    let request = Request::parse(bytes)?;
    Upgrade::from_request(&request).map(|_| ())
}

#[test]
fn accepts_the_opening_handshake_of_the_rfc() {
    let bytes = head(
        "GET /chat HTTP/1.1",
        &[&VALID[..], &["Origin: http://example.com", "Sec-WebSocket-Protocol: chat, superchat"]].concat(),
    );
    let request = Request::parse(&bytes).unwrap();
    let upgrade = Upgrade::from_request(&request).unwrap();
    assert_eq!(&upgrade.accept_key(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(upgrade.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    let mut output = b"before".to_vec();
    Upgrade::encode_response(&upgrade.accept_key(), upgrade.negotiate(&["superchat", "chat"]), &[], &mut output);
    let expected = "beforeHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn accepts_every_valid_way_to_write_it() {
    let cases: &[&[&str]] = &[
        &["Upgrade: WebSocket"],
        &["UPGRADE: h2c , websocket"],
        &["Upgrade: h2c", "Upgrade: websocket"],
        &["connection: keep-alive, UPGRADE"],
        &["Connection: keep-alive", "Connection:,upgrade,"],
        &["Content-Length: 0"],
        &["Sec-WebSocket-Protocol: a,,b", "Sec-WebSocket-Protocol: c"],
        &["Sec-WebSocket-Protocol: chat, Chat"],
        &["Sec-WebSocket-Extensions: \"garbage;;=,"],
        &["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
        // Bits are set where none of the 16 bytes is.
        &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="],
        &["Sec-WebSocket-Key: //////////////////////=="],
    ];
    for lines in cases {
        assert_eq!(check(&with(lines)), Ok(()), "{lines:?}");
    }
}

#[test]
fn names_the_broken_rule() {
    use RequestError::*;
    let cases: Vec<(Vec<u8>, RequestError, u16)> = vec![
        (head("POST / HTTP/1.1", &VALID), MethodNotGet, 405),
        (head("HEAD / HTTP/1.1", &VALID), MethodNotGet, 405),
        (head("get / HTTP/1.1", &VALID), MethodNotGet, 405),
        (head("GET / HTTP/1.0", &VALID), UpgradeOverHttp10, 426),
        (head("GET / HTTP/2.0", &VALID), HttpVersion, 505),
        (without(VALID[0]), MissingHost, 400),
        (with(&["Host: a", "Host: a"]), SeveralHosts, 400),
        (without(VALID[1]), MissingUpgrade, 426),
        (with(&["Upgrade: websockets"]), MissingUpgrade, 426),
        (with(&["Upgrade: \"websocket\""]), MissingUpgrade, 426),
        (with(&["Upgrade:"]), MissingUpgrade, 426),
        (without(VALID[2]), MissingConnectionUpgrade, 426),
        (with(&["Connection: close"]), MissingConnectionUpgrade, 426),
        (with(&["Connection: keep-alive Upgrade"]), MissingConnectionUpgrade, 426),
        (with(&["Transfer-Encoding: chunked"]), BodyNotAllowed, 400),
        (with(&["Transfer-Encoding:"]), BodyNotAllowed, 400),
        (with(&["Content-Length: 1"]), BodyNotAllowed, 400),
        (with(&["Content-Length: 00"]), BodyNotAllowed, 400),
        (with(&["Content-Length: 0", "Content-Length: 5"]), BodyNotAllowed, 400),
        (with(&["Content-Length: 0", "Content-Length: 0"]), BodyNotAllowed, 400),
        (with(&["Content-Length:"]), BodyNotAllowed, 400),
        (without(VALID[3]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 8"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 013"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: +13"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 0x0d"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 13.0"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 13, 8"]), VersionNot13, 426),
        (with(&["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"]), VersionNot13, 426),
        (without(KEY), MissingKey, 400),
        (with(&[KEY, KEY]), SeveralKeys, 400),
        (with(&["Sec-WebSocket-Key:"]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE="]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTEy"]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j===="]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ="]), Key, 400),
        (with(&["Sec-WebSocket-Key: ______________________=="]), Key, 400),
        (with(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="]), Key, 400),
        (with(&["Sec-WebSocket-Protocol:"]), Subprotocols, 400),
        (with(&["Sec-WebSocket-Protocol: ,", "Sec-WebSocket-Protocol: "]), Subprotocols, 400),
        (with(&["Sec-WebSocket-Protocol: a b"]), Subprotocols, 400),
        (with(&["Sec-WebSocket-Protocol: a, \"b\""]), Subprotocols, 400),
        (with(&["Sec-WebSocket-Protocol: a, \u{e9}"]), Subprotocols, 400),
        (with(&["Sec-WebSocket-Protocol: a, b, a"]), SubprotocolTwice, 400),
        (with(&["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"]), SubprotocolTwice, 400),
    ];
    for (bytes, expected, status) in cases {
        assert_eq!(check(&bytes), Err(expected), "{}", bytes.escape_ascii());
        assert_eq!(expected.status(), status, "{expected:?}");
    }
}

#[test]
fn negotiates_the_first_common_subprotocol_of_the_client() {
    let cases: &[(&str, &[&str], Option<&str>)] = &[
        ("a, b, c", &["c", "b"], Some("b")),
        ("a", &["a"], Some("a")),
        ("a", &["A"], None),
        ("a", &["aa", "b"], None),
        ("a", &[], None),
    ];
    for (offer, spoken, expected) in cases {
        let bytes = with(&[&format!("Sec-WebSocket-Protocol: {offer}")]);
        let request = Request::parse(&bytes).unwrap();
        assert_eq!(Upgrade::from_request(&request).unwrap().negotiate(spoken), *expected, "{offer} {spoken:?}");
    }
    let bytes = head("GET / HTTP/1.1", &VALID);
    let request = Request::parse(&bytes).unwrap();
    let upgrade = Upgrade::from_request(&request).unwrap();
    assert_eq!(upgrade.negotiate(&["a".to_owned()]), None);
    assert_eq!(upgrade.subprotocols().count(), 0);
}

#[test]
fn takes_thousands_of_different_subprotocols() {
    // Comparing each with each would take a million comparisons; the set takes one look-up each.
    let offer: Vec<String> = (0..1400).map(|n| format!("{n:x}")).collect();
    assert_eq!(check(&with(&[&format!("Sec-WebSocket-Protocol: {}", offer.join(","))])), Ok(()));
}

#[test]
fn no_part_of_the_response_ends_its_line_early() {
    let encode = |subprotocol, name: &'static str, value: &'static str| {
        let mut output = Vec::new();
        Upgrade::encode_response(&[b'k'; 28], subprotocol, &[(name.into(), value.into())], &mut output);
        String::from_utf8(output).unwrap()
    };
    let plain = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: kkkkkkkkkkkkkkkkkkkkkkkkkkkk\r\n";
    assert_eq!(encode(None, "Set-Cookie", "a=b"), format!("{plain}Set-Cookie: a=b\r\n\r\n"));
    let cases = [
        (Some("a\r\nb"), "X", "\n"),
        (Some("a b"), "X\r\nY", "z"),
        (Some(""), "X", "y\rz"),
        (None, "X", "y\0z"),
        (None, "Sec-WebSocket-Protocol", "chat"),
        (None, "sec-websocket-extensions", "permessage-deflate"),
        (None, "Upgrade", "h2c"),
        (None, "Content-Length", "5"),
    ];
    for (subprotocol, name, value) in cases {
        assert_eq!(encode(subprotocol, name, value), format!("{plain}\r\n"), "{subprotocol:?} {name:?} {value:?}");
    }
}

#[test]
fn answers_plain_requests_with_426_or_405() {
    for (method, status, header) in [
        ("GET", 426, ("Upgrade", "websocket")),
        ("HEAD", 426, ("Sec-WebSocket-Version", "13")),
        ("POST", 405, ("Allow", "GET")),
        ("OPTIONS", 204, ("Allow", "GET")),
        ("get", 405, ("Allow", "GET")),
    ] {
        let bytes = head(&format!("{method} / HTTP/1.1"), &["Host: a"]);
        let response = upgrade_required(&Request::parse(&bytes).unwrap());
        assert_eq!(response.status(), status, "{method}");
        assert!(response.headers().contains(&(header.0.into(), header.1.into())), "{method}: {response:?}");
    }
}
