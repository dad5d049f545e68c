//! Validation of UTF-8 that comes in pieces (§8.1).
//!
//! It answers at the first byte that no valid text can have in that place, also in the middle of a character: `F4 90`
//! is refused at the `90`, whatever would follow.

use std::{error, fmt, str};

/// Bytes that are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidUtf8;

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid utf-8")
    }
}

impl error::Error for InvalidUtf8 {}

/// Validates a text that comes in pieces, which may end in the middle of a character.
///
/// It is five bytes large and never allocates. After an error its answers mean nothing.
///
/// ```
/// use sockhop::protocol::{InvalidUtf8, Utf8Validator};
/// let mut validator = Utf8Validator::default();
/// assert_eq!(validator.push(b"caf\xC3"), Ok(()));
/// assert_eq!(validator.finish(), Err(InvalidUtf8)); // would the text end here
/// assert_eq!(validator.push(b"\xA9"), Ok(()));
/// assert_eq!(validator.finish(), Ok(()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The character under way: its bytes so far, which are a valid beginning, then unused bytes.
    character: [u8; 4],
    /// How many bytes of it have come: 0 to 3.
    len: u8,
}

impl Utf8Validator {
    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when no text starts with the bytes pushed so far.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            self.push_byte(byte)?;
            piece = rest;
        }
        let (body, tail) = split_off_unfinished(piece);
        simdutf8::basic::from_utf8(body).map_err(|_| InvalidUtf8)?;
        tail.iter().try_for_each(|&byte| self.push_byte(byte))
    }

    /// Whether the text may end here.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when the last character is incomplete.
    pub fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.len == 0 { Ok(()) } else { Err(InvalidUtf8) }
    }

    /// Adds one byte to the character under way; a complete character is forgotten.
    fn push_byte(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        let place = self.character.get_mut(usize::from(self.len)).ok_or(InvalidUtf8)?;
        *place = byte;
        self.len += 1;
        let character = self.character.get(..usize::from(self.len)).ok_or(InvalidUtf8)?;
        match str::from_utf8(character) {
            Ok(_) => self.len = 0,
            // std tells a wrong byte from one that is still to come, at the earliest byte that shows it.
            Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
            Err(_) => {}
        }
        Ok(())
    }
}

/// Splits `piece` before the character that its end cuts short, if there is one. What is cut off has at most 3 bytes
/// and begins with a byte that wants more than follow it.
fn split_off_unfinished(piece: &[u8]) -> (&[u8], &[u8]) {
    for (after, &byte) in piece.iter().rev().take(3).enumerate() {
        let continuation_bytes = match byte {
            0xC0..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xFF => 3,
            0x80..=0xBF => continue,
            0x00..=0x7F => break,
        };
        if after < continuation_bytes {
            return piece.split_at_checked(piece.len() - after - 1).unwrap_or((piece, &[]));
        }
        break;
    }
    (piece, &[])
}

#[cfg(test)]
mod tests;
