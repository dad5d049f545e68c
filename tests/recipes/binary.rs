//! The binary as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::common::{self, Client, ClientMessage, raw};

/// A `sockhop` that runs; killed if the test does not stop it.
pub struct Sockhop {
    child: Child,
    pub addr: SocketAddr,
}

impl Sockhop {
    /// Serves one app, at every path.
    pub fn app(name: &str) -> Self {
        Sockhop::run(command().args([name, "0"]))
    }

    /// Serves all apps, each at the path of its name.
    pub fn all() -> Self {
        Sockhop::run(command().arg("0"))
    }

    pub fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it listens");
        let url = line.trim_end().strip_prefix("listening on http://");
        let addr = url.and_then(|addr| addr.parse().ok());
        Sockhop { child, addr: addr.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    pub fn connect(&self, path: &str) -> Client {
        common::connect(self.addr, path)
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("a child is waited for once")
    }
}

impl Drop for Sockhop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, in an environment that asks for nothing.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockhop"));
    for name in ["SOCKHOP_LISTEN", "IP", "PORT", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a check on an app that is served alone, at whatever path, and on the same among all.
pub fn everywhere(name: &str, check: impl Fn(&Sockhop, &str)) {
    let alone = Sockhop::app(name);
    for path in ["/", "/ws", "/wss"] {
        check(&alone, path);
    }
    check(&Sockhop::all(), &format!("/{name}"));
}

pub fn say(client: &mut Client, text: &str) {
    client.send(ClientMessage::text(text)).expect("the server is there");
}

/// Asserts that nothing has been sent to a client but what it has read: the next to come answers its Ping.
#[track_caller]
pub fn expect_silence(client: &mut Client) {
    client.send(ClientMessage::Ping(b"and now?".to_vec().into())).expect("the server is there");
    assert_eq!(client.read().expect("a Pong comes"), ClientMessage::Pong(b"and now?".to_vec().into()));
}

/// Says bytes right behind the request, in the same write; what comes back after the 101, up to the end.
pub fn say_and_go(server: &Sockhop, path: &str, frames: &[u8], then: impl FnOnce(&std::net::TcpStream)) -> Vec<u8> {
    use std::io::Write;
    let mut stream = common::tcp(server.addr);
    let head = format!("{}\r\n", raw::request(path));
    stream.write_all(&[head.as_bytes(), frames].concat()).expect("the server is there");
    then(&stream);
    raw::read_101(&mut stream);
    raw::read_rest(&mut stream)
}
