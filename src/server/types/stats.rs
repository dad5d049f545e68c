//! Counters of a running server: connections, messages, and how often each limit was reached.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a running server, readable from any thread: [`Server::stats`](crate::Server::stats).
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
    /// How often it has happened since the server was created.
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

/// Declares [`Count`] with the names of its variants, so that both come from one list.
macro_rules! counts {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// An event that a [`Stats`] counts.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Count {
            $($(#[$doc])+ $variant,)+
        }

        impl Count {
            /// All of them, in order.
            pub const ALL: [Count; [$($name),+].len()] = [$(Count::$variant),+];

            /// A name for people and metrics, in snake case.
            pub fn name(self) -> &'static str {
                match self {
                    $(Count::$variant => $name,)+
                }
            }
        }
    };
}

counts! {
    /// TCP or Unix-domain connections accepted.
    Accepted = "accepted",
    /// Opening handshakes completed.
    Opened = "opened",
    /// Requests refused, with whatever status.
    Refused = "refused",
    /// Plain HTTP requests answered, with whatever status.
    Answered = "answered",
    /// Connections refused because there were [`max_connections`](crate::Config::max_connections).
    RefusedFull = "refused_full",
    /// Connections refused because their address had
    /// [`max_connections_per_address`](crate::Config::max_connections_per_address).
    RefusedAddress = "refused_address",
    /// Connections dropped because too many requests were unfinished.
    HandshakesDropped = "handshakes_dropped",
    /// Requests that were not complete, or not decided, in time.
    HandshakeTimeouts = "handshake_timeouts",
    /// Connections failed because the peer broke a rule of the protocol.
    ProtocolErrors = "protocol_errors",
    /// Connections failed by the socket.
    IoErrors = "io_errors",
    /// Connections dropped because the peer was silent, took no bytes, did not answer a Close, or did not finish a message.
    Timeouts = "timeouts",
    /// Connections closed because they did not keep up with what they were sent.
    SlowClosed = "slow_closed",
    /// Broadcasts skipped for a connection that did not keep up.
    SlowSkipped = "slow_skipped",
    /// Connections closed for too many messages in a second, or too many pending timers.
    RateLimited = "rate_limited",
    /// Connections closed because of [`max_memory`](crate::Config::max_memory).
    MemoryClosed = "memory_closed",
    /// Callbacks and routes that have panicked.
    Panics = "panics",
    /// Messages compressed. A broadcast counts once however many connections receive it, unless they use context takeover.
    Deflated = "deflated",
    /// Bytes of these messages before compression.
    DeflatedFrom = "deflated_from_bytes",
    /// Bytes of these messages after compression.
    DeflatedTo = "deflated_to_bytes",
    /// Compressed messages received.
    Inflated = "inflated",
    /// Bytes of these messages as they came.
    InflatedFrom = "inflated_from_bytes",
    /// Bytes of these messages after decompression.
    InflatedTo = "inflated_to_bytes",
    /// Connections failed because a message of theirs could not be inflated.
    InflateErrors = "inflate_errors",
    /// TLS handshakes completed in full.
    TlsFull = "tls_full",
    /// TLS handshakes completed by resuming an earlier session.
    TlsResumed = "tls_resumed",
    /// Microseconds spent in TLS handshakes, failed ones included.
    TlsMicros = "tls_microseconds",
    /// TLS handshakes failed because client and server have no version, cipher suite or protocol in common.
    TlsNothingInCommon = "tls_nothing_in_common",
    /// TLS handshakes that the client has refused, such as for a certificate that it does not trust.
    TlsRefused = "tls_refused",
    /// TLS handshakes failed because the client has no certificate, or none that is trusted.
    TlsNoCertificate = "tls_no_certificate",
    /// TLS handshakes failed because the bytes were no TLS, or broke its rules.
    TlsBroken = "tls_broken",
    /// TLS handshakes that the client has left unfinished.
    TlsUnfinished = "tls_unfinished",
    /// Connections in the clear to a port that speaks TLS.
    TlsClear = "tls_clear",
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
