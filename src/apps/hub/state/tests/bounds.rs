//! The bounds of one channel's history, and of all history together.

use std::time::{Duration, Instant};

use super::scene::{ENTRY, Scene, rules};
use crate::apps::hub::log::{Entry, Id};
use crate::apps::hub::state::EXPIRIES;
use crate::apps::hub::state::channels::{CHANNEL_COST, MESSAGE_COST};

/// The bytes that channels with names of two bytes count for, with so many messages of so many bytes in all.
fn cost(channels: usize, messages: usize, bytes: usize) -> usize {
    channels * (CHANNEL_COST + 2) + messages * MESSAGE_COST + bytes
}

#[test]
fn a_channel_keeps_so_many_messages_and_bytes_and_always_the_newest() {
    let channels = ["/a", "/b", "/c"];
    let mut scene = Scene::new(|config| {
        config.rules = rules(&["/a history=3", "/b bytes=10", "/c history=1 bytes=1"]);
    });
    let texts = ["12345", "1234", "1", "1234567890", "a very long text", "", "12345", "12345", "x"];
    let expected: [[&[usize]; 3]; 9] = [
        [&[0], &[0], &[0]],
        [&[0, 1], &[0, 1], &[1]],
        [&[0, 1, 2], &[0, 1, 2], &[2]],
        [&[1, 2, 3], &[3], &[3]],
        [&[2, 3, 4], &[4], &[4]],
        [&[3, 4, 5], &[5], &[5]],
        [&[4, 5, 6], &[5, 6], &[6]],
        [&[5, 6, 7], &[5, 6, 7], &[7]],
        [&[6, 7, 8], &[7, 8], &[8]],
    ];
    for (round, text) in texts.iter().enumerate() {
        for channel in channels {
            scene.say(channel, &[text]);
        }
        let (mut messages, mut bytes) = (0, 0);
        for (number, channel) in channels.iter().enumerate() {
            let ids = |round: usize| (3 * round + number + 1) as u64;
            let kept = expected[round][number];
            assert_eq!(scene.ids(channel), kept.iter().map(|round| ids(*round)).collect::<Vec<_>>());
            let len: usize = kept.iter().map(|round| texts[*round].len()).sum();
            let summary = scene.state.summary(channel);
            assert_eq!((summary.messages, summary.bytes), (kept.len(), len), "{channel} {round}");
            assert_eq!(summary.first.zip(summary.last), Some((Id(ids(kept[0])), Id(ids(round)))));
            messages += kept.len();
            bytes += len;
        }
        assert_eq!(scene.state.history_bytes(), cost(3, messages, bytes), "{round}");
    }
    assert_eq!(scene.state.evicted(), 0);
}

#[test]
fn messages_go_at_their_age_and_the_channel_with_the_last() {
    let mut scene = Scene::new(|config| config.rules = rules(&["/b age=2s", "/c age=24h"]));
    let begin = scene.now;
    let seconds = Duration::from_secs;
    scene.say("/a", &["1"]);
    scene.say("/b", &["2"]);
    scene.say("/c", &["3"]);
    scene.pass(seconds(1));
    scene.say("/b", &["4"]);
    // From the end of the age on, and within 128 ms after it.
    let due = |scene: &Scene| scene.state.next_expiry().expect("something that expires") - begin;
    assert!((2000..2128).contains(&due(&scene).as_millis()), "{:?}", due(&scene));
    scene.pass(seconds(1));
    assert_eq!(scene.ids("/b"), [2, 4]);
    scene.pass(Duration::from_millis(128));
    assert_eq!(scene.ids("/b"), [4]);
    assert!((3000..3128).contains(&due(&scene).as_millis()), "{:?}", due(&scene));
    scene.pass(seconds(1));
    assert_eq!((scene.state.channels(), scene.state.history_bytes()), (2, cost(2, 2, 2)));
    assert_eq!(scene.since("/b", 3), (true, 4, vec![]));
    scene.pass(seconds(600));
    assert_eq!((scene.state.channels(), scene.ids("/c")), (1, vec![3]));
    scene.pass(seconds(86_400));
    assert_eq!((scene.state.channels(), scene.state.history_bytes()), (0, 0));
    assert_eq!((scene.state.next_expiry(), scene.since("/c", 3)), (None, (true, 4, vec![])));
}

#[test]
fn a_busy_channel_is_looked_at_once_an_age_and_loses_nothing_too_early() {
    let mut scene = Scene::new(|config| config.history.messages = 4);
    for _ in 0..100 {
        scene.say("/a", &["x"]);
        scene.pass(Duration::from_secs(100));
    }
    // The last four came 400, 300, 200 and 100 s ago.
    assert_eq!(scene.ids("/a"), [97, 98, 99, 100]);
    scene.pass(Duration::from_secs(201));
    assert_eq!(scene.ids("/a"), [98, 99, 100]);
}

#[test]
fn one_call_lets_a_bounded_number_expire() {
    let mut scene = Scene::new(|config| config.history.messages = 1000);
    let (messages, channels) = (700, 400);
    scene.say("/a", &vec!["x"; messages]);
    for channel in 0..channels {
        scene.say(&format!("/b/{channel}"), &["x"]);
    }
    let mut calls = 0;
    let mut left = messages + channels;
    scene.now += Duration::from_secs(601);
    while scene.state.next_expiry().is_some_and(|due| due <= scene.now) {
        scene.pass(Duration::ZERO);
        let rings = (0..channels).map(|channel| format!("/b/{channel}")).chain(["/a".to_owned()]);
        let now_left = rings.map(|channel| scene.state.summary(&channel).messages).sum();
        assert!(left - now_left <= EXPIRIES, "{left} {now_left}");
        (left, calls) = (now_left, calls + 1);
    }
    assert_eq!((left, scene.state.channels(), scene.state.next_expiry()), (0, 0, None));
    assert!(calls < 3 + 2 * (messages + channels) / EXPIRIES, "{calls}");
}

