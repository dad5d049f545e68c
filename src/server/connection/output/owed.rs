//! The state of an output that owes something.

use super::parts::{Part, len_of, start_of_last_frame};
use super::queue::WriteQueue;
use crate::server::types::env::{Charge, Env, Tick};

/// The queue of a connection, and the state of its output. It exists while something is owed or to be remembered.
pub(super) struct Owed {
    pub queue: WriteQueue,
    /// Bytes that the socket has accepted and not yet handed on. They leave before the queue, and are owed like it.
    pub pending: usize,
    /// When the peer last accepted a byte of the queue, or when the queue began.
    pub progress: Tick,
    /// The last write was not completed: the socket's next event will say that it accepts bytes again.
    pub is_blocked: bool,
    /// The connection is not read from, since it is owed too much.
    pub is_paused: bool,
    /// A call of `drained` is due when little is owed: more than the high-water mark has been owed since the last one, or
    /// the handler has asked for it.
    pub was_high: bool,
    /// The connection is in the loop's list of those to flush.
    pub is_listed: bool,
    /// A Pong that waits until the socket accepts bytes again. The newest replaces an older one (5.5.3).
    pub pong: Option<Box<[u8]>>,
    pub charge: Charge,
}

impl Owed {
    pub fn new(env: &Env) -> Self {
        Owed {
            queue: WriteQueue::default(),
            pending: 0,
            progress: env.tick(),
            is_blocked: false,
            is_paused: false,
            was_high: false,
            is_listed: false,
            pong: None,
            charge: Charge::new(&env.held),
        }
    }

    /// Bytes owed.
    pub fn len(&self) -> usize {
        self.queue.len() + self.pending
    }

    /// Whether nothing is owed, and nothing is to be remembered.
    pub fn is_idle(&self) -> bool {
        self.len() == 0 && self.pong.is_none() && !self.is_blocked && !self.is_listed && !self.was_high
    }

    /// More is owed: the peer is perhaps no longer read from.
    pub fn note_growth(&mut self, env: &Env) {
        if self.len() > env.config.high_water {
            (self.was_high, self.is_paused) = (true, true);
        }
        self.charge.set(self.queue.held());
    }

    /// Whether the queue may take the rest of these frames when `sent` bytes have left. A queue up to the high-water mark
    /// always takes one more frame, whatever its size.
    pub fn has_room(&self, parts: &[Part<'_>], sent: usize, env: &Env) -> bool {
        let queued = self.len();
        // Where the last frame has room, the frames before it have room, too.
        queued + len_of(parts) - sent <= env.config.max_queue
            || queued + start_of_last_frame(parts).saturating_sub(sent) <= env.config.high_water
    }
}
