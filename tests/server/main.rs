//! The crate's server over real sockets, seen from an independent client and from raw bytes.

#[path = "../common/mod.rs"]
mod common;

mod accept;
mod app;
mod closing;
mod ending;
mod handle;
mod http;
mod listeners;
mod messages;
mod plain;
mod proxies;
mod violations;
