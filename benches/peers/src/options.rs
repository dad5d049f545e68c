//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use bpaf::{OptionParser, Parser, construct, long, positional, pure};
use sockhop::TlsPair;

use crate::load::Times;
use crate::serve::Mode;
use crate::workload::{COMPRESSION, GROWTH, HUB, TLS, WORKLOADS};

pub enum Command {
    /// Runs one of the servers in Rust. The program starts itself like that.
    Serve {
        name: String,
        port: u16,
        mode: Mode,
        /// The files of a server that speaks TLS.
        pair: Option<TlsPair>,
    },
    Measure(Measure),
    /// Measures Sockhop and the floor at growing sizes. The workloads are names of series.
    Grow(Measure),
    /// Measures the savings and the cost of compression.
    Compress(Measure),
    /// Measures the hub beside nginx with nchan.
    Hub(Measure),
    /// Measures servers that speak TLS, and Sockhop without it.
    Tls(Measure),
    /// Makes table and chart from earlier readings.
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
    /// Further servers, by name and command.
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

    /// Whether a server will be measured.
    pub fn wants(&self, server: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == server)
    }
}

pub fn read() -> Command {
    parser().run()
}

fn parser() -> OptionParser<Command> {
    let name = positional::<String>("NAME").help("a server in Rust");
    let port = positional::<u16>("PORT").help("where it listens, on 127.0.0.1");
    let mode = positional::<Mode>("MODE").help("of compression, only for sockhop").fallback(Mode::None);
    let cert = long("cert").help("Speak TLS with this certificate in PEM").argument::<PathBuf>("FILE");
    let key = long("key").help("and its private key").argument::<PathBuf>("FILE");
    let pair = construct!(TlsPair { cert, key }).optional();
    let serve = construct!(Command::Serve { pair, name, port, mode })
        .to_options()
        .descr("Runs one of the servers")
        .command("serve");
    let grow = growth().map(Command::Grow).to_options();
    let grow = grow.descr("Measures Sockhop and the floor with more and more connections and topics").command("growth");
    let compress = compression().map(Command::Compress).to_options();
    let compress = compress
        .descr("Measures the savings and the cost of compression: Sockhop, ws and websockets")
        .command("compression");
    let hub = hub().map(Command::Hub).to_options();
    let hub = hub.descr("Measures the hub beside nginx with nchan (Debian: libnginx-mod-nchan)").command("hub");
    let tls = tls().map(Command::Tls).to_options();
    let tls =
        tls.descr("Measures Sockhop with TLS beside itself without, and beside other servers with TLS").command("tls");
    let (out, docs) = (out("report"), docs());
    let report = construct!(Command::Report { out, docs }).to_options();
    let report = report.descr("Prints the results of an earlier run again").command("report");
    let measure = measure().map(Command::Measure);
    construct!([serve, grow, compress, hub, tls, report, measure])
        .to_options()
        .descr("Sockhop side by side with other WebSocket servers: processor time, throughput, latency, memory")
}

