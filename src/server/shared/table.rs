//! The connection table: a slot for each connection. A slot is used again only in a later turn, with a generation that
//! tells its tenants apart. Data that is seldom needed lies beside the slots, so that these stay dense.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use super::paths::{NO_PATH, Paths};
use crate::server::connection::{Connection, Standing};
use crate::server::types::id::{ConnectionId, Peer};

#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Option<Connection>>,
    /// How often each slot has been freed.
    generations: Vec<u32>,
    cold: Vec<Cold>,
    free: Vec<u32>,
    /// Slots that are never used again.
    retired: usize,
    paths: Paths,
    /// Connections by their [`Standing`], as last counted.
    counts: [usize; 4],
}

/// Data that is seldom needed.
struct Cold {
    /// The peer's address; an IPv4 address as a mapped one. The scope of a link-local IPv6 address is lost.
    ip: [u8; 16],
    /// Key into `paths`; `NO_PATH` before the request is known.
    path: u32,
    port: u16,
    kind: PeerKind,
    standing: Standing,
}

#[derive(Clone, Copy)]
enum PeerKind {
    V4,
    V6,
    Unix,
}

impl Table {
    /// Bytes of one slot and the entries beside it.
    #[cfg(test)]
    pub const BYTES_PER_SLOT: usize = size_of::<Option<Connection>>() + size_of::<u32>() + size_of::<Cold>();

    /// A table with room for so many connections. Memory that nobody has used yet is not resident; a table that grows step
    /// by step would leave outgrown ones behind in the heap (measured: 12 bytes for each of 10,000 connections).
    pub fn with_room(connections: usize) -> Self {
        Table {
            slots: Vec::with_capacity(connections),
            generations: Vec::with_capacity(connections),
            cold: Vec::with_capacity(connections),
            ..Table::default()
        }
    }

    /// Connections at this time.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len() - self.retired
    }

    /// Slots, taken or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    pub fn insert(&mut self, connection: Connection, peer: Peer) -> u32 {
        let standing = connection.standing();
        self.counts[standing as usize] += 1;
        let cold = Cold::new(peer, standing);
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(connection);
                self.cold[slot as usize] = cold;
                slot
            }
            None => {
                self.slots.push(Some(connection));
                self.generations.push(0);
                self.cold.push(cold);
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Frees a slot. Ids of its tenant reach nobody from now on.
    pub fn remove(&mut self, slot: u32) {
        let at = slot as usize;
        if self.slots[at].take().is_none() {
            return;
        }
        self.counts[self.cold[at].standing as usize] -= 1;
        let path = std::mem::replace(&mut self.cold[at].path, NO_PATH);
        self.paths.release(path);
        match self.generations[at].checked_add(1) {
            Some(next) => {
                self.generations[at] = next;
                self.free.push(slot);
            }
            // No id is ever used again: that costs a slot after 4,294,967,296 tenants.
            None => self.retired += 1,
        }
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The slot of a connection that is still here.
    #[inline]
    pub fn find(&self, id: ConnectionId) -> Option<u32> {
        (self.is_current(id) && self.get(id.slot).is_some()).then_some(id.slot)
    }

    /// Whether no later connection has taken the slot of this one.
    #[inline]
    pub fn is_current(&self, id: ConnectionId) -> bool {
        self.generations.get(id.slot as usize) == Some(&id.generation)
    }

    /// The slot of a connection whose WebSocket is open.
    #[inline]
    pub fn find_open(&self, id: ConnectionId) -> Option<u32> {
        self.find(id).filter(|slot| self.get(*slot).is_some_and(Connection::is_open))
    }

    pub fn id(&self, slot: u32) -> ConnectionId {
        ConnectionId { slot, generation: self.generations.get(slot as usize).copied().unwrap_or(u32::MAX) }
    }

    /// Connections with this standing.
    pub fn count(&self, standing: Standing) -> usize {
        self.counts[standing as usize]
    }

    /// Counts a connection anew, since its standing may have changed.
    pub fn recount(&mut self, slot: u32) {
        let Some(now) = self.get(slot).map(Connection::standing) else { return };
        let before = std::mem::replace(&mut self.cold[slot as usize].standing, now);
        self.counts[before as usize] -= 1;
        self.counts[now as usize] += 1;
    }

    /// Each connection is counted by the standing that it has.
    #[cfg(any(test, fuzzing))]
    pub fn assert_counts(&self) {
        let mut counts = [0; 4];
        self.iter().for_each(|(_, connection)| counts[connection.standing() as usize] += 1);
        assert_eq!(self.counts, counts, "connections by their standing");
    }

    pub fn peer(&self, slot: u32) -> Peer {
        self.cold.get(slot as usize).map_or(Peer::Gone, Cold::peer)
    }

    pub fn set_peer(&mut self, slot: u32, peer: Peer) {
        let cold = &mut self.cold[slot as usize];
        *cold = Cold { path: cold.path, ..Cold::new(peer, cold.standing) };
    }

    pub fn path(&self, slot: u32) -> &str {
        self.paths.get(self.cold[slot as usize].path)
    }

    /// The name, shared with the connection's path if that is the same.
    pub fn share_path(&self, slot: u32, name: &str) -> Rc<str> {
        self.paths.share(self.cold.get(slot as usize).map_or(NO_PATH, |cold| cold.path), name)
    }

    pub fn set_path(&mut self, slot: u32, path: &str) {
        if self.path(slot) == path {
            return;
        }
        let key = self.paths.acquire(path);
        let old = std::mem::replace(&mut self.cold[slot as usize].path, key);
        self.paths.release(old);
    }

    /// Heap bytes of the table of paths, by capacity, without the paths themselves.
    #[cfg(test)]
    pub fn held_by_paths(&self) -> usize {
        self.paths.held()
    }

    /// Different paths.
    #[cfg(test)]
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// All connections, with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Connection)> {
        let taken = |(slot, connection): (usize, _)| Some((slot as u32, Option::as_ref(connection)?));
        self.slots.iter().enumerate().filter_map(taken)
    }

    /// The slots of the connections of which something is true.
    pub fn slots_where(&self, is_wanted: impl Fn(&Connection) -> bool) -> Vec<u32> {
        self.iter().filter(|(_, connection)| is_wanted(connection)).map(|(slot, _)| slot).collect()
    }
}

