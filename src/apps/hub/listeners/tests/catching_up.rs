//! Replays: in slices as the client takes them, cut anywhere and resumed, with gaps, and merged over many channels.

use super::*;
use crate::apps::hub::History;
use crate::apps::hub::listeners::catch_up::SLICE;

/// The most that one turn of a replay can put in a queue: the debt when the next slice comes, that slice, and its
/// frames' heads.
const OWED: usize = 2 * SLICE + 8 * 1024;

fn large() -> HubConfig {
    HubConfig { history: History { messages: 10_000, bytes: 64 << 20, ..History::default() }, ..HubConfig::default() }
}

/// A client that takes so many bytes, and then no more.
fn connect(stage: &mut Stage<House>, target: &str, bytes: usize) -> Client {
    stage.limit_new(bytes);
    let client = stage.connect(target);
    stage.limit_new(usize::MAX);
    client
}

/// The position before all messages.
fn start(stage: &mut Stage<House>) -> String {
    format!("{}-0", stage.handler().state.position().epoch)
}

#[test]
fn a_replay_cut_anywhere_goes_on_where_it_was() {
    let mut stage = stage(large());
    let channel = |number: usize| ["/a", "/b", "/c"][number * number % 3];
    for number in 0..40 {
        publish_later(&stage, channel(number), &format!("{number}{}", "x".repeat(4000)));
    }
    stage.run();
    for target in ["/a?since=", "/-/multi?channel=/a&channel=/b&channel=/c&since="] {
        let whole: Vec<usize> = (0..40).filter(|number| target.contains("multi") || channel(*number) == "/a").collect();
        // Each connection lets so many bytes through, at least one message.
        for bytes in (4800..50_000).step_by(613) {
            let mut resumer = Resumer { since: start(&mut stage), ..Resumer::default() };
            while resumer.positions == 0 {
                let client = connect(&mut stage, &format!("{target}{}", resumer.since), bytes);
                resumer.take(texts(&mut stage, client));
                stage.vanish(client);
            }
            resumer.assert_got(whole.iter().copied());
            assert_eq!(resumer.gaps, 0);
        }
    }
}

#[test]
fn a_client_that_reads_nothing_holds_a_slice_and_no_more() {
    for target in ["/a?last=1000", "/a?since=x", "/-/multi?channel=/a&since=x"] {
        let mut stage = stage(large());
        publish_all(&mut stage, "/a", 0..1000, 1000);
        let client = connect(&mut stage, target, 0);
        for _ in 0..5 {
            stage.advance(seconds(1));
            let queued = stage.owed();
            assert!((SLICE..OWED).contains(&queued), "{target}: {queued}");
        }
        // Messages that are published meanwhile are kept, not queued.
        publish_all(&mut stage, "/a", 1000..2000, 1000);
        assert!(stage.owed() < OWED);
        stage.limit(client, usize::MAX);
        let got = texts(&mut stage, client).iter().filter(|text| !text.starts_with('!')).count();
        assert_eq!(got, 2000, "{target}");
        assert_eq!(stage.owed(), 0);
    }
}

#[test]
fn messages_as_long_as_may_be_are_replayed_one_by_one() {
    let mut stage = stage(large());
    for at in 0..4 {
        publish_all(&mut stage, "/a", 50 * at..50 * at + 49, 1000);
        publish_all(&mut stage, "/a", 50 * at + 49..50 * at + 50, 1024 * 1024 - 10);
    }
    let client = connect(&mut stage, "/a?since=x", 0);
    let mut resumer = Resumer::default();
    for _ in 0..100 {
        assert!(stage.owed() <= 1024 * 1024 + SLICE + 8 * 1024, "{}", stage.owed());
        stage.limit(client, 50_000);
        resumer.take(texts(&mut stage, client));
    }
    stage.limit(client, usize::MAX);
    resumer.take(texts(&mut stage, client));
    resumer.assert_got(0..200);
    assert_eq!(stage.closed(client), None);
}

