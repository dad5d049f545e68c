//! The general path of receiving: frames in pieces, fragments, compressed messages, control frames, and errors.

use super::{Allowance, Connection, Event, Role, State, partial::Frame};
use crate::protocol::{
    deflate::{Inflation, Progress, max_compressed},
    error::ProtocolError,
    frame::{FrameHeader, Opcode, RSV1},
    message::{Assembly, Message},
};

/// A complete control frame or message. Its payload lies in the input (`Some`) or in the connection (`None`).
enum Complete<'i> {
    Control(Opcode, Option<&'i [u8]>),
    Message(Opcode, Option<&'i [u8]>),
}

/// The result of advancing within one frame.
enum Step<'i> {
    /// The frame completes an event.
    Complete(Complete<'i>),
    /// The frame is complete, without an event.
    Next,
    /// The input or a budget is used up within the frame.
    Starved,
}

impl<R: Role> Connection<R> {
    /// [`receive_with`](Self::receive_with) for everything but the fast path, [`receive_whole`](Self::receive_whole).
    #[cold]
    pub(crate) fn receive_piecewise<'e, 'i: 'e>(
        &'e mut self,
        input: &mut &'i mut [u8],
        output: &mut Vec<u8>,
        allowance: &mut Allowance<'_>,
    ) -> Result<Option<Event<'e>>, ProtocolError> {
        self.forget_last_event();
        if self.sender.state == State::Closed {
            self.partial = None;
            *input = &mut [];
            return Ok(None);
        }
        match self.advance(input, allowance) {
            Err(error) => Err(self.fail(error, output)),
            Ok(None) => {
                self.forget_last_event();
                Ok(None)
            }
            Ok(Some(Complete::Control(opcode, payload))) => {
                if opcode == Opcode::Close {
                    self.abandon_message();
                }
                let payload = payload.or_else(|| Some(&*self.partial.as_ref()?.control));
                self.sender.answer(opcode, payload.unwrap_or_default(), output).map(Some)
            }
            Ok(Some(Complete::Message(opcode, payload))) => {
                let payload = payload.or_else(|| Some(self.partial.as_ref()?.spent.as_ref()?.payload()));
                let payload = payload.unwrap_or_default();
                if opcode != Opcode::Text {
                    return Ok(Some(Event::Message(Message::Binary(payload))));
                }
                // 8.1: pieces were validated as they came, but the last may end within a character, and a payload in the
                // input was not validated at all.
                match simdutf8::basic::from_utf8(payload) {
                    Ok(text) => Ok(Some(Event::Message(Message::Text(text)))),
                    Err(_) => Err(self.sender.fail(ProtocolError::InvalidUtf8, output)),
                }
            }
        }
    }

    /// Takes frame after frame until one completes an event.
    fn advance<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        allowance: &mut Allowance<'_>,
    ) -> Result<Option<Complete<'i>>, ProtocolError> {
        while allowance.frames > 0 {
            let frame = match self.partial.as_mut().and_then(|partial| partial.frame.take()) {
                Some(frame) => frame,
                None => {
                    let Some(header) = self.next_header(input)? else { return Ok(None) };
                    self.check(&header)?;
                    self.begin_inflation(&header);
                    Frame::new(header)
                }
            };
            if input.is_empty() && !frame.is_complete() && !self.is_paused() {
                self.partial.get_or_insert_default().frame = Some(frame);
                return Ok(None);
            }
            let step = if frame.header.opcode.is_control() {
                self.advance_control(frame, input)
            } else if self.is_inflating() {
                self.advance_compressed(frame, input, allowance)?
            } else {
                self.advance_data(frame, input, allowance.lend)?
            };
            match step {
                Step::Starved => return Ok(None),
                Step::Next => allowance.frames -= 1,
                Step::Complete(complete) => {
                    allowance.frames -= 1;
                    return Ok(Some(complete));
                }
            }
        }
        Ok(None)
    }

    /// Takes a header off the front of `input`. Keeps an incomplete one and returns `None`.
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHeader>, ProtocolError> {
        if self.partial.as_ref().is_none_or(|partial| partial.head.is_empty()) {
            self.check_rsv1(input)?;
            if let Some((header, len)) = FrameHeader::parse(input)? {
                let _header = input.split_off_mut(..len);
                return Ok(Some(header));
            }
        }
        if input.is_empty() {
            return Ok(None);
        }
        self.partial.get_or_insert_default().head.complete(input)
    }

    /// RFC 7692 6: RSV1 is allowed on the first frame of a message, if permessage-deflate was negotiated. The first byte of
    /// the header shows that, so the connection does not wait for the rest.
    #[inline]
    fn check_rsv1(&self, header: &[u8]) -> Result<(), ProtocolError> {
        match header.first() {
            Some(0x41 | 0x42 | 0xC1 | 0xC2) if self.sender.zlib.is_some() => Ok(()),
            Some(first) if first & RSV1 != 0 => Err(ProtocolError::ReservedBits),
            _ => Ok(()),
        }
    }

    /// Checks the rules that depend on our role, on the limits and on earlier frames.
    fn check(&self, header: &FrameHeader) -> Result<(), ProtocolError> {
        // 5.1: a server MUST fail on an unmasked frame, a client on a masked one.
        match (R::MASKS, header.masking_key) {
            (false, None) => return Err(ProtocolError::UnmaskedClientFrame),
            (true, Some(_)) => return Err(ProtocolError::MaskedServerFrame),
            _ => {}
        }
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        let max_message = self.limits.max_message;
        let is_compressed = header.rsv1 || self.is_inflating();
        let max_len = if is_compressed { max_compressed(max_message) } else { max_message };
        match (header.opcode, message) {
            (Opcode::Ping | Opcode::Pong | Opcode::Close, _) => Ok(()),
            // 5.4 Fragmentation: a first frame, then continuations, with only control frames between them.
            (Opcode::Continuation, None) => Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(ProtocolError::InterruptedMessage),
            (Opcode::Continuation, Some(message)) => {
                message.may_continue(header.payload_len, max_len, self.limits.max_frames)
            }
            (Opcode::Text | Opcode::Binary, None) if header.payload_len > max_len => Err(ProtocolError::MessageTooBig),
            (Opcode::Text | Opcode::Binary, None) => Ok(()),
        }
    }

    fn begin_inflation(&mut self, header: &FrameHeader) {
        if header.rsv1
            && let Some(zlib) = self.sender.zlib
        {
            let extension = self.sender.extension;
            // The peer's context: we are the client if we mask.
            let context = if R::MASKS { extension.server_context } else { extension.client_context };
            let partial = self.partial.get_or_insert_default();
            partial.inflation = Some(Inflation::begin(zlib, context, partial.inflation.take()));
        }
    }

    fn advance_control<'i>(&mut self, mut frame: Frame, input: &mut &'i mut [u8]) -> Step<'i> {
        let opcode = frame.header.opcode;
        // 5.5.1 Close: after ours, only the peer's Close still counts.
        let wanted = self.sender.state == State::Open || opcode == Opcode::Close;
        let piece = frame.take(input);
        if wanted && frame.is_whole(piece) {
            return Step::Complete(Complete::Control(opcode, Some(piece)));
        }
        let partial = self.partial.get_or_insert_default();
        if wanted {
            partial.control.extend_from_slice(piece);
        }
        if !frame.is_complete() {
            partial.frame = Some(frame);
            Step::Starved
        } else if wanted {
            Step::Complete(Complete::Control(opcode, None))
        } else {
            // A part may have been kept before we sent our Close.
            partial.control.clear();
            Step::Next
        }
    }

    fn advance_data<'i>(
        &mut self,
        mut frame: Frame,
        input: &mut &'i mut [u8],
        lend: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> Result<Step<'i>, ProtocolError> {
        let FrameHeader { fin, opcode, payload_len, .. } = frame.header;
        let wanted = self.sender.state == State::Open;
        let piece = frame.take(input);
        if wanted && fin && opcode != Opcode::Continuation && frame.is_whole(piece) {
            return Ok(Step::Complete(Complete::Message(opcode, Some(piece))));
        }
        let partial = self.partial.get_or_insert_default();
        // An unwanted message is discarded, but its frames are followed, so that the rules of 5.4 still hold.
        let message = partial.message.get_or_insert_with(|| Assembly::new(opcode));
        if wanted {
            frame.append_to(message, piece, lend)?;
        }
        if !frame.is_complete() {
            partial.frame = Some(frame);
            return Ok(Step::Starved);
        }
        if !fin {
            message.count_frame(payload_len);
            return Ok(Step::Next);
        }
        let opcode = message.opcode;
        let buffer = partial.message.take().map(|message| message.buffer);
        if !wanted {
            return Ok(Step::Next);
        }
        partial.spent = buffer;
        Ok(Step::Complete(Complete::Message(opcode, None)))
    }

    /// As [`advance_data`](Self::advance_data), for a frame of a compressed message.
    fn advance_compressed<'i>(
        &mut self,
        mut frame: Frame,
        input: &mut &'i mut [u8],
        allowance: &mut Allowance<'_>,
    ) -> Result<Step<'i>, ProtocolError> {
        let FrameHeader { fin, opcode, payload_len, .. } = frame.header;
        let wanted = self.sender.state == State::Open;
        let partial = self.partial.get_or_insert_default();
        let message = partial.message.get_or_insert_with(|| Assembly::new(opcode));
        let mut progress = Progress::Done;
        if let Some(inflation) = partial.inflation.as_mut().filter(|_| wanted) {
            progress = inflation.advance(&mut frame, input, message, self.limits.max_message, allowance)?;
        } else {
            let _unwanted = frame.take(input);
        }
        if !frame.is_complete() || progress == Progress::Paused {
            partial.frame = Some(frame);
            return Ok(Step::Starved);
        }
        if !fin {
            message.count_frame(payload_len);
            return Ok(Step::Next);
        }
        let opcode = message.opcode;
        partial.spent = partial.message.take().map(|message| message.buffer).filter(|_| wanted);
        partial.inflation = partial.inflation.take().and_then(|inflation| inflation.end());
        Ok(if wanted { Step::Complete(Complete::Message(opcode, None)) } else { Step::Next })
    }

    fn is_inflating(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.is_inflating())
    }
}
