//! The command takes no processor time while it waits, or can accept no more.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::raw::{self, FIN, TEXT};
use crate::running::Running;
use crate::{expect_after, expect_within};

#[test]
#[ignore = "measures processor time: .ci/run promises"]
fn without_descriptors_the_server_rests_and_recovers() {
    let mut server = Running::start(1000, "");
    // The server keeps within the limit that it finds at its start. This one comes later.
    let limited = Command::new("prlimit").args(["--nofile=100:1000", "--pid", &server.child.id().to_string()]).status();
    assert!(limited.expect("util-linux has prlimit").success());
    // More than there are descriptors for; those that are not accepted wait in the kernel.
    let mut clients: Vec<_> = (0..130).map(|_| TcpStream::connect(server.addr).expect("the kernel takes it")).collect();
    for client in &mut clients {
        client.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
    }
    raw::read_101(&mut clients[0]);
    thread::sleep(Duration::from_millis(500));
    server.expect_rest(0.05);
    // Accepted clients are served all the same.
    clients[0].write_all(&raw::text("hi")).unwrap();
    assert_eq!(raw::read_text(&mut clients[0]), "hi");
    // The accepted ones go: all who have waited come in.
    let start = Instant::now();
    let waiting = clients.split_off(100);
    drop(clients);
    for mut client in waiting {
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        raw::read_101(&mut client);
    }
    expect_within(start.elapsed(), Duration::from_secs(1));
    server.signal("-TERM");
    let errors = server.errors();
    assert_eq!(errors.matches("no connection can be accepted").count(), 1, "{errors}");
}

#[test]
#[ignore = "measures processor time: .ci/run promises"]
fn nothing_is_done_for_clients_that_have_ended_their_streams() {
    let server = Running::start(1000, "");
    let clients: Vec<_> = (0..200)
        .map(|n| {
            let mut stream = raw::open(server.addr, "/");
            // Some are owed more than the kernel takes, and all stay.
            if n % 10 == 0 {
                let frame = raw::frame(FIN | TEXT, &[b'x'; 500_000]);
                stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
                while stream.write_all(&frame).is_ok() {}
            }
            stream.shutdown(Shutdown::Write).unwrap();
            stream
        })
        .collect();
    // A hundredth of the time counts as none.
    server.expect_rest(0.01);
    drop(clients);
}

#[test]
#[ignore = "takes 7 s: .ci/run promises"]
fn a_signal_ends_the_server_5_seconds_after_the_drain() {
    // Told to go at some time of the 2 s, whoever never answers is waited for from then on.
    for (words, most) in [("", 5), ("--drain 2s", 7)] {
        let mut server = Running::start(1000, words);
        let _deaf = raw::open(server.addr, "/");
        server.signal("-TERM");
        let start = Instant::now();
        assert_eq!(server.child.wait().expect("waited for once").code(), Some(0));
        expect_after(start, Duration::from_secs(5));
        expect_within(start.elapsed(), Duration::from_secs(most));
    }
}
