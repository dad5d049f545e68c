//! Takes connections from listeners, in batches, so that a burst of them delays nobody.

use std::io;

use super::clients::TURNED_AWAY;
use super::state::EventLoop;
use crate::server::connection::entrance::Entrance;
use crate::server::connection::{Connection, Phase, Standing};
use crate::server::transport::{Poller, Token};
use crate::server::types::id::Peer;
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

/// Connections taken from one listener before others have their turn.
const BATCH: usize = 64;
/// The answer to one `accept`.
enum Accepted {
    One,
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
            for _ in 0..BATCH {
                match self.accept_one(listener) {
                    Ok(Accepted::One) => {}
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
        let is_turned_away = !self.has_room(door);
        if is_turned_away && !self.may_be_told(peer, door) {
            return Ok(Accepted::One);
        }
        self.accepting.drop_oldest_request(&mut self.lines);
        let shared = &mut self.lines.shared;
        let is_local = self.poller.is_local(listener) && peer.is_local();
        let mut entrance = Entrance::new(is_local, &shared.env);
        entrance.is_turned_away = is_turned_away;
        let connection = Connection::new(door, entrance, &shared.env);
        let slot = shared.table.insert(connection, peer);
        let token = Token::Connection { slot, generation: shared.table.id(slot).generation };
        if let Err(error) = self.poller.register(&mut socket, token) {
            shared.table.remove(slot);
            return Err(error);
        }
        if let Some(door) = self.site.doors.get_mut(usize::from(door)) {
            door.connections += 1;
        }
        self.lines.insert_socket(slot, socket);
        self.lines.shared.schedule(slot);
        self.meet_peer(slot, peer);
        Ok(Accepted::One)
    }

    /// Whether there is room for another connection. Where there is none, an idle connection makes room.
    fn has_room(&mut self, door: u8) -> bool {
        let table = &self.lines.shared.table;
        let present = table.len() - self.lines.dead.len() - table.count(Standing::TurnedAway);
        let is_full = present >= self.lines.shared.env.config.max_connections;
        let at = self.site.doors.get(usize::from(door));
        let of_door = |slot: &&u32| table.get(**slot).is_some_and(|connection| connection.door == door);
        let is_door_full = at.is_some_and(|at| {
            let leaves = || self.lines.dead.iter().filter(of_door).count();
            at.max_connections.is_some_and(|most| at.connections >= most && at.connections - leaves() >= most)
        });
        if !is_full && !is_door_full {
            return true;
        }
        if table.count(Standing::Idle) == 0 {
            return false;
        }
        let tick = self.lines.shared.env.tick();
        let idle = table.iter().filter_map(|(slot, connection)| match &connection.phase {
            Phase::Entrance(entrance) if entrance.is_idle() && (is_full || connection.door == door) => {
                Some((tick.since(entrance.since), slot))
            }
            _ => None,
        });
        let Some((_, slot)) = idle.max() else { return false };
        self.lines.kill(slot);
        true
    }

    /// A connection is one too many. Returns whether it is told so; otherwise it is closed unread.
    fn may_be_told(&mut self, peer: Peer, door: u8) -> bool {
        let shared = &mut self.lines.shared;
        shared.env.stats.add(Count::RefusedFull);
        let is_told = shared.table.count(Standing::TurnedAway) < TURNED_AWAY;
        let outcome = if is_told { "refused with 503" } else { "closed unread" };
        let door = self.site.doors.get(usize::from(door));
        let full_door = door.and_then(|door| door.max_connections.filter(|most| door.connections >= *most));
        let (limit, most) = match full_door {
            Some(most) => ("Door::max_connections", most),
            None => ("Config::max_connections", shared.env.config.max_connections),
        };
        log_limited!(shared, Full, "{peer}: {outcome}: there are as many connections as {limit} ({most}) allows");
        is_told
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
