//! Every limit and timeout of a server, each with its default.

use std::time::Duration;

use super::compression::Deflate;
use super::handle::Drain;
use crate::http::{Cidr, HeadLimits, OriginPolicy};
use crate::protocol::Limits;

/// What a [`Server`](super::Server) allows its peers, and for how long it waits for them.
///
/// ```
/// use sockhop::Config;
/// use std::time::Duration;
///
/// let config = Config { max_message: 64 * 1024, ping_interval: Duration::from_secs(10), ..Config::default() };
/// assert_eq!(config.close_timeout, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Bytes in one message, all its fragments together. More is answered with Close 1009 as soon as a frame header says
    /// so. Default: 1 MiB.
    pub max_message: u64,
    /// Frames in one message, empty ones too. More is answered with Close 1008. Default: 131,072.
    pub max_frames: u32,
    /// Bounds of a request head: 8 KiB in all (431) and 4 KiB of request line (414). It may have 64 headers (431).
    pub head: HeadLimits,
    /// From the accepted connection to the complete request head, never extended; then 408. Default: 10 s.
    pub handshake_timeout: Duration,
    /// Bytes in the body of one request; more is answered with 413 before it is read. Default: 1 MiB.
    pub max_body: usize,
    /// A connection that waits for its next request for this long is closed. Zero: after each answer. Default: 60 s.
    pub keep_alive: Duration,
    /// Requests on one connection; it is closed after the last answer. Default: 1,000.
    pub max_requests: u32,
    /// The time that an application has for a deferred answer; then 503. Default: 30 s.
    pub answer_timeout: Duration,
    /// A peer that has been silent for so long is sent a Ping. Zero: never. Default: 25 s.
    pub ping_interval: Duration,
    /// A pinged peer that stays silent for so long again is dropped. Any byte counts as life. Default: 20 s.
    pub pong_timeout: Duration,
    /// After our Close frame, the wait for the peer's. Default: 5 s.
    pub close_timeout: Duration,
    /// A peer that is owed bytes and accepts none for so long is dropped. Default: 10 s.
    pub write_timeout: Duration,
    /// An unfinished message must gain 1 KiB or end within each such span, else Close 1008. Zero: never. Default: 60 s.
    pub message_timeout: Duration,
    /// A connection that is owed more bytes than this is not read from. Default: 256 KiB.
    pub high_water: usize,
    /// A connection that was paused by [`high_water`](Self::high_water) is read again when it is owed no more than
    /// this, and its handler's `drain` is called. Default: 64 KiB.
    pub low_water: usize,
    /// A connection that would be owed more bytes than this is closed with 1013, without the frames it has not
    /// received any byte of. One frame of any size is always taken while no more than
    /// [`high_water`](Self::high_water) is owed. Default: 1 MiB.
    pub max_queue: usize,
    /// Connections at a time; one more gets 503, or is closed unread when 32 are being told so. Default: 10,000.
    ///
    /// When a quarter of so many are unfinished opening handshakes, the oldest of these are dropped.
    pub max_connections: usize,
    /// Connections at a time of one client address, which for IPv6 is a /64; one more gets 429, or is closed unread when
    /// 32 are being told so. Zero: any number. Default: zero; 100 leaves room for an office behind one address.
    ///
    /// Peers count from when they connect, clients of [`trusted_proxies`](Self::trusted_proxies) from when these name
    /// them; a proxy that names nobody counts as a client. Over Unix-domain sockets nobody has an address.
    pub max_connections_per_address: usize,
    /// Bytes that all connections together are owed, or have sent half a message or request of; above it the one with
    /// the most is closed with 1013, and opening handshakes get 503. Default: 256 MiB.
    pub max_memory: usize,
    /// Messages that one connection may send in a second; one more closes it with 1008. Zero: any number. Default: zero.
    pub max_message_rate: u32,
    /// What becomes of broadcasts to a connection that does not keep up. Default: it is closed.
    pub slow: Slow,
    /// How [`Server::shutdown_on`](super::Server::shutdown_on) shuts down. Default: see [`Drain`].
    pub drain: Drain,
    /// Timers that are pending for one connection; one more closes it with 1008. Default: 1,024.
    pub max_timers: usize,
    /// Panics in the callbacks of one handler before [`Server::run`](super::Server::run) gives up. Each costs its
    /// connection (Close 1011). Default: 10.
    pub max_panics: u32,
    /// Which web pages may connect. Default: pages of the same host and port, and programs that are no browsers.
    ///
    /// Others get 403, and a warning is logged that names both sides. The binary's apps also let pages on this machine in
    /// while everything is on the loopback: here that is `OriginPolicy { local: true, ..OriginPolicy::default() }`.
    pub origins: OriginPolicy,
    /// Proxies that are believed when they say who their clients are: what [`Context::peer`](super::Context::peer), the
    /// log and limits then go by is the rightmost address in X-Forwarded-For that is not itself in here, and the origin
    /// rule goes by X-Forwarded-Host. If there is no address in it, the proxy's own counts. Anyone could send these
    /// headers: from other peers they mean nothing. Default: none.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether those proxies use the PROXY protocol. Default: they do not.
    pub proxy_protocol: ProxyProtocol,
    /// Compression of messages, for clients that offer it: `Some(Deflate::default())`, with the feature `deflate`.
    /// Default: none.
    pub deflate: Option<Deflate>,
    /// A path that a proxy in front may or may not have removed, such as `/ws`. Default: none (empty).
    pub path_prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Config {
            max_message: limits.max_message,
            max_frames: limits.max_frames,
            head: HeadLimits::default(),
            handshake_timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            keep_alive: Duration::from_secs(60),
            max_requests: 1000,
            answer_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(60),
            high_water: 256 * 1024,
            low_water: 64 * 1024,
            max_queue: 1024 * 1024,
            max_connections: 10_000,
            max_connections_per_address: 0,
            max_memory: 256 * 1024 * 1024,
            max_message_rate: 0,
            slow: Slow::Close,
            drain: Drain::default(),
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

/// Whether proxies put a PROXY header (version 1 or 2) before each connection's first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyProtocol {
    /// They do not.
    Off,
    /// All of [`Config::trusted_proxies`] do, of which there must be some: without a header, or with one that is
    /// malformed, a connection is dropped. It has to come within [`Config::handshake_timeout`], as the request behind it
    /// has. Whom it names is the client; X-Forwarded-For behind it counts only if that, too, is a trusted proxy. From
    /// other peers a header is not taken: it is no HTTP request.
    Required,
}

