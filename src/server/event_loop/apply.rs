//! What handlers have said, to sockets or queues: frames are encoded already, each once however many get it.

use std::io::{ErrorKind, IoSlice};
use std::ops::Range;
use std::rc::Rc;

use super::EventLoop;
use crate::server::config::Slow;
use crate::server::core::Core;
use crate::server::handler::{ConnectionId, Error};
use crate::server::log_limit::log_limited;
use crate::server::outbox::Action;
use crate::server::poller::{Poller, Socket};
use crate::server::session::{Flags, Phase};
use crate::server::shared_bytes::SharedBytes;
use crate::server::stats::Count;
use crate::server::write_queue::{Kind, frame_len, rest_of_begun_frame};

/// Pieces of output that fit in one write.
const PARTS: usize = 16;

/// Where the messages lie that replies may be sent from.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// In somebody's buffer: what cannot be sent at once is copied.
    Slice(&'a [u8]),
    /// In a buffer that a queue may hold on to.
    Shared(&'a Rc<SharedBytes>),
}

/// A piece of output: frames, or a payload in the input, whose header comes right before it.
#[derive(Clone, Copy)]
enum Part<'a> {
    Frames(&'a [u8]),
    Payload(&'a [u8], usize),
}

/// What a member gets of broadcasts that lie behind each other.
pub(super) struct Share<'a> {
    posts: &'a Rc<SharedBytes>,
    bytes: &'a [u8],
    /// Where in `posts` these bytes, and the newest of the broadcasts, begin.
    start: usize,
    newest: usize,
}

impl<'a> Share<'a> {
    pub fn new(posts: &'a Rc<SharedBytes>, all: Range<usize>, newest: usize) -> Self {
        Share { posts, start: all.start, newest, bytes: posts.get(all).unwrap_or_default() }
    }
}

impl<P: Poller> EventLoop<P> {
    /// Applies what has been recorded, in order.
    #[inline]
    pub(super) fn apply(&mut self) {
        match self.core.outbox.actions.as_slice() {
            [] => {}
            [Action::Send { to, bytes }] => self.apply_reply(*to, bytes.clone()),
            _ => self.apply_with(Input::Slice(&[])),
        }
    }

    /// The way of nearly every batch of messages: all that was said is `replies[bytes]`, to one connection.
    fn apply_reply(&mut self, to: ConnectionId, bytes: Range<usize>) {
        self.core.outbox.actions.clear();
        let replies = std::mem::take(&mut self.core.outbox.replies);
        self.send(to, &[Part::Frames(replies.get(bytes).unwrap_or_default())], Input::Slice(&[]));
        self.core.outbox.give_back_replies(replies);
    }

    /// The same when replies may lie in `input`.
    pub(super) fn apply_with(&mut self, input: Input<'_>) {
        let mut actions = std::mem::take(&mut self.core.outbox.actions);
        let replies = std::mem::take(&mut self.core.outbox.replies);
        let mut rest = actions.drain(..).peekable();
        while let Some(action) = rest.next() {
            let to = match action {
                Action::Send { to, .. } | Action::SendInput { to, .. } => to,
                Action::Close { id, frame } => {
                    self.skip_what_came_after(id);
                    self.close(id, frame);
                    continue;
                }
                Action::Fail { id, error } => {
                    self.skip_what_came_after(id);
                    if let Some(slot) = self.core.find_open(id) {
                        self.fail(slot, error);
                    }
                    continue;
                }
            };
            let mut parts = Parts::default();
            parts.push(&action, &replies, input);
            // What follows for the same connection leaves with it.
            while let Some(action) = rest.next_if(|action| action.recipient() == Some(to) && parts.has_room()) {
                parts.push(&action, &replies, input);
            }
            self.send(to, parts.as_slice(), input);
        }
        drop(rest);
        self.core.outbox.give_back(actions, replies);
    }

    /// What was posted before a connection was closed is among its replies. What was posted since comes too late, as replies
    /// do; to send it would also refer to them, with context takeover (RFC 7692 7.1.1).
    fn skip_what_came_after(&mut self, id: ConnectionId) {
        if let Some(slot) = self.core.find_open(id) {
            self.core.skip_posts(slot);
        }
    }

    /// Sends frames to a connection: at once what its socket takes, the rest by its queue.
    fn send(&mut self, to: ConnectionId, parts: &[Part<'_>], input: Input<'_>) {
        let Some(slot) = self.core.find_open(to).filter(|&slot| self.may_send(slot)) else {
            return log_limited!(self.core, Late, "{to}: a message came too late to be sent");
        };
        let len: usize = parts.iter().map(|part| part.bytes().len()).sum();
        let mut sent = if self.core.sessions[slot].queued() > 0 { 0 } else { self.write(slot, parts) };
        if sent == len || !self.may_send(slot) {
            return;
        }
        let has_room = self.has_room(slot, parts, sent);
        let queue = &mut self.core.sessions[slot].rare().queue;
        for part in parts {
            let skip = sent.min(part.bytes().len());
            sent -= skip;
            let rest = part.bytes().get(skip..).unwrap_or_default();
            match (part, input) {
                (Part::Frames(bytes), _) => queue.push(rest, rest_of_begun_frame(bytes, skip)),
                (Part::Payload(bytes, at), Input::Shared(shared)) => {
                    let account = &self.core.shared;
                    queue.push_shared(shared, at + skip..at + bytes.len(), rest.len(), Kind::Own, account);
                }
                (Part::Payload(..), Input::Slice(_)) => queue.push(rest, rest.len()),
            }
        }
        self.after_push(slot);
        if !has_room {
            // Only now: of what was queued, the frame that is on the wire already has to stay.
            self.fail(slot, Error::SlowConsumer);
        }
    }

    /// Whether a connection still takes frames: it is open, and has not been sent a Close (5.5.1).
    pub(super) fn may_send(&self, slot: u32) -> bool {
        let session = &self.core.sessions[slot];
        session.phase == Phase::Open && !session.flags.has(Flags::CLOSE_SENT)
    }

    /// One write. Returns how many bytes the socket took; when it has failed, so has the connection.
    fn write(&mut self, slot: u32, parts: &[Part<'_>]) -> usize {
        let Some(socket) = self.sockets.get_mut(slot as usize).and_then(Option::as_mut) else { return 0 };
        let result = loop {
            let result = match parts {
                [part] => socket.send(part.bytes()),
                parts => {
                    let mut slices = [IoSlice::new(&[]); PARTS];
                    for (slice, part) in slices.iter_mut().zip(parts) {
                        *slice = IoSlice::new(part.bytes());
                    }
                    socket.send_vectored(slices.get(..parts.len()).unwrap_or_default())
                }
            };
            match result {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let taken = match result {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => {
                self.fail(slot, Error::Io(error));
                return 0;
            }
        };
        let tick = self.core.tick();
        let session = &mut self.core.sessions[slot];
        if taken == parts.iter().map(|part| part.bytes().len()).sum::<usize>() {
            session.flags.clear(Flags::BLOCKED);
        } else {
            // Only an empty queue is written past, so its time begins here.
            session.flags.set(Flags::BLOCKED);
            session.rare().progress = tick;
            self.core.look_after(self.core.config.write_timeout);
        }
        taken
    }

    /// Whether a connection's queue may take what is left of these frames when `sent` bytes have left. A queue up to
    /// the high-water mark always takes one more frame, whatever its size.
    fn has_room(&self, slot: u32, parts: &[Part<'_>], sent: usize) -> bool {
        let config = &self.core.config;
        let queued = self.core.sessions[slot].queued();
        let len: usize = parts.iter().map(|part| part.bytes().len()).sum();
        // If the last frame has its place, those before it have theirs.
        queued + len - sent <= config.max_queue
            || queued + start_of_last_frame(parts).saturating_sub(sent) <= config.high_water
    }

    /// The queue has grown: perhaps the peer is no longer read from.
    fn after_push(&mut self, slot: u32) {
        let high_water = self.core.config.high_water;
        let session = &mut self.core.sessions[slot];
        if session.queued() > high_water {
            session.rare().high = true;
            session.flags.set(Flags::PAUSED);
        }
        self.core.account(slot);
    }

    /// Sends broadcasts to a member.
    pub(super) fn send_posts(&mut self, slot: u32, share: &Share<'_>) {
        if !self.may_send(slot) {
            return;
        }
        let is_behind = self.core.sessions[slot].queued() > 0;
        let taken = if is_behind { 0 } else { self.write(slot, &[Part::Frames(share.bytes)]) };
        if taken < share.bytes.len() && self.may_send(slot) {
            self.queue_posts(slot, share, taken);
        }
    }

    /// Shares what the socket has not taken of them with the queue, which takes of it what the policy for slow peers says.
    #[cold]
    #[inline(never)]
    fn queue_posts(&mut self, slot: u32, share: &Share<'_>, taken: usize) {
        let Share { posts, bytes, start, newest } = *share;
        let parts = [Part::Frames(bytes)];
        let lead = rest_of_begun_frame(bytes, taken);
        let has_room = self.has_room(slot, &parts, taken);
        let (sent, end) = (start + taken, start + bytes.len());
        let begun = sent + lead;
        let Core { sessions, shared, stats, config, .. } = &mut self.core;
        let queue = &mut sessions[slot].rare().queue;
        match config.slow {
            Slow::Latest => {
                let skipped = queue.drop_unsent_posts() || begun < newest;
                queue.push_shared(posts, sent..begun, lead, Kind::Post, shared);
                queue.push_shared(posts, newest.max(begun)..end, 0, Kind::Post, shared);
                if skipped {
                    stats.add(Count::SlowSkipped);
                    self.after_push(slot);
                    // What was dropped is owed no more: that may be enough to read on.
                    return self.after_flush(slot);
                }
            }
            Slow::Drop if !has_room => {
                queue.push_shared(posts, sent..begun, lead, Kind::Post, shared);
                stats.add(Count::SlowSkipped);
            }
            Slow::Close | Slow::Drop => queue.push_shared(posts, sent..end, lead, Kind::Post, shared),
        }
        self.after_push(slot);
        if !has_room && self.core.config.slow == Slow::Close {
            // The queue knows which frame has been begun, and keeps only that.
            self.fail(slot, Error::SlowConsumer);
        }
    }

    /// Sends frames that must leave however much is owed already: control frames, with what precedes them.
    pub(super) fn send_owed(&mut self, slot: u32, frames: &[u8]) {
        let sent = self.send_now(slot, frames);
        self.queue_rest(slot, frames, sent, rest_of_begun_frame(frames, sent));
    }

    /// Sends an HTTP response.
    pub(super) fn send_response(&mut self, slot: u32, response: &[u8]) {
        let sent = self.send_now(slot, response);
        self.queue_rest(slot, response, sent, response.len() - sent);
    }

    fn send_now(&mut self, slot: u32, bytes: &[u8]) -> usize {
        if self.core.sessions[slot].queued() > 0 { 0 } else { self.write(slot, &[Part::Frames(bytes)]) }
    }

    fn queue_rest(&mut self, slot: u32, bytes: &[u8], sent: usize, lead: usize) {
        let session = &mut self.core.sessions[slot];
        if sent < bytes.len() && !matches!(session.phase, Phase::Dead | Phase::Free) {
            session.rare().queue.push(bytes.get(sent..).unwrap_or_default(), lead);
            self.after_push(slot);
        }
    }
}

/// Where the last frame begins.
fn start_of_last_frame(parts: &[Part<'_>]) -> usize {
    let (mut last, mut next, mut passed) = (0, 0, 0);
    for part in parts {
        let frame_at = |at: usize| part.bytes().get(at.checked_sub(passed)?..).and_then(frame_len);
        while let Some(len) = frame_at(next) {
            (last, next) = (next, next + len);
        }
        passed += part.bytes().len();
    }
    last
}

#[derive(Default)]
struct Parts<'a> {
    parts: [Part<'a>; PARTS],
    used: usize,
}

impl<'a> Parts<'a> {
    fn has_room(&self) -> bool {
        self.used + 2 <= PARTS
    }

    fn push(&mut self, action: &Action, replies: &'a [u8], input: Input<'a>) {
        match action {
            Action::Send { bytes, .. } => self.push_part(Part::Frames(replies.get(bytes.clone()).unwrap_or_default())),
            Action::SendInput { header, payload, .. } => {
                self.push_part(Part::Frames(replies.get(header.clone()).unwrap_or_default()));
                let message = match input {
                    Input::Slice(bytes) => bytes,
                    Input::Shared(bytes) => bytes,
                };
                self.push_part(Part::Payload(message.get(payload.clone()).unwrap_or_default(), payload.start));
            }
            Action::Close { .. } | Action::Fail { .. } => {}
        }
    }

    fn push_part(&mut self, part: Part<'a>) {
        if let Some(place) = self.parts.get_mut(self.used) {
            *place = part;
            self.used += 1;
        }
    }

    fn as_slice(&self) -> &[Part<'a>] {
        self.parts.get(..self.used).unwrap_or_default()
    }
}

impl<'a> Part<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Part::Frames(bytes) | Part::Payload(bytes, _) => bytes,
        }
    }
}

impl Default for Part<'_> {
    fn default() -> Self {
        Part::Frames(&[])
    }
}
