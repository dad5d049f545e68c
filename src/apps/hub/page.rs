//! Describes a channel, and a page of its history, as JSON.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json;
use super::log::{Id, Kind};
use super::state::State;
use super::state::types::Position;
use crate::http::Response;

/// Messages in one answer, if the request does not say.
pub(super) const LIMIT: usize = 100;
/// Bytes of messages in one answer. A longer one comes alone.
const MAX_BYTES: usize = 1024 * 1024;

/// Messages that one answer has.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The elements of the JSON array, with commas between.
    items: String,
    count: usize,
    /// The position behind the last one of them.
    last: Option<Position>,
    /// There was no room for the next message.
    has_more: bool,
}

impl Page {
    /// The messages that a channel has kept after an id, at most `limit` of them.
    pub fn read<W>(state: &State<W>, channel: &str, mut after: Id, limit: usize) -> Self {
        let (mut page, epoch) = (Page::default(), state.position().epoch);
        while let Some(kept) = state.next_kept(channel, after) {
            if !page.push(Position { epoch, id: kept.id }, kept.kind, kept.payload, limit) {
                break;
            }
            after = kept.id;
        }
        page
    }

    /// Adds a message, if there is room. Returns whether there was.
    pub fn push(&mut self, at: Position, kind: Kind, payload: &[u8], limit: usize) -> bool {
        let is_too_long = self.count > 0 && self.items.len().saturating_add(payload.len()) > MAX_BYTES;
        self.has_more |= is_too_long || self.count >= limit;
        if self.has_more {
            return false;
        }
        self.items.push_str(if self.count > 0 { ",{\"id\":\"" } else { "{\"id\":\"" });
        // Writing to a string cannot fail.
        let _ = write!(self.items, "{at}\"");
        match std::str::from_utf8(payload) {
            Ok(text) if kind == Kind::Text => {
                self.items.push_str(",\"data\":");
                json::push(&mut self.items, text);
            }
            _ => {
                self.items.push_str(",\"base64\":\"");
                STANDARD.encode_string(payload, &mut self.items);
                self.items.push('"');
            }
        }
        self.items.push('}');
        (self.count, self.last) = (self.count + 1, Some(at));
        true
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// `{"channel":"…","subscribers":3,"messages":12,"bytes":3400,"first":"…","last":"…","position":"…"}`, and with a page
/// `"gap":false,"items":[…],"more":false` behind it.
pub(super) fn body<W>(state: &State<W>, channel: &str, subscribers: usize, page: Option<(&Page, Gap)>) -> String {
    let (summary, head) = (state.summary(channel), state.position());
    let mut body = String::with_capacity(256 + page.map_or(0, |(page, _)| page.items.len()));
    body.push_str("{\"channel\":");
    json::push(&mut body, channel);
    // Writing to a string cannot fail.
    let _ = write!(body, ",\"subscribers\":{subscribers},\"messages\":{}", summary.messages);
    let _ = write!(body, ",\"bytes\":{}", summary.bytes);
    for (name, id) in [("first", summary.first), ("last", summary.last)] {
        let _ = match id {
            Some(id) => write!(body, ",\"{name}\":\"{}\"", Position { id, ..head }),
            None => write!(body, ",\"{name}\":null"),
        };
    }
    // The messages behind this page come with the next one.
    let position = page.and_then(|(page, _)| page.last.filter(|_| page.has_more)).unwrap_or(head);
    let _ = write!(body, ",\"position\":\"{position}\"");
    if let Some((page, gap)) = page {
        let Page { items, has_more, .. } = page;
        let _ = write!(body, ",\"gap\":{},\"items\":[{items}],\"more\":{has_more}", gap == Gap::Yes);
    }
    body.push('}');
    body
}

/// Whether messages are missing before the first one of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Yes,
    No,
}

impl From<bool> for Gap {
    fn from(is_gap: bool) -> Self {
        if is_gap { Gap::Yes } else { Gap::No }
    }
}

/// The answer with this JSON. It is true for a moment only, so no cache may keep it.
pub(super) fn response() -> Response {
    Response::new(200).header("Content-Type", "application/json").header("Cache-Control", "no-store")
}
