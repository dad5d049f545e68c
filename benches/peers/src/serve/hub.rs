//! Broadcasts for libraries without them: each member has a queue, and all queues share the bytes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use slab::Slab;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The members that receive broadcasts.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Slab<UnboundedSender<Post>>>>);

/// A message to all members.
#[derive(Clone)]
pub struct Post {
    pub is_text: bool,
    pub payload: Bytes,
}

impl Hub {
    pub fn join(&self) -> (usize, UnboundedReceiver<Post>) {
        let (posts, queue) = unbounded_channel();
        (self.members(|members| members.insert(posts)), queue)
    }

    pub fn leave(&self, member: usize) {
        self.members(|members| drop(members.remove(member)));
    }

    pub fn publish(&self, is_text: bool, payload: Bytes) {
        let post = Post { is_text, payload };
        self.members(|members| {
            for (_, member) in members.iter() {
                // A member whose receiver is gone is about to leave.
                let _ = member.send(post.clone());
            }
        });
    }

    fn members<T>(&self, act: impl FnOnce(&mut Slab<UnboundedSender<Post>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
