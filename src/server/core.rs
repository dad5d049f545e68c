//! What handlers' contexts and the loop share: everything about the connections but their sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::compression::Compressor;
use super::config::Config;
use super::handle::Handle;
use super::handler::{ConnectionId, Error};
use super::log_limit::LogLimit;
use super::outbox::{Delivery, Outbox, Post};
use super::session::{Flags, Membership, Phase, Rate, Tick};
use super::sessions::Sessions;
use super::shared_bytes::Account;
use super::stats::Stats;
use super::timers::Timers;
use super::topics::{TopicKey, Topics};
use crate::protocol::Limits;

/// Connections that the tables have room for from the start, if so many are allowed.
pub(crate) const ROOM: usize = 1 << 16;

/// A deadline further ahead could not be reckoned with, and is never reached.
pub(crate) const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(crate) struct Core {
    pub config: Config,
    pub limits: Arc<Limits>,
    pub handle: Handle,
    pub stats: Arc<Stats>,
    pub sessions: Sessions,
    pub outbox: Outbox,
    pub compressor: Compressor,
    pub topics: Topics,
    pub timers: Timers,
    /// The topic of each mount.
    pub mount_topics: Vec<TopicKey>,
    /// The path that each mount was given.
    pub mount_paths: Vec<Box<str>>,
    /// Bytes that connections hold alone, as last accounted for; and those that queues share.
    pub held: usize,
    pub shared: Account,
    pub log_limit: LogLimit,
    /// When the current turn's events came.
    pub now: Instant,
    /// When connections are looked at next for deadlines, if any has one.
    pub next_sweep: Option<Instant>,
    tick: Tick,
    start: Instant,
}

impl Core {
    pub fn new(config: Config, handle: Handle, stats: Arc<Stats>, now: Instant) -> Self {
        Core {
            limits: Arc::new(config.limits()),
            sessions: Sessions::with_room(config.max_connections.min(ROOM)),
            compressor: Compressor::new(config.deflate),
            config,
            handle,
            stats,
            outbox: Outbox::default(),
            topics: Topics::default(),
            timers: Timers::default(),
            mount_topics: Vec::new(),
            mount_paths: Vec::new(),
            held: 0,
            shared: Account::default(),
            log_limit: LogLimit::default(),
            now,
            next_sweep: None,
            tick: Tick(0),
            start: now,
        }
    }

