//! The opening handshake and the little HTTP around it (RFC 6455 §4.2, RFC 9110, RFC 9112).
//!
//! Bytes and values in, bytes and values out: nothing here touches a socket, a file or a clock, so a program with its
//! own loop uses these parts as the server does. One connection carries one request: every answer but 101 ends it.
//!
//! The way of a request:
//!
//! 1. [`HeadScanner::scan`] finds where the head ends, looking at each byte once;
//! 2. [`Request::parse`] reads it;
//! 3. [`Router::resolve`] says what is at its path, or why nothing is ([`Resolved::refusal`]);
//! 4. for a mount, [`Upgrade::from_request`] and [`OriginPolicy::check`] decide about the handshake, in this order: a
//!    badly set up proxy breaks rules of both, and the first says it better;
//! 5. [`Upgrade::encode_response`] writes the 101, [`Response::encode`] any other answer.
//!
//! | rule | where |
//! |---|---|
//! | RFC 9112 2.2 line ends, one empty line before the request line | [`HeadScanner::scan`] |
//! | RFC 9112 3 request line, version, 5.2 no obs-fold | [`Request::parse`] |
//! | RFC 9112 3.2 request target, exactly one Host | [`Request::parse`], [`Request::authority`] |
//! | RFC 3986 2.1 percent-encoding, 3.3 dot segments | [`decode_path`] |
//! | RFC 9110 5.6.1 lists over several lines | `list.rs` |
//! | RFC 9110 7.8, 15.5.22 Upgrade and 426 | [`Response::encode`], [`upgrade_required`] |
//! | RFC 9110 8.8.3, 13.1.2, 15.4.5 ETag, If-None-Match and 304 | [`Representation::answer`] |
//! | RFC 9110 10.2.1, 15.5.6 Allow and 405 | [`Router::resolve`] |
//! | RFC 6455 4.2.1 the client's opening handshake | [`Upgrade::from_request`] |
//! | RFC 6455 4.2.2 the server's | [`accept_key`], [`Upgrade::negotiate`], [`Upgrade::encode_response`] |
//! | RFC 6455 4.4 several versions | [`RequestError::VersionNot13`] |
//! | RFC 6455 9.1, RFC 7692 7 extensions, with the feature `deflate` | `DeflateOffer` |
//! | RFC 6455 10.2 origin considerations, RFC 6454 | [`OriginPolicy::check`] |
//! | behind proxies: who the client is | [`ProxyHeader::parse`], before the request; [`forwarded_client`] |

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod authority;
mod body;
mod cidr;
mod client;
mod error;
#[cfg(feature = "deflate")]
mod extensions;
mod forwarded;
mod head;
mod list;
mod origin;
mod proxy_protocol;
mod representation;
mod request;
mod response;
mod router;
mod target;
#[cfg(test)]
mod testing;
mod upgrade;

pub use body::{BodyDecoder, BodyLength};
pub use cidr::{Cidr, CidrError};
pub use client::{ReceivedResponse, ResponseError, ResponseParser, encode_request};
pub use error::RequestError;
#[cfg(feature = "deflate")]
pub use extensions::{DeflateOffer, ExtensionError};
pub use forwarded::forwarded_client;
pub use head::{HeadLimits, HeadScanner};
pub use origin::{Origin, OriginError, OriginPolicy, OriginRefusal, Reach, Via};
pub use proxy_protocol::{ProxyHeader, ProxyHeaderError};
pub use representation::Representation;
pub use request::{Request, Version};
pub use response::{Body, CONTINUE, Persistence, Response};
pub use router::{Resolved, Router, RouterError};
pub use target::decode_path;
pub use upgrade::{Upgrade, accept_key, upgrade_required};

#[cfg(test)]
mod tests;
