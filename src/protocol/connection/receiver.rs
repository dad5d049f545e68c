//! The general way of receiving: frames in pieces, fragments, control frames, and all that is wrong.

use super::{Allowance, Connection, Event, Role, State, partial::Frame};
use crate::protocol::{
    error::ProtocolError,
    frame::{FrameHeader, Opcode},
    message::Assembly,
};

/// A frame or message that is complete, where it lies: `Some` in the input, `None` in the connection.
enum Complete<'i> {
    Control(Opcode, Option<&'i [u8]>),
    Message(Opcode, Option<&'i [u8]>),
}

/// What a step over one frame led to.
enum Step<'i> {
    /// An event is due.
    Complete(Complete<'i>),
    /// The frame is through, without an event.
    Next,
    /// The input is used up.
    Starved,
}

impl<R: Role> Connection<R> {
    /// [`receive_with`](Self::receive_with) for all that is not a whole message in the input.
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
                let message = self.sender.deliver(opcode, payload.unwrap_or_default(), output)?;
                Ok(Some(Event::Message(message)))
            }
        }
    }

    /// Goes on, frame by frame, until one is complete that makes an event.
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
                    Frame::new(header)
                }
            };
            if input.is_empty() && !frame.is_complete() {
                self.partial.get_or_insert_default().frame = Some(frame);
                return Ok(None);
            }
            let step = if frame.header.opcode.is_control() {
                self.advance_control(frame, input)
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

    /// Takes a header off the front of `input`, or what there is of it.
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHeader>, ProtocolError> {
        if self.partial.as_ref().is_none_or(|partial| partial.head.is_empty())
            && let Some((header, len)) = FrameHeader::parse(input)?
        {
            let _header = input.split_off_mut(..len);
            return Ok(Some(header));
        }
        if input.is_empty() {
            return Ok(None);
        }
        self.partial.get_or_insert_default().head.complete(input)
    }

    /// The rules for a header that depend on what we are and what came before.
    fn check(&self, header: &FrameHeader) -> Result<(), ProtocolError> {
        // 5.1: a server MUST fail on an unmasked frame, a client on a masked one.
        match (R::MASKS, header.masking_key) {
            (false, None) => return Err(ProtocolError::UnmaskedClientFrame),
            (true, Some(_)) => return Err(ProtocolError::MaskedServerFrame),
            _ => {}
        }
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        match (header.opcode, message) {
            (Opcode::Ping | Opcode::Pong | Opcode::Close, _) => Ok(()),
            // 5.4 Fragmentation: a first frame, then continuations, and nothing but control frames between them.
            (Opcode::Continuation, None) => Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(ProtocolError::InterruptedMessage),
            (Opcode::Continuation, Some(message)) => message.may_continue(header.payload_len, &self.limits),
            (Opcode::Text | Opcode::Binary, None) if header.payload_len > self.limits.max_message => {
                Err(ProtocolError::MessageTooBig)
            }
            (Opcode::Text | Opcode::Binary, None) => Ok(()),
        }
    }

    fn advance_control<'i>(&mut self, mut frame: Frame, input: &mut &'i mut [u8]) -> Step<'i> {
        let opcode = frame.header.opcode;
        // 5.5.1 Close: after ours, all that is waited for is the peer's.
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
            // Its beginning may have come while it was still wanted.
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
        // Unwanted messages are followed too, so that the rules of 5.4 hold, but without their content.
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
}
