//! What an extension may do to a message (§9), and what there is of that without one.
//!
//! Between a connection and its extension lies what is named here: an [`Extension`] says what was negotiated, an
//! `Inflation` is the message of the peer's that it works on, [`Contexts`] are what it works with. Without the feature
//! `deflate` there can be no value of the first two, so nothing of it is compiled.

#[cfg(not(feature = "deflate"))]
mod none;

#[cfg(not(feature = "deflate"))]
use self::none as extension;
#[cfg(feature = "deflate")]
use super::deflate as extension;

pub use self::extension::{Contexts, Extension};
pub(super) use self::extension::{Inflation, begin};

/// How far the work on what has come of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is done.
    Done,
    /// The allowance is used up: there is more to do, even if nothing more comes.
    Paused,
}

/// The most bytes that a message may have as an extension sends it, when it may have `max` bytes itself. What does not
/// get smaller by deflating gets larger, by 5 bytes for each block: how long those are depends on the compressor's memory.
/// zlib's are 16 KiB by default, 2 KiB in Python's `websockets`, 128 bytes at the least; an eighth covers even a compressor
/// that knows no stored blocks. It costs no memory: what is kept is bounded apart from that.
pub(super) fn max_extended(max: u64) -> u64 {
    max.saturating_add(max / 8).saturating_add(64)
}
