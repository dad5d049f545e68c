//! Requests that wait for a message.

use std::time::Duration;

use super::*;
use crate::{Config, Shutdown};

/// A position of the hub: everything so far.
fn position(stage: &mut Stage<Hub>, channel: &str) -> String {
    get(stage, channel).json["position"].as_str().expect("a position").to_owned()
}

fn poll(stage: &mut Stage<Hub>, channel: &str, since: &str, wait: &str) -> Client {
    stage.request("GET", &format!("{channel}?since={since}&wait={wait}"), &[], None)
}

fn answer(stage: &mut Stage<Hub>, client: Client) -> Option<Got> {
    stage.response(client).map(Got::new)
}

#[test]
fn a_poll_is_answered_as_soon_as_there_is_a_message() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let (ann, bob, eve) = (
        poll(&mut stage, "/a", &since, "25s"),
        poll(&mut stage, "/a", &since, "25s"),
        poll(&mut stage, "/b", &since, "25s"),
    );
    assert!(answer(&mut stage, ann).is_none());
    stage.advance(Duration::from_secs(3));
    let got = post(&mut stage, "/a", "hello");
    assert_eq!((got.status, &got.json["subscribers"]), (202, &0.into()), "who polls is no subscriber");
    for client in [ann, bob] {
        let answer = answer(&mut stage, client).expect("an answer");
        assert_eq!((answer.status, data(&answer)), (200, vec!["hello"]));
        let json = &answer.json;
        assert_eq!((&json["gap"], &json["more"], &json["messages"]), (&false.into(), &false.into(), &1.into()));
        assert_eq!((json["position"].as_str(), json["items"][0]["id"].as_str()), (Some(got.id()), Some(got.id())));
    }
    assert!(answer(&mut stage, eve).is_none());
    // The timers of those that were answered are gone.
    stage.advance(Duration::from_secs(25));
    assert!(answer(&mut stage, ann).is_none());
}

#[test]
fn what_comes_together_is_answered_together() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let ann = poll(&mut stage, "/a", &since, "25s");
    post(
        &mut stage,
        "/-/batch",
        r#"[{"channel":"/a","data":"1"},{"channel":"/b","data":"2"},{"channel":"/a","data":"3"}]"#,
    );
    let got = answer(&mut stage, ann).expect("an answer");
    assert_eq!(data(&got), ["1", "3"]);
    let next = format!("/a?since={}", got.json["position"].as_str().expect("a position"));
    assert_eq!(data(&get(&mut stage, &next)), Vec::<&str>::new());
}

#[test]
fn a_poll_hears_what_is_not_kept() {
    let mut stage = with_rules(&["/none/* history=0"]);
    for channel in ["/a", "/none/a"] {
        let since = position(&mut stage, channel);
        let ann = poll(&mut stage, channel, &since, "25s");
        ask(&mut stage, "POST", channel, &[("Sockhop-History", "no")], Some(b"typing"));
        assert_eq!(data(&answer(&mut stage, ann).expect("an answer")), ["typing"]);
    }
}

#[test]
fn a_shutdown_ends_all_polls_at_once() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let clients = [poll(&mut stage, "/a", &since, "25s"), poll(&mut stage, "/b", &since, "25s")];
    stage.handle().shutdown(Shutdown::default());
    stage.run();
    for client in clients {
        let got = answer(&mut stage, client).expect("an answer");
        assert_eq!((got.status, data(&got), &got.json["gap"]), (200, vec![], &false.into()));
        assert_eq!(got.json["position"], since.as_str(), "the client goes on from there");
    }
}

