//! Runs the server with two thousand clients of every kind: `cargo bench --bench soak -- --minutes 30`.
//!
//! The binary runs with its default limits in a process of its own. One thread (`crowd.rs`) runs the clients:
//! subscribers that come and go and count every message, readers that are too slow for the broadcasts, floods, broken
//! frames, requests that never end, and resets in the middle of a broadcast. Beside them, a bystander sends messages
//! and waits for the echoes. In the end the server must not hold more memory than after five minutes, nor more
//! descriptors than at the start, and no echo may have been late.
//!
//! Flags: `--minutes N`; `--worst MILLISECONDS`, the longest wait of the bystander that is allowed (250);
//! `--prefix WORDS`, words before the server's command, such as `taskset -c 2`. Without `--minutes` the run is short,
//! and cannot show growth.

#[path = "../../tests/common/mod.rs"]
mod common;

mod bystander;
mod child;
mod conduct;
mod crowd;
mod flavour;
mod peer;
mod report;
mod room;

use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use child::{Sample, Server};
use crowd::{CLIENTS, Crowd, Live, Tally};
use report::Report;

const SHORT: Duration = Duration::from_secs(20);
const WORST: Duration = Duration::from_millis(250);
/// The time between two samples of the server, and the number of samples for each printed line.
const LOOK: Duration = Duration::from_secs(1);
const PRINTED: usize = 10;

struct Plan {
    time: Duration,
    worst: Duration,
    prefix: Vec<String>,
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == child::ECHO) {
        return end(child::plain_echo().map(|()| true));
    }
    // `cargo test --all-targets` also runs this program.
    if !args.iter().any(|arg| arg == "--bench") {
        println!("to run it, use `cargo bench --bench soak`");
        return ExitCode::SUCCESS;
    }
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    let number = |flag: &str| value(flag).map(|value| value.parse::<f64>().expect("a number"));
    let plan = Plan {
        time: number("--minutes").map_or(SHORT, |minutes| Duration::from_secs_f64(minutes * 60.0)),
        worst: number("--worst").map_or(WORST, |millis| Duration::from_secs_f64(millis / 1000.0)),
        prefix: value("--prefix").map_or_else(Vec::new, |it| it.split_whitespace().map(str::to_owned).collect()),
    };
    end(soak(&plan))
}

fn end(is_good: io::Result<bool>) -> ExitCode {
    match is_good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything. Returns whether the server has passed.
fn soak(plan: &Plan) -> io::Result<bool> {
    let limit = rlimit::increase_nofile_limit(u64::MAX)?;
    assert!(limit > CLIENTS as u64 + 100, "{limit} open files are too few: raise the hard limit (ulimit -Hn)");
    let mut server = Server::sockhop(&plan.prefix)?;
    let plain = Server::plain(&plan.prefix)?;
    let before = server.sample()?;
    let (live, start) = (Live::default(), Instant::now());
    let mut report = Report::new(before);
    thread::scope(|scope| -> io::Result<()> {
        let (live, addr, plain_addr) = (&live, server.addr, plain.addr);
        let crowd = scope.spawn(move || Crowd::new(addr, live)?.run(plan.time));
        let bystander = scope.spawn(move || bystander::sockhop(addr, start, &live.over));
        let control = scope.spawn(move || bystander::plain(plain_addr, start, &live.over));
        let looked = look(&mut server, start, live, &mut report, || crowd.is_finished());
        // The crowd has finished, or the server has ended too early: the bystanders end, too.
        live.over.store(true, Ordering::Relaxed);
        report.tally = crowd.join().unwrap_or_else(|_| Ok(panicked("the crowd")))?;
        report.waits = bystander.join().unwrap_or_default();
        report.plain_waits = control.join().unwrap_or_default();
        looked
    })?;
    report.descriptors = server.wait_for_descriptors(before.descriptors, Duration::from_secs(20))?;
    report.after = server.sample()?;
    let (status, log) = server.stop()?;
    Ok(report.print(plan, status, &log))
}

fn panicked(who: &str) -> Tally {
    Tally { failures: vec![format!("{who} has panicked")], ..Tally::default() }
}

/// Takes a sample of the server each second until `done`.
fn look(
    server: &mut Server,
    start: Instant,
    live: &Live,
    report: &mut Report,
    done: impl Fn() -> bool,
) -> io::Result<()> {
    Report::print_head();
    let (mut last, mut messages, mut bytes) = (Sample::default(), 0, 0);
    for looks in 1.. {
        thread::sleep((LOOK * looks as u32).saturating_sub(start.elapsed()));
        if done() {
            break;
        }
        if server.has_ended() {
            report.tally.failures.push("the server has ended".into());
            break;
        }
        let sample = server.sample()?;
        report.samples.push((start.elapsed(), sample));
        if looks % PRINTED == 0 {
            let heard = live.messages.load(Ordering::Relaxed);
            let received = live.bytes_in.load(Ordering::Relaxed);
            let per_second = |now: u64, before: u64| (now - before) / PRINTED as u64;
            Report::print_line(
                start.elapsed(),
                &sample,
                &last,
                live,
                per_second(heard, messages),
                per_second(received, bytes),
            );
            (last, messages, bytes) = (sample, heard, received);
        }
    }
    Ok(())
}
