//! A turn's posts: broadcasts to topics, encoded behind each other in one buffer, and a compressed copy of them for each
//! window size that a recipient has negotiated. Members get their share of a buffer, which is not copied for each of them.

mod progress;

use std::collections::HashMap;
use std::rc::Rc;

pub(crate) use self::progress::Delivery;
use self::progress::Progress;
use super::compressor::Compressor;
use crate::protocol::{FrameHeader, Message, Opcode, encode_frame};
use crate::server::types::env::Account;
use crate::server::types::id::{ConnectionId, TopicKey};
use crate::server::types::shared_bytes::SharedBytes;
use crate::server::types::stats::Stats;

/// Bytes of posts at which they are delivered before the turn ends, so that there are never many.
const MANY: usize = 256 * 1024;
/// A buffer that has grown larger than this is not kept for the next turn.
const KEPT: usize = 1024 * 1024;

#[derive(Default)]
pub(crate) struct Posts {
    /// Shared with the queues of members whose sockets could not take all of it.
    pub bytes: Rc<SharedBytes>,
    pub log: Vec<Post>,
    /// By slot: how many posts at the front of the log a connection does not get any more, since it has got or missed them.
    /// Connections that get all posts are not here.
    seen: HashMap<u32, u32>,
    /// Compressed copies, by window bits from 9 on.
    copies: [Copy; 7],
    pub progress: Progress,
    /// The turn of the posts is over, and not all members have got them.
    pub is_kept: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Post {
    pub topic: TopicKey,
    pub bytes: std::ops::Range<usize>,
    pub except: Option<ConnectionId>,
}

/// The posts as connections with certain window bits get them, in the order of the log. The last ones may be missing.
#[derive(Default)]
struct Copy {
    bytes: Rc<SharedBytes>,
    /// Where each post ends.
    ends: Vec<usize>,
}

impl Posts {
    pub fn post(&mut self, topic: TopicKey, message: Message<'_>, except: Option<ConnectionId>) {
        self.write(topic, except, |bytes| encode_frame(message.opcode(), message.as_bytes(), bytes));
    }