#[test]
fn a_poll_ends_without_a_message_and_with_a_fresh_position() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let ann = poll(&mut stage, "/a", &since, "2s");
    stage.advance(Duration::from_millis(1500));
    let other = post(&mut stage, "/b", "other").id().to_owned();
    assert!(answer(&mut stage, ann).is_none());
    stage.advance(Duration::from_millis(600));
    let got = answer(&mut stage, ann).expect("an answer");
    assert_eq!((got.status, data(&got), &got.json["gap"]), (200, vec![], &false.into()));
    assert_eq!(got.json["position"], other);
    // The connection goes on.
    stage.request_again(ann, "GET", "/a", &[], None);
    assert_eq!(answer(&mut stage, ann).expect("an answer").status, 200);
}

#[test]
fn there_is_no_waiting_for_what_is_there_or_lost() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    post(&mut stage, "/a", "1");
    let ann = poll(&mut stage, "/a", &since, "25s");
    assert_eq!(data(&answer(&mut stage, ann).expect("an answer")), ["1"]);
    let bob = poll(&mut stage, "/b", "nonsense", "25s");
    let got = answer(&mut stage, bob).expect("an answer");
    assert_eq!((&got.json["gap"], data(&got)), (&true.into(), vec![]));
    let since = position(&mut stage, "/a");
    let eve = poll(&mut stage, "/a", &since, "0s");
    assert!(answer(&mut stage, eve).is_none(), "it comes with the next turn of the clock");
    stage.advance(Duration::from_millis(1));
    assert_eq!(data(&answer(&mut stage, eve).expect("an answer")), Vec::<&str>::new());
}

#[test]
fn a_poll_never_waits_until_the_server_gives_up() {
    let mut stage = Stage::with_config(
        Hub::new(HubConfig::default()),
        Config { answer_timeout: Duration::from_secs(10), ..Config::default() },
    );
    let since = position(&mut stage, "/a");
    let ann = poll(&mut stage, "/a", &since, "1h");
    stage.advance(Duration::from_millis(9500));
    assert_eq!(answer(&mut stage, ann).expect("an answer").status, 200);
}

#[test]
fn only_so_many_requests_wait() {
    let mut stage = Stage::new(Hub::new(HubConfig { max_waiting: 2, ..HubConfig::default() }));
    let since = position(&mut stage, "/a");
    let (ann, bob) = (poll(&mut stage, "/a", &since, "25s"), poll(&mut stage, "/b", &since, "2s"));
    let eve = poll(&mut stage, "/a", &since, "25s");
    let got = answer(&mut stage, eve).expect("an answer");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("5")));
    assert!(got.error().contains("HubConfig::max_waiting"), "{}", got.error());
    // The place of one that has left is free when its time is over.
    stage.vanish(bob);
    stage.advance(Duration::from_secs(3));
    assert_eq!(stage.handler().figures().polls, 1);
    let eve = poll(&mut stage, "/a", &since, "25s");
    assert!(answer(&mut stage, eve).is_none());
    post(&mut stage, "/a", "1");
    assert_eq!(stage.handler().figures().polls, 0);
    for client in [ann, eve] {
        assert_eq!(data(&answer(&mut stage, client).expect("an answer")), ["1"]);
    }
}

#[test]
fn very_many_polls_are_answered_over_several_turns() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let clients: Vec<_> = (0..1201).map(|_| poll(&mut stage, "/a", &since, "25s")).collect();
    post(&mut stage, "/a", "1");
    post(&mut stage, "/a", "2");
    stage.advance(Duration::from_millis(10));
    for client in clients {
        assert_eq!(data(&answer(&mut stage, client).expect("an answer")), ["1"]);
    }
}

#[test]
fn a_poll_of_a_page_can_be_read_by_it() {
    let mut stage = hub();
    let since = position(&mut stage, "/a");
    let origin = [("Origin", "http://localhost")];
    let ann = stage.request("GET", &format!("/a?since={since}&wait=25s"), &origin, None);
    post(&mut stage, "/a", "1");
    let got = answer(&mut stage, ann).expect("an answer");
    assert_eq!(got.header("Access-Control-Allow-Origin"), Some("http://localhost"));
    assert_eq!(got.header("Cache-Control"), Some("no-store"));
}
