//! A layer over sockets, such as TLS: which connections have one, and a socket with its layer as one. Connections without a
//! layer own no memory for it.

use std::io::{self, IoSlice};
use std::marker::PhantomData;

use super::{Received, Security, Socket};
use crate::http::RequestTls;
use crate::server::types::stats::Count;

/// Whether this build has layers: whether it speaks TLS.
const AVAILABLE: bool = cfg!(feature = "tls");
/// Bytes of the application that are encrypted at a time.
pub(crate) const CHUNK: usize = 64 * 1024;
/// The same when the queue is not empty: the peer is slow, and what is encrypted can no longer be dropped or replaced.
const QUEUED_CHUNK: usize = 16 * 1024;

/// The sockets that code is for. The hottest is compiled twice, so that it is as short for plain sockets as in a build
/// without layers.
pub(crate) trait Sockets {
    const MAY_HAVE_LAYERS: bool;
}

/// All sockets.
pub(crate) enum All {}

/// Sockets without a layer.
pub(crate) enum Plain {}

impl Sockets for All {
    const MAY_HAVE_LAYERS: bool = true;
}

impl Sockets for Plain {
    const MAY_HAVE_LAYERS: bool = false;
}

/// A layer over a socket of type `S`.
pub(crate) trait Layer<S: Socket> {
    /// Receives what has come, as [`Socket::receive`] does. The buffer must have room for [`CHUNK`] bytes.
    fn receive(&mut self, socket: &mut S, buffer: &mut [u8], scratch: &mut Scratch) -> io::Result<Received>;

    /// Sends slices as one piece. Returns how many bytes were accepted: all of them, or some are pending now.
    fn send(&mut self, socket: &mut S, slices: &[IoSlice<'_>], scratch: &mut Scratch) -> io::Result<usize>;

    /// See [`Socket::flush`].
    fn flush(&mut self, socket: &mut S) -> io::Result<usize>;

    /// See [`Socket::say_goodbye`].
    fn say_goodbye(&mut self, socket: &mut S, scratch: &mut Scratch) -> io::Result<()>;

    /// See [`Socket::shutdown_write`]. Where bytes are pending, they are sent first, by [`flush`](Self::flush).
    fn shutdown_write(&mut self, socket: &mut S, scratch: &mut Scratch) -> io::Result<()>;

    /// See [`Socket::pending`].
    fn pending(&self) -> usize;

    /// Bytes on the heap that the peer can make more: for what is pending, for a part of a record, for its part of the
    /// handshake, and for its certificates.
    fn held(&self) -> usize;

    fn security(&self) -> Security;

    /// Whether the peer has not been answered, since its first message is not complete or was not looked at.
    fn awaits_hello(&self) -> bool;

    /// The counter of the way in which the handshake has ended, if it has.
    fn ending(&self) -> Option<Count>;

    /// The facts about this layer that a request may know.
    fn request_tls(&self) -> Option<RequestTls>;

    /// The bytes that come first are not for this layer: it passes them on until [`begin`](Self::begin).
    fn await_prefix(&mut self);

    /// All bytes from now on are for this layer, beginning with these, which it had passed on.
    fn begin(&mut self, bytes: &[u8]);
}

/// Buffers that all layers use, one after the other. They are allocated when they are needed first.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Bytes from the network.
    pub input: Vec<u8>,
    /// Slices in one piece.
    pub gathered: Vec<u8>,
    pub output: Output,
}

/// Bytes for the network.
#[derive(Default)]
pub(crate) struct Output {
    room: Vec<u8>,
    len: usize,
}

impl Output {
    pub fn clear(&mut self) {
        self.len = 0;
    }

    pub fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.room.truncate(self.len);
        self.room.extend_from_slice(bytes);
        self.len = self.room.len();
    }

    /// Appends what `write` writes. It returns how many bytes it has written, or how many it needs.
    pub fn write(&mut self, mut write: impl FnMut(&mut [u8]) -> Result<usize, usize>) {
        loop {
            match write(self.room.get_mut(self.len..).unwrap_or_default()) {
                Ok(written) => {
                    self.len += written;
                    return;
                }
                Err(needed) => self.room.resize(self.len + needed, 0),
            }
        }
    }
}

/// The layers of all connections that have one.
pub(crate) struct Layers<S> {
    /// By slot. Empty while no connection has one.
    by_slot: Vec<Option<Box<dyn Layer<S>>>>,
    scratch: Scratch,
}

impl<S> Default for Layers<S> {
    fn default() -> Self {
        Layers { by_slot: Vec::new(), scratch: Scratch::default() }
    }
}

impl<S: Socket> Layers<S> {
    pub fn insert(&mut self, slot: u32, layer: Box<dyn Layer<S>>) {
        let at = slot as usize;
        if self.by_slot.len() <= at {
            self.by_slot.resize_with(at + 1, || None);
        }
        self.by_slot[at] = Some(layer);
    }