fn measure() -> impl Parser<Measure> {
    let (rounds, seconds) = (rounds(3, "Rounds; servers in scripting languages run only in the first"), seconds(1.25));
    let workloads = names("workloads", "Only these workloads, separated by commas");
    let workloads = or_all(workloads, || WORKLOADS.iter().map(|workload| workload.name).collect());
    let only = only();
    let servers = servers("One more server, such as 'uWebSockets=/path/to/server {port}'");
    let (cores, append, quick, out, docs) = (cores(), append(), quick(), out("report"), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

/// Always measures the same two servers: only they have all series.
fn growth() -> impl Parser<Measure> {
    let (rounds, seconds) = (rounds(5, "Rounds"), seconds(1.0));
    let workloads =
        names("series", "Only these series, separated by commas: echo-all, echo-64, bcast, idle, one-of, ...");
    let workloads = or_all(workloads, || GROWTH.iter().map(|series| series.name).collect());
    let only = pure(["sockhop", "floor"].map(str::to_owned).to_vec());
    let servers = pure(Vec::new());
    let (cores, append, quick, out, docs) = (cores(), append(), quick(), out("growth"), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

/// All servers run in all rounds.
fn compression() -> impl Parser<Measure> {
    let (rounds, seconds) = (rounds(5, "Rounds"), seconds(2.0));
    let workloads = pure(COMPRESSION.iter().map(|workload| workload.name.to_owned()).collect());
    let servers = servers("One more server, with its mode, such as 'uWebSockets/takeover=/path/to/server {port}'");
    let only = only();
    let (cores, append, quick, out, docs) = (cores(), append(), quick(), out("compression"), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

/// All servers run in all rounds.
fn hub() -> impl Parser<Measure> {
    let (rounds, seconds) = (rounds(5, "Rounds"), seconds(1.0));
    let workloads = names("workloads", "Only these workloads, separated by commas");
    let workloads = or_all(workloads, || HUB.iter().map(|workload| workload.name).collect());
    let (only, servers) = (only(), pure(Vec::new()));
    let (cores, append, quick, out, docs) = (cores(), append(), quick(), out("hub"), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

fn tls() -> impl Parser<Measure> {
    let (rounds, seconds) = (rounds(5, "Rounds; servers in scripting languages run only in the first"), seconds(1.25));
    let workloads = names("workloads", "Only these workloads, separated by commas");
    let workloads = or_all(workloads, || TLS.iter().map(|workload| workload.name).collect());
    let only = only();
    let servers = servers("One more server, such as 'uWebSockets=/path/to/server {port} {cert} {key}'");
    let (cores, append, quick, out, docs) = (cores(), append(), quick(), out("tls"), docs());
    construct!(Measure { rounds, seconds, workloads, only, servers, cores, append, quick, out, docs })
}

fn servers(help: &'static str) -> impl Parser<Vec<(String, String)>> {
    let server = long("server").help(help).argument::<String>("NAME=COMMAND");
    let parts = |text: String| {
        text.split_once('=').map(|(name, command)| (name.to_owned(), command.to_owned())).ok_or("NAME=COMMAND")
    };
    server.parse(parts).many()
}

fn only() -> impl Parser<Vec<String>> {
    names("only", "Only these servers, separated by commas")
}

fn rounds(default: usize, help: &'static str) -> impl Parser<usize> {
    long("rounds").help(help).argument("N").fallback(default).display_fallback()
}

fn seconds(default: f64) -> impl Parser<f64> {
    let help = "Measured seconds for each server, workload and round";
    long("seconds").help(help).argument("S").fallback(default).display_fallback()
}

fn cores() -> impl Parser<Option<(usize, usize)>> {
    long("cores")
        .help("The cores of the server and the generator; by default the first two that this process may use")
        .argument::<String>("A,B")
        .parse(|text| {
            let (server, generator) = text.split_once(',').ok_or("A,B")?;
            Ok::<_, &str>((server.parse().map_err(|_| "no number")?, generator.parse().map_err(|_| "no number")?))
        })
        .optional()
}

fn append() -> impl Parser<bool> {
    long("append").help("Add to the readings in the folder").switch()
}

fn quick() -> impl Parser<bool> {
    long("quick").help("Run everything briefly with little load, as a test: the figures mean nothing").switch()
}

fn or_all(names: impl Parser<Vec<String>>, all: fn() -> Vec<&'static str>) -> impl Parser<Vec<String>> {
    names.map(move |names| if names.is_empty() { all().into_iter().map(str::to_owned).collect() } else { names })
}

fn names(name: &'static str, help: &'static str) -> impl Parser<Vec<String>> {
    let list = long(name).help(help).argument::<String>("NAMES");
    list.map(|text| text.split(',').map(str::to_owned).collect()).fallback(Vec::new())
}

/// The output folder; by default one of this name below `target`.
fn out(name: &str) -> impl Parser<PathBuf> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).join(name);
    long("out").help("Folder for the readings and the report").argument("DIR").fallback(default)
}

fn docs() -> impl Parser<bool> {
    long("docs").help("Also put the report into docs/performance.md").switch()
}
