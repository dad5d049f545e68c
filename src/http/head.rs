//! Finds the end of a request head while it arrives (RFC 9112 §2.2).
//!
//! Each byte is examined once, however the head is split into reads. A peer that does not speak HTTP is refused at the
//! first byte that no head has there. The meaning of the head is not judged here.

use super::RequestError;
use super::list::{is_control, is_token_byte};

/// The longest head that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, with the empty line that ends it. Default 8,192.
    pub max_head: usize,
    /// Bytes of the request line, without its CRLF. Default 4,096.
    pub max_request_line: usize,
}

impl HeadLimits {
    /// Header lines of a head. Fixed, because [`Request::parse`](super::Request::parse) reads them into an array.
    pub const MAX_HEADERS: usize = 100;
}

impl Default for HeadLimits {
    fn default() -> Self {
        HeadLimits { max_head: 8192, max_request_line: 4096 }
    }
}

/// RFC 8446 5.1: the first byte of a connection that begins with TLS, in all its versions.
const TLS_HANDSHAKE: u8 = 0x16;

/// Finds the end of a request head incrementally; the work is linear in the bytes.
///
/// Each head of a connection needs a new scanner.
///
/// ```
/// let mut scanner = sockhop::http::HeadScanner::default();
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\n"), Ok(None));
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\nbytes behind it"), Ok(Some(37)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadScanner {
    /// Bytes examined, at most `max_head`.
    offset: usize,
    state: State,
    line: Line,
}

/// The position in the head, by the bytes before `offset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    LeadingCr,
    LeadingCrLf,
    InLine,
    Cr,
    CrLf,
    CrLfCr,
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Request,
    Header,
}

impl HeadScanner {
    /// Continues where the last call stopped, within the default [`HeadLimits`].
    ///
    /// `head` is all that has arrived so far, from the first byte on. `Ok(None)`: the head is not complete.
    /// `Ok(Some(length))`: it is `head[..length]`, and a body, frames or another request may follow. One CRLF before the
    /// request line is part of the head.
    ///
    /// # Errors
    ///
    /// [`Malformed`](RequestError::Malformed), [`Tls`](RequestError::Tls),
    /// [`RequestLineTooLong`](RequestError::RequestLineTooLong) or [`HeadTooLarge`](RequestError::HeadTooLarge), each at
    /// the first byte that makes it certain. Do not use the scanner afterwards.
    pub fn scan(&mut self, head: &[u8]) -> Result<Option<usize>, RequestError> {
        self.scan_within(head, &HeadLimits::default())
    }

    /// As [`scan`](Self::scan), within other limits, which must be the same at every call.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    pub fn scan_within(&mut self, head: &[u8], limits: &HeadLimits) -> Result<Option<usize>, RequestError> {
        let head = head.get(..limits.max_head).unwrap_or(head);
        while self.state != State::End {
            if self.state == State::InLine {
                self.skip_line(head, limits)?;
            }
            let Some(&byte) = head.get(self.offset) else {
                let full = self.offset >= limits.max_head;
                return if full { Err(RequestError::HeadTooLarge) } else { Ok(None) };
            };
            self.state = self.state.after(byte)?;
            if self.state == State::CrLf {
                self.line = Line::Header;
            }
            self.offset += 1;
        }
        Ok(Some(self.offset))
    }

    /// Goes on to the first byte that no line may have, such as its CR, or to the end of the bytes that have arrived.
    fn skip_line(&mut self, head: &[u8], limits: &HeadLimits) -> Result<(), RequestError> {
        // Only the request line is measured. It begins with the head or behind one CRLF, so the offset tells its length.
        let leading = if head.starts_with(b"\r\n") { 2 } else { 0 };
        let line_limit = limits.max_request_line.saturating_add(leading);
        let rest = head.get(self.offset..).unwrap_or_default();
        let end = self.offset + position_of_control(rest);
        if self.line == Line::Request && end > line_limit {
            return Err(RequestError::RequestLineTooLong);
        }
        self.offset = end;
        Ok(())
    }
}

