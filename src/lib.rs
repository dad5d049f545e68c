//! A tiny WebSocket server.
#![forbid(unsafe_code)]

pub mod http;
pub mod protocol;
pub mod server;

pub use crate::protocol::{CloseCode, CloseFrame, Message};
pub use crate::server::{
    Accept, CloseReason, Config, ConnectionId, Context, Drain, Error, Handle, Handler, Listen, ListenAddr, Payload,
    Peer, Rejected, Server, Ticket, TimerId, testing,
};
