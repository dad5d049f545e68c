//! The time that TLS handshakes may take in a turn. One takes from a tenth of a millisecond to three, with a large RSA key,
//! so that a burst of them would delay everybody else.

use std::time::Duration;

/// Time for handshakes in a turn. The last one may exceed it.
const BUDGET: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(crate) struct Handshakes {
    /// Time spent in this turn.
    spent: Duration,
    /// Connections that wait for another turn, while those that have waited with them are served.
    pub put_off: Vec<u32>,
    /// Some were put off in the last turn, and in this one.
    were_put_off: bool,
    are_put_off: bool,
}

impl Handshakes {
    pub fn begin_turn(&mut self) {
        self.spent = Duration::ZERO;
        self.were_put_off = std::mem::take(&mut self.are_put_off);
    }

    /// Whether there is time for another step of a handshake in this turn. If not, it waits for the next.
    pub fn may_go_on(&mut self) -> bool {
        self.are_put_off |= self.spent >= BUDGET;
        self.spent < BUDGET
    }

    /// Whether some wait that were put off in the last turn. Another one is put off then, so that they come first.
    pub fn are_crowded(&mut self) -> bool {
        self.are_put_off |= self.were_put_off;
        self.were_put_off
    }

    pub fn note(&mut self, span: Duration) {
        self.spent += span;
    }
}
