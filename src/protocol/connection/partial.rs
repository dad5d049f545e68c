//! The unfinished frame or message of a connection, and the payload of its last event.
//!
//! An idle connection keeps none of this.

use std::mem;

use crate::protocol::{
    buffer::{Buffer, DIRECT},
    deflate::{Inflation, Zlib},
    error::ProtocolError,
    frame::{FrameHeader, mask},
    message::Assembly,
};

/// The state kept between two calls.
#[derive(Default)]
pub(super) struct Partial {
    /// An incomplete header. Empty while `frame` is `Some`.
    pub(super) head: Head,
    /// The current frame: its header is complete, its payload is not.
    pub(super) frame: Option<Frame>,
    /// The payload of the current control frame, or of the last event. Apart from `message`, because a control frame may
    /// stand between two fragments (§5.4).
    pub(super) control: Vec<u8>,
    /// The unfinished message. Between two frames it is `Some` only if the message is fragmented.
    pub(super) message: Option<Assembly>,
    /// The inflation of that message; with context takeover also the context kept for the next one.
    pub(super) inflation: Option<Inflation>,
    /// The payload of the last event, or of a message that was given up.
    pub(super) spent: Option<Buffer>,
}

impl Partial {
    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.control.is_empty()
            && self.message.is_none()
            && self.inflation().is_none()
            && self.spent.is_none()
    }

    /// Whether nothing is kept but the context of the extension.
    pub(super) fn is_idle(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.control.is_empty()
            && self.message.is_none()
            && !self.is_inflating()
            && self.spent.is_none()
    }

    /// Whether the unfinished message is compressed.
    pub(super) fn is_inflating(&self) -> bool {
        self.inflation().is_some_and(Inflation::is_receiving)
    }

    /// Whether there is more to inflate without further input.
    pub(super) fn is_paused(&self) -> bool {
        self.inflation().is_some_and(Inflation::is_paused)
    }

    /// Known to be `None` at compile time in a build that cannot inflate.
    fn inflation(&self) -> Option<&Inflation> {
        Zlib::get().and(self.inflation.as_ref())
    }

    /// Frees the payload of the last event.
    pub(super) fn forget_last_event(&mut self) {
        self.spent = None;
        if self.frame.is_none() {
            self.control = Vec::new();
        }
    }

    /// Gives up the unfinished message. Its current frame stays, so that the rest of it is skipped.
    pub(super) fn abandon_message(&mut self) {
        if let Some(message) = &mut self.message {
            self.spent = Some(mem::take(&mut message.buffer));
        }
        if let Some(inflation) = &mut self.inflation {
            inflation.abandon();
        }
    }

    /// The place for the rest of a large frame.
    pub(super) fn spare(&mut self) -> Option<&mut [u8]> {
        let remaining = self.frame.as_ref().filter(|frame| frame.direct)?.remaining();
        self.message.as_mut()?.buffer.spare(usize::try_from(remaining).unwrap_or(usize::MAX))
    }

    /// Takes the first `n` bytes of [`spare`](Self::spare).
    pub(super) fn filled(&mut self, n: usize) -> Result<(), ProtocolError> {
        let n = self.spare().map_or(0, |spare| spare.len().min(n));
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(()) };
        message.append_spare(n, |piece| frame.unmask(piece))
    }

    /// The heap bytes held, including this value.
    pub(super) fn capacity(&self) -> usize {
        size_of::<Self>()
            + self.control.capacity()
            + self.message.as_ref().map_or(0, |message| message.buffer.capacity())
            + self.inflation().map_or(0, Inflation::capacity)
            + self.spent.as_ref().map_or(0, Buffer::capacity)
    }

    /// The heap bytes of the inflater.
    pub(super) fn inflater(&self) -> usize {
        self.inflation().map_or(0, Inflation::inflater)
    }
}

/// An incomplete header.
#[derive(Default)]
pub(super) struct Head {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: usize,
}

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes bytes off the front of `input` until the header is complete, then empties itself.
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
    /// The payload bytes received.
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

    /// Takes the payload of this frame off the front of `input`, as far as it is there, and unmasks it.
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

    /// Appends `piece`, just taken, to the message. If much of the frame is still missing, asks for a larger buffer: a
    /// part of the payload has arrived, so memory is not given for the header alone.
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
