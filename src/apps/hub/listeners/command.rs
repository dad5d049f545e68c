//! Commands that clients of `/-/multi` send as text: one JSON object each.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::super::json::{self, Elements, string};
use super::members::Data;

/// Bytes of a command, apart from one that publishes: 64 channels of 255 bytes, each written as `\u0000`, fit.
const MAX_COMMAND: usize = 128 * 1024;
/// Channels of a connection, and of a command.
pub(super) const MAX_CHANNELS: usize = 64;
/// Bytes of a `ref`.
const MAX_REFERENCE: usize = 64;

/// A command.
#[derive(Debug)]
pub(super) enum Command<'a> {
    Subscribe { channels: Vec<String>, since: Option<String> },
    Unsubscribe { channels: Vec<String> },
    Publish(Publish<'a>),
}

#[derive(Debug)]
pub(super) struct Publish<'a> {
    pub channel: String,
    pub data: Data<'a>,
    /// Whether the message may be kept.
    pub keep: bool,
    pub reference: Option<Box<RawValue>>,
}

/// Why a text is no command.
#[derive(Debug)]
pub(super) struct Invalid {
    pub status: u16,
    pub reason: &'static str,
    pub reference: Option<Box<RawValue>>,
}

/// The members of an object. Of a key that is there twice the last one counts.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rfind(|(other, _)| other == key).map(|(_, value)| *value)
    }
}

impl<'a> Command<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        const KINDS: [&str; 3] = ["subscribe", "unsubscribe", "publish"];
        let object = "a command is a JSON object, such as {\"subscribe\":[\"/orders/42\"]}";
        // It saves the memory of a map for what can be no command.
        if text.len() > MAX_COMMAND && !text.contains("\"publish\"") {
            return Err(Invalid::new(413, "the command is longer than 128 KiB", None));
        }
        let members = json::Members::new(text).and_then(Iterator::collect);
        let members = Members(members.map_err(|_| Invalid::new(400, object, None))?);
        let reference = reference(&members)?;
        let mut kinds = KINDS.into_iter().filter(|kind| members.get(kind).is_some());
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            let one = "a command has one of the members subscribe, unsubscribe and publish";
            return Err(Invalid::new(400, one, reference));
        };
        match kind {
            "publish" => match publish(&members) {
                Ok((channel, data, keep)) => Ok(Command::Publish(Publish { channel, data, keep, reference })),
                Err(reason) => Err(Invalid::new(400, reason, reference)),
            },
            kind => channels(&members, kind).map_err(|reason| Invalid::new(400, reason, reference)),
        }
    }
}

impl Invalid {
    fn new(status: u16, reason: &'static str, reference: Option<Box<RawValue>>) -> Self {
        Invalid { status, reason, reference }
    }
}

/// The member `ref`, which answers repeat.
fn reference(members: &Members<'_>) -> Result<Option<Box<RawValue>>, Invalid> {
    let Some(reference) = members.get("ref") else { return Ok(None) };
    let is_scalar = reference.get().starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    if !is_scalar || reference.get().len() > MAX_REFERENCE {
        return Err(Invalid::new(400, "a ref is a number or a string of at most 64 bytes", None));
    }
    Ok(Some(reference.to_owned()))
}

fn channels<'a>(members: &Members<'a>, kind: &str) -> Result<Command<'a>, &'static str> {
    let list = members.get(kind).map_or("", RawValue::get);
    if list.len() > MAX_COMMAND {
        return Err("the list of channels is longer than 128 KiB");
    }
    let channel = |element: Result<&'a RawValue, _>| Some(string(element.ok()?)?.into_owned());
    let channels = Elements::new(list).ok().and_then(|list| list.map(channel).collect::<Option<Vec<_>>>());
    let channels = channels.ok_or("channels are a list of strings, such as [\"/orders/42\"]")?;
    if channels.len() > MAX_CHANNELS {
        return Err("a command names at most 64 channels");
    }
    if kind == "unsubscribe" {
        return Ok(Command::Unsubscribe { channels });
    }
    let since = match members.get("since").filter(|since| since.get() != "null") {
        Some(since) => Some(string(since).ok_or("since is a string, the id of a message")?.into_owned()),
        None => None,
    };
    Ok(Command::Subscribe { channels, since })
}

fn publish<'a>(members: &Members<'a>) -> Result<(String, Data<'a>, bool), &'static str> {
    let channel = members.get("publish").and_then(string).ok_or("publish is a string, the channel")?.into_owned();
    let data = match (members.get("data"), members.get("base64")) {
        (Some(data), None) => Data::Text(text(data)?),
        (None, Some(base64)) => {
            let wrong = "base64 is a string of RFC 4648 base64, with padding";
            let base64 = string(base64).ok_or(wrong)?;
            Data::Binary(STANDARD.decode(base64.as_bytes()).map_err(|_| wrong)?.into())
        }
        _ => return Err("a message has one of the members data and base64"),
    };
    let keep = match members.get("history").map_or("true", RawValue::get) {
        "true" => true,
        "false" => false,
        _ => return Err("history is true or false"),
    };
    Ok((channel, data, keep))
}

/// A string is the text in it; anything else is its JSON as it stood.
fn text(data: &RawValue) -> Result<Cow<'_, str>, &'static str> {
    if data.get().starts_with('"') {
        return string(data).ok_or("data has half a surrogate pair");
    }
    Ok(Cow::Borrowed(data.get()))
}

#[cfg(test)]
mod tests;
