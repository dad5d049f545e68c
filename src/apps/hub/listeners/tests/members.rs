//! Messages that listeners publish.

use super::*;
use crate::CloseCode;
use crate::apps::hub::log::{Epoch, Event, Full, Status};

fn chat() -> Stage<House> {
    let rules = vec!["/chat/* publish=members".parse().expect("a rule")];
    stage(HubConfig { rules, ..HubConfig::default() })
}

#[test]
fn a_members_message_goes_to_all_the_sender_included() {
    let mut stage = chat();
    let [plain, other] = ["/chat/1", "/chat/1"].map(|target| stage.connect(target));
    let ids = stage.connect("/chat/1?ids");
    let multi = stage.connect("/-/multi?channel=/chat/1&channel=/chat/2");
    let elsewhere = stage.connect("/chat/2");
    texts(&mut stage, ids);
    texts(&mut stage, multi);
    stage.send(plain, "hello");
    stage.send(ids, &b"\xff"[..]);
    stage.send(ids, r#"{"subscribe":["/x"]}"#);
    stage.send(multi, r#"{"publish":"/chat/1","data":"x","ref":"a\u0062"}"#);
    stage.send(multi, r#"{"publish":"/chat/1","base64":"AP8="}"#);
    stage.send(multi, r#"{"publish":"/chat/1","data":{"n":1},"history":false}"#);
    for client in [plain, other] {
        let received = stage.received(client);
        assert_eq!(received[0], "hello");
        assert_eq!(received[1], b"\xff");
        assert_eq!(received[2], r#"{"subscribe":["/x"]}"#);
        assert_eq!(received[3], "x");
        assert_eq!(received[4], b"\0\xff");
        assert_eq!(received[5], r#"{"n":1}"#);
        assert_eq!(received.len(), 6);
    }
    let own = said(&mut stage, ids);
    assert_eq!((own.len(), &*own[0], &*own[5]), (6, "E-1 /chat/1\nhello", "E-6 /chat/1\n{\"n\":1}"));
    let heard = said(&mut stage, multi);
    let published = r#"! {"event":"published","channel":"/chat/1","id":"E-4","ref":"a\u0062"}"#;
    assert_eq!(heard[3..5], ["E-4 /chat/1\nx".to_owned(), published.to_owned()]);
    assert_eq!(heard[6], r#"! {"event":"published","channel":"/chat/1","id":"E-5"}"#);
    assert_eq!(heard[8], r#"! {"event":"published","channel":"/chat/1","id":"E-6"}"#);
    assert_eq!(heard.len(), 9);
    assert!(texts(&mut stage, elsewhere).is_empty());
    // A message that was not to be kept is not.
    assert_eq!(stage.handler().state.summary("/chat/1").messages, 5);
}

#[test]
fn who_may_not_publish_is_told_if_it_understands_events() {
    let mut stage = chat();
    let [plain, ids, replaying] = ["/a", "/a?ids", "/a?since=x"].map(|target| stage.connect(target));
    let multi = stage.connect("/-/multi?channel=/a");
    for client in [ids, replaying, multi] {
        texts(&mut stage, client);
    }
    for client in [plain, ids, replaying] {
        stage.send(client, "hello");
    }
    stage.send(multi, r#"{"publish":"/a","data":"hello"}"#);
    stage.send(multi, r#"{"publish":"/chat/1","data":"hello"}"#);
    let error = |channel: &str, reason: &str| {
        format!(r#"! {{"event":"error","error":403,"channel":"{channel}","reason":"{reason}"}}"#)
    };
    let refused = error("/a", "listeners may not publish to this channel");
    let first = error("/chat/1", "listeners publish to channels that they listen to: subscribe to it first");
    assert!(texts(&mut stage, plain).is_empty());
    assert_eq!(texts(&mut stage, ids), [&*refused]);
    assert_eq!(texts(&mut stage, replaying), [&*refused]);
    assert_eq!(texts(&mut stage, multi), [refused, first]);
    assert_eq!(stage.handler().state.position().id.0, 0);
}

#[test]
fn a_member_in_a_replay_hears_its_message_behind_the_past() {
    let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
    publish_all(&mut stage, "/a", 0..100, 2000);
    stage.limit_new(1000);
    let client = stage.connect("/a?last=100");
    stage.send(client, "100");
    stage.limit(client, usize::MAX);
    let got = texts(&mut stage, client);
    assert_eq!((got.len(), got.last().map(String::as_str)), (101, Some("100")));
}

#[test]
fn the_heartbeat_is_answered_and_never_published() {
    let mut stage = stage(HubConfig { members_publish: true, ..HubConfig::default() });
    publish_all(&mut stage, "/a", 0..100, 2000);
    for target in ["/a", "/a?ids", "/-/multi?channel=/a"] {
        let client = stage.connect(target);
        texts(&mut stage, client);
        stage.send(client, "sockhop.heartbeat");
        assert_eq!(texts(&mut stage, client), ["sockhop.heartbeat"], "{target}");
        // As bytes it is a message like others.
        stage.send(client, &b"sockhop.heartbeat"[..]);
        assert_ne!(texts(&mut stage, client), [""; 0], "{target}");
    }
    assert_eq!(stage.handler().state.position().id.0, 102);
}

#[test]
fn a_message_that_is_too_long_for_a_post_is_too_long_for_a_member() {
    let hub = House::new(HubConfig { members_publish: true, ..HubConfig::default() });
    let mut stage = Stage::with_config(hub, Config { max_body: 1000, max_panics: 0, ..Config::default() });
    let ids = stage.connect("/a?ids");
    stage.send(ids, "x".repeat(1000));
    stage.send(ids, "x".repeat(1001));
    let said = said(&mut stage, ids);
    assert!(said[1].ends_with(&"x".repeat(1000)) && said[2].contains("\"error\":413"), "{}", said[2]);
    assert_eq!((said.len(), stage.handler().state.position().id.0), (3, 1));
}

/// A log that takes nothing.
struct Shut(Status);

impl Log for Shut {
    fn epoch(&self) -> Epoch {
        Epoch::parse("shut00").expect("an epoch")
    }

    fn append(&mut self, _entry: Entry<'_>, _ticket: u64) -> Result<(), Full> {
        Err(Full)
    }

    fn next_event(&mut self) -> Option<Event<'_>> {
        None
    }

    fn status(&self) -> Status {
        self.0
    }
}

#[test]
fn a_log_that_takes_nothing_is_told_or_ends_the_connection() {
    let away = Status::Away { since: std::time::Instant::now() };
    for (status, closes) in [(Status::Ready, false), (away, true)] {
        let config = HubConfig { members_publish: true, ..HubConfig::default() };
        let mut stage = with_log(config, Box::new(Shut(status)));
        let clients = ["/a", "/a?ids", "/-/multi?channel=/a"].map(|target| stage.connect(target));
        for (client, text) in clients.into_iter().zip(["x", "x", r#"{"publish":"/a","data":"x","ref":1}"#]) {
            texts(&mut stage, client);
            stage.send(client, text);
        }
        let code = |stage: &Stage<House>, client| stage.closed(client).map(|frame| frame.code);
        let told = clients.map(|client| texts(&mut stage, client).concat());
        let expected = closes.then_some(CloseCode::TRY_AGAIN_LATER);
        assert_eq!(clients.map(|client| code(&stage, client)), [if closes { expected } else { None }, expected, None]);
        assert_eq!(told[0], "");
        assert_eq!(told[1].contains("\"error\":503"), !closes, "{}", told[1]);
        assert!(told[2].contains("\"error\":503,\"channel\":\"/a\",\"ref\":1"), "{}", told[2]);
    }
}
