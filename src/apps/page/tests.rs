use super::*;
use crate::apps::{APPS, ECHO, Recipe};

fn get(path: &str) -> Response {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    page(&Request::parse(head.as_bytes()).unwrap(), "html")
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

#[test]
fn offers_every_app_by_a_relative_url() {
    let html = render(&Served::Named(&APPS));
    for app in APPS.iter() {
        assert!(html.contains(&format!(r#"<option value="{}" data-about="#, app.name)), "{}", app.name);
    }
    assert!(html.contains(r#"data-example="{&quot;name&quot;:&quot;Ada&quot;,"#));
    let html = render(&Served::Everywhere(&APPS[1]));
    assert!(html.contains(r#"<option value="." data-about="#));
    assert_eq!(html.matches("<option").count(), 1);
}

#[test]
fn what_a_recipe_says_cannot_leave_its_attribute() {
    let recipe = Recipe { subprotocols: vec!["b.1".into(), "b&".into()], ..ECHO };
    let hostile = App { about: "<script>\"'".into(), example: "\"><img onerror=x>".into(), recipe, ..APPS[0].clone() };
    let html = render(&Served::Everywhere(&hostile));
    assert!(html.contains(r#"data-about="&lt;script&gt;&quot;'" data-example="&quot;&gt;&lt;img onerror=x&gt;""#));
    assert!(html.contains(r#"data-subprotocols="b.1 b&amp;""#));
}

#[test]
fn loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    for (name, text) in [("html", HTML), ("css", CSS), ("script", SCRIPT)] {
        let text = text.replace("xmlns='http://www.w3.org/2000/svg'", "");
        for forbidden in
            ["http://", "https://", "//cdn", "@import", "url(", " style=", " onclick=", "<script>", "<style"]
        {
            assert!(!text.contains(forbidden), "{forbidden} in the {name}");
        }
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(sink), "{sink} in the {name}");
        }
    }
    assert!(HTML.len() + CSS.len() + SCRIPT.len() < 16 * 1024, "small enough for one look");
}

#[test]
fn has_the_elements_that_its_script_looks_for() {
    let looked_for = SCRIPT.split('\'').filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let ids: Vec<_> = HTML.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for id in &ids {
        assert!(SCRIPT.contains(&format!("'{id}'")) || CSS.contains(&format!("#{id}")), "nobody needs #{id}");
    }
    for id in ["picker", "app", "about", "address", "state", "toggle", "log", "text", "send", "clear", "link", "say"] {
        assert!(ids.contains(&id) && looked_for.clone().any(|word| word == id), "{id}");
    }
}

#[test]
fn is_sent_with_a_strict_policy() {
    let response = get("/");
    assert_eq!((response.status(), response.content()), (200, b"html".as_slice()));
    let policy = header(&response, "Content-Security-Policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&response, "Cache-Control"), Some("no-cache"));
}

#[test]
fn a_prefix_without_its_slash_is_sent_there() {
    for (path, location) in [("/ws", "./ws/"), ("/a/ws", "./ws/"), ("/a/b:c?d", "./b:c/")] {
        let response = get(path);
        assert_eq!((response.status(), header(&response, "Location")), (307, Some(location)), "{path}");
    }
    for path in ["/ws/", "/?a/b", "/ws/?x"] {
        assert_eq!(get(path).status(), 200, "{path}");
    }
}
