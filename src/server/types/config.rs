//! Every limit and timeout of a server, each with its default.

use std::time::Duration;

use crate::http::{Cidr, DeflateOffer, HeadLimits, OriginPolicy};
use crate::protocol::{CloseCode, ContextTakeover, DeflateOptions, Limits};

/// The limits and timeouts of a [`Server`](crate::Server).
///
/// ```
/// use sockhop::Config;
/// use std::time::Duration;
///
/// let config = Config { max_message: 64 * 1024, ping_interval: Some(Duration::from_secs(10)), ..Config::default() };
/// assert_eq!(config.close_timeout, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Bytes in one message, all its fragments together. A longer message is answered with Close 1009 as soon as a frame
    /// header shows it. Default: 1 MiB.
    pub max_message: usize,
    /// Frames in one message, empty ones counted. One more is answered with Close 1008. Default: 131,072.
    pub max_frames: u32,
    /// Bounds of a request head: 8 KiB in all (431) and 4 KiB of request line (414). It may have 100 headers (431).
    pub head: HeadLimits,
    /// Bytes in the body of one plain request, decoded. A longer body is answered with 413, before it is read where its
    /// length is known. A handler may set another limit for a request ([`Handler::admit`](crate::Handler::admit)).
    /// Default: 1 MiB.
    pub max_body: usize,
    /// How long a connection stays open for a next plain request after it was answered. `None`: each answer ends its
    /// connection. Default: 60 s.
    pub keep_alive: Option<Duration>,
    /// Plain requests on one connection. The answer to the last one ends it. Default: 1,000.
    pub max_requests: u16,
    /// How long an application may take for an answer that it has put off ([`Answer::Later`](crate::Answer::Later)); then
    /// the client gets 503. Default: 30 s.
    pub answer_timeout: Duration,
    /// From the accepted connection to the complete request head, and from the first byte of each later head to its end;
    /// no byte extends it. Then 408. It also bounds [`Accept::Later`](crate::Accept::Later) (503). Default: 10 s.
    pub handshake_timeout: Duration,
    /// A peer that has been silent for this long is sent a Ping. `None`: never. Default: 25 s.
    pub ping_interval: Option<Duration>,
    /// A peer that stays silent for this long after a Ping is dropped. Any byte counts as life. Default: 20 s.
    pub pong_timeout: Duration,
    /// How long to wait for the peer's Close after ours. Default: 5 s.
    pub close_timeout: Duration,
    /// A peer that is owed bytes is dropped when none of them leaves for this long. A client that takes 2 KiB a second stays.
    /// Default: 30 s.
    pub write_timeout: Duration,
    /// An unfinished message must gain 1 KiB or end within each such span, else Close 1008. `None`: it may take any
    /// time. Default: 60 s.
    pub message_timeout: Option<Duration>,
    /// A connection that is owed more bytes than this is not read from. Default: 256 KiB.
    pub high_water: usize,
    /// A connection that was paused by [`high_water`](Self::high_water) is read again when it is owed no more than
    /// this, and [`Handler::drained`](crate::Handler::drained) is called. Default: 64 KiB.
    pub low_water: usize,
    /// A connection that would be owed more bytes than this is closed with 1013. It loses the frames of which it has
    /// received no byte. While no more than [`high_water`](Self::high_water) is owed, one frame of any size is accepted.
    /// Default: 1 MiB.
    pub max_queue: usize,
    /// Connections at a time. A client beyond these gets 503 for an opening handshake; 32 such
    /// connections at a time may ask plain requests. Default: 10,000.
    ///
    /// When a quarter of this number are unfinished requests, the oldest of them are dropped.
    ///
    /// A connection that waits takes about 100 bytes, and over TLS 4 KiB in all: 40 MiB for 10,000.
    pub max_connections: usize,
    /// Connections at a time of one client address, which for IPv6 is a /64. A client beyond these
    /// gets 429 for an opening handshake; 32 such connections at a time may ask plain requests. `None`: any number.
    /// Default: `None`; 100 leaves room for an office behind one address.
    ///
    /// Addresses that a translator of IPv4 has made (64:ff9b::/96, 2002::/16) count as the IPv4 address in them. In private and
    /// link-local networks (fc00::/7, fe80::/10) each address counts for itself.
    ///
    /// A peer counts from the moment it connects, a client of [`trusted_proxies`](Self::trusted_proxies) from the moment
    /// the proxy names it. A proxy that names nobody counts as a client. Unix-domain peers have no address.
    pub max_connections_per_address: Option<usize>,
    /// Bytes that all connections together are owed, or have sent as a part of a message or request. Above it the
    /// connection that holds the most is closed with 1013, and opening handshakes get 503. Default: 256 MiB.
    ///
    /// Over TLS it includes encrypted bytes that a socket has yet to accept, parts of records, what a client has sent of its
    /// handshake, and the certificates that it has shown. The keys and the state of each connection come on top; see
    /// [`max_connections`](Self::max_connections).
    pub max_memory: usize,
    /// Messages that one connection may send in a second. One more closes it with 1008. `None`: any number. Default:
    /// `None`.
    pub max_message_rate: Option<u32>,
    /// The treatment of a connection that does not keep up with broadcasts. Default: it is closed.
    pub slow: Slow,
    /// How [`Server::shutdown_on`](crate::Server::shutdown_on) shuts down. Default: see [`Shutdown`].
    pub shutdown: Shutdown,
    /// Pending timers of one connection. One more closes it with 1008. Default: 1,024.
    pub max_timers: usize,
    /// Panics in the callbacks of one handler before [`Server::run`](crate::Server::run) gives up. Each costs its
    /// connection (Close 1011). Default: 10.
    pub max_panics: u32,
    /// The web pages that may connect. Default: pages of the same host and port. Programs that are no browsers send no
    /// Origin and may always connect.
    ///
    /// Other pages get 403, and a warning is logged that names both sides. The binary's apps also admit pages on this
    /// machine while everything is on the loopback: here that is
    /// `OriginPolicy { local: true, ..OriginPolicy::default() }`.
    pub origins: OriginPolicy,
    /// Proxies that are believed when they name their clients. [`Context::peer`](crate::Context::peer), the log and the
    /// limits then use the rightmost address in X-Forwarded-For that is not itself in this list, and the origin rule uses
    /// X-Forwarded-Host. Without such an address, the proxy's own counts. Anyone can send these headers: from other peers
    /// they are ignored. Default: none.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether those proxies use the PROXY protocol. Default: they do not.
    pub proxy_protocol: ProxyProtocol,
    /// Compression of messages for clients that offer it: `Some(Deflate::default())`. It needs the feature `deflate`;
    /// without it, a server refuses to run with `Some`. Default: `None`.
    pub deflate: Option<Deflate>,
    /// A path that a proxy in front may or may not have removed, such as `/ws`. Default: none (empty).
    pub path_prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_message: 1024 * 1024,
            max_frames: 131_072,
            head: HeadLimits::default(),
            max_body: 1024 * 1024,
            keep_alive: Some(Duration::from_secs(60)),
            max_requests: 1000,
            answer_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            ping_interval: Some(Duration::from_secs(25)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            message_timeout: Some(Duration::from_secs(60)),
            high_water: 256 * 1024,
            low_water: 64 * 1024,
            max_queue: 1024 * 1024,
            max_connections: 10_000,
            max_connections_per_address: None,
            max_memory: 256 * 1024 * 1024,
            max_message_rate: None,
            slow: Slow::Close,
            shutdown: Shutdown::default(),
            max_timers: 1024,
            max_panics: 10,
            origins: OriginPolicy::default(),
            trusted_proxies: Vec::new(),
            proxy_protocol: ProxyProtocol::Off,
            deflate: None,
            path_prefix: String::new(),
        }
    }
}

