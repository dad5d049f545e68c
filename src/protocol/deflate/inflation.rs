//! Inflates a message from the peer within bounds (RFC 7692 §7.2.2, §8.2).
//!
//! The payload of a frame is kept compressed until the frame is complete or [`STAGE`] bytes have arrived. So the beginning
//! of a message needs no inflater and only as much memory as bytes have arrived, and the result does not depend on how
//! the stream is cut.

use super::{
    ContextTakeover, Contexts, Status, TAIL,
    zlib::{Inflater, Zlib},
};
use crate::protocol::{
    buffer::DIRECT,
    connection::{Allowance, Frame},
    error::ProtocolError,
    message::Assembly,
};

/// The most compressed bytes of an incomplete frame that are kept before they are inflated.
const STAGE: usize = 64 * 1024;
/// The most bytes inflated in one step. The limit of a message is checked after each step.
const PIECE: usize = 16 * 1024;
/// A compressed byte costs at least as much as this many inflated ones. A block's tables take few bytes and much time, and
/// give no output.
const COMPRESSED: usize = 4;
/// Empty stored blocks. At a block boundary they change nothing. An unfinished block takes some of their bytes as its own,
/// at most 277 for the code lengths of a dynamic block, and then fails.
const EMPTY_BLOCKS: [[u8; 5]; 64] = [[0x00, 0x00, 0x00, 0xFF, 0xFF]; 64];
/// An empty stored block with BFINAL: it ends a stream that stands at a block boundary.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xFF, 0xFF];

/// The most compressed bytes that a message may have when it may have `max` bytes inflated. Data that does not compress
/// gets longer, by 5 bytes for each block. zlib's blocks have 16 KiB by default, 2 KiB in Python's `websockets`, and 128
/// bytes at the least; an eighth covers even a compressor without stored blocks. The allowance costs no memory, since
/// buffers are bounded otherwise.
pub(in crate::protocol) fn max_compressed(max: u64) -> u64 {
    max.saturating_add(max / 8).saturating_add(64)
}

/// Whether the received part of a message is inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Progress {
    /// All of it is.
    Done,
    /// The budget is spent: there is more to inflate, even if nothing more arrives.
    Paused,
}

/// A compressed message being received. With context takeover it stays between two messages, to keep the context.
pub(in crate::protocol) struct Inflation {
    zlib: Zlib,
    inner: Box<Inner>,
}

struct Inner {
    context: ContextTakeover,
    state: State,
    /// `Some` while a message is inflated; with context takeover also afterwards.
    inflater: Option<Inflater>,
    /// Compressed bytes, of which those from `start` on are still to be inflated.
    staged: Vec<u8>,
    start: usize,
    /// The compressed bytes of this message so far.
    compressed: u64,
    /// The last inflated byte ended a block with BFINAL.
    is_final: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two messages.
    Idle,
    /// Waits for more input.
    Receiving,
    /// Has more to inflate.
    Paused,
}

impl Inflation {
    /// Begins a compressed message. `last` is the inflation of the message before, if it was kept.
    pub(in crate::protocol) fn begin(zlib: Zlib, context: ContextTakeover, last: Option<Self>) -> Self {
        let inflater = last.and_then(|last| last.inner.inflater);
        let (state, staged, start, compressed, is_final) = (State::Receiving, Vec::new(), 0, 0, false);
        Self { zlib, inner: Box::new(Inner { context, state, inflater, staged, start, compressed, is_final }) }
    }

    /// Whether a compressed message is being received.
    pub(in crate::protocol) fn is_receiving(&self) -> bool {
        self.inner.state != State::Idle
    }

    /// Whether there is more to inflate, even without further input.
    pub(in crate::protocol) fn is_paused(&self) -> bool {
        self.inner.state == State::Paused
    }

