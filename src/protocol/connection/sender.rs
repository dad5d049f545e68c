//! The sending half of a connection: its state, and the frames that the protocol requires it to send.

use super::{Event, Role, State};
use crate::protocol::{
    close::CloseFrame,
    deflate::{Extension, Zlib},
    error::ProtocolError,
    frame::{FrameHeader, Opcode},
};

/// The state and the encoder. Apart from the received data, so that an answer can be written while the payload that it
/// answers is still borrowed.
pub(super) struct Sender<R> {
    pub(super) state: State,
    /// `Some` if permessage-deflate was negotiated, with the parameters in `extension`. Known to be `None` at compile time in
    /// a build that cannot inflate.
    pub(super) zlib: Option<Zlib>,
    pub(super) extension: Extension,
    pub(super) role: R,
}

impl<R: Role> Sender<R> {
    /// Appends a whole frame, masked if the role requires it.
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

    /// Fails the connection (§7.1.7) and returns the error.
    #[cold]
    pub(super) fn fail(&mut self, error: ProtocolError, output: &mut Vec<u8>) -> ProtocolError {
        // 7.1.7: a Close frame with an appropriate code SHOULD be sent; 5.5.1: never a second one.
        if self.state == State::Open {
            // 7.1.6: the reason helps to debug the peer.
            self.close(Some(&CloseFrame::new(error.close_code(), error.to_string())), output);
        }
        self.state = State::Closed;
        error
    }

    /// Answers a control frame of the peer, if the state allows it.
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
                // 5.5.1 Close: answered once, with the peer's code and reason: a browser shows its page only the answer.
                if self.state == State::Open {
                    self.write(Opcode::Close, payload, output);
                }
                self.state = State::Closed;
                Ok(Event::Close(frame))
            }
            _ => Ok(Event::Pong(payload)),
        }
    }
}
