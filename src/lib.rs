//! A tiny WebSocket server.
#![forbid(unsafe_code)]

pub mod http;
pub mod protocol;