    /// Takes the payload of the frame off the front of `input` and appends the inflated bytes to `message`, which may
    /// have `max` bytes.
    pub(in crate::protocol) fn advance(
        &mut self,
        frame: &mut Frame,
        input: &mut &mut [u8],
        message: &mut Assembly,
        max: u64,
        allowance: &mut Allowance<'_>,
    ) -> Result<Progress, ProtocolError> {
        let mut own = Contexts::default();
        let contexts = allowance.contexts.as_deref_mut().unwrap_or(&mut own);
        let mut sink = Sink { message, max, contexts, lend: &mut *allowance.lend };
        loop {
            if self.is_paused() && self.inflate_staged(&mut sink)? == Progress::Paused {
                return Ok(Progress::Paused);
            }
            if frame.is_complete() {
                break;
            }
            let staged = self.inner.staged.len();
            let here = usize::try_from(frame.remaining()).map_or(input.len(), |remaining| remaining.min(input.len()));
            let is_rest = here as u64 == frame.remaining();
            let room = if staged == 0 && is_rest { here } else { here.min(STAGE - staged) };
            let piece = frame.take(&mut input.split_off_mut(..room).unwrap_or_default());
            if piece.is_empty() {
                return Ok(Progress::Done);
            }
            if frame.is_complete() && staged == 0 {
                // Nearly always: a whole frame, inflated from the input without a copy.
                self.inflate_whole(piece, &mut sink)?;
            } else {
                self.inner.staged.extend_from_slice(piece);
                if frame.is_complete() || self.inner.staged.len() >= STAGE {
                    self.inner.state = State::Paused;
                }
            }
        }
        if frame.header.fin {
            self.finish(&mut sink)?;
        }
        Ok(Progress::Done)
    }

    /// Ends the message. Returns what must be kept for the next one.
    pub(in crate::protocol) fn end(mut self) -> Option<Self> {
        (self.inner.state, self.inner.staged) = (State::Idle, Vec::new());
        self.inner.inflater.is_some().then_some(self)
    }

    /// Gives up the message: its remaining frames are skipped, not inflated.
    pub(in crate::protocol) fn abandon(&mut self) {
        let inner = &mut *self.inner;
        (inner.inflater, inner.staged, inner.start) = (None, Vec::new(), 0);
        if inner.state == State::Paused {
            inner.state = State::Receiving;
        }
    }

    /// The heap bytes held.
    pub(in crate::protocol) fn capacity(&self) -> usize {
        size_of::<Inner>() + self.inflater() + self.inner.staged.capacity()
    }

    /// The heap bytes of the inflater.
    pub(in crate::protocol) fn inflater(&self) -> usize {
        if self.inner.inflater.is_some() { Contexts::INFLATER } else { 0 }
    }

    fn inflate_whole(&mut self, mut piece: &[u8], sink: &mut Sink<'_>) -> Result<(), ProtocolError> {
        self.inner.state = State::Receiving;
        if self.inflate(&mut piece, sink)? == Progress::Paused {
            self.inner.staged.extend_from_slice(piece);
            self.inner.state = State::Paused;
        }
        Ok(())
    }

    fn inflate_staged(&mut self, sink: &mut Sink<'_>) -> Result<Progress, ProtocolError> {
        let mut staged = std::mem::take(&mut self.inner.staged);
        let mut rest = staged.get(self.inner.start..).unwrap_or_default();
        let progress = self.inflate(&mut rest, sink)?;
        self.inner.start = staged.len() - rest.len();
        if progress == Progress::Done {
            self.inner.state = State::Receiving;
            self.inner.start = 0;
            staged.clear();
        }
        self.inner.staged = staged;
        Ok(progress)
    }

    /// Inflates from the front of `source` until it is empty or the budget is spent.
    fn inflate(&mut self, source: &mut &[u8], sink: &mut Sink<'_>) -> Result<Progress, ProtocolError> {
        let mut inflater = self.take_inflater(sink);
        let result = loop {
            if sink.contexts.inflatable == 0 {
                break Ok(Progress::Paused);
            }
            let step = match sink.step(&mut inflater, source) {
                Ok(step) => step,
                Err(error) => break Err(error),
            };
            self.inner.compressed += step.consumed as u64;
            // 7.2.3.4: after a block with BFINAL a new stream begins, with an empty context.
            if step.is_final {
                inflater.reset();
            }
            self.inner.is_final = step.is_final;
            if source.is_empty() && (step.is_final || !step.is_full) {
                break Ok(Progress::Done);
            }
            if step.is_stuck() {
                break Err(ProtocolError::InvalidDeflate);
            }
        };
        self.inner.inflater = Some(inflater);
        result
    }

