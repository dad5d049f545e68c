//! Origins.

use super::*;
use crate::http::{Origin, OriginPolicy};

#[test]
fn origins() {
    // The origin, and whether its pages may use a hub at `localhost` that also allows https://friend.example.
    let cases = [
        ("http://localhost", true),
        ("https://localhost", true),
        ("HTTP://LOCALHOST", true),
        ("http://localhost:80", true),
        ("http://localhost:81", false),
        ("http://localhost.evil.example", false),
        ("http://evil.example", false),
        ("https://friend.example", true),
        ("https://friend.example/", true),
        ("https://friend.example:443", true),
        ("https://FRIEND.example", true),
        ("http://friend.example", false),
        ("https://friend.example.evil.example", false),
        ("https://friend.example@evil.example", false),
        ("https://sub.friend.example", false),
        ("https://friend.example/path", false),
        ("friend.example", false),
        ("null", false),
        ("", false),
        ("*", false),
        ("file://", false),
        ("https://friend.example, http://localhost", false),
        ("https://friend.example https://evil.example", false),
        ("\u{e9}", false),
    ];
    let allowed = vec!["https://friend.example".parse::<Origin>().expect("an origin")];
    let origins = OriginPolicy { allowed, ..OriginPolicy::default() };
    let mut stage = Stage::with_config(Hub::new(HubConfig::default()), Config { origins, ..Config::default() });
    for (origin, may) in cases {
        for (method, status) in [("POST", 202), ("GET", 200), ("OPTIONS", 204), ("DELETE", 204)] {
            let body = (method == "POST").then_some(&b"x"[..]);
            let got = ask(&mut stage, method, "/a", &[("Origin", origin)], body);
            assert_eq!(got.status, if may { status } else { 403 }, "{method} {origin}");
            assert_eq!(got.header("Access-Control-Allow-Origin"), may.then_some(origin), "{method} {origin}");
        }
    }
    let twice = [("Origin", "http://localhost"), ("Origin", "http://evil.example")];
    let got = ask(&mut stage, "POST", "/a", &twice, Some(b"x"));
    assert_eq!((got.status, got.header("Access-Control-Allow-Origin")), (403, None));
}
