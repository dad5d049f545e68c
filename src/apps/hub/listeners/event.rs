//! The hub's own texts for listeners: they begin with `! `, and JSON follows.

use std::fmt::Write;

use serde_json::value::RawValue;

use super::super::json::push;
use super::topics::connection_name;
use crate::ConnectionId;

/// The beginning of each event, by which it differs from a message: those begin with an id.
const PREFIX: &str = "! ";

/// An event that is being written.
pub(super) struct Event(String);

impl Event {
    /// `! {"event":"NAME"}`
    pub fn new(name: &str) -> Self {
        Event(format!("{PREFIX}{{\"event\":\"{name}\"}}"))
    }

    /// The first one about a channel: `id` is the position before what is sent next.
    pub fn subscribed(channel: &str, id: &str, gap: bool, connection: ConnectionId) -> String {
        let gap = if gap { "true" } else { "false" };
        let event = Event::new("subscribed").text("channel", channel).text("id", id).json("gap", gap);
        event.text("connection", &connection_name(connection)).done()
    }

    /// Everything up to `id` has been sent.
    pub fn position(id: &str) -> String {
        Event::new("position").text("id", id).done()
    }

    /// Messages are missing: of one channel, or, with the position behind them, of all.
    pub fn gap(channel: Option<&str>, id: Option<&str>) -> String {
        Event::new("gap").maybe("channel", channel).maybe("id", id).done()
    }

    pub fn error(status: u16, reason: &str, channel: Option<&str>, reference: Option<&RawValue>) -> String {
        let event = Event::new("error").json("error", &status.to_string()).maybe("channel", channel);
        event.reference(reference).text("reason", reason).done()
    }

    /// Adds a string.
    pub fn text(self, key: &str, value: &str) -> Self {
        let mut quoted = String::new();
        push(&mut quoted, value);
        self.json(key, &quoted)
    }

    /// Adds the `ref` of a command, as it stood there.
    pub fn reference(self, reference: Option<&RawValue>) -> Self {
        match reference {
            Some(reference) => self.json("ref", reference.get()),
            None => self,
        }
    }

    pub fn done(self) -> String {
        self.0
    }

    fn maybe(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a value that is JSON.
    fn json(mut self, key: &str, value: &str) -> Self {
        self.0.pop();
        // Writing to a string cannot fail.
        let _ = write!(self.0, ",\"{key}\":{value}}}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_json_behind_its_mark() {
        let reference: Box<RawValue> = serde_json::from_str("\"a\\u0062\"").expect("JSON");
        let odd = "/a \"b\\\u{1f600}\u{2028}/\u{7f}";
        let events = [
            (
                Event::subscribed("/orders/42", "k3vQ7a-99", false, ConnectionId::from_bits(0xc8f1)),
                r#"! {"event":"subscribed","channel":"/orders/42","id":"k3vQ7a-99","gap":false,"connection":"cc8f1"}"#,
            ),
            (Event::position("k3vQ7a-7"), r#"! {"event":"position","id":"k3vQ7a-7"}"#),
            (Event::gap(Some("/a"), None), r#"! {"event":"gap","channel":"/a"}"#),
            (Event::gap(None, Some("k3vQ7a-7")), r#"! {"event":"gap","id":"k3vQ7a-7"}"#),
            (
                Event::error(403, "no", Some("/a"), Some(&reference)),
                r#"! {"event":"error","error":403,"channel":"/a","ref":"a\u0062","reason":"no"}"#,
            ),
            (Event::error(429, "slow", None, None), r#"! {"event":"error","error":429,"reason":"slow"}"#),
        ];
        for (event, expected) in &events {
            assert_eq!(event, expected);
        }
        let event = Event::subscribed(odd, "x-1", true, ConnectionId::NOBODY);
        let json: serde_json::Value =
            serde_json::from_str(event.strip_prefix(PREFIX).expect("its mark")).expect("JSON");
        assert_eq!((json["channel"].as_str(), json["gap"].as_bool()), (Some(odd), Some(true)));
        assert_eq!(json["connection"], "cffffffffffffffff");
    }
}
