//! A write to a peer that has gone is an error, never a signal: a host that is not written in Rust, and does not ignore
//! SIGPIPE as Rust's runtime does, would die of it.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use signal_hook::consts::SIGPIPE;
use sockhop::{Context, Handler, ListenAddr, Message};

use crate::common::raw::{self, BINARY, FIN, TEXT};
use crate::common::{PATIENCE, TestServer, bind, read_text};

const CHILD: &str = "SOCKHOP_TEST_SIGPIPE";

/// Runs a test of this binary in a process of its own.
fn run_child(test: &str, mode: &str) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(CHILD, mode).status().unwrap()
}

#[test]
fn no_write_to_a_peer_that_has_gone_raises_sigpipe() {
    let name = "sigpipe::no_write_to_a_peer_that_has_gone_raises_sigpipe";
    match std::env::var(CHILD).as_deref() {
        Ok("serve") => {
            die_of_sigpipe();
            serve_peers_that_go();
        }
        Ok(_) => {
            die_of_sigpipe();
            signal_hook::low_level::raise(SIGPIPE).unwrap();
        }
        Err(_) => {
            assert_eq!(run_child(name, "raise").signal(), Some(SIGPIPE), "the child would die of it");
            let status = run_child(name, "serve");
            assert!(status.success(), "{status}");
        }
    }
}

/// Gives SIGPIPE its default effect: the process ends by it.
fn die_of_sigpipe() {
    signal_hook::flag::register_conditional_default(SIGPIPE, Arc::new(AtomicBool::new(true))).unwrap();
}

/// Answers and tells everyone, but not before the test says so: by then the sender has gone.
struct Hold {
    holding: Sender<()>,
    go: Receiver<()>,
}

impl Handler for Hold {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if message != Message::Text("hello") {
            self.holding.send(()).unwrap();
            self.go.recv_timeout(PATIENCE).unwrap();
            ctx.broadcast("before");
        }
        ctx.send(message);
    }
}

fn serve_peers_that_go() {
    let path = std::env::temp_dir().join(format!("sockhop-sigpipe-{}", std::process::id()));
    let (holding, is_holding) = mpsc::channel();
    let (say_go, go) = mpsc::channel();
    let server = bind().listen(format!("unix:{}", path.display())).unwrap().mount("/", Hold { holding, go });
    let server = TestServer::run(server);
    assert_eq!(server.addrs[1], ListenAddr::Unix(path.clone()));
    // A small answer is written, a large one by a vectored write, as are two.
    let frames = [
        raw::frame(FIN | TEXT, b"small"),
        raw::frame(FIN | BINARY, &[0; 50_000]),
        raw::frame(FIN | TEXT, b"two").repeat(2),
    ];
    for frame in frames {
        let times = if frame.len() == 2 * raw::frame(FIN | TEXT, b"two").len() { 2 } else { 1 };
        // Everyone is to hear the broadcast: someone who has gone, too.
        let silent = raw::open(server.addr(), "/");
        let mut tcp = raw::open(server.addr(), "/");
        tcp.write_all(&frame).unwrap();
        is_holding.recv_timeout(PATIENCE).unwrap();
        for gone in [tcp, silent] {
            // First the end of its side, then a reset: now a write fails with EPIPE, where a reset alone is ECONNRESET.
            gone.shutdown(Shutdown::Write).unwrap();
            socket2::SockRef::from(&gone).set_linger(Some(Duration::ZERO)).unwrap();
        }
        for _ in 0..times {
            say_go.send(()).unwrap();
        }
        for _ in 1..times {
            is_holding.recv_timeout(PATIENCE).unwrap();
        }

        let mut unix = UnixStream::connect(&path).unwrap();
        unix.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
        raw::read_101(&mut unix);
        unix.write_all(&frame).unwrap();
        is_holding.recv_timeout(PATIENCE).unwrap();
        drop(unix);
        for _ in 0..times {
            say_go.send(()).unwrap();
        }
        for _ in 1..times {
            is_holding.recv_timeout(PATIENCE).unwrap();
        }
    }
    let mut client = server.connect("/");
    client.send("hello".into()).unwrap();
    assert_eq!(read_text(&mut client), "hello");
}
