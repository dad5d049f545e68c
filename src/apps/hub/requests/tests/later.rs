//! A log that answers later, or not at all.

use std::time::{Duration, Instant};

use super::*;
use crate::apps::hub::log::fake::Fake;
use crate::apps::hub::log::{Entry, Kind, Log};
use crate::{Config, Context, Shutdown};

/// A hub whose log is by itself, and shared with another node.
fn slow() -> (Stage<Hub>, Fake) {
    let fake = Fake::new(2, Instant::now());
    (Stage::new(Hub::with_log(HubConfig::default(), Box::new(fake.log(0)))), fake)
}

/// The hub hears so many entries of the log.
fn hear(stage: &mut Stage<Hub>, fake: &Fake, count: usize) {
    fake.reveal(0, count);
    stage.handle().call("/*", |hub: &mut Hub, ctx: &mut Context<'_>| hub.apply(ctx)).expect("room");
    stage.run();
}

fn answer(stage: &mut Stage<Hub>, client: Client) -> Option<Got> {
    stage.response(client).map(Got::new)
}

#[test]
fn a_publish_is_answered_when_it_comes_back_from_the_log() {
    let (mut stage, fake) = slow();
    let ann = stage.connect("/a");
    let origin = [("Origin", "http://localhost")];
    let (one, two) = (stage.request("POST", "/a", &origin, Some(b"1")), stage.request("DELETE", "/a", &[], None));
    hear(&mut stage, &fake, 1);
    assert!(answer(&mut stage, one).is_none());
    fake.commit(0, 2, 1);
    hear(&mut stage, &fake, 1);
    let got = answer(&mut stage, one).expect("an answer");
    assert_eq!((got.status, &got.json["subscribers"]), (201, &1.into()));
    assert_eq!(got.header("Access-Control-Allow-Origin"), Some("http://localhost"));
    assert!(answer(&mut stage, two).is_none());
    hear(&mut stage, &fake, 1);
    assert_eq!(answer(&mut stage, two).expect("an answer").status, 204);
    assert_eq!(heard(&mut stage, ann), ["1"]);
}

#[test]
fn a_batch_is_answered_when_all_of_it_has_come_back() {
    let (mut stage, fake) = slow();
    let body = br#"[{"channels":["/a","/b"],"data":"1"},{"channel":"a","data":"2"},{"channel":"/a","data":"3"}]"#;
    let client = stage.request("POST", "/-/batch", &[("Origin", "http://localhost")], Some(body));
    fake.commit(0, 2, 1);
    hear(&mut stage, &fake, 2);
    assert!(answer(&mut stage, client).is_none());
    fake.refuse(0, 0, true);
    hear(&mut stage, &fake, 1);
    let got = answer(&mut stage, client).expect("an answer");
    let statuses: Vec<_> = got.json.as_array().expect("an array").iter().map(|it| it["status"].clone()).collect();
    assert_eq!((got.status, statuses), (207, [202, 202, 400, 503].map(Value::from).to_vec()));
    assert_eq!(got.header("Access-Control-Allow-Origin"), Some("http://localhost"));
}

#[test]
fn what_the_log_gives_up_is_503_and_says_whether_it_may_have_happened() {
    let (mut stage, fake) = slow();
    let client = stage.request("POST", "/a", &[], Some(b"1"));
    fake.refuse(0, 0, true);
    hear(&mut stage, &fake, 1);
    let got = answer(&mut stage, client).expect("an answer");
    assert_eq!((got.status, got.header("Retry-After"), &got.json["unknown"]), (503, Some("1"), &Value::Null));
    let client = stage.request("POST", "/a", &[], Some(b"1"));
    fake.cut(0, 1);
    hear(&mut stage, &fake, 1);
    let got = answer(&mut stage, client).expect("an answer");
    assert_eq!((got.status, got.header("Retry-After"), &got.json["unknown"]), (503, Some("1"), &true.into()));
    assert!(got.error().contains("Idempotency-Key"), "{}", got.error());
}

#[test]
fn a_log_that_is_away_or_full_takes_nothing() {
    let (mut stage, fake) = slow();
    fake.set_full(0, true);
    let got = post(&mut stage, "/a", "1");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("1")));
    fake.set_full(0, false);
    fake.cut(0, 0);
    let got = post(&mut stage, "/a", "1");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("5")));
    assert_eq!(get(&mut stage, "/a").status, 200, "all may read");
    fake.heal(0);
    let client = stage.request("POST", "/a", &[], Some(b"2"));
    fake.commit(0, 1, 1);
    hear(&mut stage, &fake, 2);
    assert_eq!(answer(&mut stage, client).expect("an answer").status, 202);
}

