//! zlib: the only file that uses the crate `flate2`. In a build without the feature `deflate`, `no_zlib.rs` takes its
//! place.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::Status;
use crate::protocol::error::ProtocolError;

/// The proof that this build can compress. Compressors and inflaters are made only from it, and a struct with a field of
/// this type cannot exist in a build without the feature `deflate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zlib(());

impl Zlib {
    /// `None` in a build without the feature `deflate`.
    pub(crate) const fn get() -> Option<Self> {
        Some(Self(()))
    }

    /// `level` from 0 to 9, `window_bits` from 9 to 15.
    pub(super) fn compressor(self, level: u8, window_bits: u8) -> Compressor {
        Compressor(Compress::new_with_window_bits(Compression::new(level.into()), false, window_bits))
    }

    /// The window has 15 bits: it can hold any smaller one, takes no more memory, and is reset in a tenth of the time.
    pub(super) fn inflater(self) -> Inflater {
        Inflater(Decompress::new(false))
    }
}

pub(super) struct Compressor(Compress);

impl Compressor {
    /// Forgets all earlier input.
    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    /// Compresses `plain` into the spare capacity of `output` and flushes. Returns whether all of `plain` was taken.
    pub(super) fn flush(&mut self, plain: &[u8], output: &mut Vec<u8>) -> bool {
        let before = self.0.total_in();
        let result = self.0.compress_vec(plain, output, FlushCompress::Sync);
        result.is_ok() && self.0.total_in() - before == plain.len() as u64
    }
}

pub(super) struct Inflater(Decompress);

impl Inflater {
    /// Forgets all earlier input.
    pub(super) fn reset(&mut self) {
        self.0.reset(false);
    }

    /// Inflates from `source` into `output`. Returns the number of bytes taken and of bytes written, which also count
    /// when an error follows them, and the result.
    pub(super) fn inflate(
        &mut self,
        source: &[u8],
        output: &mut [u8],
    ) -> (usize, usize, Result<Status, ProtocolError>) {
        let (total_in, total_out) = (self.0.total_in(), self.0.total_out());
        let result = self.0.decompress(source, output, FlushDecompress::None);
        let count = |total: u64, before: u64| usize::try_from(total - before).unwrap_or_default();
        let (consumed, produced) = (count(self.0.total_in(), total_in), count(self.0.total_out(), total_out));
        let status = match result {
            Ok(flate2::Status::StreamEnd) => Ok(Status::StreamEnd),
            Ok(_) => Ok(Status::InStream),
            Err(_) => Err(ProtocolError::InvalidDeflate),
        };
        (consumed, produced, status)
    }
}
