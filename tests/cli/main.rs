//! The command, as a process: what it prints, what it serves, how it ends.

mod coming_from;
#[cfg(target_os = "linux")]
mod hangup;
mod hub;
mod running;
mod surroundings;
#[cfg(feature = "tls")]
mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use running::{Running, sockhop, status, text};

/// The outcome of a command that should not run for long.
fn ended(words: &[&str]) -> Output {
    sockhop(words).output().unwrap()
}

/// A path for a socket, of this test alone.
fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sockhop-cli-{}-{name}.sock", std::process::id()))
}

#[test]
fn says_where_it_listens_and_what_to_open_and_nothing_else() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Running::start(&["0"]);
        let mut output = server.child.stdout.take().unwrap();
        let address = server.address().to_owned();
        assert!(!address.ends_with(":0"), "the real port: {address}");
        assert!(server.lines[1].starts_with(&format!("open http://{address}/ in a browser")), "{:?}", server.lines);
        assert_eq!(server.status("GET /healthz"), 200);
        server.signal(signal);
        assert_eq!(server.end(), (Some(0), String::new()));
        let mut more = String::new();
        output.read_to_string(&mut more).unwrap();
        assert_eq!(more, "");
    }
}

#[test]
fn all_apps_have_paths_of_their_own() {
    let server = Running::start(&["0"]);
    let cases = [
        ("GET /", 200),
        ("HEAD /", 200),
        ("POST /", 405),
        ("GET /page.css", 200),
        ("GET /page.js", 200),
        ("GET /healthz", 200),
        ("HEAD /healthz", 200),
        ("GET /echo", 426),
        ("GET /broadcast", 426),
        ("GET /echo/x", 404),
        ("GET /ws", 404),
    ];
    for (line, expected) in cases {
        assert_eq!(server.status(line), expected, "{line}");
    }
    for name in ["echo", "pong", "chat", "greet", "relay", "broadcast"] {
        let (_, head) = server.open(&format!("/{name}"), "");
        assert_eq!(status(&head), 101, "{name}");
    }
    for path in ["/", "/ws"] {
        let (mut stream, head) = server.open(path, "");
        assert_eq!(status(&head), 404, "there is no app at {path}");
        let mut body = String::new();
        stream.read_to_string(&mut body).unwrap();
        assert!(body.ends_with(" The apps are at /echo, /pong, /chat, /greet, /relay, /broadcast.\n"), "{body}");
    }
}

#[test]
fn a_websocket_at_no_app_is_a_warning_that_names_the_apps() {
    let server = Running::start(&["0"]);
    assert_eq!(status(&server.open("/", "").1), 404);
    server.signal("-TERM");
    let (_, log) = server.end();
    let advice = "use /echo, /pong, /chat, /greet, /relay, /broadcast, or start one app alone, such as `sockhop pong`";
    assert!(log.contains("404: nothing is mounted at \"/\"") && log.contains(advice), "{log}");
}

#[test]
fn one_app_is_at_every_path() {
    let server = Running::start(&["greet", "0"]);
    for (line, expected) in [("GET /", 200), ("GET /page.js", 200), ("GET /healthz", 200), ("GET /wss", 426)] {
        assert_eq!(server.status(line), expected, "{line}");
    }
    for path in ["/", "/ws", "/wss", "/a/b?c", "/healthz", "/page.js"] {
        let (mut stream, head) = server.open(path, "");
        assert_eq!(status(&head), 101, "{path}");
        let mut frame = [0; 10];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x81\x08Hi there", "{path}");
    }
}

#[test]
fn a_recipe_of_the_users_own_is_served() {
    let words = "recipe --greet moin --subprotocol b --subprotocol a --path-prefix /pre --listen 0";
    let server = Running::start(&words.split(' ').collect::<Vec<_>>());
    assert!(server.lines[1].contains("(recipe with --greet moin)"), "{:?}", server.lines);
    let (mut stream, head) = server.open("/", "Sec-WebSocket-Protocol: x, a\r\nSec-WebSocket-Protocol: b\r\n");
    assert!(head.contains("\r\nSec-WebSocket-Protocol: a\r\n"), "{head}");
    let mut frame = [0; 6];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x04moin");
    let (_, head) = server.open("/", "Sec-WebSocket-Protocol: x\r\n");
    assert_eq!(status(&head), 101);
    assert!(!head.contains("Sec-WebSocket-Protocol"), "{head}");
    assert!(server.request("GET /pre", "").contains("\r\nLocation: ./pre/\r\n"));
    assert_eq!(server.status("GET /pre/"), 200);
}

