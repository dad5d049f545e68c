//! TLS: its flags, its files and their mistakes, redirects, and certificates that are replaced while the server runs.

mod client;
mod load;
mod renewing;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use sockhop::rustls::version::{TLS12, TLS13};

use self::client::{Folder, Identity, Secure, fixture, shake_hands};
use crate::running::{Running, sockhop, status, text};
use crate::socket_path;

/// The flags for the pair with this name among the fixtures.
fn pair(name: &str) -> [String; 4] {
    let path = |end: &str| fixture(&format!("{name}.{end}"));
    ["--tls-cert".into(), path("pem"), "--tls-key".into(), path("key")]
}

/// Starts a server with these words behind the flags for a pair.
fn start(words: &[&str]) -> Running {
    let pair = pair("a");
    Running::start(&[words, &pair.each_ref().map(|word| &**word)].concat())
}

/// The answer to a request on a connection, up to its end.
fn request(stream: &mut (impl Read + Write), line: &str, headers: &str) -> String {
    write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The head of the answer to an opening handshake.
fn open(stream: &mut (impl Read + Write), headers: &str) -> String {
    let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n{fixed}{headers}\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// Sends a short text and reads the same.
fn echo(stream: &mut (impl Read + Write), text: &str) {
    let frame = |mask: u8| [&[0x81, mask | u8::try_from(text.len()).unwrap()][..]].concat();
    stream.write_all(&[&frame(0x80), &[0; 4][..], text.as_bytes()].concat()).unwrap();
    let mut answer = vec![0; 2 + text.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [&frame(0), text.as_bytes()].concat(), "{text}");
}

#[test]
fn the_page_and_the_websockets_are_there_by_tls_and_the_banner_says_so() {
    let folder = Folder::new("page");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    let server = Running::start(&["echo", "0", "--tls-cert", &cert, "--tls-key", &key]);
    let address = server.address();
    assert_eq!(server.lines[0], format!("listening on https://{address}"));
    let to_try = format!("open https://{address}/ in a browser, or connect to wss://{address}/ (echo ");
    assert!(server.lines[1].starts_with(&to_try), "{:?}", server.lines);
    for version in [&TLS12, &TLS13] {
        let connect = || shake_hands(address, "localhost", &[version], Identity::None).unwrap();
        assert_eq!(status(&request(&mut connect(), "GET /", "")), 200);
        let mut stream = connect();
        assert_eq!(status(&open(&mut stream, "")), 101);
        echo(&mut stream, "hello");
    }
    server.signal("-TERM");
    assert_eq!(server.end(), (Some(0), String::new()), "nothing to warn of");
}

#[test]
fn only_pages_by_https_are_of_the_same_origin() {
    let server = start(&["echo", "0", "--origin", "same"]);
    for (origin, expected) in [("https://localhost", 101), ("http://localhost", 403), ("https://localhost:444", 403)] {
        let mut stream = shake_hands(server.address(), "localhost", &[&TLS13], Identity::None).unwrap();
        assert_eq!(status(&open(&mut stream, &format!("Origin: {origin}\r\n"))), expected, "{origin}");
    }
}

#[test]
fn a_client_gets_the_certificate_for_the_name_that_it_asks_for() {
    let (a, b) = (pair("a"), pair("b"));
    let words = [&["echo", "0"][..], &a.each_ref().map(|it| &**it), &b.each_ref().map(|it| &**it)].concat();
    let server = Running::start(&words);
    for name in ["b.example", "a.example", "x.a.example", "127.0.0.1"] {
        assert!(shake_hands(server.address(), name, &[&TLS13], Identity::None).is_ok(), "{name}");
    }
    assert!(shake_hands(server.address(), "x.b.example", &[&TLS13], Identity::None).is_err());
}

#[test]
fn the_oldest_version_can_be_chosen() {
    let server = start(&["echo", "0", "--tls-min", "1.3"]);
    assert!(shake_hands(server.address(), "localhost", &[&TLS13], Identity::None).is_ok());
    assert!(shake_hands(server.address(), "localhost", &[&TLS12], Identity::None).is_err());
    server.signal("-TERM");
    let (_, log) = server.end();
    assert!(log.contains("no TLS: the client offers no version of TLS that is spoken here"), "{log}");
}

#[test]
fn clients_can_be_asked_for_certificates() {
    let authority = fixture("authority.pem");
    for (words, expected) in [(&[][..], false), (&["--tls-client-ca-optional"], true)] {
        let server = start(&[&["echo", "0", "--tls-client-ca", &authority], words].concat());
        for version in [&TLS12, &TLS13] {
            let serves = |identity| {
                let stream = shake_hands(server.address(), "localhost", &[version], identity);
                // By TLS 1.3 a client has done its part before the server looks at its certificate.
                stream.is_ok_and(|mut stream| {
                    let mut answer = Vec::new();
                    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
                        && stream.read_to_end(&mut answer).is_ok()
                        && answer.starts_with(b"HTTP/1.1 200 ")
                })
            };
            assert!(serves(Identity::Client), "{words:?}");
            assert_eq!(serves(Identity::None), expected, "{words:?}");
            // It was signed by nobody that is trusted.
            assert!(!serves(Identity::Stranger), "{words:?}");
        }
    }
}

#[test]
fn plain_listeners_stay_plain_beside_tls() {
    let socket = socket_path("beside-tls");
    let unix = format!("unix:{}", socket.display());
    let server = start(&["echo", "-l", "0", "-l", "http:0", "-l", &unix]);
    let [tls, plain, path] = server.lines[0].split(", ").collect::<Vec<_>>()[..] else { panic!("{:?}", server.lines) };
    assert!(tls.starts_with("listening on https://"), "{tls}");
    assert_eq!(path, unix);
    let plain = plain.strip_prefix("http://").expect(plain);
    echo_plainly(&mut TcpStream::connect(plain).unwrap());
    echo_plainly(&mut UnixStream::connect(&socket).unwrap());
    assert!(shake_hands(server.address(), "localhost", &[&TLS13], Identity::None).is_ok());
}

fn echo_plainly(stream: &mut (impl Read + Write)) {
    assert_eq!(status(&open(stream, "")), 101);
    echo(stream, "in the clear");
}

#[test]
fn a_redirect_leads_to_the_first_port_that_speaks_tls_and_serves_nothing() {
    let server = start(&["echo", "-l", "http:0", "-l", "0", "--redirect", "0"]);
    let addresses: Vec<_> = server.lines[0].split(", ").collect();
    let tls = addresses[1].strip_prefix("https://127.0.0.1:").expect("the second one");
    let redirect = addresses[2].strip_suffix(" (redirects to https)").expect("the last one");
    let redirect = redirect.strip_prefix("http://").expect("a plain one");
    let connect = || TcpStream::connect(redirect).unwrap();
    for (line, expected) in [
        ("GET /a/b?c=d", format!("https://localhost:{tls}/a/b?c=d")),
        ("HEAD /", format!("https://localhost:{tls}/")),
        ("GET /healthz", format!("https://localhost:{tls}/healthz")),
        ("GET http://a.example:8080/x", format!("https://a.example:{tls}/x")),
    ] {
        let answer = request(&mut connect(), line, "");
        assert!(status(&answer) == 308 && answer.contains(&format!("\r\nLocation: {expected}\r\n")), "{answer}");
    }
    for line in ["POST /", "OPTIONS *", "DELETE /a"] {
        assert_eq!(status(&request(&mut connect(), line, "")), 400, "{line}");
    }
    assert_eq!(status(&open(&mut connect(), "")), 400);
    assert_eq!(status(&open(&mut connect(), "Origin: https://elsewhere.example\r\n")), 400);
    let mut stream = connect();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 400, "it names no host");
}

#[test]
fn a_tls_client_at_a_plain_port_is_a_warning_that_says_what_to_do() {
    let server = Running::start(&["echo", "0"]);
    assert!(shake_hands(server.address(), "localhost", &[&TLS13], Identity::None).is_err());
    server.signal("-TERM");
    let (_, log) = server.end();
    assert!(log.contains("127.0.0.1:") && log.contains(": a TLS client has come to a plain port: use ws://"), "{log}");
    assert!(log.contains(", or --tls-cert\n"), "{log}");
}

#[test]
fn tls_begins_behind_a_proxy_header() {
    let words = ["echo", "0", "--proxy-protocol", "--trusted-proxy", "127.0.0.1"];
    let pair = pair("a");
    let mut command = sockhop(&[&words[..], &pair.each_ref().map(|word| &**word)].concat());
    let server = Running::spawn(command.env("RUST_LOG", "sockhop::server=debug"));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n").unwrap();
    let mut stream = Secure::over(stream, "localhost", &[&TLS13], Identity::None).unwrap();
    assert_eq!(status(&open(&mut stream, "Origin: https://localhost\r\n")), 101);
    echo(&mut stream, "hello");
    drop(stream);
    let without = shake_hands(server.address(), "localhost", &[&TLS13], Identity::None).expect_err("no PROXY header");
    assert!(matches!(without.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{without}");
    server.signal("-TERM");
    let (_, log) = server.end();
    assert!(log.contains("192.0.2.7:4711 ") && log.contains("--proxy-protocol"), "{log}");
}

#[test]
fn each_mistake_with_files_is_told_with_its_flag_and_what_to_do() {
    let folder = Folder::new("mistakes");
    let read = |name: &str| std::fs::read_to_string(fixture(name)).unwrap();
    let (a, a_key, b, b_key) = (read("a.pem"), read("a.key"), read("b.pem"), read("b.key"));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nQUJD\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cases: &[(&str, &str, &str)] = &[
        (&a, &b_key, "--tls-key: KEY is not the key of the first certificate in CERT (CN=a.example)\n"),
        (
            &[&*b, &a].concat(),
            &a_key,
            "--tls-cert: KEY is not the key of the first certificate in CERT but of number 2: ",
        ),
        (&a[..a.len() / 2], &a_key, "--tls-cert: CERT: line 1: the block \"CERTIFICATE\" is not ended: truncated?\n"),
        ("0\u{1}", &a_key, "--tls-cert: CERT is not PEM (it looks like DER): openssl x509 -inform der -in CERT "),
        (&a_key, &a, "--tls-cert: CERT holds a private key and no certificate: are the two files swapped?\n"),
        (&a, &a, "--tls-key: KEY holds certificates and no private key: are the two files swapped?\n"),
        (&a, encrypted, "--tls-key: KEY is encrypted: openssl pkey -in KEY -out plain.pem\n"),
        (&a, "", "--tls-key: KEY holds no private key in PEM\n"),
    ];
    for (cert, key, expected) in cases {
        let (cert, key) = (folder.write("CERT", cert), folder.write("KEY", key));
        let error = refused(&["echo", "0", "--tls-cert", &cert, "--tls-key", &key]);
        let error = error.replace(&format!("{}/", folder.path()), "");
        assert!(error.starts_with(&format!("sockhop: {expected}")), "{error}");
    }
    let missing = folder.file("missing.pem");
    let error = refused(&["echo", "0", "--tls-cert", &missing, "--tls-key", &fixture("a.key")]);
    assert!(error.starts_with(&format!("sockhop: --tls-cert: cannot read {missing}: No such file ")), "{error}");
    let [cert, a, key, a_key] = pair("a");
    let error = refused(&["echo", "0", &cert, &a, &key, &a_key, "--tls-client-ca", &missing]);
    assert!(error.starts_with(&format!("sockhop: --tls-client-ca: cannot read {missing}: ")), "{error}");
}

/// The error of a command that cannot run.
fn refused(words: &[&str]) -> String {
    let output = sockhop(words).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{words:?}");
    text(&output.stderr).to_owned()
}

#[test]
fn flags_that_do_not_go_together_are_bad_usage() {
    let output = sockhop(&["echo", "0", "--tls-cert", "c.pem"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.starts_with("sockhop: 1 --tls-cert and 0 --tls-key: give each certificate its key"), "{error}");
}
