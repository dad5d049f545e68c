//! The server under load and at its limits, over real sockets.

#[path = "../common/mod.rs"]
mod common;

mod broadcast;
mod ceilings;
#[cfg(feature = "deflate")]
mod deflate;
mod fairness;
mod sigpipe;
mod slow;
