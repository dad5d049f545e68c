//! Measures how long a bystander waits for its echo while other clients send as fast as they can:
//! `cargo bench --bench fairness`. With `--features deflate` the server and some of the clients compress. With `--features
//! tls` there are also floods of handshakes, with keys that `openssl` makes.
//!
//! It fails if the longest wait is over 100 ms under one kind of flood, or over 250 ms under all kinds together. With
//! `--times 5`, five times as much is allowed. Clients and server run on the same machine: with fewer cores than
//! floods, the bystander also waits for a core.

#[path = "../../tests/common/mod.rs"]
mod common;
#[cfg(feature = "tls")]
mod hellos;
#[cfg(not(feature = "tls"))]
#[path = "no_hellos.rs"]
mod hellos;

use std::io::Write;
use std::process::ExitCode;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use common::compressed::Compressed;
use common::flood::{Flood, Room, Sink};
use common::raw::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use common::{Echo, TestServer, bind_with, deflate, tcp_addr};
use hellos::Doors;

/// The longest wait allowed under one kind of flood, and under all kinds.
const ONE: Duration = Duration::from_millis(100);
const ALL: Duration = Duration::from_millis(250);
/// The time of measuring, for each kind and for all kinds.
const ONE_TIME: Duration = Duration::from_secs(1);
const ALL_TIME: Duration = Duration::from_secs(5);
/// Clients of [`Kind::Deaf`].
const DEAF: usize = 100;
/// Clients of [`Kind::Hellos`] at a time.
const HELLOS: usize = 500;
/// Members of [`Kind::Crowd`], where so many descriptors are allowed: each needs two in this process. The loop delivers to
/// 5,000 of them before it looks at others.
const CROWD: usize = 9000;
/// Descriptors for all else.
const OTHER_DESCRIPTORS: usize = 1000;

/// The behaviour of a flood.
enum Kind {
    /// One client sends these frames and reads the answers.
    Frames(Vec<u8>),
    /// A hundred clients send these frames and read nothing.
    Deaf(Vec<u8>),
    /// Clients connect, send this part of a request, and reset the connection.
    ComeAndGo(Vec<u8>),
    /// Five hundred clients at a time come to the door with this index, send a ClientHello, and reset the connection.
    Hellos(usize),
    /// One client sends compressed messages.
    Compressed(Compressed),
    /// So many members read nothing, and one more posts this frame to all of them.
    Crowd(usize, Vec<u8>),
}

/// A kind of flood: its name, its path, and its behaviour.
type Row = (&'static str, &'static str, Kind);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().collect();
    // `cargo test --all-targets` also runs this program.
    if !args.iter().any(|arg| arg == "--bench") {
        println!("to measure, run `cargo bench --bench fairness`");
        return ExitCode::SUCCESS;
    }
    let times = args.iter().position(|arg| arg == "--times").and_then(|at| args.get(at + 1));
    let times = times.map_or(1, |times| times.parse().expect("a whole number"));
    println!(
        "{:<38} {:>6} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10}",
        "bystander's echo, in ms", "echoes", "p50", "p99", "p99.9", "max", "rounds/s", "slowest"
    );
    // Raises the limit of descriptors for all floods.
    let members = crowd();
    let (rows, doors) = (rows(), Doors::make());
    let mut longest = measure("alone", &[], &doors, ONE_TIME);
    for row in &rows {
        for floods in [1, 8] {
            let is_many = matches!(row.2, Kind::Deaf(_));
            if floods == 1 || !is_many {
                let name = if is_many { row.0.to_owned() } else { format!("{floods} × {}", row.0) };
                longest = longest.max(measure(&name, &vec![row; floods], &doors, ONE_TIME));
            }
        }
    }
    for row in hello_rows() {
        longest = longest.max(measure(row.0, &[&row], &doors, ONE_TIME));
    }
    longest = longest.max(measure(&format!("posts to {members} members"), &[&crowd_row(members)], &doors, ONE_TIME));
    let under_all = measure("all of them, one of each", &rows.iter().collect::<Vec<_>>(), &doors, ALL_TIME);
    let is_good = longest <= ONE * times && under_all <= ALL * times;
    println!("{}", if is_good { "passed" } else { "FAILED: the bystander waited too long" });
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows() -> Vec<Row> {
    let large = raw::frame(FIN | BINARY, &[7; 64 * 1024]);
    let huge = raw::frame(FIN | BINARY, &[7; 1024 * 1024]);
    let small = raw::frame(FIN | TEXT, b"twenty bytes of text").repeat(2000);
    let pings = raw::frame(FIN | PING, b"").repeat(8000);
    let empty = raw::frame(FIN | TEXT, b"").repeat(8000);
    let middle = raw::frame(CONTINUATION, b"").repeat(8000);
    let fragments = [raw::frame(BINARY, b""), middle, raw::frame(FIN | CONTINUATION, b"")].concat();
    let request = format!("{}\r\n", raw::request("/echo")).into_bytes();
    let half = request[..request.len() / 2].to_vec();
    let mut rows = vec![
        ("64 KiB frames, swallowed", "/sink", Kind::Frames(large.clone())),
        ("64 KiB frames, echoed", "/echo", Kind::Frames(large)),
        ("1 MiB frames, echoed", "/echo", Kind::Frames(huge.clone())),
        ("20-byte messages, echoed", "/echo", Kind::Frames(small)),
        ("empty messages, echoed", "/echo", Kind::Frames(empty)),
        ("empty fragments", "/sink", Kind::Frames(fragments)),
        ("pings", "/sink", Kind::Frames(pings.clone())),
        ("100 clients that read no pong", "/sink", Kind::Deaf(pings)),
        ("100 clients that read no 1 MiB echo", "/echo", Kind::Deaf(huge)),
        ("half requests, reset", "/", Kind::ComeAndGo(half)),
        ("handshakes, reset", "/", Kind::ComeAndGo(request)),
    ];
    rows.extend(deflate::floods().into_iter().map(|flood| (flood.name, flood.path, Kind::Compressed(flood))));
    rows
}

