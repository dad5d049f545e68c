//! Answers to requests: their heads, and whether the connection goes on (RFC 9110 §15, RFC 9112 §4 and §9).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::HttpDate;
use super::list::{is_control, is_token};

/// The interim answer to a client that [waits](super::Request::expects_continue) before it sends its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The answer to a plain request, or the refusal of any request.
///
/// ```
/// use sockhop::http::{Body, Persistence, Response};
/// let (mut output, response) = (Vec::new(), Response::text(200, "ok\n").header("Cache-Control", "no-store"));
/// response.encode(&mut output, None, Body::Include, Persistence::KeepAlive);
/// assert!(output.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// assert!(output.ends_with(b"\r\n\r\nok\n"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Response {
    status: u16,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    body: Content,
}

/// The bytes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Own(Cow<'static, [u8]>),
    Shared(SharedBody),
}

/// A part of bytes that others share, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedBody {
    pub bytes: Arc<[u8]>,
    /// Within the bytes.
    pub range: Range<usize>,
}

/// Whether the body is sent behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The body is sent.
    Include,
    /// The body is not sent, but the head has its length. RFC 9110 9.3.2 HEAD.
    Omit,
}

/// Whether the connection takes another request after this answer (RFC 9112 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Yes. That is the default of HTTP/1.1, so the head does not mention it.
    KeepAlive,
    /// No: the head says `Connection: close`. The only choice after a refused request and over HTTP/1.0.
    Close,
}

impl Body {
    /// The choice for the answer to a request with this method.
    #[must_use]
    pub fn answering(method: &str) -> Body {
        if method == "HEAD" { Body::Omit } else { Body::Include }
    }

    /// The choice for the answer to a request of which no more is known than that its bytes begin like this.
    pub(crate) fn answering_bytes(head: &[u8]) -> Body {
        let head = head.strip_prefix(b"\r\n").unwrap_or(head);
        if head.starts_with(b"HEAD ") { Body::Omit } else { Body::Include }
    }
}

impl Response {
    /// An answer without a body. A status below 200 or above 599, which no final answer has, becomes 500.
    pub fn new(status: u16) -> Self {
        let status = if (200..=599).contains(&status) {
            status
        } else {
            log::debug!("no final answer has the status {status}: 500 is sent instead");
            500
        };
        Response { status, headers: Vec::new(), body: Content::Own(Cow::Borrowed(b"")) }
    }

    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status).header("Content-Type", "text/plain; charset=utf-8").body(bytes_of(text.into()))
    }

    /// An answer in HTML.
    pub fn html(status: u16, html: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status).header("Content-Type", "text/html; charset=utf-8").body(bytes_of(html.into()))
    }

    /// Adds a header line.
    ///
    /// It is left out, with a line in the debug log, if its name is no token, if its value has a control character (a CR
    /// or LF would end the line early), or if [`encode`](Self::encode) decides about it: Connection, Content-Length,
    /// Date, Transfer-Encoding and X-Content-Type-Options.
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        let (name, value) = (name.into(), value.into());
        const OWN: [&str; 5] = ["Connection", "Content-Length", "Date", "Transfer-Encoding", "X-Content-Type-Options"];
        if is_sendable(&name, &value, &OWN) {
            self.headers.push((name, value));
        }
        self
    }

    /// Removes the header lines of this name, in any case.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    /// Sets the body. Add its Content-Type with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Cow<'static, [u8]>>) -> Self {
        self.body = Content::Own(body.into());
        self
    }

    /// Sets a body that is shared with other answers, so that it is in memory once.
    pub fn shared_body(self, body: Arc<[u8]>) -> Self {
        let all = 0..body.len();
        self.shared_part(body, all)
    }

    /// Sets a body that is a part of shared bytes. A range that leads beyond them ends with them.
    pub fn shared_part(mut self, bytes: Arc<[u8]>, range: Range<usize>) -> Self {
        let end = range.end.min(bytes.len());
        self.body = Content::Shared(SharedBody { range: range.start.min(end)..end, bytes });
        self
    }

    /// The status code, 200 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The header lines added so far, in order.
    #[must_use]
    pub fn headers(&self) -> &[(Cow<'static, str>, Cow<'static, str>)] {
        &self.headers
    }

    /// The bytes of the body.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        match &self.body {
            Content::Own(bytes) => bytes,
            Content::Shared(SharedBody { bytes, range }) => bytes.get(range.clone()).unwrap_or_default(),
        }
    }

    /// The body to send behind the head, if it is a shared one.
    pub(crate) fn shared_content(&self) -> Option<&SharedBody> {
        match &self.body {
            Content::Shared(body) if !self.is_bodiless() => Some(body),
            _ => None,
        }
    }

    /// RFC 9110 15.3.5, 15.4.5: these have no body.
    fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    /// Appends the answer to `output`, always with `X-Content-Type-Options: nosniff`.
    ///
    /// A server that has a clock gives the time as `date` (RFC 9110 6.6.1 Date).
    ///
    /// Behind the answer to a refused request the connection must [`Close`](Persistence::Close), because bytes behind such
    /// a request are never read as another one.
    pub fn encode(&self, output: &mut Vec<u8>, date: Option<&HttpDate>, body: Body, after: Persistence) {
        let body = Some(self.content()).filter(|_| body == Body::Include && !self.is_bodiless()).unwrap_or_default();
        // Room for nearly every head, so that the output grows once.
        output.reserve(512 + body.len());
        let status = self.status.to_string();
        put(output, &["HTTP/1.1 ", &status, " ", reason(self.status), "\r\n"]);
        if let Some(date) = date {
            put(output, &["Date: ", date.as_str(), "\r\n"]);
        }
        for (name, value) in &self.headers {
            put(output, &[name, ": ", value, "\r\n"]);
        }
        // RFC 9110 8.6: 204 must not have a Content-Length, and 304 need not.
        if !self.is_bodiless() {
            put(output, &["Content-Length: ", &self.content().len().to_string(), "\r\n"]);
        }
        put(output, &["X-Content-Type-Options: nosniff\r\n"]);
        // RFC 9110 7.8: a sender of Upgrade names it in Connection, too.
        let has_upgrade = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("upgrade"));
        put(
            output,
            &[match (after, has_upgrade) {
                (Persistence::Close, true) => "Connection: close, Upgrade\r\n\r\n",
                (Persistence::Close, false) => "Connection: close\r\n\r\n",
                (Persistence::KeepAlive, true) => "Connection: Upgrade\r\n\r\n",
                (Persistence::KeepAlive, false) => "\r\n",
            }],
        );
        output.extend_from_slice(body);
    }
}

/// True for a header line that may be sent. Otherwise writes the reason to the debug log.
pub(super) fn is_sendable(name: &str, value: &str, own: &[&str]) -> bool {
    let fault = header_fault(name, value, own);
    if let Some(fault) = fault {
        log::debug!("header {name:?} left out: {fault}");
    }
    fault.is_none()
}

/// Why a header line may not be sent: it would not be one line, or it is among those in `own`.
pub(super) fn header_fault(name: &str, value: &str, own: &[&str]) -> Option<&'static str> {
    if !is_token(name) {
        Some("its name is no token")
    } else if value.bytes().any(is_control) {
        Some("its value has a control character")
    } else if own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        Some("it is not for the caller to set")
    } else {
        None
    }
}

/// Appends pieces of text.
pub(super) fn put(output: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        output.extend_from_slice(piece.as_bytes());
    }
}

fn bytes_of(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// RFC 9110 15, RFC 6585. A phrase may be empty (RFC 9112 4).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
