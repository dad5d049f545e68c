//! The table of deadlines, phase by phase. Time is a value.

use super::*;
use crate::protocol::{self, Limits};
use crate::server::connection::entrance::Entrance;
use crate::server::connection::leaving::Leaving;
use crate::server::connection::testing::{FakeSocket, accepted, env, set_tick};
use crate::server::connection::websocket::{Closing, Extra, Rate, Seat, Unfinished};
use crate::server::types::config::Config;
use crate::server::types::error::Reason;

/// Makes a connection; every deadline of it begins at tick 1000, but for those that say otherwise.
type Make = fn(&Env) -> Connection;

struct Case {
    name: &'static str,
    make: Make,
    /// Each deadline: its name, where it begins, and its milliseconds.
    deadlines: &'static [(&'static str, u32, u32)],
}

fn name(then: &Then) -> String {
    match then {
        Then::Refuse(late) => format!("{late:?}"),
        Then::Fail(error) => format!("{error:?}"),
        then => format!("{then:?}"),
    }
}

fn names(connection: &Connection, env: &Env) -> Vec<(String, u32, u32)> {
    let mut names = Vec::new();
    connection.deadlines(env, &mut |deadline| names.push((name(&deadline.then), deadline.from.0, deadline.millis)));
    names
}

/// Bytes are owed, and the socket accepts none.
fn stalled(mut connection: Connection, env: &Env) -> Connection {
    connection.output.send_always(&mut FakeSocket::default(), b"\x8A\x00", env).unwrap();
    connection
}

fn entrance(env: &Env, change: impl FnOnce(&mut Entrance)) -> Connection {
    let mut connection = accepted(env);
    change(connection.entrance().unwrap());
    connection
}

fn websocket(env: &Env, change: impl FnOnce(&mut Extra)) -> Connection {
    let mut connection = accepted(env);
    let mut extra = Box::new(Extra::new(env));
    change(&mut extra);
    let protocol = protocol::Connection::server(Limits::default());
    connection.phase = Phase::WebSocket(WebSocket::new(protocol, None, Some(extra), 0, Seat::in_mount(0)));
    connection
}

fn closing(env: &Env) -> Connection {
    let since = env.tick();
    let mut connection = websocket(env, |extra| extra.closing = Some(Closing { since, reason: Reason::Shutdown }));
    let protocol = connection.websocket_mut().unwrap().protocol.as_mut().unwrap();
    protocol.close(None, &mut Vec::new()).unwrap();
    connection
}

fn pinged(mut connection: Connection) -> Connection {
    connection.is_pinged = true;
    connection
}

/// All that an open WebSocket can have.
fn with_everything(env: &Env) -> Connection {
    let since = env.tick();
    let connection = websocket(env, |extra| {
        extra.unfinished = Some(Unfinished { since, gained: 0 });
        extra.rate = Some(Rate { since, messages: 1 });
    });
    stalled(connection, env)
}

fn leaving(leaving: Leaving, env: &Env) -> Connection {
    let mut connection = accepted(env);
    connection.leave(leaving);
    connection
}

const CASES: [Case; 18] = [
    Case { name: "entrance, accepted", make: accepted, deadlines: &[("Head", 1000, 10_000)] },
    Case {
        name: "entrance, turned away",
        make: |env| {
            entrance(env, |entrance| entrance.no_room = Some(crate::server::connection::entrance::NoRoom::Server))
        },
        deadlines: &[("Head", 1000, 2000)],
    },
    Case {
        name: "entrance, idle",
        make: |env| entrance(env, |entrance| entrance.note_answered(env)),
        deadlines: &[("CloseIdle", 1000, 60_000)],
    },
    Case {
        name: "entrance, answered, and the answer has not left",
        make: |env| stalled(entrance(env, |entrance| entrance.note_answered(env)), env),
        deadlines: &[("Drop", 1000, 30_000)],
    },
    Case {
        name: "entrance, answered, and the answer left later",
        make: |env| {
            let mut connection = entrance(env, |entrance| {
                entrance.note_answered(env);
                entrance.since = Tick(500);
            });
            connection.heard = Tick(800);
            connection
        },
        deadlines: &[("CloseIdle", 800, 60_000)],
    },
    Case {
        name: "entrance, stalled",
        make: |env| stalled(accepted(env), env),
        deadlines: &[("Drop", 1000, 30_000), ("Head", 1000, 10_000)],
    },
    Case { name: "websocket, idle", make: |env| websocket(env, |_| {}), deadlines: &[("Ping", 1000, 25_000)] },
    Case {
        name: "websocket, pinged",
        make: |env| pinged(websocket(env, |_| {})),
        deadlines: &[("PingTimeout", 1000, 45_000), ("Look", 1000, 25_000)],
    },
    Case {
        name: "websocket, stalled",
        make: |env| stalled(websocket(env, |_| {}), env),
        deadlines: &[("WriteTimeout", 1000, 30_000), ("Ping", 1000, 25_000)],
    },
    Case { name: "websocket, closing", make: closing, deadlines: &[("CloseTimeout", 1000, 5000)] },
    Case {
        name: "websocket, closing and pinged before",
        make: |env| pinged(closing(env)),
        deadlines: &[("CloseTimeout", 1000, 5000)],
    },
    Case {
        name: "websocket, with everything",
        make: with_everything,
        deadlines: &[
            ("WriteTimeout", 1000, 30_000),
            ("CheckMessage", 1000, 60_000),
            ("Ping", 1000, 25_000),
            ("ForgetRate", 1000, 1000),
        ],
    },
    Case {
        name: "websocket, with everything and pinged",
        make: |env| pinged(with_everything(env)),
        deadlines: &[
            ("WriteTimeout", 1000, 30_000),
            ("PingTimeout", 1000, 45_000),
            ("Look", 1000, 25_000),
            ("CheckMessage", 1000, 60_000),
            ("ForgetRate", 1000, 1000),
        ],
    },
    Case {
        name: "leaving, after a WebSocket",
        make: |env| leaving(Leaving::after_websocket(false, None, env), env),
        deadlines: &[("Drop", 1000, 5000)],
    },
    Case {
        name: "leaving, after an answer",
        make: |env| leaving(Leaving::after_answer(false, env), env),
        deadlines: &[],
    },
    Case {
        name: "leaving, stalled",
        make: |env| stalled(leaving(Leaving::after_answer(false, env), env), env),
        deadlines: &[("Drop", 1000, 30_000)],
    },
    Case {
        name: "leaving, lingering",
        make: |env| {
            let mut connection = leaving(Leaving::after_answer(false, env), env);
            assert!(!connection.try_to_finish(Some(&mut FakeSocket::default()), env));
            connection
        },
        deadlines: &[("Drop", 1000, 1000)],
    },
    Case { name: "leaving, gone", make: |env| stalled(leaving(Leaving::gone(None, env), env), env), deadlines: &[] },
];

