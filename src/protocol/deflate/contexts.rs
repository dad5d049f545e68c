//! Inflaters that the connections of one thread share.

use std::fmt;

use super::zlib::{Inflater, Zlib};

/// Inflaters kept for later messages; more than these are freed.
const IDLE_INFLATERS: usize = 16;

/// Inflaters and a budget, shared by all connections of a thread: see [`Allowance::contexts`].
///
/// A connection borrows an inflater for each compressed message without context takeover, and gives it back empty. That
/// saves making one for each message.
///
/// [`Allowance::contexts`]: super::super::Allowance::contexts
pub struct Contexts {
    /// The bytes that may still be inflated; connections count it down. A compressed byte costs at least 4 of these. At 0,
    /// [`Connection::receive_with`] returns `Ok(None)` although a message may be complete: see
    /// [`Connection::is_paused`]. Default: no limit.
    ///
    /// [`Connection::receive_with`]: super::super::Connection::receive_with
    /// [`Connection::is_paused`]: super::super::Connection::is_paused
    pub inflatable: usize,
    /// The messages inflated so far.
    pub inflated: Tally,
    idle: Vec<Inflater>,
    /// The output buffer of the inflaters. Each call of one reads only the bytes that it has just written.
    pub(super) piece: Vec<u8>,
}

/// A count of messages compressed or inflated, and of their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of messages.
    pub messages: u64,
    /// The bytes of their compressed payloads.
    pub compressed: u64,
    /// The bytes of their uncompressed payloads.
    pub plain: u64,
}

impl Default for Contexts {
    fn default() -> Self {
        Self { inflatable: usize::MAX, inflated: Tally::default(), idle: Vec::new(), piece: Vec::new() }
    }
}

impl Contexts {
    /// The heap bytes of an inflater: zlib's state, and a window of 32 KiB with its margin.
    pub const INFLATER: usize = 48 * 1024;

    #[cfg(all(test, feature = "deflate"))]
    pub(super) fn kept(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn take(&mut self, zlib: Zlib) -> Inflater {
        self.idle.pop().unwrap_or_else(|| zlib.inflater())
    }

    /// Takes an inflater back and makes it forget its input.
    pub(super) fn put(&mut self, mut inflater: Inflater) {
        if self.idle.len() < IDLE_INFLATERS {
            inflater.reset();
            self.idle.push(inflater);
        }
    }
}

/// Prints no payload.
impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Contexts");
        f.field("inflatable", &self.inflatable).field("inflated", &self.inflated).finish_non_exhaustive()
    }
}
