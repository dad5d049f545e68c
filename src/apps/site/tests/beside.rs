//! Files beside a hub.

use super::*;

/// The status and the content of the answer beside a hub.
fn beside(site: &Site, line: &str, headers: &str) -> Option<(u16, String)> {
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let client = Representation::new("text/javascript", &b"client"[..]);
    let answer =
        site.answer_beside(&Request::parse(head.as_bytes()).unwrap(), "/pre", Some(("/client.js", &client)))?;
    if answer.status() == 200 {
        assert_eq!(header(&answer, "Content-Security-Policy"), Some(POLICY.1), "{line}");
    }
    Some((answer.status(), String::from_utf8(answer.content().to_vec()).unwrap()))
}

#[test]
fn paths_without_a_file_are_left_to_the_hub() {
    let scene = Scene::new("beside");
    scene.write("docs/index.html", "docs");
    scene.write("404.html", "missing");
    let site = scene.read();
    for (line, content) in [
        ("GET /", "home"),
        ("HEAD /", "home"),
        ("GET /index.html", "home"),
        ("GET /docs/", "docs"),
        ("GET /pre/docs/", "docs"),
        ("GET /client.js", "client"),
        ("GET /pre/client.js?x", "client"),
    ] {
        assert_eq!(beside(&site, line, ""), Some((200, content.to_owned())), "{line}");
    }
    for line in
        ["GET /news", "GET /news?last=10", "GET /docs/x", "GET /-/batch", "POST /news", "OPTIONS /news", "DELETE /x"]
    {
        assert_eq!(beside(&site, line, "Accept: text/html\r\n"), None, "{line}");
    }
    assert_eq!(beside(&site, "GET /docs", "").map(|(status, _)| status), Some(307));
    for line in ["POST /", "POST /index.html", "DELETE /docs/", "PUT /client.js", "POST /docs"] {
        assert_eq!(beside(&site, line, "").map(|(status, _)| status), Some(405), "{line}");
    }
    assert_eq!(beside(&site, "OPTIONS /", "").map(|(status, _)| status), Some(204));
}

#[test]
fn only_browsers_that_go_to_a_page_get_the_fallback_beside_a_hub() {
    let site = Scene::new("beside-fallback").read().with_fallback("index.html").unwrap();
    let browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    assert_eq!(beside(&site, "GET /news", browser), Some((200, "home".to_owned())));
    for (line, headers) in [
        ("GET /news", ""),
        ("GET /news", "Accept: */*\r\n"),
        ("GET /news", "Accept: application/json\r\n"),
        ("GET /.well-known/x", browser),
        ("POST /news", browser),
    ] {
        assert_eq!(beside(&site, line, headers), None, "{line} {headers}");
    }
}
