//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use bpaf::{OptionParser, Parser, construct, long, positional};

use crate::load::Times;
use crate::workload::WORKLOADS;

pub enum Command {
    /// One of the servers in Rust. Used by the program itself.
    Serve {
        name: String,
        port: u16,
    },
    Measure(Measure),
    /// Table and chart of readings that are there already.
    Report {
        out: PathBuf,
        docs: bool,
    },
}

pub struct Measure {
    pub rounds: usize,
    pub seconds: f64,
    pub workloads: Vec<String>,
    pub only: Vec<String>,
    /// Further servers: name and command.
    pub servers: Vec<(String, String)>,
    pub cores: Option<(usize, usize)>,
    pub out: PathBuf,
    pub append: bool,
    pub docs: bool,
    pub quick: bool,
}

impl Measure {
    pub fn times(&self) -> Times {
        let seconds = if self.quick { 0.05 } else { self.seconds };
        Times { warm_up: Duration::from_secs_f64(seconds / 4.0), measured: Duration::from_secs_f64(seconds) }
    }
}

pub fn read() -> Command {
    parser().run()
}

fn parser() -> OptionParser<Command> {
    let name = positional::<String>("NAME").help("a server in Rust");
    let port = positional::<u16>("PORT").help("where it listens, on 127.0.0.1");
    let serve =
        construct!(Command::Serve { name, port }).to_options().descr("Runs one of the servers").command("serve");
    let (out, docs) = (out(), docs());
    let report = construct!(Command::Report { out, docs }).to_options();
    let report = report.descr("Prints what was measured before, once more").command("report");
    let measure = measure().map(Command::Measure);
    construct!([serve, report, measure])
        .to_options()
        .descr("Sockhop side by side with other WebSocket servers: processor time, throughput, latency, memory")
}

fn measure() -> impl Parser<Measure> {
    let rounds =
        long("rounds").help("Rounds; servers in scripting languages run in the first alone").argument("N").fallback(3);
    let seconds =
        long("seconds").help("Seconds measured of each server, workload and round").argument("S").fallback(1.5);
    let all = || WORKLOADS.iter().map(|workload| workload.name.to_owned()).collect();
    let workloads = names("workloads", "Only these workloads, with commas between");
    let workloads = workloads.map(move |names: Vec<String>| if names.is_empty() { all() } else { names });
    let only = names("only", "Only these servers, with commas between");
    let servers = long("server")
        .help("One more server, such as 'uWebSockets=/path/to/server {port}'")
        .argument::<String>("NAME=COMMAND")
        .parse(|text| {
            text.split_once('=').map(|(name, command)| (name.to_owned(), command.to_owned())).ok_or("NAME=COMMAND")
        })
        .many();
    let cores = long("cores")
        .help("The server's core and the generator's; without it the first two that this process may use")
        .argument::<String>("A,B")
        .parse(|text| {
            let (server, generator) = text.split_once(',').ok_or("A,B")?;
            Ok::<_, &str>((server.parse().map_err(|_| "no number")?, generator.parse().map_err(|_| "no number")?))
        })
        .optional();
    let append = long("append").help("Go on after the readings that are in the folder").switch();
    let quick = long("quick").help("A trial of everything with next to no load: the figures mean nothing").switch();
    let (out, docs) = (out(), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

fn names(name: &'static str, help: &'static str) -> impl Parser<Vec<String>> {
    let list = long(name).help(help).argument::<String>("NAMES");
    list.map(|text| text.split(',').map(str::to_owned).collect()).fallback(Vec::new())
}

fn out() -> impl Parser<PathBuf> {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target/report");
    long("out").help("Folder for readings.csv, table.md and chart.svg").argument("DIR").fallback(PathBuf::from(target))
}

fn docs() -> impl Parser<bool> {
    long("docs").help("Put table and chart into docs/performance.md").switch()
}
