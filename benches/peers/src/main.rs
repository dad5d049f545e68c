//! Sockhop side by side with other WebSocket servers: `cargo run --release --manifest-path benches/peers/Cargo.toml`.
//! With `-- growth`, it measures the cost of a message and of a connection with more and more connections and topics.
//! With `-- compression`, it measures the savings and the cost of permessage-deflate. With `-- hub`, it measures the hub
//! beside nginx with nchan. With `-- tls`, it measures Sockhop with TLS beside itself without, and beside other servers
//! with TLS.
//!
//! Each server is a process of its own on one core. The load generator is this process, on another core. In every
//! round, all servers are measured one after the other, so that other work on the machine meets them alike. Only the
//! loopback is used. The output is a Markdown table, a chart, and all single readings; see [`report`].
//!
//! | | |
//! |---|---|
//! | `main.rs`, `options.rs` | the order of measuring, and the command line |
//! | `serve/` | the servers in Rust, each started as `sockhop-peers serve NAME PORT` |
//! | `scripts/` | the servers in JavaScript and Python |
//! | `peers.rs`, `process.rs` | the list of servers; a running one, its processor time and memory |
//! | `secure.rs` | certificates, and TLS of the load generator |
//! | `workload.rs`, `load/` | the workloads; the load generator |
//! | `readings.rs`, `statistics.rs`, `report/` | the readings, medians and intervals, table and chart |

mod load;
mod options;
mod peers;
mod process;
mod readings;
mod report;
mod secure;
mod serve;
mod statistics;
mod workload;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use options::{Command, Measure};
use peers::Peer;
use process::{Cores, Server};
use readings::{Reading, Readings};
use workload::{COMPRESSION, GROWTH, HUB, Load, TLS, WORKLOADS, Workload};

fn main() -> ExitCode {
    let done = match options::read() {
        Command::Serve { name, port, mode, pair } => serve::run(&name, port, mode, pair).map_err(Box::from),
        Command::Measure(options) => {
            let peers = peers::available(&options);
            peers.and_then(|peers| measure(&options, &peers, named(&WORKLOADS, &options), report::write))
        }
        Command::Compress(options) => {
            let peers = peers::compressing(&options);
            measure(&options, &peers, named(&COMPRESSION, &options), report::write_compression)
        }
        Command::Hub(options) => {
            let peers = peers::hubs(&options);
            peers.and_then(|peers| measure(&options, &peers, named(&HUB, &options), report::write_hub))
        }
        Command::Tls(options) => {
            let peers = peers::securing(&options);
            peers.and_then(|peers| measure(&options, &peers, named(&TLS, &options), report::write_tls))
        }
        Command::Grow(options) => {
            let known = GROWTH.iter().filter(|series| options.workloads.iter().any(|name| name == series.name));
            let sizes = known.flat_map(|series| series.sizes.map(|size| (series.name_at(size), (series.load)(size))));
            let peers = peers::available(&options);
            peers.and_then(|peers| measure(&options, &peers, sizes.collect(), report::write_growth))
        }
        Command::Report { out, docs } => Readings::read(&out).and_then(|readings| report::write(&readings, &out, docs)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sockhop-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The workloads that were asked for.
fn named(workloads: &[Workload], options: &Measure) -> Vec<(String, Load)> {
    let wanted = workloads.iter().filter(|workload| options.workloads.iter().any(|name| name == workload.name));
    wanted.map(|workload| (workload.name.to_owned(), workload.load)).collect()
}

/// Writes a report of the readings into a folder, and also into the project's documents if the flag is set.
type Report = fn(&Readings, &Path, bool) -> Result<(), Box<dyn Error>>;

/// Measures servers under loads, each of which has a name.
fn measure(
    options: &Measure,
    peers: &[Peer],
    loads: Vec<(String, Load)>,
    report: Report,
) -> Result<(), Box<dyn Error>> {
    let cores = Cores::choose(options.cores)?;
    process::raise_descriptor_limit()?;
    fs::create_dir_all(&options.out)?;
    let mut readings = if options.append { Readings::read(&options.out)? } else { Readings::default() };
    let (first, mut failures) = (readings.rounds(), 0);
    for round in 0..options.rounds {
        for (name, load) in &loads {
            for peer in peers.iter().filter(|peer| peer.takes_part(*load, round)) {
                match read(peer, *load, cores, options) {
                    Ok(reading) => {
                        eprintln!("round {}: {name:<17} {:<17} {reading}", round + 1, peer.name);
                        readings.push(name, first + round, &peer.name, reading);
                    }
                    Err(error) => {
                        failures += 1;
                        eprintln!("round {}: {name:<17} {:<17} FAILED: {error}", round + 1, peer.name);
                    }
                }
            }
        }
        // Keeps the readings so far, even if a later round fails.
        readings.write(&options.out)?;
    }
    report(&readings, &options.out, options.docs)?;
    if failures > 0 { Err(format!("{failures} readings failed; they are left out").into()) } else { Ok(()) }
}

/// Measures one load on a fresh process.
fn read(peer: &Peer, load: Load, cores: Cores, options: &Measure) -> Result<Reading, Box<dyn Error>> {
    let (key, resumes) = load.handshakes();
    let secure = peer.certificates.as_ref().map(|certificates| certificates.secure(key, resumes)).transpose()?;
    let server = Server::start(&peer.command, cores, secure)?;
    load::run(load.scaled(options.quick, peer.is_slow), &server, options.times())
}
