//! `sockhop hub`: what is published by HTTP is heard by WebSockets; tokens from flags, files and the environment.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::running::{Running, sockhop, status};

/// Appears in no output.
const SECRET: &str = "s3cret";

fn start(words: &[&str]) -> Running {
    spawn(&mut command(words))
}

fn command(words: &[&str]) -> Command {
    sockhop(&[&["hub", "0"], words].concat())
}

/// A hub prints four lines.
fn spawn(command: &mut Command) -> Running {
    Running::spawn_with(4, command)
}

/// Publishes as `curl -d` does.
fn publish(server: &Running, path: &str, body: &str, token: Option<&str>) -> String {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let (host, length) = (server.address(), body.len());
    let head = format!("Host: {host}\r\nUser-Agent: curl/8\r\nAccept: */*\r\nConnection: close\r\n{bearer}{kind}");
    write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The next short text message of a WebSocket.
fn heard(stream: &mut BufReader<TcpStream>) -> String {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(header[0], 0x81, "a whole text message");
    let mut payload = vec![0; usize::from(header[1])];
    stream.read_exact(&mut payload).unwrap();
    String::from_utf8(payload).unwrap()
}

/// A directory of one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-cli-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If this fails, the files stay in the system's directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Sends SIGHUP and waits for the line of the log that follows.
fn reload(server: &Running, log: &mut impl BufRead) -> String {
    server.signal("-HUP");
    let mut line = String::new();
    while !line.contains("tokens") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the log has ended");
    }
    line
}

#[test]
fn what_is_published_by_http_is_heard_by_websockets() {
    let server = start(&[]);
    let address = server.address();
    assert_eq!(server.lines[2], format!("publish: curl -d hello http://{address}/news"));
    assert_eq!(
        server.lines[3],
        "anyone on this machine may publish (no --publish-token); anyone may listen (no --subscribe-token)"
    );
    let answer = publish(&server, "/news", "nobody is there yet", None);
    assert_eq!(status(&answer), 202, "{answer}");
    let (mut stream, head) = server.open("/news", "");
    assert_eq!(status(&head), 101, "{head}");
    let answer = publish(&server, "/news", "hello", None);
    assert_eq!(status(&answer), 201, "{answer}");
    assert!(answer.contains("\"subscribers\":1"), "{answer}");
    assert_eq!(heard(&mut stream), "hello");
    let kept = server.request("GET /news?last=10", "");
    assert!(kept.contains("\"nobody is there yet\"") && kept.contains("\"hello\""), "{kept}");
    for (line, expected) in [("GET /", 200), ("GET /client.js", 200), ("GET /client.mjs", 200), ("GET /healthz", 200)] {
        assert_eq!(server.status(line), expected, "{line}");
    }
}

#[test]
fn the_readme_says_how() {
    let readme = include_str!("../../README.md");
    for line in ["sockhop hub", "curl -d hello http://localhost:8080/news"] {
        assert!(readme.lines().any(|it| it.split("  ").next() == Some(line)), "{line}");
    }
}

#[test]
fn tokens_are_taken_from_flags_files_and_the_environment() {
    let scratch = Scratch::new("tokens");
    let file = scratch.write("token", &format!("{SECRET}-file\n"));
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 4] = [
        (&["--publish-token", "s3cret-flag"], &[], "s3cret-flag"),
        (&["--publish-token-file", text(&file)], &[], "s3cret-file"),
        (&[], &[("SOCKHOP_PUBLISH_TOKEN", "s3cret-variable")], "s3cret-variable"),
        (&[], &[("SOCKHOP_PUBLISH_TOKEN_FILE", text(&file))], "s3cret-file"),
    ];
    for (words, env, token) in cases {
        let server = spawn(command(words).envs(env.iter().copied()).env("RUST_LOG", "trace"));
        let (_listener, head) = server.open("/news", "");
        assert_eq!(status(&head), 101, "{words:?}");
        assert!(server.lines[2].contains("-H 'Authorization: Bearer TOKEN'"), "{:?}", server.lines);
        let answers =
            [None, Some("other"), Some(token)].map(|token| status(&publish(&server, "/news", "hello", token)));
        assert_eq!(answers, [401, 401, 201], "{words:?} {env:?}");
        server.signal("-TERM");
        let printed = server.lines.join("\n");
        let (code, log) = server.end();
        assert_eq!(code, Some(0));
        assert!(log.contains(" TRACE ") || log.contains(" DEBUG "), "{log}");
        assert!(!log.contains(SECRET) && !printed.contains(SECRET), "{printed}\n{log}");
    }
}

