//! What is owed to peers, when their sockets take it: queues, and the turn's posts to topics.

use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;

use super::EventLoop;
use super::apply::Share;
use crate::server::compression::Sending;
use crate::server::core::Core;
use crate::server::handler::Error;
use crate::server::outbox::{Delivery, Posts};
use crate::server::poller::{Poller, Socket};
use crate::server::session::{Flags, Phase};
use crate::server::shared_bytes::SharedBytes;
use crate::server::topics::TopicKey;

/// Bytes of its queue that a connection is sent in a turn.
const BUDGET: usize = 256 * 1024;
/// Connections that are sent so much of their queues in a turn, so that it ends soon.
const FLUSHES: usize = 32;
/// Slices of one write.
const SLICES: usize = 32;
/// Deliveries, 8 bytes each, that are listed before they are made: so many where each is to many connections.
const DELIVERIES: usize = 256 * 1024;

impl<P: Poller> EventLoop<P> {
    /// The socket takes bytes again.
    pub(super) fn on_writable(&mut self, slot: u32) {
        let session = &mut self.core.sessions[slot];
        if session.flags.has(Flags::BLOCKED) {
            session.flags.clear(Flags::BLOCKED);
            self.flush(slot);
        }
    }

    /// Flushes the first of `waiting` queues that had more than the budget of a turn.
    pub(super) fn flush_marked(&mut self, waiting: usize) {
        for slot in self.flushes.drain(..waiting.min(FLUSHES)).collect::<Vec<_>>() {
            self.core.sessions[slot].flags.clear(Flags::FLUSH);
            self.flush(slot);
        }
    }

    /// Writes from the queue what the socket takes, within the budget.
    pub(super) fn flush(&mut self, slot: u32) {
        let tick = self.core.tick();
        let mut left = BUDGET;
        loop {
            let session = &mut self.core.sessions[slot];
            let Some(rare) = session.rare.as_deref_mut() else { break };
            if let Some(pong) = rare.pong.take() {
                rare.queue.push(&pong, 0);
            }
            if rare.queue.is_empty() {
                break;
            }
            if left == 0 {
                if session.flags.newly_set(Flags::FLUSH) {
                    self.flushes.push(slot);
                }
                break;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = rare.queue.next_slices(&mut slices, left);
            let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_mut) else { break };
            match socket.send_vectored(slices.get(..used).unwrap_or_default()) {
                Ok(n) => {
                    rare.queue.advance(n);
                    left -= n;
                    // A peer that takes bytes is alive, and may not be read from meanwhile.
                    rare.progress = tick;
                    session.heard = tick;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    session.flags.set(Flags::BLOCKED);
                    break;
                }
                Err(error) => return self.fail(slot, Error::Io(error)),
            }
        }
        self.after_flush(slot);
    }

    /// The queue may have become short enough to read on, or empty.
    pub(super) fn after_flush(&mut self, slot: u32) {
        self.core.account(slot);
        let low_water = self.core.config.low_water;
        let session = &mut self.core.sessions[slot];
        let queued = session.queued();
        if queued > low_water {
            return;
        }
        if let Some(rare) = session.rare.as_deref_mut()
            && std::mem::take(&mut rare.high)
            && session.phase == Phase::Open
        {
            self.drains.push(slot);
        }
        session.flags.clear(Flags::PAUSED);
        session.shrink();
        if session.phase == Phase::Draining && queued == 0 {
            self.finish(slot);
        }
        self.serve_later(slot);
    }

    /// Closes those who hold the most until all together hold no more than they may.
    pub(super) fn keep_within_memory(&mut self) {
        while self.core.memory() > self.core.config.max_memory {
            let sessions = &self.core.sessions;
            let owed = |slot: &u32| {
                let rare = sessions[*slot].rare.as_ref();
                // What was promised to a connection is no debt of its peer's.
                rare.map_or(0, |rare| rare.accounted.saturating_sub(rare.reserved) + rare.queue.len())
            };
            let alive = |slot: &u32| sessions[*slot].phase != Phase::Dead;
            let Some(slot) = sessions.taken().filter(alive).max_by_key(owed).filter(|slot| owed(slot) > 0) else {
                return;
            };
            self.fail(slot, Error::TooMuchMemory);
        }
    }

