//! A running server, its answers, and a directory for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that runs; it is killed if the test does not stop it.
pub struct Running {
    pub child: Child,
    pub address: String,
}

impl Running {
    pub fn start(words: &[&str]) -> Self {
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
    pub fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A refused request may end in a reset when bytes behind it were not read: what came before counts.
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    pub fn request(&self, method: &str, target: &str, headers: &str) -> Answer {
        let fixed = format!("Host: {}\r\nConnection: close\r\n", self.address);
        let head = format!("{method} {target} HTTP/1.1\r\n{fixed}{headers}\r\n");
        Answer::parse(&self.exchange(head.as_bytes()))
    }

    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target, "")
    }

    /// A client offers these subprotocols, sends `hello` and closes. Returns the response's head, then frames.
    pub fn talk(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
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
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|it| it == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head, body: bytes[at..].to_vec() }
    }

    /// The head without the time of day, which may have moved on since another answer.
    pub fn without_date(&self) -> String {
        self.head.lines().filter(|line| !line.starts_with("Date: ")).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// A directory with pages, and beside it what nobody may see; removed when dropped.
pub struct Pages(pub PathBuf);

impl Pages {
    pub fn new(name: &str) -> Self {
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

    pub fn www(&self) -> &str {
        // Nothing but ASCII is in it.
        Box::leak(self.0.join("www").to_str().unwrap().to_owned().into_boxed_str())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
