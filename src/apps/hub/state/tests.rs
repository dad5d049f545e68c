//! The state over a log in memory. `model` has slow and faulty logs.

mod bounds;
mod load;
mod resume;
mod scene;

use std::time::Duration;

use self::scene::{ENTRY, Scene, rules};
use super::types::{Outcome, Refusal, Summary};
use crate::apps::hub::log::{Entry, Id, Kind};

#[test]
fn a_message_is_kept_delivered_and_answered_in_this_order() {
    let mut scene = Scene::new(|_| {});
    scene.listen("/a", 3);
    scene.publish(Entry { except: Some("c8f1"), ..ENTRY }).expect("room");
    assert_eq!(scene.said(), ["/a 1 Text hello except c8f1 to 3", "settle 0 Applied { id: Id(1), subscribers: 3 }"]);
    let summary = Summary { messages: 1, bytes: 5, first: Some(Id(1)), last: Some(Id(1)) };
    assert_eq!(scene.state.summary("/a"), summary);
    let kept = scene.state.next_kept("/a", Id(0)).expect("a message");
    assert_eq!((kept.kind, kept.payload, kept.except), (Kind::Text, &b"hello"[..], Some("c8f1")));
    assert_eq!(scene.state.show(kept.id), scene.state.position().to_string());
}

#[test]
fn a_message_that_is_not_to_be_kept_is_delivered_alone() {
    let mut scene = Scene::new(|config| config.rules = rules(&["/typing/* history=0"]));
    scene.publish(Entry { keep: false, ..ENTRY }).expect("room");
    scene.publish(Entry { channel: "/typing/1", kind: Kind::Binary, ..ENTRY }).expect("room");
    assert_eq!(
        scene.said(),
        [
            "/a 1 Text hello to 0",
            "settle 0 Applied { id: Id(1), subscribers: 0 }",
            "/typing/1 2 Binary hello to 0",
            "settle 1 Applied { id: Id(2), subscribers: 0 }"
        ]
    );
    for channel in ["/a", "/typing/1", "/b"] {
        assert_eq!(scene.state.summary(channel), Summary::default());
        assert!(!scene.state.has_history(channel));
    }
    assert_eq!((scene.state.channels(), scene.state.history_bytes()), (0, 0));
}

#[test]
fn a_repeat_with_its_key_gets_the_first_ones_id_and_goes_nowhere() {
    let mut scene = Scene::new(|_| {});
    let entry = Entry { key: Some("k"), ..ENTRY };
    let expected = [
        (entry, Outcome::Applied { id: Id(1), subscribers: 0 }),
        (entry, Outcome::Duplicate { id: Id(1) }),
        (Entry { payload: b"other", ..entry }, Outcome::KeyReused),
        (Entry { channel: "/b", payload: b"other", ..entry }, Outcome::Applied { id: Id(4), subscribers: 0 }),
    ];
    for (entry, outcome) in expected {
        assert_eq!(scene.outcome(entry), outcome);
    }
    assert_eq!((scene.state.summary("/a").messages, scene.state.position().id, scene.state.keys()), (1, Id(4), 2));
    // Keys outlive the history.
    assert_eq!(scene.outcome(Entry { kind: Kind::Forget, payload: b"", ..ENTRY }), Outcome::Forgotten);
    assert_eq!(scene.outcome(entry), Outcome::Duplicate { id: Id(1) });
    scene.pass(Duration::from_secs(301));
    assert_eq!(scene.outcome(entry), Outcome::Applied { id: Id(7), subscribers: 0 });
}

#[test]
fn a_publish_beyond_a_limit_is_refused_and_nothing_has_happened() {
    let mut scene = Scene::new(|config| {
        config.max_channels = 2;
        config.max_waiting = 3;
        config.max_waiting_bytes = 10;
        config.rules = rules(&["/typing history=0"]);
    });
    let publish = |scene: &mut Scene, channel, payload| {
        let entry = Entry { channel, payload, ..ENTRY };
        scene.state.publish(entry, None).map(|()| scene.state.waiting())
    };
    assert_eq!(publish(&mut scene, "/a", b"far more than ten bytes"), Ok(1), "alone a long one may wait");
    assert_eq!(publish(&mut scene, "/a", b"x"), Err(Refusal::TooManyWaiting));
    scene.apply();
    assert_eq!(publish(&mut scene, "/a", b"12345"), Ok(1));
    assert_eq!(publish(&mut scene, "/a", b"123456"), Err(Refusal::TooManyWaiting));
    assert_eq!(publish(&mut scene, "/a", b"12345"), Ok(2));
    assert_eq!(publish(&mut scene, "/b", b""), Ok(3));
    assert_eq!(publish(&mut scene, "/b", b""), Err(Refusal::TooManyWaiting));
    scene.apply();
    assert_eq!((scene.state.channels(), scene.state.waiting()), (2, 0));
    assert_eq!(publish(&mut scene, "/c", b""), Err(Refusal::TooManyChannels));
    // A message that leaves no history there, or is in a channel that is there already, adds no channel.
    assert_eq!(publish(&mut scene, "/typing", b""), Ok(1));
    assert_eq!(publish(&mut scene, "/a", b""), Ok(2));
    scene.state.publish(Entry { keep: false, channel: "/c", ..ENTRY }, None).expect("room");
    scene.apply();
    scene.state.publish(Entry { kind: Kind::Forget, channel: "/c", payload: b"", ..ENTRY }, None).expect("room");
    scene.state.publish(Entry { kind: Kind::Forget, channel: "/b", payload: b"", ..ENTRY }, None).expect("room");
    scene.apply();
    assert_eq!(publish(&mut scene, "/c", b""), Ok(1));
    assert_eq!(scene.state.position().id, Id(9), "refused entries never were in the log");
}

#[test]
fn a_call_applies_no_more_events_than_its_budget() {
    let mut scene = Scene::new(|_| {});
    for _ in 0..5 {
        scene.state.publish(ENTRY, None).expect("room");
    }
    let now = scene.now;
    let mut positions = Vec::new();
    while scene.state.apply(2, now, &mut scene.sink) {
        positions.push(scene.state.position().id.0);
    }
    assert_eq!((positions, scene.state.position().id), (vec![2, 4], Id(5)));
}

#[test]
fn a_state_can_go_to_the_thread_of_its_server() {
    fn is_send<T: Send>() {}
    is_send::<super::State<u64>>();
}