#[test]
fn each_phase_names_its_deadlines_the_most_severe_first() {
    for Case { name, make, deadlines } in &CASES {
        let mut env = env(Config::default());
        set_tick(&mut env, 1000);
        let expected: Vec<_> = deadlines.iter().map(|&(then, from, millis)| (then.to_owned(), from, millis)).collect();
        assert_eq!(names(&make(&env), &env), expected, "{name}");
    }
}

#[test]
fn the_most_severe_of_the_deadlines_that_have_passed_is_overdue() {
    for Case { name: case, make, deadlines } in &CASES {
        let mut env = env(Config::default());
        set_tick(&mut env, 1000);
        let connection = make(&env);
        let mut ticks: Vec<u32> =
            deadlines.iter().flat_map(|&(_, from, millis)| [from + millis - 1, from + millis]).collect();
        ticks.push(100_000);
        ticks.sort_unstable();
        for tick in ticks {
            set_tick(&mut env, tick);
            let has_passed = |&&(then, from, millis): &&(&str, u32, u32)| then != "Look" && tick - from >= millis;
            let expected = deadlines.iter().find(has_passed).map(|&(then, ..)| then.to_owned());
            assert_eq!(connection.overdue(&env).as_ref().map(name), expected, "{case}, at {tick}");
        }
    }
}

#[test]
fn the_next_look_finds_the_first_deadline_passed_by_no_more_than_a_fifth_of_a_second() {
    for Case { name, make, .. } in &CASES {
        for tick in [1000, 1001, 1900, 2000, 5999, 6000, 20_000, 61_000, 200_000] {
            let mut env = env(Config::default());
            set_tick(&mut env, 1000);
            let connection = make(&env);
            set_tick(&mut env, tick);
            let mut first = None::<u64>;
            connection.deadlines(&env, &mut |deadline| {
                let left = u64::from(deadline.millis.saturating_sub(tick - deadline.from.0));
                first = Some(first.map_or(left, |first| first.min(left)));
            });
            let look = connection.next_look(&env);
            assert_eq!(look.is_some(), first.is_some(), "{name}, at {tick}");
            if let (Some(look), Some(first)) = (look, first) {
                assert!((first + 10..=first + 200).contains(&look), "{name}, at {tick}: in {look}, first in {first}");
            }
        }
    }
}

#[test]
fn the_spans_are_those_of_the_config() {
    let seconds = Duration::from_secs;
    let config = Config {
        handshake_timeout: seconds(1),
        keep_alive: None,
        write_timeout: seconds(3),
        close_timeout: seconds(4),
        message_timeout: None,
        ping_interval: None,
        ..Config::default()
    };
    let expected: [(&str, &[(&str, u32)]); 8] = [
        ("entrance, accepted", &[("Head", 1000)]),
        ("entrance, turned away", &[("Head", 1000)]),
        ("entrance, idle", &[]),
        ("websocket, pinged", &[]),
        ("websocket, closing", &[("CloseTimeout", 4000)]),
        ("websocket, with everything", &[("WriteTimeout", 3000), ("ForgetRate", 1000)]),
        ("leaving, after a WebSocket", &[("Drop", 4000)]),
        ("leaving, stalled", &[("Drop", 3000)]),
    ];
    for (name, deadlines) in expected {
        let env = env(config.clone());
        let make = CASES.iter().find(|case| case.name == name).unwrap().make;
        let named = names(&make(&env), &env);
        let named: Vec<_> = named.iter().map(|(then, _, millis)| (then.as_str(), *millis)).collect();
        assert_eq!(named, deadlines, "{name}");
    }
}

#[test]
fn spans_too_long_for_a_tick_are_never_over() {
    let env = env(Config { ping_interval: Some(Duration::MAX), ..Config::default() });
    let connection = pinged(websocket(&env, |_| {}));
    assert!(connection.overdue(&env).is_none());
    assert_eq!(connection.next_look(&env), Some(u64::from(u32::MAX) + 200));
}

#[test]
fn another_look_is_never_overdue_and_hides_no_deadline() {
    let mut env = env(Config { ping_interval: Some(Duration::ZERO), ..Config::default() });
    let connection = pinged(websocket(&env, |extra| extra.rate = Some(Rate { since: Tick(0), messages: 1 })));
    assert!(connection.overdue(&env).is_none());
    set_tick(&mut env, 1000);
    assert!(matches!(connection.overdue(&env), Some(Then::ForgetRate)));
}
