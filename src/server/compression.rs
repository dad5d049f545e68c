//! Compressing what is sent, and what a connection has agreed on about that.

mod deflate;

pub use self::deflate::Deflate;
pub(crate) use self::deflate::{
    Compressor, Own, Sending, describe, encode_response, negotiate, open, reserved, sending,
};

use super::core::Core;
use super::handler::ConnectionId;
use super::outbox::Post;
use crate::protocol::{FrameHeader, Message, Opcode};

impl Core {
    /// Sends a message to one connection: compressed where that was negotiated and makes it shorter.
    #[inline]
    pub fn send(&mut self, to: ConnectionId, message: Message<'_>) {
        match self.sending(to) {
            Some((slot, sending)) => {
                if !self.send_compressed(slot, sending, message.opcode(), message.as_bytes()) {
                    self.outbox.send(to, message);
                }
            }
            None => self.outbox.send(to, message),
        }
    }

    /// The same with a frame that is encoded already, as it would be without compression.
    pub fn send_frame(&mut self, to: ConnectionId, frame: &[u8]) {
        let is_sent = match (self.sending(to), split(frame)) {
            (Some((slot, sending)), Some((opcode, payload))) => self.send_compressed(slot, sending, opcode, payload),
            _ => false,
        };
        if !is_sent {
            self.outbox.send_frame(to, frame);
        }
    }

    /// How a connection is sent messages, if they may be compressed.
    #[inline]
    fn sending(&self, to: ConnectionId) -> Option<(u32, Sending)> {
        self.config.deflate?;
        let slot = self.find_open(to)?;
        Some((slot, self.sessions[slot].sending?))
    }

    /// Whether the message was worth compressing, and so is sent.
    fn send_compressed(&mut self, slot: u32, sending: Sending, opcode: Opcode, payload: &[u8]) -> bool {
        if !self.compressor.is_worth_it(payload.len()) {
            return false;
        }
        let start = self.outbox.replies.len();
        let is_sent = if !sending.is_shared() && self.compressor.spend_own(payload.len()) {
            let own = &mut self.sessions[slot].rare().compressor;
            self.compressor.encode_own(sending, own, opcode, payload, &mut self.outbox.replies, &self.stats)
        } else {
            self.pass_over(slot);
            self.compressor.encode_alone(sending, opcode, payload, &mut self.outbox.replies, &self.stats)
        };
        if is_sent {
            self.outbox.note_reply(self.sessions.id(slot), start);
        }
        is_sent
    }

    /// Appends a post, which lies at a place of the turn's log, as a connection is to get it.
    pub fn append_post(&mut self, slot: u32, at: usize, output: &mut Vec<u8>) {
        let Some(Post { bytes, .. }) = self.outbox.posts.log.get(at) else { return };
        let frame = self.outbox.posts.bytes.get(bytes.clone()).unwrap_or_default();
        let Some(sending) = self.sessions[slot].sending else { return output.extend_from_slice(frame) };
        let worth_it = split(frame).filter(|(_, payload)| self.compressor.is_worth_it(payload.len()));
        let Some((opcode, payload)) = worth_it else { return output.extend_from_slice(frame) };
        if sending.is_shared() || !self.compressor.spend_own(payload.len()) {
            self.pass_over(slot);
            return output.extend_from_slice(self.compressor.post(sending, at, &self.outbox.posts, &self.stats));
        }
        let own = &mut self.sessions[slot].rare().compressor;
        if !self.compressor.encode_own(sending, own, opcode, payload, output, &self.stats) {
            output.extend_from_slice(frame);
        }
    }

    /// What a connection is sent may be compressed by itself: a context of its own then knows nothing of it.
    fn pass_over(&mut self, slot: u32) {
        if let Some(own) = self.sessions[slot].rare.as_mut().and_then(|rare| rare.compressor.as_mut()) {
            own.pass_over();
        }
    }
}

/// The opcode and the payload of a frame of our own.
fn split(frame: &[u8]) -> Option<(Opcode, &[u8])> {
    let (header, len) = FrameHeader::parse(frame).ok()??;
    Some((header.opcode, frame.get(len..)?))
}
