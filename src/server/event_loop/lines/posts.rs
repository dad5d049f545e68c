//! Delivers a turn's posts: to most members as one piece of memory, shared with the queues of those that cannot take all of
//! it at once.

use std::rc::Rc;

use super::{Line, Lines};
use crate::server::connection::output::Sent;
use crate::server::connection::output::parts::Share;
use crate::server::connection::websocket::Sending;
use crate::server::shared::Shared;
use crate::server::shared::posts::Delivery;
use crate::server::transport::Socket;
use crate::server::types::config::Slow;
use crate::server::types::error::ConnectionError;
use crate::server::types::id::TopicKey;
use crate::server::types::shared_bytes::SharedBytes;

/// Deliveries that are listed before they are made, 8 bytes each.
const DELIVERIES: usize = 256 * 1024;
/// Members of a topic that are copied from its list at a time: looking each up by itself costs more.
const AT_A_TIME: usize = 64;

impl<S: Socket> Lines<S> {
    /// Delivers posts early when there are many.
    #[inline]
    pub fn deliver_many_posts(&mut self) {
        if self.shared.posts.are_many() {
            // Earlier messages to members leave first.
            self.apply();
            self.deliver_posts();
        }
    }

    /// Delivers the turn's posts.
    #[inline(never)]
    pub fn deliver_posts(&mut self) {
        let log = &self.shared.posts.log;
        let Some(first) = log.first() else { return };
        let topic = first.topic;
        if log.iter().all(|post| post.topic == topic) {
            self.deliver_topic(topic);
        } else {
            // Only connections that get something are looked at, however many topics and posts there are.
            let mut deliveries = Vec::new();
            for post in 0..log.len() {
                self.shared.list_deliveries(post, &mut deliveries);
                if deliveries.len() >= DELIVERIES {
                    self.deliver_listed(&mut deliveries);
                }
            }
            self.deliver_listed(&mut deliveries);
        }
        self.shared.posts.clear();
    }

    /// Delivers posts that are all to one topic.
    fn deliver_topic(&mut self, topic: TopicKey) {
        let newest = self.shared.posts.log.last().map_or(0, |post| post.bytes.start);
        let posts = Rc::clone(&self.shared.posts.bytes);
        let share = Share::new(&posts, 0..posts.len(), newest, topic);
        // From the end: when a member fails and leaves, a member that has been served takes its place.
        let mut rest = self.shared.topics.members(topic).len();
        while rest > 0 {
            let mut slots = [0; AT_A_TIME];
            let members = self.shared.topics.members(topic);
            let last = members.get(..rest).unwrap_or(members).rchunks(AT_A_TIME).next().unwrap_or_default();
            let slots = &mut slots[..last.len()];
            slots.copy_from_slice(last);
            rest = rest.saturating_sub(AT_A_TIME);
            for &slot in slots.iter().rev() {
                if self.shared.posts.is_special(slot) {
                    self.send_own_posts(slot);
                } else if let Some(sending) = self.shared.sending(slot) {
                    self.send_compressed_posts(slot, sending, topic);
                } else {
                    self.send_posts(slot, &share);
                }
            }
        }
    }

    /// Makes deliveries, all to one connection at once.
    fn deliver_listed(&mut self, deliveries: &mut Vec<Delivery>) {
        // One number is compared in fewer instructions than two fields.
        deliveries.sort_unstable_by_key(|delivery| u64::from(delivery.slot) << 32 | u64::from(delivery.post));
        let is_by_topic = self.shared.env.config.slow == Slow::Latest;
        for to_one in deliveries.chunk_by(|one, next| one.slot == next.slot) {
            if is_by_topic { self.deliver_by_topic(to_one) } else { self.deliver_at_once(to_one) }
        }
        deliveries.clear();
    }

    /// Makes deliveries to one connection with [`Slow::Latest`]: posts to one topic replace each other, so those to another
    /// are sent by themselves.
    fn deliver_by_topic(&mut self, deliveries: &[Delivery]) {
        let topic = |shared: &Shared, at: &Delivery| shared.posts.log.get(at.post as usize).map(|post| post.topic);
        let mut rest = deliveries;
        while let Some(first) = rest.first() {
            let first = topic(&self.shared, first);
            let len = rest.iter().take_while(|delivery| topic(&self.shared, delivery) == first).count();
            let (run, others) = rest.split_at(len);
            self.deliver_at_once(run);
            rest = others;
        }
    }

    /// Makes deliveries to one connection.
    #[inline(always)]
    fn deliver_at_once(&mut self, deliveries: &[Delivery]) {
        let (Some(first), Some(last)) = (deliveries.first(), deliveries.last()) else { return };
        let (slot, posts) = (first.slot, &self.shared.posts);
        let post = |delivery: &Delivery| posts.log.get(delivery.post as usize);
        let (Some(oldest), Some(newest)) = (post(first), post(last)) else { return };
        let (all, start, topic) = (oldest.bytes.start..newest.bytes.end, newest.bytes.start, newest.topic);
        let len = |delivery: &Delivery| post(delivery).map_or(0, |post| post.bytes.len());
        let is_one_piece = deliveries.iter().map(len).sum::<usize>() == all.len();
        if is_one_piece && self.shared.sending(slot).is_none() {
            let posts = Rc::clone(&posts.bytes);
            self.send_posts(slot, &Share::new(&posts, all, start, topic));
        } else {
            let (mut own, mut newest) = (Vec::new(), 0);
            for delivery in deliveries {
                newest = own.len();
                self.shared.append_post(slot, delivery.post as usize, &mut own);
            }
            let own = Rc::new(SharedBytes::new(own));
            self.send_posts(slot, &Share::new(&own, 0..own.len(), newest, topic));
        }
    }

    /// Delivers all of the turn's posts to a member, compressed.
    fn send_compressed_posts(&mut self, slot: u32, sending: Sending, topic: TopicKey) {
        if sending.has_takeover() {
            return self.send_own_posts(slot);
        }
        let shared = &mut self.shared;
        let (posts, newest) =
            shared.posts.all_compressed(sending.window_bits(), &mut shared.compressor, &shared.env.stats);
        self.send_posts(slot, &Share::new(&posts, 0..posts.len(), newest, topic));
    }

    /// Delivers those of the turn's posts that a member has yet to get.
    #[inline(never)]
    pub fn send_own_posts(&mut self, slot: u32) {
        if !self.shared.posts.is_empty() {
            let mut deliveries = self.shared.take_deliveries(slot);
            self.deliver_listed(&mut deliveries);
        }
    }

    /// Sends broadcasts to a member.
    fn send_posts(&mut self, slot: u32, share: &Share<'_>) {
        let Some(Line { connection, socket, env }) = self.line(slot).filter(|line| line.connection.may_send()) else {
            return;
        };
        match connection.output.send_posts(socket, share, env) {
            Ok(Sent::All) => {}
            Ok(Sent::Queued) => self.shared.schedule(slot),
            // Less is owed than before: perhaps little enough to read on.
            Ok(Sent::Replaced) => {
                self.shared.schedule(slot);
                self.after_flush(slot);
            }
            Ok(Sent::TooMuch) => self.fail(slot, ConnectionError::SlowConsumer),
            Err(error) => self.fail(slot, ConnectionError::Io(error)),
        }
    }
}
