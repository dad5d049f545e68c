//! `/-/batch`.

use super::*;

fn batch(stage: &mut Stage<Hub>, body: &str) -> Got {
    post(stage, "/-/batch", body)
}

fn statuses(got: &Got) -> Vec<u64> {
    got.json.as_array().expect("an array").iter().map(|it| it["status"].as_u64().expect("a status")).collect()
}

#[test]
fn messages_are_published_in_order_and_each_is_answered() {
    let mut stage = hub();
    let (ann, bob) = (stage.connect("/a"), stage.connect("/-/multi?channel=/a&channel=/b"));
    let got = batch(
        &mut stage,
        r#"[{"channel":"/a","data":"text"},{"channels":["/b","/c"],"data":{"n": 1.50},"key":"x1"},
            {"channel":"/d","base64":"AAE="},{"channel":"/a","data":[1, 2]},{"channel":"/a","data":"\u00e4\n"}]"#,
    );
    assert_eq!((got.status, statuses(&got)), (200, vec![201, 201, 202, 202, 201, 201]));
    assert_eq!(got.json[0]["subscribers"], 2);
    assert_eq!(got.json[0].as_object().map(serde_json::Map::len), Some(3));
    let ids: Vec<_> =
        got.json.as_array().expect("an array").iter().map(|it| it["id"].as_str().expect("an id")).collect();
    let numbers: Vec<_> = ids.iter().map(|id| id.split_once('-').expect("a position").1).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(heard(&mut stage, ann), ["text", "[1, 2]", "\u{e4}\n"]);
    let all = heard(&mut stage, bob);
    assert_eq!(
        all[2..],
        [
            format!("{} /a\ntext", ids[0]),
            format!("{} /b\n{{\"n\": 1.50}}", ids[1]),
            format!("{} /a\n[1, 2]", ids[4]),
            format!("{} /a\n\u{e4}\n", ids[5])
        ]
    );
    assert_eq!(get(&mut stage, "/d?last=1").json["items"][0]["base64"], "AAE=");
}

#[test]
fn what_is_wrong_with_one_message_is_no_fault_of_the_others() {
    let mut stage = with_rules(&["/closed/* deny"]);
    let got = batch(
        &mut stage,
        r#"[{"channel":"/a","data":"1","key":"k"},{"channel":"/a","data":"1","key":"k"},
            {"channel":"/a","data":"2","key":"k"},{"channel":"a","data":"1"},{"channel":"/-/batch","data":"1"},
            {"channel":"/closed/a","data":"1"},{"data":"1"},
            7,{"channels":["/a","/.b"],"data":"3"}]"#,
    );
    assert_eq!((got.status, statuses(&got)), (207, vec![202, 200, 422, 400, 404, 403, 400, 400, 202, 400]));
    assert_eq!(got.json[1]["duplicate"], true);
    assert!(got.json[3]["error"].as_str().is_some_and(|error| error.contains("slash")));
    assert_eq!(data(&get(&mut stage, "/a?last=9")), ["1", "3"]);
}

#[test]
fn an_item_may_ask_for_what_the_headers_of_a_request_may() {
    let mut stage = hub();
    let ann = stage.connect("/a?ids");
    let event: Value = serde_json::from_str(heard(&mut stage, ann)[0].trim_start_matches("! ")).expect("JSON");
    let except = event["connection"].as_str().expect("its name");
    let body = format!(
        r#"[{{"channel":"/a","data":"1","history":false}},
            {{"channel":"/a","data":"2","history":true,"except":"{except}"}}]"#
    );
    let got = batch(&mut stage, &body);
    assert_eq!(statuses(&got), [201, 202]);
    assert_eq!(heard(&mut stage, ann), [format!("{} /a\n1", got.json[0]["id"].as_str().expect("an id"))]);
    assert_eq!(data(&get(&mut stage, "/a?last=9")), ["2"]);
}

#[test]
fn an_empty_batch_publishes_nothing() {
    let got = batch(&mut hub(), " [ ] ");
    assert_eq!((got.status, &got.response.body[..]), (200, &b"[]"[..]));
}

#[test]
fn a_batch_has_at_most_a_thousand_messages_over_all_channels() {
    let mut stage = hub();
    let item = |channels: usize| format!(r#"{{"channels":[{}"/a"],"data":""}}"#, r#""/a","#.repeat(channels - 1));
    let thousand = format!("[{}]", [item(600), item(400)].join(","));
    assert_eq!(statuses(&batch(&mut stage, &thousand)).len(), 1000);
    for more in [item(1000) + "," + &item(1), item(1001), item(5000), vec!["7"; 1001].join(",")] {
        let got = batch(&mut stage, &format!("[{more}]"));
        assert_eq!(got.status, 413);
        assert!(got.error().contains("1000"), "{}", got.error());
    }
    assert_eq!(
        get(&mut stage, "/a").json["position"].as_str().map(|it| it.ends_with("-1000")),
        Some(true),
        "nothing else"
    );
}

#[test]
fn a_batch_has_a_limit_of_its_own_and_its_messages_have_theirs() {
    let config = HubConfig { max_batch: 3000, ..HubConfig::default() };
    let limits = crate::Config { max_body: 1000, ..crate::Config::default() };
    let mut stage = Stage::with_config(Hub::new(config), limits);
    let item = |length: usize| format!(r#"{{"channel":"/a","data":"{}"}}"#, "x".repeat(length));
    let got = batch(&mut stage, &format!("[{},{}]", item(1000), item(1001)));
    assert_eq!((got.status, statuses(&got)), (207, vec![202, 413]));
    assert!(got.json[1]["error"].as_str().is_some_and(|error| error.contains("Config::max_body (1000)")));
    let got = batch(&mut stage, &format!("[{}]", item(3000)));
    assert_eq!(got.status, 413);
    assert!(got.error().contains("HubConfig::max_batch (3000)"), "{}", got.error());
}

#[test]
fn a_token_for_some_channels_publishes_to_these() {
    let mut stage = with_tokens(&["some@/a/*", "all"]);
    let body = Some(&br#"[{"channels":["/a/1","/b","/a/2"],"data":"x"}]"#[..]);
    let with = |stage: &mut _, token| ask(stage, "POST", "/-/batch", &[("Authorization", token)], body);
    assert_eq!(statuses(&with(&mut stage, "Bearer some")), [202, 403, 202]);
    assert_eq!(statuses(&with(&mut stage, "Bearer all")), [202, 202, 202]);
    assert_eq!(with(&mut stage, "Bearer none").status, 401);
    assert_eq!(batch(&mut stage, "[]").status, 401);
}
