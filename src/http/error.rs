//! Why a request is refused: one variant for each broken rule, with its status and the text of the answer.

use std::fmt;

use super::Response;

/// Why a request is refused.
///
/// Its connection must end with the answer: bytes behind a refused request are never read as another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// RFC 9112 2.2, 3, 5: bytes that no request head has, such as a bare CR or LF, a control character, a folded line, or a
    /// header line without a name or with a space before its colon. 400.
    Malformed,
    /// RFC 8446 5.1: the first byte of a TLS handshake in place of a head. 400.
    Tls,
    /// RFC 9112 3: the request line is longer than [`HeadLimits::max_request_line`](super::HeadLimits). 414.
    RequestLineTooLong,
    /// RFC 6585 5: the head is longer than [`HeadLimits::max_head`](super::HeadLimits). 431.
    HeadTooLarge,
    /// RFC 6585 5: more than [`HeadLimits::MAX_HEADERS`](super::HeadLimits::MAX_HEADERS) header lines. 431.
    TooManyHeaders,
    /// RFC 9110 15.6.6: a version of HTTP other than 1.1 and 1.0. 505.
    HttpVersion,
    /// RFC 9112 3.2: a target that neither begins with `/` nor is an absolute URI of http, https, ws or wss; or the method
    /// CONNECT. 400.
    Target,
    /// RFC 9112 3.2: an HTTP/1.1 request without Host. 400.
    MissingHost,
    /// RFC 9112 3.2: several Host lines. 400.
    SeveralHosts,
    /// RFC 9112 3.2: a Host that is not `host` or `host:port`. 400.
    Host,
    /// RFC 9112 6.1: Content-Length and Transfer-Encoding in one request. 400.
    ConflictingLengths,
    /// RFC 9112 6.3: several Content-Length lines, equal ones too. 400.
    SeveralLengths,
    /// RFC 9110 8.6: a Content-Length that is not a decimal number of at most 64 bits. 400.
    ContentLength,
    /// RFC 9112 6.1: a Transfer-Encoding other than a single `chunked`. 400.
    TransferEncoding,
    /// RFC 9112 6.1: Transfer-Encoding over HTTP/1.0, whose proxies may pass it on without understanding it. 400.
    TransferEncodingOverHttp10,
    /// RFC 9112 7.1: a chunk that does not begin with its size in hexadecimal digits, or does not end with CRLF. 400.
    Chunk,
    /// RFC 9112 7.1.1: more than 256 bytes of extensions in one chunk, or more than 64 KiB of chunk lines in one body.
    /// 400.
    ChunkLinesTooLong,
    /// RFC 9112 7.1.2: a trailer line that is not `name: value`. 400.
    Trailer,
    /// RFC 9112 7.1.2: more than 1 KiB of trailer lines. 400.
    TrailersTooLong,
    /// RFC 9110 15.5.14: the body is longer than the server takes. 413.
    BodyTooLarge,
    /// RFC 9110 10.1.1: an Expect other than `100-continue`. 417.
    Expectation,
    /// RFC 6455 4.2.1 (1): the method is not GET. 405.
    MethodNotGet,
    /// RFC 6455 4.2.1 (1): an opening handshake over HTTP/1.0. 426.
    UpgradeOverHttp10,
    /// RFC 6455 4.2.1 (3): Upgrade lacks the token `websocket`. 426.
    MissingUpgrade,
    /// RFC 6455 4.2.1 (4): Connection lacks the token `Upgrade`. 426.
    MissingConnectionUpgrade,
    /// RFC 6455 4.1: an opening handshake with a body: Transfer-Encoding, or a Content-Length other than 0. 400.
    BodyNotAllowed,
    /// RFC 6455 4.4: Sec-WebSocket-Version is not exactly one `13`. 426.
    VersionNot13,
    /// RFC 6455 4.2.1 (5): no Sec-WebSocket-Key. 400.
    MissingKey,
    /// RFC 6455 11.3.1: several Sec-WebSocket-Key lines. 400.
    SeveralKeys,
    /// RFC 6455 4.2.1 (5): a Sec-WebSocket-Key that is not 16 bytes in base64. 400.
    Key,
    /// RFC 6455 4.1 (10): a Sec-WebSocket-Protocol that is not a list of tokens. 400.
    Subprotocols,
    /// RFC 6455 4.1 (10): the same subprotocol twice. 400.
    SubprotocolTwice,
    /// RFC 6455 9.1: a Sec-WebSocket-Extensions that is not a list of extensions, if the server has any. 400.
    Extensions,
    /// RFC 6455 10.2: an origin that [`OriginPolicy`](super::OriginPolicy) does not allow. 403.
    ForeignOrigin,
    /// RFC 6454 7.3: several Origin lines. 400.
    SeveralOrigins,
}