    pub fn post_frame(&mut self, topic: TopicKey, frame: &[u8]) {
        self.write(topic, None, |bytes| bytes.extend_from_slice(frame));
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// Whether there are so many that they should not wait for the turn's end.
    #[inline]
    pub fn are_many(&self) -> bool {
        self.bytes.len() > MANY
    }

    /// Posts that a connection has got, or missed, already.
    #[inline]
    pub fn seen(&self, slot: u32) -> u32 {
        if self.seen.is_empty() { 0 } else { self.seen.get(&slot).copied().unwrap_or(0) }
    }

    /// The first post that a connection may have yet to get.
    pub fn unseen(&self, slot: u32) -> u32 {
        self.seen(slot).max(self.progress.undelivered(slot))
    }

    /// The topic, if all posts are to the same.
    pub fn only_topic(&self) -> Option<TopicKey> {
        let topic = self.log.first()?.topic;
        self.log.iter().all(|post| post.topic == topic).then_some(topic)
    }

    /// Heap bytes of the frames, by capacity.
    pub fn held(&self) -> usize {
        self.copies.iter().map(|copy| &copy.bytes).chain([&self.bytes]).map(|bytes| bytes.capacity()).sum()
    }

    /// Counts the frames, compressed ones included. A second call counts those that have been added.
    pub fn charge(&self, account: &Account) {
        self.bytes.charge(account);
        for copy in self.copies.iter().filter(|copy| !copy.ends.is_empty()) {
            copy.bytes.charge(account);
        }
    }

    /// Whether not all posts concern a connection alike.
    #[inline]
    pub fn is_special(&self, slot: u32) -> bool {
        !self.seen.is_empty() && self.seen.contains_key(&slot)
    }

    /// Notes that not all posts concern a connection alike.
    pub fn note_special(&mut self, slot: u32) {
        self.seen.entry(slot).or_default();
    }

    /// Marks all posts so far as seen by a connection.
    pub fn skip(&mut self, slot: u32) {
        if !self.log.is_empty() {
            self.seen.insert(slot, self.log.len() as u32);
        }
    }

    /// The encoded frame of a post.
    pub fn frame(&self, at: usize) -> &[u8] {
        self.log.get(at).and_then(|post| self.bytes.get(post.bytes.clone())).unwrap_or_default()
    }

    /// The frame of a post, compressed for these window bits where that makes it shorter.
    pub fn compressed(&mut self, at: usize, window_bits: u8, compressor: &mut Compressor, stats: &Stats) -> &[u8] {
        let Some(Copy { bytes, ends }) = self.catch_up(window_bits, compressor, stats) else { return &[] };
        let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
        ends.get(at).and_then(|&end| bytes.get(start..end)).unwrap_or_default()
    }

    /// All posts, compressed for these window bits, and where the newest begins.
    pub fn all_compressed(
        &mut self,
        window_bits: u8,
        compressor: &mut Compressor,
        stats: &Stats,
    ) -> (Rc<SharedBytes>, usize) {
        let Some(Copy { bytes, ends }) = self.catch_up(window_bits, compressor, stats) else {
            return Default::default();
        };
        let newest = ends.len().checked_sub(2).and_then(|before| ends.get(before)).copied().unwrap_or_default();
        (Rc::clone(bytes), newest)
    }

    /// Forgets all posts. Queues that share their bytes keep them alive.
    pub fn clear(&mut self) {
        self.log.clear();
        self.seen.clear();
        if self.progress.end() > 0 {
            self.progress = Progress::default();
        }
        clear_shared(&mut self.bytes);
        for copy in self.copies.iter_mut().filter(|copy| !copy.ends.is_empty()) {
            copy.ends.clear();
            clear_shared(&mut copy.bytes);
        }
    }

    /// Compresses the posts that a copy lacks: each once, however many connections get it.
    fn catch_up(&mut self, window_bits: u8, compressor: &mut Compressor, stats: &Stats) -> Option<&Copy> {
        let at = usize::from(window_bits).checked_sub(9)?;
        // Queues may share a copy that is complete.
        if self.copies.get(at)?.ends.len() == self.log.len() {
            return self.copies.get(at);
        }
        let mut copy = std::mem::take(self.copies.get_mut(at)?);
        let output = unshared(&mut copy.bytes);
        for post in copy.ends.len()..self.log.len() {
            let frame = self.frame(post);
            let is_compressed = split(frame)
                .is_some_and(|(opcode, payload)| compressor.encode_alone(window_bits, opcode, payload, output, stats));
            if !is_compressed {
                output.extend_from_slice(frame);
            }
            copy.ends.push(output.len());
        }
        let place = self.copies.get_mut(at)?;
        *place = copy;
        Some(place)
    }

    fn write(&mut self, topic: TopicKey, except: Option<ConnectionId>, encode: impl FnOnce(&mut Vec<u8>)) {
        let bytes = unshared(&mut self.bytes);
        let start = bytes.len();
        encode(bytes);
        let end = bytes.len();
        self.log.push(Post { topic, bytes: start..end, except });
    }
}

/// The opcode and the payload of a frame of ours.
pub(crate) fn split(frame: &[u8]) -> Option<(Opcode, &[u8])> {
    let (header, len) = FrameHeader::parse(frame).ok()??;
    Some((header.opcode, frame.get(len..)?))
}

/// The bytes, to append to them. Queues share them only while posts are delivered, and `clear` follows: nothing is copied.
fn unshared(bytes: &mut Rc<SharedBytes>) -> &mut Vec<u8> {
    Rc::make_mut(bytes).bytes_mut()
}

fn clear_shared(bytes: &mut Rc<SharedBytes>) {
    match Rc::get_mut(bytes).map(SharedBytes::bytes_mut) {
        Some(bytes) if bytes.capacity() <= KEPT => bytes.clear(),
        // A turn with large broadcasts must not hold on to their memory.
        _ => *bytes = Rc::default(),
    }
}

#[cfg(test)]
mod tests;
