//! The pages that a browser gets: the playground, or pages of the user's own, by a running command.

mod running;
mod site;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use running::{Answer, Pages, Running};

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
    for (path, kind) in
        [("client.js", "text/javascript"), ("client.mjs", "text/javascript"), ("client.d.ts", "text/plain")]
    {
        let kind = format!("{kind}; charset=utf-8");
        assert_eq!(server.get(&format!("/{path}")).header("Content-Type"), Some(&*kind));
    }
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
        for path in ["/", "/client.js", "/client.mjs", "/hub.mjs", "/client.d.ts", "/client.d.mts", "/hub.d.mts"] {
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
