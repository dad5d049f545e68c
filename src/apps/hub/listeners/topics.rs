//! The topics by which listeners are reached: one for each channel and kind of listener.
//!
//! Topics belong to the whole server, so their names have the path of the hub's mount in them: `p/live/*/a` is the topic of
//! the plain listeners of `/a` at a hub that is mounted at `/live/*`. No channel has a `*`, so no two hubs share a topic.

use crate::{ConnectionId, Context};

/// The kinds of listeners.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Gets payloads only.
    Plain,
    /// Gets messages with their ids, and events.
    Ids,
    /// The same for many channels.
    Multi,
}

impl Style {
    pub const ALL: [Style; 3] = [Style::Plain, Style::Ids, Style::Multi];

    fn mark(self) -> &'static str {
        match self {
            Style::Plain => "p",
            Style::Ids => "i",
            Style::Multi => "m",
        }
    }
}

/// The path of many channels.
pub(super) const MULTI: &str = "/-/multi";

/// A buffer for names of topics.
#[derive(Default)]
pub(super) struct Names(String);

impl Names {
    /// The topic of a channel's listeners of one kind. That of [`MULTI`] and its own kind is the home of all those that
    /// are not in a replay.
    pub fn topic(&mut self, ctx: &Context<'_>, style: Style, channel: &str) -> &str {
        self.0.clear();
        [style.mark(), ctx.mount(), channel].into_iter().for_each(|part| self.0.push_str(part));
        &self.0
    }

    /// The listeners of a channel.
    pub fn count(&mut self, ctx: &Context<'_>, channel: &str) -> usize {
        Style::ALL.into_iter().map(|style| ctx.subscribers(self.topic(ctx, style, channel))).sum()
    }
}

/// The kind of listeners and the channel of a topic, if it is one of this hub's.
pub(super) fn parse<'t>(ctx: &Context<'_>, topic: &'t str) -> Option<(Style, &'t str)> {
    Style::ALL.into_iter().find_map(|style| {
        let channel = topic.strip_prefix(style.mark())?.strip_prefix(ctx.mount())?;
        channel.starts_with('/').then_some((style, channel))
    })
}

/// A connection as its client knows it, and names it in `Sockhop-Except`.
pub(super) fn connection_name(id: ConnectionId) -> String {
    format!("c{:x}", id.to_bits())
}

/// The connection with this name.
pub(super) fn connection_named(name: &str) -> Option<ConnectionId> {
    let bits = name.strip_prefix('c')?;
    // `from_str_radix` would take a sign.
    let is_hex = bits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    u64::from_str_radix(bits, 16).ok().filter(|_| is_hex).map(ConnectionId::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_found_by_the_name_that_it_was_given() {
        for bits in [0, 0x8f1, 1 << 32 | 7, u64::MAX] {
            let id = ConnectionId::from_bits(bits);
            assert_eq!(connection_named(&connection_name(id)), Some(id));
        }
        for name in ["", "c", "8f1", "c+8f1", "c8F1", "c8f1 ", "c10000000000000000", "cc-1"] {
            assert_eq!(connection_named(name), None, "{name}");
        }
    }
}
