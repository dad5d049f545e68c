//! A crowd of clients that read nothing: the memory for them stays within `Config::max_memory`, and over TLS 4 KiB for each
//! connection. The server is a process of its own.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use sockhop::Config;

use crate::common::line::{Line, Place, Way};
use crate::common::raw::{self, BINARY, FIN};
use crate::common::{Echo, memory};

over_each_way! {
    ten_thousand_clients_that_read_nothing_take_the_memory_that_they_may: "takes minutes: .ci/run promises",
}

const CHILD: &str = "SOCKHOP_TEST_CROWD";
const MANY: usize = 10_000;
const MIB: usize = 1024 * 1024;
const MOST: usize = 64 * MIB;

/// The server as a child process, which is killed when this value goes.
struct Server {
    child: Child,
    place: Place,
    /// The child would fail if it wrote to a pipe that nobody holds.
    _output: BufReader<ChildStdout>,
}

impl Server {
    fn start(way: Way) -> Self {
        let name = if way == Way::Plain { "plain" } else { "over_tls" };
        let test = format!("crowd::{name}::ten_thousand_clients_that_read_nothing_take_the_memory_that_they_may");
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        command.args(["--exact", &test, "--ignored", "--nocapture"]).env(CHILD, "1");
        let mut child = command.stdout(Stdio::piped()).spawn().expect("this program");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = output.by_ref().lines().map(|line| line.expect("text"));
        let addr = lines.find_map(|line| line.split_once("the crowd is served at ")?.1.parse().ok());
        let place = Place { addr: addr.expect("an address"), way };
        Server { child, place, _output: output }
    }

    fn held(&self, line: &str) -> usize {
        memory(self.child.id(), line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the child.
fn serve(way: Way) {
    // Clients that read nothing answer no Ping.
    let config = Config { max_memory: MOST, max_connections: MANY + 100, ping_interval: None, ..Config::default() };
    let server = way.bind_with(config).mount("/", Echo);
    println!("the crowd is served at {}", crate::common::tcp_addr(&server.local_addrs()[0]));
    server.run().expect("it runs until it is killed");
}

fn echo(bystander: &mut Line) {
    bystander.write_all(&raw::text("still there?")).expect("the server takes it");
    assert_eq!(raw::read_text(bystander), "still there?");
}

/// Sends until the socket takes no more, or so many bytes. Returns whether the connection is still there.
fn send(line: &mut Line, mut left: usize) -> bool {
    let frame = raw::frame(FIN | BINARY, &[7; 16 * 1024]);
    while left > 0 {
        match line.write_all(&frame) {
            Ok(()) => left = left.saturating_sub(frame.len()),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}

fn ten_thousand_clients_that_read_nothing_take_the_memory_that_they_may(way: Way) {
    rlimit::increase_nofile_limit(MANY as u64 + 500).expect("descriptors");
    if std::env::var(CHILD).is_ok() {
        return serve(way);
    }
    let server = Server::start(way);
    let mut bystander = server.place.open("/");
    echo(&mut bystander);
    let (before, start) = (server.held("VmRSS"), Instant::now());
    let open = |_| {
        let line = server.place.open("/");
        line.set_nonblocking(true).expect("a socket can be told so");
        line
    };
    let mut crowd: Vec<Line> = (0..MANY).map(open).collect();
    let idle = server.held("VmRSS") - before;
    println!("{way:?}: {MANY} clients in {:?}, {} bytes each", start.elapsed(), idle / MANY);
    let each = if way == Way::Plain { 512 } else { 4096 };
    assert!(idle <= MANY * each, "{idle} bytes for {MANY} that wait");
    // The kernel holds some of it.
    for round in 1..=20 {
        crowd.retain_mut(|line| send(line, 128 * 1024));
        echo(&mut bystander);
        let peak = server.held("VmHWM") - before;
        println!("round {round}: {} of {MANY} are there, at most {} MiB more than before", crowd.len(), peak / MIB);
        // Freed memory lies between what is still held.
        assert!(peak <= MOST + MOST / 2 + MANY * each, "{peak} bytes");
        if crowd.len() < MANY {
            break;
        }
    }
    assert!(!crowd.is_empty() && crowd.len() < MANY, "some have been closed for their memory, and others stay");
}
