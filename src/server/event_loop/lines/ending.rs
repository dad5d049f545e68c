//! The end of a connection: the closing handshake (RFC 6455 §7), failures, and the last bytes.

use super::{Ending, Line, Lines};
use crate::protocol::{CloseFrame, Opcode, ProtocolError, encode_frame};
use crate::server::connection::leaving::Leaving;
use crate::server::connection::websocket::{Closing, Extra};
use crate::server::connection::{Phase, Reading};
use crate::server::event_loop::logs::log_failure;
use crate::server::transport::Socket;
use crate::server::types::error::{ConnectionError, Reason};
use crate::server::types::log_limit::log_limited;
use crate::server::types::stats::Count;

impl<S: Socket> Lines<S> {
    /// Sends a Close, unless one was sent, and waits for the peer's.
    #[inline(never)]
    pub fn close_for(&mut self, slot: u32, frame: &CloseFrame<'_>, reason: Reason) {
        if !self.send_close(slot, frame) {
            return;
        }
        if let Some(Line { connection, env, .. }) = self.line(slot)
            && let Some(websocket) = connection.websocket_mut()
        {
            websocket.extra(env).closing = Some(Closing { since: env.tick(), reason });
            self.shared.schedule(slot);
        }
    }

    /// Sends a Close behind all earlier messages to the peer. Returns whether there was one to send.
    #[inline(never)]
    fn send_close(&mut self, slot: u32, frame: &CloseFrame<'_>) -> bool {
        let may_send = |lines: &Self| lines.connection(slot).is_some_and(|connection| connection.may_send());
        if may_send(self) {
            self.send_own_posts(slot);
        }
        // The posts may have been too many: then a Close was sent for that.
        if !may_send(self) {
            return false;
        }
        let id = self.shared.table.id(slot);
        let Some(Line { connection, .. }) = self.line(slot) else { return false };
        // 5.5.1: no frame follows a Close, so a Pong that waits comes before it.
        let mut bytes = connection.output.take_pong().map_or_else(Vec::new, Vec::from);
        let start = bytes.len();
        let Some(websocket) = connection.websocket_mut() else { return false };
        websocket.is_close_sent = true;
        let protocol = websocket.protocol.as_mut();
        if let Some(Err((protocol, error))) = protocol.map(|protocol| match protocol.close(Some(frame), &mut bytes) {
            Ok(()) => Ok(()),
            Err(error) => Err((protocol, error)),
        }) {
            // Without a code it cannot fail.
            let _ = protocol.close(None, &mut bytes);
            log_limited!(self.shared, Misuse, "{id}: closed without a code: {error}");
        }
        if bytes.len() == start {
            // The protocol has ended already, but its answer has not left. This Close replaces it.
            let mut payload = Vec::new();
            frame.encode(&mut payload);
            encode_frame(Opcode::Close, &payload, &mut bytes);
        }
        self.send_always(slot, &bytes);
        true
    }

    /// The peer has sent Close. Our answer, if one is due, is in `replies` from `answer` on.
    #[inline(never)]
    pub fn on_close(&mut self, slot: u32, answer: usize, frame: Option<CloseFrame<'static>>) {
        self.send_answer(slot, answer);
        if let Some(websocket) = self.shared.table.get_mut(slot).and_then(|connection| connection.websocket_mut()) {
            let closing = websocket.extra.as_mut().and_then(|extra| extra.closing.take());
            self.end(slot, closing.map_or(Reason::Peer(frame), |closing| closing.reason), true);
        }
    }

    /// The peer has broken a rule. Our Close, if one is due, is in `replies` from `answer` on.
    #[inline(never)]
    pub fn fail_by_protocol(&mut self, slot: u32, answer: usize, error: ProtocolError) {
        self.send_answer(slot, answer);
        if error == ProtocolError::InvalidDeflate {
            self.shared.env.stats.add(Count::InflateErrors);
        }
        self.fail(slot, ConnectionError::Protocol(error));
    }

    /// Sends the protocol's answer behind all earlier messages to the peer.
    #[inline(never)]
    fn send_answer(&mut self, slot: u32, answer: usize) {
        let answer = self.shared.outbox.replies.split_off(answer);
        self.shared.settle_posts(slot);
        self.apply();
        if !answer.is_empty() && self.connection(slot).is_some_and(|connection| connection.may_send()) {
            self.send_always(slot, &answer);
        }
        if let Some(websocket) = self.shared.table.get_mut(slot).and_then(|connection| connection.websocket_mut()) {
            websocket.is_close_sent = true;
        }
    }

    /// A connection has failed, in whatever phase it is.
    #[inline(never)]
    pub fn fail(&mut self, slot: u32, error: ConnectionError) {
        let Some(connection) = self.connection(slot) else { return };
        let owed = connection.output.len();
        match &connection.phase {
            Phase::WebSocket(_) => log_failure(&mut self.shared, slot, &error),
            // It was closed for another reason already, and its last bytes may still leave.
            Phase::Leaving(_) if !matches!(error, ConnectionError::Io(_) | ConnectionError::TooMuchMemory) => return,
            Phase::Leaving(_) | Phase::Entrance(_) => return self.abort(slot),
        }
        if let Some(count) = count_of(&error) {
            self.shared.env.stats.add(count);
        }
        match error {
            // All bytes that it is owed are given up at once.
            ConnectionError::TooMuchMemory if owed > 0 => {
                self.end(slot, Reason::Failed(error), false);
                self.abort(slot);
            }
            ConnectionError::Io(_) | ConnectionError::CloseTimeout => {
                self.end(slot, Reason::Failed(error), false);
                self.kill(slot);
            }
            ConnectionError::PingTimeout | ConnectionError::WriteTimeout => {
                self.end(slot, Reason::Failed(error), false);
                self.abort(slot);
            }
            ConnectionError::SlowConsumer => {
                if let Some(Line { connection, .. }) = self.line(slot) {
                    connection.output.drop_unsent_frames();
                }
                // Posts behind the dropped frames would leave a gap.
                self.shared.skip_posts(slot);
                self.close_and_end(slot, error);
            }
            _ => self.close_and_end(slot, error),
        }
    }

