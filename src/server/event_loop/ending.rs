//! The end of a connection: closing handshake (RFC 6455 §7), failures, the callbacks that tell of it, and the one exit
//! door, [`reap`](EventLoop::reap).

use super::EventLoop;
use crate::protocol::{CloseFrame, Opcode, ProtocolError, State, encode_frame};
use crate::server::core::Core;
use crate::server::handler::{CloseReason, ConnectionId, Error};
use crate::server::log_limit::log_limited;
use crate::server::poller::{Poller, Socket};
use crate::server::session::{Backlog, Deadline, Flags, Phase, Reason};
use crate::server::stats::Count;
use crate::server::write_queue::WriteQueue;

/// How long what a peer still sends is discarded after our side of the stream was ended, in milliseconds: closing at
/// once could destroy what it has not yet received.
const LINGER: u32 = 1000;

/// A connection whose handler is to be told that it has ended.
pub(super) struct Ending {
    id: ConnectionId,
    mount: u16,
    reason: Reason,
}

impl<P: Poller> EventLoop<P> {
    /// Starts the closing handshake because a handler or a handle says so.
    pub(super) fn close(&mut self, id: ConnectionId, frame: CloseFrame<'static>) {
        if let Some(slot) = self.core.find_open(id) {
            self.close_for(slot, &frame.clone(), Reason::Local(frame));
        }
    }

    /// Sends a Close, unless one was sent, and waits for the peer's.
    pub(super) fn close_for(&mut self, slot: u32, frame: &CloseFrame<'_>, reason: Reason) {
        if !self.send_close(slot, frame) {
            return;
        }
        let deadline = Deadline { from: self.core.tick(), millis: Core::millis(self.core.config.close_timeout) };
        let session = &mut self.core.sessions[slot];
        if session.phase == Phase::Open {
            session.rare().deadline = Some(deadline);
            session.rare().closing = Some(Box::new(reason));
            self.look_for(slot);
        }
    }

    /// Sends a Close behind all that was said to the peer before. Whether it was to be sent at all.
    fn send_close(&mut self, slot: u32, frame: &CloseFrame<'_>) -> bool {
        if self.may_send(slot) {
            self.send_own_posts(slot);
        }
        // Those may have been too many: then it has been told so.
        if !self.may_send(slot) {
            return false;
        }
        // 5.5.1: no frame follows a Close, so a Pong that waits comes before it.
        let pong = self.core.sessions[slot].rare.as_mut().and_then(|rare| rare.pong.take());
        let mut bytes = pong.map_or_else(Vec::new, Vec::from);
        let (id, start) = (self.core.sessions.id(slot), bytes.len());
        if let Some(connection) = self.core.sessions[slot].connection.as_mut()
            && let Err(error) = connection.close(Some(frame), &mut bytes)
        {
            log_limited!(self.core, Misuse, "{id}: closed without a code: {error}");
            // Without a code it cannot fail.
            let _ = connection.close(None, &mut bytes);
        }
        if bytes.len() == start {
            // For the protocol it is over, but its answer to that has not left. This is why.
            let mut payload = Vec::new();
            frame.encode(&mut payload);
            encode_frame(Opcode::Close, &payload, &mut bytes);
        }
        self.core.sessions[slot].flags.set(Flags::CLOSE_SENT);
        self.send_owed(slot, &bytes);
        true
    }

    /// The peer has sent Close; our answer, if one is due, is in `replies` from `answer` on.
    pub(super) fn on_close(&mut self, slot: u32, answer: usize, frame: Option<CloseFrame<'static>>) {
        self.send_answer(slot, answer);
        if self.core.sessions[slot].phase == Phase::Open {
            self.core.sessions[slot].flags.set(Flags::CLEAN);
            let closing = self.core.sessions[slot].rare.as_mut().and_then(|rare| rare.closing.take());
            self.end(slot, closing.map_or(Reason::Peer(frame), |reason| *reason));
        }
    }

    /// The peer has broken a rule; our Close, if one is due, is in `replies` from `answer` on.
    pub(super) fn fail_by_protocol(&mut self, slot: u32, answer: usize, error: ProtocolError) {
        self.send_answer(slot, answer);
        if error == ProtocolError::InvalidDeflate {
            self.core.stats.add(Count::InflateErrors);
        }
        self.fail(slot, Error::Protocol(error));
    }

