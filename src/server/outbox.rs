//! What handlers have said in this turn, already encoded, and not yet applied.
//!
//! Two buffers, so that what goes out in one write lies in one piece: `replies` for single connections, emptied after
//! each batch of messages, and `posts` for topics, emptied at the end of the turn.

use std::ops::Range;
use std::rc::Rc;

use super::handler::{ConnectionId, Error};
use super::session::Flags;
use super::shared_bytes::SharedBytes;
use super::topics::TopicKey;
use crate::protocol::{CloseFrame, FrameHeader, Message, encode_frame};

#[derive(Default)]
pub(crate) struct Outbox {
    pub replies: Vec<u8>,
    pub actions: Vec<Action>,
    pub posts: Posts,
    /// Addresses of the message that is being handled, if it is a large one.
    input: Range<usize>,
    /// The connection whose batch is being handled has been told to close: no further message for it.
    pub interrupted: bool,
    /// A reply is to be sent from the input.
    in_place: bool,
}

/// What a callback wants done, in the order in which it said so.
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
    /// Fail the connection, which has had more timers or messages than it may.
    Fail {
        id: ConnectionId,
        error: Error,
    },
}

/// Bytes of posts at which they are delivered before the turn ends, so that there are never many.
const MANY_POSTS: usize = 256 * 1024;

/// The turn's broadcasts: frames behind each other, and for each who gets it.
#[derive(Default)]
pub(crate) struct Posts {
    /// Shared with the queues of members that could not take all of it.
    pub bytes: Rc<SharedBytes>,
    pub log: Vec<Post>,
    /// Slots whose sessions are [`Flags::SPECIAL`] until the turn ends.
    pub specials: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Post {
    pub topic: TopicKey,
    pub bytes: Range<usize>,
    pub except: Option<ConnectionId>,
}

/// A post, by its number in the log, that one connection is to get.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Delivery {
    pub slot: u32,
    pub post: u32,
}

impl Action {
    /// Who gets what it sends.
    pub fn recipient(&self) -> Option<ConnectionId> {
        match self {
            Action::Send { to, .. } | Action::SendInput { to, .. } => Some(*to),
            Action::Close { .. } | Action::Fail { .. } => None,
        }
    }
}

impl Outbox {
    /// From this size on, a reply that lies in the input is sent from there instead of being copied.
    pub const IN_PLACE: usize = 32 * 1024;

    /// Says where the message of the coming callback lies, until [`take_in_place`](Self::take_in_place).
    pub fn set_input(&mut self, input: &[u8]) {
        let range = input.as_ptr_range();
        self.input = range.start.addr()..range.end.addr();
    }

    /// Those addresses, if a reply is to be sent from there. No further one will be.
    pub fn take_in_place(&mut self) -> Option<Range<usize>> {
        let input = std::mem::take(&mut self.input);
        std::mem::take(&mut self.in_place).then_some(input)
    }

    /// Takes the emptied buffers back, unless new ones have been begun meanwhile or these have grown too large.
    pub fn give_back(&mut self, mut actions: Vec<Action>, replies: Vec<u8>) {
        if self.actions.is_empty() {
            actions.clear();
            self.actions = actions;
        }
        self.give_back_replies(replies);
    }

    /// The same with the buffer of replies alone.
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

    /// Sends a message from the input, if that is where it lies.
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

    /// Sends a frame that is encoded already.
    pub fn send_frame(&mut self, to: ConnectionId, frame: &[u8]) {
        let start = self.replies.len();
        self.replies.extend_from_slice(frame);
        self.note_reply(to, start);
    }

    /// Records that `replies[start..]` goes to `to`; what follows its last reply directly is joined to it.
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

    pub fn fail(&mut self, id: ConnectionId, error: Error) {
        self.interrupted = true;
        self.actions.push(Action::Fail { id, error });
    }

    /// Where a payload lies in the current input, if it does.
    fn place_in_input(&self, payload: &[u8]) -> Option<Range<usize>> {
        let range = payload.as_ptr_range();
        let (start, end) = (range.start.addr(), range.end.addr());
        (start >= self.input.start && end <= self.input.end).then(|| start - self.input.start..end - self.input.start)
    }
}

impl Posts {
    pub fn post(&mut self, topic: TopicKey, message: Message<'_>, except: Option<ConnectionId>) {
        self.write(topic, except, |bytes| encode_frame(message.opcode(), message.as_bytes(), bytes));
    }

    pub fn post_frame(&mut self, topic: TopicKey, frame: &[u8]) {
        self.write(topic, None, |bytes| bytes.extend_from_slice(frame));
    }

    /// Whether there are so many that they should not wait for the turn's end.
    #[inline]
    pub fn has_many(&self) -> bool {
        self.bytes.len() > MANY_POSTS
    }

    /// Remembers that not all posts of the turn concern a connection alike.
    pub fn special(&mut self, slot: u32, flags: &mut Flags) {
        if flags.newly_set(Flags::SPECIAL) {
            self.specials.push(slot);
        }
    }

    /// Forgets all posts; what queues still hold of them stays alive there.
    pub fn clear(&mut self) {
        self.log.clear();
        match Rc::get_mut(&mut self.bytes).map(SharedBytes::bytes_mut) {
            // A turn with large broadcasts must not hold on to their memory.
            Some(bytes) if bytes.capacity() <= 1024 * 1024 => bytes.clear(),
            _ => self.bytes = Rc::default(),
        }
    }

    fn write(&mut self, topic: TopicKey, except: Option<ConnectionId>, encode: impl FnOnce(&mut Vec<u8>)) {
        // Queues share the bytes only while the turn's posts are delivered, and `clear` follows: this never copies.
        if Rc::get_mut(&mut self.bytes).is_none() {
            self.bytes = Rc::new(SharedBytes::new(self.bytes.to_vec()));
        }
        let Some(bytes) = Rc::get_mut(&mut self.bytes).map(SharedBytes::bytes_mut) else { return };
        let start = bytes.len();
        encode(bytes);
        let end = bytes.len();
        self.log.push(Post { topic, bytes: start..end, except });
    }
}
