//! Takes connections from listeners, in batches, so that a burst of them delays nobody.

use std::io;

use super::state::EventLoop;
use crate::server::connection::Connection;
use crate::server::connection::entrance::Entrance;
use crate::server::transport::{Poller, Token};
use crate::server::types::stats::Count;

/// Connections taken from one listener before others have their turn.
const BATCH: usize = 64;
/// Connections for which there is no room, taken from one listener in a turn: few enough that each is read before the
/// next ones may take its place in the reserve.
const RESERVE_BATCH: usize = 16;

/// The answer to one `accept`.
enum Accepted {
    One,
    ForReserve,
    Nothing,
}

impl<P: Poller> EventLoop<P> {
    /// Takes a batch of connections from each listener that may have some.
    #[inline(never)]
    pub(super) fn accept_waiting(&mut self) {
        if self.accepting.paused_until.is_some_and(|until| until > self.lines.shared.env.now) {
            return;
        }
        self.accepting.paused_until = None;
        for listener in self.accepting.again.clone() {
            let mut reserve = RESERVE_BATCH;
            for _ in 0..BATCH {
                match self.accept_one(listener) {
                    Ok(Accepted::One) => {}
                    Ok(Accepted::ForReserve) if reserve == 1 => break,
                    Ok(Accepted::ForReserve) => reserve -= 1,
                    Ok(Accepted::Nothing) => {
                        self.accepting.again.retain(|&again| again != listener);
                        break;
                    }
                    // This client has gone already; the next one may be there.
                    Err(error) if is_transient(&error) => {}
                    Err(error) => {
                        self.accepting.pause(&error, &self.lines.shared);
                        break;
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn accept_one(&mut self, listener: usize) -> io::Result<Accepted> {
        let Some((mut socket, peer)) = self.poller.accept(listener)? else { return Ok(Accepted::Nothing) };
        self.lines.shared.env.stats.add(Count::Accepted);
        let door = self.site.listeners.get(listener).copied().unwrap_or_default();
        let no_room = self.lines.look_for_room(door, self.site.door(door));
        self.accepting.drop_oldest_request(&mut self.lines);
        let shared = &mut self.lines.shared;
        let is_local = self.poller.is_local(listener) && peer.is_local();
        let connection = Connection::new(door, Entrance::new(is_local, &shared.env), &shared.env);
        let slot = shared.table.insert(connection, peer);
        let token = Token::Connection { slot, generation: shared.table.id(slot).generation };
        if let Err(error) = self.poller.register(&mut socket, token) {
            shared.table.remove(slot);
            return Err(error);
        }
        self.site.doors[usize::from(door)].connections += 1;
        self.lines.insert_socket(slot, socket);
        self.lines.insert_layer(slot, self.site.door(door));
        self.lines.shared.schedule(slot);
        let rules = self.site.door(door);
        if let Some(why) = no_room {
            self.lines.put_in_reserve(slot, why, rules);
        }
        self.lines.meet_peer(slot, peer, rules);
        Ok(if no_room.is_some() { Accepted::ForReserve } else { Accepted::One })
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
