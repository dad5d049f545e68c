//! The clients: their number, the times at which they act, and the loop that serves their sockets. Their behaviour is
//! in
//! `conduct.rs`.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::conduct::End;
use super::flavour::{self, Flavour};
use super::peer::{Peer, Phase, Role};
use super::room::Room;

/// The number of clients of each kind. With the bystander, there are 2,000.
const POPULATION: [(Role, usize); 17] = [
    (Role::Publisher(0), 1),
    (Role::Publisher(1), 1),
    (Role::Subscriber(0), 1801),
    (Role::Subscriber(1), 30),
    (Role::Slow(1), 30),
    (Role::Resetter(0), 20),
    (Role::Resetter(1), 20),
    (Role::Flood(0), 2),
    (Role::Flood(1), 2),
    (Role::Flood(2), 2),
    (Role::Flood(3), 2),
    (Role::Flood(4), 2),
    (Role::Flood(5), 2),
    (Role::Deaf(1), 2),
    (Role::Deaf(3), 2),
    (Role::Violator(0), 20),
    (Role::Dawdler, 60),
];
pub const CLIENTS: usize = 1999;
/// The most connections opened in one tick.
const OPENED: usize = 30;
const TICK: Duration = Duration::from_millis(10);
/// The length of a phase of floods, and the time from the start of one to the start of the next.
const FLOOD: Duration = Duration::from_secs(5);
const FLOOD_EVERY: Duration = Duration::from_secs(17);
/// The time between two messages in each room, in milliseconds.
const PUBLISHED_EVERY: [u64; 2] = [100, 50];
/// The most messages that a publisher may have sent and no member received.
const UNHEARD: u64 = 4;
/// The time allowed for an opening or closing handshake; twice as much for all clients to get the last message and
/// leave.
const PATIENCE: Duration = Duration::from_secs(30);

/// Figures that are read during the run.
#[derive(Default)]
pub struct Live {
    pub clients: AtomicU64,
    pub opened: AtomicU64,
    pub messages: AtomicU64,
    pub bytes_in: AtomicU64,
    /// Set when the run is to end.
    pub over: AtomicBool,
}

/// Counts of events, and the failures.
#[derive(Default)]
pub struct Tally {
    pub counts: BTreeMap<String, u64>,
    pub failures: Vec<String>,
}

impl Tally {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }
}

pub struct Crowd<'a> {
    pub(super) peers: Slab<Peer>,
    pub(super) rooms: [Room; 2],
    pub(super) flavours: Vec<Flavour>,
    pub(super) violations: Vec<(Vec<u8>, u16)>,
    pub(super) tally: Tally,
    pub(super) live: &'a Live,
    pub(super) now: Instant,
    /// The clients to serve again without an event.
    pub(super) again: Vec<usize>,
    /// Whether the run ends: clients leave when they have received the last message, and no new ones come.
    pub(super) is_ending: bool,
    pub(super) buffer: Vec<u8>,
    addr: SocketAddr,
    poll: Poll,
    /// The number of clients in each line of `POPULATION`, and the line of each client.
    alive: [usize; POPULATION.len()],
    groups: Vec<usize>,
    start: Instant,
    published: [u64; 2],
    random: u64,
}