#[test]
fn what_is_evicted_in_mid_replay_is_a_gap_and_the_replay_goes_on_with_the_oldest() {
    for target in ["/a?since=x", "/-/multi?channel=/b&channel=/a&since=x"] {
        let mut stage = stage(HubConfig {
            history: History { messages: 100, bytes: 64 << 20, ..History::default() },
            ..HubConfig::default()
        });
        publish_all(&mut stage, "/a", 0..100, 2000);
        let since = start(&mut stage);
        let client = connect(&mut stage, &target.replace("since=x", &format!("since={since}")), 0);
        publish_all(&mut stage, "/a", 100..190, 2000);
        // In the turns of the replay, too.
        stage.limit(client, 100_000);
        publish_all(&mut stage, "/a", 190..300, 2000);
        stage.limit(client, usize::MAX);
        let mut resumer = Resumer::default();
        resumer.take(texts(&mut stage, client));
        let numbers: Vec<usize> = resumer.got.iter().map(|(_, number)| number.parse().expect("a number")).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        let jumps: Vec<_> = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
        assert_eq!(
            (resumer.gaps, jumps.len(), numbers.first(), numbers.last()),
            (2, 2, Some(&0), Some(&299)),
            "{jumps:?}"
        );
        assert_eq!(resumer.positions, 1);
    }
}

#[test]
fn a_plain_replay_that_loses_messages_goes_on_without_a_word() {
    let history = History { messages: 50, bytes: 64 << 20, ..History::default() };
    let mut stage = stage(HubConfig { history, ..HubConfig::default() });
    publish_all(&mut stage, "/a", 0..50, 4000);
    let client = connect(&mut stage, "/a?last=50", 0);
    publish_all(&mut stage, "/a", 50..150, 4000);
    stage.limit(client, usize::MAX);
    let got: Vec<usize> =
        texts(&mut stage, client).iter().map(|text| text.trim_end_matches('x').parse().expect("a number")).collect();
    assert!(got.is_sorted_by(|one, next| one < next) && got[0] == 0 && got.last() == Some(&149) && got.len() < 100);
}

#[test]
fn the_replays_of_64_channels_are_merged_in_the_order_of_ids() {
    let mut stage = stage(large());
    let channels: Vec<String> = (0..64).map(|at| format!("/channels/{at}")).collect();
    for number in 0..2000 {
        publish_later(&stage, &channels[number * 37 % 64], &format!("{number}{}", "x".repeat(number % 700)));
    }
    stage.run();
    let since = format!("{}-200", stage.handler().state.position().epoch);
    let query: String = channels.iter().map(|channel| format!("channel={channel}&")).collect();
    let client = connect(&mut stage, &format!("/-/multi?{query}since={since}"), 0);
    assert!(stage.owed() < OWED + 64 * 200);
    stage.limit(client, usize::MAX);
    let mut resumer = Resumer::default();
    resumer.take(texts(&mut stage, client));
    resumer.assert_got(200..2000);
    publish(&mut stage, &channels[7], "2000");
    resumer.take(texts(&mut stage, client));
    resumer.assert_got(200..2001);
    assert_eq!((resumer.gaps, resumer.positions), (0, 1));
}

#[test]
fn who_is_excepted_from_a_message_does_not_get_it_in_its_replay_either() {
    let mut stage = stage(large());
    publish_all(&mut stage, "/a", 0..100, 2000);
    let other = stage.connect("/a?ids");
    // One that is in the midst of a replay, and has heard its name.
    let own = connect(&mut stage, "/a?since=x", 1000);
    let first = texts(&mut stage, own).first().cloned().expect("an event");
    let event: serde_json::Value = serde_json::from_str(first.trim_start_matches("! ")).expect("JSON");
    let name = event["connection"].as_str().expect("a name").to_owned();
    for is_live in [false, true] {
        let name = name.clone();
        later(&stage, move |house, ctx| {
            house.publish(ctx, Entry { except: Some(&name), ..text("/a", "not for all") }, None);
        });
        stage.limit(own, usize::MAX);
        assert_eq!(stage.handler().reached, 1);
        let got = texts(&mut stage, own);
        assert_eq!(got.len(), if is_live { 0 } else { 101 }, "the hundred messages, and a position");
        assert!(got.iter().all(|text| !text.contains("not for all")), "{is_live}");
        assert!(texts(&mut stage, other).last().is_some_and(|text| text.ends_with("\nnot for all")));
    }
}

#[test]
fn ten_thousand_slices_are_not_sent_in_one_turn() {
    let mut stage = stage(large());
    publish_all(&mut stage, "/a", 0..100, 2000);
    let clients: Vec<Client> = (0..200).map(|_| connect(&mut stage, "/a?last=100", 0)).collect();
    // All are owed their first slice, or wait for their share of a turn; none is forgotten.
    for client in &clients {
        stage.limit(*client, usize::MAX);
    }
    for client in clients {
        assert_eq!(texts(&mut stage, client).len(), 100);
    }
}
