//! The last phase over a socket of the test, without a loop.

use std::time::Duration;

use super::*;
use crate::server::connection::testing::{FakeSocket, accepted, env, set_tick};
use crate::server::connection::{Connection, Reading};
use crate::server::types::config::Config;
use crate::server::types::env::Tick;

/// The ways into the last phase.
#[derive(Clone, Copy, PartialEq, Debug)]
enum After {
    /// Both sides have sent a Close frame.
    CleanWebSocket,
    WebSocket,
    Answer,
}

impl After {
    const ALL: [After; 3] = [After::CleanWebSocket, After::WebSocket, After::Answer];

    fn leaving(self, env: &Env) -> Leaving {
        match self {
            After::CleanWebSocket | After::WebSocket => {
                Leaving::after_websocket(self == After::CleanWebSocket, None, env)
            }
            After::Answer => Leaving::after_answer(false, env),
        }
    }

    fn connection(self, env: &Env) -> Connection {
        let mut connection = accepted(env);
        connection.leave(self.leaving(env));
        connection
    }
}

const READINGS: [Reading; 4] = [Reading::Drained, Reading::Ready, Reading::Closing, Reading::Ended];

fn stage(connection: &mut Connection) -> (Stage, Tick, Option<u32>) {
    let leaving = connection.leaving().unwrap();
    (leaving.stage, leaving.since, leaving.millis)
}

#[test]
fn each_way_into_the_phase_has_its_time_for_the_last_bytes() {
    let mut env = env(Config { close_timeout: Duration::from_secs(3), ..Config::default() });
    set_tick(&mut env, 7000);
    let cases = [
        (Leaving::after_websocket(true, None, &env), Stage::Owing, Some(3000)),
        (Leaving::after_websocket(false, None, &env), Stage::Owing, Some(3000)),
        // A large answer may take its time, as long as the peer accepts bytes.
        (Leaving::after_answer(true, &env), Stage::Owing, None),
        (Leaving::gone(None, &env), Stage::Gone, Some(3000)),
    ];
    for (leaving, stage, millis) in cases {
        assert_eq!((leaving.stage, leaving.since, leaving.millis), (stage, Tick(7000), millis));
    }
}

#[test]
fn it_ends_at_once_or_lingers_by_the_state_of_the_read_side() {
    for after in After::ALL {
        for reading in READINGS {
            let mut env = env(Config::default());
            let mut connection = after.connection(&env);
            connection.reading = reading;
            let mut socket = FakeSocket::default();
            set_tick(&mut env, 500);
            let ends = match (after, reading) {
                (_, Reading::Ended) | (After::CleanWebSocket, Reading::Drained) => true,
                // A close now could destroy bytes on their way to the peer.
                _ => false,
            };
            assert_eq!(connection.try_to_finish(Some(&mut socket), &env), ends, "{after:?}, {reading:?}");
            assert_eq!(socket.shut, !ends, "{after:?}, {reading:?}");
            if !ends {
                assert_eq!(stage(&mut connection), (Stage::Lingering, Tick(500), Some(1000)), "{after:?}, {reading:?}");
            }
        }
    }
}

#[test]
fn nothing_ends_while_bytes_are_owed() {
    for after in After::ALL {
        for reading in READINGS {
            let env = env(Config::default());
            let mut connection = after.connection(&env);
            connection.reading = reading;
            connection.output.hold(b"last bytes", &env);
            let mut socket = FakeSocket::with_room(9);
            for _ in 0..2 {
                assert!(!connection.try_to_finish(Some(&mut socket), &env), "{after:?}, {reading:?}");
                assert_eq!(stage(&mut connection).0, Stage::Owing, "{after:?}, {reading:?}");
                connection.output.flush(&mut socket, &mut connection.heard, &env).unwrap();
            }
            assert!(!socket.shut);
            socket.room = 1;
            connection.output.flush(&mut socket, &mut connection.heard, &env).unwrap();
            let ends = connection.try_to_finish(Some(&mut socket), &env);
            assert!(ends || stage(&mut connection).0 == Stage::Lingering, "{after:?}, {reading:?}");
            assert_eq!(socket.sent, b"last bytes");
        }
    }
}

#[test]
fn our_side_ends_once_and_lingering_lasts_until_its_deadline() {
    let mut env = env(Config::default());
    let mut connection = After::WebSocket.connection(&env);
    let mut socket = FakeSocket::default();
    assert!(!connection.try_to_finish(Some(&mut socket), &env));
    socket.shut = false;
    set_tick(&mut env, 900);
    for reading in READINGS {
        connection.reading = reading;
        assert!(!connection.try_to_finish(Some(&mut socket), &env), "{reading:?}");
    }
    assert!(!socket.shut);
    assert_eq!(stage(&mut connection), (Stage::Lingering, Tick(0), Some(1000)));
}

#[test]
fn without_a_socket_that_works_there_is_nothing_to_wait_for() {
    let env = env(Config::default());
    let mut broken = FakeSocket { broken: true, ..FakeSocket::default() };
    for after in [After::WebSocket, After::Answer] {
        assert!(after.connection(&env).try_to_finish(Some(&mut broken), &env), "{after:?}");
        assert!(after.connection(&env).try_to_finish(None::<&mut FakeSocket>, &env), "{after:?}");
    }
}

#[test]
fn a_connection_that_is_gone_or_does_not_leave_cannot_finish() {
    let env = env(Config::default());
    let mut gone = accepted(&env);
    gone.leave(Leaving::gone(None, &env));
    assert!(gone.is_gone());
    for mut connection in [gone, accepted(&env)] {
        let mut socket = FakeSocket::default();
        connection.reading = Reading::Ended;
        assert!(!connection.try_to_finish(Some(&mut socket), &env));
        assert!(!connection.discard(usize::MAX));
        assert!(!socket.shut);
    }
}

#[test]
fn after_an_answer_64_kib_are_discarded_and_after_a_websocket_any_number() {
    let (many, kib) = (usize::MAX, 1024);
    let cases: [(After, &[(usize, bool)]); 5] = [
        (After::Answer, &[(64 * kib - 1, false), (1, true), (1, true)]),
        (After::Answer, &[(64 * kib, true)]),
        (After::Answer, &[(0, false), (many, true)]),
        (After::WebSocket, &[(64 * kib, false), (many, false), (many, false)]),
        (After::CleanWebSocket, &[(many, false), (many, false)]),
    ];
    for (after, pieces) in cases {
        let env = env(Config::default());
        let mut connection = after.connection(&env);
        for &(len, is_too_much) in pieces {
            assert_eq!(connection.discard(len), is_too_much, "{after:?}, {len} of {pieces:?}");
        }
    }
}

#[test]
fn the_extra_data_stays_until_close_was_called_and_a_pause_ends() {
    let env = env(Config { high_water: 3, ..Config::default() });
    let mut connection = accepted(&env);
    connection.output.hold(b"bytes", &env);
    assert!(connection.output.is_paused());
    let mut extra = Box::new(Extra::new(&env));
    extra.subprotocol = Some("chat".into());
    connection.leave(Leaving::after_websocket(false, Some(extra), &env));
    assert!(!connection.output.is_paused());
    assert_eq!(connection.extra().unwrap().subprotocol.as_deref(), Some("chat"));
}
