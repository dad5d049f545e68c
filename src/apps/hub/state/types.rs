//! The types that go into the state of a hub and come out of it.

use std::error::Error;
use std::fmt;

use crate::apps::hub::config::HubConfig;
use crate::apps::hub::log::{Epoch, Id, Kind};

/// The bounds of a state. [`HubConfig`] says what they are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub history_memory: usize,
    pub max_channels: usize,
    pub max_waiting: usize,
    pub max_waiting_bytes: usize,
    pub max_keys: usize,
}

impl From<&HubConfig> for Limits {
    fn from(config: &HubConfig) -> Self {
        let HubConfig { history_memory, max_channels, max_waiting, max_waiting_bytes, max_keys, .. } = *config;
        Limits { history_memory, max_channels, max_waiting, max_waiting_bytes, max_keys }
    }
}

/// Why a publish was not accepted. Nothing has happened; each is a 503.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    TooManyChannels,
    TooManyWaiting,
    LogFull,
    LogAway,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::TooManyChannels => "the hub has as many channels as it may (max_channels)",
            Refusal::TooManyWaiting => "too many publishes wait for the log (max_waiting, max_waiting_bytes)",
            Refusal::LogFull => "the log has no room",
            Refusal::LogAway => "the log is away",
        })
    }
}

impl Error for Refusal {}

/// The result of an accepted publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// In the log, and delivered to so many listeners here.
    Applied { id: Id, subscribers: usize },
    /// A repeat of the entry with this id, by its key. Nothing was delivered.
    Duplicate { id: Id },
    /// Its key belongs to another message. Nothing was delivered.
    KeyReused,
    /// The log has not taken it; with `unknown` it may have.
    Refused { unknown: bool },
    /// The channel's history is forgotten.
    Forgotten,
}

/// A place in a log: everything up to `id` has been applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    pub epoch: Epoch,
    pub id: Id,
}

impl Position {
    /// Reads the text of a position.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, id) = text.split_once('-')?;
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Position { epoch: Epoch::parse(epoch)?, id: Id(id.parse().ok()?) })
    }

    /// Its text, such as `k3vQ7a-100`, made without a formatter: each publisher gets one.
    pub(crate) fn text(&self) -> String {
        [self.epoch.as_str(), "-", &self.id.0.to_string()].concat()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Which of the messages that a channel keeps a listener wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replay<'a> {
    /// The messages after this position, in the text that a client has of it.
    Since(&'a str),
    /// The newest, so many at most.
    Last(usize),
    /// None.
    Nothing,
}

/// Where the replay of a channel begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Start {
    /// The position before what is replayed next.
    pub after: Id,
    /// Whether something between the client's position and this one may be missing.
    pub gap: bool,
}

/// A message in a channel's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept<'a> {
    pub id: Id,
    pub kind: Kind,
    pub payload: &'a [u8],
    /// The connection that does not get it, as text; others do.
    pub except: Option<&'a str>,
}

/// A summary of a channel's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Summary {
    pub messages: usize,
    /// Of their payloads.
    pub bytes: usize,
    pub first: Option<Id>,
    pub last: Option<Id>,
}

/// A message for the listeners of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Delivery<'a> {
    pub position: Position,
    pub channel: &'a str,
    pub kind: Kind,
    pub payload: &'a [u8],
    /// The connection that does not get it, as text.
    pub except: Option<&'a str>,
}

/// Messages of any channel may be lost to the listeners.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    /// Earlier entries are lost or delivered already; later ones will be delivered.
    pub position: Position,
    /// It is another log: ids begin anew. Replays go on after `Id(0)`.
    pub renumbered: bool,
}

/// Takes the results while a state applies events.
pub(crate) trait Sink<W> {
    /// Sends a message to a channel's listeners, and says to how many.
    fn deliver(&mut self, message: &Delivery<'_>) -> usize;

    /// Tells a publisher what came of it: once for each accepted publish that had a waiter.
    fn settle(&mut self, waiter: W, outcome: Outcome);

    /// Tells all listeners with ids of a gap.
    fn lost(&mut self, lost: Lost);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_shown() {
        let position = Position::parse("k3vQ7a-100").expect("a position");
        assert_eq!((position.epoch.as_str(), position.id), ("k3vQ7a", Id(100)));
        for text in ["k3vQ7a-0", "k3vQ7a-100", "000000-18446744073709551615"] {
            assert_eq!(Position::parse(text).map(|position| position.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let texts =
            ["", "-", "k3vQ7a", "k3vQ7a-", "k3vQ7a--1", "k3vQ7a-+1", "k3vQ7a-1x", "k3vQ7-1", "k3vQ7a-1-1", "k3v_7a-1"];
        for text in texts.into_iter().chain(["k3vQ7a-18446744073709551616", " k3vQ7a-1", "k3vQ7a-1\n"]) {
            assert_eq!(Position::parse(text), None, "{text:?}");
        }
    }
}
