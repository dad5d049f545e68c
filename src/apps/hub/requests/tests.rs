//! A hub's plain requests, on a stage.

mod batches;
mod checks;
mod later;
mod odd;
mod pages;
mod polls;
mod publishing;
mod reading;

use std::net::SocketAddr;

use serde_json::Value;

use crate::Peer;
use crate::apps::hub::{Hub, HubConfig};
use crate::http::ReceivedResponse;
use crate::testing::{Client, Received, Stage};

/// A hub whose limits are the default ones.
fn hub() -> Stage<Hub> {
    Stage::new(Hub::new(HubConfig::default()))
}

/// A hub with tokens to publish.
fn with_tokens(tokens: &[&str]) -> Stage<Hub> {
    let publish_tokens = tokens.iter().map(|token| token.parse().expect("a token")).collect();
    Stage::new(Hub::new(HubConfig { publish_tokens, ..HubConfig::default() }))
}

fn with_rules(rules: &[&str]) -> Stage<Hub> {
    let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    Stage::new(Hub::new(HubConfig { rules, ..HubConfig::default() }))
}

/// An answer, for tests to look at.
#[derive(Debug)]
struct Got {
    status: u16,
    json: Value,
    response: ReceivedResponse,
}

impl Got {
    fn new(response: ReceivedResponse) -> Self {
        let json = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Got { status: response.status, json, response }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.response.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn id(&self) -> &str {
        self.json["id"].as_str().expect("an id")
    }

    fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }
}

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

fn ask(stage: &mut Stage<Hub>, method: &str, target: &str, headers: Headers<'_>, body: Option<&[u8]>) -> Got {
    let client = stage.request(method, target, headers, body);
    Got::new(stage.response(client).expect("an answer"))
}

fn post(stage: &mut Stage<Hub>, target: &str, body: &str) -> Got {
    ask(stage, "POST", target, &[], Some(body.as_bytes()))
}

fn get(stage: &mut Stage<Hub>, target: &str) -> Got {
    ask(stage, "GET", target, &[], None)
}

/// The messages of an answer as they were published.
fn data(got: &Got) -> Vec<&str> {
    let items = got.json["items"].as_array().expect("items");
    items.iter().map(|item| item["data"].as_str().expect("text")).collect()
}

/// The messages that a plain listener has received, as text.
fn heard(stage: &mut Stage<Hub>, client: Client) -> Vec<String> {
    let text = |received| match received {
        Received::Text(text) => text,
        Received::Binary(bytes) => format!("{bytes:?}"),
    };
    stage.received(client).into_iter().map(text).collect()
}

/// A peer that is not on this machine.
fn afar() -> Peer {
    Peer::Tcp(SocketAddr::from(([192, 0, 2, 7], 4000)))
}
