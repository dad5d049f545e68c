//! Compresses messages that we send (RFC 7692 §7.2.1).

use std::fmt;

use super::{
    ContextTakeover, Extension, TAIL, Tally,
    zlib::{Compressor, Zlib},
    zlib_window_bits,
};
use crate::protocol::{
    frame::{FrameHeader, Opcode},
    message::Message,
};

/// A buffer that grew larger than this is freed before the next message.
const KEPT: usize = 256 * 1024;

/// Which messages a [`Deflater`] compresses, and how hard it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// Messages with fewer bytes are sent uncompressed. Default: 256.
    pub threshold: usize,
    /// From 2 (fast) to 9 (small); other values count as the nearest. Default: 3. Up to level 3, compressing any MiB takes
    /// at most 17 ms. Above it, an attacker can choose bytes that take much longer: 67 ms at level 6, 1.2 s at level 9.
    pub level: u8,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self { threshold: 256, level: 3 }
    }
}

/// Compresses messages for one connection. Without context takeover it forgets each message when it is done, so it can
/// serve any number of connections that agreed on the same window bits.
///
/// In a build without the feature `deflate` it compresses nothing: see [`DEFLATE_AVAILABLE`](super::DEFLATE_AVAILABLE).
pub struct Deflater {
    /// `None`: this build cannot compress.
    compressor: Option<Compressor>,
    context: ContextTakeover,
    window_bits: u8,
    options: DeflateOptions,
    /// The messages compressed so far.
    pub deflated: Tally,
    /// The payload of the last message.
    payload: Vec<u8>,
}

impl Deflater {
    /// A deflater for the server's messages.
    pub fn server(extension: Extension, options: DeflateOptions) -> Self {
        Self::new(extension.server_context, extension.server_max_window_bits, options)
    }

    /// A deflater for the client's messages.
    pub fn client(extension: Extension, options: DeflateOptions) -> Self {
        Self::new(extension.client_context, extension.client_max_window_bits, options)
    }

    /// A deflater that refers back at most 2 to the power of `window_bits` bytes. Values below 9 or above 15 count as the
    /// nearest.
    pub fn new(context: ContextTakeover, window_bits: u8, options: DeflateOptions) -> Self {
        let window_bits = zlib_window_bits(window_bits);
        // At level 1 zlib-rs 0.6.8 panics at the message after a large one that did not get shorter.
        let level = options.level.clamp(2, 9);
        let compressor = Zlib::get().map(|zlib| zlib.compressor(level, window_bits));
        Self { compressor, context, window_bits, options, deflated: Tally::default(), payload: Vec::new() }
    }

    /// Forgets all earlier messages, so that the next one does not refer to them.
    pub(crate) fn forget(&mut self) {
        if let Some(compressor) = &mut self.compressor {
            compressor.reset();
        }
    }

    /// Compresses a message and returns the payload of its frame, which must have RSV1 set. `None`: the message must be
    /// sent uncompressed, because it is below the threshold or would not get shorter.
    pub fn deflate(&mut self, message: Message<'_>) -> Option<&[u8]> {
        self.deflate_bytes(message.as_bytes())
    }

    fn deflate_bytes(&mut self, plain: &[u8]) -> Option<&[u8]> {
        if plain.is_empty() || plain.len() < self.options.threshold || !self.is_shorter(plain) {
            return None;
        }
        self.deflated.messages += 1;
        self.deflated.compressed += self.payload.len() as u64;
        self.deflated.plain += plain.len() as u64;
        Some(&self.payload)
    }

    /// Appends an unmasked frame with the compressed message, and returns the length of its payload. `None`: the message
    /// would not get shorter, and nothing is appended.
    pub(crate) fn encode_compressed(&mut self, opcode: Opcode, plain: &[u8], output: &mut Vec<u8>) -> Option<usize> {
        let len = self.deflate_bytes(plain).map(|payload| {
            FrameHeader { rsv1: true, ..FrameHeader::whole(opcode, payload) }.encode_with(payload, output);
            payload.len()
        });
        // A deflater with takeover belongs to one connection: it keeps no copy of the message, compressed or not.
        if self.context == ContextTakeover::Yes {
            self.payload = Vec::new();
        }
        len
    }

    /// Appends a message as a server sends it, in one unmasked frame, compressed when that makes it shorter. Returns
    /// whether it was compressed.
    pub fn encode_frame(&mut self, message: Message<'_>, output: &mut Vec<u8>) -> bool {
        let (payload, rsv1) = match self.deflate(message) {
            Some(payload) => (payload, true),
            None => (message.as_bytes(), false),
        };
        FrameHeader { rsv1, ..FrameHeader::whole(message.opcode(), payload) }.encode_with(payload, output);
        rsv1
    }

    /// The heap bytes held: 376 KiB with 15 window bits, 264 KiB with 12, and the buffer of the last message.
    pub fn capacity(&self) -> usize {
        Self::context_capacity(self.window_bits) + self.payload.capacity()
    }

    /// The heap bytes of a new deflater.
    pub(crate) fn context_capacity(window_bits: u8) -> usize {
        // zlib's window and its hash chains take 4 bytes for each byte of the window. A hash table of 128 KiB, output and
        // symbols of 112 KiB, and trees do not depend on the window.
        (4 << zlib_window_bits(window_bits)) + 248 * 1024
    }

    /// Compresses into `payload` and returns whether that is shorter. If not, the compressor forgets the message.
    fn is_shorter(&mut self, plain: &[u8]) -> bool {
        let Some(compressor) = &mut self.compressor else { return false };
        if self.payload.capacity() > KEPT {
            self.payload = Vec::new();
        }
        self.payload.clear();
        self.payload.reserve(plain.len());
        // 7.2.1: a flush ends on a byte boundary, with an empty block.
        let is_whole = compressor.flush(plain, &mut self.payload)
            && self.payload.len() < self.payload.capacity()
            && self.payload.ends_with(&TAIL);
        self.payload.truncate(self.payload.len().saturating_sub(TAIL.len()));
        let is_shorter = is_whole && self.payload.len() < plain.len();
        // The peer does not see a message that is not sent compressed: no later one may refer to it.
        if self.context == ContextTakeover::No || !is_shorter {
            compressor.reset();
        }
        is_shorter
    }
}

/// Prints no payload.
impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Deflater");
        f.field("context", &self.context).field("deflated", &self.deflated).finish_non_exhaustive()
    }
}
