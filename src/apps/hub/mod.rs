//! A hub: a path is a channel. Web applications publish to it by HTTP, and browsers that have opened a WebSocket there get
//! what is published.

mod batches;
mod channel;
mod config;
mod cors;
mod handler;
mod json;
mod listeners;
mod log;
mod outcome;
mod page;
mod polls;
mod problem;
mod requests;
mod shared;
mod state;
mod tokens;

#[cfg(feature = "cli")]
pub(crate) use self::config::units;
pub use self::config::{History, HubConfig, Rule, RuleError};
pub use self::log::memory::MemoryLog;
pub use self::log::{Entry, Epoch, Event, Full, Id, Kind, Log, Status};
pub use self::shared::{Figures, Hub};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::state::model::run as live_a_day;
pub use self::tokens::{Token, TokenError};
