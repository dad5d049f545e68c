//! A hub: a path is a channel. Web applications publish to it by HTTP, and browsers that have opened a WebSocket there get
//! what is published.

mod channel;
mod config;
#[allow(dead_code, unused_imports)] // The handler of the hub calls it.
mod listeners;
mod log;
#[allow(dead_code)] // The handlers of requests and listeners use it.
mod state;
mod tokens;

pub use self::config::{History, HubConfig, Rule, RuleError};
pub use self::log::memory::MemoryLog;
pub use self::log::{Entry, Epoch, Event, Full, Id, Kind, Log, Status};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::state::model::run as live_a_day;
pub use self::tokens::{Token, TokenError};