impl RequestError {
    /// The status code of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::ForeignOrigin => 403,
            Self::MethodNotGet => 405,
            Self::BodyTooLarge => 413,
            Self::RequestLineTooLong => 414,
            Self::Expectation => 417,
            Self::UpgradeOverHttp10 | Self::MissingUpgrade | Self::MissingConnectionUpgrade | Self::VersionNot13 => 426,
            Self::HeadTooLarge | Self::TooManyHeaders => 431,
            Self::HttpVersion => 505,
            Self::Malformed
            | Self::Tls
            | Self::Target
            | Self::MissingHost
            | Self::SeveralHosts
            | Self::Host
            | Self::ConflictingLengths
            | Self::SeveralLengths
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::TransferEncodingOverHttp10
            | Self::Chunk
            | Self::ChunkLinesTooLong
            | Self::Trailer
            | Self::TrailersTooLong
            | Self::BodyNotAllowed
            | Self::MissingKey
            | Self::SeveralKeys
            | Self::Key
            | Self::Subprotocols
            | Self::SubprotocolTwice
            | Self::Extensions
            | Self::SeveralOrigins => 400,
        }
    }

    /// The answer: constant text that names the mistake and a remedy, without a byte from the peer. 426 has the supported
    /// version (RFC 6455 4.4), 405 the allowed method (RFC 9110 15.5.6).
    pub fn response(self) -> Response {
        let response = Response::text(self.status(), self.advice());
        match self.status() {
            405 => response.header("Allow", "GET"),
            426 => response.header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13"),
            _ => response,
        }
    }

    /// Whether the rule is one of the opening handshake, so that a client that wants a WebSocket gets none.
    pub(crate) fn is_of_handshake(self) -> bool {
        matches!(
            self,
            Self::MethodNotGet
                | Self::UpgradeOverHttp10
                | Self::MissingUpgrade
                | Self::MissingConnectionUpgrade
                | Self::BodyNotAllowed
                | Self::VersionNot13
                | Self::MissingKey
                | Self::SeveralKeys
                | Self::Key
                | Self::Subprotocols
                | Self::SubprotocolTwice
                | Self::Extensions
                | Self::SeveralOrigins
        )
    }

    /// The text of the answer: the mistake and a remedy, with a line end.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Malformed => {
                "This is not a valid HTTP/1.1 request. Check the client, and that both sides use TLS or neither.\n"
            }
            Self::Tls => "This port does not speak TLS. Use ws:// or http://, or a proxy that ends TLS.\n",
            Self::RequestLineTooLong => "The request line is too long. Shorten the URL.\n",
            Self::HeadTooLarge => "The request head is too large. Send fewer or smaller headers, cookies above all.\n",
            Self::TooManyHeaders => "The request has more than 100 header lines. Send fewer.\n",
            Self::HttpVersion => "This version of HTTP is not supported. Use HTTP/1.1.\n",
            Self::Target => "The request target is not valid. It must begin with a slash, in ASCII.\n",
            Self::MissingHost => "The request has no Host header. Send exactly one.\n",
            Self::SeveralHosts => "The request has several Host headers. Send exactly one.\n",
            Self::Host => "The Host header is not valid. Send host or host:port.\n",
            Self::ConflictingLengths => "Send Content-Length or Transfer-Encoding, not both.\n",
            Self::SeveralLengths => "The request has several Content-Length headers. Send at most one.\n",
            Self::ContentLength => "Content-Length is not valid. Send the number of bytes in decimal digits.\n",
            Self::TransferEncoding => {
                "This Transfer-Encoding is not supported. Send chunked alone, or Content-Length.\n"
            }
            Self::TransferEncodingOverHttp10 => {
                "HTTP/1.0 has no Transfer-Encoding. Use HTTP/1.1, or send Content-Length.\n"
            }
            Self::Chunk => "A chunk is not valid. Send its size in hexadecimal, CRLF, its bytes and CRLF.\n",
            Self::ChunkLinesTooLong => "The chunk lines are too long. Send larger chunks without extensions.\n",
            Self::Trailer => "A trailer is not valid. Send name: value, or no trailers at all.\n",
            Self::TrailersTooLong => "The trailers are longer than 1,024 bytes. Send fewer, or none at all.\n",
            Self::BodyTooLarge => "The body is too large. Send less, or have the server's limit raised.\n",
            Self::Expectation => "This Expect is not supported. Send 100-continue, or leave Expect out.\n",
            Self::MethodNotGet => "A WebSocket is opened with GET. Use that method.\n",
            Self::UpgradeOverHttp10 => {
                "A WebSocket needs HTTP/1.1, and this came over HTTP/1.0. In nginx: proxy_http_version 1.1;\n"
            }
            Self::MissingUpgrade => {
                "Only WebSockets are opened here. Connect with a WebSocket client; a proxy must pass Upgrade on.\n"
            }
            Self::MissingConnectionUpgrade => {
                "Connection lacks Upgrade. A proxy must set it; in nginx: proxy_set_header Connection upgrade;\n"
            }
            Self::BodyNotAllowed => {
                "A WebSocket request has no body. Leave Content-Length and Transfer-Encoding out.\n"
            }
            Self::VersionNot13 => "Send Sec-WebSocket-Version: 13, once. No other version is supported.\n",
            Self::MissingKey => "The request has no Sec-WebSocket-Key. Send 16 random bytes in base64.\n",
            Self::SeveralKeys => "The request has several Sec-WebSocket-Key headers. Send exactly one.\n",
            Self::Key => "The Sec-WebSocket-Key is not valid. Send 16 random bytes in base64.\n",
            Self::Subprotocols => "Sec-WebSocket-Protocol is not valid. Send tokens with commas between them.\n",
            Self::SubprotocolTwice => "Sec-WebSocket-Protocol names a subprotocol twice. Name each once.\n",
            Self::Extensions => {
                "Sec-WebSocket-Extensions is not valid. Send tokens with semicolons and commas between.\n"
            }
            Self::ForeignOrigin => {
                "Pages of this origin may not connect here. The server's log says how its operator allows it.\n"
            }
            Self::SeveralOrigins => "The request has several Origin headers. Send at most one.\n",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed head",
            Self::Tls => "TLS in place of HTTP",
            Self::RequestLineTooLong => "request line too long",
            Self::HeadTooLarge => "head too large",
            Self::TooManyHeaders => "more than 100 header lines",
            Self::HttpVersion => "version of HTTP other than 1.1 and 1.0",
            Self::Target => "invalid request target",
            Self::MissingHost => "no Host header",
            Self::SeveralHosts => "several Host headers",
            Self::Host => "invalid Host header",
            Self::ConflictingLengths => "both Content-Length and Transfer-Encoding",
            Self::SeveralLengths => "several Content-Length headers",
            Self::ContentLength => "invalid Content-Length",
            Self::TransferEncoding => "Transfer-Encoding other than chunked",
            Self::TransferEncodingOverHttp10 => "Transfer-Encoding over HTTP/1.0",
            Self::Chunk => "malformed chunk",
            Self::ChunkLinesTooLong => "chunk extensions over 256 bytes, or chunk lines over 64 KiB",
            Self::Trailer => "malformed trailer",
            Self::TrailersTooLong => "trailers longer than 1 KiB",
            Self::BodyTooLarge => "body too large",
            Self::Expectation => "Expect other than 100-continue",
            Self::MethodNotGet => "opening handshake with a method other than GET",
            Self::UpgradeOverHttp10 => "opening handshake over HTTP/1.0",
            Self::MissingUpgrade => "no token websocket in Upgrade",
            Self::MissingConnectionUpgrade => "no token Upgrade in Connection",
            Self::BodyNotAllowed => "opening handshake with a body",
            Self::VersionNot13 => "Sec-WebSocket-Version is not a single 13",
            Self::MissingKey => "no Sec-WebSocket-Key",
            Self::SeveralKeys => "several Sec-WebSocket-Key headers",
            Self::Key => "Sec-WebSocket-Key is not 16 bytes in base64",
            Self::Subprotocols => "Sec-WebSocket-Protocol is not a list of tokens",
            Self::SubprotocolTwice => "subprotocol offered twice",
            Self::Extensions => "Sec-WebSocket-Extensions is not a list of extensions",
            Self::ForeignOrigin => "origin not allowed",
            Self::SeveralOrigins => "several Origin headers",
        })
    }
}

impl std::error::Error for RequestError {}
