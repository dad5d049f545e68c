//! What a connection keeps between two calls: of a frame or message whose end has not come, and of the last event.
//!
//! An idle connection has none of it.

use std::mem;

use crate::protocol::{
    buffer::{Buffer, DIRECT},
    error::ProtocolError,
    extension::Inflation,
    frame::{FrameHeader, mask},
    message::Assembly,
};

/// All that is neither whole in the input nor done with.
#[derive(Default)]
pub(super) struct Partial {
    /// The beginning of a header. Empty while `frame` is there.
    pub(super) head: Head,
    /// The frame under way, its header complete.
    pub(super) frame: Option<Frame>,
    /// The payload of a control frame: under way, or that of the last event. Apart from `message`, since it may come
    /// between two fragments (§5.4).
    pub(super) control: Vec<u8>,
    /// The message under way. At the header of a frame: there if and only if it is fragmented.
    pub(super) message: Option<Assembly>,
    /// What an extension does to that message, or keeps between two messages.
    pub(super) inflation: Option<Inflation>,
    /// The payload of a message that is done with: of the last event, or of one that nobody will get.
    pub(super) spent: Option<Buffer>,
}

impl Partial {
    /// Whether there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.control.is_empty()
            && self.message.is_none()
            && self.inflation.is_none()
            && self.spent.is_none()
    }

    /// Whether there is nothing but what an extension keeps between two messages.
    pub(super) fn is_idle(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.control.is_empty()
            && self.message.is_none()
            && !self.is_extended()
            && self.spent.is_none()
    }

    /// Whether the message under way is one that an extension works on.
    pub(super) fn is_extended(&self) -> bool {
        self.inflation.as_ref().is_some_and(|inflation| inflation.is_under_way())
    }

    /// Whether there is work to be done on that message without further input.
    pub(super) fn is_paused(&self) -> bool {
        self.inflation.as_ref().is_some_and(|inflation| inflation.is_paused())
    }

    /// Forgets what the last event borrowed.
    pub(super) fn forget_last_event(&mut self) {
        self.spent = None;
        if self.frame.is_none() {
            self.control = Vec::new();
        }
    }

    /// Forgets the message under way, which nobody will get. Its frame is still there, to be skipped.
    pub(super) fn abandon_message(&mut self) {
        if let Some(message) = &mut self.message {
            self.spent = Some(mem::take(&mut message.buffer));
        }
        if let Some(inflation) = &mut self.inflation {
            inflation.abandon();
        }
    }

    /// Where to receive the payload of a large frame.
    pub(super) fn spare(&mut self) -> Option<&mut [u8]> {
        let remaining = self.frame.as_ref().filter(|frame| frame.direct)?.remaining();
        self.message.as_mut()?.buffer.spare(usize::try_from(remaining).unwrap_or(usize::MAX))
    }

    /// Takes `n` bytes that lie in [`spare`](Self::spare).
    pub(super) fn filled(&mut self, n: usize) -> Result<(), ProtocolError> {
        let n = self.spare().map_or(0, |spare| spare.len().min(n));
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(()) };
        message.append_spare(n, |piece| frame.unmask(piece))
    }

    /// The heap bytes held, itself included.
    pub(super) fn capacity(&self) -> usize {
        size_of::<Self>()
            + self.control.capacity()
            + self.message.as_ref().map_or(0, |message| message.buffer.capacity())
            + self.inflation.as_ref().map_or(0, |inflation| inflation.capacity())
            + self.spent.as_ref().map_or(0, Buffer::capacity)
    }

    /// Those of an inflater.
    pub(super) fn inflater(&self) -> usize {
        self.inflation.as_ref().map_or(0, |inflation| inflation.inflater())
    }
}

/// The beginning of a header.
#[derive(Default)]
pub(super) struct Head {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: usize,
}

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes bytes off the front of `input` until the header is complete, and then is empty again.
    pub(super) fn complete(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHeader>, ProtocolError> {
        while let (Some(place), Some(byte)) = (self.bytes.get_mut(self.len), input.split_off_first_mut()) {
            *place = *byte;
            self.len += 1;
            if let Some((header, _)) = FrameHeader::parse(self.bytes.get(..self.len).unwrap_or_default())? {
                self.len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

/// A frame whose header has been accepted.
pub(in crate::protocol) struct Frame {
    pub(in crate::protocol) header: FrameHeader,
    /// How much of the payload has come.
    received: u64,
    /// Whether the payload may be received straight into the message's buffer.
    direct: bool,
}

impl Frame {
    pub(super) fn new(header: FrameHeader) -> Self {
        Self { header, received: 0, direct: false }
    }

    pub(in crate::protocol) fn remaining(&self) -> u64 {
        self.header.payload_len.saturating_sub(self.received)
    }

    pub(in crate::protocol) fn is_complete(&self) -> bool {
        self.remaining() == 0
    }

    /// Takes what `input` has of the payload off its front, and unmasks it.
    pub(in crate::protocol) fn take<'i>(&mut self, input: &mut &'i mut [u8]) -> &'i mut [u8] {
        let len = usize::try_from(self.remaining()).map_or(input.len(), |remaining| remaining.min(input.len()));
        let piece = input.split_off_mut(..len).unwrap_or_default();
        self.unmask(piece);
        piece
    }

    /// Whether `piece`, just taken, is the whole payload.
    pub(super) fn is_whole(&self, piece: &[u8]) -> bool {
        self.header.payload_len == piece.len() as u64
    }

    /// Adds `piece`, just taken, to the message. If much is to come, looks for a larger buffer: payload has come, so
    /// that is no answer to a mere claim.
    pub(super) fn append_to(
        &mut self,
        message: &mut Assembly,
        piece: &[u8],
        lend: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<(), ProtocolError> {
        if self.remaining() >= DIRECT as u64 {
            self.direct = true;
            if message.buffer.extent() < DIRECT
                && let Some(bytes) = lend()
            {
                message.buffer.lend(bytes);
            }
        }
        message.append(piece)
    }

    /// Unmasks the next piece of the payload, and counts it.
    fn unmask(&mut self, piece: &mut [u8]) {
        if let Some(key) = self.header.masking_key {
            mask(piece, key, (self.received % 4) as usize);
        }
        self.received += piece.len() as u64;
    }
}
