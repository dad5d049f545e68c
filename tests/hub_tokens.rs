//! Nothing of a token, a ticket, a query or a message gets into the log, at any level.

use std::io::{Read, Write};
use std::sync::Mutex;

use log::{LevelFilter, Metadata, Record};
use sockhop::{Hub, HubConfig};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;

use crate::common::{ClientMessage, PATIENCE, TestServer, bind};

#[path = "common/mod.rs"]
mod common;

/// Keeps all lines of this program, but for those of the client, which has the secrets.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("tungstenite") {
            return;
        }
        self.0.lock().expect("no panic").push(format!("{} {}: {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Parts of what must not be in a line, none of which is in any other text.
const SECRETS: [&str; 6] = ["t0ken", "wr0ng", "t1cket", "qu3ry", "payl0ad", "k3y"];

/// Sends a request on a connection of its own and returns the status of its answer.
fn send(server: &TestServer, head: &str, body: &str) -> u16 {
    let mut socket = server.tcp();
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n{body}");
    socket.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn nothing_secret_is_logged() {
    log::set_logger(&LINES).expect("no other logger");
    log::set_max_level(LevelFilter::Trace);
    let publish_tokens = vec!["t0ken".parse().expect("a token"), "narrow-t0ken@/b".parse().expect("a token")];
    let subscribe_tokens = vec!["t0ken".parse().expect("a token")];
    let config = HubConfig { publish_tokens, subscribe_tokens, token_in_query: true, ..HubConfig::default() };
    let server = TestServer::run(bind().mount("/*", Hub::new(config)));
    let good = "Authorization: Bearer t0ken";
    let cases = [
        (format!("POST /a?x=qu3ry HTTP/1.1\r\n{good}\r\nIdempotency-Key: k3y"), "payl0ad", 202),
        (format!("POST /a HTTP/1.1\r\n{good}\r\nIdempotency-Key: k3y"), "another payl0ad", 422),
        ("POST /a?token=t0ken HTTP/1.1".to_owned(), "payl0ad", 202),
        ("POST /a?token=wr0ng HTTP/1.1".to_owned(), "payl0ad", 401),
        ("POST /a?ticket=t1cket HTTP/1.1".to_owned(), "payl0ad", 401),
        ("POST /a HTTP/1.1\r\nAuthorization: Bearer wr0ng".to_owned(), "payl0ad", 401),
        ("POST /a HTTP/1.1\r\nAuthorization: Basic wr0ng".to_owned(), "payl0ad", 401),
        ("POST /a HTTP/1.1\r\nAuthorization: Bearer narrow-t0ken".to_owned(), "payl0ad", 403),
        (
            format!("POST /-/batch HTTP/1.1\r\n{good}"),
            r#"[{"channel":"/a","data":"payl0ad","key":"k3y"},{"payl0ad":1}]"#,
            207,
        ),
        (format!("POST /-/batch HTTP/1.1\r\n{good}"), "payl0ad", 400),
        (format!("POST /a//?qu3ry HTTP/1.1\r\n{good}"), "payl0ad", 400),
        (format!("POST /a/.?qu3ry HTTP/1.1\r\n{good}"), "payl0ad", 400),
        (format!("POST /a HTTP/1.1\r\n{good}\r\nOrigin: http://evil.example"), "payl0ad", 403),
        (format!("GET /a?last=qu3ry HTTP/1.1\r\n{good}"), "", 400),
        (format!("GET /a?since=qu3ry HTTP/1.1\r\n{good}"), "", 200),
        ("GET /a?token=t0ken&last=1 HTTP/1.1".to_owned(), "", 200),
        (format!("DELETE /a?qu3ry HTTP/1.1\r\n{good}"), "", 204),
        ("GET /a?token=wr0ng HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade".to_owned(), "", 426),
        ("POST /a?token=t0ken HTTP/9.9".to_owned(), "payl0ad", 505),
        ("BREW /a?token=t0ken HTTP/1.1".to_owned(), "payl0ad", 405),
    ];
    for (head, body, status) in &cases {
        assert_eq!(send(&server, head, body), *status, "{head}");
    }
    listen(&server);
    drop(server);
    let lines = std::mem::take(&mut *LINES.0.lock().expect("no panic"));
    assert!(lines.iter().any(|line| line.contains("POST /a")), "the log has been listened to: {lines:#?}");
    for line in lines {
        assert!(!SECRETS.iter().any(|secret| line.contains(secret)), "{line}");
    }
}

/// Opens WebSockets with tokens of all kinds, and gets and sends messages.
fn listen(server: &TestServer) {
    let mut ann = server.connect("/a?token=t0ken&ids&qu3ry");
    ann.read().expect("the first frame");
    assert_eq!(send(server, "POST /a?token=t0ken HTTP/1.1", "payl0ad"), 201);
    assert!(ann.read().expect("the message").to_string().ends_with("/a\npayl0ad"));
    ann.send(ClientMessage::text("payl0ad of a listener")).expect("it is sent");
    ann.read().expect("a refusal");
    let url = format!("ws://{}/-/multi?channel=/a&qu3ry", server.addr());
    for (subprotocols, is_open) in [("bearer, t0ken", true), ("bearer, wr0ng", false)] {
        let mut request = url.as_str().into_client_request().expect("a request");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(subprotocols));
        let client = tungstenite::client(request, server.tcp());
        assert_eq!(client.is_ok(), is_open, "{subprotocols}");
        let Ok((mut client, _)) = client else { continue };
        client.read().expect("the first frame");
        for command in ["payl0ad", r#"{"publish":"/a","data":"payl0ad"}"#, r#"{"ticket":"t1cket"}"#] {
            client.send(ClientMessage::text(command)).expect("it is sent");
            client.read().expect("an error");
        }
    }
}