impl<'a> Crowd<'a> {
    pub fn new(addr: SocketAddr, live: &'a Live) -> io::Result<Self> {
        assert_eq!(POPULATION.iter().map(|(_, count)| count).sum::<usize>(), CLIENTS);
        let large = |_| 65_000;
        let small = |number: u64| if number % 50 == 49 { 16 * 1024 } else { (number * 37 % 1000) as usize };
        Ok(Crowd {
            peers: Slab::new(),
            rooms: [Room::new("/broadcast", small), Room::new("/relay", large)],
            flavours: Flavour::all(),
            violations: flavour::violations(),
            tally: Tally::default(),
            live,
            now: Instant::now(),
            again: Vec::new(),
            is_ending: false,
            buffer: vec![0; 64 * 1024],
            addr,
            poll: Poll::new()?,
            alive: [0; POPULATION.len()],
            groups: Vec::new(),
            start: Instant::now(),
            published: [0; 2],
            random: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// Runs for `time`, then lets all clients leave with a closing handshake.
    pub fn run(mut self, time: Duration) -> io::Result<Tally> {
        let mut events = Events::with_capacity(1024);
        let (mut ticked, mut ending) = (self.start, None);
        while !self.live.over.load(Ordering::Relaxed) {
            let wait = if self.again.is_empty() { TICK } else { Duration::ZERO };
            self.poll.poll(&mut events, Some(wait))?;
            self.now = Instant::now();
            let again = std::mem::take(&mut self.again);
            let mut keys: Vec<_> = events.iter().map(|event| event.token().0).chain(again).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                self.serve(key);
            }
            if self.now - ticked < TICK {
                continue;
            }
            ticked = self.now;
            if self.now - self.start < time {
                self.publish();
                self.fill()?;
            } else if self.end(ending.get_or_insert(self.now)) {
                break;
            }
            self.act();
        }
        self.count_published();
        Ok(self.tally)
    }

    /// Ends the run: from now on clients leave. Returns whether all have left.
    fn end(&mut self, since: &Instant) -> bool {
        self.is_ending = true;
        let is_late = self.now - *since > 2 * PATIENCE;
        for (_, peer) in self.peers.iter().filter(|_| is_late) {
            self.tally.failures.push(format!("could not leave: {peer:?}"));
        }
        is_late || self.peers.is_empty()
    }

    fn count_published(&mut self) {
        for room in &self.rooms {
            self.tally.counts.insert(format!("published at {}", room.path), room.next);
        }
    }

    fn publish(&mut self) {
        let elapsed = (self.now - self.start).as_millis() as u64;
        for (index, every) in PUBLISHED_EVERY.into_iter().enumerate() {
            let is_publisher = |peer: &Peer| peer.role == Role::Publisher(index) && peer.phase == Phase::Open;
            let Some((key, _)) = self.peers.iter().find(|(_, peer)| is_publisher(peer)) else { continue };
            // A publisher that sent more before its last messages were received would flood the slowest member.
            let Room { next, heard, has_listeners, .. } = self.rooms[index];
            if has_listeners && next < heard + UNHEARD && elapsed / every > self.published[index] {
                self.published[index] = elapsed / every;
                let frame = self.rooms[index].publish();
                let said = self.peers[key].say(&frame);
                self.settle(key, said.map(|()| false).map_err(End::Io));
            }
        }
    }

    /// Opens connections for missing clients.
    fn fill(&mut self) -> io::Result<()> {
        let mut most = OPENED;
        for (group, (role, count)) in POPULATION.into_iter().enumerate() {
            while self.alive[group] < count && most > 0 {
                most -= 1;
                self.open(group, role)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, group: usize, role: Role) -> io::Result<()> {
        let role = if let Role::Violator(_) = role { Role::Violator(self.below(self.violations.len())) } else { role };
        // The time until the client acts, in milliseconds.
        let until = match role {
            Role::Publisher(_) => u64::MAX >> 20,
            Role::Subscriber(_) => self.below(80_000) as u64,
            Role::Flood(_) => 10_000 + self.below(40_000) as u64,
            Role::Dawdler => self.below(20_000) as u64,
            Role::Slow(_) | Role::Resetter(_) | Role::Deaf(_) | Role::Violator(_) => self.below(2000) as u64,
        };
        let act_at = self.now + Duration::from_millis(until);
        let mut peer = Peer::connect(self.addr, role, act_at, self.now)?;
        if let Role::Slow(_) | Role::Deaf(_) = role {
            peer.take_little()?;
        }
        let entry = self.peers.vacant_entry();
        let key = entry.key();
        self.poll.registry().register(&mut peer.stream, Token(key), Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(peer);
        self.groups.resize(self.groups.len().max(key + 1), 0);
        self.groups[key] = group;
        self.alive[group] += 1;
        self.live.opened.fetch_add(1, Ordering::Relaxed);
        self.live.clients.fetch_add(1, Ordering::Relaxed);
        self.greet(key);
        Ok(())
    }

    /// Removes a client from the list.
    pub(super) fn remove(&mut self, key: usize) -> Peer {
        self.alive[self.groups[key]] -= 1;
        self.live.clients.fetch_sub(1, Ordering::Relaxed);
        self.peers.remove(key)
    }

    /// Lets each client act whose time has come.
    fn act(&mut self) {
        let keys: Vec<_> = self.peers.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(peer) = self.peers.get(key) else { continue };
            let is_open = peer.phase == Phase::Open;
            if !is_open && self.now - peer.since > PATIENCE {
                let what = format!("waited for more than {PATIENCE:?}: {peer:?}");
                self.settle(key, Err(End::Wrong(what)));
            } else if self.is_ending && (is_open || peer.role == Role::Dawdler) {
                self.leave(key);
            } else if peer.act_at <= self.now || matches!(peer.role, Role::Flood(_)) {
                self.do_its_part(key);
            }
        }
    }

    pub(super) fn fail(&mut self, what: String) {
        let failure = format!("at {:.1} s: {what}", (self.now - self.start).as_secs_f64());
        self.tally.failures.push(failure);
    }

    /// Whether this is a phase of floods.
    pub(super) fn is_flooding(&self) -> bool {
        let elapsed = (self.now - self.start).as_millis() % FLOOD_EVERY.as_millis();
        !self.is_ending && elapsed >= (FLOOD_EVERY - FLOOD).as_millis()
    }

    /// A random number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) as usize % end
    }
}
