//! The rights that each token gives.

use super::*;

fn tokens(publish: &[&str], subscribe: &[&str]) -> Tokens {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a token")).collect();
    Tokens::new(parse(publish), parse(subscribe))
}

fn with(token: &str) -> Caller<'_> {
    Caller { token: Presented::Token(token.into()), is_here: false }
}

#[test]
fn a_token_is_split_at_the_first_at_sign_before_a_slash() {
    let cases = [
        ("a", "a", None),
        ("a@b", "a@b", None),
        ("a@", "a@", None),
        ("a@/b", "a", Some("/b")),
        ("a@b@/c/*", "a@b", Some("/c/*")),
        ("a@/b@/c", "a", Some("/b@/c")),
        ("a/b=+~", "a/b=+~", None),
    ];
    for (text, secret, pattern) in cases {
        let token: Token = text.parse().expect("a token");
        assert!(token.is(secret.as_bytes()), "{text}");
        assert_eq!(token.pattern.map(|it| it.to_string()).as_deref(), pattern, "{text}");
    }
}

#[test]
fn what_is_no_token_is_not_repeated() {
    for text in
        ["", "@/a", "se cret", "s3cret\n", "s\u{e9}cret", "\0", "s3cret@/a/", "s3cret@/*/a", "s3cret@//", "s3@/cret*"]
    {
        let error = text.parse::<Token>().unwrap_err().to_string();
        assert!(!error.contains("cret"), "{text}: {error}");
    }
}

#[test]
fn equal_is_what_has_every_byte_and_the_length() {
    let token: Token = "abcabc".parse().expect("a token");
    assert!(token.is(b"abcabc"));
    for other in ["", "a", "abc", "abcab", "abcabca", "abcabcabcabc", "Abcabc", "abcabd", "bbcabc"] {
        assert!(!token.is(other.as_bytes()), "{other}");
    }
}

#[test]
fn a_right_needs_a_token_that_covers_the_channel() {
    let tokens = tokens(&["all", "some@/a/*", "one@/b", "some@/c"], &["read"]);
    let cases = [
        ("all", "/x", Ok(())),
        ("some", "/a/x", Ok(())),
        ("some", "/c", Ok(())),
        ("some", "/a", Err(Denied::OtherChannel)),
        ("one", "/b", Ok(())),
        ("one", "/b/x", Err(Denied::OtherChannel)),
        ("read", "/b", Err(Denied::Unknown)),
        ("", "/b", Err(Denied::Unknown)),
        ("All", "/b", Err(Denied::Unknown)),
    ];
    for (token, channel, expected) in cases {
        assert_eq!(tokens.check(Right::Publish, &with(token), channel), expected, "{token} {channel}");
    }
    assert_eq!(tokens.check(Right::Subscribe, &with("read"), "/b"), Ok(()));
    assert_eq!(tokens.check(Right::Subscribe, &with("all"), "/b"), Err(Denied::Unknown));
    assert_eq!(tokens.check_any(Right::Publish, &with("one")), Ok(()));
    assert_eq!(tokens.check_any(Right::Publish, &with("read")), Err(Denied::Unknown));
}

#[test]
fn being_on_this_machine_replaces_a_token_only_where_there_is_none() {
    let here = Caller { token: Presented::Nothing, is_here: true };
    let away = Caller { token: Presented::Nothing, is_here: false };
    let (none, some) = (tokens(&[], &[]), tokens(&["a"], &["b"]));
    assert_eq!(none.check(Right::Publish, &here, "/x"), Ok(()));
    assert_eq!(none.check(Right::Publish, &away, "/x"), Err(Denied::NotHere));
    assert_eq!(none.check(Right::Publish, &with("a"), "/x"), Err(Denied::NotHere));
    assert_eq!(none.check(Right::Subscribe, &away, "/x"), Ok(()));
    for right in [Right::Publish, Right::Subscribe] {
        assert_eq!(some.check(right, &here, "/x"), Err(Denied::NoToken));
    }
}

#[test]
fn reads_the_token_of_a_request() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("/", "Authorization: Bearer a\r\n", Some("a")),
        ("/", "AUTHORIZATION: bEARER   a b\r\n", Some("a b")),
        ("/", "Authorization: Bearer \r\n", None),
        ("/", "Authorization: a\r\n", None),
        ("/", "Authorization: Basic YTpi\r\n", None),
        ("/", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", None),
        ("/?token=q%2B", "", Some("q+")),
        ("/?token=q", "Authorization: Bearer a\r\n", Some("a")),
        ("/?token=q", "Authorization: Basic a\r\n", None),
        ("/", "", Some("nothing")),
    ];
    let mut tokens = tokens(&[], &[]);
    tokens.in_query = true;
    for (target, headers, expected) in cases {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let request = Request::parse(head.as_bytes()).expect("a request");
        let found = match tokens.presented(&request) {
            Presented::Token(token) => Some(token.into_owned()),
            Presented::Nothing => Some("nothing".to_owned()),
            Presented::Malformed => None,
        };
        assert_eq!(found.as_deref(), *expected, "{target} {headers}");
    }
    tokens.in_query = false;
    let request = Request::parse(b"GET /?token=q HTTP/1.1\r\nHost: a\r\n\r\n").expect("a request");
    assert!(matches!(tokens.presented(&request), Presented::Nothing));
}

#[test]
fn a_change_of_tokens_counts_at_once() {
    let mut tokens = tokens(&["old"], &[]);
    tokens.set(vec!["new".parse().expect("a token")], Vec::new());
    assert_eq!(tokens.check(Right::Publish, &with("old"), "/x"), Err(Denied::Unknown));
    assert_eq!(tokens.check(Right::Publish, &with("new"), "/x"), Ok(()));
}