#[test]
fn who_listens_needs_a_token_once_there_is_one() {
    let mut command = command(&["--token-in-query"]);
    let server = spawn(command.env("SOCKHOP_SUBSCRIBE_TOKEN", "s3cret@/orders/*").env("RUST_LOG", "trace"));
    assert!(server.lines[3].ends_with("; only holders of a subscribe token may listen"), "{:?}", server.lines);
    for (path, headers, expected) in [
        ("/orders/1", "", 401),
        ("/orders/1", "Authorization: Bearer s3cret\r\n", 101),
        ("/orders/1?token=s3cret", "", 101),
        ("/news?token=s3cret", "", 403),
        ("/orders/1?token=other", "", 401),
    ] {
        assert_eq!(status(&server.open(path, headers).1), expected, "{path}");
    }
    assert_eq!(server.status("GET /orders/1?last=1&token=s3cret"), 200);
    server.signal("-TERM");
    let (_, log) = server.end();
    assert!(log.contains("/orders/1") && !log.contains(SECRET), "{log}");
}

#[test]
fn tokens_are_read_again_at_sighup_all_or_none() {
    let scratch = Scratch::new("reload");
    let (one, two) = (scratch.write("one", "s3cret-a"), scratch.write("two", "s3cret-listen"));
    let words = ["--publish-token-file", text(&one), "--subscribe-token-file", text(&two)];
    let mut server = spawn(command(&words).env("RUST_LOG", "trace,mio=off"));
    let mut log = BufReader::new(server.child.stderr.take().unwrap());
    let may = |token: &str| status(&publish(&server, "/news", "hello", Some(token))) < 300;
    assert_eq!([may("s3cret-a"), may("s3cret-b")], [true, false]);

    scratch.write("one", "s3cret-a s3cret-b\n");
    let line = reload(&server, &mut log);
    assert!(line.ends_with("2 tokens to publish and 1 to subscribe are in use now\n"), "{line}");
    assert_eq!([may("s3cret-a"), may("s3cret-b")], [true, true]);

    scratch.write("one", "s3cret-b");
    reload(&server, &mut log);
    assert_eq!([may("s3cret-a"), may("s3cret-b")], [false, true]);

    // The one file is good, the other is not: all stays as it was.
    scratch.write("one", "s3cret-c");
    for bad in ["", "s3cr\u{e9}t"] {
        scratch.write("two", bad);
        let line = reload(&server, &mut log);
        let place = format!("stay as they were: --subscribe-token-file: {}: ", text(&two));
        assert!(line.contains(" ERROR ") && line.contains(&place) && !line.contains("s3cr"), "{line}");
        assert_eq!([may("s3cret-b"), may("s3cret-c")], [true, false]);
    }
    fs::remove_file(&two).unwrap();
    assert!(reload(&server, &mut log).contains("No such file"));
    assert_eq!([may("s3cret-b"), may("s3cret-c")], [true, false]);
    server.signal("-TERM");
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains(SECRET), "{rest}");
}

#[test]
fn errors_are_without_tokens_and_say_what_to_do() {
    let scratch = Scratch::new("errors");
    let bad = scratch.write("bad", "s3cret\u{7}");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--publish-token"], 2, "sockhop: `--publish-token` requires an argument `TOKEN`"),
        (&["--publish-tokn=s3cret"], 2, "sockhop: no such flag: `--publish-tokn`, did you mean `--publish-token`?\n"),
        (&["--publish-token=s3cret\u{e9}"], 2, "sockhop: --publish-token: "),
        (&["--publish-token-file", "s3cret"], 1, "sockhop: --publish-token-file: there is no such file. It takes"),
        (&["--publish-token-file", text(&bad)], 1, "sockhop: --publish-token-file: "),
        (&["--rule", "/a histroy=1"], 2, "sockhop: --rule: `/a histroy=1`: `histroy` is no word of a rule"),
    ];
    for (words, code, expected) in cases {
        let output = command(words).env("RUST_LOG", "trace").output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{words:?}: {errors}");
        assert!(errors.contains(expected) && !errors.contains(SECRET), "{words:?}: {errors}");
    }
}

#[test]
fn pages_go_before_channels() {
    let scratch = Scratch::new("pages");
    scratch.write("index.html", "home");
    let server = start(&["--page", text(&scratch.0)]);
    for (line, expected) in [
        ("GET /", "200 OK"),
        ("GET /client.js", "200 OK"),
        ("GET /healthz", "200 OK"),
        ("POST /index.html", "405 Method Not Allowed"),
    ] {
        let answer = server.request(line, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{line}: {answer}");
    }
    assert_eq!(status(&publish(&server, "/news", "hello", None)), 202);
    let kept = server.request("GET /news?last=1", "");
    assert!(kept.contains("\"hello\""), "{kept}");
    let (mut stream, head) = server.open("/news", "");
    assert_eq!(status(&head), 101);
    publish(&server, "/news", "again", None);
    assert_eq!(heard(&mut stream), "again");
}
