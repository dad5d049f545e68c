//! SIGHUP, as operators send it and as terminals do that are closed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::running::{Running, status, without_wishes};
use crate::socket_path;

const NOTHING: &str = "SIGHUP: there is nothing to reload: no --page, no file of tokens and no --tls-cert\n";

#[test]
fn without_pages_it_is_logged_that_there_is_nothing_to_reload() {
    let server = Running::start(&["echo", "0"]);
    server.signal("-HUP");
    assert_eq!(server.status("GET /healthz"), 200);
    server.signal("-TERM");
    let (code, errors) = server.end();
    assert_eq!(code, Some(0));
    assert!(errors.ends_with(NOTHING), "{errors}");
}

/// A server with a terminal of its own, which `script` makes for it.
struct OnTerminal {
    /// The process `script`: the terminal goes when it is killed.
    script: Running,
    /// The server's standard error, read up to its end.
    errors: BufReader<File>,
    pid: String,
    socket: PathBuf,
}

impl OnTerminal {
    /// Starts a server by a command such as `nohup`.
    fn start(name: &str, starter: &str) -> Self {
        let (socket, errors) = (socket_path(name), socket_path(&format!("{name}-errors")));
        assert!(Command::new("mkfifo").arg(&errors).status().unwrap().success());
        let (command, to) = (env!("CARGO_BIN_EXE_sockhop"), errors.display());
        let listen = format!("-l 127.0.0.1:0 -l unix:{}", socket.display());
        let line = format!("exec 2>{to}; echo $$ >&2; exec {starter} {command} echo {listen}");
        let mut script = Command::new("script");
        script.args(["-qfec", &line, "/dev/null"]).env("SHELL", "/bin/sh").stdin(Stdio::null());
        let mut script = without_wishes(script);
        let starting = std::thread::spawn(move || Running::spawn(&mut script));
        let mut reader = BufReader::new(File::open(&errors).unwrap());
        std::fs::remove_file(&errors).unwrap();
        let mut pid = String::new();
        reader.read_line(&mut pid).unwrap();
        OnTerminal { script: starting.join().unwrap(), errors: reader, pid: pid.trim().to_owned(), socket }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.pid]).status().unwrap().success());
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    /// Returns when the server has got SIGHUP: the kernel sends it before the process that held the terminal is gone.
    fn close_terminal(&mut self) {
        self.script.child.kill().unwrap();
        self.script.child.wait().unwrap();
    }

    /// The rest of the log, up to the end of the server.
    fn end(mut self) -> String {
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        assert!(!self.socket.exists(), "the socket is removed");
        rest
    }
}

#[test]
fn a_terminal_that_is_closed_shuts_the_server_down_and_nothing_else_does() {
    let mut server = OnTerminal::start("terminal", "env --default-signal=HUP");
    let (mut stream, head) = server.script.open("/", "");
    assert_eq!(status(&head), 101);
    server.signal("-HUP");
    assert!(server.next_line().ends_with(NOTHING), "the terminal is there");
    assert_eq!(server.script.status("GET /healthz"), 200);
    server.close_terminal();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!((frame[0], &frame[2..]), (0x88, &1001_u16.to_be_bytes()[..]), "Close 1001");
    // A shell that ends sends another one.
    server.signal("-HUP");
    assert_eq!(server.script.status("GET /healthz"), 200, "it waits for the client");
    drop(stream);
    let errors = server.end();
    assert!(errors.contains("closing connections: 1;") && !errors.contains("SIGHUP"), "{errors}");
}

#[test]
fn a_server_that_is_started_by_nohup_outlives_its_terminal() {
    let mut server = OnTerminal::start("nohup", "env --ignore-signal=HUP");
    server.close_terminal();
    assert!(server.next_line().ends_with(NOTHING));
    assert_eq!(server.script.status("GET /healthz"), 200);
    server.signal("-TERM");
    server.end();
}
