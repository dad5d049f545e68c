//! The messages that clients send, encoded as frames.

use std::ops::Range;

use flate2::{Compress, Compression as Level, FlushCompress};
use sockhop::protocol::{FrameHeader, Opcode, mask};

use super::client::Compression;
use super::quotes;
use crate::serve::topic_name;
use crate::workload::Content;

/// The bytes of all payloads: more than one payload, but few enough for a processor's inner caches.
const VARIETY: usize = 256 * 1024;

/// RSV1 marks a compressed message, and TAIL is the end of a compressor's flush (RFC 7692 6, 7.2.1).
pub const RSV1: u8 = 0x40;
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// The window of the clients' compressor: the smallest one, which satisfies every server.
const WINDOW_BITS: u8 = 9;

/// Different payloads of one length, in frames behind each other, each masked with its own key. Message `n` has payload
/// `n` modulo the number of payloads.
pub struct Script {
    pub opcode: Opcode,
    pub len: usize,
    payloads: Vec<Vec<u8>>,
    frames: Frames,
    /// The same messages, compressed.
    compressed: Option<Frames>,
    run: usize,
}

/// All frames, followed by the first ones again, so that as many as are sent at a time always lie behind each other.
struct Frames {
    bytes: Vec<u8>,
    /// The start of each frame, and the end of the last one.
    starts: Vec<usize>,
}

impl Script {
    /// Makes payloads of `len` bytes, of which at most `run` are sent at a time.
    pub fn new(len: usize, content: Content, run: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut payload = || match content {
            Content::Bytes => (0..len).map(|_| random.byte()).collect(),
            Content::Text => (0..len).map(|_| b' ' + random.byte() % 95).collect(),
            Content::Json => quotes::write(len, &mut random),
        };
        let variants = (VARIETY / (len + 1)).clamp(4, 64);
        let payloads: Vec<Vec<u8>> = (0..variants).map(|_| payload()).collect();
        let opcode = if content == Content::Bytes { Opcode::Binary } else { Opcode::Text };
        let mut script = Script::of(opcode, payloads, run);
        if content == Content::Json {
            let compressed: Vec<Vec<u8>> = script.payloads.iter().map(|payload| compressed(payload)).collect();
            script.compressed = Some(Frames::of(opcode, RSV1, &compressed, run));
        }
        script
    }

    /// Makes messages for topics: message `n` begins with the name of topic `n` modulo the number of topics.
    pub fn for_topics(len: usize, topics: usize, run: usize) -> Self {
        let payload = |topic| {
            let mut random = Random(0x9E37_79B9_7F4A_7C15 + topic as u64);
            let mut payload = topic_name(topic).into_bytes();
            payload.resize_with(len, || random.byte());
            payload
        };
        Script::of(Opcode::Binary, (0..topics).map(payload).collect(), run)
    }

    /// Makes messages with these payloads, which all have the same length.
    fn of(opcode: Opcode, payloads: Vec<Vec<u8>>, run: usize) -> Self {
        let frames = Frames::of(opcode, 0, &payloads, run);
        Script { opcode, len: payloads[0].len(), payloads, frames, compressed: None, run }
    }

    /// The payload of a message.
    pub fn payload(&self, message: u64) -> &[u8] {
        &self.payloads[self.variant(message)]
    }

    /// Whether this is the payload of any message.
    pub fn has(&self, payload: &[u8]) -> bool {
        self.payloads.iter().any(|one| one == payload)
    }

    /// Whether clients offer compression.
    pub fn is_compressible(&self) -> bool {
        self.compressed.is_some()
    }

    /// Returns the place of the frames of some messages, and their number, which may be less than asked for.
    pub fn cut(&self, compression: Option<Compression>, message: u64, messages: u64) -> (Range<usize>, u64) {
        let messages = messages.min(self.run as u64);
        let (starts, first) = (&self.frames_for(compression).starts, self.variant(message));
        (starts[first]..starts[first + messages as usize], messages)
    }

    pub fn frames(&self, compression: Option<Compression>) -> &[u8] {
        &self.frames_for(compression).bytes
    }

    fn frames_for(&self, compression: Option<Compression>) -> &Frames {
        compression.and(self.compressed.as_ref()).unwrap_or(&self.frames)
    }

    fn variant(&self, message: u64) -> usize {
        (message % self.payloads.len() as u64) as usize
    }
}

impl Frames {
    fn of(opcode: Opcode, rsv1: u8, payloads: &[Vec<u8>], run: usize) -> Self {
        let mut random = Random(0xD1B5_4A32_D192_ED03);
        let keys: Vec<[u8; 4]> = payloads.iter().map(|_| [(); 4].map(|()| random.byte())).collect();
        let (mut bytes, mut starts) = (Vec::new(), vec![0]);
        for (payload, key) in payloads.iter().zip(keys).cycle().take(payloads.len() + run) {
            let start = bytes.len();
            frame(opcode, key, payload, &mut bytes);
            bytes[start] |= rsv1;
            starts.push(bytes.len());
        }
        Frames { bytes, starts }
    }
}

/// Compresses a payload for permessage-deflate, without reference to others.
pub fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new_with_window_bits(Level::default(), false, WINDOW_BITS);
    let mut output = Vec::with_capacity(payload.len() + 64);
    let result = compress.compress_vec(payload, &mut output, FlushCompress::Sync);
    assert!(result.is_ok() && output.ends_with(&TAIL), "there was room");
    output.truncate(output.len() - TAIL.len());
    output
}

/// Encodes a client's frame.
pub fn frame(opcode: Opcode, key: [u8; 4], payload: &[u8], frames: &mut Vec<u8>) {
    let payload_len = payload.len() as u64;
    FrameHeader { fin: true, rsv1: false, opcode, masking_key: Some(key), payload_len }.encode(frames);
    let start = frames.len();
    frames.extend_from_slice(payload);
    mask(&mut frames[start..], key, 0);
}

/// A generator (xorshift64*) of the same bytes in every run.
pub struct Random(u64);

impl Random {
    /// A number below `end`, which is small.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::from_be_bytes([(); 4].map(|()| self.byte())) % end
    }

    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0]
    }
}
