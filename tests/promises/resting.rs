//! What costs the command no time: waiting, and having nothing left.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::raw::{self, FIN, TEXT};
use crate::{expect_after, expect_within};

/// The command, started by a shell under a limit of descriptors; killed when it goes.
struct Running {
    child: Child,
    addr: SocketAddr,
}

impl Running {
    fn start(descriptors: usize, words: &str) -> Self {
        let script = format!("ulimit -n {descriptors}; exec \"$0\" echo 127.0.0.1:0 {words}");
        let mut child = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_sockhop")])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it listens");
        let addr = line.trim_end().strip_prefix("listening on http://").and_then(|addr| addr.parse().ok());
        Running { child, addr: addr.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    /// Seconds of processor time that it has used, in user and kernel mode.
    fn processor_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // Behind the name, which may hold anything: utime and stime are the 14th and 15th fields, in ticks of 10 ms.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap()).collect();
        (ticks[0] + ticks[1]) / 100.0
    }

    /// Asserts that it uses less than 5 times this share of a processor.
    #[track_caller]
    fn expect_rest(&self, promised: f64) {
        let (before, start) = (self.processor_seconds(), Instant::now());
        thread::sleep(Duration::from_secs(3));
        let share = (self.processor_seconds() - before) / start.elapsed().as_secs_f64();
        println!("{promised} of a processor promised, {share:.3} taken");
        assert!(share < 5.0 * promised, "{share} of a processor");
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill").success());
    }

    fn errors(&mut self) -> String {
        let mut errors = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut errors).expect("UTF-8");
        errors
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "measures processor time: .ci/run promises"]
fn without_descriptors_the_server_rests_and_recovers() {
    let mut server = Running::start(100, "--max-connections 1000");
    // More than there are descriptors for; those that are not accepted wait in the kernel.
    let mut clients: Vec<_> = (0..130).map(|_| TcpStream::connect(server.addr).expect("the kernel takes it")).collect();
    for client in &mut clients {
        client.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
    }
    raw::read_101(&mut clients[0]);
    thread::sleep(Duration::from_millis(500));
    server.expect_rest(0.05);
    // Those who are in are served all the same.
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
    // What is nothing is at most a hundredth.
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
