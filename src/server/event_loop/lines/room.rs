//! Room for another connection. Where there is none, an idle connection makes some; else the newcomer comes into the reserve,
//! a few places for plain requests alone, so that a server that is full still answers health checks and publishers.

use super::Lines;
use crate::http::Response;
use crate::server::connection::entrance::NoRoom;
use crate::server::connection::{Connection, Phase, Standing};
use crate::server::event_loop::responses::{too_many, unavailable};
use crate::server::event_loop::site::Door;
use crate::server::transport::Socket;
use crate::server::types::id::ConnectionId;
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

/// Places in the reserve.
const RESERVE: usize = 32;

impl<S: Socket> Lines<S> {
    /// Looks for room for another connection: where there is none, an idle one makes room. `None`: there is room.
    pub fn look_for_room(&mut self, door: u8, rules: &Door) -> Option<NoRoom> {
        let table = &self.shared.table;
        let present = table.len() - self.dead.len() - table.count(Standing::Reserve);
        let is_full = present >= self.shared.env.config.max_connections;
        let is_door_full = rules
            .max_connections
            .is_some_and(|most| rules.connections >= most && rules.connections - self.uncounted(door) >= most);
        let full = match (is_full, is_door_full) {
            (true, _) => NoRoom::Server,
            (false, true) => NoRoom::Door,
            (false, false) => return None,
        };
        if table.count(Standing::Idle) == 0 {
            return Some(full);
        }
        let tick = self.shared.env.tick();
        let idle = table.iter().filter_map(|(slot, connection)| match &connection.phase {
            Phase::Entrance(entrance) if entrance.is_idle() && (is_full || connection.door == door) => {
                Some((tick.since(entrance.since), slot))
            }
            _ => None,
        });
        let Some((_, slot)) = idle.max() else { return Some(full) };
        self.kill(slot);
        None
    }

    /// Connections of a door that take none of its room: they leave in this turn, or have a place in the reserve.
    fn uncounted(&self, door: u8) -> usize {
        let is_of_door = |slot: u32| self.shared.table.get(slot).filter(|connection| connection.door == door);
        let leaves = self.dead.iter().filter(|slot| is_of_door(**slot).is_some());
        let reserve = self.reserve.iter().filter_map(|id| self.shared.table.find(*id)).filter_map(is_of_door);
        leaves.count() + reserve.filter(|connection| connection.standing() == Standing::Reserve).count()
    }

    /// Whether another connection would find no room.
    pub fn is_full(&self) -> bool {
        let table = &self.shared.table;
        let stay = table.len() - table.count(Standing::Reserve) - table.count(Standing::Idle);
        stay >= self.shared.env.config.max_connections
    }

    /// The same for a new client of a door, beside a connection whose plain request is being answered: that one will be idle,
    /// or leave.
    pub fn is_full_beside(&mut self, asker: u32, door: u8, rules: &Door) -> bool {
        self.shared.table.recount(asker);
        let table = &self.shared.table;
        let goes = |standing| matches!(standing, Standing::Idle | Standing::Reserve);
        let asks = table.get(asker).is_some_and(|it| !it.is_gone() && !goes(it.standing()));
        let leave = self.dead.len() + table.count(Standing::Reserve) + table.count(Standing::Idle) + usize::from(asks);
        if table.len() - leave >= self.shared.env.config.max_connections {
            return true;
        }
        let Some(most) = rules.max_connections.filter(|most| rules.connections >= *most) else { return false };
        let stays = |slot: u32, it: &Connection| slot != asker && !it.is_gone() && !goes(it.standing());
        table.iter().filter(|(slot, it)| it.door == door && stays(*slot, it)).count() >= most
    }

    /// Gives a connection a place in the reserve. When all are taken, the oldest one without a complete request head leaves,
    /// or, if there is none, the oldest one.
    pub fn put_in_reserve(&mut self, slot: u32, why: NoRoom, rules: &Door) {
        let table = &self.shared.table;
        let has_place =
            |slot: u32| table.get(slot).is_some_and(|it| it.standing() == Standing::Reserve && !it.is_gone());
        self.reserve.retain(|id| table.find(*id).is_some_and(has_place));
        if self.reserve.len() >= RESERVE {
            let has_no_head = |id: &ConnectionId| match table.get(id.slot).map(|connection| &connection.phase) {
                Some(Phase::Entrance(entrance)) => !entrance.has_head(),
                _ => false,
            };
            let at = self.reserve.iter().position(has_no_head).unwrap_or(0);
            let oldest = self.reserve.remove(at).slot;
            if self.entrance(oldest).is_some() {
                self.note_refusal(oldest, why, rules, "dropped for a newcomer");
            }
            self.kill(oldest);
        }
        self.reserve.push(self.shared.table.id(slot));
        if let Some((entrance, _)) = self.entrance(slot) {
            entrance.no_room = Some(why);
        }
        self.shared.table.recount(slot);
        self.shared.schedule(slot);
    }

    /// The answer to an opening handshake for which there is no room.
    pub fn refuse_for_room(&mut self, slot: u32, why: NoRoom, rules: &Door) -> Response {
        match why {
            NoRoom::Address => {
                self.note_refusal(slot, why, rules, "refused with 429");
                too_many()
            }
            NoRoom::Server | NoRoom::Door => {
                self.note_refusal(slot, why, rules, "refused with 503");
                unavailable("there are too many connections")
            }
        }
    }

    fn note_refusal(&mut self, slot: u32, why: NoRoom, rules: &Door, outcome: &str) {
        let (peer, shared) = (self.shared.table.peer(slot), &mut self.shared);
        match why {
            NoRoom::Address => {
                shared.env.stats.add(Count::RefusedAddress);
                let most = shared.env.config.max_connections_per_address.unwrap_or_default();
                log_limited!(
                    shared,
                    Address,
                    "{peer}: {outcome}: its address has as many connections as Config::max_connections_per_address \
                     ({most}) allows"
                );
            }
            NoRoom::Server => {
                shared.env.stats.add(Count::RefusedFull);
                let most = shared.env.config.max_connections;
                log_limited!(
                    shared,
                    Full,
                    "{peer}: {outcome}: there are as many connections as Config::max_connections ({most}) allows"
                );
            }
            NoRoom::Door => {
                shared.env.stats.add(Count::RefusedFull);
                let most = rules.max_connections.unwrap_or_default();
                log_limited!(
                    shared,
                    Full,
                    "{peer}: {outcome}: there are as many connections as Door::max_connections ({most}) allows"
                );
            }
        }
    }
}