    /// 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), ProtocolError> {
        // A message that ends with BFINAL needs no tail. Some compressors send no byte at all for an empty message.
        if !self.inner.is_final && self.inner.compressed > 0 {
            let mut inflater = self.take_inflater(sink);
            check_end(&mut inflater, &TAIL, Status::InStream)?;
            match self.inner.context {
                // This check ends the stream, so it is only for an inflater without later messages.
                ContextTakeover::No => check_end(&mut inflater, &LAST_BLOCK, Status::StreamEnd)?,
                ContextTakeover::Yes => check_end(&mut inflater, EMPTY_BLOCKS.as_flattened(), Status::InStream)?,
            }
            self.inner.inflater = Some(inflater);
        }
        sink.contexts.inflated.messages += 1;
        sink.contexts.inflated.compressed += self.inner.compressed;
        sink.contexts.inflated.plain += sink.message.buffer.filled() as u64;
        if self.inner.context == ContextTakeover::No
            && let Some(inflater) = self.inner.inflater.take()
        {
            sink.contexts.put(inflater);
        }
        Ok(())
    }

    fn take_inflater(&mut self, sink: &mut Sink<'_>) -> Inflater {
        self.inner.inflater.take().unwrap_or_else(|| match self.inner.context {
            ContextTakeover::No => sink.contexts.take(self.zlib),
            ContextTakeover::Yes => self.zlib.inflater(),
        })
    }
}

/// Where inflated bytes go, and the bounds on them.
struct Sink<'a> {
    message: &'a mut Assembly,
    /// The most bytes that the message may have.
    max: u64,
    contexts: &'a mut Contexts,
    lend: &'a mut dyn FnMut() -> Option<Vec<u8>>,
}

/// The result of one call of the inflater.
struct Step {
    consumed: usize,
    produced: usize,
    /// The output was filled: there may be more without further input.
    is_full: bool,
    /// The end of a block with BFINAL was reached.
    is_final: bool,
}

impl Step {
    fn is_stuck(&self) -> bool {
        self.consumed == 0 && self.produced == 0 && !self.is_final
    }
}

impl Sink<'_> {
    /// Inflates one piece and appends it to the message.
    fn step(&mut self, inflater: &mut Inflater, source: &mut &[u8]) -> Result<Step, ProtocolError> {
        self.contexts.piece.resize(PIECE, 0);
        let len = PIECE.min(self.contexts.inflatable);
        let piece = self.contexts.piece.get_mut(..len).unwrap_or_default();
        let here = source.len().min((self.contexts.inflatable / COMPRESSED).max(1));
        let (consumed, produced, result) = inflater.inflate(source.get(..here).unwrap_or_default(), piece);
        *source = source.get(consumed..).unwrap_or_default();
        let piece = piece.get(..produced).unwrap_or_default();
        let cost = produced.max(consumed.saturating_mul(COMPRESSED));
        self.contexts.inflatable = self.contexts.inflatable.saturating_sub(cost);
        // 10.4 (RFC 6455), 8.2: the limit counts inflated bytes. Bytes within it are checked first, so that the error does
        // not depend on the budget.
        let room = usize::try_from(self.max).unwrap_or(usize::MAX).saturating_sub(self.message.buffer.filled());
        if let Some((within, _)) = piece.split_at_checked(room).filter(|_| produced > room) {
            self.message.append(within)?;
            return Err(ProtocolError::MessageTooBig);
        }
        let buffer = &mut self.message.buffer;
        if buffer.filled() + produced > DIRECT
            && buffer.extent() <= DIRECT
            && let Some(bytes) = (self.lend)()
        {
            buffer.lend(bytes);
        }
        // The buffer grows with the data, but never beyond the limit.
        buffer.make_room(produced, buffer.filled().saturating_add(room));
        self.message.append(piece)?;
        // An error of the inflater comes after the bytes before it, for the same reason.
        let status = result?;
        Ok(Step { consumed, produced, is_full: produced == len, is_final: status == Status::StreamEnd })
    }
}

/// Inflates empty blocks. Unless all of them are taken as such, the data before them is incomplete.
fn check_end(inflater: &mut Inflater, blocks: &[u8], expected: Status) -> Result<(), ProtocolError> {
    let (consumed, produced, result) = inflater.inflate(blocks, &mut [0; 16]);
    let is_end = consumed == blocks.len() && produced == 0 && result? == expected;
    if is_end { Ok(()) } else { Err(ProtocolError::InvalidDeflate) }
}