impl Cold {
    fn new(peer: Peer, standing: Standing) -> Self {
        let (ip, port, kind) = match peer {
            Peer::Tcp(SocketAddr::V4(address)) => (address.ip().to_ipv6_mapped(), address.port(), PeerKind::V4),
            Peer::Tcp(SocketAddr::V6(address)) => (*address.ip(), address.port(), PeerKind::V6),
            Peer::Unix | Peer::Gone => (Ipv6Addr::UNSPECIFIED, 0, PeerKind::Unix),
        };
        Cold { ip: ip.octets(), path: NO_PATH, port, kind, standing }
    }

    fn peer(&self) -> Peer {
        let ip = Ipv6Addr::from(self.ip);
        match self.kind {
            PeerKind::V4 => Peer::Tcp((ip.to_canonical(), self.port).into()),
            PeerKind::V6 => Peer::Tcp((IpAddr::V6(ip), self.port).into()),
            PeerKind::Unix => Peer::Unix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::connection::entrance::Entrance;
    use crate::server::types::config::Config;
    use crate::server::types::env::Env;
    use std::sync::Arc;
    use std::time::Instant;

    fn insert(table: &mut Table, peer: Peer) -> u32 {
        let env = Env::new(Config::default(), Arc::default(), Instant::now());
        table.insert(Connection::new(0, Entrance::new(false, &env), &env), peer)
    }

    #[test]
    fn a_stale_id_finds_nobody_after_its_slot_was_used_again() {
        let mut table = Table::default();
        let first = insert(&mut table, Peer::Unix);
        let stale = table.id(first);
        table.remove(first);
        assert_eq!(table.find(stale), None);
        assert_eq!(insert(&mut table, Peer::Unix), first, "the slot is used again");
        assert_eq!(table.find(stale), None);
        assert_eq!(table.find(table.id(first)), Some(first));
        assert_eq!(table.find(ConnectionId::NOBODY), None);
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut table = Table::default();
        let slot = insert(&mut table, Peer::Unix);
        table.generations[slot as usize] = u32::MAX - 1;
        table.remove(slot);
        assert_eq!(insert(&mut table, Peer::Unix), slot);
        let last = table.id(slot);
        assert_eq!(last.generation, u32::MAX);
        table.remove(slot);
        assert_eq!((table.len(), table.find(last)), (0, None));
        assert_eq!(insert(&mut table, Peer::Unix), slot + 1);
        assert_eq!((table.len(), table.find(last), table.slots_where(|_| true)), (1, None, vec![slot + 1]));
    }

    #[test]
    fn peers_come_back_as_they_were() {
        let mut table = Table::default();
        for peer in ["127.0.0.1:80", "[::1]:8080", "[::ffff:1.2.3.4]:5", "[2001:db8::7]:65535"] {
            let peer = Peer::Tcp(peer.parse().unwrap());
            let slot = insert(&mut table, peer);
            assert_eq!(table.peer(slot), peer);
        }
        let slot = insert(&mut table, Peer::Unix);
        assert_eq!(table.peer(slot), Peer::Unix);
    }

    #[test]
    fn a_path_is_stored_once_and_goes_with_its_last_connection() {
        let mut table = Table::default();
        let slots = [0; 3].map(|_| insert(&mut table, Peer::Unix));
        for slot in slots {
            table.set_path(slot, "/rooms/1");
        }
        table.set_path(slots[1], "/rooms/2");
        assert_eq!(table.path(slots[0]), "/rooms/1");
        assert_eq!(table.path(slots[1]), "/rooms/2");
        assert_eq!(table.paths.len(), 2);
        for slot in slots {
            table.remove(slot);
        }
        assert_eq!(table.paths.len(), 0);
    }

    #[test]
    fn connections_are_counted_by_their_standing() {
        let mut table = Table::default();
        let slots = [0; 2].map(|_| insert(&mut table, Peer::Unix));
        assert_eq!(table.count(Standing::Unfinished), 2);
        table.get_mut(slots[0]).unwrap().entrance().unwrap().no_room =
            Some(crate::server::connection::entrance::NoRoom::Server);
        table.recount(slots[0]);
        table.get_mut(slots[1]).unwrap().entrance().unwrap().served = 1;
        table.recount(slots[1]);
        let counts = [Standing::Unfinished, Standing::Reserve, Standing::Idle].map(|it| table.count(it));
        assert_eq!(counts, [0, 1, 1]);
        table.remove(slots[0]);
        assert_eq!((table.count(Standing::Reserve), table.len()), (0, 1));
    }

    #[test]
    fn the_entries_beside_a_slot_are_small() {
        assert!(size_of::<Cold>() <= 24, "{}", size_of::<Cold>());
    }
}
