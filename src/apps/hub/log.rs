//! The boundary between a hub and what puts its messages in one order.
//!
//! Everything that is published gets a place in a log, and the hub delivers and keeps what the log hands back, in the
//! log's order. Alone, a hub has a counter in memory ([`MemoryLog`](memory::MemoryLog)). Several nodes that share a log
//! all deliver the same messages in the same order, under the same ids.

#[cfg(any(test, fuzzing))]
pub(crate) mod fake;
pub(crate) mod memory;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Puts what is published in one order. It lives on the server's thread and never waits.
///
/// A log keeps this contract with the hub:
///
/// - The ids of [`Applied`](Event::Applied) rise, until an [`Epoch`](Event::Epoch).
/// - Each entry is applied once, even if the log had to send it twice.
/// - For each append that it has taken there comes, sooner or later, `Applied` or [`Refused`](Event::Refused) with its
///   ticket. After `Refused` with `unknown` an entry may still be applied; the log may leave its ticket out then or name
///   it again.
pub trait Log: Send {
    /// Which log it is: positions of another one mean nothing here.
    fn epoch(&self) -> Epoch;

    /// Takes an entry in line; the ticket is for the events that come of it.
    ///
    /// # Errors
    ///
    /// There is no room. Nothing has happened, and the publisher hears 503.
    fn append(&mut self, entry: Entry<'_>, ticket: u64) -> Result<(), Full>;

    /// The events since the last call, in order. A hub asks after each append and when the log has woken it.
    #[must_use]
    fn next_event(&mut self) -> Option<Event<'_>>;

    /// How the log is.
    fn status(&self) -> Status;
}

/// The place of an entry in the log. 0 is before all entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Id(pub u64);

/// Names a log: six letters and digits, drawn at random when the log begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Epoch([u8; Epoch::LEN]);

impl Epoch {
    const LEN: usize = 6;
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// The name of a new log.
    pub fn random() -> Self {
        // Each `RandomState` has keys of its own, which come from the system.
        let mut drawn = RandomState::new().hash_one(0);
        Epoch(std::array::from_fn(|_| {
            let letter = Self::LETTERS[(drawn % 62) as usize];
            drawn /= 62;
            letter
        }))
    }

    /// Reads the text of an epoch.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = <[u8; Self::LEN]>::try_from(text.as_bytes()).ok()?;
        letters.iter().all(u8::is_ascii_alphanumeric).then_some(Epoch(letters))
    }

    /// Its six letters and digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message to publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The channel, as a decoded path.
    pub channel: &'a str,
    /// Its kind.
    pub kind: Kind,
    /// The message as it came. Empty for [`Kind::Forget`].
    pub payload: &'a [u8],
    /// The publisher's key: a second entry with it is a repeat of the first.
    pub key: Option<&'a str>,
    /// Whether the message becomes part of the channel's history.
    pub keep: bool,
    /// The text by which the first frame of a listener has named its connection; this listener does not get the
    /// message. Text, so that the node which has the connection recognises it, whichever node took the publish. A text
    /// that is longer than 255 bytes names nobody.
    pub except: Option<&'a str>,
}

/// The kinds of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A message in UTF-8.
    Text,
    /// A message in any bytes.
    Binary,
    /// Forgets the history that the channel has up to here.
    Forget,
}

/// Something that has happened in a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// An entry has its place.
    Applied {
        /// Above all before it.
        id: Id,
        /// Of the append that it comes from, if it was made on this node.
        ticket: Option<u64>,
        /// The entry.
        entry: Entry<'a>,
    },
    /// An append has failed.
    Refused {
        /// Of the append.
        ticket: u64,
        /// Whether the entry may be in the log nevertheless.
        unknown: bool,
    },
    /// The entries between the last one applied and this id are lost to this node.
    Gap {
        /// Of the first entry that is there again.
        before: Id,
    },
    /// It is another log now. All ids are void, and the log hands over what it has from its start.
    Epoch(Epoch),
}

/// How a log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Entries come back as soon as they are in the log.
    Ready,
    /// This node is behind the log.
    CatchingUp {
        /// The age of what it applies now.
        behind: Duration,
    },
    /// The log takes nothing.
    Away {
        /// When it was last heard of.
        since: Instant,
    },
}

/// A log has no room for an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log has no room")
    }
}

impl std::error::Error for Full {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_six_letters_and_digits_and_no_two_are_alike() {
        let epochs: Vec<_> = (0..1000).map(|_| Epoch::random()).collect();
        for epoch in &epochs {
            assert_eq!(Epoch::parse(epoch.as_str()), Some(*epoch));
            assert_eq!(epoch.to_string().len(), 6);
        }
        let different: std::collections::HashSet<_> = epochs.iter().collect();
        assert!(different.len() > 995, "{}", different.len());
        for text in ["", "abcde", "abcdefg", "abc-ef", "abcd\u{e9}"] {
            assert_eq!(Epoch::parse(text), None, "{text}");
        }
    }
}
