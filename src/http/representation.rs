//! Files to answer GET with, and entity tags, which spare a client a second copy (RFC 9110 §8.8, §13.1.2).

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::{Request, Response, list};

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
    content: Arc<[u8]>,
    etag: Arc<str>,
}

impl Representation {
    /// Takes the bytes and their media type for Content-Type. The entity tag is a hash of both.
    #[must_use]
    pub fn new(media_type: impl Into<Cow<'static, str>>, content: impl Into<Arc<[u8]>>) -> Self {
        let (media_type, content) = (media_type.into(), content.into());
        let digest = Sha1::new().chain_update(&*media_type).chain_update([0]).chain_update(&content).finalize();
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest)).into();
        Representation { media_type, content, etag }
    }

    /// The entity tag, a strong one, with its quotes (RFC 9110 8.8.3).
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The bytes.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Answers GET and HEAD: 304 if If-None-Match has the entity tag or `*`, else 200 with the bytes, which are shared,
    /// not copied. A client may keep a copy, but must ask each time whether it is still up to date.
    pub fn answer(&self, request: &Request<'_>) -> Response {
        let response = if self.is_known(request) {
            // 15.4.5 304 Not Modified: only with the headers that caches need.
            Response::new(304)
        } else {
            Response::new(200).header("Content-Type", self.media_type.clone()).shared_body(Arc::clone(&self.content))
        };
        response.header("ETag", self.etag.to_string()).header("Cache-Control", "no-cache")
    }

    /// 13.1.2 If-None-Match, by weak comparison. Our tags contain no comma, so the list can be split at commas.
    fn is_known(&self, request: &Request<'_>) -> bool {
        list::elements(request.header_lines("if-none-match"))
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == &*self.etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Persistence};

    fn style() -> Representation {
        Representation::new("text/css", &b"a{}"[..])
    }

    fn status(lines: &[&str]) -> u16 {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.concat());
        style().answer(&Request::parse(head.as_bytes()).unwrap()).status()
    }

    #[test]
    fn is_sent_unless_the_client_has_it() {
        let tag = style().etag().to_owned();
        assert_eq!(status(&[]), 200);
        let known =
            [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}"), format!("\"a,b\",W/{tag} ,")];
        for value in known {
            assert_eq!(status(&[&format!("If-None-Match: {value}\r\n")]), 304, "{value}");
        }
        for value in ["", "\"x\"", tag.trim_matches('"'), &tag.to_lowercase(), "w/*"] {
            assert_eq!(status(&[&format!("If-None-Match: {value}\r\n")]), 200, "{value}");
        }
        assert_eq!(status(&["If-None-Match: \"x\"\r\n", &format!("If-None-Match: {tag}\r\n")]), 304);
    }

    #[test]
    fn its_tag_changes_with_its_bytes_and_its_type() {
        let others = [Representation::new("text/css", &b"a{} "[..]), Representation::new("text/plain", &b"a{}"[..])];
        for other in others {
            assert_ne!(other.etag(), style().etag());
        }
        assert_eq!(style().etag(), style().etag());
    }

    #[test]
    fn an_answer_304_has_the_tag_and_no_body() {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: {}\r\n\r\n", style().etag());
        let mut output = Vec::new();
        let answer = style().answer(&Request::parse(head.as_bytes()).unwrap());
        answer.encode(&mut output, None, Body::Include, Persistence::KeepAlive);
        let output = String::from_utf8(output).unwrap();
        assert!(output.starts_with("HTTP/1.1 304 Not Modified\r\n") && output.ends_with("\r\n\r\n"), "{output}");
        assert!(output.contains(&format!("\r\nETag: {}\r\n", style().etag())), "{output}");
        assert!(!output.contains("Content-Length") && !output.contains("Content-Type:"), "{output}");
    }
}
