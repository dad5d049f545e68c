//! The command as a process, and plain requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The command with these words.
pub fn sockhop(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockhop"));
    command.args(words).stdin(Stdio::null());
    without_wishes(command)
}

/// A command in an environment that asks for nothing.
pub fn without_wishes(mut command: Command) -> Command {
    for name in ["SOCKHOP_LISTEN", "IP", "PORT", "RUST_LOG"] {
        command.env_remove(name);
    }
    for name in ["SOCKHOP_PUBLISH_TOKEN", "SOCKHOP_SUBSCRIBE_TOKEN"] {
        command.env_remove(name).env_remove(format!("{name}_FILE"));
    }
    command
}

/// A server that runs; it is killed if the test does not stop it.
pub struct Running {
    pub child: Child,
    /// The lines that it printed at its start.
    pub lines: Vec<String>,
}

impl Running {
    pub fn start(words: &[&str]) -> Self {
        Self::spawn(&mut sockhop(words))
    }

    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(2, command)
    }

    /// Starts a server that prints this many lines.
    pub fn spawn_with(lines: usize, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut next_line = || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let lines = (0..lines).map(|_| next_line()).collect();
        child.stdout = Some(output.into_inner());
        Running { child, lines }
    }

    pub fn address(&self) -> &str {
        let urls = self.lines[0].strip_prefix("listening on ");
        let first = urls.and_then(|urls| urls.strip_prefix("http://").or(urls.strip_prefix("https://")));
        first.unwrap_or_else(|| panic!("no address in {:?}", self.lines)).split(',').next().unwrap_or_default()
    }

    /// The answer to a request, up to the end of the connection.
    pub fn request(&self, line: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        // A server that answers nothing is a failure, not a wait without end.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let host = self.address();
        write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn status(&self, line: &str) -> u16 {
        status(&self.request(line, ""))
    }

    /// Opens a WebSocket; the head of the answer.
    pub fn open(&self, path: &str, headers: &str) -> (BufReader<TcpStream>, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fixed}{headers}\r\n", self.address());
        let mut head = String::new();
        // A connection too many is closed unread, which is an error here: it has no head.
        let is_sent = stream.write_all(request.as_bytes()).is_ok();
        let mut stream = BufReader::new(stream);
        while is_sent && !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|length| length > 0) {}
        (stream, head)
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the exit code and what is on standard error.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap().code(), errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
