//! A tiny WebSocket server: RFC 6455 by hand over mio, one thread, no async runtime, no `unsafe`.
#![cfg_attr(feature = "server", doc = "")]
#![cfg_attr(feature = "server", doc = include_str!("server/guide.md"))]
//!
//! To use the codec alone, in a loop of your own, see [`protocol`] and [`http`]. A build with `default-features = false` has
//! nothing else; the feature `server` adds the server, `hub` a handler by which web applications reach their pages, and
//! `deflate` compression to all.
//!
//! Of the crate's modules each imports only from those before it: [`protocol`] and [`http`], which do no I/O, `server`, the
//! hub in `apps`, and with the feature `cli`, which is on by default and of no use to embedders, the other ready-made apps
//! and the command line.
//!
//! It logs by the [`log`] crate.
#![forbid(unsafe_code)]
// The server's own entrances to the codec.
#![cfg_attr(not(feature = "server"), allow(dead_code, unused_imports))]

#[cfg(not(unix))]
compile_error!("sockhop runs on Linux and macOS: elsewhere short reads and Unix-domain sockets behave otherwise");
#[cfg(not(target_pointer_width = "64"))]
compile_error!("sockhop needs a 64-bit machine: its event tokens hold a slot and a generation");

#[cfg(any(feature = "cli", feature = "hub"))]
pub mod apps;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod http;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "hub")]
pub use crate::apps::hub::{Hub, HubConfig};
pub use crate::http::DeflateOffer;
pub use crate::protocol::{CloseCode, CloseFrame, ContextTakeover, DeflateOptions, Message};
#[cfg(all(feature = "cli", not(feature = "tls")))]
pub(crate) use crate::server::Tls;
#[cfg(feature = "server")]
pub use crate::server::{
    Accept, Answer, Certificate, CloseReason, Config, ConnectionError, ConnectionId, Context, Count, Deferred, Deflate,
    Door, Handle, Handler, Listen, ListenAddr, Payload, Peer, ProxyProtocol, Rejected, Running, Server, Shutdown, Slow,
    Stats, TimerId, TlsClients, TlsError, TlsFiles, TlsPair, TlsVersion, testing,
};
#[cfg(feature = "tls")]
pub use crate::server::{Tls, rustls};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use crate::server::fuzzing;

/// The README's code is compiled with the tests.
#[cfg(all(doctest, feature = "server"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
