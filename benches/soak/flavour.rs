//! The messages that floods repeat, and the frames that break a rule.

use crate::common::noise;
use crate::common::raw::{self, BINARY, CONTINUATION, FIN, PING, PONG, TEXT};

/// The messages that one kind of flood sends to an echo, again and again.
pub struct Flavour {
    pub name: &'static str,
    /// Whole messages.
    pub request: Vec<u8>,
    /// The answers to `request`: the same frame, repeated.
    pub reply: Vec<u8>,
    /// The length of that frame.
    pub unit: usize,
    /// Whether answers may be missing: not every Ping needs a Pong (5.5.3).
    pub may_skip: bool,
}

impl Flavour {
    fn new(name: &'static str, message: &[u8], reply: (u8, &[u8]), times: usize) -> Self {
        let (first, payload) = reply;
        let frame = [&raw::header(first, payload.len()), payload].concat();
        let may_skip = first == FIN | PONG;
        Flavour { name, request: message.repeat(times), reply: frame.repeat(times), unit: frame.len(), may_skip }
    }

    pub fn all() -> Vec<Self> {
        let (large, full) = (noise(1, 64 * 1024), noise(2, 125));
        let fragments = |start: u8, piece: &[u8], count: usize| {
            let middle = raw::frame(CONTINUATION, piece).repeat(count - 2);
            [raw::frame(start, piece), middle, raw::frame(FIN | CONTINUATION, b"x")].concat()
        };
        vec![
            Flavour::new("empty pings", &raw::frame(FIN | PING, b""), (FIN | PONG, b""), 4000),
            Flavour::new("full pings", &raw::frame(FIN | PING, &full), (FIN | PONG, &full), 500),
            Flavour::new("empty frames", &raw::frame(FIN | TEXT, b""), (FIN | TEXT, b""), 4000),
            Flavour::new("64 KiB frames", &raw::frame(FIN | BINARY, &large), (FIN | BINARY, &large), 2),
            Flavour::new("fragments", &fragments(BINARY, b"x", 1000), (FIN | BINARY, &[b'x'; 1000]), 4),
            Flavour::new("empty fragments", &fragments(TEXT, b"", 4000), (FIN | TEXT, b"x"), 1),
        ]
    }
}

/// Frames that break a rule, with the close code that must answer them.
pub fn violations() -> Vec<(Vec<u8>, u16)> {
    let mut not_minimal = raw::frame(FIN | TEXT, &[b'x'; 126]);
    not_minimal[3] = 125;
    vec![
        (vec![FIN | TEXT, 1, b'x'], 1002), // not masked (5.1)
        (raw::frame(FIN | 0x40 | TEXT, b"x"), 1002),
        (raw::frame(FIN | 3, b"x"), 1002),
        (raw::frame(PING, b""), 1002),
        (raw::frame(FIN | PING, &[0; 126]), 1002),
        (raw::frame(FIN | CONTINUATION, b"x"), 1002),
        (not_minimal, 1002),
        (raw::frame(FIN | TEXT, b"\xff"), 1007),
        ([&[FIN | BINARY, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(), 1009),
    ]
}