    /// Sends what the protocol has answered, behind all that was said to the peer before.
    fn send_answer(&mut self, slot: u32, answer: usize) {
        let answer = self.core.outbox.replies.split_off(answer);
        self.core.settle_posts(slot);
        self.apply();
        if self.may_send(slot) && !answer.is_empty() {
            self.send_owed(slot, &answer);
        }
        self.core.sessions[slot].flags.set(Flags::CLOSE_SENT);
    }

    /// A connection has failed, in whatever phase it is.
    pub(super) fn fail(&mut self, slot: u32, error: Error) {
        match self.core.sessions[slot].phase {
            Phase::Free | Phase::Dead => return,
            // It is closed for another reason already, and what it is owed, the Close that says so, may still leave.
            Phase::Draining if !matches!(error, Error::Io(_) | Error::TooMuchMemory) => return,
            Phase::Handshake | Phase::Waiting | Phase::Draining => return self.abort(slot),
            Phase::Open => self.log_failure(slot, &error),
        }
        let session = &mut self.core.sessions[slot];
        if let Some(count) = count_of(&error) {
            self.core.stats.add(count);
        }
        match error {
            // What it is owed is given up at once.
            Error::TooMuchMemory if session.queued() > 0 => {
                self.end(slot, Reason::Failed(error));
                self.abort(slot);
            }
            Error::Io(_) | Error::CloseTimeout => {
                self.end(slot, Reason::Failed(error));
                self.kill(slot);
            }
            Error::PingTimeout | Error::WriteTimeout => {
                self.end(slot, Reason::Failed(error));
                self.abort(slot);
            }
            Error::SlowConsumer => {
                if let Some(rare) = session.rare.as_mut() {
                    rare.queue.drop_unsent_frames();
                }
                // What comes behind the dropped ones would leave a gap.
                self.core.skip_posts(slot);
                self.close_and_end(slot, error);
            }
            _ => self.close_and_end(slot, error),
        }
    }

    fn close_and_end(&mut self, slot: u32, error: Error) {
        let reason = error.to_string();
        self.send_close(slot, &CloseFrame::new(error.close_code(), reason));
        if self.core.sessions[slot].phase == Phase::Open {
            self.end(slot, Reason::Failed(error));
        }
    }

    /// The stream was read to its end.
    pub(super) fn end_of_stream(&mut self, slot: u32) {
        let session = &mut self.core.sessions[slot];
        session.flags.set(Flags::ENDED);
        match session.phase {
            Phase::Free | Phase::Dead => {}
            Phase::Handshake | Phase::Waiting => self.kill(slot),
            Phase::Open => {
                let closing = session.rare.as_mut().and_then(|rare| rare.closing.take());
                self.end(slot, closing.map_or(Reason::Lost, |reason| *reason));
            }
            Phase::Draining => {
                if session.queued() == 0 {
                    self.kill(slot);
                }
            }
        }
    }

    /// The connection is over for its handler; what is owed may still leave.
    pub(super) fn end(&mut self, slot: u32, reason: Reason) {
        self.core.leave_all(slot);
        let id = self.core.sessions.id(slot);
        let session = &mut self.core.sessions[slot];
        self.endings.push(Ending { id, mount: session.mount, reason });
        let buffer = session.connection.take().and_then(|mut connection| connection.take_buffer());
        self.pool.put(buffer.unwrap_or_default());
        self.drain(slot);
    }

    /// Nothing more is received; what is owed leaves, within a deadline.
    pub(super) fn drain(&mut self, slot: u32) {
        let from = self.core.tick();
        let millis = Core::millis(self.core.config.close_timeout);
        self.core.sessions.set_phase(slot, Phase::Draining);
        let session = &mut self.core.sessions[slot];
        session.flags.clear(Flags::PAUSED);
        let rare = session.rare();
        rare.deadline = Some(Deadline { from, millis });
        rare.backlog = Backlog::default();
        rare.waiting = None;
        (rare.compressor, rare.reserved) = (None, 0);
        rare.unfinished = None;
        rare.pong = None;
        rare.high = false;
        rare.rate = None;
        let owes_nothing = rare.queue.is_empty();
        self.look_for(slot);
        self.core.account(slot);
        if owes_nothing {
            self.finish(slot);
        }
        self.serve_later(slot);
    }

    /// Nothing is owed any more: closes at once when nothing more can come either, else lingers.
    pub(super) fn finish(&mut self, slot: u32) {
        let tick = self.core.tick();
        let session = &mut self.core.sessions[slot];
        let flags = session.flags;
        if flags.has(Flags::ENDED) || (flags.has(Flags::CLEAN) && flags.has(Flags::DRAINED)) {
            return self.kill(slot);
        }
        if session.flags.newly_set(Flags::SHUT) {
            session.rare().deadline = Some(Deadline { from: tick, millis: LINGER });
            self.look_for(slot);
            if self.socket(slot).is_none_or(|socket| socket.shutdown_write().is_err()) {
                self.kill(slot);
            }
        }
    }

