//! The data that few WebSockets have at a time: its counts, its memory, and its end.

use super::*;
use crate::protocol::{ContextTakeover, Extension};
use crate::server::connection::testing::{accepted, env, set_tick};
use crate::server::types::config::Config;
use crate::server::types::env::Tick;
use crate::server::types::error::Reason;
use crate::server::types::id::TopicKey;

fn websocket() -> WebSocket {
    WebSocket::new(server(), None, None, 0, Seat::in_mount(0))
}

/// Feeds bytes of a message to the protocol.
fn feed(websocket: &mut WebSocket, bytes: &[u8]) {
    let protocol = websocket.protocol.as_mut().unwrap();
    let (end, left) = run(protocol, &mut bytes.to_vec(), usize::MAX, &mut Notes::default());
    assert!(matches!(end, Outcome::Empty) && left == 0);
}

#[test]
fn sending_packs_window_bits_and_context_takeover_into_one_byte() {
    assert_eq!(size_of::<Option<Sending>>(), 1);
    for bits in 8..=15 {
        for context in [ContextTakeover::Yes, ContextTakeover::No] {
            let agreed = Extension { server_context: context, server_max_window_bits: bits, ..Extension::default() };
            let sending = Sending::new(agreed).unwrap();
            // zlib has no window of 8 bits.
            assert_eq!(sending.window_bits(), bits.max(9), "{bits}, {context:?}");
            assert_eq!(sending.has_takeover(), context == ContextTakeover::Yes, "{bits}, {context:?}");
        }
    }
}

#[test]
fn messages_are_counted_by_the_second() {
    let mut env = env(Config::default());
    let mut websocket = websocket();
    // (time, is it within the limit of two, does it begin a second)
    let messages = [
        (5000, true, true),
        (5000, true, false),
        (5999, false, false),
        (6000, true, true),
        (6500, true, false),
        (6999, false, false),
        (9000, true, true),
    ];
    for (tick, is_within, begins) in messages {
        set_tick(&mut env, tick);
        assert_eq!(websocket.count_message(2, &env), (is_within, begins), "at {tick}");
    }
    websocket.forget_rate();
    assert!(websocket.extra.is_none());
    assert_eq!(websocket.count_message(0, &env), (false, true), "no message is within a limit of none");
}

#[test]
fn the_time_of_an_unfinished_message_begins_with_it_and_ends_with_it() {
    let mut env = env(Config::default());
    let mut websocket = websocket();
    let since = |websocket: &WebSocket| websocket.extra.as_ref().and_then(|it| it.unfinished).map(|it| it.since.0);
    /// Time, bytes that come, whether a message ended, whether a time begins, since when a message is unfinished.
    type Step<'a> = (u32, &'a [u8], bool, bool, Option<u32>);
    let steps: [Step<'_>; 6] = [
        (1000, &masked(TEXT, b"whole"), true, false, None),
        (2000, &masked(0x01, b"a"), false, true, Some(2000)),
        (3000, &masked(0x00, b"b"), false, false, Some(2000)),
        // The end of one and the beginning of the next.
        (4000, &[masked(0x80, b"c"), masked(0x01, b"d")].concat(), true, true, Some(4000)),
        (5000, &masked(0x80, b"e"), true, false, None),
        (6000, &masked(TEXT, b"half")[..4], false, true, Some(6000)),
    ];
    for (tick, bytes, ended, begins, expected) in steps {
        set_tick(&mut env, tick);
        feed(&mut websocket, bytes);
        assert_eq!(websocket.note_unfinished(ended, &env), begins, "at {tick}");
        assert_eq!(since(&websocket), expected, "at {tick}");
        assert_eq!(websocket.extra.is_some(), expected.is_some(), "at {tick}");
    }
}

#[test]
fn an_unfinished_message_must_gain_a_kib_in_each_span_unless_its_peer_is_not_read_from() {
    let mut env = env(Config::default());
    let mut websocket = websocket();
    websocket.note_gain(5000);
    assert!(websocket.has_gained_enough(false, &env), "nothing is unfinished");
    feed(&mut websocket, &masked(0x01, b"a"));
    assert!(websocket.note_unfinished(false, &env));
    // (pieces that come, whether it is paused, whether that is enough)
    let spans: [(&[usize], bool, bool); 6] = [
        (&[1024], false, true),
        (&[1023], false, false),
        (&[1000, 24], false, true),
        (&[], false, false),
        (&[], true, true),
        (&[], false, false),
    ];
    for (number, (pieces, is_paused, enough)) in (1..).zip(spans) {
        set_tick(&mut env, number * 60_000);
        pieces.iter().for_each(|len| websocket.note_gain(*len));
        assert_eq!(websocket.has_gained_enough(is_paused, &env), enough, "span {number}");
        assert_eq!(websocket.extra.as_ref().unwrap().unfinished.unwrap().since, Tick(number * 60_000));
    }
}

