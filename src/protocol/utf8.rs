//! Validates UTF-8 that arrives in pieces (§8.1).
//!
//! Fails at the first byte that no valid text can have in its place, also within a character: `F4 90` fails at the `90`,
//! whatever follows.

use std::{error, fmt, str};

/// The bytes are not valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidUtf8;

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid utf-8")
    }
}

impl error::Error for InvalidUtf8 {}

/// Validates a text that arrives in pieces. A piece may end within a character.
///
/// It takes five bytes and never allocates. After an error its further results mean nothing.
///
/// ```
/// use sockhop::protocol::{InvalidUtf8, Utf8Validator};
/// let mut validator = Utf8Validator::default();
/// assert_eq!(validator.push(b"caf\xC3"), Ok(()));
/// assert_eq!(validator.finish(), Err(InvalidUtf8)); // the text must not end here
/// assert_eq!(validator.push(b"\xA9"), Ok(()));
/// assert_eq!(validator.finish(), Ok(()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The first `len` bytes are the valid beginning of an unfinished character, the others are unused.
    character: [u8; 4],
    /// 0 to 3.
    len: u8,
}

impl Utf8Validator {
    /// Validates the next piece of the text.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when no valid text begins with the bytes pushed so far.
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

    /// Checks that the text may end here.
    ///
    /// # Errors
    /// [`InvalidUtf8`] when the last character is incomplete.
    pub fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.len == 0 { Ok(()) } else { Err(InvalidUtf8) }
    }

    /// Adds one byte to the unfinished character, and forgets the character when it is complete.
    fn push_byte(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        let place = self.character.get_mut(usize::from(self.len)).ok_or(InvalidUtf8)?;
        *place = byte;
        self.len += 1;
        let character = self.character.get(..usize::from(self.len)).ok_or(InvalidUtf8)?;
        match str::from_utf8(character) {
            Ok(_) => self.len = 0,
            // std distinguishes an invalid byte from a missing one, as early as possible.
            Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
            Err(_) => {}
        }
        Ok(())
    }
}

/// Splits `piece` before an unfinished character at its end. That part has at most 3 bytes, and its first byte announces
/// more bytes than follow it.
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
