//! A connection that is over for its handler (RFC 6455 7.1.1). Its last bytes leave, then our side of the stream ends, and
//! whatever the peer still sends is discarded for a while: closing at once could destroy bytes that the peer has not yet
//! received.

use super::websocket::Extra;
use crate::server::types::env::{Env, Tick, millis};

/// How long the peer's bytes are discarded after our side of the stream has ended, in milliseconds.
const LINGER: u32 = 1000;
/// Bytes of an unread request body that are discarded so that the client can read the answer.
const DISCARDED_BODY: usize = 64 * 1024;

/// The data of the last phase.
pub(crate) struct Leaving {
    pub stage: Stage,
    /// Since when the stage lasts, and how long it may; `None`: as long as the peer accepts bytes.
    pub since: Tick,
    pub millis: Option<u32>,
    /// Both sides have sent a Close frame: nothing more is to come.
    pub is_clean: bool,
    /// It had a place in the reserve.
    pub is_reserve: bool,
    /// Bytes of the peer that are still discarded.
    discards: u32,
    /// The data that `close` may look at.
    pub kept: Option<Box<Extra>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Bytes are owed to the peer.
    Owing,
    /// Our side of the stream has ended.
    Lingering,
    /// The socket is no longer needed.
    Gone,
}

impl Leaving {
    /// After a WebSocket: the last frames have `close_timeout` to leave.
    pub fn after_websocket(is_clean: bool, kept: Option<Box<Extra>>, env: &Env) -> Self {
        let millis = Some(millis(env.config.close_timeout));
        let (since, is_reserve) = (env.tick(), false);
        Leaving { stage: Stage::Owing, since, millis, is_clean, is_reserve, discards: u32::MAX, kept }
    }

    /// Nothing is left but the value for `close`.
    pub fn gone(kept: Option<Box<Extra>>, env: &Env) -> Self {
        Leaving { stage: Stage::Gone, ..Self::after_websocket(false, kept, env) }
    }

    /// After the last answer of an entrance, which may take its time as long as the peer accepts bytes.
    pub fn after_answer(is_reserve: bool, env: &Env) -> Self {
        let discards = DISCARDED_BODY as u32;
        let since = env.tick();
        Leaving { stage: Stage::Owing, since, millis: None, is_clean: false, is_reserve, discards, kept: None }
    }

    /// Our side of the stream has ended.
    pub fn linger(&mut self, env: &Env) {
        (self.stage, self.since, self.millis) = (Stage::Lingering, env.tick(), Some(LINGER));
    }

    /// Counts bytes that are discarded. Returns whether there were too many.
    pub fn discard(&mut self, len: usize) -> bool {
        if self.discards < u32::MAX {
            self.discards = self.discards.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
        }
        self.discards == 0
    }
}

#[cfg(test)]
mod tests;
