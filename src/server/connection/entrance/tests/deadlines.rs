//! The deadline of each stage. Time is a value.

use std::time::Duration;

use super::*;

fn expect(caller: &Caller, name: &str, from: u32, millis: u32) {
    let Due { from: since, millis: span, late } = caller.entrance.due(&caller.env).unwrap();
    let found = late.map_or("CloseIdle".to_owned(), |late| format!("{late:?}"));
    assert_eq!((&found[..], since.0, span), (name, from, millis), "at {}", caller.env.tick().0);
}

#[test]
fn no_byte_extends_the_time_of_a_head() {
    let mut caller = Caller::new();
    expect(&caller, "Head", 0, 10_000);
    // (the first byte, the beginning of the head's time): a connection's first head has the time from the beginning on.
    for (first, since) in [(1000, 0), (21_000, 21_000), (41_000, 41_000)] {
        for (tick, byte) in (first..).step_by(50).zip(get("/a").bytes()) {
            set_tick(&mut caller.env, tick);
            caller.feed(&[byte]);
            if !caller.entrance.is_idle() {
                expect(&caller, "Head", since, 10_000);
            }
        }
        expect(&caller, "CloseIdle", caller.env.tick().0, 60_000);
    }
    assert_eq!(caller.entrance.served, 3);
}

#[test]
fn a_proxy_header_and_the_head_behind_it_share_their_time() {
    let mut caller = Caller::proxied();
    for (tick, piece) in [(1000, "PRO"), (2000, "XY UNKNOWN\r\n"), (3000, "GET")] {
        set_tick(&mut caller.env, tick);
        caller.feed(piece.as_bytes());
        expect(&caller, "Head", 0, 10_000);
    }
}

#[test]
fn a_body_has_ten_seconds_and_then_as_long_as_its_average_rate_holds() {
    let mut caller = Caller::new();
    set_tick(&mut caller.env, 5000);
    caller.entrance.begin_body(b"POST", BodyLength::Sized(1 << 30), 1 << 30, &caller.env);
    // (bytes that come, milliseconds from the beginning of the body)
    let pieces = [
        (0, 10_000),
        (1, 10_000),
        (10_239, 10_000),
        (1023, 10_000),
        (1, 11_000),
        (89 * 1024, 100_000),
        (1 << 20, 1_124_000),
    ];
    for (tick, (len, millis)) in (6000..).step_by(1000).zip(pieces) {
        set_tick(&mut caller.env, tick);
        caller.feed(&vec![b'a'; len]);
        expect(&caller, "Body", 5000, millis);
    }
}

#[test]
fn an_application_has_its_time_for_an_answer_and_for_a_decision() {
    let mut caller = Caller::new();
    caller.env.config.answer_timeout = Duration::from_secs(7);
    caller.env.config.handshake_timeout = Duration::from_secs(3);
    set_tick(&mut caller.env, 1000);
    caller.feed(get("/later").as_bytes());
    expect(&caller, "Answer", 1000, 7000);
    // Bytes behind the request do not extend it.
    set_tick(&mut caller.env, 2000);
    caller.feed(get("/ws").as_bytes());
    expect(&caller, "Answer", 1000, 7000);
    set_tick(&mut caller.env, 5000);
    assert!(caller.entrance.take_owed().is_some());
    caller.entrance.note_answered(&caller.env);
    // The next move is the server's own.
    assert!(caller.entrance.has_backlog());
    assert!(caller.entrance.due(&caller.env).is_none());
    caller.feed(b"");
    expect(&caller, "Decision", 5000, 3000);
}

#[test]
fn a_head_and_its_decision_share_their_time() {
    let mut caller = Caller::new();
    set_tick(&mut caller.env, 4000);
    caller.feed(get("/ws").as_bytes());
    expect(&caller, "Decision", 0, 10_000);
}

#[test]
fn an_idle_connection_without_keep_alive_has_no_deadline() {
    let mut caller = Caller::new();
    caller.env.config.keep_alive = None;
    caller.feed(get("/a").as_bytes());
    assert!(caller.entrance.due(&caller.env).is_none());
}
