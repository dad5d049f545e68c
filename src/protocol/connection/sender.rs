//! The sending half: the state of the connection and the frames that it owes by rule.

use super::{Event, Role, State};
use crate::protocol::{
    close::CloseFrame,
    error::ProtocolError,
    extension::Extension,
    frame::{FrameHeader, Opcode},
    message::Message,
};

/// What may be sent, and how. Apart from what has been received, so that an answer can be written while the payload
/// that it answers is still borrowed from there.
pub(super) struct Sender<R> {
    pub(super) state: State,
    /// What was negotiated. It never changes once frames are exchanged.
    pub(super) extension: Option<Extension>,
    pub(super) role: R,
}

impl<R: Role> Sender<R> {
    /// Appends a whole frame, masked as the role demands.
    #[inline]
    pub(super) fn write(&mut self, opcode: Opcode, payload: &[u8], output: &mut Vec<u8>) {
        // 5.1: a client MUST mask all its frames, a server MUST NOT mask any.
        let masking_key = self.role.next_masking_key();
        FrameHeader { masking_key, ..FrameHeader::whole(opcode, payload) }.encode_with(payload, output);
    }

    /// Appends a Close frame and waits for the peer's.
    pub(super) fn close(&mut self, frame: Option<&CloseFrame<'_>>, output: &mut Vec<u8>) {
        let mut payload = Vec::new();
        if let Some(frame) = frame {
            frame.encode(&mut payload);
        }
        self.write(Opcode::Close, &payload, output);
        self.state = State::Closing;
    }

    /// Fails the connection (§7.1.7). Returns the error, for the caller to return.
    #[cold]
    pub(super) fn fail(&mut self, error: ProtocolError, output: &mut Vec<u8>) -> ProtocolError {
        // 7.1.7: a Close frame with an appropriate code SHOULD be sent; 5.5.1: never a second one.
        if self.state == State::Open {
            // 7.1.6: the reason is for whoever debugs the peer.
            self.close(Some(&CloseFrame::new(error.close_code(), error.to_string())), output);
        }
        self.state = State::Closed;
        error
    }

    /// A whole payload as the message that it is, if it is one.
    #[inline]
    pub(super) fn deliver<'p>(
        &mut self,
        opcode: Opcode,
        payload: &'p [u8],
        output: &mut Vec<u8>,
    ) -> Result<Message<'p>, ProtocolError> {
        if opcode != Opcode::Text {
            return Ok(Message::Binary(payload));
        }
        // 8.1: of a text in pieces the last character may be incomplete; one at once has not been looked at.
        match simdutf8::basic::from_utf8(payload) {
            Ok(text) => Ok(Message::Text(text)),
            Err(_) => Err(self.fail(ProtocolError::InvalidUtf8, output)),
        }
    }

    /// Answers a control frame of the peer as the state demands.
    pub(super) fn answer<'p>(
        &mut self,
        opcode: Opcode,
        payload: &'p [u8],
        output: &mut Vec<u8>,
    ) -> Result<Event<'p>, ProtocolError> {
        match opcode {
            Opcode::Ping => {
                // 5.5.3 Pong: the same application data as the Ping.
                self.write(Opcode::Pong, payload, output);
                Ok(Event::Ping(payload))
            }
            Opcode::Close => {
                let frame = CloseFrame::parse(payload).map_err(|error| self.fail(error, output))?;
                // 5.5.1 Close: answered once, with the peer's code.
                if self.state == State::Open {
                    let answer = frame.as_ref().map(|frame| CloseFrame::new(frame.code, ""));
                    self.close(answer.as_ref(), output);
                }
                self.state = State::Closed;
                Ok(Event::Close(frame))
            }
            _ => Ok(Event::Pong(payload)),
        }
    }
}