    /// Delivers posts early when there are many.
    #[inline]
    pub(super) fn flush_many_posts(&mut self) {
        if self.core.outbox.posts.has_many() {
            // What was said to members before leaves before.
            self.apply();
            self.flush_posts();
        }
    }

    /// Delivers the turn's posts: to most members as one piece of memory, shared with the queues of those who cannot
    /// take all of it.
    pub(super) fn flush_posts(&mut self) {
        let log = &self.core.outbox.posts.log;
        let Some(first) = log.first() else { return };
        if log.iter().all(|post| post.topic == first.topic) {
            self.deliver_topic(first.topic);
        } else {
            // Only who gets something is looked at, and for that alone, however many topics and posts there are.
            let mut deliveries = Vec::new();
            for post in 0..log.len() {
                self.core.list_deliveries(post, &mut deliveries);
                if deliveries.len() >= DELIVERIES {
                    self.deliver(&mut deliveries);
                }
            }
            self.deliver(&mut deliveries);
        }
        self.core.clear_posts();
    }

    /// Delivers posts that are all to one topic.
    fn deliver_topic(&mut self, topic: TopicKey) {
        let newest = self.core.outbox.posts.log.last().map_or(0, |post| post.bytes.start);
        let posts = Rc::clone(&self.core.outbox.posts.bytes);
        let share = Share::new(&posts, 0..posts.len(), newest);
        // From the end: when a member fails and leaves, one that has been served takes its place.
        for at in (0..self.core.topics.members(topic).len()).rev() {
            let Some(&slot) = self.core.topics.members(topic).get(at) else { continue };
            if self.core.sessions[slot].flags.has(Flags::SPECIAL) {
                self.send_own_posts(slot);
            } else if let Some(sending) = self.core.sessions[slot].sending {
                self.send_compressed_posts(slot, sending);
            } else {
                self.send_posts(slot, &share);
            }
        }
    }

    /// Makes deliveries, all to one connection at once.
    fn deliver(&mut self, deliveries: &mut Vec<Delivery>) {
        deliveries.sort_unstable();
        for to_one in deliveries.chunk_by(|one, next| one.slot == next.slot) {
            let (Some(first), Some(last)) = (to_one.first(), to_one.last()) else { continue };
            let slot = first.slot;
            let Posts { bytes: posts, log, .. } = &self.core.outbox.posts;
            let place = |delivery: &Delivery| log.get(delivery.post as usize).map_or(0..0, |post| post.bytes.clone());
            let (all, newest) = (place(first).start..place(last).end, place(last).start);
            let is_one_piece = to_one.iter().map(|delivery| place(delivery).len()).sum::<usize>() == all.len();
            if is_one_piece && self.core.sessions[slot].sending.is_none() {
                let posts = Rc::clone(posts);
                self.send_posts(slot, &Share::new(&posts, all, newest));
            } else {
                let (mut own, mut newest) = (Vec::new(), 0);
                for delivery in to_one {
                    newest = own.len();
                    self.core.append_post(slot, delivery.post as usize, &mut own);
                }
                let own = Rc::new(SharedBytes::new(own));
                self.send_posts(slot, &Share::new(&own, 0..own.len(), newest));
            }
        }
        deliveries.clear();
    }

    /// Delivers the turn's posts, all of which concern a member, compressed.
    fn send_compressed_posts(&mut self, slot: u32, sending: Sending) {
        if !sending.is_shared() {
            return self.send_own_posts(slot);
        }
        let Core { compressor, outbox, stats, .. } = &mut self.core;
        let (posts, newest) = compressor.posts(sending, &outbox.posts, stats);
        self.send_posts(slot, &Share::new(&posts, 0..posts.len(), newest));
    }

    /// Delivers those of the turn's posts that a member has yet to get.
    pub(super) fn send_own_posts(&mut self, slot: u32) {
        let mut posts = Vec::new();
        let newest = self.core.take_posts(slot, &mut posts);
        if !posts.is_empty() {
            let posts = Rc::new(SharedBytes::new(posts));
            self.send_posts(slot, &Share::new(&posts, 0..posts.len(), newest));
        }
    }
}
