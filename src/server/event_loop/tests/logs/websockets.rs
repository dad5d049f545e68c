//! Opening handshakes that are refused: a browser does not show why, so the operator's log does.

use super::*;
use crate::http::OriginPolicy;

/// The lines of a server with these mounts about one client.
fn said(mounts: &[&'static str], config: Config, bytes: &[u8]) -> Vec<String> {
    let mut bed = Bed::of(config, mounts.iter().map(|path| (*path, App::echo())).collect(), Vec::new());
    listen(Level::Warn);
    let client = bed.network.connect(0);
    client.write(bytes);
    bed.settle();
    lines()
}

#[test]
fn each_kind_of_refused_upgrade_is_a_warning_that_says_what_to_do() {
    let lost = |lines: &str| format!("GET / HTTP/1.0\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n");
    let over_10 = request("/").replace("HTTP/1.1", "HTTP/1.0");
    let cases: [(String, &[&str]); 12] = [
        (request("/"), &["404", r#"nothing is mounted at "/""#, "use /echo, /rooms/*, or mount a handler at /*"]),
        (request("/echo/"), &["404", r#"nothing is mounted at "/echo/""#]),
        (request("/../echo"), &["400", r#"the path "/../echo" is not valid"#]),
        (over_10.replace("/ ", "/echo "), &["426", "In nginx: proxy_http_version 1.1;"]),
        (request("/echo").replace("Connection: Upgrade\r\n", ""), &["426", "proxy_set_header Connection upgrade;"]),
        (request("/echo").replace("Version: 13", "Version: 8"), &["426", "Send Sec-WebSocket-Version: 13"]),
        (request("/echo").replace("Key: dG", "Key: ="), &["400", "Sec-WebSocket-Key is not valid"]),
        (request("/echo").replace("GET", "POST"), &["405", "opened with GET"]),
        (lost(""), &["without its header Upgrade", "nginx: proxy_http_version 1.1;"]),
        (lost("X-Varnish: 3\r\n").replace("/ ", "/echo "), &["without its header Upgrade", "Varnish: return (pipe)"]),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), &["a TLS client has come to a plain port", "ws://", "Door::tls"]),
        (from("http://evil.example").replace("GET /", "GET /echo"), &["403", "Config::origins http://evil.example"]),
    ];
    for (bytes, parts) in cases {
        let lines = said(&["/echo", "/rooms/*"], Config::default(), bytes.as_bytes());
        assert_eq!(lines.len(), 1, "{bytes:?}: {lines:?}");
        for part in [&["192.0.2.1:"], parts].concat() {
            assert!(lines[0].contains(part), "{part:?} of {bytes:?}: {lines:?}");
        }
    }
}

#[test]
fn a_plain_request_and_an_open_websocket_are_no_warning() {
    let plain = "GET /echo HTTP/1.1\r\nHost: a\r\nVia: 1.1 varnish\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    for bytes in [plain, "GET / HTTP/1.0\r\n\r\n", "\u{15}\u{3}", &request("/echo")] {
        assert_eq!(said(&["/echo"], Config::default(), bytes.as_bytes()), [""; 0], "{bytes:?}");
    }
}

#[test]
fn a_file_refused_by_a_public_server_is_told_of_the_loopback() {
    let origins = OriginPolicy { local: true, ..OriginPolicy::default() };
    let lines = said(&["/*"], Config { origins, ..Config::default() }, from("null").as_bytes());
    assert!(lines[0].contains("while the server listens on 127.0.0.1 alone"), "{lines:?}");
    assert!(lines[0].contains("Config::origins '*'") && !lines[0].contains("nginx"), "{lines:?}");
}

#[test]
fn a_long_list_of_mounts_is_cut() {
    const MOUNTS: [&str; 12] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j", "/k", "/l"];
    let lines = said(&MOUNTS, Config::default(), request("/").as_bytes());
    assert!(lines[0].contains("use /a, /b, /c, /d, /e, /f, /g, /h, /i, /j, ... or mount a handler at /*"), "{lines:?}");
    let lines = said(&[], Config::default(), request("/").as_bytes());
    assert!(lines[0].ends_with("nothing is mounted at \"/\": mount a handler at /*"), "{lines:?}");
}
