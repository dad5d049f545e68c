//! Room for another connection: whether there is any, and which connection makes some.

use super::Lines;
use crate::server::connection::{Phase, Standing};
use crate::server::event_loop::site::Door;
use crate::server::transport::Socket;
use crate::server::types::id::Peer;
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

/// Connections beyond a limit that are told so at a time; others are closed unread.
pub(super) const TURNED_AWAY: usize = 32;

impl<S: Socket> Lines<S> {
    /// Whether there is room for another connection. Where there is none, an idle connection makes room.
    pub fn has_room(&mut self, door: u8, rules: &Door) -> bool {
        let table = &self.shared.table;
        let present = table.len() - self.dead.len() - table.count(Standing::TurnedAway);
        let is_full = present >= self.shared.env.config.max_connections;
        let of_door = |slot: &&u32| table.get(**slot).is_some_and(|connection| connection.door == door);
        let leaves = || self.dead.iter().filter(of_door).count();
        let is_door_full =
            rules.max_connections.is_some_and(|most| rules.connections >= most && rules.connections - leaves() >= most);
        if !is_full && !is_door_full {
            return true;
        }
        if table.count(Standing::Idle) == 0 {
            return false;
        }
        let tick = self.shared.env.tick();
        let idle = table.iter().filter_map(|(slot, connection)| match &connection.phase {
            Phase::Entrance(entrance) if entrance.is_idle() && (is_full || connection.door == door) => {
                Some((tick.since(entrance.since), slot))
            }
            _ => None,
        });
        let Some((_, slot)) = idle.max() else { return false };
        self.kill(slot);
        true
    }

    /// A connection is one too many. Returns whether it is told so; otherwise it is closed unread.
    pub fn may_be_told(&mut self, peer: Peer, door: &Door) -> bool {
        let shared = &mut self.shared;
        shared.env.stats.add(Count::RefusedFull);
        let is_told = shared.table.count(Standing::TurnedAway) < TURNED_AWAY;
        let outcome = if is_told { "refused with 503" } else { "closed unread" };
        let (limit, most) = match door.max_connections.filter(|most| door.connections >= *most) {
            Some(most) => ("Door::max_connections", most),
            None => ("Config::max_connections", shared.env.config.max_connections),
        };
        log_limited!(shared, Full, "{peer}: {outcome}: there are as many connections as {limit} ({most}) allows");
        is_told
    }
}
