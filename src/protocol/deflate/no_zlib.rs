//! Stands in for `zlib.rs` in a build without the feature `deflate`. No value of these types can exist, so the compiler
//! removes the code that would use one.

use super::Status;
use crate::protocol::error::ProtocolError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Never {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zlib(Never);

impl Zlib {
    pub(crate) const fn get() -> Option<Self> {
        None
    }

    pub(super) fn compressor(self, _level: u8, _window_bits: u8) -> Compressor {
        match self.0 {}
    }

    pub(super) fn inflater(self) -> Inflater {
        match self.0 {}
    }
}

pub(super) struct Compressor(Never);

impl Compressor {
    pub(super) fn reset(&mut self) {
        match self.0 {}
    }

    pub(super) fn flush(&mut self, _plain: &[u8], _output: &mut Vec<u8>) -> bool {
        match self.0 {}
    }
}

pub(super) struct Inflater(Never);

impl Inflater {
    pub(super) fn reset(&mut self) {
        match self.0 {}
    }

    pub(super) fn inflate(&mut self, _: &[u8], _: &mut [u8]) -> (usize, usize, Result<Status, ProtocolError>) {
        match self.0 {}
    }
}
