//! The body of a request: where it ends, and its bytes as they arrive (RFC 9112 §6 and §7).
//!
//! If a proxy and this server disagree about where a body ends, a client can hide a request in it (request smuggling).
//! So a length that can be read in two ways is refused.

use super::list::{self, is_control, is_token_byte};
use super::request::Single;
use super::{Request, RequestError, Version};

/// Bytes of extensions in one chunk line, from the first semicolon on.
const MAX_EXTENSIONS: u32 = 256;
/// Bytes of all chunk lines of a body, with their ends. So 1 MiB may come in chunks of 80 bytes, but not of 8.
const MAX_CHUNK_LINES: u32 = 64 * 1024;
/// Bytes of all trailer lines, with their ends.
const MAX_TRAILERS: u32 = 1024;
/// Hexadecimal digits of a chunk size, with leading zeros: 64 bits have no more.
const MAX_SIZE_DIGITS: u8 = 16;

/// The length of a body, as its head announces it (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// There is no body.
    None,
    /// Content-Length: so many bytes follow.
    Sized(u64),
    /// Transfer-Encoding: chunks follow until an empty one.
    Chunked,
}

impl Request<'_> {
    /// The length of the body, by the rules of RFC 9112 6.3 without their lenience.
    ///
    /// # Errors
    ///
    /// [`ConflictingLengths`](RequestError::ConflictingLengths), [`SeveralLengths`](RequestError::SeveralLengths),
    /// [`ContentLength`](RequestError::ContentLength), [`TransferEncoding`](RequestError::TransferEncoding) or
    /// [`TransferEncodingOverHttp10`](RequestError::TransferEncodingOverHttp10).
    pub fn body_length(&self) -> Result<BodyLength, RequestError> {
        body_length(self.version(), self.single("transfer-encoding"), self.single("content-length"))
    }

    /// True when the client waits for [`CONTINUE`](super::CONTINUE) before it sends its body (RFC 9110 10.1.1).
    ///
    /// # Errors
    ///
    /// [`Expectation`](RequestError::Expectation).
    pub fn expects_continue(&self) -> Result<bool, RequestError> {
        match self.single("expect") {
            Single::None => Ok(false),
            // 10.1.1: HTTP/1.0 has no interim answers, so a server ignores the expectation.
            Single::One(value) if value.eq_ignore_ascii_case("100-continue") => Ok(self.version() == Version::Http11),
            Single::One(_) | Single::Several => Err(RequestError::Expectation),
        }
    }

    /// True when another request may follow on the connection: HTTP/1.1 without `Connection: close` (RFC 9112 9.3).
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        self.version() == Version::Http11 && !list::contains(self.header_bytes("connection"), "close")
    }
}

/// The length of the body of a request or response of this version with these headers.
pub(super) fn body_length(
    version: Version,
    transfer_encoding: Single<'_>,
    content_length: Single<'_>,
) -> Result<BodyLength, RequestError> {
    match (transfer_encoding, content_length) {
        (Single::None, Single::None) => Ok(BodyLength::None),
        (Single::None, Single::One(length)) => decimal(length).map(BodyLength::Sized),
        (Single::None, Single::Several) => Err(RequestError::SeveralLengths),
        (_, Single::One(_) | Single::Several) => Err(RequestError::ConflictingLengths),
        _ if version == Version::Http10 => Err(RequestError::TransferEncodingOverHttp10),
        (Single::One(coding), Single::None) if coding.eq_ignore_ascii_case("chunked") => Ok(BodyLength::Chunked),
        // Several lines are one list, and two codings are refused like an unknown one.
        (_, Single::None) => Err(RequestError::TransferEncoding),
    }
}

/// RFC 9110 8.6: one or more decimal digits. `u64::from_str` alone would take a plus sign.
fn decimal(text: &str) -> Result<u64, RequestError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(RequestError::ContentLength)
}

/// Takes a body out of the bytes of a connection, as they arrive.
///
/// The work is linear in the bytes, and the result and the position do not depend on how the bytes are split.
///
/// ```
/// use sockhop::http::{BodyDecoder, BodyLength};
/// let (mut decoder, mut body) = (BodyDecoder::new(BodyLength::Chunked), Vec::new());
/// let mut input = &b"3\r\nfoo\r\n0\r\n\r\nGET /next"[..];
/// assert_eq!(decoder.decode(&mut input, &mut body, 1024), Ok(true));
/// assert_eq!((&body[..], input), (&b"foo"[..], &b"GET /next"[..]));
/// ```
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    wire_bytes: u64,
    /// Bytes of chunk lines so far, at most [`MAX_CHUNK_LINES`]; behind the last chunk, bytes of trailer lines, at most
    /// [`MAX_TRAILERS`].
    line_bytes: u32,
}

/// The next byte that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None: the body is complete.
    Complete,
    Sized {
        left: u64,
    },
    ChunkSize {
        size: u64,
        digits: u8,
    },
    /// With the bytes of extensions so far.
    ChunkExtension {
        size: u64,
        bytes: u32,
    },
    /// The LF of a chunk line.
    ChunkLineEnd {
        size: u64,
    },
    ChunkData {
        left: u64,
    },
    /// The CR behind the data of a chunk.
    ChunkCr,
    ChunkLf,
    /// A trailer, or the CR of the empty line that ends the body.
    TrailerStart,
    TrailerName,
    TrailerValue,
    /// The LF of a trailer line.
    TrailerLineEnd,
    /// The LF of the empty line that ends the body.
    LastLf,
}

