//! Hostile and odd requests, each with the answer that it gets.

mod batches;
mod bodies;
mod origins;
mod paths;
mod queries;
mod tokens;

use super::*;
use crate::Config;

/// A request, the status of its answer, and a part of what that says.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a str>, u16, &'a str);

/// A hub whose limits are low enough to reach.
fn small() -> Stage<Hub> {
    let parse = |rule: &&str| rule.parse().expect("a rule");
    let rules = ["/closed/* deny", "/none/* history=0", "/two/* history=2"].iter().map(parse).collect();
    let config = HubConfig { rules, max_batch: 4096, ..HubConfig::default() };
    Stage::with_config(Hub::new(config), Config { max_body: 64, ..Config::default() })
}

fn check(stage: &mut Stage<Hub>, rows: &[Row<'_>]) {
    for (method, target, headers, body, status, text) in rows {
        let got = ask(stage, method, target, headers, body.map(str::as_bytes));
        let said = String::from_utf8_lossy(&got.response.body).into_owned();
        assert_eq!(got.status, *status, "{method} {target} {headers:?} {body:?}: {said}");
        assert!(said.contains(text), "{method} {target} {headers:?} {body:?}: {said}");
        // All refusals of the hub's own are JSON that says something. The router's are not.
        let is_own = got.header("Vary").is_some();
        let says =
            got.error().split_once(": ").is_some_and(|(_, advice)| !advice.is_empty()) || !got.error().is_empty();
        let has_body = *method != "HEAD" && !matches!(got.status, 200..=299);
        assert!(!is_own || !has_body || says || got.json.is_array(), "{method} {target}: {said}");
    }
}

/// Sends bytes as they are, on a connection of its own.
fn send_raw(stage: &mut Stage<Hub>, bytes: &[u8]) -> Got {
    let client = stage.request("GET", "/raw", &[], None);
    assert_eq!(stage.response(client).map(|response| response.status), Some(200));
    stage.queue(client, bytes);
    stage.run();
    Got::new(stage.response(client).expect("an answer"))
}