#[test]
fn local_pages_may_connect_unless_told_otherwise() {
    let cases: &[(&[&str], &str, u16)] = &[
        (&["echo", "0"], "null", 101),
        (&["echo", "0"], "http://localhost:1", 101),
        (&["echo", "0"], "https://example.com", 403),
        (&["echo", "0", "--origin", "https://example.com"], "https://example.com", 101),
        (&["echo", "0", "--origin", "same"], "null", 403),
        (&["echo", "0", "--origin", "same"], "http://localhost:1", 403),
        (&["echo", "0", "--origin", "*"], "https://example.com", 101),
    ];
    for (words, origin, expected) in cases {
        let server = Running::start(words);
        let (_, head) = server.open("/", &format!("Origin: {origin}\r\n"));
        assert_eq!(status(&head), *expected, "{words:?} {origin}");
        let is_said = server.lines[1].contains("local pages may connect");
        assert_eq!(is_said, !words.contains(&"same") && !words.contains(&"*"), "{:?}", server.lines);
    }
}

#[test]
fn an_address_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = ended(&["echo", &address]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    let error = text(&output.stderr);
    assert!(error.starts_with(&format!("sockhop: cannot listen on {address}: ")), "{error}");
    assert!(error.contains("choose another port"), "{error}");
}

#[test]
fn a_name_without_an_address_is_named_with_what_to_do() {
    let output = ended(&["echo", "256.0.0.1:80"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("sockhop: cannot listen on 256.0.0.1:80: "), "{error}");
    assert!(error.contains("\nThere is no address of this name: "), "{error}");
}

#[test]
fn bad_usage_is_2_and_says_what_is_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (&["--bogus"], "sockhop: no such flag: `--bogus`\n"),
        (&["--foo"], "sockhop: no such flag: `--foo`\n"),
        (&["--lisen", "1"], "sockhop: no such flag: `--lisen`, did you mean `--listen`?\n"),
        (&["demo"], "sockhop: `demo` is not an address: "),
        (&["chta", "0"], "sockhop: no such app: `chta`, did you mean `chat`?\n"),
        (&["--", "--help"], "sockhop: `--help` is no flag behind `--`: leave `--` out\n"),
        (&["--restart=1"], "sockhop: `--restart` takes no value: leave out `=` and what follows\n"),
        (&["--max-message", "10X"], "sockhop: --max-message: `10X` is not a size: write 500, 64K, 1M or 1G\n"),
        (&["--path-prefix", "ws"], "sockhop: --path-prefix: `ws`: a path begins with /"),
        (
            &["--low-water", "1M"],
            "sockhop: --low-water (1M) is above --high-water (256K): lower the one or raise the other\n",
        ),
        (&["--origin", "*", "--origin", "same"], "sockhop: --origin: `*` lets all pages in"),
        (
            &["-listen", "0"],
            "sockhop: no such flag: `-listen`; a name of more than one letter has two dashes, `--listen`\n",
        ),
        (&["--verbose"], "sockhop: no such flag: `--verbose`; RUST_LOG sets the log level"),
        (&["-l", "/run/s.sock"], "sockhop: --listen: `/run/s.sock` is not an address: write unix:/run/s.sock"),
        (&["--page", ""], "sockhop: --page: the name of the directory is empty\n"),
        (&["--path-prefix", "/a?b"], "sockhop: --path-prefix: `/a?b`: a path begins with / and has no ?,"),
        (&["-l", "unix:/tmp/x?mod=0660"], "sockhop: cannot listen on unix:/tmp/x?mod=0660: only a mode may follow"),
        (&["-l", "unix:/tmp/x?mode=rw"], "sockhop: cannot listen on unix:/tmp/x?mode=rw: "),
    ];
    for (words, expected) in cases {
        let output = ended(words);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{words:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with(expected), "{words:?}: {error}");
        assert!(error.ends_with("\nTry sockhop --help.\n"), "{words:?}: {error}");
    }
    let output = sockhop(&[]).arg(std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(2), "sockhop: `\u{fffd}` is not UTF-8\nTry sockhop --help.\n")
    );
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = concat!("sockhop ", env!("CARGO_PKG_VERSION"));
    let cases: &[(&[&str], &str)] = &[
        (&["--help"], "sockhop: a tiny WebSocket server\n"),
        (&["pong", "-h"], "sockhop: a tiny WebSocket server\n"),
        (&["help"], "sockhop: a tiny WebSocket server\n"),
        (&["--version"], version),
        (&["-V"], version),
        (&["version"], version),
    ];
    for (words, expected) in cases {
        let output = ended(words);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{words:?}");
        let said = text(&output.stdout);
        assert!(said.starts_with(expected) && said.ends_with('\n'), "{words:?}: {said}");
    }
}

