//! The client's side: writes requests and reads responses, for tests, tools and subrequests (RFC 9112, RFC 6455 §4.1).
//!
//! Responses are read with the scanner and the body decoder that read requests, and are refused for the same reasons.

use std::fmt;

use super::authority::Authority;
use super::body::body_length;
use super::list;
use super::request::Single;
use super::response::{header_fault, put};
use super::target::Target;
use super::{Body, BodyDecoder, BodyLength, HeadLimits, HeadScanner, RequestError, Version, accept_key};

/// Appends an HTTP/1.1 request to `output`, with Content-Length if there is a body.
///
/// ```
/// let (mut output, headers) = (Vec::new(), [("Content-Type", "text/plain")]);
/// sockhop::http::encode_request("POST", "/publish", "example.com", &headers, Some(b"news"), &mut output).unwrap();
/// assert!(output.starts_with(b"POST /publish HTTP/1.1\r\nHost: example.com\r\n"));
/// assert!(output.ends_with(b"\r\nContent-Length: 4\r\n\r\nnews"));
/// ```
///
/// # Errors
///
/// Nothing is appended if the request would be refused for its own parts: [`Target`](RequestError::Target), also for
/// the method CONNECT; [`Host`](RequestError::Host); [`Malformed`](RequestError::Malformed) for a method or header name
/// that is no token, a control character in a value, and the headers Host, Content-Length and Transfer-Encoding.
pub fn encode_request(
    method: &str,
    target: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
    output: &mut Vec<u8>,
) -> Result<(), RequestError> {
    const OWN: [&str; 3] = ["Host", "Content-Length", "Transfer-Encoding"];
    if !list::is_token(method) || headers.iter().any(|(name, value)| header_fault(name, value, &OWN).is_some()) {
        return Err(RequestError::Malformed);
    }
    let is_word = target.bytes().all(|byte| byte.is_ascii_graphic());
    Target::parse(target).filter(|_| is_word && method != "CONNECT").ok_or(RequestError::Target)?;
    Authority::parse(host).ok_or(RequestError::Host)?;

    put(output, &[method, " ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"]);
    for (name, value) in headers {
        put(output, &[name, ": ", value, "\r\n"]);
    }
    if let Some(body) = body {
        put(output, &["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    put(output, &["\r\n"]);
    output.extend_from_slice(body.unwrap_or_default());
    Ok(())
}

/// A response with its whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedResponse {
    /// The status code, 100 to 999.
    pub status: u16,
    /// Header lines in the order in which they came, names in the case in which they came.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body, without chunk lines.
    pub body: Vec<u8>,
}

/// Why a response cannot be read, or does not accept an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseError {
    /// The response breaks a rule that holds for requests, too: this one.
    Invalid(RequestError),
    /// The connection has ended before the response was complete.
    Incomplete,
    /// RFC 6455 4.1: the status is not 101.
    NotSwitchingProtocols,
    /// RFC 6455 4.1 (2): Upgrade is not `websocket`.
    MissingUpgrade,
    /// RFC 6455 4.1 (3): Connection lacks the token `Upgrade`.
    MissingConnectionUpgrade,
    /// RFC 6455 4.1 (4): Sec-WebSocket-Accept is not the answer to the key.
    AcceptKey,
}

/// Reads the responses of one connection as their bytes arrive, within the default [`HeadLimits`].
///
/// ```
/// use sockhop::http::{Body, ResponseParser};
/// let mut parser = ResponseParser::new(1024);
/// let mut input = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 "[..];
/// let response = parser.receive(&mut input, Body::Include).unwrap().unwrap();
/// assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]));
/// assert_eq!(parser.receive(&mut input, Body::Include), Ok(None));
/// ```
#[derive(Clone, Debug)]
pub struct ResponseParser {
    max_body: usize,
    scanner: HeadScanner,
    /// The head so far; empty while a body is read.
    head: Vec<u8>,
    pending: Option<Pending>,
}

/// A response whose head is complete.
#[derive(Clone, Debug)]
struct Pending {
    response: ReceivedResponse,
    /// None for a body that ends with the connection.
    decoder: Option<BodyDecoder>,
}

impl ResponseParser {
    /// A parser for the responses of a new connection, with bodies of at most `max_body` bytes each.
    #[must_use]
    pub fn new(max_body: usize) -> Self {
        ResponseParser { max_body, scanner: HeadScanner::default(), head: Vec::new(), pending: None }
    }

    /// Takes bytes off the front of `input`, none behind the end of a response.
    ///
    /// `Ok(None)`: the response is not complete. An interim response (100 Continue) is returned like any other, and
    /// frames follow a 101. `body` is [`Body::answering`] the method of the request, until its final response.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ResponseError::Invalid). Do not use the parser afterwards.
    pub fn receive(&mut self, input: &mut &[u8], body: Body) -> Result<Option<ReceivedResponse>, ResponseError> {
        if self.pending.is_none() {
            self.pending = self.receive_head(input, body)?;
        }
        let Some(Pending { response, decoder }) = &mut self.pending else { return Ok(None) };
        let is_complete = match decoder {
            Some(decoder) => decoder.decode(input, &mut response.body, self.max_body)?,
            None => {
                let room = self.max_body.saturating_sub(response.body.len());
                let (data, rest) = input.split_at(input.len().min(room));
                response.body.extend_from_slice(data);
                *input = rest;
                if !rest.is_empty() {
                    return Err(RequestError::BodyTooLarge.into());
                }
                false
            }
        };
        Ok(self.pending.take_if(|_| is_complete).map(|pending| pending.response))
    }

    /// Notes that the server has closed its side: returns the response whose body ends with the connection, if any.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ResponseError::Incomplete) in the middle of any other response.
    pub fn end(&mut self) -> Result<Option<ReceivedResponse>, ResponseError> {
        match self.pending.take() {
            Some(Pending { response, decoder: None }) => Ok(Some(response)),
            None if self.head.is_empty() => Ok(None),
            _ => Err(ResponseError::Incomplete),
        }
    }

    fn receive_head(&mut self, input: &mut &[u8], body: Body) -> Result<Option<Pending>, ResponseError> {
        let limits = HeadLimits::default();
        let before = self.head.len();
        let (part, _) = input.split_at(input.len().min(limits.max_head.saturating_sub(before)));
        self.head.extend_from_slice(part);
        let length = self.scanner.scan_within(&self.head, &limits)?;
        let taken = length.unwrap_or(self.head.len()).saturating_sub(before);
        *input = input.get(taken..).unwrap_or_default();
        let Some(length) = length else { return Ok(None) };
        self.head.truncate(length);
        let pending = Pending::parse(&self.head, body)?;
        self.head.clear();
        self.scanner = HeadScanner::default();
        Ok(Some(pending))
    }
}

impl Pending {
    fn parse(head: &[u8], body: Body) -> Result<Self, RequestError> {
        let mut storage = [httparse::EMPTY_HEADER; HeadLimits::MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut storage);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooManyHeaders),
            Err(httparse::Error::Version) => return Err(RequestError::HttpVersion),
            Ok(httparse::Status::Partial) | Err(_) => return Err(RequestError::Malformed),
        }
        let (Some(status @ 100..), Some(minor)) = (parsed.code, parsed.version) else {
            return Err(RequestError::Malformed);
        };
        let mut headers = Vec::with_capacity(parsed.headers.len());
        for header in parsed.headers.iter() {
            headers.push((header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()));
        }
        let response = ReceivedResponse { status, headers, body: Vec::new() };
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
        // RFC 9112 6.3 (1): these end with their heads, whatever length is told.
        let length = if body == Body::Omit || matches!(status, 100..200 | 204 | 304) {
            Some(BodyLength::None)
        } else {
            let single = |name| Single::of(response.header_lines(name));
            match body_length(version, single("transfer-encoding"), single("content-length"))? {
                // RFC 9112 6.3 (8)
                BodyLength::None => None,
                length => Some(length),
            }
        };
        Ok(Pending { response, decoder: length.map(BodyDecoder::new) })
    }
}

