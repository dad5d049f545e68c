//! For the tests of this room: feeds bytes in every way in which a network may split them.

use std::fmt::Debug;

/// The result of `run` for these bytes in one piece, once it has been the same for them byte by byte and cut in two at
/// every position (at 2,000 positions, if there are more).
pub(crate) fn however_split<T: PartialEq + Debug>(bytes: &[u8], run: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = run(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&single), whole, "byte by byte: {}", bytes.escape_ascii());
    for cut in (0..=bytes.len()).step_by(bytes.len() / 2000 + 1) {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(run(&[first, second]), whole, "cut at {cut}: {}", bytes.escape_ascii());
    }
    whole
}
