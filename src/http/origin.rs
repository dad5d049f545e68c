//! Which pages may connect (RFC 6455 §10.2, RFC 6454).
//!
//! A browser lets the pages of every site open a WebSocket to every server, cookies included, and tells the server only
//! the page's origin. Programs that are no browsers mostly send none; this does not keep them out and is not meant to.

use std::fmt;
use std::str::FromStr;

use super::authority::Authority;
use super::list;
use super::request::Single;
use super::{Request, RequestError};

/// Who may connect. The default: pages of the server's own host and port, and clients that name no origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// Further origins whose pages may connect.
    pub allowed: Vec<Origin>,
    /// Every page of every site may connect: for data that is public, or where something else authenticates.
    pub any: bool,
    /// On the developer's own machine, pages opened as files (`null`, `file://`) and pages of any port of it may
    /// connect, too: when [`Reach::Loopback`] holds, Host is `localhost`, `127.0.0.1` or `[::1]`, and no header tells
    /// of a proxy.
    pub local: bool,
}

/// How a request came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// From a peer of which nothing is known: Host is what counts.
    Direct,
    /// From a proxy that is trusted: X-Forwarded-Host, when it sends one, counts in place of Host.
    TrustedProxy,
}

/// Where the two ends of the connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The listener's address and the peer's are both loopback addresses.
    Loopback,
    /// Anything else.
    Network,
}

/// A scheme, a host and a port: `https://example.com`, `http://localhost:5173`, `app://name`, or `file://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// In lower case.
    scheme: String,
    /// In lower case; empty only for `file`.
    host: String,
    /// Filled in from the scheme when it has a default port.
    port: Option<u16>,
}

/// A text that is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError;

/// Why an origin was refused, for the operator's log: what came, and what would let it in. Never for the peer.
#[derive(Clone, Copy, Debug)]
pub struct OriginRefusal<'r> {
    origin: &'r str,
    host: &'r str,
}

impl OriginPolicy {
    /// Decides about a request. An absent Origin passes, and so does one that has the host and the port that the
    /// request is for. A port that is not written is that of the Origin's scheme (80 for http and ws, 443 for https and
    /// wss); a host without a port, as many proxies pass it on, matches both of these.
    ///
    /// # Errors
    ///
    /// [`ForeignOrigin`](RequestError::ForeignOrigin), also for an Origin that cannot be read, and
    /// [`SeveralOrigins`](RequestError::SeveralOrigins). [`OriginRefusal::new`] says in words what to do about it.
    pub fn check(&self, request: &Request<'_>, via: Via, reach: Reach) -> Result<(), RequestError> {
        if self.any {
            return Ok(());
        }
        let value = match request.single("origin") {
            Single::None => return Ok(()),
            Single::Several => return Err(RequestError::SeveralOrigins),
            Single::One(value) => value,
        };
        let local = self.local && reach == Reach::Loopback && is_local(request);
        let allowed = match Origin::parse(value) {
            Ok(origin) => {
                is_same(&origin, addressed_host(request, via))
                    || self.allowed.contains(&origin)
                    || (local && (origin.scheme == "file" || is_loopback(&origin.host)))
            }
            // RFC 6454 7.1: `null` is what a page without an origin of its own sends, for one that was opened as a
            // file.
            Err(OriginError) => local && value == "null",
        };
        if allowed { Ok(()) } else { Err(RequestError::ForeignOrigin) }
    }
}

impl Origin {
    /// Reads an origin as browsers send it and as an operator writes it: `scheme://host` or `scheme://host:port`, in
    /// any case, or `file://`.
    ///
    /// # Errors
    ///
    /// Everything else, `null` among it: it is no origin but the lack of one, and any page can bring it about.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError)?;
        let scheme = scheme.to_ascii_lowercase();
        // RFC 3986 3.1 Scheme
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme {
            return Err(OriginError);
        }
        if scheme == "file" && rest.is_empty() {
            return Ok(Origin { scheme, host: String::new(), port: None });
        }
        let Authority { host, port } = Authority::parse(rest).ok_or(OriginError)?;
        let port = port.or(match scheme.as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        });
        Ok(Origin { scheme, host: host.to_ascii_lowercase(), port })
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Origin::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http" | "ws", Some(80)) | ("https" | "wss", Some(443)) | (_, None) => Ok(()),
            (_, Some(port)) => write!(f, ":{port}"),
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin is scheme://host or scheme://host:port, without a path, for example https://example.com")
    }
}

impl std::error::Error for OriginError {}

impl<'r> OriginRefusal<'r> {
    /// What to say about a request that [`OriginPolicy::check`] refused.
    #[must_use]
    pub fn new(request: &'r Request<'_>, via: Via) -> Self {
        OriginRefusal {
            origin: request.header("origin").unwrap_or_default(),
            host: addressed_host(request, via).unwrap_or_default(),
        }
    }
}

/// One line: both values, escaped and at most 200 characters of each, and the two remedies.
impl fmt::Display for OriginRefusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excerpt = |text: &str| text.chars().take(200).flat_map(char::escape_default).collect::<String>();
        let (origin, host) = (excerpt(self.origin), excerpt(self.host));
        write!(f, "origin \"{origin}\" is not that of host \"{host}\": ")?;
        // Only an origin that was understood is proposed as an argument: it has no character that a shell would act on.
        match Origin::parse(self.origin) {
            Ok(origin) => write!(f, "to allow it, add --origin {origin}")?,
            Err(OriginError) => {
                write!(f, "it cannot be named with --origin VALUE, only let in with all by --origin '*'")?
            }
        }
        write!(f, " (in code, Config::origins); behind a proxy, let Host pass: ")?;
        write!(f, "proxy_set_header Host $host (or $http_host, to keep a port)")
    }
}

/// The host that the client addressed, as far as we know.
fn addressed_host<'r>(request: &'r Request<'_>, via: Via) -> Option<&'r str> {
    match via {
        Via::Direct => request.authority(),
        // Of several proxies, the first was the one that the browser spoke to. No page can set this header.
        Via::TrustedProxy => {
            list::elements(request.header_lines("x-forwarded-host")).next().or_else(|| request.authority())
        }
    }
}

fn is_same(origin: &Origin, host: Option<&str>) -> bool {
    let Some(host) = host.and_then(Authority::parse) else { return false };
    let same_port = match host.port {
        Some(port) => origin.port == Some(port),
        None => matches!(origin.port, Some(80 | 443)),
    };
    same_port && origin.host.eq_ignore_ascii_case(host.host)
}

/// True when the request names this very machine, and nothing says that a proxy stands between.
fn is_local(request: &Request<'_>) -> bool {
    let here = request.authority().and_then(Authority::parse).is_some_and(|it| is_loopback(it.host));
    here && !request.headers().any(|(name, _)| is_of_proxy(name))
}

/// By name, not by address: a name that merely resolves to 127.0.0.1 may be another's (DNS rebinding).
fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|it| it.eq_ignore_ascii_case(host))
}

/// RFC 7239 Forwarded, its X-Forwarded-* forerunners, RFC 9110 7.6.3 Via.
fn is_of_proxy(name: &str) -> bool {
    const PREFIX: &str = "x-forwarded-";
    name.eq_ignore_ascii_case("forwarded")
        || name.eq_ignore_ascii_case("via")
        || name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests;
