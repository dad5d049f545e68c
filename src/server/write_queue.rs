//! Bytes owed to a peer that could not be written at once: own bytes and shared frames, counted.
//!
//! It knows where frames begin, so that a slow consumer's unsent frames can be dropped whole. It does no I/O.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;

use crate::protocol::FrameHeader;

/// A shared tail shorter than this is copied: it must not keep a whole turn's broadcasts alive.
const COPY_BELOW: usize = 4096;

#[derive(Default, Debug)]
pub(crate) struct WriteQueue {
    chunks: VecDeque<Chunk>,
    /// Bytes owed.
    len: usize,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    /// What of it is still owed; never empty.
    range: Range<usize>,
    /// Up to here the bytes belong to a frame that begins in an earlier chunk, or was begun on the wire.
    first_frame: usize,
}

#[derive(Debug)]
enum Bytes {
    Own(Vec<u8>),
    Shared(Rc<Vec<u8>>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
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

    /// Adds bytes; the first `lead` of them continue the frame that the queue ends with or the wire has begun.
    pub fn push(&mut self, bytes: &[u8], lead: usize) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        if let Some(Chunk { bytes: Bytes::Own(own), range, .. }) = self.chunks.back_mut()
            && own.capacity() - own.len() >= bytes.len()
            && range.end == own.len()
            && lead == 0
        {
            own.extend_from_slice(bytes);
            range.end = own.len();
            return;
        }
        // Small frames that follow share the chunk.
        let mut own = Vec::with_capacity(bytes.len().max(512));
        own.extend_from_slice(bytes);
        self.chunks.push_back(Chunk { range: 0..own.len(), first_frame: lead, bytes: Bytes::Own(own) });
    }

    /// Adds `bytes[range]` without copying what is large.
    pub fn push_shared(&mut self, bytes: &Rc<Vec<u8>>, range: Range<usize>, lead: usize) {
        if range.len() < COPY_BELOW {
            return self.push(bytes.get(range).unwrap_or_default(), lead);
        }
        self.len += range.len();
        let first_frame = range.start + lead;
        self.chunks.push_back(Chunk { bytes: Bytes::Shared(Rc::clone(bytes)), range, first_frame });
    }

    /// The front of what is owed, at most `limit` bytes, for one vectored write. Returns how many slices it filled.
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
                self.chunks.pop_front();
            }
        }
    }

    /// Drops all frames of which the peer has not received any byte. The one it has begun to receive stays.
    pub fn drop_unsent_frames(&mut self) {
        let mut kept = 0;
        let mut in_frame = true;
        for chunk in &mut self.chunks {
            let end = if in_frame { chunk.end_of_begun_frame() } else { chunk.range.start };
            in_frame = end >= chunk.range.end;
            chunk.range.end = end.min(chunk.range.end);
            kept += chunk.range.len();
        }
        self.chunks.retain(|chunk| !chunk.range.is_empty());
        self.len = kept;
    }
}

impl Chunk {
    /// Where the frame ends that lies across `range.start`, perhaps beyond this chunk; `range.start` itself when one
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

/// Of the bytes that were to be sent, `sent` were: how many of the rest belong to a frame already begun.
/// `frames` begins with a frame.
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
fn frame_len(bytes: &[u8]) -> Option<usize> {
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
    fn what_was_pushed_comes_out_in_order_whatever_the_peer_takes_at_a_time() {
        for step in 1..40 {
            let mut queue = WriteQueue::default();
            let shared = Rc::new(frames(&[&[1; 5000], &[2; 10]]));
            let mut all = Vec::new();
            queue.push(&frames(&[b"own"]), 0);
            queue.push_shared(&shared, 0..shared.len(), 0);
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
        let frame = Rc::new(frames(&[&[9; 5000]]));
        for sent in 1..20 {
            let mut queue = WriteQueue::default();
            queue.push(&frame[..4], 0);
            queue.push_shared(&frame, 4..5004, 5000);
            queue.push(&frames(&[b"next"]), 0);
            queue.advance(sent);
            queue.drop_unsent_frames();
            assert_eq!(queue.len(), 5004 - sent);
        }
    }
}
