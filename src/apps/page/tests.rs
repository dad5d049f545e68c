use serde_json::json;

use super::*;
use crate::apps::{APPS, ECHO, Recipe};

fn get(path: &str) -> Response {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    page(&Request::parse(head.as_bytes()).unwrap(), &html("html".to_owned()))
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

/// The facts about the server that the page's script gets.
fn told(served: &Served<'_>) -> serde_json::Value {
    let html = render(served, 1 << 20);
    let attribute = html.split("<meta name=\"sockhop\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let unescape = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    let text = unescape.iter().fold(attribute.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn tells_its_script_the_path_of_each_app() {
    let all = told(&Served::Named(&APPS));
    let paths: Vec<_> = all["apps"].as_array().unwrap().iter().map(|app| app["path"].as_str().unwrap()).collect();
    assert_eq!(paths, APPS.each_ref().map(|app| app.name));
    assert_eq!(all["max"], 1 << 20);
    let one = told(&Served::Everywhere(&APPS[1]));
    assert_eq!(one["apps"].as_array().map(Vec::len), Some(1));
    assert_eq!((&one["apps"][0]["path"], &one["apps"][0]["after"]), (&json!("ws"), &json!(1000)));
    let hub = told(&Served::Hub);
    assert_eq!((&hub["apps"][0]["name"], &hub["apps"][0]["isHub"]), (&json!("hub"), &json!(true)));
}

#[test]
fn says_how_to_run_the_same_app() {
    let changed = App { about: "with --after 5s --to sender".into(), ..APPS[1].clone() };
    for (app, command) in [(&APPS[1], "sockhop pong"), (&changed, "sockhop pong --after 5s --to sender")] {
        assert_eq!(told(&Served::Everywhere(app))["apps"][0]["command"], command);
    }
}

#[test]
fn escapes_texts_of_a_recipe_in_the_attribute() {
    let recipe = Recipe { subprotocols: vec!["b.1".into(), "b&".into()], ..ECHO };
    let hostile = App { about: "<script>\"'".into(), example: "\"><img onerror=x>".into(), recipe, ..APPS[0].clone() };
    let html = render(&Served::Everywhere(&hostile), 0);
    assert_eq!(html.matches('<').count(), HTML.matches('<').count());
    assert_eq!(html.matches('"').count(), HTML.matches('"').count());
    assert_eq!(told(&Served::Everywhere(&hostile))["apps"][0]["example"], "\"><img onerror=x>");
}

/// The files of the client.
fn clients() -> [(&'static str, String); 6] {
    CLIENT.map(|(path, _, text)| (path, text()))
}

#[test]
fn loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let files = ASSETS.map(|(path, _, text)| (path, text.to_owned())).into_iter();
    for (path, text) in files.chain(clients()).chain([("/", HTML.to_owned())]) {
        let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["http://", "https://", "\"//", "'//", "@import", ": url(", " style=", " onclick=", "<script>"]
        {
            assert!(!text.contains(forbidden), "{forbidden} in {path}");
        }
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!text.contains(sink), "{sink} in {path}");
        }
    }
}

#[test]
fn loads_every_file_that_is_served() {
    let files = ASSETS.map(|(path, _, _)| path).into_iter().chain(["/client.mjs", "/client.js"]);
    for path in files {
        let name = path.trim_start_matches('/');
        let is_named = HTML.contains(&format!("\"{name}\""))
            || ASSETS.iter().any(|(_, _, text)| text.contains(&format!("from './{name}'")));
        assert!(is_named, "nothing loads {name}");
    }
}

#[test]
fn the_script_is_the_code_of_both_modules() {
    let [module, hub, script, ..] = clients().map(|(_, text)| text);
    assert_eq!(module, include_str!("client.mjs"), "what is served is the file as it stands");
    assert_eq!(hub, include_str!("hub.mjs"));
    assert!(!body(&module).contains("export ") && !body(&hub).contains("export "), "one line exports");
    let code =
        |text: &str| text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect();
    let mut expected: Vec<String> = code(&["{\n", body(&module), body(&hub), CLASSIC].concat());
    expected.retain(|line| line != "import { Sockhop } from './client.mjs'");
    assert_eq!(code(&script), expected);
}

#[test]
fn the_types_of_the_hub_go_on_where_those_of_the_client_end() {
    let [.., types, hub_types, script_types] = clients().map(|(_, text)| text);
    assert_eq!(types, include_str!("client.d.mts"));
    assert_eq!(hub_types.strip_prefix(body(&types)), Some(HUB_TYPES));
    assert_eq!(script_types.strip_suffix(CLASSIC_TYPES), Some(body(&hub_types)));
}

#[test]
fn is_small() {
    let [client, hub, script, ..] = clients().map(|(_, text)| text.len());
    assert!(client < 6 * 1024, "the client has {client} bytes");
    assert!(hub < 11 * 1024, "its part for the hub has {hub} bytes");
    assert!(script < 15 * 1024, "both as a script have {script} bytes");
    let all = HTML.len() + ASSETS.iter().map(|(_, _, text)| text.len()).sum::<usize>();
    assert!(all < 64 * 1024, "the page has {all} bytes without the client");
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
fn redirects_a_prefix_without_a_slash() {
    for (path, location) in [("/ws", "./ws/"), ("/a/ws", "./ws/"), ("/a/b:c?d", "./b:c/?d"), ("/ws?", "./ws/?")] {
        let response = get(path);
        assert_eq!((response.status(), header(&response, "Location")), (307, Some(location)), "{path}");
    }
    for path in ["/ws/", "/?a/b", "/ws/?x"] {
        assert_eq!(get(path).status(), 200, "{path}");
    }
}
