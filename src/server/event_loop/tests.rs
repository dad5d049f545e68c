//! The loop on fake sockets: what it promises, one sentence for each test.
//!
//! After every turn [`Bed`] also checks the laws that always hold: no lost wake-up, no bytes owed that nobody sends,
//! queues within their bounds, `close` once for each `open`.

mod accept;
mod addresses;
mod budgets;
mod callbacks;
mod closing;
mod deadlines;
#[cfg(feature = "deflate")]
mod deflate;
mod handles;
mod handshake;
mod large;
mod limits;
mod liveness;
mod logs;
mod pages;
mod panics;
mod pongs;
mod posts;
mod random;
mod shutdown;
mod slow;
mod timers;

use std::io::ErrorKind;
use std::time::Duration;

use super::bed::{App, Bed, Call, request};
use crate::protocol::{CloseCode, CloseFrame, Message};
use crate::server::fake::{Calls, Client, Frame, Style, masked};
use crate::server::poller::{Ready, Token};
use crate::server::stats::Count;
use crate::server::{Config, ConnectionId, Context, Drain, Slow, TimerId};
