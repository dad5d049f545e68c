//! `/-/batch`: many messages in one request. Each is answered for itself.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::super::batches::Done;
use super::super::channel;
use super::super::json::{Elements, Invalid, Members, string};
use super::super::log::{Entry, Kind};
use super::super::problem::Problem;
use super::super::shared::{Hub, Waiter};
use super::super::tokens::{Caller, Right};
use super::terms::{check_except, check_key};
use crate::http::Request;
use crate::{Answer, Context};

/// Messages in a batch, counted over the channels of its items.
const MAX_MESSAGES: usize = 1000;

/// An item of a batch.
struct Item<'b> {
    channels: Vec<Cow<'b, str>>,
    kind: Kind,
    payload: Cow<'b, [u8]>,
    key: Option<Cow<'b, str>>,
    keep: bool,
    except: Option<Cow<'b, str>>,
}

/// Publishes a batch: in order, and each message that can be.
pub(super) fn publish(
    hub: &mut Hub,
    ctx: &mut Context<'_>,
    body: &[u8],
    request: &Request<'_>,
    page: Option<&str>,
) -> Result<Answer, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::new(415, "the batch is not UTF-8: send JSON"))?;
    let items = items(text)?;
    let caller = hub.tokens.caller(ctx, request);
    let batch = hub.batches.begin(ctx.deferred(), page.map(Box::from));
    for item in &items {
        match item {
            Ok(item) => item.channels.iter().for_each(|channel| send(hub, ctx, batch, item, channel, &caller)),
            Err(problem) => hub.batches.refuse(batch, problem.clone()),
        }
    }
    hub.finish(ctx);
    match hub.batches.seal(batch, hub.config.rephrase) {
        Some(Done { response, .. }) => Ok(response.into()),
        None => Ok(Answer::Later),
    }
}

/// Hands one message to the log.
fn send(hub: &mut Hub, ctx: &mut Context<'_>, batch: u64, item: &Item<'_>, channel: &str, caller: &Caller<'_>) {
    if let Err(problem) = check(hub, ctx, item, channel, caller) {
        return hub.batches.refuse(batch, problem);
    }
    let Item { kind, payload, key, keep, except, .. } = item;
    let (key, except) = (key.as_deref(), except.as_deref());
    let entry = Entry { channel, kind: *kind, payload, key, keep: *keep, except };
    let place = hub.batches.add(batch);
    match hub.state.publish(entry, Some(Waiter::Item(place))) {
        Ok(()) => drop(hub.apply_events(ctx, None)),
        Err(refusal) => hub.batches.take_back(place, refusal.into()),
    }
}

fn check(hub: &Hub, ctx: &Context<'_>, item: &Item<'_>, channel: &str, caller: &Caller<'_>) -> Result<(), Problem> {
    channel::check(channel)?;
    hub.tokens.check(Right::Publish, caller, channel)?;
    if hub.rules.find(channel).deny {
        return Err(super::denied());
    }
    let (length, max) = (item.payload.len(), ctx.max_body());
    if length > max {
        let text =
            format!("the message has {length} bytes, more than Config::max_body ({max}): send less, or raise it");
        return Err(Problem::new(413, text));
    }
    Ok(())
}

/// The items of a batch: what is wrong with one is no fault of the others.
fn items(text: &str) -> Result<Vec<Result<Item<'_>, Problem>>, Problem> {
    let array = |invalid| match invalid {
        Invalid::OtherValue => {
            Problem::new(400, "a batch is a JSON array, such as [{\"channel\":\"/orders/42\",\"data\":\"hello\"}]")
        }
        Invalid::Syntax => Problem::new(400, "the batch is not JSON: check its quotes, commas and brackets"),
    };
    let (mut items, mut messages) = (Vec::new(), 0_usize);
    for element in Elements::new(text).map_err(array)? {
        let item = Item::read(element.map_err(array)?.get());
        messages += item.as_ref().map_or(1, |item| item.channels.len());
        if messages > MAX_MESSAGES {
            let text = "the batch has more than 1000 messages, counted over channels: send several batches";
            return Err(Problem::new(413, text));
        }
        items.push(item);
    }
    Ok(items)
}

