use super::Resolved::{Malformed, MethodNotAllowed, Mount, NotFound, Options, Route};
use super::*;

#[derive(Clone, Copy, Debug)]
enum Wants {
    Plain,
    Upgrade,
}
use Wants::{Plain, Upgrade};

fn check(router: &Router, cases: &[(Wants, &str, &str, Resolved<'_>)]) {
    for (wants, method, path, expected) in cases {
        let upgrade = match wants {
            Plain => "",
            Upgrade => "Upgrade: websocket\r\n",
        };
        let bytes = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n").into_bytes();
        let request = Request::parse(&bytes).unwrap();
        assert_eq!(router.resolve(&request), *expected, "{wants:?} {method} {path}");
    }
}

fn router(mounts: &[&str], routes: &[(&str, &str)]) -> Router {
    let mut router = Router::default();
    for (index, pattern) in mounts.iter().enumerate() {
        router.add_mount(pattern, index).unwrap();
    }
    for (index, (method, path)) in routes.iter().enumerate() {
        router.add_route(method, path, index).unwrap();
    }
    router
}

#[test]
fn a_mount_at_every_path_beside_routes() {
    let router = router(&["/*"], &[("GET", "/"), ("GET", "/healthz")]);
    check(
        &router,
        &[
            (Upgrade, "GET", "/", Mount(0)),
            (Upgrade, "GET", "/wss", Mount(0)),
            (Upgrade, "GET", "/ws/deep?query", Mount(0)),
            (Upgrade, "POST", "/", Mount(0)),
            (Upgrade, "GET", "/healthz", Mount(0)),
            (Plain, "GET", "/", Route(0)),
            (Plain, "HEAD", "/", Route(0)),
            (Plain, "GET", "/?query", Route(0)),
            (Plain, "GET", "http://a", Route(0)),
            (Plain, "GET", "/healthz", Route(1)),
            (Plain, "GET", "/other", Resolved::Request(0)),
            (Plain, "HEAD", "/other", Resolved::Request(0)),
            (Plain, "POST", "/", MethodNotAllowed("GET, HEAD")),
            (Plain, "OPTIONS", "/", Options("GET, HEAD")),
            (Plain, "options", "/", MethodNotAllowed("GET, HEAD")),
            (Plain, "POST", "/other", Resolved::Request(0)),
            (Plain, "OPTIONS", "/other", Resolved::Request(0)),
            (Plain, "GET", "/..", Malformed),
            (Upgrade, "GET", "/%", Malformed),
        ],
    );
}

#[test]
fn mounts_under_their_own_paths() {
    let routes = [("GET", "/"), ("POST", "/publish"), ("GET", "/chat"), ("HEAD", "/publish"), ("GET", "/publish")];
    let router = router(&["/chat", "/echo", "/a b/caf\u{e9}"], &routes);
    check(
        &router,
        &[
            (Upgrade, "GET", "/chat", Mount(0)),
            (Upgrade, "GET", "/%63hat", Mount(0)),
            (Upgrade, "GET", "/a%20b/caf%C3%A9", Mount(2)),
            (Upgrade, "GET", "/chat/", NotFound),
            (Upgrade, "GET", "/Chat", NotFound),
            (Upgrade, "GET", "/", NotFound),
            (Upgrade, "GET", "/publish", NotFound),
            (Plain, "GET", "/chat", Route(2)),
            (Plain, "GET", "/echo", Resolved::Request(1)),
            (Plain, "DELETE", "/echo", Resolved::Request(1)),
            (Plain, "GET", "/nothing", NotFound),
            (Plain, "DELETE", "/nothing", NotFound),
            (Plain, "POST", "/publish", Route(1)),
            (Plain, "HEAD", "/publish", Route(3)),
            (Plain, "GET", "/publish", Route(4)),
            (Plain, "PUT", "/publish", MethodNotAllowed("POST, HEAD, GET")),
            (Plain, "OPTIONS", "/publish", Options("POST, HEAD, GET")),
            (Plain, "OPTIONS", "/nothing", NotFound),
            (Plain, "get", "/", MethodNotAllowed("GET, HEAD")),
        ],
    );
}

#[test]
fn exact_beats_wildcard_and_the_longest_wildcard_wins() {
    let router = router(&["/*", "/a/b/*", "/a/*", "/a/b", "/a/b/c"], &[]);
    check(
        &router,
        &[
            (Upgrade, "GET", "/", Mount(0)),
            (Upgrade, "GET", "/x", Mount(0)),
            (Upgrade, "GET", "/ab", Mount(0)),
            (Upgrade, "GET", "/a", Mount(2)),
            (Upgrade, "GET", "/a/", Mount(2)),
            (Upgrade, "GET", "/a/x", Mount(2)),
            (Upgrade, "GET", "/a/bc", Mount(2)),
            (Upgrade, "GET", "/a/b", Mount(3)),
            (Upgrade, "GET", "/a/b/", Mount(1)),
            (Upgrade, "GET", "/a/b/c", Mount(4)),
            (Upgrade, "GET", "/a/b/c/d", Mount(1)),
        ],
    );
}

#[test]
fn a_wildcard_route_takes_paths_without_a_more_exact_pattern() {
    let mounts = ["/echo", "/rooms/*"];
    let routes = [
        ("GET", "/*"),
        ("POST", "/*"),
        ("GET", "/files/*"),
        ("GET", "/files/a"),
        ("PUT", "/rooms/*"),
        ("OPTIONS", "/files/*"),
    ];
    check(
        &router(&mounts, &routes),
        &[
            (Plain, "GET", "/", Route(0)),
            (Plain, "HEAD", "/a/b", Route(0)),
            (Plain, "POST", "/a/b", Route(1)),
            (Plain, "DELETE", "/a/b", MethodNotAllowed("GET, HEAD, POST")),
            (Plain, "GET", "/files", Route(2)),
            (Plain, "GET", "/files/b/c", Route(2)),
            (Plain, "GET", "/files/a", Route(3)),
            (Plain, "GET", "/filesystem", Route(0)),
            (Plain, "OPTIONS", "/files/b", Route(5)),
            (Plain, "OPTIONS", "/a/b", Options("GET, HEAD, POST")),
            (Plain, "GET", "/echo", Resolved::Request(0)),
            (Plain, "GET", "/echo/", Route(0)),
            (Plain, "PUT", "/rooms/1", Route(4)),
            (Plain, "GET", "/rooms/1", MethodNotAllowed("PUT")),
            (Upgrade, "GET", "/", NotFound),
            (Upgrade, "GET", "/rooms/1", Mount(1)),
        ],
    );
    let everywhere = router(&["/*"], &[("GET", "/*")]);
    check(&everywhere, &[(Plain, "GET", "/a", Route(0)), (Upgrade, "GET", "/a", Mount(0))]);
}

#[test]
fn a_prefix_may_be_there_or_trimmed() {
    for prefix in ["/ws", "/ws/"] {
        let mut router = router(&["/chat", "/ws"], &[("GET", "/")]);
        router.prefix(prefix).unwrap();
        check(
            &router,
            &[
                (Upgrade, "GET", "/chat", Mount(0)),
                (Upgrade, "GET", "/ws/chat", Mount(0)),
                (Upgrade, "GET", "/wschat", NotFound),
                (Upgrade, "GET", "/ws/ws/chat", NotFound),
                // The proxy has trimmed the prefix: the rest is a path that begins like it.
                (Upgrade, "GET", "/ws", Mount(1)),
                (Upgrade, "GET", "/ws/ws", Mount(1)),
                (Plain, "GET", "/", Route(0)),
                (Plain, "GET", "/ws", Route(0)),
                (Plain, "GET", "/ws/", Route(0)),
                (Plain, "GET", "/ws/chat", Resolved::Request(0)),
                (Plain, "POST", "/ws/", MethodNotAllowed("GET, HEAD")),
            ],
        );
    }
}

#[test]
fn refuses_paths_that_no_request_reaches() {
    let mut router = router(&["/a", "/b/*", "/*"], &[("GET", "/a"), ("GET", "/d/*")]);
    let mounts = [
        ("", RouterError::Path),
        ("a", RouterError::Path),
        ("*", RouterError::Wildcard),
        ("/a*", RouterError::Wildcard),
        ("/*/a", RouterError::Wildcard),
        ("/*/*", RouterError::Wildcard),
        ("a/*", RouterError::Path),
        ("/../a", RouterError::Path),
        ("/.a/*", RouterError::Path),
        ("/a\\b", RouterError::Path),
        ("/a\nb", RouterError::Path),
        ("/a?b", RouterError::Path),
        ("/a#b/*", RouterError::Path),
        ("/a%20b", RouterError::Path),
        ("/a%3Fb", RouterError::Path),
        ("/a", RouterError::Twice),
        ("/b/*", RouterError::Twice),
        ("/*", RouterError::Twice),
    ];
    for (pattern, expected) in mounts {
        assert_eq!(router.add_mount(pattern, 9), Err(expected), "{pattern:?}");
    }
    let routes = [
        ("GET", "a", RouterError::Path),
        ("GET", "/a*", RouterError::Wildcard),
        ("GET", "/*/*", RouterError::Wildcard),
        ("GET", "a/*", RouterError::Path),
        ("GE T", "/c", RouterError::Method),
        ("", "/c", RouterError::Method),
        ("GET", "/a", RouterError::Twice),
        ("GET", "/d/*", RouterError::Twice),
    ];
    for (method, path, expected) in routes {
        assert_eq!(router.add_route(method, path, 9), Err(expected), "{method:?} {path:?}");
    }
    for (prefix, expected) in [
        ("ws", RouterError::Path),
        ("/ws/*", RouterError::Wildcard),
        ("/..", RouterError::Path),
        ("/a?b", RouterError::Path),
        ("/a%20b/", RouterError::Path),
    ] {
        assert_eq!(router.prefix(prefix), Err(expected), "{prefix:?}");
    }
    assert_eq!(router.prefix("/"), Ok(()));
    assert_eq!(router.add_mount("/100%", 9), Ok(()));
    check(&router, &[(Upgrade, "GET", "/100%25", Mount(9))]);
}

#[test]
fn mounts_and_routes_have_no_refusal() {
    let statuses = [
        (Mount(0), None),
        (Route(0), None),
        (MethodNotAllowed("GET, HEAD"), Some(405)),
        (Options("GET, HEAD"), Some(204)),
        (Resolved::Request(0), None),
        (NotFound, Some(404)),
        (Malformed, Some(400)),
    ];
    for (resolved, status) in statuses {
        assert_eq!(resolved.refusal().map(|it| it.status()), status, "{resolved:?}");
    }
    for resolved in [MethodNotAllowed("GET, HEAD"), Options("GET, HEAD")] {
        let refusal = resolved.refusal().unwrap();
        assert!(refusal.headers().contains(&("Allow".into(), "GET, HEAD".into())), "{resolved:?}");
    }
}

#[test]
fn the_caller_may_choose_the_answer_to_unknown_paths() {
    let mut router = Router::default();
    assert_eq!(router.refusal(&NotFound), NotFound.refusal());
    let elsewhere = Response::new(307).header("Location", "/");
    router.set_not_found(elsewhere.clone());
    assert_eq!(router.refusal(&NotFound), Some(elsewhere));
    for other in [Mount(0), Route(0), Resolved::Request(0), MethodNotAllowed("GET, HEAD"), Malformed] {
        assert_eq!(router.refusal(&other), other.refusal(), "{other:?}");
    }
}

#[test]
fn the_patterns_of_mounts_are_listed_in_the_order_of_their_numbers() {
    let all = ["/echo", "/rooms/*", "/a", "/*", "/rooms"];
    assert_eq!(router(&all, &[("GET", "/page")]).mount_patterns(), all);
}