    fn close_and_end(&mut self, slot: u32, error: ConnectionError) {
        self.send_close(slot, &CloseFrame::new(error.close_code(), error.to_string()));
        if self.is_open(slot) {
            self.end(slot, Reason::Failed(error), false);
        }
    }

    /// The stream was read to its end.
    #[inline(never)]
    pub fn end_of_stream(&mut self, slot: u32) {
        let Some(Line { connection, env, .. }) = self.line(slot) else { return };
        let is_owed = connection.output.len() > 0;
        match &mut connection.phase {
            Phase::WebSocket(websocket) => {
                let closing = websocket.extra.as_mut().and_then(|extra| extra.closing.take());
                self.end(slot, closing.map_or(Reason::Lost, |closing| closing.reason), false);
            }
            // Its answers may still leave.
            Phase::Entrance(entrance) if is_owed => {
                let leaving = Leaving::after_answer(entrance.no_room.is_some(), env);
                self.leave(slot, leaving);
            }
            Phase::Entrance(_) => self.kill(slot),
            Phase::Leaving(_) if !is_owed => self.kill(slot),
            Phase::Leaving(_) => {}
        }
    }

    /// The connection is over for its handler. Its last bytes may still leave.
    #[inline(never)]
    pub fn end(&mut self, slot: u32, reason: Reason, is_clean: bool) {
        self.shared.leave_all(slot);
        let id = self.shared.table.id(slot);
        let Some(Line { connection, env, .. }) = self.line(slot) else { return };
        let Some(websocket) = connection.websocket_mut() else { return };
        let (mount, kept) = (websocket.mount, websocket.extra.take().and_then(Extra::into_kept));
        let buffer = websocket.protocol.take().and_then(|mut protocol| protocol.take_buffer());
        let leaving = Leaving::after_websocket(is_clean, kept, env);
        self.pool.put(buffer.unwrap_or_default());
        self.endings.push(Ending { id, mount, reason });
        self.leave(slot, leaving);
    }

    /// Nothing more is handled. The last bytes leave.
    #[inline(never)]
    pub fn leave(&mut self, slot: u32, leaving: Leaving) {
        let Some(Line { connection, .. }) = self.line(slot) else { return };
        drop(connection.leave(leaving));
        self.shared.table.recount(slot);
        self.shared.schedule(slot);
        self.finish(slot);
        self.serve_later(slot);
    }

    /// When nothing is owed any more: ends the connection at once if nothing more can come either, else lingers.
    #[inline(never)]
    pub fn finish(&mut self, slot: u32) {
        let Some(Line { connection, mut socket, env }) = self.line(slot) else { return };
        if connection.leaving().is_none() {
            return;
        }
        if connection.try_to_finish(Some(&mut socket), env) {
            return self.kill(slot);
        }
        self.shared.schedule(slot);
    }

    /// Ends the TCP connection so that both sides discard the bytes under way (RST).
    #[inline(never)]
    pub fn abort(&mut self, slot: u32) {
        let id = self.shared.table.id(slot);
        let Some(Line { connection, mut socket, .. }) = self.line(slot) else { return };
        connection.output.clear();
        if let Err(error) = socket.abort() {
            log_limited!(self.shared, Io, "{id}: not reset, but closed: {error}");
        }
        self.kill(slot);
    }

    /// Has the slot freed at the end of the turn. Everything but the value for `close` is freed now.
    #[inline(never)]
    pub fn kill(&mut self, slot: u32) {
        let Some(Line { connection, env, .. }) = self.line(slot) else { return };
        debug_assert!(!connection.is_open(), "no close() for an open()");
        if connection.is_gone() {
            return;
        }
        let kept = connection.leaving().and_then(|leaving| leaving.kept.take());
        let leaving = Leaving::gone(kept, env);
        connection.output.clear();
        connection.reading = Reading::Ended;
        drop(connection.leave(leaving));
        self.shared.table.recount(slot);
        self.dead.push(slot);
    }
}

/// The counter of a failure.
fn count_of(error: &ConnectionError) -> Option<Count> {
    use ConnectionError::{CloseTimeout, MessageTimeout, PingTimeout, WriteTimeout};
    Some(match error {
        ConnectionError::Protocol(_) => Count::ProtocolErrors,
        ConnectionError::Io(_) => Count::IoErrors,
        PingTimeout | CloseTimeout | WriteTimeout | MessageTimeout => Count::Timeouts,
        ConnectionError::SlowConsumer => Count::SlowClosed,
        ConnectionError::TooManyTimers | ConnectionError::TooManyMessages => Count::RateLimited,
        ConnectionError::TooMuchMemory => Count::MemoryClosed,
        // It was counted where it was caught.
        ConnectionError::Panic => return None,
    })
}
