//! The part of the past that a listener has yet to be sent. No I/O: the caller sends the messages.
//!
//! A socket with several channels gets their messages merged in the order of ids. It has everything up to `sent` then, of
//! all its channels but for those that begin later, and one id is enough to come back with.

use super::super::log::{Epoch, Id};
use super::super::state::State;
use super::super::state::types::{Kept, Position, Start};

/// Bytes of a slice. A longer message is a slice by itself.
pub(super) const SLICE: usize = 64 * 1024;
/// Bytes that a message counts in a slice beside its payload, so that a slice of many short ones is soon written, too.
const MESSAGE: usize = 128;

/// The channels of a socket, and how much each has had.
#[derive(Debug)]
pub(super) struct CatchUp {
    epoch: Epoch,
    /// The last entry that the log has lost, of those that the client knows of, or has never been told to have.
    hole: Id,
    /// Everything up to here has been sent, of all channels that do not begin later.
    sent: Id,
    pub channels: Vec<Past>,
}

/// One channel of a socket.
#[derive(Debug)]
pub(super) struct Past {
    pub channel: Box<str>,
    /// The channel begins after this id.
    after: Id,
    /// The connection gets the channel's messages as they are published.
    pub is_live: bool,
}

/// A piece of a replay.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Message {
        channel: &'a str,
        kept: Kept<'a>,
    },
    /// Messages of a channel are lost, or of all.
    Gap {
        channel: Option<&'a str>,
    },
}

impl CatchUp {
    /// A socket without channels that has had everything so far.
    pub fn new<W>(state: &State<W>) -> Self {
        let Position { epoch, id } = state.position();
        CatchUp { epoch, hole: state.hole(), sent: id, channels: Vec::new() }
    }

    pub fn find(&self, channel: &str) -> Option<usize> {
        self.channels.iter().position(|past| *past.channel == *channel)
    }

    /// The id up to which a channel has had everything.
    pub fn had(&self, past: &Past) -> Id {
        past.after.max(self.sent)
    }

    /// Adds a channel from a place on. The channels that are there keep theirs.
    pub fn add(&mut self, channel: &str, start: Start) {
        // It may begin before what the others have had.
        let sent = self.sent;
        self.channels.iter_mut().for_each(|past| past.after = past.after.max(sent));
        self.sent = sent.min(start.after);
        self.channels.push(Past { channel: channel.into(), after: start.after, is_live: false });
    }

    /// Everything so far has been sent, live.
    pub fn skip_to_now<W>(&mut self, state: &State<W>) {
        let Position { epoch, id } = state.position();
        (self.epoch, self.hole, self.sent) = (epoch, state.hole(), id);
    }

    /// Hands out the next slice. Returns whether it was the last: everything so far has been sent.
    pub fn slice<W>(&mut self, state: &State<W>, mut send: impl FnMut(Piece<'_>)) -> bool {
        let head = state.position();
        let hole = std::mem::replace(&mut self.hole, state.hole());
        if self.epoch != head.epoch {
            send(Piece::Gap { channel: None });
            self.begin_anew(state);
        } else if hole < self.hole {
            send(Piece::Gap { channel: None });
        }
        let mut heads = Vec::with_capacity(self.channels.len());
        for past in &mut self.channels {
            if !state.is_complete(&past.channel, past.after.max(self.sent)) {
                // Told once, even if the channel has nothing any more.
                past.after = state.floor(&past.channel);
                send(Piece::Gap { channel: Some(&past.channel) });
            }
            heads.push(state.next_kept(&past.channel, past.after.max(self.sent)));
        }
        let mut room = SLICE;
        // There are few channels, most often one.
        while let Some((kept, at)) = oldest(&heads)
            && let Some(past) = self.channels.get(at)
        {
            let cost = MESSAGE + kept.payload.len();
            if cost > room && room < SLICE {
                return false;
            }
            self.sent = kept.id;
            send(Piece::Message { channel: &past.channel, kept });
            // A long message leaves little room in the queue for those that are published next.
            let Some(left) = room.checked_sub(cost) else { return false };
            room = left;
            if let Some(next) = heads.get_mut(at) {
                *next = state.next_kept(&past.channel, kept.id);
            }
        }
        self.sent = head.id;
        true
    }

    /// The log is another one: all of it is news, behind one gap.
    fn begin_anew<W>(&mut self, state: &State<W>) {
        (self.epoch, self.sent) = (state.position().epoch, Id(0));
        for past in &mut self.channels {
            past.after = state.floor(&past.channel);
        }
    }
}

/// The oldest of these messages, and its place.
fn oldest<'a>(heads: &[Option<Kept<'a>>]) -> Option<(Kept<'a>, usize)> {
    let heads = heads.iter().zip(0..).filter_map(|(kept, at)| Some((kept.as_ref().copied()?, at)));
    heads.min_by_key(|(kept, _)| kept.id)
}
