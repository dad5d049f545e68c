//! Reads sockets, each within a budget, so that the fastest sender does not keep others waiting, and hands messages to
//! handlers.

mod batch;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::batch::Batch;
use super::lines::Line;
use super::site::Mount;
use super::state::EventLoop;
use crate::protocol::{self, Allowance, DEFLATE_AVAILABLE, Tally};
use crate::server::connection::websocket::{Backlog, Outcome, run_batch};
use crate::server::connection::{Connection, Phase, Work};
use crate::server::shared::Shared;
use crate::server::transport::layer::{All, Plain, Sockets};
use crate::server::transport::{Poller, Received, Socket};
use crate::server::types::error::ConnectionError;
use crate::server::types::stats::Count;

/// Bytes that one connection may read in a turn.
const BUDGET: usize = 64 * 1024;
/// The same while it receives a large message of its own.
const LARGE_BUDGET: usize = 256 * 1024;
/// Bytes that all connections which came back for more may read in a turn.
const TURN_BUDGET: usize = 1024 * 1024;
/// Bytes that messages of one connection may have after decompression, in a turn.
const INFLATED: usize = 256 * 1024;
/// Frames of one connection that are handled in a turn.
const FRAMES: usize = 256;

impl<P: Poller> EventLoop<P> {
    /// Serves the first `waiting` connections that had more to read than their budget, round robin.
    pub(super) fn serve_again(&mut self, waiting: usize) {
        let mut left = TURN_BUDGET;
        for _ in 0..waiting {
            let Some(slot) = self.lines.again.pop_front() else { break };
            if self.lines.is_handshaking(slot) && !self.handshakes.may_go_on() {
                self.handshakes.put_off.push(slot);
                continue;
            }
            if let Some(connection) = self.lines.shared.table.get_mut(slot) {
                connection.is_again = false;
            }
            left = left.saturating_sub(self.read(slot));
            self.fire_timers_in_time();
            if left == 0 {
                break;
            }
        }
        // They keep their places before connections that came to wait in this turn, or newcomers would overtake them for ever.
        while let Some(slot) = self.handshakes.put_off.pop() {
            self.lines.again.push_front(slot);
        }
    }

    /// Reads from a connection as much as its budget allows, and handles it. Returns the bytes that were read or handled.
    pub(super) fn read(&mut self, slot: u32) -> usize {
        if self.lines.is_held(slot) {
            self.lines.serve_later(slot);
            return 0;
        }
        if self.lines.layers.has(slot) {
            return self.read_over_layer(slot);
        }
        self.read_now::<Plain>(slot)
    }

    /// The same for a connection that has a layer. Those whose handshakes are not complete have a budget of time together.
    #[inline(never)]
    fn read_over_layer(&mut self, slot: u32) -> usize {
        if !self.lines.is_handshaking(slot) {
            return self.read_now::<All>(slot);
        }
        if !self.handshakes.may_go_on() {
            self.lines.serve_later(slot);
            return 0;
        }
        let begun = self.poller.now();
        let read = self.read_now::<All>(slot);
        let span = self.poller.now().saturating_duration_since(begun);
        self.handshakes.note(span);
        self.lines.count_handshake(slot, span);
        read
    }

    #[inline(always)]
    fn read_now<K: Sockets>(&mut self, slot: u32) -> usize {
        let (mut spent, mut budget, mut wants_more) = (0, BUDGET, true);
        let posts = self.lines.shared.posts.log.len();
        self.contexts.inflatable = INFLATED;
        while spent < budget && (!DEFLATE_AVAILABLE || self.contexts.inflatable > 0) {
            let Some(connection) = self.lines.shared.table.get_mut(slot) else { break };
            wants_more = connection.wants_service();
            if !wants_more {
                break;
            }
            match connection.next_work() {
                // Bytes that were kept just now wait for the next turn.
                Work::Backlog | Work::Requests if spent > 0 => break,
                Work::Backlog => {
                    spent += self.serve_backlog(slot);
                    break;
                }
                // The bytes that have come of the message are finished first.
                Work::Inflate => {
                    self.deliver_and_keep(slot, &mut []);
                    break;
                }
                Work::Requests => {
                    self.on_entrance_bytes(slot, &mut []);
                    break;
                }
                Work::ReceiveDirectly => {
                    budget = LARGE_BUDGET;
                    spent += self.receive_directly::<K>(slot, budget - spent);
                }
                Work::Receive => spent += self.receive::<K>(slot),
            }
        }
        if !self.lines.shared.rests.is_empty() && self.lines.shared.posts.log.len() > posts {
            self.lines.hold_poster(slot);
        }
        self.lines.deliver_many_posts();
        if let Some(connection) = self.lines.shared.table.get_mut(slot) {
            connection.account(&self.lines.shared.env);
        }
        if wants_more {
            self.lines.serve_later(slot);
        }
        self.lines.keep_within_memory();
        if DEFLATE_AVAILABLE { spent + INFLATED.saturating_sub(self.contexts.inflatable) } else { spent }
    }