#[test]
fn memory_is_counted_while_it_is_held_and_the_extra_data_ends_with_it() {
    let env = env(Config::default());
    let mut websocket = websocket();
    websocket.account(&env);
    assert!(websocket.extra.is_none());
    feed(&mut websocket, &masked(0x01, &[b'a'; 5000]));
    websocket.extra(&env).backlog = Backlog { bytes: Vec::with_capacity(3000), start: 0 };
    websocket.account(&env);
    assert!((8000..20_000).contains(&websocket.debt()), "{}", websocket.debt());
    assert_eq!(env.held.get(), websocket.debt());
    // Memory that was promised counts, but is no debt of the peer's.
    let debt = websocket.debt();
    websocket.extra(&env).reserved = 50_000;
    websocket.account(&env);
    assert_eq!((websocket.debt(), env.held.get()), (debt, debt + 50_000));
    websocket.extra(&env).reserved = 0;
    websocket.extra(&env).backlog = Backlog::default();
    feed(&mut websocket, &masked(0x80, b""));
    websocket.account(&env);
    assert!(websocket.extra.is_none());
    assert_eq!((websocket.debt(), env.held.get()), (0, 0));
}

#[test]
fn only_what_close_may_look_at_outlives_the_websocket() {
    type Fill = fn(&mut Extra);
    let cases: [(&str, Fill, bool); 8] = [
        ("nothing", |_| {}, false),
        ("a value", |extra| extra.attached = Some(Box::new(5_u8)), true),
        ("a subprotocol", |extra| extra.subprotocol = Some("chat".into()), true),
        ("topics", |extra| extra.memberships.push(Membership { topic: TopicKey(1), position: 0 }), false),
        ("a backlog", |extra| extra.backlog.bytes = vec![0; 100], false),
        ("a promise of memory", |extra| extra.reserved = 100, false),
        ("a closing handshake", |extra| extra.closing = Some(Closing { since: Tick(0), reason: Reason::Lost }), false),
        ("a rate", |extra| extra.rate = Some(Rate { since: Tick(0), messages: 1 }), false),
    ];
    for (name, fill, is_kept) in cases {
        let env = env(Config::default());
        let mut extra = Box::new(Extra::new(&env));
        fill(&mut extra);
        assert_eq!(extra.is_empty(), name == "nothing", "{name}");
        extra.charge.set(1000);
        assert!(!extra.is_empty(), "{name}");
        let kept = extra.into_kept();
        assert_eq!(kept.is_some(), is_kept, "{name}");
        assert_eq!(env.held.get(), 0, "{name}");
        if let Some(kept) = kept {
            assert!(kept.attached.is_some() || kept.subprotocol.is_some(), "{name}");
        }
    }
}

#[test]
fn a_backlog_is_taken_once_and_is_work() {
    let env = env(Config::default());
    let mut connection = accepted(&env);
    assert!(connection.take_backlog().is_empty(), "an entrance keeps its bytes elsewhere");
    let mut websocket = websocket();
    websocket.extra(&env).backlog = Backlog { bytes: b"bytes".to_vec(), start: 2 };
    assert!(websocket.has_work());
    connection.phase = crate::server::connection::Phase::WebSocket(websocket);
    let Backlog { bytes, start } = connection.take_backlog();
    assert_eq!(&bytes[start..], b"tes");
    assert!(connection.take_backlog().is_empty());
    assert!(!connection.websocket().unwrap().has_work());
    assert!(Backlog { bytes: b"bytes".to_vec(), start: 5 }.is_empty());
}

#[test]
fn a_websocket_receives_directly_while_much_of_a_frame_is_missing_and_closes_with_its_protocol() {
    let mut websocket = websocket();
    assert!(!websocket.receives_directly() && !websocket.is_closing());
    let frame = masked(0x82, &[b'a'; 100_000]);
    let mut allowance = Allowance { frames: 1, lend: &mut || Some(vec![0; 100_000]), contexts: None };
    let protocol = websocket.protocol.as_mut().unwrap();
    run_batch(protocol, &mut &mut frame[..1000].to_vec()[..], &mut allowance, &mut Notes::default());
    assert!(websocket.receives_directly());
    feed(&mut websocket, &frame[1000..]);
    assert!(!websocket.receives_directly());
    websocket.protocol.as_mut().unwrap().close(None, &mut Vec::new()).unwrap();
    assert!(websocket.is_closing());
}
