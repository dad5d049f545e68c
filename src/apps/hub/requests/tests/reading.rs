//! GET and HEAD.

use super::*;

#[test]
fn a_channel_tells_what_it_holds() {
    let mut stage = hub();
    let empty = get(&mut stage, "/a");
    assert_eq!(empty.status, 200);
    assert_eq!(empty.header("Cache-Control"), Some("no-store"));
    let epoch =
        empty.json["position"].as_str().expect("a position").strip_suffix("-0").expect("the beginning").to_owned();
    let expected = serde_json::json!({
        "channel": "/a", "subscribers": 0, "messages": 0, "bytes": 0, "first": null, "last": null,
        "position": format!("{epoch}-0"),
    });
    assert_eq!(empty.json, expected);
    stage.connect("/a");
    stage.connect("/a?ids");
    stage.connect("/-/multi?channel=/a&channel=/b");
    for (channel, message) in [("/a", "one"), ("/b", "other"), ("/a", "three")] {
        post(&mut stage, channel, message);
    }
    let expected = serde_json::json!({
        "channel": "/a", "subscribers": 3, "messages": 2, "bytes": 8, "first": format!("{epoch}-1"),
        "last": format!("{epoch}-3"), "position": format!("{epoch}-3"),
    });
    assert_eq!(get(&mut stage, "/a").json, expected);
    assert_eq!(get(&mut stage, "/b").json["position"], format!("{epoch}-3"), "one position for all channels");
}

#[test]
fn head_has_the_length_of_the_answer_and_not_the_answer() {
    let mut stage = hub();
    let (get, head) = (get(&mut stage, "/a"), ask(&mut stage, "HEAD", "/a", &[], None));
    assert_eq!((head.status, head.response.body.len()), (200, 0));
    assert_eq!(head.header("Content-Length"), Some(&*get.response.body.len().to_string()));
    // It does not wait either.
    assert_eq!(ask(&mut stage, "HEAD", "/a?since=x&wait=25s", &[], None).status, 200);
}

#[test]
fn what_came_after_a_position_is_read_page_by_page() {
    let mut stage = hub();
    let first = post(&mut stage, "/a", "1");
    for number in 2..=7 {
        post(&mut stage, "/a", &number.to_string());
        post(&mut stage, "/b", "x");
    }
    let page = get(&mut stage, &format!("/a?since={}&limit=4", first.id()));
    assert_eq!(data(&page), ["2", "3", "4", "5"]);
    assert_eq!((&page.json["gap"], &page.json["more"]), (&false.into(), &true.into()));
    let last = page.json["items"][3]["id"].as_str().expect("an id");
    assert_eq!(page.json["position"], last, "what is left comes after the last item");
    let page = get(&mut stage, &format!("/a?since={last}&limit=4"));
    assert_eq!(data(&page), ["6", "7"]);
    assert_eq!((&page.json["gap"], &page.json["more"]), (&false.into(), &false.into()));
    let position = page.json["position"].as_str().expect("a position");
    assert!(position.ends_with("-13"), "{position}: everything so far, of all channels");
    let page = get(&mut stage, &format!("/a?since={position}"));
    assert_eq!((data(&page), &page.json["gap"]), (vec![], &false.into()));
}

#[test]
fn a_limit_that_is_exactly_reached_leaves_no_more() {
    let mut stage = hub();
    (1..=3).for_each(|number| drop(post(&mut stage, "/a", &number.to_string())));
    for (target, more) in [("/a?last=3&limit=3", false), ("/a?last=3&limit=2", true), ("/a?last=2", false)] {
        assert_eq!(get(&mut stage, target).json["more"], more, "{target}");
    }
}

#[test]
fn an_answer_has_100_messages_unless_it_is_asked_for_more() {
    let mut stage = with_rules(&["/* history=2000"]);
    (1..=1100).for_each(|number| drop(post(&mut stage, "/a", &number.to_string())));
    let epoch =
        get(&mut stage, "/a").json["position"].as_str().expect("a position").split('-').next().map(str::to_owned);
    let since = format!("/a?since={}-0", epoch.expect("an epoch"));
    assert_eq!(data(&get(&mut stage, &since)).len(), 100);
    let all = get(&mut stage, &format!("{since}&limit=1000"));
    assert_eq!((data(&all).len(), &all.json["more"]), (1000, &true.into()));
    let last = get(&mut stage, "/a?last=300");
    assert_eq!((data(&last).len(), data(&last)[0], &last.json["more"]), (300, "801", &false.into()));
}

