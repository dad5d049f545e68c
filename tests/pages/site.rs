//! Pages of the user's own: parts, headers, and what is said at the start.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::running::{Pages, Running};

#[test]
fn a_player_can_ask_for_parts_of_a_long_file() {
    let pages = Pages::new("parts");
    let long: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
    fs::write(pages.0.join("www/long.wav"), &long).unwrap();
    let server = Running::start(&["--page", pages.www()]);
    let whole = server.get("/long.wav");
    assert_eq!((whole.status, whole.header("Accept-Ranges")), (200, Some("bytes")));
    for range in [0..3 << 20, 1_000_000..1_000_001, 77..2_500_000, 3_000_000..3 << 20] {
        let asked = format!("Range: bytes={}-{}\r\n", range.start, range.end - 1);
        let answer = server.request("GET", "/long.wav", &asked);
        let told = format!("bytes {}-{}/{}", range.start, range.end - 1, 3 << 20);
        assert_eq!((answer.status, answer.header("Content-Range")), (206, Some(&*told)));
        assert_eq!(answer.header("Content-Length"), Some(&*range.len().to_string()));
        assert!(answer.body == long[range], "{told}");
    }
    let behind = server.request("GET", "/long.wav", "Range: bytes=9999999-\r\n");
    assert_eq!((behind.status, behind.header("Content-Range")), (416, Some("bytes */3145728")));
    let head = server.request("HEAD", "/long.wav", "Range: bytes=0-1\r\n");
    assert_eq!((head.status, head.header("Content-Length")), (200, Some("3145728")));
}

#[test]
fn headers_and_a_fallback_are_as_the_flags_say() {
    let pages = Pages::new("flags");
    fs::create_dir(pages.0.join("www/.well-known")).unwrap();
    fs::write(pages.0.join("www/.well-known/security.txt"), "Contact: a").unwrap();
    let coop = ["--header", "Cross-Origin-Opener-Policy: same-origin", "--header", "Content-Security-Policy:"];
    let fixed = ["chat", "--page", pages.www(), "--page-fallback", "index.html"];
    let server = Running::start(&[&fixed[..], &coop[..]].concat());
    for path in ["/", "/sub/a.txt", "/users/7", "/client.js", "/none.js"] {
        let answer = server.get(path);
        assert_eq!(answer.status, if path == "/none.js" { 404 } else { 200 }, "{path}");
        assert_eq!(answer.header("Cross-Origin-Opener-Policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("Content-Security-Policy"), None, "{path}");
    }
    assert_eq!(server.get("/users/7").body, b"<!doctype html>home");
    assert_eq!(server.get("/.well-known/security.txt").body, b"Contact: a");
    assert_eq!(server.get("/healthz").header("Cross-Origin-Opener-Policy"), None, "it is no page");
    assert!(server.talk("/users/7", "").0.starts_with("HTTP/1.1 101 "), "and WebSockets are everywhere");
}

/// The first line on standard error of a command that fails, or of a server.
fn first_line(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockhop"));
    command.args(words).args(["--listen", "127.0.0.1:0"]).env_remove("RUST_LOG");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    // It may have ended already.
    let _ = child.kill();
    child.wait().unwrap();
    line
}

#[test]
fn says_so_when_the_root_has_no_page() {
    let pages = Pages::new("index");
    for link in ["out.txt", "abs.txt", "up", "whole", "index.html"] {
        fs::remove_file(pages.0.join("www").join(link)).unwrap();
    }
    let line = first_line(&["--page", pages.www()]);
    assert!(line.contains(&format!("{} has no index.html: / is answered with 404", pages.www())), "{line}");
}

#[test]
fn wrong_flags_about_pages_are_errors_at_the_start() {
    let pages = Pages::new("wrong");
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--page-fallback", "app.html"], 1, "--page-fallback: there is no file app.html in "),
        (&["--header", "Content-Length: 7"], 2, "--header: `Content-Length: 7`: not a header line, or one that"),
        (&["--header", "bad name: 7"], 2, "--header: `bad name: 7`: not a header line, or one that"),
        (&["--header", "A b"], 2, "--header: `A b` has no colon"),
    ];
    for (words, code, why) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockhop"));
        let output = command.args(["0", "--page", pages.www()]).args(words).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && error.contains(why), "{error}");
    }
}