#[cfg(fuzzing)]
impl HeadScanner {
    /// Bytes examined so far.
    #[doc(hidden)]
    pub fn examined(&self) -> usize {
        self.offset
    }
}

impl State {
    /// The state after one more byte, or an error for a byte that no head has there.
    fn after(self, byte: u8) -> Result<State, RequestError> {
        match (self, byte) {
            (State::Start, b'\r') => Ok(State::LeadingCr),
            (State::Start, TLS_HANDSHAKE) => Err(RequestError::Tls),
            (State::LeadingCr, b'\n') => Ok(State::LeadingCrLf),
            (State::InLine, b'\r') => Ok(State::Cr),
            (State::Cr, b'\n') => Ok(State::CrLf),
            (State::CrLf, b'\r') => Ok(State::CrLfCr),
            (State::CrLfCr, b'\n') => Ok(State::End),
            // RFC 9112 3, 5: a line begins with a token, the method or a header name. 5.2 Obsolete Line Folding: refused.
            (State::Start | State::LeadingCrLf | State::CrLf, byte) if is_token_byte(byte) => Ok(State::InLine),
            // RFC 9112 2.2: a bare CR or LF does not end a line.
            _ => Err(RequestError::Malformed),
        }
    }
}

/// The position of the first byte that no line may have; the length of `bytes` if there is none.
fn position_of_control(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<8>();
    let is_clean = |chunk: &&[u8; 8]| {
        !may_have_control(u64::from_le_bytes(**chunk)) || !chunk.iter().any(|&byte| is_control(byte))
    };
    let clean = chunks.iter().take_while(is_clean).count() * 8;
    let rest = bytes.get(clean..).unwrap_or_default();
    clean + rest.iter().position(|&byte| is_control(byte)).unwrap_or(rest.len())
}

