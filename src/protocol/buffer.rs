//! The payload of an unfinished message, in a vector into which a socket can be read directly.
//!
//! All of the vector's length is initialised and stays so after the message: a pooled vector is never zeroed again. The
//! number of payload bytes is counted apart from the length.

use std::mem;

/// Reading into a smaller spare part costs more than receiving elsewhere and copying.
const MIN_SPARE: usize = 4 * 1024;

/// A data frame that lacks at least this much payload gets a larger buffer, and is received into it directly.
pub(super) const DIRECT: usize = 64 * 1024;

/// A growing payload. Its capacity is at most twice the bytes received, unless the vector was lent.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// The payload is the first `filled` of `bytes`.
    filled: usize,
}

impl Buffer {
    /// The number of initialised bytes, payload included.
    pub(super) fn extent(&self) -> usize {
        self.bytes.len()
    }

    /// The number of payload bytes.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// The heap bytes held.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Moves the payload to `bytes` and continues there. The content of `bytes` does not matter.
    pub(super) fn lend(&mut self, bytes: Vec<u8>) {
        let own = mem::replace(self, Self { bytes, filled: 0 });
        self.append(own.payload());
    }

    /// Makes room for `needed` more bytes. Doubles the capacity for that, but not beyond `most` unless it must.
    pub(super) fn make_room(&mut self, needed: usize, most: usize) {
        let extent = self.filled.saturating_add(needed);
        if extent > self.bytes.capacity() {
            let capacity = extent.max(self.bytes.capacity().saturating_mul(2).min(most));
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }

    /// Appends a copy of `piece`.
    pub(super) fn append(&mut self, piece: &[u8]) {
        self.make_room(piece.len(), usize::MAX);
        let spare = self.spare_mut();
        let (fits, rest) = piece.split_at_checked(spare.len()).unwrap_or((piece, &[]));
        if let Some(place) = spare.get_mut(..fits.len()) {
            place.copy_from_slice(fits);
        }
        self.bytes.extend_from_slice(rest);
        self.filled += piece.len();
    }

    /// The place for up to `needed` more bytes; `None`: so few are not worth a read of their own. Grows the vector when it
    /// is nearly full, but at most to twice the payload.
    pub(super) fn spare(&mut self, needed: usize) -> Option<&mut [u8]> {
        let growth = needed.min(self.filled);
        let extent = self.filled + growth;
        if self.spare_mut().len() < MIN_SPARE && extent > self.bytes.len() {
            // Also for a rest that is too short for a read of its own: `append` would double a full vector for it.
            self.bytes.reserve_exact(extent - self.bytes.len());
            if growth >= MIN_SPARE {
                self.bytes.resize(extent, 0);
            }
        }
        let spare = self.spare_mut();
        let len = spare.len().min(needed);
        spare.get_mut(..len).filter(|spare| spare.len() >= MIN_SPARE)
    }

    /// Adds the first `n` spare bytes to the payload and returns them.
    pub(super) fn take_spare(&mut self, n: usize) -> Option<&mut [u8]> {
        let start = self.filled;
        let end = start.checked_add(n).filter(|end| *end <= self.bytes.len())?;
        self.filled = end;
        self.bytes.get_mut(start..end)
    }

    /// The payload.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// The vector: the payload is at its front, all of its length is initialised.
    pub(super) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    fn spare_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_to_the_spare_part_first_and_then_grows() {
        let mut buffer = Buffer::default();
        buffer.append(b"ab");
        buffer.lend(vec![b'.'; 5]);
        buffer.append(b"cdefg");
        buffer.append(b"h");
        assert_eq!(buffer.payload(), b"abcdefgh");
    }

    #[test]
    fn a_spare_part_at_most_doubles_the_payload() {
        let mut buffer = Buffer::default();
        for (filled, needed, spare) in [
            (0, 1 << 20, None),
            (MIN_SPARE - 1, 1 << 20, None),
            (MIN_SPARE, 1 << 20, Some(MIN_SPARE)),
            (MIN_SPARE, MIN_SPARE - 1, None),
            (MIN_SPARE + 9, MIN_SPARE, Some(MIN_SPARE)),
            (20_000, 100_000, Some(20_000)),
            (20_000, 0, None),
        ] {
            buffer.append(&vec![0; filled - buffer.filled]);
            let before = buffer.extent();
            assert_eq!(buffer.spare(needed).map(|spare| spare.len()), spare, "{filled} filled, {needed} needed");
            assert!(buffer.capacity() <= 2 * filled);
            let most = if spare.is_some() { filled + needed } else { 0 };
            assert!(buffer.extent() <= before.max(most), "{filled} filled, {needed} needed");
        }
    }

    #[test]
    fn the_last_bytes_of_a_frame_do_not_double_the_vector() {
        let mut buffer = Buffer::default();
        buffer.append(&[0; 65_522]);
        // A frame of 1 MiB whose first 64 KiB, header included, have been read. Doubling ends 224 bytes short of it.
        let mut rest = (1 << 20) - 65_522;
        while let Some(spare) = buffer.spare(rest).map(|spare| spare.len()) {
            buffer.take_spare(spare).expect("the spare part just returned");
            rest -= spare;
        }
        assert_eq!(rest, 224);
        buffer.append(&[0; 224]);
        assert_eq!((buffer.filled(), buffer.capacity()), (1 << 20, 1 << 20));
    }

    #[test]
    fn a_lent_vector_keeps_its_length() {
        let mut buffer = Buffer::default();
        buffer.lend(vec![1; 10_000]);
        assert_eq!(buffer.spare(1 << 20).map(|spare| spare.len()), Some(10_000));
        buffer.spare(5_000).expect("enough room").fill(7);
        assert_eq!(buffer.take_spare(5_000).map(|taken| taken.to_vec()), Some(vec![7; 5_000]));
        assert_eq!(buffer.take_spare(5_001), None);
        assert_eq!(buffer.payload(), [7; 5_000]);
        assert_eq!(buffer.into_vec().len(), 10_000);
    }
}
