//! The part of [`Connection`] for a server's own loop: budgets, buffers and accounts.

use super::{Connection, Event, Role};
use crate::protocol::{buffer::Buffer, deflate::Contexts, error::ProtocolError};

/// The budget and the resources of one call of [`Connection::receive_with`].
pub struct Allowance<'a> {
    /// The number of frames that may be taken; counted down for each one, with or without an event.
    pub frames: usize,
    /// Lends a buffer for a large message, which saves allocating and zeroing one. It is called when a part of the payload
    /// has arrived and 64 KiB of the frame are still missing ([`Connection::spare`] then returns the place for them), or
    /// when a message is inflated to more than 64 KiB.
    ///
    /// The vector's length is the space used, its content does not matter. If this returns `None`, the connection uses a
    /// buffer of its own that grows with the data. [`Connection::take_buffer`] returns the vector in either case.
    pub lend: &'a mut dyn FnMut() -> Option<Vec<u8>>,
    /// The inflaters and the budget for compressed messages. If this is `None`, the connection makes an inflater for each
    /// message and has no budget. Not used without an extension.
    pub contexts: Option<&'a mut Contexts>,
}

/// # For a loop of your own
///
/// [`receive`](Self::receive) and [`send`](Self::send) are enough for a program with few connections. The methods below
/// let a server bound the work of one call, receive large payloads without a copy, share buffers and inflaters, and
/// count the memory of each connection.
///
/// ```
/// use std::io::Read;
/// use sockhop::protocol::{Allowance, Connection, Contexts, Event, Limits, Message, ProtocolError};
///
/// /// Shared by all connections of a thread.
/// struct Shared {
///     input: Vec<u8>,
///     buffers: Vec<Vec<u8>>,
///     contexts: Contexts,
/// }
///
/// /// Reads once from a socket. Returns the bytes that are left for the connection's next turn.
/// fn serve(
///     shared: &mut Shared,
///     connection: &mut Connection,
///     socket: &mut impl Read,
///     output: &mut Vec<u8>,
///     mut on_message: impl FnMut(Message<'_>),
/// ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
///     // The rest of a large frame is read straight into its message.
///     let mut input: &mut [u8] = match connection.spare() {
///         Some(spare) => {
///             let n = socket.read(spare)?;
///             connection.filled(n, output)?;
///             &mut []
///         }
///         None => {
///             let n = socket.read(&mut shared.input)?;
///             &mut shared.input[..n]
///         }
///     };
///     shared.contexts.inflatable = 256 * 1024;
///     let mut frames = 256;
///     loop {
///         let (buffers, contexts) = (&mut shared.buffers, &mut shared.contexts);
///         let mut allowance = Allowance { frames, lend: &mut || buffers.pop(), contexts: Some(contexts) };
///         let event = connection.receive_with(&mut input, output, &mut allowance)?;
///         frames = allowance.frames;
///         match event {
///             Some(Event::Message(message)) => on_message(message),
///             Some(_) => {}
///             // The input is used up or a budget is spent. After the latter, serve other connections first.
///             None => return Ok(input.to_vec()),
///         }
///         shared.buffers.extend(connection.take_buffer());
///     }
/// }
///
/// let buffers = vec![vec![0; 256 * 1024]];
/// let mut shared = Shared { input: vec![0; 64 * 1024], buffers, contexts: Contexts::default() };
/// let (mut stream, mut output, mut received) = (Vec::new(), Vec::new(), Vec::new());
/// Connection::client(Limits::default(), || [1, 2, 3, 4]).send(Message::Binary(&[7; 200_000]), &mut stream)?;
/// let mut connection = Connection::server(Limits::default());
/// let mut socket = &stream[..];
/// while !socket.is_empty() {
///     let left = serve(&mut shared, &mut connection, &mut socket, &mut output, |it| received.push(it.len()))?;
///     assert!(left.is_empty() && !connection.is_paused());
/// }
/// assert_eq!(received, [200_000]);
/// assert!(connection.is_idle() && connection.buffered() == 0);
/// assert_eq!(shared.buffers[0].len(), 256 * 1024); // It has come back.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<R: Role> Connection<R> {
    /// [`receive`](Self::receive) with a budget, and with buffers lent for large messages. It also returns `Ok(None)` when
    /// the budget is spent: then `input` is not empty, or [`is_paused`](Self::is_paused) is true.
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

    /// Whether the budget of [`Allowance::contexts`] ran out within a message. Then call
    /// [`receive_with`](Self::receive_with) again, with or without input, before receiving anything more.
    pub fn is_paused(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.is_paused())
    }

    /// Whether nothing is kept: no unfinished frame or message, and no payload of the last event. Then the connection has
    /// no heap block, unless the extension keeps its context for the next message (context takeover).
    ///
    /// Ask after [`receive`](Self::receive) returned `Ok(None)`: it frees the payload of the last event.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.partial.as_ref().is_none_or(|partial| partial.is_idle())
    }

    /// The payload bytes received of the unfinished frame or message; `None`: there is none.
    pub fn unfinished(&self) -> Option<u64> {
        let partial = self.partial.as_ref().filter(|partial| !partial.is_idle() && partial.spent.is_none())?;
        Some(partial.message.as_ref().map_or(0, |message| message.buffer.filled() as u64))
    }

    /// The heap bytes held for an unfinished message and for the last event, by capacity.
    pub fn buffered(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.capacity())
    }

    /// The part of [`buffered`](Self::buffered) that an inflater takes.
    pub(crate) fn inflater(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.inflater())
    }

    /// The place for the rest of a large frame: read from the socket into this slice, then call [`filled`](Self::filled)
    /// with the number of bytes. That saves a copy. `None`: receive elsewhere and call [`receive`](Self::receive), which
    /// is always allowed, and cheaper for the last few KiB of a frame.
    ///
    /// Give all earlier input to `receive` first. The slice is initialised; its content does not matter.
    pub fn spare(&mut self) -> Option<&mut [u8]> {
        self.partial.as_mut()?.spare()
    }

    /// Takes the first `n` bytes of [`spare`](Self::spare) as the next ones of the stream. If they complete the message,
    /// the next [`receive`](Self::receive), even one without input, returns it. `n` counts as at most the length of the
    /// slice.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn filled(&mut self, n: usize, output: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        partial.filled(n).map_err(|error| self.fail(error, output))
    }

    /// Takes the vector of a message that did not lie whole in the input. Call it after the event and before the next
    /// `receive`, which would free the vector. The payload is at its front, and its whole length is initialised: so the
    /// payload can be written to a socket without a copy, and the vector lent again.
    ///
    /// After an error or a [`close`](Self::close) it returns the vector of the unfinished message.
    #[inline]
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        // Nearly always there is none.
        if self.partial.is_some() { self.take_spent() } else { None }
    }

    #[inline(never)]
    fn take_spent(&mut self) -> Option<Vec<u8>> {
        let spent = self.partial.as_mut()?.spent.take();
        self.forget_last_event();
        spent.map(Buffer::into_vec).filter(|bytes| !bytes.is_empty())
    }
}
