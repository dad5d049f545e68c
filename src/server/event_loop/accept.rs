//! Taking connections, in batches, so that a burst of them delays nobody.

use std::io;
use std::time::{Duration, Instant};

use super::EventLoop;
use crate::server::handler::ConnectionId;
use crate::server::log_limit::{TARGET, log_limited};
use crate::server::poller::{Poller, Token};
use crate::server::session::{Flags, Phase};
use crate::server::stats::Count;

/// Connections taken from one listener before others have their turn.
const BATCH: usize = 64;
/// Connections beyond the limit that are told so at a time; others are closed unread.
pub(super) const TURNED_AWAY: usize = 32;
/// Unfinished opening handshakes that there may be even where so many are more than a quarter of all connections.
const UNFINISHED: usize = 16;
/// How long nobody is accepted after descriptors, or the kernel's memory for them, have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// accept(2): the system, or this process, has no more descriptors. The same numbers on Linux and macOS.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Listeners that may have more connections waiting.
#[derive(Default)]
pub(super) struct Accepting {
    again: Vec<usize>,
    paused_until: Option<Instant>,
    /// When it was last said that descriptors have run out.
    complained: Option<Instant>,
    /// Connections that are being told that there are too many.
    pub turned_away: usize,
    /// Those whose handshakes were unfinished when it was last looked, the oldest last.
    oldest: Vec<ConnectionId>,
}

impl Accepting {
    /// Whether connections can be accepted without waiting for an event.
    pub fn is_ready(&self) -> bool {
        !self.again.is_empty() && self.paused_until.is_none()
    }

    pub fn resumes_at(&self) -> Option<Instant> {
        self.paused_until
    }
}

impl<P: Poller> EventLoop<P> {
    /// Has connections taken from a listener, in this turn and later ones, until there are none: its event will not
    /// come again before.
    pub(super) fn accept(&mut self, listener: usize) {
        if !self.accepting.again.contains(&listener) {
            self.accepting.again.push(listener);
        }
    }

    /// Takes a batch of connections from each listener that may have some.
    pub(super) fn accept_waiting(&mut self) {
        if self.accepting.paused_until.is_some_and(|until| until > self.core.now) {
            return;
        }
        self.accepting.paused_until = None;
        for listener in self.accepting.again.clone() {
            self.accept_batch(listener);
        }
    }

    fn accept_batch(&mut self, listener: usize) {
        for _ in 0..BATCH {
            match self.accept_one(listener) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.accepting.again.retain(|&again| again != listener);
                }
                // This client has gone already; the next one may be there.
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.pause_accepting(&error),
            }
        }
    }

    fn accept_one(&mut self, listener: usize) -> io::Result<()> {
        let (mut socket, peer) = self.poller.accept(listener)?;
        self.core.stats.add(Count::Accepted);
        let present = self.core.sessions.len() - self.dead.len() - self.accepting.turned_away;
        let full = present >= self.core.config.max_connections;
        if full {
            self.core.stats.add(Count::RefusedFull);
            let is_told = self.accepting.turned_away < TURNED_AWAY;
            log_limited!(
                self.core,
                Full,
                "{peer}: {}: there are as many connections as --max-connections {} allows (in code, \
                 Config::max_connections)",
                if is_told { "refused with 503" } else { "closed unread" },
                self.core.config.max_connections
            );
            if !is_told {
                return Ok(());
            }
        }
        self.drop_oldest_handshake();
        let slot = self.core.sessions.insert(peer);
        let tick = self.core.tick();
        let session = &mut self.core.sessions[slot];
        session.heard = tick;
        // An event is sure to come when there is something to read, even if there is already.
        session.flags.set(Flags::DRAINED);
        if self.poller.is_local(listener) && peer.is_local() {
            session.flags.set(Flags::LOCAL);
        }
        if full {
            session.flags.set(Flags::TURNED_AWAY);
            self.accepting.turned_away += 1;
        }
        let token = Token::Connection { slot, generation: session.generation };
        if let Err(error) = self.poller.register(&mut socket, token) {
            self.accepting.turned_away -= usize::from(full);
            self.core.sessions.remove(slot);
            return Err(error);
        }
        if self.sockets.len() <= slot as usize {
            self.sockets.resize_with(slot as usize + 1, || None);
        }
        self.sockets[slot as usize] = Some(socket);
        self.look_for(slot);
        self.meet_peer(slot, peer);
        Ok(())
    }

    /// Makes room for one more opening handshake: unfinished ones may be a quarter of all connections.
    fn drop_oldest_handshake(&mut self) {
        if self.core.sessions.unfinished()
            < (self.core.config.max_connections / 4).max(UNFINISHED) + self.accepting.turned_away
        {
            return;
        }
        loop {
            let Some(id) = self.accepting.oldest.pop() else {
                // All are looked at, for as many as there are to drop until the next time.
                let sessions = &self.core.sessions;
                let tick = self.core.tick();
                let unfinished = |slot: &u32| {
                    let session = &sessions[*slot];
                    matches!(session.phase, Phase::Handshake | Phase::Waiting) && !session.flags.has(Flags::TURNED_AWAY)
                };
                let mut slots: Vec<u32> = sessions.taken().filter(unfinished).collect();
                slots.sort_by_key(|slot| tick.since(sessions[*slot].heard));
                self.accepting.oldest = slots.into_iter().map(|slot| sessions.id(slot)).collect();
                continue;
            };
            if let Some(slot) = self.core.sessions.find(id)
                && matches!(self.core.sessions[slot].phase, Phase::Handshake | Phase::Waiting)
            {
                self.core.stats.add(Count::HandshakesDropped);
                log_limited!(
                    self.core,
                    Unfinished,
                    "{}: dropped: of all unfinished opening handshakes, a quarter of --max-connections {} (in code, \
                     Config::max_connections), it was the oldest",
                    self.core.sessions.peer(slot),
                    self.core.config.max_connections
                );
                return self.kill(slot);
            }
        }
    }

    fn pause_accepting(&mut self, error: &io::Error) {
        let now = self.core.now;
        self.accepting.paused_until = Some(now + PAUSE);
        if self.accepting.complained.is_none_or(|at| now - at >= Duration::from_secs(60)) {
            self.accepting.complained = Some(now);
            let advice = match error.raw_os_error() {
                Some(EMFILE | ENFILE) => "; raise the limit of open files (ulimit -n)",
                _ => "",
            };
            let open = self.core.sessions.len();
            log::warn!(target: TARGET, "no connection can be accepted: {error}; {open} are open{advice}");
        }
    }
}

/// Whether it is the client's failure, not ours (accept(2): network errors of the new socket are returned here).
fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown};
    use io::ErrorKind::{NetworkUnreachable, TimedOut};
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}
