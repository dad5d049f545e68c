//! The contents of the log. The lines of a test are those of its thread, from when it begins to listen.

mod limits;
mod websockets;

use std::cell::RefCell;
use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::*;
use crate::server::{Accept, ProxyProtocol};

thread_local! {
    static LINES: RefCell<Option<(Level, Vec<String>)>> = const { RefCell::new(None) };
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        LINES.with_borrow(|lines| lines.as_ref().is_some_and(|(level, _)| metadata.level() <= *level))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}: {}", record.level(), record.target(), record.args());
            LINES.with_borrow_mut(|lines| lines.iter_mut().for_each(|(_, lines)| lines.push(line.clone())));
        }
    }

    fn flush(&self) {}
}

/// From now on lines of this level, and more urgent ones, are kept for `lines`.
pub(super) fn listen(level: Level) {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&Listener).expect("no other logger");
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.set(Some((level, Vec::new())));
}

/// The lines since this was asked last, without level and target, which are those of the server.
fn lines() -> Vec<String> {
    let lines = LINES.with_borrow_mut(|lines| lines.as_mut().map(|(_, lines)| std::mem::take(lines)));
    let bare = |line: String| {
        let (level, rest) = line.split_once(' ').expect("a level");
        assert!(["ERROR", "WARN", "DEBUG"].contains(&level), "{line}");
        rest.strip_prefix("sockhop::server: ").expect(rest).to_owned()
    };
    lines.unwrap_or_default().into_iter().map(bare).collect()
}

fn from(origin: &str) -> String {
    request("/").replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n"))
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

/// Whether exactly one line names all of these.
pub(super) fn assert_said(parts: &[&str]) {
    let lines = lines();
    let found = lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count();
    assert_eq!(found, 1, "{parts:?} in {lines:#?}");
}

#[test]
fn a_refused_handshake_is_logged_with_the_field_that_limits_it_and_the_address() {
    let long = |bytes: usize| request("/").replace("\r\n\r\n", &format!("\r\nA: {}\r\n\r\n", "a".repeat(bytes)));
    let default = Config::default;
    let cases: [(Config, String, &[&str]); 5] = [
        (default(), long(9000), &["refused with 431", "Config::head.max_head (8192)"]),
        (default(), request(&format!("/{}", "a".repeat(5000))), &["with 414", "Config::head.max_request_line (4096)"]),
        (
            Config { max_connections_per_address: Some(1), ..default() },
            request("/"),
            &["refused with 429", "Config::max_connections_per_address (1)"],
        ),
        (Config { max_connections: 1, ..default() }, request("/"), &["with 503", "Config::max_connections (1)"]),
        (default(), from("null"), &["refused with 403", "origin \"null\"", "\"example.org\"", "Config::origins"]),
    ];
    for (config, head, parts) in cases {
        let mut bed = Bed::with(config, App::echo());
        let _first = bed.open();
        listen(Level::Warn);
        let client = bed.connect(&head);
        bed.settle();
        let address = format!("192.0.2.1:{}: ", client.port());
        assert_said(&[&[address.as_str()], parts].concat());
    }
}

#[test]
fn a_failed_connection_is_logged_with_the_field_that_limits_it_and_the_address() {
    let busy = |ctx: &mut Context<'_>, call: Call<'_>| {
        if let Call::Message(message) = call {
            (0..3).for_each(|_| _ = ctx.after(Duration::from_secs(9)));
            ctx.send(message);
        }
    };
    let default = Config::default;
    let cases: [(Config, usize, &[&str]); 5] = [
        (Config { max_message: 99, ..default() }, 100, &["with 1009", "Config::max_message (99)"]),
        (Config { max_frames: 2, ..default() }, 0, &["with 1008", "Config::max_frames (2)"]),
        (Config { max_message_rate: Some(1), ..default() }, 2, &["1008", "Config::max_message_rate (1)"]),
        (Config { max_timers: 2, ..default() }, 2, &["with 1008", "Config::max_timers (2)"]),
        (Config { max_memory: 9000, ..default() }, 9000, &["with 1013", "Config::max_memory (9000)"]),
    ];
    for (config, size, parts) in cases {
        let mut bed = Bed::with(config, App::new(busy));
        let client = bed.open();
        client.limit(0);
        listen(Level::Warn);
        if size == 0 {
            (0..3).for_each(|at| client.frame(if at == 0 { 1 } else { 0 }, b""));
        } else {
            (0..2).for_each(|_| client.frame(0x82, &vec![0; size]));
        }
        bed.settle();
        let address = format!("192.0.2.1:{} #0.0: closed with", client.port());
        assert_said(&[&[address.as_str()], parts].concat());
    }
}

#[test]
fn a_slow_consumer_is_logged_with_what_it_is_owed() {
    let mut bed = Bed::with(Config { max_queue: 1000, high_water: 500, ..Config::default() }, App::broadcast());
    let client = bed.open();
    client.limit(0);
    listen(Level::Warn);
    (0..2).for_each(|_| bed.handle.broadcast("/*", vec![0; 600]).expect("room"));
    bed.settle();
    let address = format!("192.0.2.1:{} #0.0: closed with 1013: it is owed 1208 bytes", client.port());
    assert_said(&[&address, "Config::max_queue (1000)", "Config::slow"]);
}

#[test]
fn a_timeout_is_logged_with_its_field() {
    let silent = |bed: &mut Bed| drop(bed.connect("GET / HT"));
    let pinged = |bed: &mut Bed| drop(bed.open());
    let closed = |bed: &mut Bed| {
        let _client = bed.open();
        let id = bed.ids()[0];
        bed.handle.close_id(id, CloseFrame::normal("")).expect("room");
    };
    let stuck = |bed: &mut Bed| {
        let client = bed.open();
        client.limit(0);
        client.text("hello");
    };
    let half = |bed: &mut Bed| bed.open().write(&masked(0x81, b"half a message")[..9]);
    type Case<'a> = (fn(&mut Bed), &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        (silent, &["refused with 408", "Config::handshake_timeout (10s)"]),
        (pinged, &["Config::ping_interval (25s)", "Config::pong_timeout (20s)"]),
        (closed, &["Config::close_timeout (5s)"]),
        (stuck, &["of 9 bytes", "Config::write_timeout (30s)"]),
        (half, &["with 1008", "Config::message_timeout (10s)"]),
    ];
    for (fail, parts) in cases {
        let message_timeout = Duration::from_secs(10);
        let mut bed = Bed::with(Config { message_timeout: Some(message_timeout), ..Config::default() }, App::echo());
        listen(Level::Debug);
        fail(&mut bed);
        bed.pass(Duration::from_secs(60));
        assert_said(&[&["192.0.2.1:"], parts].concat());
    }
}

