//! Opening handshakes: who is let in, from where on, and what is said first.

use super::*;
use crate::testing::Stage;

/// A hub with tokens, rules, and 3 messages (ids 1 to 3) on `/a` and one (4) on `/b`.
fn hub(subscribe: &[&str]) -> Stage<House> {
    let rules = ["/no/* deny", "/none history=0"].iter().map(|rule| rule.parse().expect("a rule")).collect();
    let subscribe_tokens = subscribe.iter().map(|token| token.parse().expect("a token")).collect();
    let mut stage = stage(HubConfig { rules, subscribe_tokens, token_in_query: true, ..HubConfig::default() });
    publish_all(&mut stage, "/a", 1..4, 0);
    publish(&mut stage, "/b", "4");
    stage
}

#[test]
fn a_path_is_a_channel_or_says_why_not() {
    let mut stage = hub(&[]);
    let (long, deep) = (format!("/{}", "x".repeat(255)), "/a".repeat(17));
    for (target, status) in [
        ("/a", 101),
        ("/a/b/c", 101),
        ("/%C3%A4%20%22", 101),
        ("/-a", 101),
        ("/healthz/x", 101),
        ("/", 404),
        ("/-", 404),
        ("/-/batch", 404),
        ("/-/multi/x", 404),
        ("/healthz", 404),
        ("/client.js", 404),
        ("/a/", 400),
        ("/a//b", 400),
        ("/a%2Fb", 400),
        ("/a*", 400),
        (&long, 400),
        (&deep, 400),
        // These the server refuses, before the hub hears of them.
        ("/a/../b", 400),
        ("/a%zz", 400),
        ("/a%00", 400),
        ("/no/x", 403),
        ("/no", 101),
        ("/-/multi", 101),
        ("/-/multi?channel=/no/x", 403),
        ("/-/multi?channel=/a&channel=b", 400),
        ("/-/multi?channel=/a&channel=", 404),
        ("/-/multi?channel=/-/multi", 404),
        ("/-/multi?channel=%zz", 400),
        ("/-/multi?last=1", 400),
        ("/-/multi?channel=/a&since=x&last=1", 400),
    ] {
        let client = stage.connect(target);
        assert_eq!(stage.status(client), Some(status), "{target}");
    }
}

#[test]
fn a_query_chooses_from_where_on_and_what_is_said() {
    let mut stage = hub(&[]);
    let epoch = stage.handler().state.position().epoch;
    let now = position_event(4);
    let (one, two, three) = ("E-1 /a\n1", "E-2 /a\n2", "E-3 /a\n3");
    let cases: &[(&str, u16, &[&str])] = &[
        ("/a", 101, &[]),
        ("/a?last=2", 101, &["2", "3"]),
        ("/a?last=0", 101, &[]),
        ("/a?last=99999999999999999999", 101, &["1", "2", "3"]),
        ("/a?last=", 400, &[]),
        ("/a?last=-1", 400, &[]),
        ("/a?last=+1", 400, &[]),
        ("/a?last=1x", 400, &[]),
        ("/a?last=%2B1", 400, &[]),
        ("/a?last=%FF", 400, &[]),
        ("/a?last", 400, &[]),
        ("/a?since=E-1&last=1", 400, &[]),
        ("/a?last=1&since", 400, &[]),
        ("/a?LAST=1&x=%zz&idss", 101, &[]),
        ("/a?ids", 101, &[&subscribed("/a", 4, false)]),
        ("/a?ids=&x", 101, &[&subscribed("/a", 4, false)]),
        ("/a?ids&last=1", 101, &[&subscribed("/a", 2, false), three, &now]),
        ("/a?ids&last=0", 101, &[&subscribed("/a", 4, false), &now]),
        ("/a?since=E-1", 101, &[&subscribed("/a", 1, false), two, three, &now]),
        ("/a?since=E-1&since=E-3", 101, &[&subscribed("/a", 1, false), two, three, &now]),
        ("/a?since=E-4", 101, &[&subscribed("/a", 4, false), &now]),
        ("/a?since=E-3", 101, &[&subscribed("/a", 4, false), &now]),
        ("/a?since=E-0", 101, &[&subscribed("/a", 0, false), one, two, three, &now]),
        ("/a?since=E-5", 101, &[&subscribed("/a", 0, true), one, two, three, &now]),
        ("/a?since=", 101, &[&subscribed("/a", 0, true), one, two, three, &now]),
        ("/a?since=%FF", 101, &[&subscribed("/a", 0, true), one, two, three, &now]),
        ("/a?since=000000-2", 101, &[&subscribed("/a", 0, true), one, two, three, &now]),
        ("/new?since=E-1", 101, &[&subscribed("/new", 4, false), &now]),
        ("/none?since=E-1", 101, &[&subscribed("/none", 4, true), &now]),
        ("/-/multi?since=E-1", 101, &[]),
        ("/-/multi?channel=/a", 101, &[&subscribed("/a", 4, false)]),
        (
            "/-/multi?channel=/a&channel=%2Fb&channel=/a",
            101,
            &[&subscribed("/a", 4, false), &subscribed("/b", 4, false)],
        ),
        (
            "/-/multi?channel=/b&channel=/a&since=E-2",
            101,
            &[&subscribed("/b", 2, false), &subscribed("/a", 2, false), three, "E-4 /b\n4", &now],
        ),
        (
            "/-/multi?channel=/a&channel=/b&since=nothing",
            101,
            &[&subscribed("/a", 0, true), &subscribed("/b", 0, true), one, two, three, "E-4 /b\n4", &now],
        ),
    ];
    for (target, status, expected) in cases {
        let client = stage.connect(&target.replace("E-", &format!("{epoch}-")));
        assert_eq!(stage.status(client), Some(*status), "{target}");
        assert_eq!(said(&mut stage, client), *expected, "{target}");
    }
}

