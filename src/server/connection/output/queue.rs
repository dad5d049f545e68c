//! A queue of bytes that the socket has not accepted yet: own bytes and shared frames, counted.
//!
//! The queue knows where frames begin, so that the unsent frames of a slow consumer can be dropped whole. It does no I/O.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::http::SharedBody;
use crate::protocol::FrameHeader;
use crate::server::types::env::Account;
use crate::server::types::id::TopicKey;
use crate::server::types::shared_bytes::SharedBytes;

/// A shared tail shorter than this is copied: it must not keep a whole turn's broadcasts alive.
const COPY_BELOW: usize = 4096;

#[derive(Default, Debug)]
pub(crate) struct WriteQueue {
    chunks: VecDeque<Chunk>,
    /// Bytes owed.
    len: usize,
    /// Heap bytes that this queue alone holds, by capacity.
    held: usize,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    /// The part that is still owed; never empty.
    range: Range<usize>,
    /// Where in `bytes` the first frame header lies. Bytes before it end a frame that began earlier.
    first_frame: usize,
    kind: Kind,
}

/// The kind of the frames in a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// For this peer alone: never dropped while the connection lasts.
    Own,
    /// A broadcast to a topic. With `Slow::Latest`, only the newest of each topic is kept.
    Post(TopicKey),
}

#[derive(Debug)]
enum Bytes {
    Own(Vec<u8>),
    Shared(Rc<SharedBytes>),
    /// The body of an HTTP response. It has no frames, and its memory counts elsewhere.
    Body(Arc<[u8]>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
            Bytes::Body(bytes) => bytes,
        }
    }

    fn held(&self) -> usize {
        match self {
            Bytes::Own(bytes) => bytes.capacity(),
            Bytes::Shared(_) | Bytes::Body(_) => 0,
        }
    }
}

impl WriteQueue {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap bytes that this queue alone holds, by capacity, without shared buffers.
    pub fn held(&self) -> usize {
        if self.is_empty() { 0 } else { self.held + self.chunks.capacity() * size_of::<Chunk>() }
    }