#[test]
fn an_answer_is_a_mebibyte_long_or_one_message() {
    let mut stage = with_rules(&["/* bytes=100M"]);
    let long = "x".repeat(600 * 1024);
    (0..3).for_each(|_| drop(post(&mut stage, "/a", &long)));
    let page = get(&mut stage, "/a?last=3");
    assert_eq!((data(&page).len(), &page.json["more"]), (1, &true.into()));
    let next = page.json["position"].as_str().expect("a position");
    assert_eq!(data(&get(&mut stage, &format!("/a?since={next}"))).len(), 1);
}

#[test]
fn the_last_messages_come_in_their_order() {
    let mut stage = hub();
    (1..=5).for_each(|number| drop(post(&mut stage, "/a", &number.to_string())));
    assert_eq!(data(&get(&mut stage, "/a?last=2")), ["4", "5"]);
    assert_eq!(data(&get(&mut stage, "/a?last=50")), ["1", "2", "3", "4", "5"]);
    let none = get(&mut stage, "/a?last=0");
    assert_eq!((data(&none), &none.json["gap"], &none.json["more"]), (vec![], &false.into(), &false.into()));
}

#[test]
fn what_cannot_be_resumed_is_a_gap_and_no_error() {
    let mut stage = with_rules(&["/short/* history=2", "/none/* history=0"]);
    let first = post(&mut stage, "/short/a", "1").id().to_owned();
    (2..=4).for_each(|number| drop(post(&mut stage, "/short/a", &number.to_string())));
    let epoch = first.split('-').next().expect("an epoch");
    let cases = [
        (format!("{epoch}-1"), true, vec!["3", "4"]),
        (format!("{epoch}-2"), false, vec!["3", "4"]),
        (format!("{epoch}-4"), false, vec![]),
        (format!("{epoch}-5"), true, vec!["3", "4"]),
        (format!("{epoch}-18446744073709551615"), true, vec!["3", "4"]),
        ("aaaaaa-2".to_owned(), true, vec!["3", "4"]),
        ("nonsense".to_owned(), true, vec!["3", "4"]),
        (String::new(), true, vec!["3", "4"]),
        ("%ff".to_owned(), true, vec!["3", "4"]),
    ];
    for (since, gap, expected) in cases {
        let got = get(&mut stage, &format!("/short/a?since={since}"));
        assert_eq!((got.status, &got.json["gap"], data(&got)), (200, &gap.into(), expected), "{since}");
    }
    assert_eq!(get(&mut stage, &format!("/none/a?since={first}")).json["gap"], true);
}

#[test]
fn what_has_aged_out_is_a_gap() {
    let mut stage = with_rules(&["/* age=10s"]);
    let first = post(&mut stage, "/a", "1").id().to_owned();
    post(&mut stage, "/a", "2");
    stage.advance(std::time::Duration::from_secs(5));
    post(&mut stage, "/a", "3");
    stage.advance(std::time::Duration::from_secs(6));
    let got = get(&mut stage, &format!("/a?since={first}"));
    assert_eq!((&got.json["gap"], data(&got)), (&true.into(), vec!["3"]));
    stage.advance(std::time::Duration::from_secs(6));
    assert_eq!(get(&mut stage, "/a").json["messages"], 0);
}

#[test]
fn a_name_that_needs_escapes_is_shown_decoded() {
    let mut stage = hub();
    assert_eq!(post(&mut stage, "/caf%C3%A9%20%22x%22", "1").status, 202);
    let got = get(&mut stage, "/caf%C3%A9%20%22x%22?last=1");
    assert_eq!((&got.json["channel"], data(&got)), (&"/caf\u{e9} \"x\"".into(), vec!["1"]));
}

#[test]
fn text_is_escaped_as_json_wants_it() {
    let mut stage = hub();
    let odd = "\"quoted\" \\ \n \u{1} \u{7f} \u{2028} \u{1f600}";
    post(&mut stage, "/a", odd);
    assert_eq!(data(&get(&mut stage, "/a?last=1")), [odd]);
}