    pub fn remove(&mut self, slot: u32) {
        if let Some(place) = self.by_slot.get_mut(slot as usize) {
            *place = None;
        }
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&dyn Layer<S>> {
        if !AVAILABLE {
            return None;
        }
        self.by_slot.get(slot as usize)?.as_deref()
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut (dyn Layer<S> + 'static)> {
        if !AVAILABLE {
            return None;
        }
        self.by_slot.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Whether no connection has a layer.
    #[inline(always)]
    pub fn are_none(&self) -> bool {
        !AVAILABLE || self.by_slot.is_empty()
    }

    /// Whether a connection has a layer.
    #[inline(always)]
    pub fn has(&self, slot: u32) -> bool {
        AVAILABLE && self.by_slot.get(slot as usize).is_some_and(Option::is_some)
    }

    /// Whether a connection has a layer that waits for the peer's first message.
    pub fn awaits_hello(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|layer| layer.awaits_hello())
    }

    /// Bytes that the layer of a connection holds.
    pub fn held(&self, slot: u32) -> usize {
        self.get(slot).map_or(0, |layer| layer.held())
    }

    #[inline]
    pub fn security(&self, slot: u32) -> Security {
        self.get(slot).map_or(Security::Plain, |layer| layer.security())
    }

    /// A socket with the layer of its connection, if that has one.
    #[inline(always)]
    pub fn over<'a, K: Sockets>(&'a mut self, slot: u32, socket: &'a mut S) -> Channel<'a, S, K> {
        debug_assert!(K::MAY_HAVE_LAYERS || !self.has(slot), "a layer is left out");
        if !AVAILABLE || !K::MAY_HAVE_LAYERS {
            return Channel { socket, layer: None, kind: PhantomData };
        }
        let layer = self.by_slot.get_mut(slot as usize).and_then(Option::as_mut);
        let layer = layer.map(|layer| (&mut **layer as &mut dyn Layer<S>, &mut self.scratch));
        Channel { socket, layer, kind: PhantomData }
    }
}

/// A socket, and the layer over it if there is one.
pub(crate) struct Channel<'a, S, K> {
    socket: &'a mut S,
    layer: Option<(&'a mut dyn Layer<S>, &'a mut Scratch)>,
    /// Each kind is a type of its own, so that code for one is compiled, and inlined, by itself.
    kind: PhantomData<K>,
}

impl<S: Socket, K: Sockets> Socket for Channel<'_, S, K> {
    #[inline(always)]
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        match &mut self.layer {
            Some((layer, scratch)) if K::MAY_HAVE_LAYERS => receive_over(*layer, self.socket, buffer, scratch),
            _ => self.socket.receive(buffer),
        }
    }

    #[inline(always)]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.layer {
            Some((layer, scratch)) if K::MAY_HAVE_LAYERS => {
                send_over(*layer, self.socket, &[IoSlice::new(bytes)], scratch)
            }
            _ => self.socket.send(bytes),
        }
    }

    #[inline(always)]
    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.layer {
            Some((layer, scratch)) if K::MAY_HAVE_LAYERS => send_over(*layer, self.socket, slices, scratch),
            _ => self.socket.send_vectored(slices),
        }
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        match &mut self.layer {
            None => self.socket.shutdown_write(),
            Some((layer, scratch)) => layer.shutdown_write(self.socket, scratch),
        }
    }

    fn abort(&mut self) -> io::Result<()> {
        self.socket.abort()
    }

    #[inline(always)]
    fn pending(&self) -> usize {
        self.layer.as_ref().filter(|_| K::MAY_HAVE_LAYERS).map_or(0, |(layer, _)| layer.pending())
    }

    fn flush(&mut self) -> io::Result<usize> {
        match &mut self.layer {
            None => Ok(0),
            Some((layer, _)) => layer.flush(self.socket),
        }
    }

    #[inline(always)]
    fn chunk(&self) -> usize {
        if K::MAY_HAVE_LAYERS && self.layer.is_some() { QUEUED_CHUNK } else { usize::MAX }
    }

    #[inline(always)]
    fn fills_any_buffer(&self) -> bool {
        !K::MAY_HAVE_LAYERS || self.layer.is_none()
    }

    fn say_goodbye(&mut self) {
        if let Some((layer, scratch)) = &mut self.layer
            && let Err(error) = layer.say_goodbye(self.socket, scratch)
        {
            // The connection ends in any case, and its peer has all that it was owed.
            log::trace!("a peer has gone before it was told the end: {error}");
        }
    }

    #[inline(always)]
    fn security(&self) -> Security {
        self.layer.as_ref().map_or(Security::Plain, |(layer, _)| layer.security())
    }
}

// Kept out of the callers, so that the path of sockets without a layer stays as short as it is in a build without layers.

#[cold]
#[inline(never)]
fn receive_over<S: Socket>(
    layer: &mut dyn Layer<S>,
    socket: &mut S,
    buffer: &mut [u8],
    scratch: &mut Scratch,
) -> io::Result<Received> {
    layer.receive(socket, buffer, scratch)
}

#[cold]
#[inline(never)]
fn send_over<S: Socket>(
    layer: &mut dyn Layer<S>,
    socket: &mut S,
    slices: &[IoSlice<'_>],
    scratch: &mut Scratch,
) -> io::Result<usize> {
    layer.send(socket, slices, scratch)
}
