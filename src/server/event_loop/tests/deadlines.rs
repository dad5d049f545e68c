//! Deadlines are noticed in time: none before it is over, none more than 250 ms late, whatever else the loop waits for.

use super::*;
use crate::server::Accept;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How something begins whose time runs out; and whether it has.
type Case = (&'static str, u64, Config, fn(&mut Bed) -> Client, fn(&mut Client) -> bool);

fn cases() -> Vec<Case> {
    let default = Config::default;
    let stalled = |bed: &mut Bed| {
        let client = bed.open();
        client.limit(0);
        client.text("hello");
        bed.settle();
        client
    };
    vec![
        ("handshake", 10_000, default(), |bed| bed.connect("GET / HTTP/1.1\r\n"), |client| client.response().is_some()),
        ("nothing at all", 10_000, default(), |bed| bed.connect(""), |client| client.response().is_some()),
        (
            "one too many",
            2000,
            Config { max_connections: 1, ..default() },
            |bed| bed.connect("GET"),
            |client| client.response().is_some(),
        ),
        (
            "one too many of an address",
            2000,
            Config { max_connections_per_address: Some(1), ..default() },
            |bed| bed.connect("GET"),
            |client| client.response().is_some(),
        ),
        ("decision", 10_000, default(), |bed| bed.connect(&request("/later")), |client| client.response().is_some()),
        (
            "close",
            5000,
            default(),
            |bed| {
                let client = bed.open();
                let id = bed.ids()[1];
                bed.handle.close_id(id, CloseFrame::normal("")).expect("room");
                bed.settle();
                client
            },
            |client| client.is_gone(),
        ),
        ("write stall", 10_000, default(), stalled, |client| client.is_gone()),
        ("a short write stall", 3000, Config { write_timeout: millis(3000), ..default() }, stalled, |client| {
            client.is_gone()
        }),
        (
            "linger",
            1000,
            default(),
            |bed| {
                let client = bed.connect("GET / HTTP/1.1\r\n\r\n");
                bed.settle();
                client
            },
            |client| client.is_gone(),
        ),
        ("ping", 25_000, default(), |bed| bed.open(), |client| !client.frames().is_empty()),
        ("pong", 45_000, default(), |bed| bed.open(), |client| client.is_gone()),
        (
            "message",
            7000,
            Config { message_timeout: Some(millis(7000)), ..default() },
            |bed| {
                let client = bed.open();
                client.write(&masked(0x81, b"half")[..8]);
                bed.settle();
                client
            },
            |client| !client.frames().is_empty(),
        ),
        (
            "a short one",
            40,
            Config { close_timeout: millis(40), ..default() },
            |bed| {
                let client = bed.open();
                client.write(&[0x80, 0x80]);
                client.limit(0);
                let id = bed.ids()[1];
                bed.handle.close_id(id, CloseFrame::normal("")).expect("room");
                bed.settle();
                client
            },
            |client| client.is_gone(),
        ),
    ]
}

#[test]
fn a_deadline_is_noticed_when_it_is_over_and_at_most_250_ms_later() {
    for wait in [0, 1, 333, 3210, 24_990, 100_123] {
        for (name, after, config, begin, is_over) in cases() {
            let app = App::echo().accepting(|_, request| match request.path() {
                "/later" => Accept::Later,
                _ => Accept::yes(),
            });
            let mut bed = Bed::with(config, app);
            // Somebody is here already, who answers pings.
            let mut other = bed.open();
            for _ in 0..wait / 1000 {
                bed.pass(millis(1000));
                if !other.frames().is_empty() {
                    other.frame(0x8A, b"");
                }
            }
            bed.pass(millis(wait % 1000));
            let mut client = begin(&mut bed);
            bed.settle();
            bed.pass(millis(after - 1));
            assert!(!is_over(&mut client), "{name} is over early, begun after {wait} ms");
            bed.pass(millis(250));
            assert!(is_over(&mut client), "{name} is late, begun after {wait} ms");
        }
    }
}

#[test]
fn whoever_answers_a_ping_at_once_is_pinged_in_time_again() {
    let config = Config { ping_interval: Some(millis(5000)), pong_timeout: millis(20_000), ..Config::default() };
    let mut bed = Bed::with(config, App::echo());
    let mut client = bed.open();
    for _ in 0..10 {
        bed.pass(millis(5250));
        assert_eq!(client.frames().len(), 1);
        client.frame(0x8A, b"");
        bed.settle();
    }
}
