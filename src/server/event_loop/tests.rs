//! The loop on sockets in memory: its promises, one sentence for each test.
//!
//! After every turn [`Bed`] also checks the laws that always hold: no lost wake-up, no bytes owed that nobody sends,
//! queues within their bounds, `close` once for each `open`.

mod accept;
mod addresses;
mod budgets;
mod callbacks;
mod closing;
mod deadlines;
mod decisions;
#[cfg(feature = "deflate")]
mod deflate;
mod drained;
mod handles;
mod handshake;
mod homes;
mod large;
mod limits;
mod liveness;
mod logs;
mod pages;
mod panics;
mod pongs;
mod posts;
mod random;
mod requests;
mod shutdown;
mod slices;
mod slow;
mod timers;
#[cfg(feature = "tls")]
mod tls;

use std::io::ErrorKind;
use std::time::Duration;

use crate::protocol::{CloseCode, CloseFrame, Message};
use crate::server::lab::bed::{App, Bed, Call, request};
use crate::server::lab::client::{Frame, masked};
use crate::server::transport::memory::{Calls, Client, Style};
use crate::server::transport::{Ready, Token};
use crate::server::{Config, ConnectionId, Context, Count, Shutdown, Slow, TimerId};
