//! Commands that clients of `/-/multi` send as text: one JSON object each.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

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

type Members<'a> = HashMap<String, &'a RawValue>;

impl<'a> Command<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        const KINDS: [&str; 3] = ["subscribe", "unsubscribe", "publish"];
        let object = "a command is a JSON object, such as {\"subscribe\":[\"/orders/42\"]}";
        // It saves the memory of a map for what can be no command.
        if text.len() > MAX_COMMAND && !text.contains("\"publish\"") {
            return Err(Invalid::new(413, "the command is longer than 128 KiB", None));
        }
        let members: Members<'a> = serde_json::from_str(text).map_err(|_| Invalid::new(400, object, None))?;
        let reference = reference(&members)?;
        let mut kinds = KINDS.into_iter().filter(|kind| members.contains_key(*kind));
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
    let Some(&reference) = members.get("ref") else { return Ok(None) };
    let is_scalar = reference.get().starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    if !is_scalar || reference.get().len() > MAX_REFERENCE {
        return Err(Invalid::new(400, "a ref is a number or a string of at most 64 bytes", None));
    }
    Ok(Some(reference.to_owned()))
}

fn channels<'a>(members: &Members<'_>, kind: &str) -> Result<Command<'a>, &'static str> {
    let list = members.get(kind).map_or("", |list| list.get());
    if list.len() > MAX_COMMAND {
        return Err("the list of channels is longer than 128 KiB");
    }
    let channels: Vec<String> =
        serde_json::from_str(list).map_err(|_| "channels are a list of strings, such as [\"/orders/42\"]")?;
    if channels.len() > MAX_CHANNELS {
        return Err("a command names at most 64 channels");
    }
    if kind == "unsubscribe" {
        return Ok(Command::Unsubscribe { channels });
    }
    let since = members.get("since").map(|since| serde_json::from_str(since.get()));
    let since: Option<Option<String>> = since.transpose().map_err(|_| "since is a string, the id of a message")?;
    Ok(Command::Subscribe { channels, since: since.flatten() })
}

fn publish<'a>(members: &Members<'a>) -> Result<(String, Data<'a>, bool), &'static str> {
    let channel = members.get("publish").map_or("", |channel| channel.get());
    let channel = serde_json::from_str(channel).map_err(|_| "publish is a string, the channel")?;
    let data = match (members.get("data"), members.get("base64")) {
        (Some(data), None) => Data::Text(text(data.get())?),
        (None, Some(base64)) => {
            let wrong = "base64 is a string of RFC 4648 base64, with padding";
            let base64: String = serde_json::from_str(base64.get()).map_err(|_| wrong)?;
            Data::Binary(STANDARD.decode(base64).map_err(|_| wrong)?.into())
        }
        _ => return Err("a message has one of the members data and base64"),
    };
    let keep = members.get("history").map(|history| serde_json::from_str(history.get()));
    let keep = keep.transpose().map_err(|_| "history is true or false")?;
    Ok((channel, data, keep.unwrap_or(true)))
}

/// A string is the text in it; anything else is its JSON as it stood.
fn text(data: &str) -> Result<Cow<'_, str>, &'static str> {
    if data.starts_with('"') {
        return serde_json::from_str(data).map(Cow::Owned).map_err(|_| "data has half a surrogate pair");
    }
    Ok(Cow::Borrowed(data))
}

#[cfg(test)]
mod tests;