    /// Receives into the loop's buffer, and handles the bytes. Returns how many came over the network.
    fn receive<K: Sockets>(&mut self, slot: u32) -> usize {
        let Some(Line { connection, mut socket, env }) = self.lines.line_of::<K>(slot) else { return 0 };
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = connection.receive(&mut socket, &mut buffer, env);
        let (input, wire) = match &received {
            Ok(Received { len, wire, .. }) => (buffer.get_mut(..*len).unwrap_or_default(), *wire),
            Err(_) => (&mut [][..], 0),
        };
        let len = input.len();
        match &mut connection.phase {
            _ if len == 0 => self.lines.on_nothing(slot, received),
            Phase::WebSocket(websocket) => {
                websocket.note_gain(len);
                self.deliver_and_keep(slot, input);
            }
            Phase::Entrance(_) => self.on_entrance_bytes(slot, input),
            Phase::Leaving(_) => {
                if connection.discard(wire) {
                    self.lines.abort(slot);
                }
            }
        }
        self.buffer = buffer;
        wire
    }

    /// Receives the rest of a large frame where it belongs, or `limit` bytes of it.
    fn receive_directly<K: Sockets>(&mut self, slot: u32, limit: usize) -> usize {
        let Some(Line { connection, mut socket, env }) = self.lines.line_of::<K>(slot) else { return 0 };
        if !socket.fills_any_buffer() {
            return self.receive::<K>(slot);
        }
        let Some(websocket) = connection.websocket_mut() else { return 0 };
        let Some(mut protocol) = websocket.protocol.take() else { return 0 };
        let spare = protocol.spare().unwrap_or_default();
        let room = spare.len().min(limit);
        let received = connection.receive(&mut socket, spare.get_mut(..room).unwrap_or_default(), env);
        let len = received.as_ref().map_or(0, |received| received.len);
        let answer = self.lines.shared.outbox.replies.len();
        let result = protocol.filled(len, &mut self.lines.shared.outbox.replies);
        if let Some(websocket) = self.lines.shared.table.get_mut(slot).and_then(|it| it.websocket_mut()) {
            websocket.protocol = Some(protocol);
            websocket.note_gain(len);
        }
        match result {
            _ if len == 0 => self.lines.on_nothing(slot, received),
            Ok(()) => self.deliver_and_keep(slot, &mut []),
            Err(error) => self.lines.fail_by_protocol(slot, answer, error),
        }
        len
    }

    /// Handles bytes that were received before. Returns how many.
    fn serve_backlog(&mut self, slot: u32) -> usize {
        let Some(connection) = self.lines.shared.table.get_mut(slot) else { return 0 };
        let Backlog { mut bytes, start } = connection.take_backlog();
        let Some(input) = bytes.get_mut(start..) else { return 0 };
        let len = input.len();
        let kept = self.deliver(slot, input);
        let start = bytes.len() - kept;
        self.keep(slot, kept, || Backlog { bytes, start });
        len - kept
    }

    /// Delivers messages, and keeps the bytes that cannot be handled now.
    #[inline(always)]
    pub(super) fn deliver_and_keep(&mut self, slot: u32, input: &mut [u8]) {
        let kept = self.deliver(slot, input);
        if kept > 0 {
            let rest = input.get(input.len() - kept..).unwrap_or_default();
            self.keep(slot, kept, || Backlog { bytes: rest.to_vec(), start: 0 });
        }
    }