    /// Ends the TCP connection so that what is owed is discarded on both sides (RST).
    pub(super) fn abort(&mut self, slot: u32) {
        if let Some(Err(error)) = self.socket(slot).map(Socket::abort) {
            log_limited!(self.core, Io, "{}: not reset, but closed: {error}", self.core.sessions.id(slot));
        }
        if let Some(rare) = self.core.sessions[slot].rare.as_mut() {
            // All that it counts for, so that nobody else has to go for that.
            (rare.queue, rare.backlog) = (WriteQueue::default(), Backlog::default());
            (rare.head, rare.reserved) = (None, 0);
        }
        self.core.account(slot);
        self.kill(slot);
    }

    /// Has the slot freed at the end of the turn.
    pub(super) fn kill(&mut self, slot: u32) {
        let session = &mut self.core.sessions[slot];
        if session.phase != Phase::Dead {
            debug_assert!(session.phase != Phase::Open, "{}: no close() for an open()", session.id(slot));
            self.accepting.turned_away -= usize::from(session.flags.has(Flags::TURNED_AWAY));
            self.core.sessions.set_phase(slot, Phase::Dead);
            self.dead.push(slot);
        }
    }

    /// Calls `drain`, `error` and `close`, each at most once for a connection in a turn. What they say is applied in
    /// the next one, so that no turn can go on for ever.
    pub(super) fn call_back(&mut self) {
        let mut drains = std::mem::take(&mut self.drains);
        drains.sort_unstable();
        drains.dedup();
        for slot in drains {
            let session = &self.core.sessions[slot];
            if session.phase == Phase::Open {
                let (mount, id) = (session.mount, session.id(slot));
                self.call(mount, id, |handler, ctx| handler.drain(ctx));
            }
        }
        for Ending { id, mount, reason } in std::mem::take(&mut self.endings) {
            if let Reason::Failed(error) = &reason {
                self.call(mount, id, |handler, ctx| handler.error(ctx, error));
            }
            let reason = match &reason {
                Reason::Peer(frame) => CloseReason::Peer(frame.as_ref()),
                Reason::Local(frame) => CloseReason::Local(frame),
                Reason::Lost => CloseReason::Lost,
                Reason::Failed(error) => CloseReason::Failed(error),
                Reason::Shutdown => CloseReason::Shutdown,
            };
            log_limited!(self.core, Closed, "{id}: closed: {reason:?}");
            self.call(mount, id, |handler, ctx| handler.close(ctx, reason));
        }
    }

    /// Frees the slots of connections that are done with. Nothing else does.
    pub(super) fn reap(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        let sessions = &self.core.sessions;
        let lives = |slot: &u32| sessions[*slot].phase != Phase::Dead;
        self.again.retain(lives);
        self.flushes.retain(lives);
        self.drains.retain(lives);
        for slot in self.dead.drain(..) {
            self.sockets[slot as usize] = None;
            self.addresses.release(slot);
            self.core.held -= self.core.sessions[slot].rare.as_ref().map_or(0, |rare| rare.accounted);
            self.core.sessions.remove(slot);
        }
    }

    /// The server is at its end: everyone who is still here hears so.
    pub(super) fn end_all(&mut self) {
        let open = |slot: &u32| self.core.sessions[*slot].phase == Phase::Open;
        for slot in self.core.sessions.taken().filter(open).collect::<Vec<_>>() {
            self.end(slot, Reason::Shutdown);
        }
        self.call_back();
    }

    /// Whether the closing handshake is under way.
    pub(super) fn is_closing(&self, slot: u32) -> bool {
        self.core.sessions[slot].connection.as_ref().is_some_and(|connection| connection.state() != State::Open)
    }
}

/// What a failure is counted as.
fn count_of(error: &Error) -> Option<Count> {
    Some(match error {
        Error::Protocol(_) => Count::ProtocolErrors,
        Error::Io(_) => Count::IoErrors,
        Error::PingTimeout | Error::CloseTimeout | Error::WriteTimeout | Error::MessageTimeout => Count::Timeouts,
        Error::SlowConsumer => Count::SlowClosed,
        Error::TooManyTimers | Error::TooManyMessages => Count::RateLimited,
        Error::TooMuchMemory => Count::MemoryClosed,
        // It was counted where it was caught.
        Error::Panic => return None,
    })
}