/// How a server shuts down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shutdown {
    /// The code of the Close frame that all connections get. Default: 1001 (going away).
    pub code: CloseCode,
    /// The span over which the connections are closed, in random order, so that they do not all come back at once.
    /// Default: zero, all at once.
    pub over: Duration,
    /// How long the peers have to answer after that. Default: 5 s.
    pub timeout: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { code: CloseCode::GOING_AWAY, over: Duration::ZERO, timeout: Duration::from_secs(5) }
    }
}

/// Compression of messages by permessage-deflate (RFC 7692), with the clients that offer it.
///
/// By default no message refers to an earlier one (no context takeover, in both directions). An idle connection then
/// costs nothing more, and a broadcast is compressed once for all. [`Deflate::takeover`] compresses better. It costs 48
/// KiB for each connection that sends compressed messages, and another 264 KiB for each connection that receives some.
/// Both count for [`Config::max_memory`] from the opening handshake on. Where more than half of that limit would be in
/// use, the server compresses without its context, or agrees to no compression for that connection: some clients keep
/// their context though they are asked to forget it.
///
/// A turn of the loop compresses at most 1 MiB, and another 1 MiB with context takeover, so that no client waits for
/// messages of others. Beyond that, messages are sent as they are, and with takeover they are compressed as for clients
/// without it. A message of more than 4 MiB is never compressed.
///
/// [`Config::max_message`] limits messages after decompression.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deflate {
    /// The server's terms for clients' offers. Where broadcasts may be skipped ([`Slow`]), the server compresses without
    /// context takeover whatever this says.
    pub terms: DeflateOffer,
    /// Which messages are compressed, and how hard.
    pub options: DeflateOptions,
}

impl Deflate {
    /// With context takeover in both directions, if the client agrees. The server's window has 12 bits, 4 KiB. With 15
    /// bits a connection takes 112 KiB more.
    pub fn takeover() -> Self {
        let (server_context, client_context) = (ContextTakeover::Yes, ContextTakeover::Yes);
        let terms =
            DeflateOffer { server_context, client_context, server_max_window_bits: 12, ..DeflateOffer::default() };
        Deflate { terms, ..Deflate::default() }
    }
}

