//! The loop: one thread, one turn after the other. It decides which connection is served when, and within which budget.
//!
//! | file | holds |
//! |---|---|
//! | `turn.rs` | a turn: wait for events, serve them, look at deadlines, deliver, reap |
//! | `accept.rs`, `accepting.rs` | taking connections from listeners |
//! | `handshakes.rs` | the time that TLS handshakes may take |
//! | `read.rs` | reading sockets, and handing messages to handlers |
//! | `requests.rs`, `upgrade.rs` | plain requests, and opening handshakes |
//! | `responses.rs` | answers of the server itself |
//! | `callbacks.rs` | calling handlers, their timers, and what a panic costs |
//! | `commands.rs`, `stopping.rs` | commands of handles, and shutting down |
//! | `sweep.rs` | deadlines of connections |
//! | `lines/` | connections with their sockets: room for them, their clients, output, broadcasts, and their end |
//! | `logs.rs` | log lines about refusals and failures |
//! | `laws.rs` | what holds between two turns, checked in debug builds |
//! | `state.rs` | the loop itself |
//! | `site.rs`, `door.rs` | mounts, routes, and listeners with rules of their own |
//!
//! Handlers only record actions (`shared/outbox.rs`), so nothing here is entered twice, and slots are freed only at the end
//! of a turn. The loop is generic over [`Poller`](super::transport::Poller), so that tests run it over sockets in memory.

mod accept;
mod accepting;
mod callbacks;
mod commands;
pub(crate) mod door;
mod handshakes;
pub(crate) mod laws;
pub(crate) mod lines;
mod logs;
mod read;
mod requests;
mod responses;
pub(crate) mod site;
pub(crate) mod state;
mod stopping;
mod sweep;
#[cfg(test)]
mod tests;
mod turn;
mod upgrade;
