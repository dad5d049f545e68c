//! Decides which web pages may connect (RFC 6455 §10.2, RFC 6454).
//!
//! A browser lets any page open a WebSocket to any server and sends that server's cookies with the request; it only adds
//! the origin of the page. So the server must refuse foreign pages. Programs other than browsers mostly send no origin,
//! and this check does not keep them out.

use std::fmt;
use std::str::FromStr;

use super::authority::Authority;
use super::list;
use super::request::Single;
use super::{Request, RequestError, is_forwarded};

/// Decides which origins may connect. By default these are the server's own host and port, and clients that send no
/// origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// Further origins whose pages may connect.
    pub allowed: Vec<Origin>,
    /// All pages may connect: for public data, or if clients are authenticated without cookies.
    pub any: bool,
    /// On a developer's machine, pages opened as files (`null`, `file://`) and pages from any local port may connect,
    /// too. The connection must be [`Reach::Loopback`], Host must be `localhost`, `127.0.0.1` or `[::1]`, and no header
    /// may come from a proxy.
    pub local: bool,
}

/// The kind of peer that sent the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// An unknown peer: the origin must be that of Host.
    Direct,
    /// The same over TLS that ends here: a Host without a port means port 443.
    Tls,
    /// A trusted proxy: its X-Forwarded-Host, if there is one, replaces Host.
    TrustedProxy,
}

/// Whether the connection stays within the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Yes: the addresses of the listener and of the peer are both loopback addresses.
    Loopback,
    /// Perhaps not.
    Network,
}

/// A scheme, a host and a port: `https://example.com`, `http://localhost:5173`, `app://name`, or `file://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// In lower case.
    scheme: String,
    /// In lower case; empty for `file`.
    host: String,
    /// The default port of the scheme, if none was given and there is one.
    port: Option<u16>,
}

/// A text that is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError;

/// A line for the operator's log: the origin that was refused, and how to allow it. Not to be sent to the peer.
#[derive(Clone, Copy, Debug)]
pub struct OriginRefusal<'r> {
    origin: &'r str,
    host: &'r str,
    /// Where the connection comes from, if [`OriginPolicy::local`] would allow pages of this machine.
    reach: Option<Reach>,
}

impl OriginPolicy {
    /// Allows a request without Origin, and one whose Origin has the host and port that the request is for.
    ///
    /// An Origin without a port has the port of its scheme: 80 for http and ws, 443 for https and wss. A Host without a
    /// port matches both, because many proxies leave the port out; over [`Via::Tls`] it matches 443 alone.
    ///
    /// # Errors
    ///
    /// [`ForeignOrigin`](RequestError::ForeignOrigin), also for an Origin that cannot be read, and
    /// [`SeveralOrigins`](RequestError::SeveralOrigins). [`OriginRefusal::new`] tells the operator how to allow the origin.
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
        let parsed = Origin::parse(value);
        let allowed = match &parsed {
            Ok(origin) => is_same(origin, addressed_host(request, via), via) || self.allowed.contains(origin),
            Err(OriginError) => false,
        };
        if allowed || local && may_be_local(value, parsed.as_ref()) { Ok(()) } else { Err(RequestError::ForeignOrigin) }
    }
}

impl Origin {
    /// Reads an origin as browsers send it and operators write it: `scheme://host` or `scheme://host:port`, in any case,
    /// or `file://`. One slash may follow: URLs are copied with it, and Go's `x/net/websocket` sends it.
    ///
    /// # Errors
    ///
    /// [`OriginError`] for any other text. `null` is not an origin: any page can make a browser send it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
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
    /// Describes a request that this policy's [`check`](OriginPolicy::check) has refused.
    #[must_use]
    pub fn new(policy: &OriginPolicy, request: &'r Request<'_>, via: Via, reach: Reach) -> Self {
        OriginRefusal {
            origin: request.header("origin").unwrap_or_default(),
            host: addressed_host(request, via).unwrap_or_default(),
            reach: policy.local.then_some(reach),
        }
    }
}

/// One line with both values, each escaped and cut to 200 characters, and the ways to allow the origin.
impl fmt::Display for OriginRefusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excerpt = |text: &str| text.chars().take(200).flat_map(char::escape_default).collect::<String>();
        let (origin, host) = (excerpt(self.origin), excerpt(self.host));
        write!(f, "origin \"{origin}\" is not that of host \"{host}\": ")?;
        // Only a valid origin is proposed as an argument, because it has no characters that are special to a shell.
        let parsed = Origin::parse(self.origin);
        match &parsed {
            Ok(origin) => write!(f, "to allow it, add Config::origins {origin}")?,
            Err(OriginError) => write!(f, "it cannot be allowed by itself; Config::origins '*' allows all origins")?,
        }
        f.write_str(match self.reach.filter(|_| may_be_local(self.origin, parsed.as_ref())) {
            Some(Reach::Network) => {
                "; files and other pages of this machine may connect while the server listens on 127.0.0.1 alone, without a \
                 proxy"
            }
            Some(Reach::Loopback) => {
                "; files and other pages of this machine may connect to ws://127.0.0.1, without a proxy"
            }
            None => "; behind a proxy, let Host pass: proxy_set_header Host $http_host",
        })
    }
}

/// The host that the client wrote in its URL, as far as the headers tell.
fn addressed_host<'r>(request: &'r Request<'_>, via: Via) -> Option<&'r str> {
    match via {
        Via::Direct | Via::Tls => request.authority(),
        // The first value comes from the proxy that the browser is connected to. A page cannot set this header.
        Via::TrustedProxy => {
            list::elements(request.header_bytes("x-forwarded-host")).next().or_else(|| request.authority())
        }
    }
}

fn is_same(origin: &Origin, host: Option<&str>, via: Via) -> bool {
    let Some(host) = host.and_then(Authority::parse) else { return false };
    let same_port = match host.port {
        Some(port) => origin.port == Some(port),
        None if via == Via::Tls => origin.port == Some(443),
        None => matches!(origin.port, Some(80 | 443)),
    };
    same_port && origin.host.eq_ignore_ascii_case(host.host)
}

/// True if Host is this machine and no header comes from a proxy.
fn is_local(request: &Request<'_>) -> bool {
    let here = request.authority().and_then(Authority::parse).is_some_and(|it| is_loopback(it.host));
    here && !is_forwarded(request)
}

/// Whether the page may be one of this machine: a file, or one from a local port.
fn may_be_local(text: &str, origin: Result<&Origin, &OriginError>) -> bool {
    match origin {
        Ok(origin) => origin.scheme == "file" || is_loopback(&origin.host),
        // RFC 6454 7.1: a page without an origin, such as one opened as a file, sends `null`.
        Err(OriginError) => text == "null",
    }
}

/// Compares names and resolves none: a foreign name may resolve to 127.0.0.1 (DNS rebinding).
fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|it| it.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests;
