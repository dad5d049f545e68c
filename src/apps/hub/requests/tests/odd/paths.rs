//! Paths and methods.

use super::*;

/// What the router says of a path that it refuses.
const ROUTER: &str = "The path is not valid";

#[test]
fn paths() {
    let (sixteen, long) = ("/a".repeat(16), format!("/{}", "x".repeat(254)));
    let (seventeen, longer) = (format!("{sixteen}/a"), format!("{long}x"));
    let encoded = "/%61".repeat(17);
    let post = |target, status, text| ("POST", target, &[][..], Some("x"), status, text);
    let rows: &[Row<'_>] = &[
        post("/", 404, "/ is no channel"),
        post("//", 400, "empty segment"),
        post("/a/", 400, "empty segment"),
        post("//a", 400, "empty segment"),
        post("/a//b", 400, "empty segment"),
        post("/%20", 202, "subscribers"),
        post("/a%2Fb", 400, "%2F"),
        post("/a%2fb", 400, "%2F"),
        post("/%2F", 400, "%2F"),
        post("/%2Fa", 400, "%2F"),
        post("/a%252Fb", 202, "subscribers"),
        post("/a%5Cb", 400, ROUTER),
        post("/a%00b", 400, ROUTER),
        post("/a%0Ab", 400, ROUTER),
        post("/a%0D%0AX:1", 400, ROUTER),
        post("/a%7F", 400, ROUTER),
        post("/a%C2%85", 400, ROUTER),
        post("/a%FF", 400, ROUTER),
        post("/a%C3%28", 400, ROUTER),
        post("/a%", 400, ROUTER),
        post("/a%4", 400, ROUTER),
        post("/a%zz", 400, ROUTER),
        post("/.", 400, ROUTER),
        post("/..", 400, ROUTER),
        post("/a/../b", 400, ROUTER),
        post("/a/%2e%2e/b", 400, ROUTER),
        post("/.env", 400, ROUTER),
        post("/.well-known/x", 400, "begins with a dot"),
        post("/a/*", 400, "*"),
        post("/*", 400, "*"),
        post("/a%2A", 400, "*"),
        post("/a?b", 202, "subscribers"),
        post("/a;b=c,d", 202, "subscribers"),
        post("/\u{5b}a\u{5d}", 202, "subscribers"),
        post("http://localhost/a", 202, "subscribers"),
        post("/%F0%9F%98%80", 202, "subscribers"),
        post(&sixteen, 202, "subscribers"),
        post(&seventeen, 400, "16 segments"),
        post(&encoded, 400, "16 segments"),
        post(&long, 202, "subscribers"),
        post(&longer, 400, "255 bytes"),
    ];
    check(&mut small(), rows);
}

#[test]
fn paths_that_others_have() {
    let post = |target, status, text| ("POST", target, &[][..], Some("x"), status, text);
    let rows: &[Row<'_>] = &[
        post("/healthz", 404, "/healthz"),
        post("/readyz", 404, "/readyz"),
        post("/client.js", 404, "no channel"),
        post("/client.mjs", 404, "no channel"),
        post("/hub.mjs", 404, "no channel"),
        post("/healthz/a", 202, "subscribers"),
        post("/-", 404, "/-/batch"),
        post("/-/", 404, "/-/batch"),
        post("/-/nothing", 404, "/-/batch"),
        post("/-/batch/", 404, "/-/batch"),
        post("/-/BATCH", 404, "/-/batch"),
        post("/-/multi", 405, "method"),
        post("/-a", 202, "subscribers"),
        post("/a/-/b", 202, "subscribers"),
        post("/closed/a", 403, "denies"),
    ];
    check(&mut small(), rows);
}

#[test]
fn methods() {
    let on = |method, target, status, text| (method, target, &[][..], None, status, text);
    let rows: &[Row<'_>] = &[
        on("PUT", "/a", 405, "Allow"),
        on("PATCH", "/a", 405, "Allow"),
        on("TRACE", "/a", 405, "Allow"),
        on("get", "/a", 405, "Allow"),
        on("GET", "/-/batch", 405, "Allow"),
        on("DELETE", "/-/batch", 405, "Allow"),
        on("HEAD", "/-/multi", 405, ""),
        on("GET", "/-/multi", 426, "WebSockets"),
        on("OPTIONS", "/-/multi", 204, ""),
        on("OPTIONS", "/-/batch", 204, ""),
        on("OPTIONS", "/a", 204, ""),
        on("OPTIONS", "/a/", 400, "empty segment"),
        on("OPTIONS", "/", 404, "no channel"),
        on("GET", "/", 404, "no channel"),
        on("HEAD", "/a", 200, ""),
        on("DELETE", "/a", 204, ""),
        on("DELETE", "/closed/a", 403, "denies"),
        on("GET", "/closed/a", 403, "denies"),
        on("OPTIONS", "/closed/a", 204, ""),
    ];
    let mut stage = small();
    check(&mut stage, rows);
    for (target, allow) in
        [("/a", "GET, HEAD, POST, DELETE, OPTIONS"), ("/-/batch", "POST, OPTIONS"), ("/-/multi", "GET, OPTIONS")]
    {
        assert_eq!(ask(&mut stage, "PUT", target, &[], None).header("Allow"), Some(allow), "{target}");
    }
    assert_eq!(get(&mut stage, "/-/multi").header("Upgrade"), Some("websocket"));
}
