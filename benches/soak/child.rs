//! The other processes: the server, and a plain TCP echo on the same machine.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The argument that makes this program the plain echo.
pub const ECHO: &str = "--plain-echo";

/// A process that has printed its address. It is killed when dropped.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    /// Collects the lines on its standard error.
    log: Option<JoinHandle<Vec<String>>>,
}

/// The kernel's figures for a process at one time.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Resident memory, and the anonymous part of it, in KiB.
    pub rss: u64,
    pub own: u64,
    pub descriptors: usize,
    /// Processor time, in hundredths of a second.
    pub ticks: u64,
    /// The time in which it was ready to run but had no processor.
    pub starved: Duration,
}

impl Server {
    /// Starts `sockhop` with all its apps at a free port. `prefix` has the words before the command, such as
    /// `taskset -c 2`.
    pub fn sockhop(prefix: &[String]) -> io::Result<Self> {
        Server::start(prefix, env!("CARGO_BIN_EXE_sockhop"), "0")
    }

    /// Starts the plain echo.
    pub fn plain(prefix: &[String]) -> io::Result<Self> {
        let this = std::env::current_exe()?;
        Server::start(prefix, &this.display().to_string(), ECHO)
    }

    fn start(prefix: &[String], program: &str, arg: &str) -> io::Result<Self> {
        let mut words = prefix.iter().map(String::as_str).chain([program, arg]);
        let mut command = Command::new(words.next().unwrap_or(program));
        for name in ["SOCKHOP_LISTEN", "IP", "PORT", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let log = thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).collect());
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addr = line.trim_end().rsplit('/').find_map(|word| word.parse().ok());
        Ok(Server { child, addr: addr.unwrap_or_else(|| panic!("no address in {line:?}")), log: Some(log) })
    }

    pub fn sample(&self) -> io::Result<Sample> {
        let file = |name: &str| format!("/proc/{}/{name}", self.child.id());
        let memory = fs::read_to_string(file("smaps_rollup"))?;
        let kib = |key: &str| -> u64 {
            let values = memory.lines().filter_map(|line| line.strip_prefix(key));
            values.filter_map(|value| value.trim_end_matches("kB").trim().parse::<u64>().ok()).sum()
        };
        let stat = fs::read_to_string(file("stat"))?;
        let times = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let scheduled = fs::read_to_string(file("schedstat"))?;
        let starved = scheduled.split_whitespace().nth(1).and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        Ok(Sample {
            rss: kib("Rss:"),
            own: kib("Anonymous:"),
            descriptors: fs::read_dir(file("fd"))?.count(),
            starved: Duration::from_nanos(starved),
            ticks: times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum(),
        })
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has at most `most` descriptors open. Returns their number in the end.
    pub fn wait_for_descriptors(&self, most: usize, patience: Duration) -> io::Result<usize> {
        let since = Instant::now();
        loop {
            let descriptors = self.sample()?.descriptors;
            if descriptors <= most || since.elapsed() > patience {
                return Ok(descriptors);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it with SIGTERM. Returns its exit status and the lines on its standard error.
    pub fn stop(mut self) -> io::Result<(ExitStatus, Vec<String>)> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        let log = self.log.take().expect("taken once").join().expect("it only collects");
        Ok((status, log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // These fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Accepts one connection and sends every byte back.
pub fn plain_echo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            len => stream.write_all(&buffer[..len])?,
        }
    }
}
