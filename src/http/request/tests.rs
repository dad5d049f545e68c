use super::*;
use crate::http::{OriginPolicy, Reach, Upgrade, Via};

fn head(line: &str, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("{line}\r\n");
    for header in headers {
        head += header;
        head += "\r\n";
    }
    (head + "\r\n").into_bytes()
}

#[test]
fn reads_what_a_browser_sends() {
    let bytes = head(
        "GET /chat/a%20b?room=x+y&room=z HTTP/1.1",
        &["Host: example.com:8080", "cookie: a=1; b = \"2\" ;c;d=e=f", "X-Empty:", "Cookie: a=3", "accept:\t */* \t"],
    );
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.target(), "/chat/a%20b?room=x+y&room=z");
    assert_eq!(request.path(), "/chat/a%20b");
    assert_eq!(request.query(), Some("room=x+y&room=z"));
    assert_eq!(request.query_param("room").as_deref(), Some("x y"));
    assert_eq!(request.query_param("none"), None);
    assert_eq!(request.version(), Version::Http11);
    assert_eq!(request.authority(), Some("example.com:8080"));
    assert_eq!(request.header("ACCEPT"), Some("*/*"));
    assert_eq!(request.header("x-empty"), Some(""));
    assert_eq!(request.header("absent"), None);
    assert_eq!(request.headers().count(), 5);
    let cookies: Vec<_> = request.cookies().collect();
    assert_eq!(cookies, [("a", "1"), ("b", "\"2\""), ("d", "e=f"), ("a", "3")]);
    assert_eq!(request.cookie("a"), Some("1"));
    assert_eq!(request.cookie("A"), None);
    assert!(!request.wants_upgrade());
}

#[test]
fn its_debug_text_has_no_secrets() {
    let bytes = head("GET /chat?token=secret HTTP/1.1", &["Host: a", "Cookie: secret=1"]);
    let text = format!("{:?}", Request::parse(&bytes).unwrap());
    assert!(text.contains("/chat") && !text.contains("secret"), "{text}");
}

#[test]
fn takes_an_empty_line_before_it_and_bytes_behind_it() {
    let request = Request::parse(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x80GET").unwrap();
    assert_eq!((request.method(), request.headers().count()), ("GET", 1));
}

#[test]
fn an_absolute_form_target_replaces_host() {
    let bytes = head("GET wss://real.example:444/a?b HTTP/1.1", &["Host: other.example"]);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.authority(), Some("real.example:444"));
    assert_eq!((request.path(), request.query()), ("/a", Some("b")));
    assert_eq!(request.target(), "wss://real.example:444/a?b");
}

#[test]
fn takes_http_1_0_without_a_host() {
    let bytes = head("HEAD / HTTP/1.0", &[]);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!((request.version(), request.authority()), (Version::Http10, None));
}

#[test]
fn knows_whether_the_client_wants_a_websocket() {
    let cases: &[(&[&str], bool)] = &[
        (&[], false),
        (&["Upgrade: websocket"], true),
        (&["upgrade: WebSocket"], true),
        (&["Upgrade: h2c, websocket"], true),
        (&["Upgrade: h2c", "Upgrade: ,websocket"], true),
        (&["Upgrade: h2c"], false),
        (&["Upgrade: websocket/13"], false),
        (&["Upgrade: web socket"], false),
    ];
    for (lines, expected) in cases {
        let lines: Vec<_> = lines.iter().copied().chain(["Host: a"]).collect();
        let bytes = head("GET / HTTP/1.1", &lines);
        assert_eq!(Request::parse(&bytes).unwrap().wants_upgrade(), *expected, "{lines:?}");
    }
}

#[test]
fn takes_100_header_lines_and_refuses_101() {
    let names: Vec<String> = (0..100).map(|n| format!("X-{n}: {n}")).collect();
    let mut lines: Vec<&str> = names.iter().map(String::as_str).collect();
    lines[0] = "Host: a";
    let bytes = head("GET / HTTP/1.1", &lines);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!((request.headers().count(), request.header("x-99")), (100, Some("99")));
    lines.push("X-100: 100");
    assert_eq!(Request::parse(&head("GET / HTTP/1.1", &lines)).unwrap_err(), RequestError::TooManyHeaders);
}

