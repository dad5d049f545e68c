//! One connection: bytes in, [`Event`]s out, and the frames that it must send in return (§5 to §8).
//!
//! It does no I/O, reads no clock and starts after the opening handshake. The caller ends the TCP connection: see
//! [`State`].

mod own_loop;
mod partial;
mod receiver;
mod role;
mod sender;

use std::{fmt, sync::Arc};

pub use self::own_loop::Allowance;
pub(super) use self::partial::Frame;
pub use self::role::{Client, Role, Server};
use self::{partial::Partial, sender::Sender};
use super::{
    close::CloseFrame,
    deflate::{Deflater, Extension, Zlib},
    error::{ControlError, NotOpen, ProtocolError},
    frame::{FrameHeader, Opcode, mask, take_whole_message},
    message::{Limits, Message},
};

/// An event of the peer. It borrows its payload from the input, or from the connection when the payload came in pieces.
///
/// While an event is held, the connection cannot be used. [`encode_frame`](super::encode_frame) does not need it: a
/// server can answer with the borrowed payload, without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A Ping with its payload. The Pong is already in the output.
    Ping(&'a [u8]),
    /// A Pong with its payload. It answers a Ping of ours, or was sent unasked (§5.5.3).
    Pong(&'a [u8]),
    /// A Close, with its code and reason if it has them. The answer, if one is due, is already in the output.
    Close(Option<CloseFrame<'a>>),
}

/// The state of the closing handshake (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Both sides may send.
    Open,
    /// We sent a Close and wait for the peer's. Only that is still an event.
    Closing,
    /// Both Close frames were sent, or the connection failed. After writing the output, a server ends the TCP connection
    /// and a client waits for that (§7.1.1).
    Closed,
}

/// One WebSocket connection after its opening handshake, seen from role `R`.
///
/// Between two messages it is at most 24 bytes and owns nothing on the heap but its share of the [`Limits`].
pub struct Connection<R: Role = Server> {
    limits: Arc<Limits>,
    partial: Option<Box<Partial>>,
    sender: Sender<R>,
}

impl Connection<Server> {
    /// The server's end of a connection.
    pub fn server(limits: impl Into<Arc<Limits>>) -> Self {
        Self::new(limits.into(), Server)
    }
}

impl<K: FnMut() -> [u8; 4]> Connection<Client<K>> {
    /// The client's end of a connection. `masking_keys` is called once for each frame sent, and must draw from a strong
    /// source of randomness: an application that can predict the keys can choose the bytes on the wire and deceive
    /// intermediaries (§5.3, §10.3).
    pub fn client(limits: impl Into<Arc<Limits>>, masking_keys: K) -> Self {
        Self::new(limits.into(), Client { masking_keys })
    }
}

impl<R: Role> Connection<R> {
    fn new(limits: Arc<Limits>, role: R) -> Self {
        let sender = Sender { state: State::Open, zlib: None, extension: Extension::default(), role };
        Self { limits, partial: None, sender }
    }

    /// The same connection with permessage-deflate. Call it before the first frame.
    ///
    /// [`receive`](Self::receive) then inflates compressed messages, and [`Limits::max_message`] counts inflated bytes.
    /// [`send_deflated`](Self::send_deflated) or a [`Deflater`] compresses; [`send`](Self::send) sends uncompressed
    /// messages, which is always allowed.
    ///
    /// In a build without the feature `deflate` it changes nothing, and compressed messages fail the connection: see
    /// [`DEFLATE_AVAILABLE`](super::DEFLATE_AVAILABLE).
    #[must_use]
    pub fn with_extension(mut self, extension: Extension) -> Self {
        (self.sender.zlib, self.sender.extension) = (Zlib::get(), extension);
        self
    }

    /// The extension set by [`with_extension`](Self::with_extension).
    #[inline]
    pub fn extension(&self) -> Option<Extension> {
        self.sender.zlib.map(|_| self.sender.extension)
    }

    /// The state of the closing handshake.
    #[inline]
    pub fn state(&self) -> State {
        self.sender.state
    }

    /// Takes bytes off the front of `input` until one event is complete. Returns `Ok(None)` when the input is used up;
    /// call it again until then. Payloads are unmasked in place, incomplete frames and messages are kept. Events, output
    /// and errors do not depend on how the stream is cut into inputs.
    ///
    /// Appends the frames that the protocol requires to `output`: the Pong for a Ping, the answer to a Close, or the Close
    /// that fails the connection. In [`State::Closing`] only a Close is an event: messages are discarded and Pings are not
    /// answered. In [`State::Closed`] all input is discarded.
    ///
    /// # Errors
    /// The peer broke a rule. Earlier calls have returned the events before it, and the state is [`State::Closed`].
    #[inline]
    pub fn receive<'e, 'i: 'e>(
        &'e mut self,
        input: &mut &'i mut [u8],
        output: &mut Vec<u8>,
    ) -> Result<Option<Event<'e>>, ProtocolError> {
        self.receive_with(input, output, &mut Allowance { frames: usize::MAX, lend: &mut || None, contexts: None })
    }

    /// Fast path for unfragmented messages that lie whole in `input`: no copy, no allocation. `None`: nothing was taken,
    /// and [`receive_piecewise`](Self::receive_piecewise) must be called.
    #[inline(always)]
    pub(crate) fn receive_whole<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        output: &mut Vec<u8>,
        allowance: &mut Allowance<'_>,
    ) -> Option<Result<Message<'i>, ProtocolError>> {
        if self.partial.is_some() || self.sender.state != State::Open || allowance.frames == 0 {
            return None;
        }
        let (opcode, key, payload) = take_whole_message(input, !R::MASKS, self.limits.max_message)?;
        allowance.frames -= 1;
        if !R::MASKS {
            mask(payload, key, 0);
        }
        if opcode != Opcode::Text {
            return Some(Ok(Message::Binary(payload)));
        }
        // 8.1: text is UTF-8.
        Some(match simdutf8::basic::from_utf8(payload) {
            Ok(text) => Ok(Message::Text(text)),
            Err(_) => Err(self.sender.fail(ProtocolError::InvalidUtf8, output)),
        })
    }

    /// Sends a message as one frame: appends it to `output`.
    ///
    /// # Errors
    /// The connection is closing or closed (§5.5.1: no data frames after a Close). Nothing is appended.
    #[inline]
    pub fn send(&mut self, message: Message<'_>, output: &mut Vec<u8>) -> Result<(), NotOpen> {
        if self.sender.state != State::Open {
            return Err(NotOpen);
        }
        self.sender.write(message.opcode(), message.as_bytes(), output);
        Ok(())
    }

    /// [`send`](Self::send) with compression, if permessage-deflate was negotiated and makes the message shorter.
    /// `deflater` must be the one of this connection.
    ///
    /// # Errors
    /// The connection is closing or closed. Nothing is appended.
    pub fn send_deflated(
        &mut self,
        message: Message<'_>,
        deflater: &mut Deflater,
        output: &mut Vec<u8>,
    ) -> Result<(), NotOpen> {
        if self.sender.state != State::Open {
            return Err(NotOpen);
        }
        // RFC 7692 6: no RSV1 unless permessage-deflate was negotiated.
        let deflated = self.sender.zlib.and_then(|_| deflater.deflate(message));
        let Some(payload) = deflated else { return self.send(message, output) };
        let masking_key = self.sender.role.next_masking_key();
        let header = FrameHeader { rsv1: true, masking_key, ..FrameHeader::whole(message.opcode(), payload) };
        header.encode_with(payload, output);
        Ok(())
    }

    /// Sends a Ping. The peer must answer it with a Pong of the same payload (§5.5.2).
    ///
    /// # Errors
    /// The payload has more than 125 bytes, or the connection is closing or closed. Nothing is appended.
    pub fn ping(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), ControlError> {
        self.send_control(Opcode::Ping, payload, output)
    }

    /// Sends an unasked Pong, as a sign of life (§5.5.3). [`receive`](Self::receive) answers Pings by itself.
    ///
    /// # Errors
    /// The payload has more than 125 bytes, or the connection is closing or closed. Nothing is appended.
    pub fn pong(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), ControlError> {
        self.send_control(Opcode::Pong, payload, output)
    }

    /// Starts the closing handshake: sends a Close with `frame` as its content (§7.1.2). An unfinished message of the peer
    /// is discarded. Does nothing unless the state is [`State::Open`].
    ///
    /// # Errors
    /// The code may not be sent (§7.4). Nothing is appended, and the state stays.
    pub fn close(&mut self, frame: Option<&CloseFrame<'_>>, output: &mut Vec<u8>) -> Result<(), ControlError> {
        if let Some(frame) = frame.filter(|frame| !frame.code.may_be_sent()) {
            return Err(ControlError::CloseCode(frame.code));
        }
        if self.sender.state == State::Open {
            self.sender.close(frame, output);
            self.abandon_message();
        }
        Ok(())
    }

    fn send_control(&mut self, opcode: Opcode, payload: &[u8], output: &mut Vec<u8>) -> Result<(), ControlError> {
        // 5.5 Control frames: a payload of 125 bytes or less.
        if payload.len() > 125 {
            return Err(ControlError::TooLong);
        }
        if self.sender.state != State::Open {
            return Err(ControlError::NotOpen);
        }
        self.sender.write(opcode, payload, output);
        Ok(())
    }

    fn fail(&mut self, error: ProtocolError, output: &mut Vec<u8>) -> ProtocolError {
        self.abandon_message();
        self.sender.fail(error, output)
    }

    fn abandon_message(&mut self) {
        if let Some(partial) = &mut self.partial {
            partial.abandon_message();
        }
    }

    fn forget_last_event(&mut self) {
        if let Some(partial) = &mut self.partial {
            partial.forget_last_event();
            if partial.is_empty() {
                self.partial = None;
            }
        }
    }
}

/// Prints no payload.
impl<R: Role> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Connection");
        f.field("state", &self.state()).field("buffered", &self.buffered()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