/// What becomes of a broadcast to a connection whose queue is too long for it. What is sent to it alone is never skipped:
/// if that finds no room, the connection is closed whatever this says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slow {
    /// The connection is closed with 1013, once more than [`Config::max_queue`] would be owed.
    Close,
    /// It is not sent those broadcasts that would make it be owed more than [`Config::max_queue`].
    Drop,
    /// Of the broadcasts that its socket does not take at once, it is sent only the newest: for positions and prices.
    Latest,
}

impl Config {
    /// The part of it that concerns frames and messages.
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_message: self.max_message, max_frames: self.max_frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;
    use crate::http::HeadLimits;

    #[test]
    fn the_defaults_are_those_that_are_promised() {
        // All fields are written out, so that a new one is missed here.
        let promised = Config {
            max_message: 1024 * 1024,
            max_frames: 131_072,
            head: HeadLimits { max_head: 8 * 1024, max_request_line: 4 * 1024 },
            handshake_timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            keep_alive: Duration::from_secs(60),
            max_requests: 1000,
            answer_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(60),
            high_water: 256 * 1024,
            low_water: 64 * 1024,
            max_queue: 1024 * 1024,
            max_connections: 10_000,
            max_connections_per_address: 0,
            max_memory: 256 * 1024 * 1024,
            max_message_rate: 0,
            slow: Slow::Close,
            drain: Drain { code: CloseCode::GOING_AWAY, over: Duration::ZERO, timeout: Duration::from_secs(5) },
            max_timers: 1024,
            max_panics: 10,
            origins: OriginPolicy { allowed: Vec::new(), any: false, local: false },
            trusted_proxies: Vec::new(),
            proxy_protocol: ProxyProtocol::Off,
            deflate: None,
            path_prefix: String::new(),
        };
        assert_eq!(Config::default(), promised);
        assert_eq!(HeadLimits::MAX_HEADERS, 64);
    }
}
