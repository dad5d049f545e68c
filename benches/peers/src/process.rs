//! A server's process: started on its own core, measured through `/proc` together with the processes that it has started,
//! and ended when dropped.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::secure::Secure;

/// How long a server may take until it accepts connections.
const START: Duration = Duration::from_secs(20);
/// How long it may take to end after SIGTERM.
const END: Duration = Duration::from_secs(2);

/// The cores of server and generator.
#[derive(Clone, Copy)]
pub struct Cores {
    server: usize,
    generator: usize,
}

impl Cores {
    /// Chooses the requested cores, or the first two that this process may use, and moves this process to its own.
    pub fn choose(wanted: Option<(usize, usize)>) -> Result<Self, Box<dyn Error>> {
        let (server, generator) = match wanted {
            Some(cores) => cores,
            None => {
                let allowed = sched_getaffinity(None)?;
                let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
                cores
                    .next()
                    .zip(cores.next())
                    .ok_or("two cores are needed: one for the server, one for the generator")?
            }
        };
        let cores = Cores { server, generator };
        stay_on(cores.generator)?;
        Ok(cores)
    }
}

/// Binds this process, and all processes that it starts from now on, to a core.
fn stay_on(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Raises the limit of descriptors: ten thousand clients need ten thousand, here and in the servers, which inherit it.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// A running server.
pub struct Server {
    process: Child,
    address: SocketAddr,
    /// The files and clients of a server that speaks TLS.
    pub secure: Option<Secure>,
    /// The time from its start to the first connection.
    pub start: Duration,
}

impl Server {
    /// Starts a command on the server's core, and waits until it listens. `{port}` in it stands for the port, `{cert}` and
    /// `{key}` for the files of a server that speaks TLS.
    pub fn start(command: &[String], cores: Cores, secure: Option<Secure>) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let file = |file: fn(&Secure) -> &Path| {
            secure.as_ref().map_or(String::new(), |secure| file(secure).display().to_string())
        };
        let (cert, key) = (file(|secure| &secure.cert), file(|secure| &secure.key));
        let port = address.port().to_string();
        let fill = |word: &String| word.replace("{port}", &port).replace("{cert}", &cert).replace("{key}", &key);
        let mut words = command.iter().map(fill);
        let program = words.next().ok_or("an empty command")?;
        stay_on(cores.server)?;
        let begin = Instant::now();
        let process =
            Command::new(&program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        stay_on(cores.generator)?;
        let process = process.map_err(|error| format!("{program}: {error}"))?;
        let mut server = Server { process, address, secure, start: Duration::ZERO };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(format!("{program} has ended: {status}").into());
            }
            if begin.elapsed() > START {
                return Err(format!("{program} does not listen at {address}").into());
            }
            thread::sleep(Duration::from_micros(200));
        }
        server.start = begin.elapsed();
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that all its threads have used so far.
    pub fn processor_time(&self) -> Result<Duration, Box<dyn Error>> {
        let mut time = Duration::ZERO;
        for process in self.processes()? {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                time += time_of(&thread?.path())?;
            }
        }
        Ok(time)
    }

    /// The memory that it occupies now (RSS), in bytes.
    pub fn memory(&self) -> Result<f64, Box<dyn Error>> {
        self.sum("smaps_rollup", "Rss:")
    }

    /// The part of [`memory`](Self::memory) in anonymous shared mappings, such as those of nginx's workers.
    pub fn shared_memory(&self) -> Result<f64, Box<dyn Error>> {
        self.sum("status", "RssShmem:")
    }

    /// Adds up a line in KiB of a file in `/proc`, in bytes.
    fn sum(&self, file: &str, field: &str) -> Result<f64, Box<dyn Error>> {
        let mut bytes = 0.0;
        for process in self.processes()? {
            let text = fs::read_to_string(format!("/proc/{process}/{file}"))?;
            let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or_else(|| format!("no {field}"))?;
            bytes += line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0;
        }
        Ok(bytes)
    }

    /// The process and those that it and its children have started, such as the workers of nginx.
    fn processes(&self) -> io::Result<Vec<String>> {
        let mut processes = vec![self.process.id().to_string()];
        let mut at = 0;
        while let Some(process) = processes.get(at) {
            let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
            processes.extend(children.split_whitespace().map(str::to_owned));
            at += 1;
        }
        Ok(processes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.process.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // Fails if the process has ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while !matches!(self.process.try_wait(), Ok(Some(_))) {
            if asked.elapsed() > END {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A free port; another process may still take it.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The processor time that the calling thread has used so far.
pub fn own_processor_time() -> Result<Duration, Box<dyn Error>> {
    time_of(Path::new("/proc/thread-self"))
}

/// The processor time that a thread has used so far.
fn time_of(thread: &Path) -> Result<Duration, Box<dyn Error>> {
    Ok(precise(thread).or_else(|| by_ticks(thread)).ok_or("no processor time in /proc")?)
}

/// Processor time from the scheduler's statistics, in nanoseconds.
fn precise(thread: &Path) -> Option<Duration> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Processor time in clock ticks, for a kernel without these statistics.
fn by_ticks(thread: &Path) -> Option<Duration> {
    let text = fs::read_to_string(thread.join("stat")).ok()?;
    // The name, in parentheses, may contain anything; user and system time are the 12th and 13th after it.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}
