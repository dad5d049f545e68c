//! The opening handshake: checks the request and writes the response (RFC 6455 §4.2).

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use sha1::{Digest as _, Sha1};

use super::list::{self, is_token};
use super::request::Single;
use super::response::{is_sendable, put};
use super::{Request, RequestError, Response, Version};

/// A request that is a valid opening handshake.
///
/// [`OriginPolicy::check`](super::OriginPolicy::check) decides whether its origin may connect, and
/// [`Router::resolve`](super::Router::resolve) finds the mount for its path.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'r> {
    pub(super) request: &'r Request<'r>,
    key: &'r str,
}

impl<'r> Upgrade<'r> {
    /// Checks a request against RFC 6455 4.2.1.
    ///
    /// # Errors
    ///
    /// The first broken rule, in the order that gives the most helpful answer: those that make it an opening handshake,
    /// then version, key and subprotocols. [`Request::parse`] has checked Host and target.
    pub fn from_request(request: &'r Request<'_>) -> Result<Self, RequestError> {
        // 4.2.1 (1): an HTTP/1.1 or higher GET request.
        if request.method() != "GET" {
            return Err(RequestError::MethodNotGet);
        }
        if request.version() != Version::Http11 {
            return Err(RequestError::UpgradeOverHttp10);
        }
        // 4.2.1 (3), (4)
        if !request.wants_upgrade() {
            return Err(RequestError::MissingUpgrade);
        }
        if !list::contains(request.header_lines("connection"), "upgrade") {
            return Err(RequestError::MissingConnectionUpgrade);
        }
        // One side might read a body as frames, and the other not.
        let is_bodiless = request.single("transfer-encoding") == Single::None
            && matches!(request.single("content-length"), Single::None | Single::One("0"));
        if !is_bodiless {
            return Err(RequestError::BodyNotAllowed);
        }
        // 4.2.1 (6), 4.4: exactly these digits, so neither `013` nor `+13`.
        if request.single("sec-websocket-version") != Single::One("13") {
            return Err(RequestError::VersionNot13);
        }
        // 4.2.1 (5), 11.3.1
        let key = match request.single("sec-websocket-key") {
            Single::None => return Err(RequestError::MissingKey),
            Single::Several => return Err(RequestError::SeveralKeys),
            Single::One(key) if !is_key(key) => return Err(RequestError::Key),
            Single::One(key) => key,
        };
        check_subprotocols(request)?;
        Ok(Upgrade { request, key })
    }

    /// The Sec-WebSocket-Accept for this handshake.
    #[must_use]
    pub fn accept_key(&self) -> [u8; 28] {
        accept_key(self.key)
    }

    /// The subprotocols that the client offers, all different, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'r str> {
        offered(self.request)
    }

    /// The first subprotocol of the client that is also in `spoken`. The text returned is that of `spoken`, so that no
    /// text of the client is sent back. None if there is none: the handshake continues without (RFC 6455 4.2.2 (5)).
    pub fn negotiate<'s>(&self, spoken: &'s [impl AsRef<str>]) -> Option<&'s str> {
        self.subprotocols().find_map(|wanted| spoken.iter().map(AsRef::as_ref).find(|it| *it == wanted))
    }

    /// Appends the response 101, after which frames follow (RFC 6455 4.2.2).
    ///
    /// `subprotocol` is the result of [`negotiate`](Self::negotiate): a client fails the connection if it has not offered
    /// this one. A subprotocol that is no token is left out, with a line in the debug log; so is an extra header that
    /// [`Response::header`](super::Response::header) would leave out, or that belongs to the handshake.
    pub fn encode_response(
        accept_key: &[u8; 28],
        subprotocol: Option<&str>,
        extra: &[(Cow<'_, str>, Cow<'_, str>)],
        output: &mut Vec<u8>,
    ) {
        Self::encode(accept_key, subprotocol, None, extra, output);
    }

    /// The same with a value for Sec-WebSocket-Extensions.
    pub(super) fn encode(
        accept_key: &[u8; 28],
        subprotocol: Option<&str>,
        extension: Option<&str>,
        extra: &[(Cow<'_, str>, Cow<'_, str>)],
        output: &mut Vec<u8>,
    ) {
        const OWN: [&str; 7] = [
            "Connection",
            "Content-Length",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Protocol",
            "Transfer-Encoding",
            "Upgrade",
        ];
        put(output, &["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"]);
        put(output, &["Sec-WebSocket-Accept: "]);
        output.extend_from_slice(accept_key);
        put(output, &["\r\n"]);
        match subprotocol {
            Some(name) if is_token(name) => put(output, &["Sec-WebSocket-Protocol: ", name, "\r\n"]),
            Some(name) => log::debug!("subprotocol {name:?} left out: it is no token"),
            None => {}
        }
        if let Some(extension) = extension {
            put(output, &["Sec-WebSocket-Extensions: ", extension, "\r\n"]);
        }
        for (name, value) in extra {
            if is_sendable(name, value, &OWN) {
                put(output, &[name, ": ", value, "\r\n"]);
            }
        }
        put(output, &["\r\n"]);
    }
}

/// The answer to a plain request where only WebSockets are spoken: 426 to GET and HEAD (RFC 9110 15.5.22), 204 to OPTIONS,
/// else 405.
///
/// ```
/// use sockhop::http::{Request, upgrade_required};
/// let request = Request::parse(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\r\n").unwrap();
/// assert_eq!(upgrade_required(&request).status(), 426);
/// ```
pub fn upgrade_required(request: &Request<'_>) -> Response {
    match request.method() {
        "GET" | "HEAD" => RequestError::MissingUpgrade.response(),
        "OPTIONS" => Response::new(204).header("Allow", "GET"),
        _ => RequestError::MethodNotGet.response(),
    }
}

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 4.2.2 (5) /key/): 28 ASCII characters.
///
/// ```
/// assert_eq!(&sockhop::http::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> [u8; 28] {
    let digest = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    let mut accept = [b'='; 28];
    let written = STANDARD.encode_slice(digest, &mut accept);
    debug_assert_eq!(written, Ok(28), "20 bytes are 28 characters of base64");
    accept
}

/// 4.2.1 (5): base64 of 16 bytes, with padding. RFC 4648 3.5 leaves it to the decoder whether bits may be set in the
/// unused part of the last character; they may, because the key is never decoded but here.
fn is_key(key: &str) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));
    // 24 characters of base64 decode to at most 18 bytes. A longer key is refused without being decoded.
    LENIENT.decode_slice(key, &mut [0; 18]) == Ok(16)
}

/// 4.1 (10): one or more different tokens. The set keeps the work linear.
fn check_subprotocols(request: &Request<'_>) -> Result<(), RequestError> {
    let mut seen = HashSet::new();
    for subprotocol in offered(request) {
        if !is_token(subprotocol) {
            return Err(RequestError::Subprotocols);
        }
        if !seen.insert(subprotocol) {
            return Err(RequestError::SubprotocolTwice);
        }
    }
    if seen.is_empty() && request.header(SUBPROTOCOL).is_some() {
        return Err(RequestError::Subprotocols);
    }
    Ok(())
}

fn offered<'r>(request: &'r Request<'_>) -> impl Iterator<Item = &'r str> {
    list::elements(request.header_lines(SUBPROTOCOL))
}

const SUBPROTOCOL: &str = "sec-websocket-protocol";

#[cfg(test)]
mod tests;
