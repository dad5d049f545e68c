//! Writes the actions recorded by handlers to sockets or queues.

use std::ops::Range;
use std::rc::Rc;

use super::{Line, Lines};
use crate::server::connection::output::Sent;
use crate::server::connection::output::parts::{Input, Part, Parts};
use crate::server::shared::outbox::Action;
use crate::server::transport::Socket;
use crate::server::transport::layer::{All, Plain, Sockets};
use crate::server::types::error::ConnectionError;
use crate::server::types::id::ConnectionId;
use crate::server::types::log_limit::log_limited;
use crate::server::types::shared_bytes::SharedBytes;

impl<S: Socket> Lines<S> {
    /// Applies the recorded actions, in order.
    #[inline]
    pub fn apply(&mut self) {
        match self.shared.outbox.actions.as_slice() {
            [] => {}
            [Action::Send { .. }] => self.apply_reply(),
            _ => self.apply_with(Input::Slice(&[])),
        }
    }

    /// Fast path for nearly every batch of messages: all actions are `replies[bytes]`, to one connection.
    #[inline]
    fn apply_reply(&mut self) {
        let Some(Action::Send { to, bytes }) = self.shared.outbox.actions.pop() else { return };
        let replies = std::mem::take(&mut self.shared.outbox.replies);
        self.send(to, &[Part::Frames(replies.get(bytes).unwrap_or_default())], Input::Slice(&[]));
        self.shared.outbox.give_back_replies(replies);
    }

    /// The same when replies may lie in `input`.
    #[inline(never)]
    pub fn apply_with(&mut self, input: Input<'_>) {
        let mut actions = std::mem::take(&mut self.shared.outbox.actions);
        let replies = std::mem::take(&mut self.shared.outbox.replies);
        let mut rest = actions.drain(..).peekable();
        while let Some(action) = rest.next() {
            let to = match action {
                Action::Send { to, .. } | Action::SendInput { to, .. } => to,
                Action::Close { id, frame } => {
                    self.skip_later_posts(id);
                    self.close(id, frame);
                    continue;
                }
                Action::Fail { id, error } => {
                    self.skip_later_posts(id);
                    if let Some(slot) = self.shared.table.find_open(id) {
                        self.fail(slot, error);
                    }
                    continue;
                }
            };
            let mut parts = Parts::default();
            push_action(&mut parts, &action, &replies, input);
            // Later actions for the same connection leave with it.
            while let Some(action) = rest.next_if(|action| action.recipient() == Some(to) && parts.has_room()) {
                push_action(&mut parts, &action, &replies, input);
            }
            self.send(to, parts.as_slice(), input);
        }
        drop(rest);
        self.shared.outbox.give_back(actions, replies);
    }

    /// Applies replies whose message lies at these addresses, in `input` or else in `buffer`.
    pub fn apply_in_place(&mut self, place: Range<usize>, input: &[u8], buffer: &mut Option<Vec<u8>>) {
        let start = place.start.wrapping_sub(input.as_ptr().addr());
        match input.get(start..start.wrapping_add(place.len())) {
            Some(message) => self.apply_with(Input::Slice(message)),
            None => {
                let message = Rc::new(SharedBytes::new(buffer.take().unwrap_or_default()));
                self.apply_with(Input::Shared(&message));
                // The buffer comes back, unless a queue shares it.
                *buffer = Rc::try_unwrap(message).ok().map(SharedBytes::into_vec);
            }
        }
    }

    /// Makes a connection that is about to be closed miss the posts that remain. Posts made before the Close are among its
    /// replies already. With context takeover, later ones would refer to replies that are never sent (RFC 7692 7.1.1).
    fn skip_later_posts(&mut self, id: ConnectionId) {
        if let Some(slot) = self.shared.table.find_open(id) {
            self.shared.skip_posts(slot);
        }
    }

    /// Sends frames to a connection: what its socket accepts at once, the rest by its queue.
    fn send(&mut self, to: ConnectionId, parts: &[Part<'_>], input: Input<'_>) {
        if self.layers.has(to.slot) {
            self.send_over_layer(to, parts, input);
        } else {
            self.send_with::<Plain>(to, parts, input);
        }
    }

    #[inline(never)]
    fn send_over_layer(&mut self, to: ConnectionId, parts: &[Part<'_>], input: Input<'_>) {
        self.send_with::<All>(to, parts, input);
    }

    #[inline(always)]
    fn send_with<K: Sockets>(&mut self, to: ConnectionId, parts: &[Part<'_>], input: Input<'_>) {
        let is_here = self.shared.table.is_current(to);
        let line = if is_here { self.line_of::<K>(to.slot) } else { None }.filter(|line| line.connection.may_send());
        let Some(Line { connection, mut socket, env }) = line else {
            return log_limited!(self.shared, Late, "{to}: a message came too late to be sent");
        };
        match connection.output.send(&mut socket, parts, input, env) {
            Ok(Sent::All) => {}
            Ok(Sent::Queued | Sent::Replaced) => self.shared.schedule(to.slot),
            // Only now, after the push: the frame that is partly on the wire must stay in the queue.
            Ok(Sent::TooMuch) => self.fail(to.slot, ConnectionError::SlowConsumer),
            Err(error) => self.fail(to.slot, ConnectionError::Io(error)),
        }
    }

    /// Sends frames that must leave however much is owed already: control frames, with the frames before them.
    #[inline(never)]
    pub fn send_always(&mut self, slot: u32, frames: &[u8]) {
        let Some(Line { connection, mut socket, env }) = self.line(slot) else { return };
        match connection.output.send_always(&mut socket, frames, env) {
            Ok(()) => self.shared.schedule(slot),
            Err(error) => self.fail(slot, ConnectionError::Io(error)),
        }
    }
}

fn push_action<'a>(parts: &mut Parts<'a>, action: &Action, replies: &'a [u8], input: Input<'a>) {
    match action {
        Action::Send { bytes, .. } => parts.push(Part::Frames(replies.get(bytes.clone()).unwrap_or_default())),
        Action::SendInput { header, payload, .. } => {
            parts.push(Part::Frames(replies.get(header.clone()).unwrap_or_default()));
            let message = match input {
                Input::Slice(bytes) => bytes,
                Input::Shared(bytes) => bytes,
            };
            parts.push(Part::Payload(message.get(payload.clone()).unwrap_or_default(), payload.start));
        }
        Action::Close { .. } | Action::Fail { .. } => {}
    }
}
