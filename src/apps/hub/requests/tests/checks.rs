//! The checks before a body is read, in their order.

use super::super::Place;
use super::*;
use crate::Config;

#[test]
fn every_refusal_comes_in_the_order_of_the_checks() {
    // What is wrong, and the status if all that comes before is right.
    let config = HubConfig { publish_tokens: vec!["good@/a".parse().expect("a token")], ..HubConfig::default() };
    let limits = Config { max_body: 4, ..Config::default() };
    let mut stage = Stage::with_config(Hub::new(config), limits);
    let origin = ("Origin", "http://evil.example");
    let (bad, good, key) =
        (("Authorization", "Bearer bad"), ("Authorization", "Bearer good"), ("Idempotency-Key", "a b"));
    let cases: &[(&str, &str, Headers<'_>, &str, u16)] = &[
        ("BREW", "/a/", &[origin, bad, key], "12345", 400),
        ("BREW", "/a", &[origin, bad, key], "12345", 405),
        ("POST", "/a", &[origin, bad, key], "12345", 403),
        ("POST", "/a", &[bad, key], "12345", 401),
        ("POST", "/b", &[good, key], "12345", 403),
        ("POST", "/a", &[good, key], "12345", 413),
        ("POST", "/a", &[good, key], "1234", 400),
        ("POST", "/a", &[good], "1234", 202),
    ];
    for (method, target, headers, body, status) in cases {
        let got = ask(&mut stage, method, target, headers, Some(body.as_bytes()));
        assert_eq!(got.status, *status, "{method} {target} {headers:?} {body}");
        let ends = got.header("Connection") == Some("close");
        assert_eq!(ends, got.status != 202, "an unread body ends the connection");
    }
}

#[test]
fn who_may_not_publish_uploads_nothing() {
    let mut stage = with_tokens(&["good"]);
    for (token, status) in [("Bearer bad", 401), ("Bearer good", 100)] {
        // The body does not come: only an interim answer can, or a refusal.
        let headers = [("Authorization", token), ("Expect", "100-continue"), ("X-Length", "5")];
        let client = stage.request("POST", "/a", &headers, None);
        let got = Got::new(stage.response(client).expect("an answer"));
        // Without a length the token is looked at first, too.
        assert_eq!(got.status, if status == 100 { 411 } else { status });
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let limits = Config { max_body: 10, ..Config::default() };
    let config = HubConfig { publish_tokens: vec!["good@/a".parse().expect("a token")], ..HubConfig::default() };
    let mut stage = Stage::with_config(Hub::new(config), limits);
    let good = ("Authorization", "Bearer good");
    let cases: &[(Headers<'_>, &str, u16, &str)] = &[
        (&[], "x", 401, "send the header Authorization: Bearer TOKEN"),
        (&[("Authorization", "Basic eDp5")], "x", 401, "as Bearer TOKEN"),
        (&[("Authorization", "Bearer bad")], "x", 401, "the token is not known"),
        (
            &[good],
            "12345678901",
            413,
            "the message has 11 bytes, more than Config::max_body (10): send less, or raise it",
        ),
    ];
    for (headers, body, status, text) in cases {
        let got = ask(&mut stage, "POST", "/a", headers, Some(body.as_bytes()));
        assert_eq!(got.status, *status, "{headers:?}");
        assert!(got.error().contains(text), "{}", got.error());
        assert_eq!(got.header("Content-Type"), Some("application/json"));
    }
    let got = ask(&mut stage, "POST", "/b", &[good], Some(b"x"));
    assert!(got.status == 403 && got.error().contains("not for this channel"), "{}", got.error());
    let got = ask(&mut stage, "POST", "/a", &[good], None);
    assert!(got.status == 411 && got.error().contains("Content-Length"), "{}", got.error());
}

#[test]
fn refusals_name_limits_as_the_program_does() {
    let rephrase = |text: &str| text.replace("Config::max_body", "--max-body");
    let limits = Config { max_body: 10, ..Config::default() };
    let mut stage = Stage::with_config(Hub::new(HubConfig { rephrase, ..HubConfig::default() }), limits);
    let got = post(&mut stage, "/a", "12345678901");
    assert_eq!(got.error(), "the message has 11 bytes, more than --max-body (10): send less, or raise it");
}

#[test]
fn challenges_are_those_of_rfc_6750() {
    let mut stage = with_tokens(&["good@/a"]);
    let cases: &[(Headers<'_>, &str, Option<&str>)] = &[
        (&[], "/a", Some("Bearer realm=\"hub\"")),
        (&[("Authorization", "good")], "/a", Some("Bearer realm=\"hub\", error=\"invalid_request\"")),
        (&[("Authorization", "Bearer bad")], "/a", Some("Bearer realm=\"hub\", error=\"invalid_token\"")),
        (&[("Authorization", "Bearer good")], "/b", Some("Bearer realm=\"hub\", error=\"insufficient_scope\"")),
        (&[("Authorization", "bearer good")], "/a", None),
    ];
    for (headers, target, expected) in cases {
        let got = ask(&mut stage, "POST", target, headers, Some(b"x"));
        assert_eq!(got.header("WWW-Authenticate"), *expected, "{headers:?} {target}");
    }
}

#[test]
fn without_a_token_only_this_machine_may_publish() {
    let mut stage = hub();
    assert_eq!(post(&mut stage, "/a", "1").status, 202);
    for name in ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto"] {
        let got = ask(&mut stage, "POST", "/a", &[(name, "127.0.0.1")], Some(b"2"));
        assert_eq!(got.status, 403, "{name}: a proxy has passed it on");
        assert!(got.error().contains("HubConfig::publish_tokens"), "{}", got.error());
    }
    stage.come_from(afar());
    for headers in [&[][..], &[("Authorization", "Bearer x")]] {
        assert_eq!(ask(&mut stage, "POST", "/a", headers, Some(b"3")).status, 403);
        assert_eq!(ask(&mut stage, "DELETE", "/a", headers, None).status, 403);
        assert_eq!(ask(&mut stage, "POST", "/-/batch", headers, Some(b"[]")).status, 403);
    }
    assert_eq!(data(&get(&mut stage, "/a?last=5")), ["1"], "all may read");
}

#[test]
fn a_subscribe_token_is_for_reading() {
    let parse = |token: &str| token.parse().expect("a token");
    let (publish_tokens, subscribe_tokens) = (vec![parse("pub")], vec![parse("sub@/a/*")]);
    let mut stage = Stage::new(Hub::new(HubConfig { publish_tokens, subscribe_tokens, ..HubConfig::default() }));
    let cases = [
        ("GET", "/a/b", "sub", 200),
        ("HEAD", "/a/b", "sub", 200),
        ("GET", "/b", "sub", 403),
        ("GET", "/a/b", "pub", 401),
        ("POST", "/a/b", "sub", 401),
        ("DELETE", "/a/b", "sub", 401),
        ("DELETE", "/a/b", "pub", 204),
        ("POST", "/a/b", "pub", 202),
        ("GET", "/a/b?since=x&wait=1s", "pub", 401),
    ];
    for (method, target, token, status) in cases {
        let body = (method == "POST").then_some(&b"x"[..]);
        let got = ask(&mut stage, method, target, &[("Authorization", &format!("Bearer {token}"))], body);
        assert_eq!(got.status, status, "{method} {target} {token}");
    }
}

#[test]
fn a_token_comes_in_the_query_only_where_that_is_allowed() {
    for (token_in_query, status) in [(false, 401), (true, 202)] {
        let publish_tokens = vec!["a+b".parse().expect("a token")];
        let mut stage = Stage::new(Hub::new(HubConfig { publish_tokens, token_in_query, ..HubConfig::default() }));
        assert_eq!(post(&mut stage, "/a?token=a%2Bb", "x").status, status);
        assert_eq!(post(&mut stage, "/a?token=a+b", "x").status, 401);
    }
}

#[test]
fn a_rule_denies_a_channel_to_all() {
    let mut stage = with_rules(&["/secret/* deny"]);
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        let got = ask(&mut stage, method, "/secret/a", &[], (method == "POST").then_some(b"x"));
        assert_eq!(got.status, 403, "{method}");
    }
    assert_eq!(post(&mut stage, "/secret", "x").status, 202);
}

#[test]
fn beyond_the_limit_of_channels_a_publish_that_would_be_kept_is_refused() {
    let mut stage = Stage::new(Hub::new(HubConfig { max_channels: 2, ..HubConfig::default() }));
    assert_eq!([post(&mut stage, "/a", "1").status, post(&mut stage, "/b", "1").status], [202, 202]);
    let got = post(&mut stage, "/c", "1");
    assert_eq!((got.status, got.header("Retry-After")), (503, Some("30")));
    assert!(got.error().contains("HubConfig::max_channels"), "{}", got.error());
    assert_eq!(post(&mut stage, "/a", "2").status, 202);
    let got = post(&mut stage, "/-/batch", r#"[{"channel":"/c","data":""},{"channel":"/b","data":""}]"#);
    assert_eq!((got.status, &got.json[0]["status"], &got.json[1]["status"]), (207, &503.into(), &202.into()));
}

#[test]
fn the_header_allow_lists_the_methods_that_are_taken() {
    for place in [Place::Channel("/a"), Place::Batch, Place::Multi] {
        for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH", "get", ""] {
            let is_listed = place.allow().split(", ").any(|allowed| allowed == method);
            assert_eq!(place.check_method(method).is_ok(), is_listed, "{place:?} {method}");
        }
    }
}