#[test]
fn names_are_json_in_events_and_percent_encoded_in_frames() {
    let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
    let client = stage.connect("/%C3%A4%20%22?ids");
    stage.send(client, &b"\xff\n"[..]);
    let received = stage.received(client);
    let Some(Received::Text(first)) = received.first() else { panic!("{received:?}") };
    let event: serde_json::Value = serde_json::from_str(first.strip_prefix("! ").expect("an event")).expect("JSON");
    assert_eq!(event["channel"], "/\u{e4} \"");
    assert!(super::super::topics::connection_named(event["connection"].as_str().expect("a name")).is_some());
    let frame = format!("{} /%C3%A4%20%22\n", position(&mut stage)).into_bytes();
    assert_eq!(received[1], *[&frame, &b"\xff\n"[..]].concat());
}

#[test]
fn where_there_are_tokens_one_is_needed() {
    let mut stage = hub(&["all", "some@/a/*"]);
    let bearer = |token| vec![("Authorization", token)];
    let offer = |offer| vec![("Sec-WebSocket-Protocol", offer)];
    for (target, headers, status) in [
        ("/a", vec![], 401),
        ("/a", bearer("Bearer all"), 101),
        ("/a", bearer("Bearer ALL"), 401),
        ("/a", bearer("Basic all"), 401),
        ("/a?token=all", vec![], 101),
        ("/a?token=all", bearer("Bearer no"), 401),
        ("/a", bearer("Bearer some"), 403),
        ("/a/x", bearer("Bearer some"), 101),
        ("/a/x", offer("bearer, some"), 101),
        ("/a/x", offer("v1, bearer, some"), 101),
        ("/a/x", offer("bearer"), 401),
        ("/a/x", offer("some, bearer"), 401),
        ("/a/x", offer("bearer, no"), 401),
        ("/-/multi", vec![], 401),
        ("/-/multi", bearer("Bearer some"), 101),
        ("/-/multi?channel=/a/x", bearer("Bearer some"), 101),
        ("/-/multi?channel=/a/x&channel=/a", bearer("Bearer some"), 403),
        // A refusal of the path says no more to who has no token than to others.
        ("/a//b", vec![], 400),
        ("/no/x", vec![], 403),
    ] {
        let client = stage.connect_with(target, &headers);
        assert_eq!(stage.status(client), Some(status), "{target} {headers:?}");
    }
    let mut open = hub(&[]);
    for (offer, chosen) in [("v1, bearer", Some("bearer")), ("bearer, x", Some("bearer")), ("v1", None)] {
        open.connect_with("/a", &[("Sec-WebSocket-Protocol", offer)]);
        assert_eq!(open.handler().subprotocol.as_deref(), chosen, "{offer}");
    }
}

#[test]
fn channels_beyond_the_limit_are_refused_until_there_is_room() {
    let mut stage = stage(HubConfig { max_channels: 3, ..HubConfig::default() });
    let status = |stage: &mut Stage<House>, target: &str| {
        let client = stage.connect(target);
        stage.status(client)
    };
    // Topics of others are not counted.
    later(&stage, |_, ctx| assert_eq!(ctx.topic_count(), 0));
    let listeners = ["/a", "/b?ids", "/-/multi?channel=/c"].map(|target| stage.connect(target));
    assert_eq!(status(&mut stage, "/d"), Some(503));
    assert_eq!(status(&mut stage, "/-/multi?channel=/a&channel=/d"), Some(503));
    stage.send(listeners[2], r#"{"subscribe":["/d","/a"]}"#);
    let said = said(&mut stage, listeners[2]);
    assert!(said[1].contains(r#""error":503,"channel":"/d""#) && said[2] == subscribed("/a", 0, false), "{said:?}");
    // A channel that has listeners may have more.
    assert_eq!(status(&mut stage, "/a"), Some(101));
    stage.vanish(listeners[1]);
    stage.send(listeners[2], r#"{"unsubscribe":["/a","/c"]}"#);
    stage.advance(seconds(2));
    assert_eq!(status(&mut stage, "/d"), Some(101));
    // Channels with history are counted apart.
    for channel in ["/1", "/2", "/3"] {
        publish(&mut stage, channel, "x");
    }
    assert_eq!((status(&mut stage, "/e"), status(&mut stage, "/3")), (Some(503), Some(101)));
}

#[test]
fn a_listener_that_leaves_leaves_nothing_behind() {
    let mut stage = stage(HubConfig::default());
    publish_all(&mut stage, "/a", 0..50, 4000);
    let mut clients = ["/a", "/a?ids", "/a?last=9", "/-/multi?channel=/a&channel=/b", "/-/multi?channel=/b&since=x"]
        .map(|target| stage.connect(target))
        .to_vec();
    // One that is in the midst of a replay.
    let slow = stage.connect("/c?ids");
    stage.limit(slow, 0);
    clients.push(slow);
    let count = |stage: &mut Stage<House>| {
        later(stage, |house, ctx| house.reached = ctx.topic_count());
        stage.run();
        stage.handler().reached
    };
    assert!(count(&mut stage) >= 5);
    clients.into_iter().for_each(|client| stage.vanish(client));
    stage.advance(seconds(700));
    assert_eq!(count(&mut stage), 0);
    publish(&mut stage, "/a", "x");
    assert_eq!(stage.handler().reached, 0);
}
