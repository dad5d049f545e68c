//! One connection: bytes in, [`Event`]s out, and the frames that answer them by rule (§5 to §8).
//!
//! It does no I/O, keeps no time and starts after the opening handshake. When the TCP connection is to be ended is the
//! caller's part: see [`State`].

#[cfg(feature = "deflate")]
mod extended;
mod partial;
mod receiver;
mod role;
mod sender;

use std::{fmt, sync::Arc};

pub(super) use self::partial::Frame;
pub use self::role::{Client, Role, Server};
use self::{partial::Partial, sender::Sender};
use super::{
    buffer::Buffer,
    close::CloseFrame,
    error::{ControlError, NotOpen, ProtocolError},
    extension::Contexts,
    frame::{Opcode, mask, take_whole_message},
    message::{Limits, Message},
};

/// What the peer sent, borrowed from the input or, when it did not lie there as a whole, from the connection.
///
/// While it is held the connection cannot be used, but the output can: [`encode_frame`](super::encode_frame) answers
/// with what it borrows, without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A Ping and its payload; the Pong is already in the output.
    Ping(&'a [u8]),
    /// A Pong and its payload: it may answer a Ping of ours, or come unasked (§5.5.3).
    Pong(&'a [u8]),
    /// A Close, with its code and reason if it has them. The answer, if one is due, is already in the output.
    Close(Option<CloseFrame<'a>>),
}

/// What a call of [`Connection::receive_with`] may use.
pub struct Allowance<'a> {
    /// How many frames it may take; counted down, whether they bring an event or not.
    pub frames: usize,
    /// Lends a buffer for a large message, to save allocating and zeroing it. Called when a frame has 64 KiB of payload
    /// still to come after the input, and some has come: [`Connection::spare`] then is where to receive the rest; or
    /// when an extension makes more than 64 KiB of what has. The vector must be initialised: its length is the space
    /// that is used, its content does not matter. With `None` the connection uses a buffer of its own, which grows with
    /// what comes. Either way [`Connection::take_buffer`] is how to get the vector back.
    pub lend: &'a mut dyn FnMut() -> Option<Vec<u8>>,
    /// What an extension works with, and how much it may do. With `None` it makes what it needs for each message, and
    /// does all that there is to do. Without an extension it is of no use.
    pub contexts: Option<&'a mut Contexts>,
}

/// How far the closing handshake is (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Both sides may send.
    Open,
    /// We sent a Close and wait for the peer's. Nothing but that will be an event.
    Closing,
    /// Both Close frames are through, or the connection failed. Once the output is written a server ends the TCP
    /// connection, and a client waits for that (§7.1.1).
    Closed,
}

/// One WebSocket connection after its opening handshake, seen from role `R`.
///
/// While nothing is under way it is at most 24 bytes and owns nothing on the heap but its share of the [`Limits`].
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
    /// The client's end of a connection. `masking_keys` is called once for each frame sent, and must draw from a
    /// strong source of randomness: whoever can foresee a key can choose the bytes on the wire, and so deceive
    /// intermediaries (§5.3, §10.3).
    pub fn client(limits: impl Into<Arc<Limits>>, masking_keys: K) -> Self {
        Self::new(limits.into(), Client { masking_keys })
    }
}

impl<R: Role> Connection<R> {
    fn new(limits: Arc<Limits>, role: R) -> Self {
        Self { limits, partial: None, sender: Sender { state: State::Open, extension: None, role } }
    }

    /// How far the closing handshake is.
    #[inline]
    pub fn state(&self) -> State {
        self.sender.state
    }