/// Whether one of eight bytes is below the space or 0x7f. Some others may count, too, such as the tab, but none for which all
/// eight are ASCII characters that can be seen.
fn may_have_control(bytes: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    // A byte wraps around to its highest bit if it is below 0x20, or if 0x01 is added to 0x7f.
    (bytes.wrapping_sub(ONES * 0x20) & !bytes | bytes.wrapping_add(ONES) & !bytes) & (ONES * 0x80) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<Option<usize>, RequestError>;

    /// A head, its outcome, and the number of bytes after which the outcome is certain.
    type Case<Head> = (Head, Outcome, usize);

    /// Feeds the head byte by byte; returns the outcome, and after how many bytes it was certain.
    fn dribble(head: &[u8]) -> (Outcome, usize) {
        let mut scanner = HeadScanner::default();
        for length in 0..=head.len() {
            let result = scanner.scan(&head[..length]);
            if result != Ok(None) {
                return (result, length);
            }
            assert_eq!(scanner.offset, length, "every byte is examined once, and none twice");
        }
        (Ok(None), head.len())
    }

    #[test]
    fn a_control_character_is_found_at_every_place_among_all_others() {
        for byte in 0..=u8::MAX {
            for other in [b' ', b'~', b'\t', 0x80, 0xff] {
                for at in 0..24 {
                    let mut bytes = [other; 24];
                    bytes[at] = byte;
                    let expected = if is_control(byte) { at } else { 24 };
                    assert_eq!(position_of_control(&bytes), expected, "{byte:#x} at {at} among {other:#x}");
                }
            }
        }
    }

    fn line(length: usize) -> Vec<u8> {
        let mut line = b"GET /".to_vec();
        line.resize(length, b'a');
        line
    }

    fn cases() -> Vec<Case<Vec<u8>>> {
        let exact_line = [&line(4096)[..], b"\r\n\r\n"].concat();
        let leading_line = [b"\r\n", &line(4096)[..], b"\r\n\r\n"].concat();
        let long_line = [&line(4097)[..], b"\r\n\r\n"].concat();
        let mut head = [&line(16)[..], b"\r\nA: "].concat();
        head.resize(8188, b'a');
        let exact_head = [&head[..], b"\r\n\r\n"].concat();
        let long_head = [&head[..], b"a\r\n\r\n"].concat();
        let malformed = Err(RequestError::Malformed);
        let table: &[Case<&[u8]>] = &[
            (b"", Ok(None), 0),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", Ok(None), 25),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(Some(27)), 27),
            (b"\r\nGET / HTTP/1.1\r\n\r\nbehind", Ok(Some(20)), 20),
            (b"GET / HTTP/1.1\r\n\r\n\r\n", Ok(Some(18)), 18),
            (b"\x16\x03\x01\x02\0", Err(RequestError::Tls), 1),
            (b"\x15\x03\x01", malformed, 1),
            (b"\r\n\x16\x03\x01", malformed, 3),
            (b"\r\n\r\nGET", malformed, 3),
            (b"\n", malformed, 1),
            (b"\rG", malformed, 2),
            (b" GET", malformed, 1),
            (b"\r\n GET", malformed, 3),
            (b"GET / HTTP/1.1\nHost: a\r\n\r\n", malformed, 15),
            (b"GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n", malformed, 21),
            (b"GET / HTTP/1.1\r\nA: b\rB: c\r\n\r\n", malformed, 22),
            (b"GET / HTTP/1.1\r\nA: b\0\r\n\r\n", malformed, 21),
            (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", malformed, 23),
            (b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", malformed, 23),
            (b"GET / HTTP/1.1\r\n\rGET", malformed, 18),
            (&exact_line, Ok(Some(4100)), 4100),
            (&leading_line, Ok(Some(4102)), 4102),
            (&long_line, Err(RequestError::RequestLineTooLong), 4097),
            (&exact_head, Ok(Some(8192)), 8192),
            (&long_head, Err(RequestError::HeadTooLarge), 8192),
        ];
        table.iter().map(|(head, result, at)| (head.to_vec(), *result, *at)).collect()
    }

    #[test]
    fn finds_the_end_or_refuses_at_the_first_certain_byte() {
        for (head, expected, at) in cases() {
            let text = head.escape_ascii();
            assert_eq!(dribble(&head), (expected, at), "{text}");
            assert_eq!(HeadScanner::default().scan(&head), expected, "{text}");
        }
    }

    #[test]
    fn every_split_gives_the_same_result() {
        for (head, expected, _) in cases() {
            for cut in 0..=head.len() {
                let mut scanner = HeadScanner::default();
                let first = scanner.scan(&head[..cut]);
                let result = if first == Ok(None) { scanner.scan(&head) } else { first };
                assert_eq!(result, expected, "{} cut at {cut}", head.escape_ascii());
            }
        }
    }

    #[test]
    fn stays_at_the_end_once_found() {
        let mut scanner = HeadScanner::default();
        let head = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(scanner.scan(head), Ok(Some(18)));
        assert_eq!(scanner.scan(head), Ok(Some(18)));
    }

    #[test]
    fn keeps_to_other_limits() {
        let limits = HeadLimits { max_head: 30, max_request_line: 14 };
        let scan = |head: &[u8]| HeadScanner::default().scan_within(head, &limits);
        assert_eq!(scan(b"GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
        assert_eq!(scan(b"GET /a HTTP/1.1\r\n\r\n"), Err(RequestError::RequestLineTooLong));
        assert_eq!(scan(b"GET / HTTP/1.1\r\nHost: abcd\r\n\r\n"), Ok(Some(30)));
        assert_eq!(scan(b"GET / HTTP/1.1\r\nHost: abcde\r\n\r\n"), Err(RequestError::HeadTooLarge));
    }

    #[test]
    fn a_scanner_is_small() {
        assert!(size_of::<HeadScanner>() <= 16);
    }
}
