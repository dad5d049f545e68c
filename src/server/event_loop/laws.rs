//! What holds between two turns for every connection, so that none is ever forgotten: the loop asserts it in debug
//! builds, and tests after each turn of a [`Bed`](super::bed).

use std::time::Duration;

use super::EventLoop;
use crate::server::poller::Poller;
use crate::server::session::{Flags, Phase};

/// Connections that are looked at in a turn.
const LOOKS: usize = 64;

impl<P: Poller> EventLoop<P> {
    /// Looks at all connections while they are few, else at some in each turn, in rotation.
    pub(super) fn assert_laws(&mut self) {
        let slots = self.core.sessions.slots();
        for _ in 0..slots.min(LOOKS) {
            self.looked_at = (self.looked_at + 1) % slots;
            self.assert_law(self.looked_at);
        }
        if slots <= LOOKS {
            self.assert_lists();
        }
    }

    /// The laws of one connection.
    fn assert_law(&self, slot: usize) {
        let slot = slot as u32;
        let session = &self.core.sessions[slot];
        let (flags, owed, id) = (session.flags, session.queued(), session.id(slot));
        if session.phase == Phase::Free {
            return;
        }
        assert!(session.phase != Phase::Dead, "{id} is dead and was not reaped");
        assert!(matches!(self.sockets.get(slot as usize), Some(Some(_))), "{id} has no socket");
        // No wake-up is lost: whoever may have something to read is in `again`, or is known drained, or is paused until
        // a flush that is sure to come. (A handshake that waits for its handler is read when that has decided.)
        assert!(!self.wants_service(slot) || flags.has(Flags::AGAIN), "{id} has lost a wake-up: {flags:?}");
        let least = self.core.config.low_water.min(self.core.config.high_water);
        assert!(!flags.has(Flags::PAUSED) || owed > least, "{id} is paused, and owed only {owed}");
        // Whatever is owed leaves: in the next turn, or when the socket says that it takes bytes again.
        let leaves = flags.has(Flags::FLUSH) || flags.has(Flags::BLOCKED);
        assert!(owed == 0 || leaves, "{id} is owed {owed} bytes that nobody sends: {flags:?}");
        // No deadline is noticed late. (Ticks are whole milliseconds.)
        let look = self.next_look(slot).map(|millis| self.core.now + Duration::from_millis(millis + 1));
        assert!(
            look.is_none_or(|look| self.core.next_sweep.is_some_and(|next| next <= look)),
            "{id} is looked at too late for its deadline: {:?}",
            session.phase
        );
        let pong = session.rare.as_ref().is_some_and(|rare| rare.pong.is_some());
        assert!(!pong || flags.has(Flags::BLOCKED), "{id} has a Pong that nobody sends");
    }

    /// Who is marked as being in a list is in it, once, and nobody else.
    fn assert_lists(&self) {
        let sessions = &self.core.sessions;
        let again: Vec<_> = self.again.iter().copied().collect();
        for (list, flag) in [(&again, Flags::AGAIN), (&self.flushes, Flags::FLUSH)] {
            let marked = sessions.taken().filter(|slot| sessions[*slot].flags.has(flag)).count();
            let is_marked = |slot: &u32| sessions[*slot].flags.has(flag);
            assert!(list.iter().all(is_marked) && list.len() == marked, "{list:?}, but {marked} have {flag:?}");
        }
    }
}
