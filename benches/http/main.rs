//! Plain HTTP on one core, beside nginx and beside the floor: requests in a second, and processor time for each.
//!
//!     cargo bench --bench http
//!
//! wrk keeps 10 connections and sends one request at a time on each: GET, or POST with a body of 100 bytes. All answers
//! have 2 bytes. Each server runs in turn, on the first core; wrk runs on the second. Printed are medians of 5 rounds,
//! and medians of the ratios to nginx and to the floor in the same round. It needs wrk, nginx and taskset.

mod floor;
mod process;

use std::io;
use std::net::TcpListener;
use std::{env, fs};

use sockhop::http::{Request, Response};
use sockhop::{Answer, Context, Handler};

use process::{Server, wrk};

const ROUNDS: usize = 5;
/// The first two are those that the others are compared with.
const SERVERS: [&str; 4] = ["floor", "nginx", "sockhop, route", "sockhop, handler"];
const WORKLOADS: [&str; 2] = ["GET", "POST of 100 bytes"];
const POST: &str = "wrk.method = 'POST'\nwrk.body = string.rep('x', 100)\n";

struct Fixed;

impl Handler for Fixed {
    fn request(&mut self, _ctx: &mut Context<'_>, _request: &Request<'_>, _body: &[u8]) -> Answer {
        ok().into()
    }
}

fn ok() -> Response {
    Response::text(200, "ok")
}

/// The figures of one server in one round of one workload.
#[derive(Clone, Copy)]
struct Reading {
    /// Requests in a second.
    rate: f64,
    /// Microseconds of processor time for each request.
    cpu: f64,
}

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [command, name] = &arguments[..]
        && command == "serve"
    {
        return serve(name);
    }
    let script = env::temp_dir().join(format!("sockhop-bench-http-{}.lua", std::process::id()));
    fs::write(&script, POST)?;
    let post = script.to_str().expect("a path in UTF-8");
    for (workload, script) in WORKLOADS.into_iter().zip([&[][..], &["-s", post]]) {
        // One row for each round, with a reading of each server.
        let rounds: Vec<_> = (0..ROUNDS).map(|_| SERVERS.map(|name| measure(name, script))).collect();
        println!("{workload:20}   requests/s   of nginx    CPU us   of floor");
        for (at, name) in SERVERS.into_iter().enumerate() {
            let median = |value: fn(&[Reading; 4], usize) -> f64| median(rounds.iter().map(|round| value(round, at)));
            println!(
                "  {name:18} {:12.0} {:10.2} {:9.2} {:10.2}",
                median(|round, at| round[at].rate),
                median(|round, at| round[at].rate / round[1].rate),
                median(|round, at| round[at].cpu),
                median(|round, at| round[at].cpu / round[0].cpu),
            );
        }
    }
    fs::remove_file(script)
}

fn serve(name: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    match name {
        "floor" => floor::serve(listener),
        "sockhop, route" => {
            sockhop::Server::bind(listener)?.route("GET", "/", |_, _| ok()).route("POST", "/", |_, _| ok()).run()
        }
        _ => sockhop::Server::bind(listener)?.mount("/", Fixed).run(),
    }
}

fn measure(name: &str, script: &[&str]) -> Reading {
    let server = if name == "nginx" { Server::nginx() } else { Server::own(name) };
    let options = |seconds| [&["-t1", "-c10", seconds], script].concat();
    wrk(server.port, &options("-d1s"));
    let before = server.cpu();
    let (requests, rate) = wrk(server.port, &options("-d4s"));
    Reading { rate, cpu: (server.cpu() - before) * 1e6 / requests }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
