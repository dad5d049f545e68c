//! The actions that handlers have asked for and that have not been applied: messages to single connections, already
//! encoded behind each other, and the rest. It is emptied after each batch of messages.

use std::ops::Range;

use crate::protocol::{CloseFrame, FrameHeader, Message, encode_frame};
use crate::server::types::error::ConnectionError;
use crate::server::types::id::ConnectionId;
use crate::server::types::verdict::Verdict;

#[derive(Default)]
pub(crate) struct Outbox {
    pub replies: Vec<u8>,
    pub actions: Vec<Action>,
    /// Decisions about handshakes and requests that handlers had put off.
    pub verdicts: Vec<Verdict>,
    /// Addresses of the message that is being handled, if it is large.
    input: Range<usize>,
    /// The connection whose batch is being handled was told to close: its batch ends.
    pub interrupted: bool,
    /// A reply is to be sent from the message itself.
    in_place: bool,
}

/// An action. Actions are applied in the order in which callbacks asked for them.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send `replies[bytes]`.
    Send {
        to: ConnectionId,
        bytes: Range<usize>,
    },
    /// Send `replies[header]`, then `input[payload]`.
    SendInput {
        to: ConnectionId,
        header: Range<usize>,
        payload: Range<usize>,
    },
    Close {
        id: ConnectionId,
        frame: CloseFrame<'static>,
    },
    /// Fail the connection, which has more timers or messages than it may.
    Fail {
        id: ConnectionId,
        error: ConnectionError,
    },
}

impl Action {
    /// The recipient, if it sends something.
    pub fn recipient(&self) -> Option<ConnectionId> {
        match self {
            Action::Send { to, .. } | Action::SendInput { to, .. } => Some(*to),
            Action::Close { .. } | Action::Fail { .. } => None,
        }
    }
}

impl Outbox {
    /// From this size on, a reply that is the received message is sent from where it lies instead of being copied.
    pub const IN_PLACE: usize = 32 * 1024;

    /// Notes where the message of the coming callback lies, until [`take_in_place`](Self::take_in_place).
    pub fn set_input(&mut self, input: &[u8]) {
        let range = input.as_ptr_range();
        self.input = range.start.addr()..range.end.addr();
    }

    /// Takes these addresses, if a reply is to be sent from there.
    pub fn take_in_place(&mut self) -> Option<Range<usize>> {
        let input = std::mem::take(&mut self.input);
        std::mem::take(&mut self.in_place).then_some(input)
    }

    /// Takes the emptied buffers back, unless new ones are in use or these have grown too large.
    pub fn give_back(&mut self, mut actions: Vec<Action>, replies: Vec<u8>) {
        if self.actions.is_empty() {
            actions.clear();
            self.actions = actions;
        }
        self.give_back_replies(replies);
    }

    /// Takes the buffer of replies back alone.
    pub fn give_back_replies(&mut self, mut replies: Vec<u8>) {
        if self.replies.is_empty() && replies.capacity() <= 1024 * 1024 {
            replies.clear();
            self.replies = replies;
        }
    }

    #[inline]
    pub fn send(&mut self, to: ConnectionId, message: Message<'_>) {
        if message.len() >= Self::IN_PLACE && self.send_in_place(to, message) {
            return;
        }
        let start = self.replies.len();
        encode_frame(message.opcode(), message.as_bytes(), &mut self.replies);
        self.note_reply(to, start);
    }

    /// Sends a message from the received one, if that is where it lies.
    #[inline(never)]
    fn send_in_place(&mut self, to: ConnectionId, message: Message<'_>) -> bool {
        let Some(payload) = self.place_in_input(message.as_bytes()) else { return false };
        let (start, payload_len) = (self.replies.len(), payload.len() as u64);
        FrameHeader { fin: true, rsv1: false, opcode: message.opcode(), masking_key: None, payload_len }
            .encode(&mut self.replies);
        self.in_place = true;
        self.actions.push(Action::SendInput { to, header: start..self.replies.len(), payload });
        true
    }

    /// Sends an encoded frame.
    pub fn send_frame(&mut self, to: ConnectionId, frame: &[u8]) {
        let start = self.replies.len();
        self.replies.extend_from_slice(frame);
        self.note_reply(to, start);
    }

    /// Records that `replies[start..]` goes to `to`. Bytes right behind its last reply join it.
    #[inline]
    pub fn note_reply(&mut self, to: ConnectionId, start: usize) {
        let end = self.replies.len();
        if let Some(Action::Send { to: last, bytes }) = self.actions.last_mut()
            && (*last, bytes.end) == (to, start)
        {
            bytes.end = end;
        } else {
            self.actions.push(Action::Send { to, bytes: start..end });
        }
    }

    pub fn close(&mut self, id: ConnectionId, frame: CloseFrame<'_>, current: ConnectionId) {
        self.interrupted |= id == current;
        self.actions.push(Action::Close { id, frame: frame.into_owned() });
    }

    pub fn fail(&mut self, id: ConnectionId, error: ConnectionError) {
        self.interrupted = true;
        self.actions.push(Action::Fail { id, error });
    }

    /// Where a payload lies in the received message, if it lies there.
    fn place_in_input(&self, payload: &[u8]) -> Option<Range<usize>> {
        let range = payload.as_ptr_range();
        let (start, end) = (range.start.addr(), range.end.addr());
        (start >= self.input.start && end <= self.input.end).then(|| start - self.input.start..end - self.input.start)
    }
}
