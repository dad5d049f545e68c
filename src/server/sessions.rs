//! The connection table: a slot for each connection, used again only in a later turn, with a generation that tells
//! its tenants apart. What is rarely looked at lies beside the slots, so that these stay dense.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::{Index, IndexMut};
use std::rc::Rc;

use slab::Slab;

use super::handler::{ConnectionId, Peer};
use super::session::{Phase, Session};

#[derive(Default)]
pub(crate) struct Sessions {
    slots: Vec<Session>,
    cold: Vec<Cold>,
    free: Vec<u32>,
    /// Slots that are not used again.
    retired: usize,
    paths: Paths,
    /// Connections whose opening handshake is not over.
    unfinished: usize,
}

/// What is looked at when somebody asks for it.
struct Cold {
    peer: PackedPeer,
    /// Key into `paths`; `NO_PATH` before the request is known.
    path: u32,
}

const NO_PATH: u32 = u32::MAX;

impl Sessions {
    /// What a slot takes in the table.
    #[cfg(test)]
    pub const BYTES_PER_SLOT: usize = size_of::<Session>() + size_of::<Cold>();

    /// A table with room for so many connections. Memory that nobody has used yet is not resident; growing by and by
    /// would leave outgrown tables behind in the heap (measured: 12 bytes for each of 10,000 connections).
    pub fn with_room(connections: usize) -> Self {
        let (slots, cold) = (Vec::with_capacity(connections), Vec::with_capacity(connections));
        Sessions { slots, cold, ..Sessions::default() }
    }

    /// Connections at this time.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len() - self.retired
    }

    /// Slots, taken or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    pub fn insert(&mut self, peer: Peer) -> u32 {
        let cold = Cold { peer: PackedPeer::new(peer), path: NO_PATH };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.cold[slot as usize] = cold;
                slot
            }
            None => {
                self.slots.push(Session::new());
                self.cold.push(cold);
                (self.slots.len() - 1) as u32
            }
        };
        self.set_phase(slot, Phase::Handshake);
        slot
    }

    /// Connections whose opening handshake is not over.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub fn set_phase(&mut self, slot: u32, phase: Phase) {
        let is_unfinished = |phase| matches!(phase, Phase::Handshake | Phase::Waiting);
        let before = std::mem::replace(&mut self[slot].phase, phase);
        self.unfinished += usize::from(is_unfinished(phase));
        self.unfinished -= usize::from(is_unfinished(before));
    }

    /// Frees a slot; ids of its tenant reach nobody from now on.
    pub fn remove(&mut self, slot: u32) {
        let next = self[slot].generation.checked_add(1);
        self.set_phase(slot, Phase::Free);
        self[slot] = Session { generation: next.unwrap_or(u32::MAX), ..Session::new() };
        let path = std::mem::replace(&mut self.cold[slot as usize].path, NO_PATH);
        self.paths.release(path);
        match next {
            Some(_) => self.free.push(slot),
            // No id is ever used again: once in 4,294,967,296 tenants that costs a slot.
            None => self.retired += 1,
        }
    }

    /// The slot of a connection that is still here.
    pub fn find(&self, id: ConnectionId) -> Option<u32> {
        let session = self.slots.get(id.slot as usize)?;
        (session.generation == id.generation && session.phase != Phase::Free).then_some(id.slot)
    }

    pub fn id(&self, slot: u32) -> ConnectionId {
        self[slot].id(slot)
    }

    pub fn peer(&self, slot: u32) -> Peer {
        self.cold[slot as usize].peer.unpack()
    }

    pub fn set_peer(&mut self, slot: u32, peer: Peer) {
        self.cold[slot as usize].peer = PackedPeer::new(peer);
    }

    pub fn path(&self, slot: u32) -> &str {
        self.paths.get(self.cold[slot as usize].path)
    }

    pub fn set_path(&mut self, slot: u32, path: &str) {
        let key = self.paths.acquire(path);
        let old = std::mem::replace(&mut self.cold[slot as usize].path, key);
        self.paths.release(old);
    }

    /// All slots that are taken.
    pub fn taken(&self) -> impl Iterator<Item = u32> {
        let taken = |(slot, session): (usize, &Session)| (session.phase != Phase::Free).then_some(slot as u32);
        self.slots.iter().enumerate().filter_map(taken)
    }
}

impl Index<u32> for Sessions {
    type Output = Session;

    fn index(&self, slot: u32) -> &Session {
        &self.slots[slot as usize]
    }
}

impl IndexMut<u32> for Sessions {
    fn index_mut(&mut self, slot: u32) -> &mut Session {
        &mut self.slots[slot as usize]
    }
}

