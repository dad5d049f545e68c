//! Batches whose messages are with the log.

use std::collections::HashMap;

use super::log::Epoch;
use super::outcome::Reply;
use super::problem::{Problem, Rephrase};
use super::state::types::Outcome;
use crate::Deferred;
use crate::http::Response;

/// A batch that has no answer yet.
struct Batch {
    deferred: Deferred,
    /// The origin of the page that has sent it.
    page: Option<Box<str>>,
    /// One for each message; `None` while it is with the log.
    replies: Vec<Option<Reply>>,
    /// How many of them are with the log.
    waiting: usize,
    /// All of its messages have been handed to the log.
    is_sealed: bool,
}

/// Names a message of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    batch: u64,
    index: usize,
}

/// A batch of which everything is known.
pub(super) struct Done {
    pub deferred: Deferred,
    pub page: Option<Box<str>>,
    pub response: Response,
}

/// All batches that have no answer yet.
#[derive(Default)]
pub(super) struct Batches {
    open: HashMap<u64, Batch>,
    next: u64,
}

impl Batches {
    /// Begins a batch, and returns its number.
    pub fn begin(&mut self, deferred: Deferred, page: Option<Box<str>>) -> u64 {
        let batch = Batch { deferred, page, replies: Vec::new(), waiting: 0, is_sealed: false };
        self.next += 1;
        self.open.insert(self.next, batch);
        self.next
    }

    /// Adds a message that goes to the log.
    pub fn add(&mut self, batch: u64) -> Item {
        let index = self.open.get_mut(&batch).map_or(0, |batch| {
            batch.waiting += 1;
            batch.replies.push(None);
            batch.replies.len() - 1
        });
        Item { batch, index }
    }

    /// Adds a message that is refused.
    pub fn refuse(&mut self, batch: u64, problem: Problem) {
        if let Some(batch) = self.open.get_mut(&batch) {
            batch.replies.push(Some(Reply::Refused(problem)));
        }
    }

    /// The log has not taken a message.
    pub fn take_back(&mut self, item: Item, problem: Problem) {
        self.reply(item, Reply::Refused(problem));
    }

    /// A message has come to its end. If it was the last one of a batch that is sealed, that is done.
    pub fn settle(&mut self, item: Item, outcome: Outcome, epoch: Epoch, rephrase: Rephrase) -> Option<Done> {
        self.reply(item, Reply::new(outcome, epoch));
        self.take_done(item.batch, rephrase)
    }

    /// There are no more messages. If none is with the log, the batch is done.
    pub fn seal(&mut self, batch: u64, rephrase: Rephrase) -> Option<Done> {
        self.open.get_mut(&batch)?.is_sealed = true;
        self.take_done(batch, rephrase)
    }

    fn reply(&mut self, item: Item, reply: Reply) {
        let Some(batch) = self.open.get_mut(&item.batch) else { return };
        if let Some(place @ None) = batch.replies.get_mut(item.index) {
            *place = Some(reply);
            batch.waiting -= 1;
        }
    }

    fn take_done(&mut self, batch: u64, rephrase: Rephrase) -> Option<Done> {
        if !self.open.get(&batch).is_some_and(|batch| batch.is_sealed && batch.waiting == 0) {
            return None;
        }
        let Batch { deferred, page, replies, .. } = self.open.remove(&batch)?;
        Some(Done { deferred, page, response: response(replies.into_iter().flatten(), rephrase) })
    }
}

/// `[{"status":201,"id":"…","subscribers":2}, …]`, one for each message.
fn response(replies: impl Iterator<Item = Reply>, rephrase: Rephrase) -> Response {
    let (mut body, mut status) = (String::from("["), 200);
    for reply in replies {
        if body.len() > 1 {
            body.push(',');
        }
        body.push_str("{\"status\":");
        body.push_str(&reply.status().to_string());
        body.push(',');
        reply.write(rephrase, &mut body);
        body.push('}');
        if reply.status() >= 400 {
            status = 207;
        }
    }
    body.push(']');
    Response::new(status).header("Content-Type", "application/json").body(body.into_bytes())
}
