//! Posts that some of their recipients have yet to get: those of the turn, and rests of earlier turns. A connection gets
//! them in order, and before all that is sent to it, or changes its memberships, later.

use super::Shared;
use super::posts::{Delivery, Post};

/// Deliveries that are listed at a time, 8 bytes each.
const DELIVERIES: usize = 256 * 1024;

impl Shared {
    /// Whether all posts have been delivered.
    #[inline]
    pub fn has_no_posts(&self) -> bool {
        self.posts.is_empty() && self.rests.is_empty()
    }

    /// Puts a rest in the place of the turn's posts, and these in its place; a second call puts them back. Returns whether
    /// there is such a rest.
    pub fn swap_rest(&mut self, at: usize) -> bool {
        let rest = self.rests.get_mut(at);
        rest.map(|rest| std::mem::swap(rest, &mut self.posts)).is_some()
    }

    /// Keeps the turn's posts for later turns.
    pub fn keep_posts(&mut self) {
        let mut posts = std::mem::take(&mut self.posts);
        posts.is_kept = true;
        posts.charge(&self.env.shared);
        self.rests.push_back(posts);
    }

    /// Marks all posts so far as seen by a connection.
    pub fn skip_posts(&mut self, slot: u32) {
        self.posts.skip(slot);
        for rest in &mut self.rests {
            rest.skip(slot);
        }
    }

    /// Lists those of the turn's posts that a connection has yet to get, and marks them as seen.
    pub fn take_deliveries(&mut self, slot: u32) -> Vec<Delivery> {
        let id = self.table.id(slot);
        let unseen = (0..).zip(&self.posts.log).skip(self.posts.unseen(slot) as usize);
        let own = unseen.filter(|(_, post)| post.except != Some(id) && self.is_member(slot, post.topic));
        let own = own.map(|(post, _)| Delivery { slot, post }).collect();
        self.posts.skip(slot);
        own
    }

    /// Lists the next deliveries of the turn's posts, once those that were listed have been made. Returns whether there
    /// were more posts.
    pub fn list_deliveries(&mut self) -> bool {
        let (total, mut end) = (self.posts.log.len() as u32, self.posts.progress.end());
        if end == total {
            return false;
        }
        let mut list = self.posts.progress.take_list();
        if let Some(topic) = self.posts.only_topic().filter(|_| end == 0) {
            self.posts.progress.is_whole = true;
            list.extend(self.topics.members(topic).iter().map(|slot| Delivery { slot: *slot, post: 0 }));
            end = total;
        }
        // Only connections that get something are looked at, however many topics and posts there are.
        while end < total && list.len() < DELIVERIES {
            self.list_post(end, &mut list);
            end += 1;
        }
        self.posts.progress.begin(list, end);
        true
    }

    /// Lists the connections that have yet to get a post.
    fn list_post(&self, post: u32, deliveries: &mut Vec<Delivery>) {
        let Some(Post { topic, except, .. }) = self.posts.log.get(post as usize) else { return };
        let gets = |slot: &u32| self.posts.seen(*slot) <= post && *except != Some(self.table.id(*slot));
        let members = self.topics.members(*topic).iter().copied().filter(gets);
        deliveries.extend(members.map(|slot| Delivery { slot, post }));
    }
}
