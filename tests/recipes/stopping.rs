//! The binary's end by a signal.

use std::io::Write;

use crate::binary::{Sockhop, command, expect_silence};
use crate::common::{raw, read_close, tcp};

#[test]
fn a_signal_closes_all_connections_with_1001_and_exits_with_0() {
    for signal in ["-TERM", "-INT"] {
        let server = Sockhop::all();
        let mut clients = ["/echo", "/pong", "/chat", "/relay"].map(|path| server.connect(path));
        for client in &mut clients {
            expect_silence(client);
        }
        server.signal(signal);
        for client in &mut clients {
            assert_eq!(read_close(client).0, 1001, "{signal}");
        }
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_at_once_whoever_has_not_answered() {
    let server = Sockhop::app("echo");
    let mut deaf = raw::open(server.addr, "/");
    server.signal("-TERM");
    assert_eq!(raw::read_close(&mut deaf).0, 1001);
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_server_without_connections_ends_by_a_signal() {
    let server = Sockhop::app("pong");
    // A message that waits for a client that has left does not hold it up.
    let mut stream = raw::open(server.addr, "/");
    stream.write_all(&[raw::text("ping"), raw::close(1000, "")].concat()).unwrap();
    assert_eq!(raw::read_close(&mut stream).0, 1000);
    assert_eq!(raw::read_rest(&mut stream), b"");
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_full_server_lives_and_is_not_ready() {
    let server = Sockhop::run(command().args(["echo", "0", "--max-connections", "3", "--max-per-address", "3"]));
    let status = |path: &str| {
        raw::exchange(
            &mut tcp(server.addr),
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .status
    };
    assert_eq!((status("/healthz"), status("/readyz")), (200, 200));
    let clients: Vec<_> = (0..3).map(|_| raw::open(server.addr, "/")).collect();
    let _silent: Vec<_> = (0..40).map(|_| tcp(server.addr)).collect();
    assert_eq!((status("/healthz"), status("/readyz")), (200, 503));
    drop(clients);
}

#[test]
fn a_health_check_does_not_count_itself() {
    let server = Sockhop::run(command().args(["echo", "0", "--max-connections", "1"]));
    let ready = || raw::exchange(&mut tcp(server.addr), b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").status;
    assert_eq!(ready(), 200);
    let _client = raw::open(server.addr, "/");
    assert_eq!(ready(), 503);
}

#[test]
fn until_its_end_it_answers_plain_requests_and_refuses_upgrades() {
    let server = Sockhop::app("echo");
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    let mut kept = tcp(server.addr);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(raw::ask(&mut kept, &request(path)).status, 200, "{path}");
    }
    let mut deaf = raw::open(server.addr, "/");
    server.signal("-TERM");
    assert_eq!(raw::read_close(&mut deaf).0, 1001);
    assert_eq!(raw::read_rest(&mut kept), b"", "an idle connection is closed");
    let last = |path: &str| raw::exchange(&mut tcp(server.addr), &request(path)).status;
    assert_eq!((last("/healthz"), last("/readyz")), (200, 503));
    let upgrade = raw::exchange(&mut tcp(server.addr), format!("{}\r\n", raw::request("/")).as_bytes());
    assert_eq!((upgrade.status, upgrade.header("retry-after").as_str()), (503, "1"));
    deaf.write_all(&raw::close(1001, "")).unwrap();
    assert_eq!(raw::read_rest(&mut deaf), b"");
    assert_eq!(server.wait().code(), Some(0));
}