#[test]
fn too_many_publishes_that_wait_are_refused() {
    let fake = Fake::new(1, Instant::now());
    let config = HubConfig { max_waiting: 2, max_waiting_bytes: 10, ..HubConfig::default() };
    let mut stage = Stage::new(Hub::with_log(config, Box::new(fake.log(0))));
    let first = stage.request("POST", "/a", &[], Some(b"123456"));
    let got = post(&mut stage, "/a", "12345");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("1")));
    let second = stage.request("POST", "/a", &[], Some(b"1234"));
    assert_eq!(post(&mut stage, "/a", "").status, 503);
    fake.commit(0, 2, 1);
    hear(&mut stage, &fake, 2);
    assert_eq!([first, second].map(|client| answer(&mut stage, client).expect("an answer").status), [202, 202]);
}

#[test]
fn what_the_log_loses_is_a_gap_for_those_who_wait() {
    for is_new_log in [false, true] {
        let (mut stage, fake) = slow();
        let first = stage.request("POST", "/a", &[], Some(b"1"));
        fake.commit(0, 1, 1);
        hear(&mut stage, &fake, 1);
        let since = answer(&mut stage, first).expect("an answer").id().to_owned();
        let polls =
            ["/a", "/b"].map(|channel| stage.request("GET", &format!("{channel}?since={since}&wait=25s"), &[], None));
        assert!(answer(&mut stage, polls[0]).is_none());
        if is_new_log {
            fake.replace(0);
        } else {
            let entry = Entry { channel: "/a", kind: Kind::Text, payload: b"2", key: None, keep: true, except: None };
            fake.log(1).append(entry, 0).expect("room");
            fake.commit(1, 1, 1);
            fake.trim(2);
        }
        hear(&mut stage, &fake, 1);
        for poll in polls {
            let got = answer(&mut stage, poll).expect("an answer");
            assert_eq!((got.status, &got.json["gap"]), (200, &true.into()));
        }
    }
}

#[test]
fn very_much_that_comes_at_once_is_applied_over_several_turns() {
    let (mut stage, fake) = slow();
    let ann = stage.connect("/a");
    let mut log = fake.log(1);
    for ticket in 0..600 {
        let entry = Entry { channel: "/a", kind: Kind::Text, payload: b"x", key: None, keep: true, except: None };
        log.append(entry, ticket).expect("room");
    }
    fake.commit(1, 600, 1);
    hear(&mut stage, &fake, 600);
    stage.advance(Duration::from_millis(10));
    assert_eq!(heard(&mut stage, ann).len(), 600);
}

#[test]
fn a_server_that_shuts_down_takes_no_messages_but_tells_what_it_has() {
    let mut stage = Stage::with_config(Hub::new(HubConfig::default()), Config::default());
    assert_eq!(post(&mut stage, "/a", "1").status, 202);
    stage.connect("/a");
    stage.handle().shutdown(Shutdown { over: Duration::from_secs(20), ..Shutdown::default() });
    stage.run();
    let got = post(&mut stage, "/a", "2");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("5")));
    let got = get(&mut stage, "/a?last=5");
    assert_eq!(data(&got), ["1"]);
    let since = got.json["position"].as_str().expect("a position");
    assert_eq!(get(&mut stage, &format!("/a?since={since}&wait=25s")).status, 200, "nobody waits any more");
}