    pub fn add_mount(&mut self, path: &str) {
        let topic = self.topics.add_mount();
        self.mount_topics.push(topic);
        self.mount_paths.push(path.into());
    }

    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
        // Wraps on purpose; see `Tick`.
        self.tick = Tick(now.duration_since(self.start).as_millis() as u32);
    }

    /// `now`, for the coarse deadlines of connections.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// How late a deadline that was set so far ahead may be noticed: it lets one look find several.
    pub fn slack(span: Duration) -> Duration {
        (span / 4).clamp(Duration::from_millis(10), Duration::from_millis(200))
    }

    /// A deadline was set, so far ahead: connections are looked at when it is over.
    pub fn look_after(&mut self, span: Duration) {
        // Further ahead than what a tick can reckon with is never.
        let millis = Duration::from_millis(Self::millis(span).into());
        self.look_by(self.now + millis + Self::slack(span));
    }

    /// Connections are looked at by then.
    pub fn look_by(&mut self, at: Instant) {
        self.next_sweep = Some(self.next_sweep.map_or(at, |next| next.min(at)));
    }

    /// Makes an accepted connection a member of its mount.
    pub fn join_mount(&mut self, slot: u32, mount: u16) {
        let position = self.topics.join(self.mount_topics[usize::from(mount)], slot);
        let session = &mut self.sessions[slot];
        session.mount = mount;
        session.member = position;
        self.sessions.set_phase(slot, Phase::Open);
        self.skip_posts(slot);
    }

    /// Ends all memberships of a connection.
    pub fn leave_all(&mut self, slot: u32) {
        let (mount, member) = (self.sessions[slot].mount, self.sessions[slot].member);
        if let Some(moved) = self.topics.leave(self.mount_topics[usize::from(mount)], member) {
            self.sessions[moved].member = member;
        }
        let memberships = self.sessions[slot].rare.as_mut().map(|rare| std::mem::take(&mut rare.memberships));
        for membership in memberships.unwrap_or_default() {
            self.leave(membership);
        }
    }

    /// Counts a message where their rate is limited. Whether it may be handled; if not, the connection is failed.
    #[cold]
    pub fn note_message(&mut self, id: ConnectionId) -> bool {
        let (tick, limit) = (self.tick(), self.config.max_message_rate);
        let rate = self.sessions[id.slot].rare().rate.get_or_insert(Rate { since: tick, messages: 0 });
        if tick.since(rate.since) >= 1000 {
            *rate = Rate { since: tick, messages: 0 };
        }
        rate.messages += 1;
        let is_new = rate.messages == 1;
        let is_allowed = rate.messages <= limit;
        if is_new {
            self.look_after(Duration::from_secs(1));
        }
        if !is_allowed {
            self.settle_posts_for(id);
            self.outbox.fail(id, Error::TooManyMessages);
        }
        is_allowed
    }

    /// Subscribes a connection to a topic; again is no change.
    pub fn subscribe(&mut self, slot: u32, name: &str) {
        self.settle_posts(slot);
        let topic = self.topics.key_or_insert(name);
        let memberships = &mut self.sessions[slot].rare().memberships;
        if let Err(at) = find(memberships, topic) {
            let position = self.topics.join(topic, slot);
            memberships.insert(at, Membership { topic, position });
        }
    }

    pub fn unsubscribe(&mut self, slot: u32, name: &str) {
        self.settle_posts(slot);
        let Some(topic) = self.topics.key(name) else { return };
        let Some(rare) = self.sessions[slot].rare.as_mut() else { return };
        if let Ok(at) = find(&rare.memberships, topic) {
            let membership = rare.memberships.remove(at);
            self.leave(membership);
        }
        self.sessions[slot].shrink();
    }

    fn leave(&mut self, left: Membership) {
        let Some(moved) = self.topics.leave(left.topic, left.position) else { return };
        if let Some(rare) = self.sessions[moved].rare.as_mut()
            && let Ok(at) = find(&rare.memberships, left.topic)
        {
            rare.memberships[at].position = left.position;
        }
    }

    /// Copies what the turn's posts hold for a connection so far to its replies, so that what is said to it next, or a
    /// change of what it subscribes to, comes after them.
    #[inline]
    pub fn settle_posts(&mut self, slot: u32) {
        if !self.outbox.posts.log.is_empty() {
            let mut copy = Vec::new();
            self.take_posts(slot, &mut copy);
            if !copy.is_empty() {
                let start = self.outbox.replies.len();
                self.outbox.replies.extend_from_slice(&copy);
                self.outbox.note_reply(self.sessions.id(slot), start);
            }
        }
    }

    /// The same for a connection that may have left: before anything is recorded about it.
    #[inline]
    pub fn settle_posts_for(&mut self, id: ConnectionId) {
        if !self.outbox.posts.log.is_empty()
            && let Some(slot) = self.find_open(id)
        {
            self.settle_posts(slot);
        }
    }

    /// Appends the posts that a connection has yet to get to `output`, and marks them as seen. Returns where the newest
    /// begins there.
    pub fn take_posts(&mut self, slot: u32, output: &mut Vec<u8>) -> usize {
        let id = self.sessions.id(slot);
        let seen = self.sessions[slot].posts_seen as usize;
        let mut newest = output.len();
        for at in seen..self.outbox.posts.log.len() {
            let Some(&Post { topic, except, .. }) = self.outbox.posts.log.get(at) else { break };
            if except != Some(id) && self.is_member(slot, topic) {
                newest = output.len();
                self.append_post(slot, at, output);
            }
        }
        self.skip_posts(slot);
        newest
    }

    /// Appends who has yet to get one of the turn's posts.
    pub fn list_deliveries(&self, post: usize, deliveries: &mut Vec<Delivery>) {
        let Some(Post { topic, except, .. }) = self.outbox.posts.log.get(post) else { return };
        let post = post as u32;
        let gets = |slot: &u32| self.sessions[*slot].posts_seen <= post && *except != Some(self.sessions.id(*slot));
        let members = self.topics.members(*topic).iter().copied().filter(gets);
        deliveries.extend(members.map(|slot| Delivery { slot, post }));
    }

    /// Brings the account of what a connection holds up to date, and gives back what it no longer needs.
    #[inline]
    pub fn account(&mut self, slot: u32) {
        if self.sessions[slot].rare.is_some() {
            self.account_rare(slot);
        }
    }

    fn account_rare(&mut self, slot: u32) {
        let session = &mut self.sessions[slot];
        let (buffered, inflater) = match &session.connection {
            Some(connection) => (connection.buffered(), connection.inflater()),
            None => (0, 0),
        };
        if session.rare.is_none() && buffered == 0 {
            return;
        }
        let rare = session.rare.get_or_insert_default();
        let compressor = rare.compressor.as_ref().map_or(0, |own| own.held());
        let head = rare.head.as_ref().map_or(0, |head| head.bytes.capacity());
        let contexts = (inflater + compressor).max(rare.reserved);
        let held = rare.queue.held() + rare.backlog.bytes.capacity() + head + (buffered - inflater) + contexts;
        self.held = self.held + held - rare.accounted;
        rare.accounted = held;
        session.shrink();
    }

    /// Bytes that all connections together are owed, or have sent half a message or request of.
    pub fn memory(&self) -> usize {
        self.held + self.shared.get()
    }

    /// Whether contexts of so many bytes may be promised: half of what may be held is left for messages.
    pub fn has_room_for_contexts(&self, bytes: usize) -> bool {
        bytes <= (self.config.max_memory / 2).saturating_sub(self.memory())
    }

    /// Counts contexts of a connection from now on, so that nobody has to go once they are there.
    pub fn reserve(&mut self, slot: u32, bytes: usize) {
        if bytes > 0 {
            self.sessions[slot].rare().reserved = bytes;
            self.account(slot);
        }
    }

    /// Whether so little of what may be held is left that nobody new is let in.
    pub fn is_short_of_memory(&self) -> bool {
        let most = self.config.max_memory;
        self.memory() > most - most / 16
    }

    /// Marks all posts of the turn so far as seen by a connection.
    pub fn skip_posts(&mut self, slot: u32) {
        let Outbox { posts, .. } = &mut self.outbox;
        if !posts.log.is_empty() {
            let session = &mut self.sessions[slot];
            session.posts_seen = posts.log.len() as u32;
            posts.special(slot, &mut session.flags);
        }
    }

    /// Forgets the turn's posts, which all have been delivered.
    pub fn clear_posts(&mut self) {
        for slot in self.outbox.posts.specials.drain(..) {
            let session = &mut self.sessions[slot];
            session.posts_seen = 0;
            session.flags.clear(Flags::SPECIAL);
        }
        self.outbox.posts.clear();
        self.compressor.clear_posts();
    }

    /// Whether a connection gets what is posted to a topic.
    pub fn is_member(&self, slot: u32, topic: TopicKey) -> bool {
        let session = &self.sessions[slot];
        self.mount_topics.get(usize::from(session.mount)) == Some(&topic)
            || session.rare.as_ref().is_some_and(|rare| find(&rare.memberships, topic).is_ok())
    }

    /// The slot of a connection that is open.
    pub fn find_open(&self, id: ConnectionId) -> Option<u32> {
        self.sessions.find(id).filter(|&slot| self.sessions[slot].phase == Phase::Open)
    }

    pub fn millis(duration: Duration) -> u32 {
        u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
    }
}

/// The place of a topic's membership, or where it would have it.
fn find(memberships: &[Membership], topic: TopicKey) -> Result<usize, usize> {
    memberships.binary_search_by_key(&topic, |membership| membership.topic)
}
