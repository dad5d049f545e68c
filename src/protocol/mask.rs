//! Masking of payloads (§5.3).
//!
//! The algorithm is its own inverse. It works in place and knows nothing of frames.

/// Masks or unmasks `payload` in place: byte `i` is combined with byte `(offset + i) mod 4` of the masking key (§5.3).
///
/// `offset` is the position of `payload[0]` in the payload of its frame: 0 for a whole frame, the number of bytes that
/// came before when a frame is unmasked piece by piece. Only `offset % 4` matters.
///
/// ```
/// let mut payload = *b"Hello";
/// sockhop::protocol::mask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[inline]
pub fn mask(payload: &mut [u8], masking_key: [u8; 4], offset: usize) {
    let mut key = masking_key;
    key.rotate_left(offset % 4);
    // Four bytes are one word, which the compiler widens to vectors. Native order on both sides: no byte is swapped.
    let word = u32::from_ne_bytes(key);
    let (words, tail) = payload.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// §5.3 word by word.
    fn mask_by_the_rfc(payload: &[u8], offset: usize) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ KEY[(i + offset) % 4]).collect()
    }

    #[test]
    fn every_length_and_offset_agrees_with_the_rfc() {
        let plain: Vec<u8> = (0..=255).collect();
        for len in 0..=70 {
            for offset in [0, 1, 2, 3, 4, 5, 4095, usize::MAX - 3] {
                let mut payload = plain[..len].to_vec();
                mask(&mut payload, KEY, offset);
                assert_eq!(payload, mask_by_the_rfc(&plain[..len], offset % 4), "{len} bytes at {offset}");
            }
        }
    }

    #[test]
    fn masking_in_two_pieces_is_masking_at_once() {
        let plain: Vec<u8> = (0..37).collect();
        for cut in 0..=plain.len() {
            let mut payload = plain.clone();
            let (head, tail) = payload.split_at_mut(cut);
            mask(head, KEY, 0);
            mask(tail, KEY, cut);
            assert_eq!(payload, mask_by_the_rfc(&plain, 0), "cut at {cut}");
        }
    }

    #[test]
    fn masking_twice_is_the_identity() {
        let mut payload = *b"some bytes of any kind";
        mask(&mut payload, KEY, 3);
        assert_ne!(&payload, b"some bytes of any kind");
        mask(&mut payload, KEY, 3);
        assert_eq!(&payload, b"some bytes of any kind");
    }
}