impl BodyDecoder {
    /// A decoder for one body.
    #[must_use]
    pub fn new(length: BodyLength) -> Self {
        let state = match length {
            BodyLength::None | BodyLength::Sized(0) => State::Complete,
            BodyLength::Sized(left) => State::Sized { left },
            BodyLength::Chunked => State::ChunkSize { size: 0, digits: 0 },
        };
        BodyDecoder { state, wire_bytes: 0, line_bytes: 0 }
    }

    /// Takes bytes off the front of `input`, none behind the end of the body, and appends the decoded ones to `body`.
    ///
    /// `Ok(true)`: the body is complete, and what is left of `input` is the next request. `body` grows only by bytes
    /// that are there, whatever length was announced.
    ///
    /// # Errors
    ///
    /// [`BodyTooLarge`](RequestError::BodyTooLarge) as soon as it is certain that `body` would become longer than
    /// `max` bytes: for a body with a Content-Length at the first call, also without any input; for a chunk when its
    /// size is known. Any other rule of RFC 9112 7.1 at the byte that breaks it. Do not use the
    /// decoder afterwards.
    pub fn decode(&mut self, input: &mut &[u8], body: &mut Vec<u8>, max: usize) -> Result<bool, RequestError> {
        loop {
            let data = match self.state {
                State::Complete => return Ok(true),
                State::Sized { left } | State::ChunkData { left } => left,
                _ => {
                    let Some((&byte, rest)) = input.split_first() else { return Ok(false) };
                    self.state = self.after(byte)?;
                    self.wire_bytes += 1;
                    *input = rest;
                    continue;
                }
            };
            let room = max.saturating_sub(body.len());
            if data > u64::try_from(room).unwrap_or(u64::MAX) {
                return Err(RequestError::BodyTooLarge);
            }
            if input.is_empty() {
                return Ok(false);
            }
            self.take(data, input, body);
        }
    }

    /// Bytes taken so far, with chunk lines and trailers.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    /// Takes data, of which `left` bytes are still to come.
    fn take(&mut self, left: u64, input: &mut &[u8], body: &mut Vec<u8>) {
        let available = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (data, rest) = input.split_at(available);
        body.extend_from_slice(data);
        *input = rest;
        let taken = data.len() as u64;
        self.wire_bytes += taken;
        let left = left - taken;
        self.state = match self.state {
            State::Sized { .. } if left == 0 => State::Complete,
            State::Sized { .. } => State::Sized { left },
            _ if left == 0 => State::ChunkCr,
            _ => State::ChunkData { left },
        };
    }

    /// The state after one more byte of a chunk line, a trailer line or a line end.
    fn after(&mut self, byte: u8) -> Result<State, RequestError> {
        match self.state {
            State::ChunkSize { .. } | State::ChunkExtension { .. } | State::ChunkLineEnd { .. } => {
                self.count(MAX_CHUNK_LINES, RequestError::ChunkLinesTooLong)?;
                self.after_in_chunk_line(byte)
            }
            State::ChunkCr if byte == b'\r' => Ok(State::ChunkLf),
            State::ChunkLf if byte == b'\n' => Ok(State::ChunkSize { size: 0, digits: 0 }),
            State::TrailerStart if byte == b'\r' => Ok(State::LastLf),
            State::LastLf if byte == b'\n' => Ok(State::Complete),
            State::LastLf => Err(RequestError::Trailer),
            State::TrailerStart | State::TrailerName | State::TrailerValue | State::TrailerLineEnd => {
                self.count(MAX_TRAILERS, RequestError::TrailersTooLong)?;
                self.state.after_in_trailer(byte).ok_or(RequestError::Trailer)
            }
            _ => Err(RequestError::Chunk),
        }
    }

    fn after_in_chunk_line(&mut self, byte: u8) -> Result<State, RequestError> {
        match (self.state, byte) {
            (State::ChunkSize { size, digits }, byte) if byte.is_ascii_hexdigit() && digits < MAX_SIZE_DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Ok(State::ChunkSize { size: size << 4 | u64::from(digit), digits: digits + 1 })
            }
            (State::ChunkSize { size, digits: 1.. }, b';') => Ok(State::ChunkExtension { size, bytes: 1 }),
            (State::ChunkSize { size, digits: 1.. } | State::ChunkExtension { size, .. }, b'\r') => {
                Ok(State::ChunkLineEnd { size })
            }
            // 7.1.1: extensions are ignored, so any text without a line end will do.
            (State::ChunkExtension { size, bytes }, byte) if !is_control(byte) => match bytes {
                MAX_EXTENSIONS.. => Err(RequestError::ChunkLinesTooLong),
                bytes => Ok(State::ChunkExtension { size, bytes: bytes + 1 }),
            },
            (State::ChunkLineEnd { size: 0 }, b'\n') => {
                self.line_bytes = 0;
                Ok(State::TrailerStart)
            }
            (State::ChunkLineEnd { size }, b'\n') => Ok(State::ChunkData { left: size }),
            _ => Err(RequestError::Chunk),
        }
    }

    /// Counts one byte of a chunk line or trailer line.
    fn count(&mut self, max: u32, error: RequestError) -> Result<(), RequestError> {
        if self.line_bytes == max {
            return Err(error);
        }
        self.line_bytes += 1;
        Ok(())
    }
}

impl State {
    /// RFC 9112 5: `name: value`, without a space before the colon and without a line break inside.
    fn after_in_trailer(self, byte: u8) -> Option<State> {
        match (self, byte) {
            (State::TrailerStart | State::TrailerName, byte) if is_token_byte(byte) => Some(State::TrailerName),
            (State::TrailerName, b':') => Some(State::TrailerValue),
            (State::TrailerValue, b'\r') => Some(State::TrailerLineEnd),
            (State::TrailerValue, byte) if !is_control(byte) => Some(State::TrailerValue),
            (State::TrailerLineEnd, b'\n') => Some(State::TrailerStart),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
