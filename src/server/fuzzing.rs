//! What the fuzz targets need of the server's inside. It is there under `cfg(fuzzing)` alone, and no part of the crate.

use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;

pub use super::event_loop::model::run as live_a_day;
use super::shared_bytes::{Account, SharedBytes};
use super::write_queue::{self, WriteQueue};

/// The bytes owed to a peer, and an account of those that it shares.
#[derive(Default)]
pub struct Queue {
    queue: WriteQueue,
    account: Account,
}

/// What the frames in a queue are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sent to its peer alone.
    Own,
    /// Broadcasts.
    Post,
}

/// Bytes that queues may share.
pub struct Shared(Rc<SharedBytes>);

impl Shared {
    /// Makes them so.
    pub fn new(bytes: Vec<u8>) -> Self {
        Shared(Rc::new(SharedBytes::new(bytes)))
    }
}

impl Queue {
    /// Bytes owed.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Heap bytes that it alone holds.
    pub fn held(&self) -> usize {
        self.queue.held()
    }

    /// Heap bytes that it shares.
    pub fn shared(&self) -> usize {
        self.account.get()
    }

    /// See [`WriteQueue::push`].
    pub fn push(&mut self, bytes: &[u8], lead: usize) {
        self.queue.push(bytes, lead);
    }

    /// See [`WriteQueue::push_shared`].
    pub fn push_shared(&mut self, bytes: &Shared, range: Range<usize>, lead: usize, kind: Kind) {
        let kind = match kind {
            Kind::Own => write_queue::Kind::Own,
            Kind::Post => write_queue::Kind::Post,
        };
        self.queue.push_shared(&bytes.0, range, lead, kind, &self.account);
    }

    /// The slices of one write.
    pub fn next_slices(&self, slices: usize, limit: usize) -> Vec<Vec<u8>> {
        let mut room = vec![IoSlice::new(&[]); slices];
        let used = self.queue.next_slices(&mut room, limit);
        room.iter().take(used).map(|slice| slice.to_vec()).collect()
    }

    /// See [`WriteQueue::advance`].
    pub fn advance(&mut self, n: usize) {
        self.queue.advance(n);
    }

    /// See [`WriteQueue::drop_unsent_frames`].
    pub fn drop_unsent_frames(&mut self) {
        self.queue.drop_unsent_frames();
    }

    /// See [`WriteQueue::drop_unsent_posts`].
    pub fn drop_unsent_posts(&mut self) -> bool {
        self.queue.drop_unsent_posts()
    }
}

/// See [`write_queue::rest_of_begun_frame`].
pub fn rest_of_begun_frame(frames: &[u8], sent: usize) -> usize {
    write_queue::rest_of_begun_frame(frames, sent)
}
