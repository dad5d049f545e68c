//! The ready-made apps, as the binary serves them, seen from an independent client.

#[path = "../common/mod.rs"]
mod common;

mod binary;
mod chat;
mod memory;
mod pong;
mod small;
mod stopping;