#[test]
fn beyond_the_bound_over_all_the_largest_channel_loses_its_oldest() {
    let mut scene = Scene::new(|config| config.history_memory = cost(3, 9, 90));
    for _ in 0..4 {
        scene.say("/a", &["1234567890"]);
    }
    for channel in ["/b", "/b", "/b", "/c", "/c"] {
        scene.say(channel, &["1234567890"]);
    }
    assert_eq!((scene.state.evicted(), scene.state.history_bytes()), (0, cost(3, 9, 90)));
    scene.say("/c", &["1234567890"]);
    assert_eq!([scene.ids("/a"), scene.ids("/b"), scene.ids("/c")], [vec![2, 3, 4], vec![5, 6, 7], vec![8, 9, 10]]);
    // A long message displaces as many as it takes, of those that are the largest in turn: the first is itself.
    scene.say("/a", &["a message that is longer than all others"]);
    assert_eq!(scene.state.evicted(), 3);
    assert_eq!([scene.ids("/a"), scene.ids("/b"), scene.ids("/c")], [vec![4, 11], vec![5, 6, 7], vec![8, 9, 10]]);
    assert_eq!((scene.since("/a", 2).0, scene.since("/a", 3).0, scene.since("/b", 0).0), (true, false, false));
}

#[test]
fn the_only_message_of_a_channel_goes_when_there_are_no_others_to_go() {
    let mut scene = Scene::new(|config| config.history_memory = cost(4, 5, 30));
    let long = "a single message";
    scene.say("/a", &[long]);
    scene.say("/b", &["1", "2"]);
    scene.say("/c", &["3"]);
    assert_eq!((scene.state.channels(), scene.state.evicted()), (3, 0));
    scene.say("/d", &["4"]);
    assert_eq!((scene.state.channels(), scene.state.evicted()), (4, 0));
    // /b is smaller, but has two.
    scene.say("/c", &["5"]);
    assert_eq!(
        [scene.ids("/a"), scene.ids("/b"), scene.ids("/c"), scene.ids("/d")],
        [vec![1], vec![3], vec![4, 6], vec![5]]
    );
    // One message each: the largest goes, and its channel.
    scene.say("/e", &["6"]);
    assert_eq!([scene.ids("/a"), scene.ids("/c"), scene.ids("/e")], [vec![], vec![6], vec![7]]);
    assert_eq!((scene.since("/a", 0).0, scene.since("/a", 4).0), (true, false));
}

#[test]
fn a_message_longer_than_all_history_may_be_is_delivered_and_a_gap_afterwards() {
    let mut scene = Scene::new(|config| config.history_memory = cost(1, 1, 10));
    scene.say("/a", &["1"]);
    scene.say("/a", &["12345678901"]);
    assert_eq!(scene.said()[2], "/a 2 Text 12345678901 to 0");
    assert_eq!((scene.state.channels(), scene.state.history_bytes(), scene.state.evicted()), (0, 0, 1));
    assert_eq!((scene.since("/a", 1), scene.since("/a", 2)), ((true, 2, vec![]), (false, 2, vec![])));
    scene.say("/a", &["1234567890"]);
    assert_eq!(scene.ids("/a"), [3]);
}

#[test]
fn history_stays_within_its_bound_and_is_counted_right_whatever_comes() {
    let memory = 6000;
    let mut scene = Scene::new(|config| {
        config.history_memory = memory;
        config.rules = rules(&["/0 history=2", "/1 bytes=300", "/2 age=1s"]);
    });
    let mut drawn = 1u64;
    let mut draw = |below: u64| {
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (drawn >> 33) % below
    };
    for step in 0..5000 {
        let channel = format!("/{}", draw(9));
        match draw(20) {
            0 => scene.forget(&channel),
            1 => scene.pass(Duration::from_millis(100 * draw(10))),
            _ => {
                let payload = vec![b'x'; (draw(20) * draw(20)) as usize];
                let keep = draw(10) > 0;
                scene.publish(Entry { channel: &channel, payload: &payload, keep, ..ENTRY }).expect("room");
            }
        }
        let summaries: Vec<_> = (0..9).map(|channel| scene.state.summary(&format!("/{channel}"))).collect();
        let count = summaries.iter().filter(|summary| summary.messages > 0).count();
        let messages = summaries.iter().map(|summary| summary.messages).sum();
        let bytes = summaries.iter().map(|summary| summary.bytes).sum();
        assert_eq!(scene.state.history_bytes(), cost(count, messages, bytes), "step {step}");
        assert!(scene.state.history_bytes() <= memory, "step {step}");
        assert!(summaries[0].messages <= 2 && (summaries[1].bytes <= 300 || summaries[1].messages == 1));
    }
    assert!(scene.state.evicted() > 100, "{}", scene.state.evicted());
}

#[test]
fn time_that_stands_still_or_goes_back_does_no_harm() {
    let mut scene = Scene::new(|_| {});
    scene.say("/a", &["1"]);
    scene.now -= Duration::from_secs(5);
    scene.say("/a", &["2"]);
    scene.pass(Duration::ZERO);
    assert_eq!(scene.ids("/a"), [1, 2]);
    assert!(scene.state.next_expiry() > Some(Instant::now()));
}
