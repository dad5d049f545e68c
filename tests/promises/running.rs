//! The command as a process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The command, started by a shell under a limit of descriptors; killed when it goes.
pub struct Running {
    pub child: Child,
    pub addr: SocketAddr,
}

impl Running {
    pub fn start(descriptors: usize, words: &str) -> Self {
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
    pub fn expect_rest(&self, promised: f64) {
        let (before, start) = (self.processor_seconds(), Instant::now());
        thread::sleep(Duration::from_secs(3));
        let share = (self.processor_seconds() - before) / start.elapsed().as_secs_f64();
        println!("{promised} of a processor promised, {share:.3} taken");
        assert!(share < 5.0 * promised, "{share} of a processor");
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill").success());
    }

    pub fn errors(&mut self) -> String {
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
