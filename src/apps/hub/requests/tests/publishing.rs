//! POST and DELETE.

use super::*;

#[test]
fn a_message_reaches_those_who_listen_and_its_publisher_hears_how_many() {
    let mut stage = hub();
    let (ann, bob) = (stage.connect("/orders/42"), stage.connect("/orders/42"));
    let eve = stage.connect("/orders/43");
    let got = post(&mut stage, "/orders/42", "hello");
    assert_eq!((got.status, got.json["subscribers"].as_u64()), (201, Some(2)));
    assert_eq!(got.header("Sockhop-Id"), Some(got.id()));
    assert_eq!(got.header("Content-Type"), Some("application/json"));
    assert_eq!(got.json.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!([heard(&mut stage, ann), heard(&mut stage, bob)], [["hello"], ["hello"]]);
    assert!(heard(&mut stage, eve).is_empty());
}

#[test]
fn the_answer_is_202_if_nobody_listens() {
    let mut stage = hub();
    let got = post(&mut stage, "/orders/42", "hello");
    assert_eq!((got.status, got.json["subscribers"].as_u64()), (202, Some(0)));
    assert_eq!(got.header("Sockhop-Id"), Some(got.id()));
    assert_eq!(data(&get(&mut stage, "/orders/42?last=10")), ["hello"]);
}

#[test]
fn octets_stay_octets_and_all_else_is_text() {
    let mut stage = hub();
    let ann = stage.connect("/a");
    let octets = [("Content-Type", "application/octet-stream")];
    assert_eq!(ask(&mut stage, "POST", "/a", &octets, Some(b"\xff\0")).status, 201);
    assert_eq!(ask(&mut stage, "POST", "/a?binary", &[], Some(b"text")).status, 201);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(ask(&mut stage, "POST", "/a", &form, Some(b"x=1&y=%20")).status, 201);
    let received = stage.received(ann);
    assert_eq!(received[0], b"\xff\0"[..]);
    assert_eq!(received[1], b"text"[..]);
    assert_eq!(received[2], "x=1&y=%20");
    let items = get(&mut stage, "/a?last=3").json["items"].clone();
    assert_eq!(
        (&items[0]["base64"], &items[1]["base64"], &items[2]["data"]),
        (&"/wA=".into(), &"dGV4dA==".into(), &"x=1&y=%20".into())
    );
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut stage = hub();
    let ann = stage.connect("/a");
    let got = ask(&mut stage, "POST", "/a", &[], Some(b"caf\xe9"));
    assert_eq!(got.status, 415);
    assert!(got.error().contains("application/octet-stream"), "{}", got.error());
    assert!(heard(&mut stage, ann).is_empty());
}

#[test]
fn an_empty_body_is_a_message() {
    let mut stage = hub();
    let ann = stage.connect("/a");
    assert_eq!(post(&mut stage, "/a", "").status, 201);
    assert_eq!(heard(&mut stage, ann), [""]);
    assert_eq!(data(&get(&mut stage, "/a?last=1")), [""]);
}

#[test]
fn a_key_makes_a_repeat_harmless() {
    let mut stage = hub();
    let ann = stage.connect("/a");
    let key = [("Idempotency-Key", "order-7")];
    let first = ask(&mut stage, "POST", "/a", &key, Some(b"paid"));
    let again = ask(&mut stage, "POST", "/a", &key, Some(b"paid"));
    assert_eq!((again.status, again.id(), &again.json["duplicate"]), (200, first.id(), &true.into()));
    assert_eq!(again.header("Sockhop-Id"), Some(first.id()));
    let other = ask(&mut stage, "POST", "/a", &key, Some(b"unpaid"));
    assert_eq!(other.status, 422);
    assert_eq!(other.header("Sockhop-Id"), None);
    assert_eq!(ask(&mut stage, "POST", "/a?binary", &key, Some(b"paid")).status, 422, "the same bytes in another kind");
    assert_eq!(heard(&mut stage, ann), ["paid"]);
    assert_eq!(ask(&mut stage, "POST", "/b", &key, Some(b"paid")).status, 202, "another channel");
}

#[test]
fn a_message_without_history_is_delivered_and_not_kept() {
    let mut stage = hub();
    let ann = stage.connect("/a");
    let got = ask(&mut stage, "POST", "/a", &[("Sockhop-History", "no")], Some(b"typing"));
    assert_eq!(got.status, 201);
    assert_eq!(heard(&mut stage, ann), ["typing"]);
    let summary = get(&mut stage, "/a");
    assert_eq!((&summary.json["messages"], &summary.json["last"]), (&0.into(), &Value::Null));
}

#[test]
fn the_one_who_caused_a_message_neither_gets_it_nor_counts() {
    let mut stage = hub();
    let (ann, bob) = (stage.connect("/a?ids"), stage.connect("/a?ids"));
    let first = heard(&mut stage, ann);
    let event: Value = serde_json::from_str(first[0].trim_start_matches("! ")).expect("JSON");
    let connection = event["connection"].as_str().expect("its name");
    let got = ask(&mut stage, "POST", "/a", &[("Sockhop-Except", connection)], Some(b"moved"));
    assert_eq!((got.status, &got.json["subscribers"]), (201, &1.into()));
    assert!(heard(&mut stage, ann).is_empty());
    assert_eq!(heard(&mut stage, bob).last().expect("a message"), &format!("{} /a\nmoved", got.id()));
    // A name that is nobody's.
    let got = ask(&mut stage, "POST", "/a", &[("Sockhop-Except", "cffff")], Some(b"all"));
    assert_eq!(got.json["subscribers"], 2);
}

#[test]
fn delete_forgets_the_history_but_no_key() {
    let mut stage = hub();
    let key = [("Idempotency-Key", "k")];
    let first = ask(&mut stage, "POST", "/a", &key, Some(b"one"));
    post(&mut stage, "/b", "other");
    let got = ask(&mut stage, "DELETE", "/a", &[], None);
    assert_eq!((got.status, got.response.body.len(), got.header("Sockhop-Id")), (204, 0, None));
    assert_eq!(get(&mut stage, "/a").json["messages"], 0);
    assert_eq!(get(&mut stage, "/b").json["messages"], 1);
    // Whoever has the message has all; whoever does not is told of a gap.
    let before = format!("{}-0", first.id().split('-').next().expect("an epoch"));
    assert_eq!(get(&mut stage, &format!("/a?since={before}")).json["gap"], true);
    assert_eq!(get(&mut stage, &format!("/a?since={}", first.id())).json["gap"], false);
    assert_eq!(ask(&mut stage, "POST", "/a", &key, Some(b"one")).status, 200, "the key survives");
    assert_eq!(ask(&mut stage, "DELETE", "/nothing", &[], None).status, 204);
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let mut stage = hub();
    let client = stage.request("POST", "/a", &[], Some(b"1"));
    for body in ["2", "3"] {
        assert_eq!(stage.response(client).map(|response| response.status), Some(202));
        stage.request_again(client, "POST", "/a", &[], Some(body.as_bytes()));
    }
    assert_eq!(data(&get(&mut stage, "/a?last=5")), ["1", "2", "3"]);
}

#[test]
fn a_hub_below_a_path_has_channels_of_its_own() {
    let mut stage = Stage::at("/live/*", Hub::new(HubConfig::default()), crate::Config::default());
    let ann = stage.connect("/live/a/b");
    assert_eq!(post(&mut stage, "/live/a/b", "hi").status, 201);
    assert_eq!(heard(&mut stage, ann), ["hi"]);
    assert_eq!(get(&mut stage, "/live/a/b").json["channel"], "/a/b");
    assert_eq!(ask(&mut stage, "POST", "/live/-/batch", &[], Some(br#"[{"channel":"/a/b","data":"x"}]"#)).status, 200);
    assert_eq!(heard(&mut stage, ann), ["x"]);
    assert_eq!(post(&mut stage, "/live", "hi").status, 404);
    assert_eq!(post(&mut stage, "/live/", "hi").status, 404);
}

#[test]
fn a_change_of_tokens_counts_from_the_next_request_on() {
    let mut stage = with_tokens(&["old"]);
    let with = |token: &str| format!("Bearer {token}");
    assert_eq!(ask(&mut stage, "POST", "/a", &[("Authorization", &with("old"))], Some(b"1")).status, 202);
    let set = |hub: &mut Hub, _: &mut crate::Context<'_>| {
        hub.set_tokens(vec!["new".parse().expect("a token")], Vec::new());
    };
    stage.handle().call("/*", set).expect("room");
    stage.run();
    assert_eq!(ask(&mut stage, "POST", "/a", &[("Authorization", &with("old"))], Some(b"2")).status, 401);
    assert_eq!(ask(&mut stage, "POST", "/a", &[("Authorization", &with("new"))], Some(b"3")).status, 202);
}

#[test]
fn pages_come_before_channels() {
    let page = |request: &crate::http::Request<'_>| match (request.method(), request.path()) {
        ("GET", "/a" | "/") => Some(crate::http::Response::html(200, "<p>")),
        (_, "/") => Some(crate::http::Response::new(405)),
        _ => None,
    };
    let mut stage = Stage::new(Hub::new(HubConfig::default()).with_pages(page));
    assert_eq!(post(&mut stage, "/a", "1").status, 202);
    assert_eq!(post(&mut stage, "/", "1").status, 405);
    for target in ["/a", "/"] {
        let got = get(&mut stage, target);
        assert_eq!((got.status, &got.response.body[..]), (200, &b"<p>"[..]));
    }
    assert_eq!(get(&mut stage, "/b").json["channel"], "/b");
}

#[test]
fn a_hub_tells_how_much_it_has() {
    let mut stage = hub();
    ask(&mut stage, "POST", "/a", &[("Idempotency-Key", "k")], Some(b"12345"));
    post(&mut stage, "/b", "1");
    let figures = stage.handler().figures();
    assert_eq!((figures.channels, figures.keys, figures.publishes, figures.evicted), (2, 1, 0, 0));
    assert!(figures.history_bytes >= 6, "{figures:?}");
    assert_eq!(figures.log, crate::apps::hub::Status::Ready);
}