    /// Appends bytes. The first `lead` of them continue a frame whose beginning is queued or already sent.
    pub fn push(&mut self, bytes: &[u8], lead: usize) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        if let Some(Chunk { bytes: Bytes::Own(own), range, kind: Kind::Own, .. }) = self.chunks.back_mut()
            && own.capacity() - own.len() >= bytes.len()
            && range.end == own.len()
            && lead == 0
        {
            own.extend_from_slice(bytes);
            range.end = own.len();
            return;
        }
        // Later small frames share the chunk. A peer that is far behind gets a larger one.
        let mut own = Vec::with_capacity(bytes.len().max(self.len.clamp(512, 16 * 1024)));
        own.extend_from_slice(bytes);
        self.push_chunk(Bytes::Own(own), 0..bytes.len(), lead, Kind::Own);
    }

    /// Appends `bytes[range]`. A large range is not copied: the buffer is shared and charged to the account.
    pub fn push_shared(&mut self, bytes: &Rc<SharedBytes>, range: Range<usize>, lead: usize, kind: Kind, to: &Account) {
        self.len += range.len();
        let first_frame = range.start + lead;
        if range.len() >= COPY_BELOW {
            bytes.charge(to);
            self.push_chunk(Bytes::Shared(Rc::clone(bytes)), range, first_frame, kind);
        } else if !range.is_empty() {
            let copy = bytes.get(range).unwrap_or_default().to_vec();
            let len = copy.len();
            self.push_chunk(Bytes::Own(copy), 0..len, lead, kind);
        }
    }

    fn push_chunk(&mut self, bytes: Bytes, range: Range<usize>, first_frame: usize, kind: Kind) {
        self.held += bytes.held();
        self.chunks.push_back(Chunk { bytes, range, first_frame, kind });
    }

    /// Appends the body of an HTTP response without copying it.
    pub fn push_body(&mut self, body: &SharedBody) {
        let SharedBody { bytes, range } = body;
        if !range.is_empty() {
            self.len += range.len();
            self.push_chunk(Bytes::Body(Arc::clone(bytes)), range.clone(), range.end, Kind::Own);
        }
    }

    /// The front of the queue, at most `limit` bytes, for one vectored write. Returns how many slices it filled.
    #[must_use]
    pub fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>], limit: usize) -> usize {
        let mut rest = limit;
        let mut filled = 0;
        for (chunk, slice) in self.chunks.iter().zip(slices.iter_mut()) {
            let end = chunk.range.end.min(chunk.range.start.saturating_add(rest));
            let bytes = chunk.bytes.as_slice().get(chunk.range.start..end).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            rest -= bytes.len();
            *slice = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    /// The peer has taken `n` bytes.
    pub fn advance(&mut self, mut n: usize) {
        self.len -= n;
        while n > 0 {
            let Some(chunk) = self.chunks.front_mut() else { return };
            let taken = n.min(chunk.range.len());
            chunk.range.start += taken;
            n -= taken;
            if chunk.range.is_empty() {
                self.held -= chunk.bytes.held();
                self.chunks.pop_front();
            }
        }
    }

    /// Drops all frames of which the peer has not received any byte. The one it has begun to receive stays.
    pub fn drop_unsent_frames(&mut self) {
        self.drop_unsent(|_| true);
    }

    /// Drops all broadcasts to a topic of which the peer has not received any byte. Returns whether there were any.
    pub fn drop_unsent_posts(&mut self, topic: TopicKey) -> bool {
        let before = self.len;
        self.drop_unsent(|kind| kind == Kind::Post(topic));
        self.len < before
    }

    fn drop_unsent(&mut self, is_dropped: impl Fn(Kind) -> bool) {
        let mut in_frame = true;
        for chunk in self.chunks.iter_mut().filter(|chunk| is_dropped(chunk.kind)) {
            let end = if in_frame { chunk.end_of_begun_frame() } else { chunk.range.start };
            in_frame = end >= chunk.range.end;
            chunk.range.end = end.min(chunk.range.end);
        }
        self.chunks.retain(|chunk| !chunk.range.is_empty());
        self.len = self.chunks.iter().map(|chunk| chunk.range.len()).sum();
        self.held = self.chunks.iter().map(|chunk| chunk.bytes.held()).sum();
    }
}

impl Chunk {
    /// Where the frame that lies across `range.start` ends, perhaps beyond this chunk. `range.start` itself when a frame
    /// begins there.
    fn end_of_begun_frame(&self) -> usize {
        let bytes = self.bytes.as_slice();
        let mut at = self.first_frame;
        while at < self.range.start {
            match frame_len(bytes.get(at..).unwrap_or_default()) {
                Some(len) => at += len,
                None => return self.range.end,
            }
        }
        at
    }
}

/// Of `frames`, which begins with a frame, `sent` bytes were sent. Returns how many of the rest belong to a frame that
/// was begun.
pub(crate) fn rest_of_begun_frame(frames: &[u8], sent: usize) -> usize {
    let mut at = 0;
    while at < sent {
        match frames.get(at..).and_then(frame_len) {
            Some(len) => at += len,
            None => return frames.len().saturating_sub(sent),
        }
    }
    (at - sent).min(frames.len().saturating_sub(sent))
}

/// Length of the frame of our own that `bytes` begins with, header included.
pub(crate) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let (header, header_len) = FrameHeader::parse(bytes).ok()??;
    usize::try_from(header.payload_len).ok()?.checked_add(header_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Opcode, encode_frame};

    fn frames(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            encode_frame(Opcode::Binary, payload, &mut bytes);
        }
        bytes
    }

    fn owed(queue: &WriteQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let n = queue.next_slices(&mut slices, usize::MAX);
        slices[..n].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pushed_bytes_come_out_in_order_whatever_the_peer_takes_at_a_time() {
        for step in 1..40 {
            let mut queue = WriteQueue::default();
            let shared = Rc::new(SharedBytes::new(frames(&[&[1; 5000], &[2; 10]])));
            let account = Account::default();
            let mut all = Vec::new();
            queue.push(&frames(&[b"own"]), 0);
            queue.push_shared(&shared, 0..shared.len(), 0, Kind::Post(TopicKey(1)), &account);
            queue.push(&frames(&[b"tail", b""]), 0);
            queue.push(&frames(&[&[7; 600]]), 0);
            for bytes in [&frames(&[b"own"])[..], &shared, &frames(&[b"tail", b""]), &frames(&[&[7; 600]])] {
                all.extend_from_slice(bytes);
            }
            let mut got = Vec::new();
            while !queue.is_empty() {
                let mut slices = [IoSlice::new(&[]); 2];
                let n = queue.next_slices(&mut slices, step * 100);
                let front: Vec<u8> = slices[..n].iter().flat_map(|slice| slice.to_vec()).collect();
                assert!(front.len() <= step * 100);
                let taken = front.len().min(step * 7);
                got.extend_from_slice(&front[..taken]);
                queue.advance(taken);
            }
            assert!(got == all, "step {step}");
        }
    }

    #[test]
    fn dropping_unsent_frames_keeps_the_rest_of_the_begun_one() {
        let all = frames(&[b"first", b"second", b"third"]);
        for sent in 0..all.len() {
            let mut queue = WriteQueue::default();
            queue.push(&all[sent..], rest_of_begun_frame(&all, sent));
            queue.drop_unsent_frames();
            let end = [0, 7, 15, 22].into_iter().find(|end| *end >= sent).unwrap();
            assert_eq!(owed(&queue), &all[sent..end], "after {sent}");
            assert_eq!(queue.len(), end - sent);
            // The same when the bytes were queued whole and left one by one.
            let mut queue = WriteQueue::default();
            queue.push(&all, 0);
            queue.advance(sent);
            queue.drop_unsent_frames();
            assert_eq!(owed(&queue), &all[sent..end], "queued, after {sent}");
        }
    }

    #[test]
    fn a_begun_frame_may_lie_in_several_chunks() {
        let frame = Rc::new(SharedBytes::new(frames(&[&[9; 5000]])));
        for sent in 1..20 {
            let mut queue = WriteQueue::default();
            queue.push(&frame[..4], 0);
            queue.push_shared(&frame, 4..5004, 5000, Kind::Own, &Account::default());
            queue.push(&frames(&[b"next"]), 0);
            queue.advance(sent);
            queue.drop_unsent_frames();
            assert_eq!(queue.len(), 5004 - sent);
        }
    }

    #[test]
    fn dropping_unsent_posts_leaves_what_is_the_peers_own() {
        let (first, second) = (frames(&[&[1; 5000]]), frames(&[b"small"]));
        for (sent, kept) in [(0, 0), (1, 5003), (5003, 1), (5004, 0)] {
            let mut queue = WriteQueue::default();
            for bytes in [&first, &second] {
                let shared = Rc::new(SharedBytes::new(bytes.clone()));
                queue.push_shared(&shared, 0..bytes.len(), 0, Kind::Post(TopicKey(1)), &Account::default());
                queue.push(&frames(&[b"own"]), 0);
            }
            queue.advance(sent);
            assert!(queue.drop_unsent_posts(TopicKey(1)));
            assert!(!queue.drop_unsent_posts(TopicKey(1)));
            let own = frames(&[b"own", b"own"]);
            assert_eq!(owed(&queue), [&first[first.len() - kept..], &own].concat(), "after {sent}");
        }
    }

    #[test]
    fn memory_is_counted_by_capacity_and_given_back() {
        let (mut queue, account) = (WriteQueue::default(), Account::default());
        let shared = Rc::new(SharedBytes::new(frames(&[&[1; 50_000]])));
        queue.push_shared(&shared, 0..shared.len(), 0, Kind::Post(TopicKey(1)), &account);
        drop(shared);
        assert!(account.get() >= 50_004);
        queue.push(&frames(&[&[2; 30_000]]), 0);
        assert!(queue.held() >= 30_004, "{}", queue.held());
        queue.advance(50_004);
        assert_eq!(account.get(), 0);
        queue.advance(30_004);
        assert_eq!(queue.held, 0);
    }
}
