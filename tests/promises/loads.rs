//! A client that does nothing wrong is answered soon, and timers come in time, whatever other clients do.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use socket2::SockRef;
use sockhop::{Config, Context, Count, Handler, Message, TimerId};

use crate::common::compressed::Compressed;
use crate::common::flood::{Flood, Sink};
use crate::common::line::{Line, Place, Way};
use crate::common::raw::{self, BINARY, FIN, PING, TEXT};
use crate::common::{Echo, deflate};
use crate::expect_within;

over_each_way! {
    a_bystander_and_timers_wait_little_under_any_one_flood: "measures: .ci/run promises",
    a_bystander_and_timers_wait_little_under_all_floods_at_once: "measures: .ci/run promises",
    ten_thousand_half_handshakes_are_bounded_and_others_are_served: "measures: .ci/run promises",
}

/// How long each flood goes on.
const SPAN: Duration = Duration::from_millis(1500);

/// Tells everyone what it is told.
struct Room;

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

/// Notes how late its timer comes, every 10 ms.
struct Clock {
    due: Instant,
    lateness: Arc<Mutex<Vec<Duration>>>,
}

impl Handler for Clock {
    fn open(&mut self, ctx: &mut Context<'_>) {
        self.due = Instant::now() + Duration::from_millis(10);
        ctx.after(Duration::from_millis(10));
    }

    fn timer(&mut self, ctx: &mut Context<'_>, _timer: TimerId) {
        self.lateness.lock().unwrap().push(self.due.elapsed());
        self.open(ctx);
    }
}

/// The kinds of floods, each from several connections.
#[derive(Debug)]
enum Kind {
    /// Frames to a path, again and again; what comes back is read.
    Frames(&'static str, Which),
    /// Compressed messages that nobody answers.
    Compressed(Compressed),
    /// Connections that are reset at once, or after the beginning of a request, or of TLS.
    Churn,
    /// Requests that are refused.
    Requests,
    /// Broadcasts to members that read nothing.
    SlowReaders,
    /// Messages, a byte of them in each record.
    Records,
    /// Many connections that stay, each with half a ClientHello.
    HalfHellos,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Large,
    Small,
    Pings,
    EmptyFragments,
    InvalidThenAgain,
}

fn kinds(way: Way) -> Vec<Kind> {
    let mut kinds = vec![
        Kind::Frames("/sink", Which::Large),
        Kind::Frames("/echo", Which::Large),
        Kind::Frames("/echo", Which::Small),
        Kind::Frames("/sink", Which::Pings),
        Kind::Frames("/sink", Which::EmptyFragments),
        Kind::Frames("/echo", Which::InvalidThenAgain),
        Kind::Churn,
        Kind::Requests,
        Kind::SlowReaders,
    ];
    if way != Way::Plain {
        kinds.extend([Kind::Records, Kind::HalfHellos]);
    }
    kinds.extend(deflate::floods().into_iter().map(Kind::Compressed));
    kinds
}

fn frames(which: Which) -> Vec<u8> {
    match which {
        Which::Large => raw::frame(FIN | BINARY, &[7; 256 * 1024]),
        Which::Small => raw::frame(FIN | TEXT, b"x").repeat(2000),
        Which::Pings => raw::frame(FIN | PING, b"x").repeat(2000),
        Which::EmptyFragments => {
            [raw::frame(BINARY, b""), raw::frame(0, b"").repeat(2000), raw::frame(FIN, b"")].concat()
        }
        Which::InvalidThenAgain => raw::frame(FIN | TEXT, &[&[b'x'; 5000][..], b"\xff"].concat()),
    }
}

/// Begins a flood in threads of its own; each ends when it is over.
fn begin<'s>(scope: &'s Scope<'s, '_>, place: Place, kind: &'s Kind, flood: &'s Flood) {
    let go_on = || !flood.over.load(Ordering::Relaxed);
    match kind {
        Kind::Frames(path, which @ Which::InvalidThenAgain) => {
            scope.spawn(move || flood.run_refused(|| place.open(path), &frames(*which), 1007));
        }
        Kind::Frames(path, which) => {
            for _ in 0..2 {
                let stream = place.open(path);
                scope.spawn(move || flood.run(stream, &frames(*which)));
            }
        }
        Kind::Compressed(compressed) => {
            for _ in 0..2 {
                scope.spawn(move || compressed.run(flood, place));
            }
        }
        Kind::Records => {
            let mut stream = place.line_of_records(1);
            raw::greet(&mut stream, "/echo");
            scope.spawn(move || flood.run(stream, &raw::frame(FIN | TEXT, b"x").repeat(200)));
        }
        Kind::HalfHellos => drop(scope.spawn(move || begin_and_stay(place, flood))),
        Kind::Churn => drop(scope.spawn(move || come_and_go(place, flood))),
        Kind::Requests => drop(scope.spawn(move || {
            while go_on() {
                let mut stream = place.line();
                stream
                    .write_all(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a,".repeat(3500)).as_bytes())
                    .expect("room");
                stream.read_to_end(&mut Vec::new()).expect("an answer");
                flood.sent.fetch_add(1, Ordering::Relaxed);
            }
        })),
        Kind::SlowReaders => drop(scope.spawn(move || speak_to_slow_readers(place, flood))),
    }
}

fn begin_and_stay(place: Place, flood: &Flood) {
    let beginning = place.way.beginning();
    let mut stay = VecDeque::new();
    while !flood.over.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(place.addr).expect("the server listens");
        stream.write_all(&beginning[..beginning.len() / 2]).expect("room");
        stay.push_back(stream);
        if stay.len() > 200 {
            // Gone by a reset: thousands that wait for stray packets would use up the ports.
            let first = stay.pop_front().expect("there are 200");
            SockRef::from(&first).set_linger(Some(Duration::ZERO)).unwrap();
        }
        flood.sent.fetch_add(1, Ordering::Relaxed);
    }
}