    /// Whether no frame or message is under way and nothing of the last event is kept: then there is no heap block,
    /// unless an extension keeps what it has seen for the next message (context takeover).
    /// An event may borrow from the connection, so this is for after [`receive`](Self::receive) answered `Ok(None)`.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.partial.as_ref().is_none_or(|partial| partial.is_idle())
    }

    /// Whether an extension has used up its share of [`Allowance::contexts`] amid a message: then
    /// [`receive_with`](Self::receive_with) is to be called again, with input or without, before anything more is
    /// received.
    pub fn is_paused(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.is_paused())
    }

    /// The payload bytes that have come of the message or frame under way; `None`: there is none.
    pub fn unfinished(&self) -> Option<u64> {
        let partial = self.partial.as_ref().filter(|partial| !partial.is_idle() && partial.spent.is_none())?;
        Some(partial.message.as_ref().map_or(0, |message| message.buffer.filled() as u64))
    }

    /// The heap bytes held for what is under way or borrowed by the last event, by capacity.
    pub fn buffered(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.capacity())
    }

    /// What of that is for an inflater.
    pub(crate) fn inflater(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.inflater())
    }

    /// Takes bytes off the front of `input` until one event is complete, or the input is used up: then `Ok(None)`.
    /// Call it again until then. What is taken is unmasked in place; what is incomplete is kept. However the stream is
    /// cut into inputs, events, output and error are the same.
    ///
    /// What is owed to the peer by rule is appended to `output`: the Pong for a Ping, the answer to a Close, the Close
    /// that fails the connection. In [`State::Closing`] only a Close is an event: messages are discarded unread,
    /// pings are not answered. In [`State::Closed`] all input is discarded.
    ///
    /// # Errors
    /// The peer broke a rule. The events before it have been returned by earlier calls, and the state is
    /// [`State::Closed`].
    #[inline]
    pub fn receive<'e, 'i: 'e>(
        &'e mut self,
        input: &mut &'i mut [u8],
        output: &mut Vec<u8>,
    ) -> Result<Option<Event<'e>>, ProtocolError> {
        self.receive_with(input, output, &mut Allowance { frames: usize::MAX, lend: &mut || None, contexts: None })
    }

    /// [`receive`](Self::receive) for a caller who bounds the work of a call, or has buffers to lend for large
    /// messages. `Ok(None)` while `input` is not empty, or [`is_paused`](Self::is_paused): what was allowed is used up.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_with<'e, 'i: 'e>(
        &'e mut self,
        input: &mut &'i mut [u8],
        output: &mut Vec<u8>,
        allowance: &mut Allowance<'_>,
    ) -> Result<Option<Event<'e>>, ProtocolError> {
        match self.receive_whole(input, output, allowance) {
            Some(message) => message.map(|message| Some(Event::Message(message))),
            None => self.receive_piecewise(input, output, allowance),
        }
    }

    /// [`receive_with`](Self::receive_with) for what nearly all input is: a message in one frame that lies whole in
    /// `input`. No copy, no allocation. `None`: the front of the input is for the general way, and as it was.
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
        Some(self.sender.deliver(opcode, payload, output))
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

    /// Sends a Ping, which the peer must answer with a Pong of the same payload (§5.5.2).
    ///
    /// # Errors
    /// The payload has more than 125 bytes, or the connection is closing or closed. Nothing is appended.
    pub fn ping(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), ControlError> {
        self.send_control(Opcode::Ping, payload, output)
    }

    /// Sends a Pong that no Ping asked for, as a sign of life (§5.5.3). Pings are answered without it.
    ///
    /// # Errors
    /// The payload has more than 125 bytes, or the connection is closing or closed. Nothing is appended.
    pub fn pong(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), ControlError> {
        self.send_control(Opcode::Pong, payload, output)
    }

    /// Starts the closing handshake: sends a Close, with `frame` as its content (§7.1.2). A message under way is
    /// discarded. Does nothing unless the state is [`State::Open`].
    ///
    /// # Errors
    /// The code is one that may not be sent (§7.4). Nothing is appended, the state stays.
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

    /// Where to receive the rest of a large frame, to save copying it: up to so many bytes may be read from the socket
    /// straight into this slice, then [`filled`](Self::filled) tells how many came. `None`: receive elsewhere and call
    /// [`receive`](Self::receive). That is always allowed, and right for the last few KiB of a frame.
    ///
    /// All earlier input must have been given to `receive`. The slice is initialised, but its content means nothing.
    pub fn spare(&mut self) -> Option<&mut [u8]> {
        self.partial.as_mut()?.spare()
    }

    /// Takes the first `n` bytes of [`spare`](Self::spare), received there, as the next ones of the stream. When they
    /// complete the message, the next [`receive`](Self::receive), if with no input, returns it. `n` counts as at most
    /// the length of the slice.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn filled(&mut self, n: usize, output: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        partial.filled(n).map_err(|error| self.fail(error, output))
    }

    /// Takes the vector of a message that did not lie whole in the input, after its event and before the next
    /// `receive`, which would free it: the payload is at its front, its length is what is initialised. So the payload
    /// can be written to a socket from here without a copy, and the vector lent again.
    ///
    /// Also gives the vector of a message under way when the connection failed or [`close`](Self::close) was called.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        let spent = self.partial.as_mut()?.spent.take();
        self.forget_last_event();
        spent.map(Buffer::into_vec).filter(|bytes| !bytes.is_empty())
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

/// Without the payloads that it holds: those are not for logs.
impl<R: Role> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Connection");
        f.field("state", &self.state()).field("buffered", &self.buffered()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