/// The paths of the connections, each kept once however many are on it.
#[derive(Default)]
struct Paths {
    keys: HashMap<Rc<str>, u32>,
    paths: Slab<(Rc<str>, u32)>,
}

impl Paths {
    fn get(&self, key: u32) -> &str {
        self.paths.get(key as usize).map_or("", |(path, _)| path)
    }

    fn acquire(&mut self, path: &str) -> u32 {
        if let Some(&key) = self.keys.get(path) {
            self.paths[key as usize].1 += 1;
            return key;
        }
        let path: Rc<str> = path.into();
        let key = self.paths.insert((Rc::clone(&path), 1)) as u32;
        self.keys.insert(path, key);
        key
    }

    fn release(&mut self, key: u32) {
        let Some((path, users)) = self.paths.get_mut(key as usize) else { return };
        *users -= 1;
        if *users == 0 {
            self.keys.remove(path);
            self.paths.remove(key as usize);
        }
    }
}

/// A [`Peer`] in 20 bytes instead of 32. The scope of a link-local IPv6 address is lost.
struct PackedPeer {
    /// An IPv4 address is kept as a mapped one.
    ip: [u8; 16],
    port: u16,
    kind: PeerKind,
}

#[derive(Clone, Copy)]
enum PeerKind {
    V4,
    V6,
    Unix,
}

impl PackedPeer {
    fn new(peer: Peer) -> Self {
        let (ip, port, kind) = match peer {
            Peer::Tcp(SocketAddr::V4(address)) => (address.ip().to_ipv6_mapped(), address.port(), PeerKind::V4),
            Peer::Tcp(SocketAddr::V6(address)) => (*address.ip(), address.port(), PeerKind::V6),
            Peer::Unix | Peer::Gone => (Ipv6Addr::UNSPECIFIED, 0, PeerKind::Unix),
        };
        PackedPeer { ip: ip.octets(), port, kind }
    }

    fn unpack(&self) -> Peer {
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

    #[test]
    fn a_stale_id_finds_nobody_after_its_slot_was_used_again() {
        let mut sessions = Sessions::default();
        let first = sessions.insert(Peer::Unix);
        let stale = sessions.id(first);
        sessions.remove(first);
        assert_eq!(sessions.find(stale), None);
        assert_eq!(sessions.insert(Peer::Unix), first, "the slot is used again");
        assert_eq!(sessions.find(stale), None);
        assert_eq!(sessions.find(sessions.id(first)), Some(first));
        assert_eq!(sessions.find(ConnectionId::NOBODY), None);
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut sessions = Sessions::default();
        let slot = sessions.insert(Peer::Unix);
        sessions[slot].generation = u32::MAX - 1;
        sessions.remove(slot);
        assert_eq!(sessions.insert(Peer::Unix), slot);
        let last = sessions.id(slot);
        assert_eq!(last.generation, u32::MAX);
        sessions.remove(slot);
        assert_eq!((sessions.len(), sessions.find(last)), (0, None));
        assert_eq!(sessions.insert(Peer::Unix), slot + 1);
        assert_eq!((sessions.len(), sessions.find(last), sessions.taken().collect()), (1, None, vec![slot + 1]));
    }

    #[test]
    fn peers_come_back_as_they_were() {
        let mut sessions = Sessions::default();
        for peer in ["127.0.0.1:80", "[::1]:8080", "[::ffff:1.2.3.4]:5", "[2001:db8::7]:65535"] {
            let peer = Peer::Tcp(peer.parse().unwrap());
            let slot = sessions.insert(peer);
            assert_eq!(sessions.peer(slot), peer);
        }
        let slot = sessions.insert(Peer::Unix);
        assert_eq!(sessions.peer(slot), Peer::Unix);
    }

    #[test]
    fn a_path_is_kept_once_and_goes_with_its_last_connection() {
        let mut sessions = Sessions::default();
        let slots = [0; 3].map(|_| sessions.insert(Peer::Unix));
        for slot in slots {
            sessions.set_path(slot, "/rooms/1");
        }
        sessions.set_path(slots[1], "/rooms/2");
        assert_eq!(sessions.path(slots[0]), "/rooms/1");
        assert_eq!(sessions.path(slots[1]), "/rooms/2");
        assert_eq!(sessions.paths.paths.len(), 2);
        for slot in slots {
            sessions.remove(slot);
        }
        assert_eq!(sessions.paths.paths.len(), 0);
        assert_eq!(sessions.paths.keys.len(), 0);
    }

    #[test]
    fn what_lies_beside_a_slot_is_small() {
        assert!(size_of::<Cold>() <= 24, "{}", size_of::<Cold>());
    }
}
