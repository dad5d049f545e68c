//! Commands of listeners with many channels.

use super::*;

const UNSUBSCRIBED: &str = r#"! {"event":"unsubscribed","channel":"/a"}"#;

fn error(status: u16, channel: &str) -> String {
    format!(r#"! {{"event":"error","error":{status},"channel":"{channel}""#)
}

/// A hub with 3 messages (ids 1 to 3) on `/a` and one (4) on `/b`.
fn hub() -> Stage<House> {
    let rules = ["/no/* deny", "/chat/* publish=members"].iter().map(|rule| rule.parse().expect("a rule")).collect();
    let tokens = ["all", "some@/a"].iter().map(|token| token.parse().expect("a token")).collect();
    let mut stage = stage(HubConfig { rules, subscribe_tokens: tokens, token_in_query: true, ..HubConfig::default() });
    publish_all(&mut stage, "/a", 1..4, 0);
    publish(&mut stage, "/b", "4");
    stage
}

#[test]
fn each_command_is_answered() {
    let now = position_event(4);
    let cases: &[(&str, &[&str])] = &[
        (r#"{"subscribe":["/a"]}"#, &[&subscribed("/a", 4, false)]),
        (r#"{"subscribe":["/a","/a"]}"#, &[&subscribed("/a", 4, false), &subscribed("/a", 4, false)]),
        (r#"{"subscribe":["/a","/b"]}"#, &[&subscribed("/a", 4, false), &subscribed("/b", 4, false)]),
        (r#"{"subscribe":["/a"],"since":"E-2"}"#, &[&subscribed("/a", 2, false), "E-3 /a\n3", &now]),
        (r#"{"subscribe":["/a"],"since":"E-4"}"#, &[&subscribed("/a", 4, false), &now]),
        (r#"{"subscribe":["/new"],"since":"E-1"}"#, &[&subscribed("/new", 4, false), &now]),
        (
            r#"{"subscribe":["/b","/a"],"since":"E-2"}"#,
            &[&subscribed("/b", 2, false), &subscribed("/a", 2, false), "E-3 /a\n3", "E-4 /b\n4", &now],
        ),
        (r#"{"subscribe":["/b"],"since":"x"}"#, &[&subscribed("/b", 0, true), "E-4 /b\n4", &now]),
        (r#"{"subscribe":[]}"#, &[]),
        (r#"{"subscribe":[],"since":"E-1"}"#, &[]),
        (r#"{"unsubscribe":["/a"]}"#, &[UNSUBSCRIBED]),
        (r#"{"unsubscribe":["nonsense"]}"#, &[r#"! {"event":"unsubscribed","channel":"nonsense"}"#]),
        (r#"{"subscribe":["/no/x"]}"#, &[&error(403, "/no/x")]),
        (r#"{"subscribe":["/a","b"],"since":"E-4"}"#, &[&subscribed("/a", 4, false), &error(400, "b"), &now]),
        (r#"{"subscribe":["/-/multi"]}"#, &[&error(404, "/-/multi")]),
        (r#"{"subscribe":["/"]}"#, &[&error(404, "/")]),
        (r#"{"subscribe":["/a/"]}"#, &[&error(400, "/a/")]),
        (r#"{"subscribe":["/a/\u0000"]}"#, &[&error(400, r"/a/\u0000")]),
        (r#"{"publish":"/a","data":"x","ref":7}"#, &[r#"! {"event":"error","error":403,"channel":"/a","ref":7"#]),
        (r#"{"publish":"/a","ref":"x"}"#, &[r#"! {"event":"error","error":400,"ref":"x""#]),
        (r#"{"ticket":"eyJ"}"#, &[r#"! {"event":"error","error":400"#]),
        ("hello", &[r#"! {"event":"error","error":400"#]),
        ("", &[r#"! {"event":"error","error":400"#]),
        ("sockhop.heartbeat", &["sockhop.heartbeat"]),
    ];
    let mut stage = hub();
    let epoch = format!("{}-", stage.handler().state.position().epoch);
    for (command, expected) in cases {
        let client = stage.connect("/-/multi?token=all");
        stage.send(client, command.replace("E-", &epoch));
        let said = said(&mut stage, client);
        assert_eq!(said.len(), expected.len(), "{command}: {said:?}");
        for (said, expected) in said.iter().zip(*expected) {
            // Of an error, the reason behind is not compared.
            let is_it = if expected.contains("\"error\"") { said.starts_with(expected) } else { said == expected };
            assert!(is_it, "{command}: {said}");
        }
        assert_eq!(stage.closed(client), None);
    }
    let client = stage.connect("/-/multi?token=all");
    stage.send(client, &b"{}"[..]);
    assert!(said(&mut stage, client)[0].contains("a command is text"));
}

#[test]
fn a_token_counts_for_commands_as_for_the_opening_handshake() {
    let mut stage = hub();
    let client = stage.connect("/-/multi?channel=/a&token=some");
    stage.send(client, r#"{"subscribe":["/b","/a"]}"#);
    let said = said(&mut stage, client);
    assert!(said[1].starts_with(&error(403, "/b")) && said[2] == subscribed("/a", 4, false), "{said:?}");
    // Tokens may change meanwhile.
    stage.handler().tokens.set(Vec::new(), vec!["new".parse().expect("a token")]);
    stage.send(client, r#"{"subscribe":["/a"],"since":"x"}"#);
    assert!(texts(&mut stage, client)[0].starts_with(&error(401, "/a")));
    publish(&mut stage, "/a", "5");
    assert_eq!(texts(&mut stage, client).len(), 1, "what it has stays");
}

#[test]
fn a_connection_has_at_most_64_channels() {
    let mut stage = stage(HubConfig::default());
    let query: String = (0..64).map(|at| format!("channel=/{at}&")).collect();
    let refused = stage.connect(&format!("/-/multi?{query}channel=/64"));
    assert_eq!(stage.status(refused), Some(400));
    let client = stage.connect(&format!("/-/multi?{query}"));
    assert_eq!(texts(&mut stage, client).len(), 64);
    stage.send(client, r#"{"subscribe":["/64","/63"]}"#);
    let answers = said(&mut stage, client);
    assert!(answers[0].starts_with(&error(400, "/64")) && answers[1] == subscribed("/63", 0, false), "{answers:?}");
    stage.send(client, r#"{"unsubscribe":["/0"]}"#);
    stage.send(client, r#"{"subscribe":["/64"]}"#);
    publish(&mut stage, "/64", "a");
    publish(&mut stage, "/0", "b");
    assert_eq!(said(&mut stage, client)[1..], [subscribed("/64", 0, false), "E-1 /64\na".to_owned()]);
}

#[test]
fn the_33rd_command_of_a_second_is_refused_and_the_next_second_has_32_more() {
    let mut stage = stage(HubConfig::default());
    let client = stage.connect("/-/multi");
    for second in 0..3 {
        for at in 0..40 {
            stage.send(client, [r#"{"unsubscribe":["/a"]}"#, "nonsense"][at % 2]);
            stage.send(client, "sockhop.heartbeat");
            let answers = texts(&mut stage, client);
            assert_eq!(answers[1], "sockhop.heartbeat");
            assert_eq!(answers[0].contains("\"error\":429"), at >= 32, "{second} {at}");
        }
        stage.advance(seconds(1));
    }
    assert_eq!(stage.closed(client), None);
}

#[test]
fn a_channel_that_comes_with_a_past_holds_the_others_back_until_it_has_caught_up() {
    let mut stage = stage(HubConfig::default());
    publish_all(&mut stage, "/old", 1..101, 2000);
    let client = stage.connect("/-/multi?channel=/a&channel=/gone");
    publish(&mut stage, "/a", "101");
    stage.limit(client, 0);
    stage.send(client, r#"{"subscribe":["/old"],"since":"x"}"#);
    stage.send(client, r#"{"subscribe":["/new"]}"#);
    stage.send(client, r#"{"unsubscribe":["/gone"]}"#);
    for (channel, number) in [("/a", "102"), ("/gone", "103"), ("/old", "104"), ("/new", "105")] {
        publish(&mut stage, channel, number);
    }
    stage.limit(client, usize::MAX);
    let said = said(&mut stage, client);
    let shown: Vec<_> = said.iter().map(|text| text.trim_end_matches('x').replace('\n', " ")).collect();
    let at = |text: &str| shown.iter().position(|shown| shown == text).unwrap_or_else(|| panic!("{text}: {shown:?}"));
    let mut expected = vec![subscribed("/a", 100, false), subscribed("/gone", 100, false), "E-101 /a 101".to_owned()];
    expected.push(subscribed("/old", 0, true));
    expected.extend((1..101).map(|id| format!("E-{id} /old {id}")));
    expected.extend(["E-102 /a 102", "E-104 /old 104", "E-105 /new 105"].map(str::to_owned));
    expected.push(position_event(105));
    expected.windows(2).for_each(|pair| assert!(at(&pair[0]) < at(&pair[1]), "{pair:?}: {shown:?}"));
    assert!(at(&subscribed("/new", 101, false)) < at("E-102 /a 102"));
    assert_eq!(shown.len(), expected.len() + 2, "and the answers about /new and /gone");
    publish(&mut stage, "/a", "106");
    assert_eq!(super::said(&mut stage, client), ["E-106 /a\n106"]);
}

#[test]
fn a_channel_can_be_asked_for_again_with_its_past() {
    let mut stage = stage(HubConfig::default());
    let client = stage.connect("/-/multi?channel=/a&channel=/b");
    for (channel, number) in [("/a", "1"), ("/b", "2"), ("/a", "3")] {
        publish(&mut stage, channel, number);
    }
    assert_eq!(said(&mut stage, client).len(), 5);
    let since = position(&mut stage).replace("-3", "-1");
    stage.send(client, format!(r#"{{"subscribe":["/a"],"since":"{since}"}}"#));
    publish(&mut stage, "/a", "4");
    let expected = [&subscribed("/a", 1, false), "E-3 /a\n3", &position_event(3), "E-4 /a\n4"];
    assert_eq!(said(&mut stage, client), expected);
    // It is there once.
    stage.send(client, r#"{"unsubscribe":["/a"]}"#);
    publish(&mut stage, "/a", "5");
    stage.send(client, format!(r#"{{"subscribe":["/b"],"since":"{since}"}}"#));
    let expected = [UNSUBSCRIBED, &subscribed("/b", 1, false), "E-2 /b\n2", &position_event(5)];
    assert_eq!(said(&mut stage, client), expected);
}

#[test]
fn a_slow_client_that_asks_for_the_past_again_and_again_is_owed_a_slice_and_no_more() {
    // The past is one slice, or many.
    for messages in [15, 100] {
        let mut stage = stage(HubConfig::default());
        publish_all(&mut stage, "/a", 0..messages, 2000);
        let client = stage.connect("/-/multi?channel=/b");
        stage.limit(client, 0);
        for _ in 0..10 {
            for _ in 0..30 {
                stage.send(client, r#"{"subscribe":["/a"],"since":"x"}"#);
            }
            stage.advance(seconds(1));
        }
        assert!(stage.owed() < 256 * 1024, "{messages}: {}", stage.owed());
        stage.limit(client, usize::MAX);
        assert_eq!(stage.closed(client), None);
        let last = said(&mut stage, client).pop();
        assert_eq!(last, Some(position_event(messages)));
        // It is there once: there is room for others.
        stage.send(client, r#"{"subscribe":["/new"]}"#);
        assert_eq!(said(&mut stage, client), [subscribed("/new", messages, false)]);
    }
}

#[test]
fn a_position_or_a_gap_of_all_does_not_come_in_the_midst_of_a_replay() {
    let config = Config { write_timeout: seconds(3600), ping_interval: None, max_panics: 0, ..Config::default() };
    let mut stage = Stage::with_config(House::new(HubConfig::default()), config);
    publish_all(&mut stage, "/a", 1..101, 2000);
    let client = stage.connect("/-/multi?channel=/b");
    texts(&mut stage, client);
    stage.limit(client, 0);
    stage.send(client, r#"{"subscribe":["/a"],"since":"x"}"#);
    publish(&mut stage, "/c", "x");
    stage.advance(seconds(400));
    publish(&mut stage, "/c", "x");
    stage.advance(seconds(100));
    stage.limit(client, usize::MAX);
    let positions =
        said(&mut stage, client).iter().filter(|text| text.contains("position")).cloned().collect::<Vec<_>>();
    assert_eq!(positions, [position_event(102)]);
}