/// An item as it is being read.
#[derive(Default)]
struct Draft<'b> {
    channel: Option<Cow<'b, str>>,
    channels: Option<Vec<Cow<'b, str>>>,
    data: Option<Cow<'b, [u8]>>,
    base64: Option<Cow<'b, [u8]>>,
    key: Option<Cow<'b, str>>,
    history: Option<bool>,
    except: Option<Cow<'b, str>>,
}

impl<'b> Item<'b> {
    fn read(text: &'b str) -> Result<Self, Problem> {
        let object = |_| bad("an item is a JSON object, such as {\"channel\":\"/orders/42\",\"data\":\"hello\"}");
        let mut draft = Draft::default();
        for member in Members::new(text).map_err(object)? {
            let (name, value) = member.map_err(object)?;
            draft.set(&name, value)?;
        }
        let channels = match (draft.channel, draft.channels) {
            (Some(channel), None) => vec![channel],
            (None, Some(channels)) if !channels.is_empty() => channels,
            (Some(_), Some(_)) => return Err(bad("an item has channel or channels, not both")),
            (None, _) => return Err(bad("an item has no channel: add \"channel\":\"/orders/42\"")),
        };
        let (kind, payload) = match (draft.data, draft.base64) {
            (Some(data), None) => (Kind::Text, data),
            (None, Some(bytes)) => (Kind::Binary, bytes),
            (Some(_), Some(_)) => return Err(bad("an item has data or base64, not both")),
            (None, None) => return Err(bad("an item has no message: add \"data\":\"hello\", or base64")),
        };
        let Draft { key, history, except, .. } = draft;
        Ok(Item { channels, kind, payload, key, keep: history.unwrap_or(true), except })
    }
}

impl<'b> Draft<'b> {
    fn set(&mut self, name: &str, value: &'b RawValue) -> Result<(), Problem> {
        let text = |what: &'static str| string(value).ok_or_else(|| bad(what));
        let is_twice = match name {
            "channel" => self.channel.replace(text("channel is a string, such as \"/orders/42\"")?).is_some(),
            "channels" => self.channels.replace(strings(value)?).is_some(),
            "data" => self.data.replace(data(value)?).is_some(),
            "base64" => self.base64.replace(decode(value)?).is_some(),
            "key" => {
                let key = text("key is a string")?;
                check_key(&key)?;
                self.key.replace(key).is_some()
            }
            "history" => match value.get() {
                "true" => self.history.replace(true).is_some(),
                "false" => self.history.replace(false).is_some(),
                _ => return Err(bad("history is true or false")),
            },
            "except" => {
                let except = text("except is a string")?;
                check_except(&except)?;
                self.except.replace(except).is_some()
            }
            _ => {
                let known = "an item has channel or channels, data or base64, key, history, except, and nothing else";
                return Err(bad(known));
            }
        };
        if is_twice { Err(bad("an item has a member twice: write it once")) } else { Ok(()) }
    }
}

fn bad(text: &'static str) -> Problem {
    Problem::new(400, text)
}

fn strings(value: &RawValue) -> Result<Vec<Cow<'_, str>>, Problem> {
    let array = || bad("channels is an array of strings, such as [\"/a\",\"/b\"]");
    let mut channels = Vec::new();
    for element in Elements::new(value.get()).map_err(|_| array())? {
        // One more than there may be is enough to count.
        if channels.len() <= MAX_MESSAGES {
            channels.push(string(element.map_err(|_| array())?).ok_or_else(array)?);
        }
    }
    Ok(channels)
}

/// A string is its text; anything else is its JSON, as it stood.
fn data(value: &RawValue) -> Result<Cow<'_, [u8]>, Problem> {
    if !value.get().starts_with('"') {
        return Ok(value.get().as_bytes().into());
    }
    match string(value) {
        Some(Cow::Borrowed(text)) => Ok(text.as_bytes().into()),
        Some(Cow::Owned(text)) => Ok(text.into_bytes().into()),
        None => Err(bad("data has half a surrogate pair, which is no character")),
    }
}

fn decode(value: &RawValue) -> Result<Cow<'_, [u8]>, Problem> {
    let bytes = string(value).and_then(|text| STANDARD.decode(text.as_bytes()).ok());
    bytes.map(Cow::Owned).ok_or_else(|| bad("base64 is a string in RFC 4648 base64, with its padding"))
}
