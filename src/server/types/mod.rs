//! The leaves of the server: identities, errors, payloads, configuration, counters and the log. They import nothing else
//! of it.

pub(crate) mod config;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod id;
pub(crate) mod log_limit;
pub(crate) mod payload;
pub(crate) mod shared_bytes;
pub(crate) mod stats;
pub(crate) mod tls;
pub(crate) mod verdict;