    fn keep(&mut self, slot: u32, kept: usize, backlog: impl FnOnce() -> Backlog) {
        let Some(Line { connection, env, .. }) = self.lines.line(slot) else { return };
        let Some(websocket) = connection.websocket_mut() else { return };
        if kept > 0 {
            websocket.extra(env).backlog = backlog();
        }
        websocket.shrink();
    }

    /// Hands the messages in `input` to the connection's handler and applies its actions. Returns how many bytes at the end
    /// of `input` are left for later.
    fn deliver(&mut self, slot: u32, input: &mut [u8]) -> usize {
        let id = self.lines.shared.table.id(slot);
        let mut start = 0;
        let mut frames = FRAMES;
        // More than once only when a reply is sent in place, or while this connection is closing.
        loop {
            let websocket = self.lines.shared.table.get_mut(slot).and_then(Connection::websocket_mut);
            let Some((mount, mut protocol)) = websocket.and_then(|it| Some((it.mount, it.protocol.take()?))) else {
                return 0;
            };
            let mut rest = input.get_mut(start..).unwrap_or_default();
            let Some(Mount { handler, .. }) = self.site.mounts.get_mut(usize::from(mount)) else { return 0 };
            let (pool, contexts) = (&mut self.lines.pool, Some(&mut self.contexts));
            let mut allowance = Allowance { frames, lend: &mut || pool.take(), contexts };
            let (shared, handle) = (&mut self.lines.shared, &self.handle);
            let mut batch = Batch { handler: &mut **handler, shared, handle, id, mount, has_ended_one: false };
            batch.shared.outbox.interrupted = false;
            let outcome =
                catch_unwind(AssertUnwindSafe(|| run_batch(&mut protocol, &mut rest, &mut allowance, &mut batch)));
            frames = allowance.frames;
            let has_ended_one = batch.has_ended_one;
            let left = rest.len();
            start = input.len() - left;
            let mut buffer = protocol.take_buffer();
            self.give_back(slot, protocol, has_ended_one);
            match outcome {
                Err(panic) => {
                    self.site.on_panic(mount, id, &*panic, &mut self.lines.shared);
                    match self.lines.shared.outbox.take_in_place() {
                        Some(place) => self.lines.apply_in_place(place, input, &mut buffer),
                        None => self.lines.apply(),
                    }
                    self.lines.fail(slot, ConnectionError::Panic);
                }
                Ok(Outcome::Empty | Outcome::Interrupted) => self.lines.apply(),
                Ok(Outcome::Budget) => {
                    self.lines.apply();
                    frames = 0;
                }
                Ok(Outcome::InPlace(place)) => self.lines.apply_in_place(place, input, &mut buffer),
                Ok(Outcome::Closed { answer, frame }) => self.lines.on_close(slot, answer, frame),
                Ok(Outcome::Failed { answer, error }) => self.lines.fail_by_protocol(slot, answer, error),
            }
            if let Some(buffer) = buffer {
                self.lines.pool.put(buffer);
            }
            if left == 0 || !self.lines.is_open(slot) {
                return 0;
            }
            if frames == 0 || self.lines.connection(slot).is_some_and(|it| it.output.is_paused()) {
                return left;
            }
        }
    }

    /// Gives a connection its protocol back after a batch, and counts what the batch has done.
    #[inline(always)]
    fn give_back(&mut self, slot: u32, protocol: protocol::Connection, has_ended_one: bool) {
        let Shared { table, env, .. } = &mut self.lines.shared;
        if DEFLATE_AVAILABLE {
            let Tally { messages, compressed, plain } = std::mem::take(&mut self.contexts.inflated);
            if messages > 0 {
                env.stats.add_many(Count::Inflated, messages);
                env.stats.add_many(Count::InflatedFrom, compressed);
                env.stats.add_many(Count::InflatedTo, plain);
            }
        }
        let Some(websocket) = table.get_mut(slot).and_then(Connection::websocket_mut) else { return };
        let is_unfinished = !protocol.is_idle();
        websocket.protocol = Some(protocol);
        if (is_unfinished || websocket.extra.is_some()) && websocket.note_unfinished(has_ended_one, env) {
            self.lines.shared.schedule(slot);
        }
    }
}
