//! Files to answer GET with: entity tags, which spare a client a second copy, ranges, for players that seek, and content
//! codings (RFC 9110 §8.4, §8.8, §13.1.2, §14).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::request::Single;
use super::{ContentCoding, Request, Response, list};

/// Bytes with a media type and an entity tag, such as the content of a file.
///
/// ```
/// use sockhop::http::{Representation, Request};
/// let style = Representation::new("text/css; charset=utf-8", &b"body { margin: 0 }"[..]);
/// let head = format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: {}\r\n\r\n", style.etag());
/// let request = Request::parse(head.as_bytes()).unwrap();
/// assert_eq!(style.answer(&request).status(), 304);
/// ```
#[derive(Clone, Debug)]
pub struct Representation {
    media_type: Cow<'static, str>,
    coding: Option<ContentCoding>,
    content: Arc<[u8]>,
    etag: Arc<str>,
}

/// The part of the bytes that a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(Range<usize>),
    /// A part behind the end.
    Nothing,
}

impl Representation {
    /// Takes the bytes and their media type for Content-Type. The entity tag is a hash of them.
    #[must_use]
    pub fn new(media_type: impl Into<Cow<'static, str>>, content: impl Into<Arc<[u8]>>) -> Self {
        Self::with(media_type.into(), None, content.into())
    }

    /// The same for bytes that are compressed. The media type is that of the bytes before.
    #[must_use]
    pub fn encoded(
        media_type: impl Into<Cow<'static, str>>,
        coding: ContentCoding,
        content: impl Into<Arc<[u8]>>,
    ) -> Self {
        Self::with(media_type.into(), Some(coding), content.into())
    }

    fn with(media_type: Cow<'static, str>, coding: Option<ContentCoding>, content: Arc<[u8]>) -> Self {
        let name = coding.map_or("", ContentCoding::as_str);
        let hash = Sha1::new().chain_update(&*media_type).chain_update([0]).chain_update(name).chain_update([0]);
        let digest = hash.chain_update(&content).finalize();
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest)).into();
        Representation { media_type, coding, content, etag }
    }

    /// The entity tag, a strong one, with its quotes (RFC 9110 8.8.3).
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// How the bytes are compressed.
    #[must_use]
    pub fn coding(&self) -> Option<ContentCoding> {
        self.coding
    }

    /// The bytes. Clones share them.
    #[must_use]
    pub fn content(&self) -> &Arc<[u8]> {
        &self.content
    }

    /// Answers GET and HEAD: 304 if If-None-Match has the entity tag or `*`, else 200 with the bytes, or 206 with a part
    /// of them, or 416 if that part lies behind the end. The bytes are shared, not copied. A client may keep a copy, but
    /// must ask each time whether it is still up to date.
    pub fn answer(&self, request: &Request<'_>) -> Response {
        let len = self.content.len();
        let response = if self.is_known(request) {
            // 15.4.5 304 Not Modified: only with the headers that caches need.
            Response::new(304)
        } else {
            match self.asked(request) {
                Asked::All => self.describe(Response::new(200)).shared_body(Arc::clone(&self.content)),
                Asked::Part(range) => self
                    .describe(Response::new(206))
                    .header("Content-Range", format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1)))
                    .shared_part(Arc::clone(&self.content), range),
                Asked::Nothing => Response::new(416).header("Content-Range", format!("bytes */{len}")),
            }
            .header("Accept-Ranges", "bytes")
        };
        response.header("ETag", self.etag.to_string()).header("Cache-Control", "no-cache")
    }

    /// Answers with another status than 200 and the bytes, whatever the request says of copies and parts.
    pub fn answer_with(&self, status: u16) -> Response {
        let response = self.describe(Response::new(status)).header("Cache-Control", "no-cache");
        response.shared_body(Arc::clone(&self.content))
    }

    fn describe(&self, response: Response) -> Response {
        let response = response.header("Content-Type", self.media_type.clone());
        match self.coding {
            Some(coding) => response.header("Content-Encoding", coding.as_str()),
            None => response,
        }
    }

    /// 13.1.2 If-None-Match, by weak comparison. Our tags contain no comma, so the list can be split at commas.
    fn is_known(&self, request: &Request<'_>) -> bool {
        list::elements(request.header_bytes("if-none-match"))
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == &*self.etag)
    }

    /// 14.2 Range, which is for GET alone. A range that is malformed, in another unit, or one of several is ignored.
    fn asked(&self, request: &Request<'_>) -> Asked {
        let Single::One(ranges) = request.single("range") else { return Asked::All };
        // 13.1.5 If-Range, by strong comparison. No file has a date that could match.
        let is_same = request.header_lines("if-range").all(|tag| tag == &*self.etag);
        // An empty file has no part: whoever asks for its beginning gets all of it.
        if request.method() != "GET" || !is_same || self.content.is_empty() {
            return Asked::All;
        }
        asked_range(ranges, self.content.len()).unwrap_or(Asked::All)
    }
}

/// 14.1.2 Byte Ranges: one range of bytes, of a representation of this length. None if it is anything else.
fn asked_range(ranges: &str, len: usize) -> Option<Asked> {
    let (unit, set) = ranges.split_once('=')?;
    let mut set = list::elements(std::iter::once(set.as_bytes()));
    let (first, last) = set.next()?.split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") || set.next().is_some() {
        return None;
    }
    let (start, end) = match (position(first), position(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(len)),
        (Some(first), None) if last.is_empty() => (first, len),
        // The last bytes, as many as there are.
        (None, Some(count)) if first.is_empty() => (len - count.min(len), len),
        _ => return None,
    };
    Some(if start < end { Asked::Part(start..end) } else { Asked::Nothing })
}

/// A number of digits. One that is too large for any file becomes the largest.
fn position(digits: &str) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
