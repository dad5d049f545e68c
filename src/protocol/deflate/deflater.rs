//! Deflating messages of ours (RFC 7692 §7.2.1).

use std::fmt;

use flate2::{Compress, Compression, FlushCompress};

use super::{ContextTakeover, Extension, TAIL, Tally, zlib_window_bits};
use crate::protocol::{
    frame::{FrameHeader, Opcode},
    message::Message,
};

/// A buffer that has grown larger than this for one message is not kept for the next.
const KEPT: usize = 256 * 1024;

/// Which messages a [`Deflater`] compresses, and how much it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// Messages of fewer bytes are sent as they are. Default: 256.
    pub threshold: usize,
    /// 2, fast, to 9, small; others count as the nearest. Default: 3. Up to 3 a MiB takes no longer than 17 ms, whatever
    /// it is; beyond, it can be made to take much longer: 67 ms with 6, 1.2 s with 9.
    pub level: u8,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self { threshold: 256, level: 3 }
    }
}

/// Compresses messages for one connection; without context takeover for as many as one likes that have the same window
/// bits, since it then forgets each message when it is done.
pub struct Deflater {
    compress: Compress,
    context: ContextTakeover,
    window_bits: u8,
    options: DeflateOptions,
    /// What it has compressed; counted up.
    pub deflated: Tally,
    /// The payload of the last message.
    payload: Vec<u8>,
}

impl Deflater {
    /// For what a server sends.
    pub fn server(extension: Extension, options: DeflateOptions) -> Self {
        Self::new(extension.server_context, extension.server_max_window_bits, options)
    }

    /// For what a client sends.
    pub fn client(extension: Extension, options: DeflateOptions) -> Self {
        Self::new(extension.client_context, extension.client_max_window_bits, options)
    }

    /// Refers back no further than 2 to the power of `window_bits`, 9 to 15; others count as the nearest.
    pub fn new(context: ContextTakeover, window_bits: u8, options: DeflateOptions) -> Self {
        // At level 1 zlib-rs 0.6.8 panics at the message after a large one that did not get shorter.
        let level = Compression::new(options.level.clamp(2, 9).into());
        let window_bits = zlib_window_bits(window_bits);
        let compress = Compress::new_with_window_bits(level, false, window_bits);
        Self { compress, context, window_bits, options, deflated: Tally::default(), payload: Vec::new() }
    }

    /// Does not refer to what it has compressed before.
    pub(crate) fn forget(&mut self) {
        self.compress.reset();
    }

    /// The payload of a frame that is to be sent with RSV1; `None`: the message is sent as it is, because it is short or
    /// would not get shorter.
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

    /// Appends the frame of a compressed message, and says how long its payload is; `None`: it would not be shorter, and
    /// nothing is appended.
    pub(crate) fn encode_compressed(&mut self, opcode: Opcode, plain: &[u8], output: &mut Vec<u8>) -> Option<usize> {
        let len = self.deflate_bytes(plain).map(|payload| {
            FrameHeader { rsv1: true, ..FrameHeader::whole(opcode, payload) }.encode_with(payload, output);
            payload.len()
        });
        // What serves one connection alone holds on to no message of its, also if that is sent as it is.
        if self.context == ContextTakeover::Yes {
            self.payload = Vec::new();
        }
        len
    }

    /// Appends a message as a server sends it, in one unmasked frame: compressed if that makes it shorter, and then the
    /// answer is true.
    pub fn encode_frame(&mut self, message: Message<'_>, output: &mut Vec<u8>) -> bool {
        let (payload, rsv1) = match self.deflate(message) {
            Some(payload) => (payload, true),
            None => (message.as_bytes(), false),
        };
        FrameHeader { rsv1, ..FrameHeader::whole(message.opcode(), payload) }.encode_with(payload, output);
        rsv1
    }

    /// The bytes of heap that it takes: 376 KiB with 15 window bits, 264 KiB with 12, and what is kept of a message.
    pub fn capacity(&self) -> usize {
        Self::context_capacity(self.window_bits) + self.payload.capacity()
    }

    /// The same of one that has yet to be made, without what is kept of a message.
    pub(crate) fn context_capacity(window_bits: u8) -> usize {
        // zlib's window and its chains, 4 bytes for each of the window's, and what does not depend on that: a hash table
        // of 128 KiB, output and symbols of 112 KiB, trees.
        (4 << zlib_window_bits(window_bits)) + 248 * 1024
    }

    /// Compresses into `payload`. Whether that is shorter; if not, it is as if it had not been tried.
    fn is_shorter(&mut self, plain: &[u8]) -> bool {
        if self.payload.capacity() > KEPT {
            self.payload = Vec::new();
        }
        self.payload.clear();
        self.payload.reserve(plain.len());
        let before = self.compress.total_in();
        // 7.2.1: a flush ends on a byte, with an empty block.
        let result = self.compress.compress_vec(plain, &mut self.payload, FlushCompress::Sync);
        let is_whole = result.is_ok()
            && self.compress.total_in() - before == plain.len() as u64
            && self.payload.len() < self.payload.capacity()
            && self.payload.ends_with(&TAIL);
        self.payload.truncate(self.payload.len().saturating_sub(TAIL.len()));
        let is_shorter = is_whole && self.payload.len() < plain.len();
        // What is not sent must not be referred to; what was sent before may be forgotten.
        if self.context == ContextTakeover::No || !is_shorter {
            self.compress.reset();
        }
        is_shorter
    }
}

/// Without content.
impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Deflater");
        f.field("context", &self.context).field("deflated", &self.deflated).finish_non_exhaustive()
    }
}
