//! Tokens, and ways around them.

use super::*;

#[test]
fn tokens() {
    let authorization = |value| [("Authorization", value)];
    let cases = [
        ("Bearer s3cret", 202),
        ("bearer s3cret", 202),
        ("BEARER   s3cret", 202),
        ("Bearer\ts3cret", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer s3cret s3cret", 401),
        ("Bearer s3cret,", 401),
        ("Bearer \"s3cret\"", 401),
        ("Bearer S3CRET", 401),
        ("Bearer s3cre", 401),
        ("Bearer s3crets", 401),
        ("Bearer s3crets3cret", 401),
        ("Bearer s3cret@/b", 401),
        ("Bearer s3cret@/*", 401),
        ("Bearer \u{e9}", 401),
        ("Bearer narrow", 403),
        ("Basic czNjcmV0", 401),
        ("Token s3cret", 401),
        ("s3cret", 401),
        ("Bearer=s3cret", 401),
        ("", 401),
    ];
    let mut stage = with_tokens(&["s3cret", "narrow@/b/*"]);
    for (value, status) in cases {
        let got = ask(&mut stage, "POST", "/a", &authorization(value), Some(b"x"));
        assert_eq!(got.status, status, "{value}");
        assert_eq!(got.header("WWW-Authenticate").is_some(), status != 202, "{value}");
        assert!(
            !String::from_utf8_lossy(&got.response.body).contains("3cre"),
            "{value}: nothing of a token is repeated"
        );
    }
}

#[test]
fn ways_around_tokens() {
    let token = ("Authorization", "Bearer s3cret");
    let narrow = ("Authorization", "Bearer narrow");
    let rows: &[Row<'_>] = &[
        ("POST", "/a?token=s3cret", &[], Some("x"), 401, "needs a token"),
        ("POST", "/a?ticket=s3cret", &[], Some("x"), 401, "needs a token"),
        ("POST", "/a?access_token=s3cret", &[], Some("x"), 401, "needs a token"),
        ("POST", "/a", &[("X-Authorization", "Bearer s3cret")], Some("x"), 401, "needs a token"),
        ("POST", "/a", &[("Cookie", "token=s3cret")], Some("x"), 401, "needs a token"),
        ("POST", "/a", &[token, token], Some("x"), 401, "send it once"),
        ("POST", "/a", &[("Sec-WebSocket-Protocol", "bearer, s3cret")], Some("x"), 401, "needs a token"),
        ("GET", "/a", &[("X-HTTP-Method-Override", "POST")], None, 200, "\"messages\":0"),
        ("POST", "/b/../a", &[narrow], Some("x"), 400, ""),
        ("POST", "/b//a", &[narrow], Some("x"), 400, "empty segment"),
        ("POST", "/b%2F..%2Fa", &[narrow], Some("x"), 400, ""),
        ("POST", "/b", &[narrow], Some("x"), 403, "not for this channel"),
        ("POST", "/B/a", &[narrow], Some("x"), 403, "not for this channel"),
        ("POST", "/%62/a", &[narrow], Some("x"), 202, "id"),
        ("DELETE", "/a", &[narrow], None, 403, "not for this channel"),
        ("DELETE", "/b/a", &[], None, 401, "needs a token"),
        ("DELETE", "/b/a", &[narrow], None, 204, ""),
        ("POST", "/-/batch", &[narrow], Some(r#"[{"channel":"/a","data":""}]"#), 207, "\"status\":403"),
        ("POST", "/-/batch", &[narrow], Some(r#"[{"channel":"/b/%2e","data":""}]"#), 200, "\"status\":202"),
        ("POST", "/-/batch", &[narrow], Some(r#"[{"channel":"/b/../a","data":""}]"#), 207, "\"status\":400"),
        ("POST", "/-/batch", &[], Some("["), 401, "needs a token"),
    ];
    check(&mut with_tokens(&["s3cret", "narrow@/b/*"]), rows);
}

#[test]
fn who_is_on_this_machine() {
    let mut stage = hub();
    let rows: &[Row<'_>] = &[
        ("POST", "/a", &[("X-Forwarded-Host", "localhost")], Some("x"), 403, "between"),
        ("POST", "/a", &[("Via", "1.1 proxy")], Some("x"), 403, "between"),
        ("POST", "/-/batch", &[("Forwarded", "for=127.0.0.1")], Some("[]"), 403, "between"),
        ("DELETE", "/a", &[("X-Real-IP", "127.0.0.1")], None, 403, "between"),
        ("GET", "/a", &[("Via", "1.1 proxy")], None, 200, "\"messages\":0"),
        ("POST", "/a", &[("Client-IP", "192.0.2.1")], Some("x"), 202, "id"),
    ];
    check(&mut stage, rows);
    stage.come_from(afar());
    let rows: &[Row<'_>] = &[
        ("POST", "/a", &[("X-Forwarded-For", "127.0.0.1")], Some("x"), 403, "HubConfig::publish_tokens"),
        ("POST", "/a", &[("Host", "localhost")][..0], Some("x"), 403, "HubConfig::publish_tokens"),
        ("GET", "/a", &[], None, 200, "\"messages\":1"),
    ];
    check(&mut stage, rows);
    stage.come_from(crate::Peer::Tcp("[::ffff:127.0.0.1]:9".parse().expect("an address")));
    assert_eq!(post(&mut stage, "/a", "x").status, 202);
}
