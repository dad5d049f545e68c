//! Delivers a turn's posts: to most members as one piece of memory, shared with the queues of those that cannot take all of
//! it at once.
//!
//! A turn makes so many deliveries at most (`Env::slice`), so that a broadcast to very many members does not keep everything
//! else waiting. Then the posts are a rest (`shared/rests.rs`), and later ones wait behind it.

use std::rc::Rc;

use super::{Line, Lines};
use crate::server::connection::output::Sent;
use crate::server::connection::output::parts::Share;
use crate::server::connection::websocket::Sending;
use crate::server::shared::Shared;
use crate::server::shared::posts::{Delivery, Posts};
use crate::server::transport::Socket;
use crate::server::transport::layer::{All, Plain, Sockets};
use crate::server::types::config::Slow;
use crate::server::types::error::ConnectionError;
use crate::server::types::id::TopicKey;
use crate::server::types::shared_bytes::SharedBytes;

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

    /// Delivers the turn's posts, behind those of earlier turns.
    #[inline(never)]
    pub fn deliver_posts(&mut self) {
        if !self.shared.rests.is_empty() && !self.deliver_rests() {
            return self.keep_many_posts();
        }
        if self.shared.posts.is_empty() {
            return;
        }
        let only_topic = self.shared.posts.only_topic();
        let members = only_topic.map_or(usize::MAX, |topic| self.shared.topics.members(topic).len());
        if let (Some(topic), Some(left)) = (only_topic, self.deliveries_left.checked_sub(members)) {
            self.deliveries_left = left;
            if self.layers.are_none() {
                self.deliver_topic::<Plain>(topic);
            } else {
                self.deliver_topic::<All>(topic);
            }
        } else if !self.deliver_listed() {
            return self.shared.keep_posts();
        }
        self.shared.posts.clear();
    }

    /// Delivers posts of earlier turns. Returns whether all of them have been delivered.
    fn deliver_rests(&mut self) -> bool {
        while self.deliveries_left > 0 && !self.shared.rests.is_empty() {
            self.deliver_oldest();
        }
        let are_delivered = self.shared.rests.is_empty();
        if are_delivered {
            self.posters.clear();
        }
        are_delivered
    }

    /// Delivers the oldest rest, as far as the budget goes.
    fn deliver_oldest(&mut self) {
        self.shared.swap_rest(0);
        let is_delivered = self.deliver_listed();
        // Copies may have been compressed.
        self.shared.posts.charge(&self.shared.env.shared);
        self.shared.swap_rest(0);
        if is_delivered {
            self.shared.rests.pop_front();
        }
    }

    /// Many posts wait behind a rest: they become one, too. Where rests hold too much memory, the oldest do not wait for
    /// their turn.
    #[cold]
    fn keep_many_posts(&mut self) {
        if !self.shared.posts.are_many() {
            return;
        }
        self.shared.keep_posts();
        let most = self.shared.env.config.max_memory / 16;
        while self.shared.rests.len() > 1 && self.shared.rests.iter().map(Posts::held).sum::<usize>() > most {
            self.deliveries_left = usize::MAX;
            self.deliver_oldest();
            self.deliveries_left = 0;
        }
    }

    /// Makes a connection that has posted while a rest waits wait, too, so that the rests do not become more.
    #[cold]
    pub fn hold_poster(&mut self, slot: u32) {
        if !self.is_held(slot) {
            self.posters.push(slot);
        }
    }

    /// Whether a connection is not read from until all rests have been delivered.
    #[inline]
    pub fn is_held(&self, slot: u32) -> bool {
        !self.posters.is_empty() && self.posters.contains(&slot)
    }

    /// Delivers posts that are all to one topic.
    fn deliver_topic<K: Sockets>(&mut self, topic: TopicKey) {
        let posts = Rc::clone(&self.shared.posts.bytes);
        let share = whole_share(&self.shared.posts, &posts, topic);
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
                self.deliver_whole::<K>(slot, &share);
            }
        }
    }

    /// Makes the deliveries of posts to several topics, or to more members than the budget allows. Returns whether all have
    /// been made.
    fn deliver_listed(&mut self) -> bool {
        loop {
            let progress = &self.shared.posts.progress;
            let is_made = if progress.is_whole { self.make_whole_deliveries() } else { self.make_deliveries() };
            if !is_made || !self.shared.list_deliveries() {
                return is_made;
            }
        }
    }

    /// Makes deliveries of single posts, all to one connection at once.
    fn make_deliveries(&mut self) -> bool {
        // A connection that fails has seen all posts, so nobody asks meanwhile how far the delivery has come.
        let mut progress = std::mem::take(&mut self.shared.posts.progress);
        let (is_kept, is_by_topic) = (self.shared.posts.is_kept, self.shared.env.config.slow == Slow::Latest);
        let mut made = 0;
        for to_one in progress.rest().chunk_by(|one, next| one.slot == next.slot) {
            let Some(left) = self.deliveries_left.checked_sub(1) else { break };
            made += to_one.len();
            // In the turns since they were listed, the connection may have got them, or another taken its slot.
            let is_over = |first: &Delivery| self.shared.posts.seen(first.slot) > first.post;
            if is_kept && to_one.first().is_some_and(is_over) {
                continue;
            }
            self.deliveries_left = left;
            if is_by_topic { self.deliver_by_topic(to_one) } else { self.deliver_at_once(to_one) }
        }
        progress.advance(made);
        let are_made = progress.rest().is_empty();
        self.shared.posts.progress = progress;
        are_made
    }

    /// Delivers posts, all to one topic, to one listed member after the other.
    fn make_whole_deliveries(&mut self) -> bool {
        let Some(topic) = self.shared.posts.only_topic() else { return true };
        let posts = Rc::clone(&self.shared.posts.bytes);
        let share = whole_share(&self.shared.posts, &posts, topic);
        while let Some(Delivery { slot, .. }) = self.shared.posts.progress.rest().first().copied() {
            let Some(left) = self.deliveries_left.checked_sub(1) else { return false };
            self.deliveries_left = left;
            self.deliver_whole::<All>(slot, &share);
            self.shared.posts.progress.advance(1);
        }
        true
    }

    /// Delivers posts that are all to one topic to a member.
    #[inline(always)]
    fn deliver_whole<K: Sockets>(&mut self, slot: u32, share: &Share<'_>) {
        if self.shared.posts.is_special(slot) {
            self.send_unseen_posts(slot);
        } else if let Some(sending) = self.shared.sending(slot) {
            self.send_compressed_posts(slot, sending, share.topic);
        } else {
            self.send_posts_with::<K>(slot, share);
        }
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
            return self.send_unseen_posts(slot);
        }
        let shared = &mut self.shared;
        let (posts, newest) =
            shared.posts.all_compressed(sending.window_bits(), &mut shared.compressor, &shared.env.stats);
        self.send_posts(slot, &Share::new(&posts, 0..posts.len(), newest, topic));
    }

    /// Delivers the posts that a member has yet to get, those of earlier turns first.
    #[inline(never)]
    pub fn send_own_posts(&mut self, slot: u32) {
        for at in 0..self.shared.rests.len() {
            self.shared.swap_rest(at);
            self.send_unseen_posts(slot);
            self.shared.swap_rest(at);
        }
        if !self.shared.posts.is_empty() {
            self.send_unseen_posts(slot);
        }
    }

    /// Delivers those of the turn's posts that a member has yet to get.
    #[inline(never)]
    fn send_unseen_posts(&mut self, slot: u32) {
        let deliveries = self.shared.take_deliveries(slot);
        match self.shared.env.config.slow {
            Slow::Latest => self.deliver_by_topic(&deliveries),
            Slow::Close | Slow::Drop => self.deliver_at_once(&deliveries),
        }
    }

    /// Sends broadcasts to a member.
    fn send_posts(&mut self, slot: u32, share: &Share<'_>) {
        if self.layers.has(slot) {
            self.send_posts_with::<All>(slot, share);
        } else {
            self.send_posts_with::<Plain>(slot, share);
        }
    }

    #[inline(never)]
    fn send_posts_with<K: Sockets>(&mut self, slot: u32, share: &Share<'_>) {
        let line = self.line_of::<K>(slot).filter(|line| line.connection.may_send());
        let Some(Line { connection, mut socket, env }) = line else { return };
        match connection.output.send_posts(&mut socket, share, env) {
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

/// All posts, which are to one topic.
fn whole_share<'a>(posts: &Posts, bytes: &'a Rc<SharedBytes>, topic: TopicKey) -> Share<'a> {
    let newest = posts.log.last().map_or(0, |post| post.bytes.start);
    Share::new(bytes, 0..bytes.len(), newest, topic)
}
