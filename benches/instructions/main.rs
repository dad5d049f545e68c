//! Counts the server's instructions for each message: `cargo bench --bench instructions`.
//!
//! Times on a shared machine are noisy; instruction counts are not. Each case runs twice under
//! `valgrind --tool=callgrind`, with different numbers of messages. The difference in instructions is divided by the
//! difference in messages, so that work that is done once cancels out. Only the server's instructions in user space are
//! counted, of the codec alone or of the real loop over sockets in memory, without the clients and the stand-ins for
//! system calls. A count more than 5 % above its figure in `figures.txt` fails.
//!
//! | | |
//! |---|---|
//! | `cargo bench --bench instructions` | counts all cases, and compares |
//! | `cargo bench --bench instructions -- echo` | only cases with `echo` in their names |
//! | `cargo bench --bench instructions -- --record` | counts all cases, and writes `figures.txt` |
//!
//! The callgrind files stay in `target/tmp`, for `callgrind_annotate`.

mod cases;
mod figures;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use cases::{CASES, Case};
use figures::{Figures, Platform};

/// Functions at whose start and end callgrind toggles counting. The first two are counted; the last one runs inside
/// them and is not.
const TOGGLES: [&str; 3] = ["*counted_codec*", "*server_turn*", "*system_call*"];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [word, name, rounds] = &args[..]
        && word == "run"
    {
        let case = CASES.iter().find(|case| case.name == name).expect("a case");
        (case.run)(rounds.parse().expect("rounds"));
        return ExitCode::SUCCESS;
    }
    // `cargo test --all-targets` also runs this program.
    if !args.iter().any(|arg| arg == "--bench") {
        println!("to count, run `cargo bench --bench instructions`");
        return ExitCode::SUCCESS;
    }
    let records = args.iter().any(|arg| arg == "--record");
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |case: &&Case| filters.is_empty() || filters.iter().any(|filter| case.name.contains(*filter));
    if records && !filters.is_empty() {
        eprintln!("--record writes all figures, so no names may follow");
        return ExitCode::FAILURE;
    }
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        eprintln!("valgrind is needed (from the package of that name): {error}");
        return ExitCode::FAILURE;
    }
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    let counts = count_all(&cases);
    let here = Platform::here();
    if records {
        Figures::of(here, &counts).write();
        return ExitCode::SUCCESS;
    }
    if Figures::read().compare(&here, &counts) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Instructions per message of each case. All cores are used, because counts do not depend on other processes.
fn count_all(cases: &[&Case]) -> Vec<(&'static str, f64)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counts = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(case) = cases.get(at)
        {
            counts.push((at, count(case)));
        }
        counts
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut counts: Vec<(usize, f64)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a count")).collect()
    });
    counts.sort_by_key(|(at, _)| *at);
    counts.into_iter().map(|(at, count)| (cases[at].name, count)).collect()
}

fn count(case: &Case) -> f64 {
    let (few, many) = (case.rounds, 3 * case.rounds);
    let instructions = collect(case, many) - collect(case, few);
    instructions as f64 / ((many - few) * case.messages) as f64
}

/// The instructions of `rounds` rounds.
fn collect(case: &Case, rounds: usize) -> i64 {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("instructions.{}.{rounds}", case.name));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no"]).arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.args(TOGGLES.map(|name| format!("--toggle-collect={name}")));
    valgrind.arg(env::current_exe().expect("a path")).args(["run", case.name, &rounds.to_string()]);
    // glibc chooses its memcpy and similar functions by the processor's features. Without these, the choice is the same
    // everywhere.
    valgrind.env("GLIBC_TUNABLES", figures::TUNABLES);
    let run = valgrind.output().expect("valgrind");
    assert!(run.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&run.stderr));
    let profile = fs::read_to_string(&out).expect("the output of callgrind");
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total");
    total.trim().parse().expect("a number")
}
