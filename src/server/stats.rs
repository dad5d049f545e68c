//! What a server counts: how often each of its limits was reached.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a running server, readable from any thread: [`Server::stats`](super::Server::stats).
///
/// ```
/// # let stats = sockhop::Stats::default();
/// use sockhop::Count;
/// for count in Count::ALL {
///     println!("{}: {}", count.name(), stats.get(count));
/// }
/// ```
#[derive(Debug, Default)]
pub struct Stats([AtomicU64; Count::ALL.len()]);

impl Stats {
    /// How often it has happened since the server was made.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, count: Count) {
        self.add_many(count, 1);
    }

    pub(crate) fn add_many(&self, count: Count, times: u64) {
        self.0[count as usize].fetch_add(times, Ordering::Relaxed);
    }
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Count {
    /// TCP or Unix connections accepted.
    Accepted,
    /// Opening handshakes completed.
    Opened,
    /// Opening handshakes refused, with whatever status.
    Refused,
    /// Connections refused because there were [`max_connections`](super::Config::max_connections).
    RefusedFull,
    /// Connections refused because their address had
    /// [`max_connections_per_address`](super::Config::max_connections_per_address).
    RefusedAddress,
    /// Opening handshakes dropped because too many were unfinished.
    HandshakesDropped,
    /// Opening handshakes that were not complete in time.
    HandshakeTimeouts,
    /// Connections failed because the peer broke a rule of the protocol.
    ProtocolErrors,
    /// Connections failed by the socket.
    IoErrors,
    /// Connections dropped for silence, or because they took no bytes, or did not answer a Close, or finish a message.
    Timeouts,
    /// Connections closed because they did not keep up with what they were sent.
    SlowClosed,
    /// Broadcasts that a connection was not sent because it did not keep up.
    SlowSkipped,
    /// Connections closed for too many messages in a second, or too many pending timers.
    RateLimited,
    /// Connections closed because of [`max_memory`](super::Config::max_memory).
    MemoryClosed,
    /// Callbacks and routes that have panicked.
    Panics,
    /// Messages that were compressed, each counted once however many get it; with context takeover, mostly once for each of them.
    Deflated,
    /// Bytes of these before.
    DeflatedFrom,
    /// Bytes of these after.
    DeflatedTo,
    /// Compressed messages that were received.
    Inflated,
    /// Bytes of these before, as they came.
    InflatedFrom,
    /// Bytes of these after.
    InflatedTo,
    /// Connections failed because what they sent could not be inflated.
    InflateErrors,
}

impl Count {
    /// All of them, in order.
    pub const ALL: [Count; 22] = [
        Count::Accepted,
        Count::Opened,
        Count::Refused,
        Count::RefusedFull,
        Count::RefusedAddress,
        Count::HandshakesDropped,
        Count::HandshakeTimeouts,
        Count::ProtocolErrors,
        Count::IoErrors,
        Count::Timeouts,
        Count::SlowClosed,
        Count::SlowSkipped,
        Count::RateLimited,
        Count::MemoryClosed,
        Count::Panics,
        Count::Deflated,
        Count::DeflatedFrom,
        Count::DeflatedTo,
        Count::Inflated,
        Count::InflatedFrom,
        Count::InflatedTo,
        Count::InflateErrors,
    ];

    /// A name for people and metrics, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Count::Accepted => "accepted",
            Count::Opened => "opened",
            Count::Refused => "refused",
            Count::RefusedFull => "refused_full",
            Count::RefusedAddress => "refused_address",
            Count::HandshakesDropped => "handshakes_dropped",
            Count::HandshakeTimeouts => "handshake_timeouts",
            Count::ProtocolErrors => "protocol_errors",
            Count::IoErrors => "io_errors",
            Count::Timeouts => "timeouts",
            Count::SlowClosed => "slow_closed",
            Count::SlowSkipped => "slow_skipped",
            Count::RateLimited => "rate_limited",
            Count::MemoryClosed => "memory_closed",
            Count::Panics => "panics",
            Count::Deflated => "deflated",
            Count::DeflatedFrom => "deflated_from_bytes",
            Count::DeflatedTo => "deflated_to_bytes",
            Count::Inflated => "inflated",
            Count::InflatedFrom => "inflated_from_bytes",
            Count::InflatedTo => "inflated_to_bytes",
            Count::InflateErrors => "inflate_errors",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_own_place() {
        let stats = Stats::default();
        for (at, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, at, "{}", count.name());
            stats.add(count);
            assert_eq!(stats.get(count), 1);
        }
    }
}
