//! TLS (RFC 5246, RFC 8446), by rustls.

mod certificate;
pub(crate) mod config;
mod names;
mod pem;
