//! Inflating a message of the peer's, within bounds (RFC 7692 §7.2.2, §8.2).
//!
//! What has come of a frame is kept as it is until the frame is complete, or [`STAGE`] bytes have come: so the beginning
//! of a message costs what it is long, and no inflater. Where it is inflated does not depend on how the stream is cut.

use flate2::{Decompress, FlushDecompress, Status};

use super::{ContextTakeover, Contexts, Extension, TAIL};
use crate::protocol::{
    buffer::DIRECT,
    connection::{Allowance, Frame},
    error::ProtocolError,
    extension::Progress,
    message::Assembly,
};

/// Compressed bytes of an incomplete frame that are kept before they are inflated.
const STAGE: usize = 64 * 1024;
/// Bytes that are inflated at a time, at most: what is beyond the limit is seen after so many.
const PIECE: usize = 16 * 1024;
/// A compressed byte is counted as so many inflated ones, if it makes fewer: what a block's tables take is found out of
/// few bytes, and makes none.
const COMPRESSED: usize = 4;
/// Stored blocks that are empty: where a block ends they change nothing. What lacks its end takes some bytes for its own,
/// at most those of a dynamic block's code lengths (277), and then is found out.
const EMPTY_BLOCKS: [[u8; 5]; 64] = [[0x00, 0x00, 0x00, 0xFF, 0xFF]; 64];
/// A stored block that is empty and the last one: a stream that is whole ends with it.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xFF, 0xFF];

/// A compressed message under way; with context takeover, also what is kept between two messages.
pub(in crate::protocol) type Inflation = Box<Inflating>;

pub(in crate::protocol) struct Inflating {
    context: ContextTakeover,
    state: State,
    /// There while a message has begun to be inflated, and with context takeover from then on.
    inflater: Option<Decompress>,
    /// Compressed bytes that are still to be inflated, from `start` on.
    staged: Vec<u8>,
    start: usize,
    /// Compressed bytes that the message has had so far.
    compressed: u64,
    /// The last byte inflated was the last one of a block with BFINAL.
    is_final: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No message is under way.
    Idle,
    /// More has to come.
    UnderWay,
    /// More has to be inflated.
    Paused,
}

/// A compressed message begins, sent by the end that `masks` or the other; `kept` is what was kept of the last one.
pub(in crate::protocol) fn begin(kept: Option<Inflation>, extension: Extension, masks: bool) -> Option<Inflation> {
    let context = if masks { extension.client_context } else { extension.server_context };
    let inflater = kept.and_then(|kept| kept.inflater);
    let (state, staged, start, compressed, is_final) = (State::UnderWay, Vec::new(), 0, 0, false);
    Some(Box::new(Inflating { context, state, inflater, staged, start, compressed, is_final }))
}

impl Inflating {
    /// Whether a compressed message is under way.
    pub(in crate::protocol) fn is_under_way(&self) -> bool {
        self.state != State::Idle
    }

    /// Whether there is more to inflate of what has come.
    pub(in crate::protocol) fn is_paused(&self) -> bool {
        self.state == State::Paused
    }

    /// Takes what `input` has of the frame's payload off its front, and adds what it is when inflated to `message`,
    /// which may have `max` bytes.
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
            if self.state == State::Paused && self.inflate_staged(&mut sink)? == Progress::Paused {
                return Ok(Progress::Paused);
            }
            if frame.is_complete() {
                break;
            }
            let here = usize::try_from(frame.remaining()).map_or(input.len(), |remaining| remaining.min(input.len()));
            let is_rest = here as u64 == frame.remaining();
            let room = if self.staged.is_empty() && is_rest { here } else { here.min(STAGE - self.staged.len()) };
            let piece = frame.take(&mut input.split_off_mut(..room).unwrap_or_default());
            if piece.is_empty() {
                return Ok(Progress::Done);
            }
            if frame.is_complete() && self.staged.is_empty() {
                // Nearly always: a whole frame, which is inflated where it lies.
                self.inflate_whole(piece, &mut sink)?;
            } else {
                self.staged.extend_from_slice(piece);
                if frame.is_complete() || self.staged.len() >= STAGE {
                    self.state = State::Paused;
                }
            }
        }
        if frame.header.fin {
            self.finish(&mut sink)?;
        }
        Ok(Progress::Done)
    }

    /// The message has ended. What is left is kept for the next one.
    pub(in crate::protocol) fn end(mut self: Box<Self>) -> Option<Box<Self>> {
        (self.state, self.staged) = (State::Idle, Vec::new());
        self.inflater.is_some().then_some(self)
    }

    /// Gives up the message, of which the frames may still be followed.
    pub(in crate::protocol) fn abandon(&mut self) {
        (self.inflater, self.staged, self.start) = (None, Vec::new(), 0);
        self.state = if self.state == State::Idle { State::Idle } else { State::UnderWay };
    }

    /// The heap bytes held.
    pub(in crate::protocol) fn capacity(&self) -> usize {
        size_of::<Self>() + self.inflater() + self.staged.capacity()
    }

    /// Those of the inflater.
    pub(in crate::protocol) fn inflater(&self) -> usize {
        if self.inflater.is_some() { Contexts::INFLATER } else { 0 }
    }

    fn inflate_whole(&mut self, mut piece: &[u8], sink: &mut Sink<'_>) -> Result<(), ProtocolError> {
        self.state = State::UnderWay;
        if self.inflate(&mut piece, sink)? == Progress::Paused {
            self.staged.extend_from_slice(piece);
            self.state = State::Paused;
        }
        Ok(())
    }

    fn inflate_staged(&mut self, sink: &mut Sink<'_>) -> Result<Progress, ProtocolError> {
        let staged = std::mem::take(&mut self.staged);
        let mut rest = staged.get(self.start..).unwrap_or_default();
        let progress = self.inflate(&mut rest, sink)?;
        self.start = staged.len() - rest.len();
        self.staged = staged;
        if progress == Progress::Done {
            self.state = State::UnderWay;
            self.start = 0;
            self.staged.clear();
        }
        Ok(progress)
    }

    /// Inflates from the front of `source`, as far as is allowed.
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
            self.compressed += step.consumed as u64;
            // 7.2.3.4: after a block with BFINAL another stream begins, whose context is empty.
            if step.is_final {
                inflater.reset(false);
            }
            self.is_final = step.is_final;
            if source.is_empty() && (step.is_final || !step.is_full) {
                break Ok(Progress::Done);
            }
            if step.is_stuck() {
                break Err(ProtocolError::InvalidDeflate);
            }
        };
        self.inflater = Some(inflater);
        result
    }

    /// 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), ProtocolError> {
        // A last block that ends the message needs no other. Some send nothing at all for a message that is empty.
        if !self.is_final && self.compressed > 0 {
            let mut inflater = self.take_inflater(sink);
            check_end(&mut inflater, &TAIL, Status::Ok)?;
            match self.context {
                // Only an inflater that is not needed any more can be asked whether it was the end of a block.
                ContextTakeover::No => check_end(&mut inflater, &LAST_BLOCK, Status::StreamEnd)?,
                ContextTakeover::Yes => check_end(&mut inflater, EMPTY_BLOCKS.as_flattened(), Status::Ok)?,
            }
            self.inflater = Some(inflater);
        }
        sink.contexts.inflated.messages += 1;
        sink.contexts.inflated.compressed += self.compressed;
        sink.contexts.inflated.plain += sink.message.buffer.filled() as u64;
        if self.context == ContextTakeover::No
            && let Some(inflater) = self.inflater.take()
        {
            sink.contexts.put(inflater);
        }
        Ok(())
    }

    fn take_inflater(&mut self, sink: &mut Sink<'_>) -> Decompress {
        // A window of 15 bits holds what a smaller one does, takes no more memory, and begins another stream at a tenth of
        // the cost.
        self.inflater.take().unwrap_or_else(|| match self.context {
            ContextTakeover::No => sink.contexts.take(),
            ContextTakeover::Yes => Decompress::new(false),
        })
    }
}

