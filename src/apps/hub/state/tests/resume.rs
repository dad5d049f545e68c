//! Where replays begin, and when they say gap.

use std::time::Duration;

use super::scene::{ENTRY, Scene, rules};
use crate::apps::hub::log::{Entry, Epoch, Id};
use crate::apps::hub::state::types::Replay;

#[test]
fn a_resume_replays_what_came_after_its_position() {
    let mut scene = Scene::new(|_| {});
    // /a has 1, 2, 4, 6 and /b has 3, 5.
    for channel in ["/a", "/a", "/b", "/a", "/b", "/a"] {
        scene.say(channel, &["x"]);
    }
    let cases = [
        (0, (false, 0, vec![1, 2, 4, 6])),
        (1, (false, 1, vec![2, 4, 6])),
        (3, (false, 3, vec![4, 6])),
        (5, (false, 5, vec![6])),
        (6, (false, 6, vec![])),
    ];
    for (since, expected) in cases {
        assert_eq!(scene.since("/a", since), expected, "{since}");
    }
    assert_eq!(scene.since("/b", 5), (false, 6, vec![]), "a quiet channel gets a fresh position");
    assert_eq!(scene.since("/c", 2), (false, 6, vec![]), "so does one that never had a message");
}

#[test]
fn what_is_no_position_of_this_log_is_a_gap() {
    let mut scene = Scene::new(|_| {});
    scene.say("/a", &["x", "y"]);
    let position = scene.state.position();
    let other = Epoch::parse("zzzzzz").filter(|epoch| *epoch != position.epoch).expect("another epoch");
    let texts =
        ["".to_owned(), "rubbish".to_owned(), format!("{other}-1"), scene.state.show(Id(3)), format!("{position}x")];
    for text in texts {
        assert_eq!(scene.resume("/a", Replay::Since(&text)), (true, 0, vec![1, 2]), "{text}");
        assert_eq!(scene.resume("/b", Replay::Since(&text)), (true, 2, vec![]), "{text}");
    }
}

#[test]
fn the_last_messages_are_replayed_without_a_gap() {
    let mut scene = Scene::new(|config| config.history.messages = 3);
    scene.say("/a", &["1", "2", "3", "4", "5"]);
    scene.say("/b", &["6"]);
    let cases = [
        (Replay::Nothing, (false, 6, vec![])),
        (Replay::Last(0), (false, 6, vec![])),
        (Replay::Last(1), (false, 4, vec![5])),
        (Replay::Last(2), (false, 3, vec![4, 5])),
        (Replay::Last(3), (false, 2, vec![3, 4, 5])),
        (Replay::Last(usize::MAX), (false, 2, vec![3, 4, 5])),
    ];
    for (replay, expected) in cases {
        assert_eq!(scene.resume("/a", replay), expected, "{replay:?}");
    }
    assert_eq!(scene.resume("/c", Replay::Last(5)), (false, 6, vec![]));
}

#[test]
fn a_position_before_an_evicted_message_is_a_gap() {
    let mut scene = Scene::new(|config| config.history.messages = 2);
    scene.say("/a", &["1", "2", "3", "4"]);
    let cases =
        [(0, true, vec![3, 4]), (1, true, vec![3, 4]), (2, false, vec![3, 4]), (3, false, vec![4]), (4, false, vec![])];
    for (since, gap, replayed) in cases {
        let after = since.max(2);
        assert_eq!(scene.since("/a", since), (gap, after, replayed), "{since}");
        assert_eq!(scene.state.is_complete("/a", Id(since)), !gap, "{since}");
    }
    assert_eq!(scene.since("/b", 0), (false, 4, vec![]), "another channel has lost nothing");
}

#[test]
fn a_channel_that_is_forgotten_raises_the_horizon_of_those_without_history() {
    let mut scene = Scene::new(|_| {});
    scene.say("/a", &["1", "2"]);
    scene.say("/b", &["3"]);
    scene.say("/c", &["4"]);
    scene.forget("/b");
    let cases = [
        // Its message is gone.
        ("/b", 2, true),
        // The last one that it had.
        ("/b", 3, false),
        // Never had a message: the gap is needless, since the state does not know.
        ("/d", 2, true),
        ("/d", 3, false),
        // A channel that keeps its messages knows.
        ("/a", 0, false),
        ("/c", 0, false),
    ];
    for (channel, since, gap) in cases {
        assert_eq!(scene.since(channel, since).0, gap, "{channel} {since}");
    }
    // A channel that begins after that cannot know either what it had.
    scene.say("/b", &["6"]);
    scene.say("/d", &["7"]);
    for channel in ["/b", "/d"] {
        assert_eq!([2, 3, 5].map(|since| scene.since(channel, since).0), [true, false, false], "{channel}");
    }
    assert_eq!(scene.since("/b", 0), (true, 3, vec![6]));
}

#[test]
fn a_forgotten_history_is_gone_up_to_the_channels_last_message() {
    let mut scene = Scene::new(|_| {});
    scene.say("/a", &["1", "2"]);
    scene.say("/b", &["3"]);
    scene.forget("/a");
    assert_eq!(scene.since("/a", 1), (true, 4, vec![]));
    assert_eq!(scene.since("/a", 2), (false, 4, vec![]));
    assert_eq!((scene.ids("/a"), scene.ids("/b")), (vec![], vec![3]));
    scene.forget("/a");
    scene.forget("/never");
    assert_eq!(scene.since("/a", 2), (false, 6, vec![]), "there was nothing to forget");
}

#[test]
fn a_channel_that_keeps_nothing_says_gap_unless_nothing_has_been_published() {
    let mut scene = Scene::new(|config| config.rules = rules(&["/typing history=0"]));
    scene.say("/typing", &["1"]);
    assert_eq!(scene.since("/typing", 0), (true, 1, vec![]));
    assert_eq!(scene.since("/typing", 1), (false, 1, vec![]));
    // One that was not to be kept is missed in silence.
    scene.publish(Entry { keep: false, ..ENTRY }).expect("room");
    assert_eq!(scene.since("/a", 1), (false, 2, vec![]));
}

#[test]
fn a_replay_finds_out_what_is_evicted_before_its_turn() {
    let mut scene = Scene::new(|config| config.history.messages = 2);
    scene.say("/a", &["1", "2"]);
    assert_eq!(scene.since("/a", 0), (false, 0, vec![1, 2]));
    scene.say("/a", &["3"]);
    // It has come to 1 and misses nothing, or to 0 and has missed 1.
    assert!(scene.state.is_complete("/a", Id(1)));
    assert!(!scene.state.is_complete("/a", Id(0)));
    assert_eq!(scene.after("/a", scene.state.floor("/a")), [2, 3]);
    // Then all of it expires.
    scene.pass(Duration::from_secs(601));
    assert!(!scene.state.is_complete("/a", Id(2)));
    assert!(scene.state.is_complete("/a", Id(3)));
}