impl ReceivedResponse {
    /// The value of the first header line of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_lines(name).next()
    }

    /// The values of all header lines of that name, in any case.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Checks that this response accepts the opening handshake with this Sec-WebSocket-Key (RFC 6455 4.1). The
    /// caller must compare subprotocol and extensions with its offer.
    ///
    /// # Errors
    ///
    /// The first rule of RFC 6455 4.1 that is broken.
    pub fn check_handshake(&self, key: &str) -> Result<(), ResponseError> {
        if self.status != 101 {
            return Err(ResponseError::NotSwitchingProtocols);
        }
        if !matches!(Single::of(self.header_lines("upgrade")), Single::One(it) if it.eq_ignore_ascii_case("websocket"))
        {
            return Err(ResponseError::MissingUpgrade);
        }
        if !list::contains(self.header_lines("connection").map(str::as_bytes), "upgrade") {
            return Err(ResponseError::MissingConnectionUpgrade);
        }
        match Single::of(self.header_lines("sec-websocket-accept")) {
            Single::One(accept) if accept.as_bytes() == accept_key(key) => Ok(()),
            _ => Err(ResponseError::AcceptKey),
        }
    }
}

impl From<RequestError> for ResponseError {
    fn from(error: RequestError) -> Self {
        ResponseError::Invalid(error)
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(error) => return write!(f, "invalid response: {error}"),
            Self::Incomplete => "connection ended in the middle of a response",
            Self::NotSwitchingProtocols => "opening handshake answered with a status other than 101",
            Self::MissingUpgrade => "Upgrade is not websocket",
            Self::MissingConnectionUpgrade => "no token Upgrade in Connection",
            Self::AcceptKey => "Sec-WebSocket-Accept does not answer the key",
        })
    }
}

impl std::error::Error for ResponseError {}

#[cfg(test)]
mod tests;
