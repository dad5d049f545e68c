//! What inflates messages, shared by the connections of a thread.

use std::fmt;

use flate2::Decompress;

/// Inflaters that are kept for the next message.
const IDLE_INFLATERS: usize = 16;

/// What the extensions of connections work with, lent by [`Allowance::contexts`](super::super::Allowance::contexts):
/// inflaters, which connections borrow while a message without context takeover is under way, and give back empty.
///
/// One for all connections of a thread saves making an inflater for each message.
pub struct Contexts {
    /// How many bytes may be inflated; counted down, by 4 for each compressed byte if that is more. When it is 0,
    /// [`Connection::receive_with`] returns `Ok(None)` though a message may be complete: see
    /// [`Connection::is_paused`]. Default: any number.
    ///
    /// [`Connection::receive_with`]: super::super::Connection::receive_with
    /// [`Connection::is_paused`]: super::super::Connection::is_paused
    pub inflatable: usize,
    /// What has been inflated; counted up.
    pub inflated: Tally,
    idle: Vec<Decompress>,
    /// Where the inflaters write: nothing of it is ever read but what was written just before.
    pub(super) piece: Vec<u8>,
}

/// Messages that were compressed or decompressed, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes of their payloads on the wire.
    pub compressed: u64,
    /// Bytes of their payloads as they are.
    pub plain: u64,
}

impl Default for Contexts {
    fn default() -> Self {
        Self { inflatable: usize::MAX, inflated: Tally::default(), idle: Vec::new(), piece: Vec::new() }
    }
}

impl Contexts {
    /// Bytes of heap that an inflater takes: zlib's state, and a window of 32 KiB with its margin.
    pub const INFLATER: usize = 48 * 1024;

    /// Allows so many bytes to be inflated from now on.
    pub(crate) fn allow(&mut self, bytes: usize) {
        self.inflatable = bytes;
    }

    /// Whether no more may be inflated.
    pub(crate) fn is_spent(&self) -> bool {
        self.inflatable == 0
    }

    /// How many of the bytes that were allowed have been inflated.
    pub(crate) fn used(&self, allowed: usize) -> usize {
        allowed.saturating_sub(self.inflatable)
    }

    /// Messages inflated since the last call, their bytes before and after.
    pub(crate) fn take_inflated(&mut self) -> (u64, u64, u64) {
        let Tally { messages, compressed, plain } = std::mem::take(&mut self.inflated);
        (messages, compressed, plain)
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn take(&mut self) -> Decompress {
        self.idle.pop().unwrap_or_else(|| Decompress::new(false))
    }

    /// Takes an inflater back, and makes it forget what it has seen.
    pub(super) fn put(&mut self, mut inflater: Decompress) {
        if self.idle.len() < IDLE_INFLATERS {
            inflater.reset(false);
            self.idle.push(inflater);
        }
    }
}

/// Without content.
impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Contexts");
        f.field("inflatable", &self.inflatable).field("inflated", &self.inflated).finish_non_exhaustive()
    }
}
