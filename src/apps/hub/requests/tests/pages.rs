//! Web pages of other origins.

use super::*;
use crate::Config;
use crate::http::{Origin, OriginPolicy};

const FRIEND: &str = "https://friend.example";

/// A hub that pages of [`FRIEND`] may use, and those of its own origin.
fn open_to_a_friend() -> Stage<Hub> {
    let allowed = vec![FRIEND.parse::<Origin>().expect("an origin")];
    let origins = OriginPolicy { allowed, ..OriginPolicy::default() };
    let publish_tokens = vec!["good".parse().expect("a token")];
    let hub = Hub::new(HubConfig { publish_tokens, ..HubConfig::default() });
    Stage::with_config(hub, Config { origins, ..Config::default() })
}

fn cors_headers(got: &Got) -> Vec<&str> {
    let names = got.response.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.starts_with("Access-Control-")).collect()
}

#[test]
fn a_preflight_tells_what_a_page_may_do() {
    let mut stage = open_to_a_friend();
    let ask_for = [
        ("Origin", FRIEND),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,idempotency-key"),
    ];
    let got = ask(&mut stage, "OPTIONS", "/a", &ask_for, None);
    assert_eq!((got.status, got.response.body.len()), (204, 0));
    let cases = [
        ("Access-Control-Allow-Origin", FRIEND),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS"),
        (
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Idempotency-Key, Sockhop-Except, Sockhop-History",
        ),
        ("Access-Control-Max-Age", "7200"),
        ("Allow", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("Vary", "Origin"),
    ];
    for (name, value) in cases {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let got = ask(&mut stage, "OPTIONS", "/-/batch", &ask_for, None);
    assert_eq!((got.status, got.header("Access-Control-Allow-Methods")), (204, Some("POST, OPTIONS")));
}

#[test]
fn a_preflight_of_a_foreign_page_is_refused_without_a_word_of_cors() {
    let mut stage = open_to_a_friend();
    for origin in ["https://evil.example", "null", "garbage", "http://friend.example", "https://friend.example:444"] {
        let got =
            ask(&mut stage, "OPTIONS", "/a", &[("Origin", origin), ("Access-Control-Request-Method", "POST")], None);
        assert_eq!((got.status, cors_headers(&got).len(), got.header("Vary")), (403, 0, Some("Origin")), "{origin}");
        assert!(got.error().contains("Config::origins"), "{}", got.error());
    }
}

#[test]
fn options_without_an_origin_tells_the_methods() {
    let got = ask(&mut open_to_a_friend(), "OPTIONS", "/a", &[], None);
    assert_eq!(
        (got.status, got.header("Allow"), cors_headers(&got).len()),
        (204, Some("GET, HEAD, POST, DELETE, OPTIONS"), 0)
    );
}

#[test]
fn every_answer_to_a_friend_can_be_read_by_its_page() {
    let mut stage = open_to_a_friend();
    let (origin, good) = (("Origin", FRIEND), ("Authorization", "Bearer good"));
    let cases: &[(&str, &str, Headers<'_>, Option<&str>, u16)] = &[
        ("POST", "/a", &[origin, good], Some("x"), 202),
        ("POST", "/a", &[origin, good], Some("x"), 202),
        ("POST", "/a", &[origin], Some("x"), 401),
        ("POST", "/a", &[origin, good], None, 411),
        ("POST", "/-/batch", &[origin, good], Some("[]"), 200),
        ("POST", "/-/batch", &[origin, good], Some("[7]"), 207),
        ("POST", "/-/batch", &[origin, good], Some("7"), 400),
        ("POST", "/-/nothing", &[origin], Some("x"), 404),
        ("PUT", "/a", &[origin], Some("x"), 405),
        ("GET", "/a", &[origin], None, 200),
        ("HEAD", "/a?last=1", &[origin], None, 200),
        ("GET", "/a?last=x", &[origin], None, 400),
        ("GET", "/a/", &[origin], None, 400),
        ("GET", "/-/multi", &[origin], None, 426),
        ("DELETE", "/a", &[origin, good], None, 204),
    ];
    for (method, target, headers, body, status) in cases {
        let got = ask(&mut stage, method, target, headers, body.map(str::as_bytes));
        assert_eq!(got.status, *status, "{method} {target}");
        assert_eq!(got.header("Access-Control-Allow-Origin"), Some(FRIEND), "{method} {target}");
        let exposed = "Sockhop-Id, Retry-After, Allow, WWW-Authenticate";
        assert_eq!(got.header("Access-Control-Expose-Headers"), Some(exposed), "{method} {target}");
        assert_eq!(got.header("Vary"), Some("Origin"), "{method} {target}");
    }
}

#[test]
fn foreign_pages_can_do_and_read_nothing() {
    let mut stage = open_to_a_friend();
    let headers = [("Origin", "https://evil.example"), ("Authorization", "Bearer good")];
    for (method, target, status) in [
        ("POST", "/a", 403),
        ("GET", "/a", 403),
        ("HEAD", "/a", 403),
        ("DELETE", "/a", 403),
        ("POST", "/-/batch", 403),
        ("POST", "/a/", 400),
        ("PUT", "/a", 405),
    ] {
        let body = (method == "POST").then_some(&b"[]"[..]);
        let got = ask(&mut stage, method, target, &headers, body);
        assert_eq!((got.status, cors_headers(&got).len()), (status, 0), "{method} {target}");
    }
    assert_eq!(get(&mut stage, "/a").json["messages"], 0);
}

#[test]
fn a_page_of_the_hub_itself_may_use_it() {
    let got = ask(&mut open_to_a_friend(), "GET", "/a", &[("Origin", "http://localhost")], None);
    assert_eq!((got.status, got.header("Access-Control-Allow-Origin")), (200, Some("http://localhost")));
}

#[test]
fn where_all_pages_may_connect_all_may_read() {
    let origins = OriginPolicy { any: true, ..OriginPolicy::default() };
    let mut stage = Stage::with_config(Hub::new(HubConfig::default()), Config { origins, ..Config::default() });
    for origin in ["https://any.example", "null"] {
        let got = ask(&mut stage, "POST", "/a", &[("Origin", origin)], Some(b"x"));
        assert_eq!((got.status, got.header("Access-Control-Allow-Origin")), (202, Some(origin)));
    }
}

#[test]
fn programs_that_are_no_browsers_get_no_headers_for_pages() {
    let got = ask(&mut open_to_a_friend(), "GET", "/a", &[], None);
    assert_eq!((got.status, cors_headers(&got).len(), got.header("Vary")), (200, 0, Some("Origin")));
}
