//! The pieces of one write: encoded frames, payloads sent from where they were received, and shares of broadcasts.

use std::ops::Range;
use std::rc::Rc;

use super::queue::frame_len;
use crate::server::types::id::TopicKey;
use crate::server::types::shared_bytes::SharedBytes;

/// Pieces that fit in one write.
pub(crate) const PARTS: usize = 16;

/// The buffer of received messages that replies may be sent from.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// A buffer that is used again: bytes that cannot be sent at once are copied.
    Slice(&'a [u8]),
    /// A buffer that a queue may share.
    Shared(&'a Rc<SharedBytes>),
}

/// A piece of output.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Whole frames.
    Frames(&'a [u8]),
    /// A payload in the [`Input`], and where it lies there. The part before it ends with its header.
    Payload(&'a [u8], usize),
}

impl<'a> Part<'a> {
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Part::Frames(bytes) | Part::Payload(bytes, _) => bytes,
        }
    }
}

/// A connection's share of broadcasts that lie behind each other in one buffer.
pub(crate) struct Share<'a> {
    pub posts: &'a Rc<SharedBytes>,
    pub bytes: &'a [u8],
    /// Where in `posts` these bytes begin, and where the newest of the broadcasts does.
    pub start: usize,
    pub newest: usize,
    /// The topic of the newest. With `Slow::Latest` it is that of all.
    pub topic: TopicKey,
}

impl<'a> Share<'a> {
    pub fn new(posts: &'a Rc<SharedBytes>, all: Range<usize>, newest: usize, topic: TopicKey) -> Self {
        Share { posts, start: all.start, newest, topic, bytes: posts.get(all).unwrap_or_default() }
    }
}

/// Parts that leave in one write.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    parts: [Part<'a>; PARTS],
    used: usize,
}

impl Default for Part<'_> {
    fn default() -> Self {
        Part::Frames(&[])
    }
}

impl<'a> Parts<'a> {
    /// Whether there is room for a header and its payload.
    pub fn has_room(&self) -> bool {
        self.used + 2 <= PARTS
    }

    pub fn push(&mut self, part: Part<'a>) {
        if let Some(place) = self.parts.get_mut(self.used) {
            *place = part;
            self.used += 1;
        }
    }

    pub fn as_slice(&self) -> &[Part<'a>] {
        self.parts.get(..self.used).unwrap_or_default()
    }
}

pub(crate) fn len_of(parts: &[Part<'_>]) -> usize {
    parts.iter().map(|part| part.bytes().len()).sum()
}

/// Where the last frame begins.
pub(crate) fn start_of_last_frame(parts: &[Part<'_>]) -> usize {
    let (mut last, mut next, mut passed) = (0, 0, 0);
    for part in parts {
        let frame_at = |at: usize| part.bytes().get(at.checked_sub(passed)?..).and_then(frame_len);
        while let Some(len) = frame_at(next) {
            (last, next) = (next, next + len);
        }
        passed += part.bytes().len();
    }
    last
}