/// Whether proxies put a PROXY header (version 1 or 2) before each connection's first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyProtocol {
    /// They do not.
    Off,
    /// All of [`Config::trusted_proxies`] do, and there must be some. A connection without a header, or with a malformed
    /// one, is dropped. Header and request must come within [`Config::handshake_timeout`]. The header names the client;
    /// X-Forwarded-For behind it counts only if that client is a trusted proxy, too. From other peers a PROXY header is
    /// refused, as anything that is no HTTP request.
    Required,
}

/// The treatment of a broadcast to a connection whose queue has no room for it. A message to that connection alone is
/// never skipped: if there is no room for it, the connection is closed whatever this says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slow {
    /// The connection is closed with 1013, once more than [`Config::max_queue`] would be owed.
    Close,
    /// Broadcasts that would make the connection be owed more than [`Config::max_queue`] are skipped.
    Drop,
    /// Of the broadcasts to each topic that its socket does not accept at once, only the newest is kept: for positions and
    /// prices. If the newest of many topics are together more than [`Config::max_queue`], it is closed with 1013.
    Latest,
}

/// The shortest request line, `GET / HTTP/1.1`.
const SHORTEST_LINE: usize = 14;
/// The shortest opening handshake, with a Host of one letter.
const SHORTEST_HEAD: usize = 135;

impl Config {
    /// Looks for limits that nothing can keep within, and for limits that can never be reached.
    ///
    /// # Errors
    /// Names a field and its fault.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (zero, head) = (Some(Duration::ZERO), self.head);
        let zeros = [
            ("max_message", self.max_message == 0),
            ("max_frames", self.max_frames == 0),
            ("max_requests", self.max_requests == 0),
            ("max_connections", self.max_connections == 0),
            ("max_connections_per_address", self.max_connections_per_address == Some(0)),
            ("max_message_rate", self.max_message_rate == Some(0)),
            ("answer_timeout", self.answer_timeout.is_zero()),
            ("handshake_timeout", self.handshake_timeout.is_zero()),
            ("write_timeout", self.write_timeout.is_zero()),
            ("pong_timeout", self.pong_timeout.is_zero()),
            ("ping_interval", self.ping_interval == zero),
            ("message_timeout", self.message_timeout == zero),
        ];
        if let Some((field, _)) = zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(format!("Config::{field} must be more than 0"));
        }
        let shortest = [
            ("head.max_request_line", head.max_request_line, SHORTEST_LINE),
            ("head.max_head", head.max_head, SHORTEST_HEAD),
        ];
        if let Some((field, given, least)) = shortest.into_iter().find(|(_, given, least)| given < least) {
            return Err(format!("Config::{field} ({given}) fits no request: the shortest has {least} bytes"));
        }
        let pairs = [
            ("low_water", self.low_water, "high_water", self.high_water),
            ("high_water", self.high_water, "max_queue", self.max_queue),
            ("max_queue", self.max_queue, "max_memory", self.max_memory),
            ("max_message", self.max_message, "max_memory", self.max_memory),
            ("max_body", self.max_body, "max_memory", self.max_memory),
            ("head.max_head", head.max_head, "max_memory", self.max_memory),
        ];
        match pairs.into_iter().find(|(_, lower, _, upper)| lower > upper) {
            None => Ok(()),
            Some((low, lower, high, upper)) => Err(format!(
                "Config::{low} ({lower}) is above Config::{high} ({upper}): lower the one or raise the other"
            )),
        }
    }

    /// The limits of frames and messages.
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_message: self.max_message as u64, max_frames: self.max_frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_are_promised() {
        // All fields are written out, so that a new one is missed here.
        let promised = Config {
            max_message: 1 << 20,
            max_frames: 131_072,
            head: HeadLimits { max_head: 8 * 1024, max_request_line: 4 * 1024 },
            max_body: 1 << 20,
            keep_alive: Some(Duration::from_secs(60)),
            max_requests: 1000,
            answer_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            ping_interval: Some(Duration::from_secs(25)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            message_timeout: Some(Duration::from_secs(60)),
            high_water: 256 * 1024,
            low_water: 64 * 1024,
            max_queue: 1024 * 1024,
            max_connections: 10_000,
            max_connections_per_address: None,
            max_memory: 256 * 1024 * 1024,
            max_message_rate: None,
            slow: Slow::Close,
            shutdown: Shutdown { code: CloseCode::GOING_AWAY, over: Duration::ZERO, timeout: Duration::from_secs(5) },
            max_timers: 1024,
            max_panics: 10,
            origins: OriginPolicy { allowed: Vec::new(), any: false, local: false },
            trusted_proxies: Vec::new(),
            proxy_protocol: ProxyProtocol::Off,
            deflate: None,
            path_prefix: String::new(),
        };
        assert_eq!(Config::default(), promised);
        assert_eq!(HeadLimits::MAX_HEADERS, 100);
    }
}