/// Where what is inflated goes, and what that takes.
struct Sink<'a> {
    message: &'a mut Assembly,
    /// The most bytes that the message may have.
    max: u64,
    contexts: &'a mut Contexts,
    lend: &'a mut dyn FnMut() -> Option<Vec<u8>>,
}

/// What one call of the inflater did.
struct Step {
    consumed: usize,
    produced: usize,
    /// There may be more to come without input.
    is_full: bool,
    /// It has reached the end of a block with BFINAL.
    is_final: bool,
}

impl Step {
    fn is_stuck(&self) -> bool {
        self.consumed == 0 && self.produced == 0 && !self.is_final
    }
}

impl Sink<'_> {
    /// Inflates one piece, and adds it to the message.
    fn step(&mut self, inflater: &mut Decompress, source: &mut &[u8]) -> Result<Step, ProtocolError> {
        self.contexts.piece.resize(PIECE, 0);
        let len = PIECE.min(self.contexts.inflatable);
        let piece = self.contexts.piece.get_mut(..len).unwrap_or_default();
        let here = source.len().min((self.contexts.inflatable / COMPRESSED).max(1));
        let (consumed, produced, result) = decompress(inflater, source.get(..here).unwrap_or_default(), piece);
        *source = source.get(consumed..).unwrap_or_default();
        let piece = piece.get(..produced).unwrap_or_default();
        let cost = produced.max(consumed.saturating_mul(COMPRESSED));
        self.contexts.inflatable = self.contexts.inflatable.saturating_sub(cost);
        // 10.4 (RFC 6455), 8.2: the limit is about what the message is. What is within it is looked at first, so that
        // it does not matter how little is inflated at a time.
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
        // Room grows with what has come, but never beyond the limit.
        buffer.make_room(produced, buffer.filled().saturating_add(room));
        self.message.append(piece)?;
        // Only now, for the same reason.
        let status = result?;
        Ok(Step { consumed, produced, is_full: produced == len, is_final: status == Status::StreamEnd })
    }
}

/// One call of the inflater: bytes that it took, bytes that it wrote, also before an error, and what it says.
fn decompress(
    inflater: &mut Decompress,
    source: &[u8],
    output: &mut [u8],
) -> (usize, usize, Result<Status, ProtocolError>) {
    let (total_in, total_out) = (inflater.total_in(), inflater.total_out());
    let result = inflater.decompress(source, output, FlushDecompress::None);
    let count = |total: u64, before: u64| usize::try_from(total - before).unwrap_or_default();
    let (consumed, produced) = (count(inflater.total_in(), total_in), count(inflater.total_out(), total_out));
    (consumed, produced, result.map_err(|_| ProtocolError::InvalidDeflate))
}

/// Inflates blocks that are empty. When they are not taken as such, what came before has no end.
fn check_end(inflater: &mut Decompress, blocks: &[u8], expected: Status) -> Result<(), ProtocolError> {
    let (consumed, produced, result) = decompress(inflater, blocks, &mut [0; 16]);
    let is_end = consumed == blocks.len() && produced == 0 && result? == expected;
    if is_end { Ok(()) } else { Err(ProtocolError::InvalidDeflate) }
}