fn come_and_go(place: Place, flood: &Flood) {
    let beginning = place.way.beginning();
    for n in 0.. {
        if flood.over.load(Ordering::Relaxed) {
            break;
        }
        let mut stream = TcpStream::connect(place.addr).expect("the server listens");
        if n % 2 == 0 {
            stream.write_all(&beginning).expect("room");
        }
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        flood.sent.fetch_add(1, Ordering::Relaxed);
    }
}

fn speak_to_slow_readers(place: Place, flood: &Flood) {
    let mut speaker = place.open("/room");
    let frame = raw::frame(FIN | BINARY, &[7; 50_000]);
    let mut members: Vec<Line> = Vec::new();
    while !flood.over.load(Ordering::Relaxed) {
        if members.len() == 20 {
            members.clear();
        }
        members.push(place.open("/room"));
        for _ in 0..10 {
            speaker.write_all(&frame).expect("the server takes it");
            assert_eq!(raw::read_frame(&mut speaker).1.len(), 50_000);
        }
        flood.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// The longest wait of a bystander for its echo, and of a timer, under floods.
fn measure(way: Way, kinds: &[&Kind]) -> (Duration, Duration) {
    let lateness = Arc::default();
    let clock = Clock { due: Instant::now(), lateness: Arc::clone(&lateness) };
    let server = way.bind_with(deflate::config()).mount("/sink", Sink).mount("/echo", Echo).mount("/room", Room);
    let server = way.run(server.mount("/clock", clock));
    let place = server.place();
    let _clock = place.open("/clock");
    let mut bystander = place.open("/echo");
    let floods: Vec<_> = kinds.iter().map(|_| Flood::default()).collect();
    let (mut longest, mut echoes) = (Duration::ZERO, 0);
    thread::scope(|scope| {
        let _until_then: Vec<_> = floods.iter().map(Flood::until_dropped).collect();
        kinds.iter().zip(&floods).for_each(|(kind, flood)| begin(scope, place, kind, flood));
        while floods.iter().any(|flood| flood.sent() < 3) {
            thread::yield_now();
        }
        let start = Instant::now();
        while start.elapsed() < SPAN {
            longest = longest.max(wait_for_echo(&mut bystander));
            echoes += 1;
        }
    });
    let lateness = lateness.lock().unwrap().iter().max().copied().unwrap_or(SPAN);
    let sent: Vec<_> = floods.iter().map(Flood::sent).collect();
    println!(
        "{way:?}, {kinds:?}: {echoes} echoes, the longest wait {longest:?}; a timer late by {lateness:?}; floods {sent:?}"
    );
    (longest, lateness)
}

fn a_bystander_and_timers_wait_little_under_any_one_flood(way: Way) {
    for kind in kinds(way) {
        let (wait, lateness) = measure(way, &[&kind]);
        expect_within(wait, Duration::from_millis(100));
        expect_within(lateness, Duration::from_millis(250));
    }
}

fn a_bystander_and_timers_wait_little_under_all_floods_at_once(way: Way) {
    let (wait, lateness) = measure(way, &kinds(way).iter().collect::<Vec<_>>());
    expect_within(wait, Duration::from_millis(250));
    expect_within(lateness, Duration::from_millis(250));
}

/// Waits for an echo, and returns how long that took.
fn wait_for_echo(stream: &mut Line) -> Duration {
    let asked = Instant::now();
    stream.write_all(&raw::text("still there?")).expect("the server takes it");
    assert_eq!(raw::read_text(stream), "still there?");
    asked.elapsed()
}

fn ten_thousand_half_handshakes_are_bounded_and_others_are_served(way: Way) {
    const MANY: usize = 10_000;
    rlimit::increase_nofile_limit(15_000).expect("a limit of descriptors");
    let server = way.bind_with(Config::default());
    let stats = server.stats();
    let server = way.run(server.mount("/", Echo));
    let mut bystander = server.place().open("/");
    let beginning = way.beginning();
    let (mut longest, mut newcomers, mut halves) = (Duration::ZERO, Vec::new(), Vec::new());
    for number in 0..MANY {
        let mut half = TcpStream::connect(server.addr()).expect("the server listens");
        // It may have been dropped already, for those behind it.
        let _ = half.write_all(&beginning[..beginning.len() / 2]);
        halves.push(half);
        if number % 10 == 0 {
            longest = longest.max(wait_for_echo(&mut bystander));
        }
        if number % 1000 == 999 {
            // One of those who come later is served as well.
            let mut newcomer = server.place().open("/");
            wait_for_echo(&mut newcomer);
            newcomers.push(newcomer);
        }
    }
    let is_open = |half: &TcpStream| {
        half.set_nonblocking(true).unwrap();
        half.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let open = halves.iter().filter(|half| is_open(half)).count();
    let dropped = [Count::HandshakesDropped, Count::HandshakeTimeouts].map(|count| stats.get(count));
    println!("{way:?}: {open} of {MANY} half handshakes stay; {dropped:?} dropped; the longest wait {longest:?}");
    assert!(open <= Config::default().max_connections / 4, "{open} half handshakes");
    expect_within(longest, Duration::from_millis(100));
    for newcomer in &mut newcomers {
        wait_for_echo(newcomer);
    }
}
