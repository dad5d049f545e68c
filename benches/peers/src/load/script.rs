//! What clients send, ready to be written.

use sockhop::protocol::{FrameHeader, Opcode, mask};

use crate::serve::topic_name;

/// Bytes of different payloads: more than one, and no more than a processor's nearer caches hold.
const VARIETY: usize = 256 * 1024;

/// Different payloads of one length, each masked with a key of its own, as frames behind each other. Message `n` is
/// payload `n` modulo their number.
pub struct Script {
    pub opcode: Opcode,
    pub len: usize,
    payloads: Vec<Vec<u8>>,
    /// All frames, and after them as many of the first as are sent at a time.
    frames: Vec<u8>,
    frame_len: usize,
    run: usize,
}

impl Script {
    /// Payloads of `len` bytes, of which at most `run` are sent at a time.
    pub fn new(len: usize, is_text: bool, run: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        let mut byte = || if is_text { b' ' + random.byte() % 95 } else { random.byte() };
        let variants = (VARIETY / (len + 1)).clamp(4, 64);
        let payloads: Vec<Vec<u8>> = (0..variants).map(|_| (0..len).map(|_| byte()).collect()).collect();
        Script::of(opcode, payloads, run)
    }

    /// Message `n` begins with the name of topic `n` modulo their number.
    pub fn for_topics(len: usize, topics: usize, run: usize) -> Self {
        let payload = |topic| {
            let mut random = Random(0x9E37_79B9_7F4A_7C15 + topic as u64);
            let mut payload = topic_name(topic).into_bytes();
            payload.resize_with(len, || random.byte());
            payload
        };
        Script::of(Opcode::Binary, (0..topics).map(payload).collect(), run)
    }

    /// Messages with these payloads, all as long as the first.
    fn of(opcode: Opcode, payloads: Vec<Vec<u8>>, run: usize) -> Self {
        let mut random = Random(0xD1B5_4A32_D192_ED03);
        let (variants, len) = (payloads.len(), payloads[0].len());
        let keys: Vec<[u8; 4]> = (0..variants).map(|_| [(); 4].map(|()| random.byte())).collect();
        let mut frames = Vec::new();
        for at in 0..variants + run {
            frame(opcode, keys[at % variants], &payloads[at % variants], &mut frames);
        }
        let frame_len = frames.len() / (variants + run);
        Script { opcode, len, payloads, frames, frame_len, run }
    }

    /// The payload of a message.
    pub fn payload(&self, message: u64) -> &[u8] {
        &self.payloads[self.variant(message)]
    }

    /// Where the frames of so many messages lie, and for how many of them that holds: some are left for the next call.
    pub fn cut(&self, message: u64, messages: u64) -> (std::ops::Range<usize>, u64) {
        let messages = messages.min(self.run as u64);
        let start = self.variant(message) * self.frame_len;
        (start..start + messages as usize * self.frame_len, messages)
    }

    pub fn frames(&self) -> &[u8] {
        &self.frames
    }

    fn variant(&self, message: u64) -> usize {
        (message % self.payloads.len() as u64) as usize
    }
}

/// A client's frame.
pub fn frame(opcode: Opcode, key: [u8; 4], payload: &[u8], frames: &mut Vec<u8>) {
    let payload_len = payload.len() as u64;
    FrameHeader { fin: true, opcode, masking_key: Some(key), payload_len }.encode(frames);
    let start = frames.len();
    frames.extend_from_slice(payload);
    mask(&mut frames[start..], key, 0);
}

/// xorshift64*: the same bytes in every run.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0]
    }
}