#[test]
fn names_the_broken_rule() {
    use RequestError::{Host, HttpVersion, Malformed, MissingHost, SeveralHosts, Target};
    let host = "Host: a";
    let cases: &[(&str, &[&str], RequestError)] = &[
        ("GET /", &[host], Malformed),
        ("GET  / HTTP/1.1", &[host], Malformed),
        ("GET / HTTP/1.1 ", &[host], Malformed),
        ("GET / a HTTP/1.1", &[host], Malformed),
        ("GET / HTTP", &[host], Malformed),
        ("GET / HTTP/1.1x", &[host], Malformed),
        ("GET / http/1.1", &[host], Malformed),
        ("GET / GARBAGE!", &[host], Malformed),
        ("GET / HTTP/22.1", &[host], Malformed),
        ("G(T / HTTP/1.1", &[host], Malformed),
        ("GET /\u{0} HTTP/1.1", &[host], Malformed),
        ("GET / HTTP/1.1", &[host, ": a"], Malformed),
        ("GET / HTTP/1.1", &[host, "A : a"], Malformed),
        ("GET / HTTP/1.1", &[host, "A"], Malformed),
        ("GET / HTTP/1.1", &[host, "A: a", " folded"], Malformed),
        ("GET / HTTP/1.1", &[host, "A: a\0b"], Malformed),
        ("GET / HTTP/1.1", &[host, "A: a\rb"], Malformed),
        ("GET / HTTP/1.1", &[host, "A: a\nB: b"], Malformed),
        ("GET / HTTP/1.1", &["\u{e9}: a"], Malformed),
        ("GET / HTTP/2.0", &[host], HttpVersion),
        ("GET / HTTP/2", &[host], HttpVersion),
        ("GET / HTTP/1.2", &[host], HttpVersion),
        ("GET / HTTP/0.9", &[host], HttpVersion),
        ("PRI * HTTP/2.0", &[], HttpVersion),
        ("\r\nGET / HTTP/3.0", &[host], HttpVersion),
        ("OPTIONS * HTTP/1.1", &[host], Target),
        ("CONNECT a:80 HTTP/1.1", &[host], Target),
        ("CONNECT / HTTP/1.1", &[host], Target),
        ("CONNECT http://a/ HTTP/1.1", &[host], Target),
        ("GET ftp://a/ HTTP/1.1", &[host], Target),
        ("GET http://u:p@a/ HTTP/1.1", &[host], Target),
        ("GET /#a HTTP/1.1", &[host], Target),
        ("GET /\u{e9} HTTP/1.1", &[host], Target),
        ("GET / HTTP/1.1", &[], MissingHost),
        ("GET http://a/ HTTP/1.1", &[], MissingHost),
        ("GET / HTTP/1.1", &[host, "host: a"], SeveralHosts),
        ("GET / HTTP/1.0", &[host, host], SeveralHosts),
        ("GET / HTTP/1.1", &["Host:"], Host),
        ("GET / HTTP/1.1", &["Host: a, b"], Host),
        ("GET / HTTP/1.1", &["Host: a:port"], Host),
        ("GET / HTTP/1.1", &["Host: http://a"], Host),
    ];
    for (line, headers, expected) in cases {
        assert_eq!(Request::parse(&head(line, headers)).unwrap_err(), *expected, "{line:?} {headers:?}");
    }
    assert_eq!(Request::parse(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap_err(), Malformed);
    assert_eq!(Request::parse(b"").unwrap_err(), Malformed);
}

#[test]
fn a_value_that_is_not_utf8_is_opaque_and_refused_only_where_it_is_read() {
    let opaque = "\u{FFFD}";
    let head =
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: caf\xe9\r\nCookie: a=b; c=\xe9; d=e\r\nConnection: close, \xe9\r\n\r\n";
    let request = Request::parse(head).unwrap();
    assert_eq!((request.header("x-name"), request.headers().count()), (Some(opaque), 4));
    assert_eq!(request.header_bytes("X-NAME").collect::<Vec<_>>(), [b"caf\xe9"]);
    assert_eq!(request.cookies().collect::<Vec<_>>(), [("a", "b"), ("d", "e")]);
    assert!(!request.keeps_alive());

    let handshake = |lines: &[u8]| {
        let fixed = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let head = [fixed, lines, b"\r\n\r\n"].concat();
        let request = Request::parse(&head)?;
        request.body_length()?;
        request.expects_continue()?;
        Upgrade::from_request(&request)?;
        OriginPolicy::default().check(&request, Via::Direct, Reach::Network)
    };
    for (lines, expected) in [
        (&b"X-Name: \xe9"[..], Ok(())),
        (b"User-Agent: M\xfcller/1.0", Ok(())),
        (b"Cookie: a=\xe9", Ok(())),
        (b"Origin: http://a\xe9", Err(RequestError::ForeignOrigin)),
        (b"Host: a\xe9", Err(RequestError::SeveralHosts)),
        (b"Transfer-Encoding: chunked\xe9", Err(RequestError::TransferEncoding)),
        (b"Content-Length: 0\xe9", Err(RequestError::ContentLength)),
        (b"Expect: \xe9", Err(RequestError::Expectation)),
        (b"Sec-WebSocket-Protocol: a, \xe9", Err(RequestError::Subprotocols)),
    ] {
        assert_eq!(handshake(lines), expected, "{}", lines.escape_ascii());
    }
    let host = b"GET / HTTP/1.1\r\nHost: a\xe9\r\n\r\n";
    assert_eq!(Request::parse(host).unwrap_err(), RequestError::Host);
}
