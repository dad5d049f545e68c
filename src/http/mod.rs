//! HTTP/1.1 without I/O: requests, bodies, responses, routing and the opening handshake (RFC 9110, RFC 9112, RFC 6455
//! §4).
//!
//! Nothing here touches a socket, a file or a clock, so a program with its own loop can use all of it as the server
//! does. A connection carries one request after the other, until one of them, or the answer to one, ends it:
//!
//! 1. [`HeadScanner::scan`] finds the end of the head and examines each byte once;
//! 2. [`Request::parse`] reads the head;
//! 3. [`Router::resolve`] finds the mount or the route, or else [`Router::refusal`] the answer;
//! 4. for a WebSocket, [`Upgrade::from_request`] and [`OriginPolicy::check`] check the handshake, in this order: a wrongly
//!    configured proxy breaks rules of both, and the first has the better advice. [`Upgrade::encode_response`] writes the
//!    101, and frames follow;
//! 5. for a plain request, [`Request::body_length`] and [`Request::expects_continue`] tell how its body comes, and
//!    [`BodyDecoder::decode`] takes it;
//! 6. [`Response::encode`] writes the answer, with [`Persistence::KeepAlive`] if [`Request::keeps_alive`]. The next byte
//!    of input belongs to the next request.
//!
//! Every [`RequestError`] ends the connection with its answer.
//!
//! | rule | where |
//! |---|---|
//! | RFC 9112 2.2 line ends, one empty line before the request line | [`HeadScanner::scan`] |
//! | RFC 9112 3 request line, version, 5.2 no obs-fold | [`Request::parse`] |
//! | RFC 9112 3.2 request target, exactly one Host | [`Request::parse`], [`Request::authority`] |
//! | RFC 9112 6 body length, 7 chunks and trailers | [`Request::body_length`], [`BodyDecoder`] |
//! | RFC 9112 9.3 persistence | [`Request::keeps_alive`], [`Persistence`] |
//! | RFC 3986 2.1 percent-encoding, 3.3 dot segments | [`decode_path`] |
//! | RFC 9110 5.6.1 lists over several lines | `list.rs` |
//! | RFC 9110 6.6.1 Date | [`HttpDate`], [`Response::encode`] |
//! | RFC 9110 7.8, 15.5.22 Upgrade and 426 | [`Response::encode`], [`upgrade_required`] |
//! | RFC 9110 8.4, 12.5.3 Content-Encoding, Accept-Encoding | [`ContentCoding`] |
//! | RFC 9110 8.8.3, 13.1.2, 15.4.5 ETag, If-None-Match and 304 | [`Representation::answer`] |
//! | RFC 9110 13.1.5, 14.2 If-Range, Range, 206 and 416 | [`Representation::answer`] |
//! | RFC 9110 10.1.1, 15.2.1, 15.5.18 Expect, 100 and 417 | [`Request::expects_continue`], [`CONTINUE`] |
//! | RFC 9110 9.3.7, 10.2.1, 15.5.6 OPTIONS, Allow and 405 | [`Router::resolve`], [`upgrade_required`] |
//! | RFC 6455 4.1 the client's side | [`encode_request`], [`ResponseParser`], [`ReceivedResponse::check_handshake`] |
//! | RFC 6455 4.2.1 the client's opening handshake | [`Upgrade::from_request`] |
//! | RFC 6455 4.2.2 the server's opening handshake | [`accept_key`], [`Upgrade::negotiate`], [`Upgrade::encode_response`] |
//! | RFC 6455 4.4 several versions | [`RequestError::VersionNot13`] |
//! | RFC 6455 9.1, RFC 7692 7 extensions, with the feature `deflate` | [`DeflateOffer`], [`DeflateAnswer`] |
//! | RFC 6455 10.2 origin considerations, RFC 6454 | [`OriginPolicy::check`] |
//! | the client's address behind proxies | [`ProxyHeader::parse`], before the request; [`forwarded_client`] |

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod authority;
mod body;
mod cidr;
mod client;
mod coding;
mod date;
mod error;
mod extensions;
mod forwarded;
mod head;
mod list;
mod lost_upgrade;
mod origin;
mod proxy_protocol;
mod representation;
mod request;
mod response;
mod router;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod tls;
mod upgrade;

pub use body::{BodyDecoder, BodyLength};
pub use cidr::{Cidr, CidrError};
pub use client::{ReceivedResponse, ResponseError, ResponseParser, encode_request};
pub use coding::ContentCoding;
pub use date::HttpDate;
pub use error::RequestError;
pub use extensions::{DeflateAnswer, DeflateOffer, ExtensionError};
pub use forwarded::{forwarded_client, is_forwarded};
pub use head::{HeadLimits, HeadScanner};
pub(crate) use lost_upgrade::LostUpgrade;
pub use origin::{Origin, OriginError, OriginPolicy, OriginRefusal, Reach, Via};
pub use proxy_protocol::{ProxyHeader, ProxyHeaderError};
pub use representation::Representation;
pub use request::{Request, Version};
pub(crate) use response::SharedBody;
pub use response::{Body, CONTINUE, Persistence, Response};
pub use router::{Resolved, Router, RouterError};
pub use target::decode_path;
pub use tls::{RequestTls, TlsVersion};
pub use upgrade::{Upgrade, accept_key, upgrade_required};

#[cfg(test)]
pub(crate) mod tests;
