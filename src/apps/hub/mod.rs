//! A hub: a path is a channel. Web applications publish to it by HTTP, and browsers that have opened a WebSocket there get
//! what is published.

mod channel;
mod config;
mod tokens;

pub use self::config::{History, HubConfig, Rule, RuleError};
pub use self::tokens::{Token, TokenError};