#[test]
fn the_environment_says_where_to_listen_when_nobody_else_does() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        (&[], &[("SOCKHOP_LISTEN", "0.0.0.0:0"), ("IP", "127.0.0.1"), ("PORT", "0")], "0.0.0.0:"),
        (&[], &[("IP", "0.0.0.0"), ("PORT", "0")], "0.0.0.0:"),
        (&[], &[("PORT", "0")], "127.0.0.1:"),
        (&["127.0.0.1:0"], &[("SOCKHOP_LISTEN", "0.0.0.0:0")], "127.0.0.1:"),
    ];
    for (words, env, expected) in cases {
        let server = Running::spawn(sockhop(words).envs(env.iter().copied()));
        assert!(server.address().starts_with(expected), "{:?}", server.lines);
    }
    let output = sockhop(&[]).env("PORT", "http").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("sockhop: PORT: `http` is not a port"));
    let output = sockhop(&[]).env("SOCKHOP_LISTEN", std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("sockhop: SOCKHOP_LISTEN: `\u{fffd}` is not UTF-8\n"));
}

#[test]
fn several_listeners_are_in_one_line_and_a_socket_goes_with_the_server() {
    let path = socket_path("several");
    let unix = format!("unix:{}", path.display());
    let server = Running::start(&["echo", "-l", "0", "--listen", &unix]);
    assert_eq!(server.lines[0], format!("listening on http://{}, {unix}", server.address()));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 200);
    server.signal("-TERM");
    assert_eq!(server.end(), (Some(0), String::new()));
    assert!(!path.exists(), "the socket is removed");
}

#[test]
fn clients_are_told_when_it_stops() {
    let server = Running::start(&["echo", "0"]);
    let (mut stream, _) = server.open("/", "");
    server.signal("-TERM");
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!((frame[0], &frame[2..]), (0x88, &1001_u16.to_be_bytes()[..]), "Close 1001");
    drop(stream);
    let (code, errors) = server.end();
    assert_eq!(code, Some(0));
    assert!(errors.contains("closing connections: 1; Ctrl-C again stops at once\n"), "who waits is told why: {errors}");
}

#[test]
fn nobody_need_read_what_it_prints() {
    let broken = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    assert_eq!(sockhop(&["--help"]).stdout(broken()).status().unwrap().code(), Some(0));

    let path = socket_path("unread");
    let mut command = sockhop(&["echo", &format!("unix:{}", path.display())]);
    let mut child = command.env("RUST_LOG", "debug").stdout(broken()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("standard output: ") && log.read_line(&mut line).unwrap() > 0 {}
    // It serves all the same, and its log has times.
    assert!(UnixStream::connect(&path).is_ok());
    assert!(line.starts_with('[') && line.contains("Z DEBUG "), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_stalled_standard_error_stops_nobody() {
    let mut command = sockhop(&["echo", "127.0.0.1:0"]);
    let server = Running::spawn(command.env("RUST_LOG", "trace"));
    // Nobody reads its log, of which a pipe holds 64 KiB; each request has lines of its own.
    for n in 0..3000 {
        assert_eq!(server.status("GET /healthz"), 200, "request {n}");
    }
    server.signal("-TERM");
    let (code, errors) = server.end();
    assert_eq!(code, Some(0));
    assert!(errors.contains(" log lines were dropped"), "it was stalled: {} bytes", errors.len());
}

#[test]
fn limits_go_by_the_clients_of_a_trusted_proxy() {
    let server = Running::start(&["echo", "0", "--trusted-proxy", "127.0.0.0/8", "--max-per-address", "1"]);
    let open = |client: &str| server.open("/", &format!("X-Forwarded-For: {client}\r\n"));
    let (_ann, head) = open("192.0.2.1");
    assert_eq!(status(&head), 101);
    assert_eq!(status(&open("192.0.2.1").1), 429);
    let (_bob, head) = open("192.0.2.2");
    assert_eq!(status(&head), 101);
}
