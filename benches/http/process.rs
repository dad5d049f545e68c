//! Processes on one core: the servers, and wrk.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
/// Clock ticks a second in /proc/PID/stat: `getconf CLK_TCK`, on Linux always the same.
const TICKS: f64 = 100.0;

/// A server in a process of its own, which ends with this value.
pub struct Server {
    child: Child,
    pub port: u16,
    folder: PathBuf,
}

impl Server {
    /// This program again, as the server with this name, which prints its port.
    pub fn own(name: &str) -> Self {
        let program = env::current_exe().expect("this program has a path");
        let mut child = on_core(SERVER_CORE, program.to_str().expect("a path in UTF-8"))
            .args(["serve", name])
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset runs");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the server prints its port");
        Server { child, port: line.trim().parse().expect("a port"), folder: PathBuf::new() }
    }

    /// nginx with one worker, which answers everything with `return 200`.
    pub fn nginx() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr()).expect("a port").port();
        let folder = env::temp_dir().join(format!("sockhop-bench-http-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.to_str().expect("a path in UTF-8");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind}; "))
            .concat();
        let config = format!(
            "daemon off; worker_processes 1; pid {path}/pid; error_log stderr error; events {{}}\n\
             http {{ access_log off; {temporary} default_type text/plain;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).expect("a file");
        let child = on_core(SERVER_CORE, "nginx")
            .args(["-p", path, "-e", "stderr", "-c"])
            .arg(file)
            .spawn()
            .expect("taskset runs");
        let mut server = Server { child, port, folder };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let has_ended = server.child.try_wait().is_ok_and(|status| status.is_some());
            assert!(!has_ended, "nginx has ended; to install it: apt-get install nginx-light");
            assert!(start.elapsed() < Duration::from_secs(10), "nginx does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Processor time used so far, in seconds: that of the process and of its children.
    pub fn cpu(&self) -> f64 {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it lives");
        children.split_whitespace().chain([id.to_string().as_str()]).map(cpu_of).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not SIGKILL, so that nginx ends its worker.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        if self.folder != Path::new("") {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The time in user mode and in the kernel, in seconds: the 14th and 15th field, behind the name in parentheses.
fn cpu_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / TICKS
}

/// Runs wrk: the number of requests, and their rate in a second. No request may fail.
pub fn wrk(port: u16, options: &[&str]) -> (f64, f64) {
    let url = format!("http://127.0.0.1:{port}/");
    let output = on_core(CLIENT_CORE, "wrk").args(options).arg(url).output().expect("taskset runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let is_clean = output.status.success() && !text.contains("Socket errors") && !text.contains("Non-2xx");
    assert!(is_clean, "wrk has failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let find = |key: &str| text.lines().find(|line| line.contains(key)).and_then(number).expect("a number");
    (find("requests in"), find("Requests/sec"))
}

fn on_core(core: &str, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]).stdin(Stdio::null());
    command
}
