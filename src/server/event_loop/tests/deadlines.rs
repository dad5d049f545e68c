//! Deadlines are noticed in time: none before it is over, none more than 250 ms late, whatever else the loop waits for.

use super::*;
use crate::server::Accept;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Its name, its milliseconds, how its time begins, and whether it is over.
type Case = (&'static str, u64, Config, fn(&mut Bed) -> Client, fn(&mut Client) -> bool);

/// The server begins to close the connection of the second client.
fn close(bed: &mut Bed) {
    let id = bed.ids()[1];
    bed.handle.close_id(id, CloseFrame::normal("")).expect("room");
    bed.settle();
}

fn stalled(bed: &mut Bed) -> Client {
    let client = bed.open();
    client.limit(0);
    client.text("hello");
    bed.settle();
    client
}

fn closing(bed: &mut Bed) -> Client {
    let client = bed.open();
    close(bed);
    client
}

fn closing_and_stalled(bed: &mut Bed) -> Client {
    let client = bed.open();
    client.write(&[0x80, 0x80]);
    client.limit(0);
    close(bed);
    client
}

fn answered(bed: &mut Bed) -> Client {
    let client = bed.connect("GET / HTTP/1.1\r\n\r\n");
    bed.settle();
    client
}

fn half_a_message(bed: &mut Bed) -> Client {
    let client = bed.open();
    client.write(&masked(0x81, b"half")[..8]);
    bed.settle();
    client
}

fn head(bed: &mut Bed) -> Client {
    bed.connect("GET")
}

fn has_response(client: &mut Client) -> bool {
    client.response().is_some()
}

fn has_frames(client: &mut Client) -> bool {
    !client.frames().is_empty()
}

fn is_gone(client: &mut Client) -> bool {
    client.is_gone()
}

fn cases() -> [Case; 13] {
    let default = Config::default;
    let one = Config { max_connections: 1, ..default() };
    let one_of_address = Config { max_connections_per_address: Some(1), ..default() };
    let short_write = Config { write_timeout: millis(3000), ..default() };
    let short_message = Config { message_timeout: Some(millis(7000)), ..default() };
    let short_close = Config { close_timeout: millis(40), ..default() };
    [
        ("handshake", 10_000, default(), |bed| bed.connect("GET / HTTP/1.1\r\n"), has_response),
        ("nothing at all", 10_000, default(), |bed| bed.connect(""), is_gone),
        ("one too many", 2000, one, head, has_response),
        ("one too many of an address", 2000, one_of_address, head, has_response),
        ("decision", 10_000, default(), |bed| bed.connect(&request("/later")), has_response),
        ("close", 5000, default(), closing, is_gone),
        ("write stall", 30_000, default(), stalled, is_gone),
        ("a short write stall", 3000, short_write, stalled, is_gone),
        ("linger", 1000, default(), answered, is_gone),
        ("ping", 25_000, default(), Bed::open, has_frames),
        ("pong", 45_000, default(), Bed::open, is_gone),
        ("message", 7000, short_message, half_a_message, has_frames),
        ("a short one", 40, short_close, closing_and_stalled, is_gone),
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
            // A client that answers pings is here already.
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
fn a_client_that_answers_a_ping_at_once_is_pinged_in_time_again() {
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