/// Three times 500 clients are too many to come and go under all kinds of floods.
fn hello_rows() -> Vec<Row> {
    Doors::NAMES.into_iter().enumerate().map(|(door, name)| (name, "/", Kind::Hellos(door))).collect()
}

/// Its members are too many to be there under all kinds of floods.
fn crowd_row(members: usize) -> Row {
    ("posts to a crowd", "/room", Kind::Crowd(members, raw::frame(FIN | TEXT, &[b'x'; 128])))
}

/// The number of members that fit into the limit of descriptors.
fn crowd() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of descriptors");
    CROWD.min((limit as usize).saturating_sub(OTHER_DESCRIPTORS) / 2)
}

/// Returns the bystander's longest wait.
fn measure(name: &str, floods: &[&Row], doors: &Doors, time: Duration) -> Duration {
    let server = bind_with(deflate::config()).mount("/sink", Sink).mount("/echo", Echo).mount("/room", Room);
    let server = TestServer::run(doors.open(server));
    // Each flood has its own counter, because measuring starts when all of them are under way.
    let flood: Vec<_> = floods.iter().map(|_| Flood::default()).collect();
    thread::scope(|scope| {
        let _until_then: Vec<_> = flood.iter().map(Flood::until_dropped).collect();
        for (flood, (_, path, kind)) in flood.iter().zip(floods) {
            start(scope, &server, doors, flood, path, kind);
        }
        while flood.iter().any(|flood| flood.sent() < 2) {
            thread::yield_now();
        }
        let mut bystander = raw::open(server.addr(), "/echo");
        let sent = || flood.iter().map(Flood::sent).collect::<Vec<_>>();
        let (start, before, mut waits) = (Instant::now(), sent(), Vec::new());
        while start.elapsed() < time {
            let asked = Instant::now();
            bystander.write_all(&raw::text("still there?")).expect("the server takes it");
            assert_eq!(raw::read_text(&mut bystander), "still there?");
            waits.push(asked.elapsed());
        }
        let rounds: Vec<_> = sent().iter().zip(before).map(|(after, before)| after - before).collect();
        let [all, slowest] = [rounds.iter().sum::<u64>(), rounds.into_iter().min().unwrap_or(0)];
        report(name, waits, [all, slowest].map(|rounds| rounds as f64 / time.as_secs_f64()))
    })
}

fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    server: &TestServer,
    doors: &'scope Doors,
    flood: &'scope Flood,
    path: &'scope str,
    kind: &'scope Kind,
) {
    let addr = server.addr();
    match kind {
        Kind::Frames(frames) => {
            let stream = raw::open(addr, path);
            scope.spawn(move || flood.run(stream, frames));
        }
        Kind::Deaf(frames) => {
            scope.spawn(move || flood.run_deaf(addr, path, DEAF, frames));
        }
        Kind::ComeAndGo(request) => {
            scope.spawn(move || flood.come_and_go(addr, request));
        }
        Kind::Crowd(members, frame) => {
            scope.spawn(move || flood.post_to(addr, path, *members, frame));
        }
        Kind::Hellos(door) => {
            // The first address is that of the plain door.
            let addr = tcp_addr(&server.addrs[1 + door]);
            scope.spawn(move || flood.come_and_go_together(addr, HELLOS, &doors.hello));
        }
        Kind::Compressed(compressed) => {
            scope.spawn(move || compressed.run(flood, addr));
        }
    }
}

fn report(name: &str, mut waits: Vec<Duration>, [all, slowest]: [f64; 2]) -> Duration {
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share).round() as usize];
    let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|share| format!("{:.3}", at(share).as_secs_f64() * 1e3));
    println!("{name:<38} {:>6} {p50:>9} {p99:>9} {p999:>9} {max:>9} {all:>10.0} {slowest:>10.0}", waits.len());
    at(1.0)
}