#[test]
fn an_application_that_has_not_decided_in_time_is_a_warning() {
    let mut bed = Bed::new(App::echo().accepting(|_, _| Accept::Later));
    listen(Level::Warn);
    bed.connect(&request("/"));
    bed.pass(Duration::from_secs(12));
    assert_said(&["192.0.2.1:", "Config::handshake_timeout (10s)"]);
}

#[test]
fn the_text_of_a_panic_and_of_a_mistake_is_escaped_and_limited() {
    let app = App::new(|_, call| {
        if let Call::Message(Message::Text(text)) = call {
            std::panic::resume_unwind(Box::new(text.to_owned()));
        }
    });
    let app = app.accepting(|_, request| match request.query_param("name") {
        Some(name) => Accept::subprotocol(name.into_owned()),
        None => Accept::yes(),
    });
    let mut bed = Bed::with(Config { max_panics: 1000, ..Config::default() }, app);
    listen(Level::Error);
    (0..20).for_each(|_| bed.open().text("bad\n\u{1b}[2J"));
    bed.settle();
    let panics = lines();
    assert_eq!((panics.len(), count(&panics, r"so far): bad\n\u{1b}[2J")), (10, 10), "{panics:?}");
    (0..20).for_each(|_| _ = bed.connect(&request("/?name=%0A%1B")));
    bed.settle();
    let mistakes = lines();
    assert_eq!((mistakes.len(), count(&mistakes, r#"subprotocol "\n\u{1b}","#)), (10, 10), "{mistakes:?}");
}

#[test]
fn no_byte_of_a_peer_gets_into_the_log_as_it_is() {
    let proxied = Config {
        trusted_proxies: vec!["192.0.2.0/24".parse().expect("a range")],
        proxy_protocol: ProxyProtocol::Required,
        ..Config::default()
    };
    let bad = "\u{1b}[31m\u{9b}\u{7f}\u{1}\n2026-01-01 WARN forged";
    let line = |name: &str| request("/").replace("\r\n\r\n", &format!("\r\n{name}: a{bad}\r\n\r\n"));
    let open = |then: Vec<u8>| [request("/").into_bytes(), then].concat();
    let close = [&[3, 232], bad.as_bytes()].concat();
    let latin = from("http://\u{fc}\u{9b}\u{202e}.example").into_bytes();
    let inputs: [(Config, Vec<u8>); 12] = [
        (Config::default(), format!("GET /{bad} HTTP/1.1\r\n\r\n").into_bytes()),
        (Config::default(), request(&format!("/{bad}")).into_bytes()),
        (Config::default(), format!("{bad}{}", request("/")).into_bytes()),
        (Config::default(), line("Origin").into_bytes()),
        (Config::default(), latin),
        (Config::default(), request("/").replace("example.org", bad).into_bytes()),
        (Config::default(), line("Sec-WebSocket-Protocol").into_bytes()),
        (Config::default(), open(masked(0x88, &close))),
        (Config::default(), open(masked(0x81, bad.as_bytes()))),
        (proxied.clone(), format!("PROXY TCP4 {bad} 1.2.3.4 1 2\r\n{}", request("/")).into_bytes()),
        (proxied.clone(), format!("{bad}\r\n").into_bytes()),
        (
            proxied,
            [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0cabcdefgh1234".as_slice(), &line("Origin").into_bytes()].concat(),
        ),
    ];
    for (config, input) in inputs {
        let mut bed = Bed::with(config, App::new(|_, _| {}));
        listen(Level::Debug);
        let client = bed.network.connect(0);
        client.write(&input);
        bed.settle();
        client.finish();
        bed.pass(Duration::from_secs(2));
        let lines = lines();
        let input = String::from_utf8_lossy(&input);
        assert!(!lines.is_empty(), "nothing is said of {input:?}");
        for line in lines {
            assert!(line.chars().all(|c| matches!(c, ' '..='~')), "{line:?} of {input:?}");
        }
    }
}
