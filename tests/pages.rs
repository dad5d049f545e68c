//! The pages that a browser gets: the playground, or pages of the user's own, by a running command.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that runs; it is killed if the test does not stop it.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockhop"));
        command.args(words).args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "info");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").expect(&line).to_owned();
        Running { child, address }
    }

    /// The answer to these bytes, up to the end of the connection.
    fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A refused request may end in a reset when bytes behind it were not read: what came before counts.
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    fn request(&self, method: &str, target: &str, headers: &str) -> Answer {
        let fixed = format!("Host: {}\r\nConnection: close\r\n", self.address);
        let head = format!("{method} {target} HTTP/1.1\r\n{fixed}{headers}\r\n");
        Answer::parse(&self.exchange(head.as_bytes()))
    }

    fn get(&self, target: &str) -> Answer {
        self.request("GET", target, "")
    }

    /// A client offers these subprotocols, sends `hello` and closes. Returns the response's head, then frames.
    fn talk(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fixed}{headers}\r\n", self.address);
        let frames = b"\x81\x85\0\0\0\0hello\x88\x82\0\0\0\0\x03\xe8";
        let answer = Answer::parse(&self.exchange(&[head.as_bytes(), frames].concat()));
        (answer.head, answer.body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|it| it == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head, body: bytes[at..].to_vec() }
    }

    /// The head without the time of day, which may have moved on since another answer.
    fn without_date(&self) -> String {
        self.head.lines().filter(|line| !line.starts_with("Date: ")).collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// A directory with pages, and beside it what nobody may see; removed when dropped.
struct Pages(PathBuf);

impl Pages {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-pages-{}-{name}", std::process::id()));
        for directory in ["www/sub", "www/.git", "wwwx"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        for (name, text) in [
            ("www/index.html", "<!doctype html>home"),
            ("www/sub/a.txt", "inner"),
            ("www/.env", "SECRET"),
            ("www/.git/config", "SECRET"),
            ("www/sub/.htpasswd", "SECRET"),
            ("wwwx/index.html", "SECRET"),
            ("secret.txt", "SECRET"),
        ] {
            fs::write(path.join(name), text).unwrap();
        }
        for (target, name) in [("../secret.txt", "out.txt"), ("/etc/passwd", "abs.txt"), ("..", "up"), ("/", "whole")] {
            symlink(target, path.join("www").join(name)).unwrap();
        }
        Pages(path)
    }

    fn www(&self) -> &str {
        // Nothing but ASCII is in it.
        Box::leak(self.0.join("www").to_str().unwrap().to_owned().into_boxed_str())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Targets that lead out of a directory, to hidden files, or nowhere.
const HOSTILE: [&str; 58] = [
    "/..",
    "/../secret.txt",
    "/../wwwx/index.html",
    "/sub/../../secret.txt",
    "/./secret.txt",
    "/sub/..",
    "/%2e%2e/secret.txt",
    "/%2E%2E/secret.txt",
    "/.%2e/secret.txt",
    "/%2e./secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%2fsecret.txt",
    "/sub/%2e%2e/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "/%5c..%5csecret.txt",
    "/sub%5c..%5c..%5csecret.txt",
    "\\..\\secret.txt",
    "/index.html%00",
    "/%00/../secret.txt",
    "/../secret.txt%00.html",
    "/index.html%0a",
    "/%0d%0aX-Evil:%201",
    "//etc/passwd",
    "///etc/passwd",
    "/etc/passwd",
    "/%2fetc%2fpasswd",
    "/file:///etc/passwd",
    "http://evil.example/../secret.txt",
    "http://evil.example//etc/passwd",
    "secret.txt",
    "*",
    "/out.txt",
    "/abs.txt",
    "/up/secret.txt",
    "/up/www/index.html",
    "/whole/etc/passwd",
    "/up",
    "/whole",
    "/.env",
    "/.git/config",
    "/sub/.htpasswd",
    "/%2eenv",
    "/.git%2fconfig",
    "/.",
    "/.//index.html",
    "/sub/a.txt/",
    "/sub/a.txt/../a.txt",
    "/index.html/../../secret.txt",
    "/~root/.profile",
    "/%",
    "/%zz",
    "/%u002e",
    "/secret.txt",
    "/wwwx/index.html",
    "/sub/a.txt;/../../secret.txt",
];

#[test]
fn no_path_leads_out_of_the_directory() {
    let pages = Pages::new("hostile");
    let long = format!("/{}", "a".repeat(5000));
    let deep = format!("/{}", "../".repeat(300));
    let lengthy = format!("/{}", "a/".repeat(1900));
    let inside = pages.0.display().to_string();
    let absolute = format!("{inside}/secret.txt");
    let file = format!("file://{inside}/secret.txt");
    let hostile = HOSTILE.into_iter().chain([&absolute[..], &file[..], &long[..], &lengthy[..], &deep[..]]);
    for words in [
        &["--page", pages.www()][..],
        &["chat", "--page", pages.www()],
        &["--page", pages.www(), "--path-prefix", "/p"],
    ] {
        let server = Running::start(words);
        assert_eq!(server.get("/sub/a.txt").body, b"inner");
        for target in hostile.clone() {
            for target in [target.to_owned(), format!("/p{target}")] {
                let answer = server.get(&target);
                let text = String::from_utf8_lossy(&answer.body);
                // A path over 4 KiB is told so: it is never looked at.
                let expected: &[u16] = if target.len() > 4000 { &[414] } else { &[400, 404] };
                assert!(expected.contains(&answer.status), "{target:?}: {answer:?}");
                assert!(!text.contains("SECRET") && !text.contains("root:") && !text.contains("home"), "{target:?}");
                assert!(answer.header("X-Evil").is_none(), "{target:?}");
            }
        }
        assert_eq!(server.get("/").body, b"<!doctype html>home", "and it still serves");
    }
}

#[test]
fn serves_pages_of_ones_own_from_memory_until_told_to_read_them_again() {
    let pages = Pages::new("reload");
    let mut server = Running::start(&["echo", "--page", pages.www()]);
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines();
    let warned: Vec<_> = log.by_ref().take(4).map(Result::unwrap).collect();
    for link in ["out.txt", "abs.txt", "up", "whole"] {
        assert!(warned.iter().any(|line| line.contains(link) && line.contains("leads outside")), "{link}: {warned:?}");
    }
    fs::write(pages.0.join("www/index.html"), "changed").unwrap();
    fs::remove_file(pages.0.join("www/sub/a.txt")).unwrap();
    assert_eq!(server.get("/").body, b"<!doctype html>home");
    assert_eq!(server.get("/sub/a.txt").body, b"inner");

    let hang_up = || Command::new("kill").args(["-HUP", &server.child.id().to_string()]).status().unwrap();
    hang_up();
    // Its warnings come again, then how many files it has read.
    let read = log.by_ref().map(Result::unwrap).find(|line| line.contains("files read")).unwrap();
    assert!(read.contains("1 files read"), "{read}");
    assert_eq!(server.get("/").body, b"changed");
    assert_eq!(server.get("/sub/a.txt").status, 404);

    fs::rename(pages.0.join("www"), pages.0.join("away")).unwrap();
    hang_up();
    let kept = log.by_ref().map(Result::unwrap).find(|line| line.contains("stay as they were")).unwrap();
    assert!(kept.contains("No such file"), "{kept}");
    assert_eq!(server.get("/").body, b"changed");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/client.js").header("Content-Type"), Some("text/javascript; charset=utf-8"));
    assert!(server.talk("/any", "").0.starts_with("HTTP/1.1 101 "), "and WebSockets are everywhere");
}

#[test]
fn a_directory_that_cannot_be_served_is_an_error_at_the_start() {
    let pages = Pages::new("limit");
    fs::File::create(pages.0.join("www/big")).unwrap().set_len(65 << 20).unwrap();
    for (directory, why) in [(pages.www(), "more than 64 MiB in all"), ("/nonexistent/pages", "No such file")] {
        let output = Command::new(env!("CARGO_BIN_EXE_sockhop")).args(["--page", directory, "0"]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn plain_http_has_what_browsers_and_caches_need() {
    let pages = Pages::new("http");
    let cases = [
        (Running::start(&[]), "default-src 'none'; script-src 'self'"),
        (Running::start(&["--page", pages.www()]), "base-uri 'self'; object-src 'none'"),
    ];
    for (server, policy) in cases {
        let page = server.get("/");
        assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.header("Content-Security-Policy").is_some_and(|value| value.starts_with(policy)), "{page:?}");
        for path in ["/", "/client.js"] {
            let whole = server.get(path);
            let length = whole.body.len().to_string();
            assert_eq!(whole.header("Content-Length"), Some(&*length));
            assert_eq!(whole.header("X-Content-Type-Options"), Some("nosniff"));
            let head = server.request("HEAD", path, "");
            assert_eq!((head.without_date(), head.body.len()), (whole.without_date(), 0), "{path}");
            let known = format!("If-None-Match: {}\r\n", whole.header("ETag").unwrap());
            for method in ["GET", "HEAD"] {
                let answer = server.request(method, path, &known);
                assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {path}");
                assert_eq!(answer.header("ETag"), whole.header("ETag"));
            }
            assert_eq!(server.request("GET", path, "If-None-Match: \"other\"\r\n").status, 200);
            assert_eq!(server.request("POST", path, "").header("Allow"), Some("GET, HEAD"));
        }
    }
}

#[test]
fn a_long_page_comes_whole_to_a_client_that_takes_its_time() {
    let pages = Pages::new("long");
    let long: Vec<u8> = (0..8 << 20).map(|i: u32| (i % 251) as u8).collect();
    fs::write(pages.0.join("www/long.bin"), &long).unwrap();
    let server = Running::start(&["--page", pages.www()]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(stream, "GET /long.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    // The sockets' buffers hold a part of it, the server the rest, while others are served.
    assert_eq!(server.get("/sub/a.txt").body, b"inner");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let answer = Answer::parse(&bytes);
    assert_eq!(answer.header("Content-Length"), Some(&*long.len().to_string()));
    assert!(answer.body == long);
}

#[test]
fn only_who_asks_to_inspect_is_told_its_request_head() {
    let closed = b"\x88\x02\x03\xe8";
    let server = Running::start(&["greet", "--subprotocol", "chat.v1"]);
    let plain = [&b"\x81\x08Hi there\x81\x0fReceived: hello"[..], closed].concat();
    for offer in ["", "Sec-WebSocket-Protocol: chat.v1\r\n", "Sec-WebSocket-Protocol: inspect, sockhop\r\n"] {
        assert_eq!(server.talk("/", offer).1, plain, "{offer}");
    }
    for (offer, agreed) in [
        ("sockhop.inspect", "sockhop.inspect"),
        ("sockhop.inspect, chat.v1", "sockhop.inspect"),
        ("chat.v1, sockhop.inspect", "chat.v1"),
    ] {
        let secrets = "Cookie: id=HUSH\r\nAuthorization: Bearer HUSH\r\n";
        let (head, frames) = server.talk("/x", &format!("Sec-WebSocket-Protocol: {offer}\r\n{secrets}"));
        assert!(head.contains(&format!("\r\nSec-WebSocket-Protocol: {agreed}\r\n")), "{head}");
        // One text frame with a length of two bytes, and then all as for others.
        assert_eq!(frames[..2], [0x81, 126], "{offer}");
        let (told, rest) = frames[4..].split_at(usize::from(u16::from_be_bytes([frames[2], frames[3]])));
        let told = String::from_utf8_lossy(told);
        assert!(
            told.starts_with(r#"{"method":"GET","target":"/x","version":"HTTP/1.1","headers":[["Host","#),
            "{told}"
        );
        assert!(told.contains(r#"["Cookie","(hidden)"],["Authorization","(hidden)"]"#), "{told}");
        assert!(!told.contains("HUSH"), "{told}");
        assert_eq!(rest, plain, "{offer}");
    }
}
