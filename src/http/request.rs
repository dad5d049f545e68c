//! Parses a request head, which borrows its text (RFC 9112 §3 and §5).

use std::borrow::Cow;
use std::fmt;
use std::mem::MaybeUninit;

use super::authority::Authority;
use super::list;
use super::target::{self, Target};
use super::{HeadLimits, HeadScanner, RequestError, RequestTls};

/// The version of HTTP that a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0, which some proxies speak to their servers. Plain requests may have it, an opening handshake may not.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A request head that borrows its text from the bytes received, with a list of its header lines on the heap.
///
/// A header value that is not UTF-8 is `"\u{FFFD}"` as a text, so that no check overlooks its header;
/// [`header_bytes`](Self::header_bytes) has the bytes.
pub struct Request<'a> {
    method: &'a str,
    raw_target: &'a str,
    target: Target<'a>,
    version: Version,
    headers: Box<[httparse::Header<'a>]>,
    /// On the heap, so that requests without TLS stay short.
    tls: Option<Box<RequestTls>>,
}

impl<'a> Request<'a> {
    /// Reads the head at the beginning of `bytes`, up to the end that [`HeadScanner`] finds.
    ///
    /// # Errors
    ///
    /// The broken rules that hold for any request: about its syntax, version and target, the number of its header lines,
    /// and Host, which HTTP/1.1 must have exactly once. For those about its body see [`body_length`](Self::body_length).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RequestError> {
        // The caller has already applied its limits.
        let anything = HeadLimits { max_head: usize::MAX, max_request_line: usize::MAX };
        let length = HeadScanner::default().scan_within(bytes, &anything)?.ok_or(RequestError::Malformed)?;
        Self::parse_scanned(bytes.get(..length).ok_or(RequestError::Malformed)?)
    }

    /// As [`parse`](Self::parse), for a head whose end [`HeadScanner`] has found. httparse alone would take bare LF and any
    /// number of empty lines.
    pub(crate) fn parse_scanned(head: &'a [u8]) -> Result<Self, RequestError> {
        let mut lines = [const { MaybeUninit::uninit() }; HeadLimits::MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(head, &mut lines) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(RequestError::Malformed),
            Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooManyHeaders),
            Err(httparse::Error::Version) if names_a_version(head) => return Err(RequestError::HttpVersion),
            Err(_) => return Err(RequestError::Malformed),
        }
        let (Some(method), Some(raw_target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(RequestError::Malformed);
        };
        // RFC 9110 9.3.6: a proxy would take any 2xx to CONNECT for the beginning of a tunnel.
        let target = Target::parse(raw_target).filter(|_| method != "CONNECT").ok_or(RequestError::Target)?;
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };

        // The array has room for the most that are taken: far more than to copy at each move of a request.
        let headers = Box::from(&*parsed.headers);
        let request = Request { method, raw_target, target, version, headers, tls: None };
        request.check_host()?;
        Ok(request)
    }

    /// RFC 9112 3.2: refuses an HTTP/1.1 request without Host, and any request with several or an invalid one.
    fn check_host(&self) -> Result<(), RequestError> {
        match self.single("host") {
            Single::None if self.version == Version::Http11 => Err(RequestError::MissingHost),
            Single::None => Ok(()),
            Single::One(host) if Authority::parse(host).is_none() => Err(RequestError::Host),
            Single::One(_) => Ok(()),
            Single::Several => Err(RequestError::SeveralHosts),
        }
    }

    /// The method. Its case matters (RFC 9110 9.1): `get` is not `GET`.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The request target, as it was sent.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.raw_target
    }

    /// The path of the target: begins with `/`, not decoded, see [`decode_path`](super::decode_path).
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.path
    }

    /// The text behind the first `?` of the target, not decoded.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.target.query
    }

    /// The value of the first query parameter with this name, decoded, with `+` read as a space. None if there is no
    /// such parameter, or if its escapes are invalid or do not give UTF-8.
    #[must_use]
    pub fn query_param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.query_params(name).next().flatten()
    }

    /// The values of all query parameters with this name, in order, each as [`query_param`](Self::query_param) has it.
    pub fn query_params(&self, name: &str) -> impl Iterator<Item = Option<Cow<'a, str>>> {
        self.query().into_iter().flat_map(move |query| target::query_params(query, name))
    }

    /// The version of HTTP.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The TLS connection by which the request has come. `None`: it has come in the clear, perhaps from a proxy that has
    /// taken the TLS off, or no server has set it, as after [`parse`](Self::parse).
    ///
    /// ```
    /// # use sockhop::http::{Request, Response};
    /// /// For clients with a certificate.
    /// fn answer(request: &Request<'_>) -> Response {
    ///     match request.tls().and_then(|tls| tls.certificate.as_ref()) {
    ///         Some(certificate) => Response::text(200, format!("{} bytes of DER", certificate.len())),
    ///         None => Response::text(403, "show a certificate"),
    ///     }
    /// }
    /// # let request = Request::parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    /// # assert_eq!(answer(&request).status(), 403);
    /// # Ok::<(), sockhop::http::RequestError>(())
    /// ```
    #[must_use]
    pub fn tls(&self) -> Option<&RequestTls> {
        self.tls.as_deref()
    }

    /// Sets the TLS connection by which it has come.
    pub(crate) fn set_tls(&mut self, tls: Option<RequestTls>) {
        self.tls = tls.map(Box::new);
    }

    /// The host and port that the request is for, `host` or `host:port`, as they were sent: from the target if it is in
    /// absolute-form (RFC 9112 3.2.2), else from Host. None only over HTTP/1.0.
    #[must_use]
    pub fn authority(&self) -> Option<&'a str> {
        self.target.authority.or_else(|| self.header("host"))
    }

    /// The host of [`authority`](Self::authority), without its port.
    pub(crate) fn host(&self) -> Option<&'a str> {
        Authority::parse(self.authority()?).map(|authority| authority.host)
    }

    /// The value of the first header line with this name, in any case, without the whitespace around it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.header_lines(name).next()
    }

    /// The values of all header lines with this name, in order.
    pub fn header_lines(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.header_bytes(name).map(list::text)
    }

    /// The values of all header lines with this name as bytes, in order: they may be in any encoding (RFC 9110 5.5).
    pub fn header_bytes(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let lines = self.headers.iter();
        lines.filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The names and values of all header lines, in order.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> {
        self.headers.iter().map(|header| (header.name, list::text(header.value)))
    }

    /// The names of all header lines.
    pub(super) fn header_names(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().map(|header| header.name)
    }

    /// The names and values of the cookies, as they were sent (RFC 6265 4.2.1). A cookie without `=` is left out, and so is
    /// one that is not UTF-8.
    pub fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.header_bytes("cookie")
            .flat_map(|line| line.split(|byte| *byte == b';'))
            .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
    }

    /// The value of the first cookie with this name. Its case matters.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        self.cookies().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// True if Upgrade has the token `websocket`: the client wants to open a WebSocket.
    /// [`Upgrade::from_request`](super::Upgrade::from_request) checks the rest of the opening handshake.
    #[must_use]
    pub fn wants_upgrade(&self) -> bool {
        list::contains(self.header_bytes("upgrade"), "websocket")
    }

    /// The value of a header that may be given once.
    pub(super) fn single(&self, name: &str) -> Single<'a> {
        Single::of(self.header_lines(name))
    }
}

/// The value of a header that may be given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single<'a> {
    None,
    One(&'a str),
    Several,
}

impl<'a> Single<'a> {
    pub(super) fn of(mut lines: impl Iterator<Item = &'a str>) -> Self {
        match (lines.next(), lines.next()) {
            (None, _) => Single::None,
            (Some(value), None) => Single::One(value),
            (Some(_), Some(_)) => Single::Several,
        }
    }
}

/// Leaves out header values and the query, which may be secret, because the text may get into a log.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("version", &self.version)
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// True if the third word of the request line is a version (RFC 9112 2.3), or `HTTP/2`, and not garbage.
fn names_a_version(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let version = line.splitn(3, |&byte| byte == b' ').nth(2).unwrap_or_default();
    match version.strip_prefix(b"HTTP/") {
        Some([major]) => major.is_ascii_digit(),
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
