//! What the fuzz targets share: how an input becomes a stream of bytes, and what comes of the stream.

mod app;
mod draw;
mod exchanges;
mod extensions;
mod feed;
mod frames;
mod head;
mod http;
mod log;
mod model;
mod requests;
mod tungstenite;
mod upgraded;

pub use app::{App, Desk};
pub use draw::Draw;
pub use exchanges::{End, Exchanges};
pub use extensions::Params;
pub use feed::{Cuts, Outcome, Way, feed, returns_as_itself};
pub use frames::frames;
pub use head::{Head, Policy};
pub use http::Answer;
pub use log::log_everything;
pub use model::{Decoded, decode, masked_frame, model};
pub use requests::{chunked, draw_request};
pub use tungstenite::agree;
pub use upgraded::check_upgraded;

use std::fmt;

use sockhop::protocol::{Event, Limits, Message};

/// A stream for one connection, and how it is cut.
#[derive(Clone)]
pub struct Case<'a> {
    /// Whether the connection is a client's.
    pub client: bool,
    pub limits: Limits,
    /// After this many events the connection starts the closing handshake itself.
    pub close_after: Option<usize>,
    cuts: &'a [u8],
    pub stream: Vec<u8>,
}

impl<'a> Case<'a> {
    /// Reads the fuzzer's input:
    ///
    /// | bytes | meaning |
    /// |---|---|
    /// | 1 | bit 0: client; bits 1 to 3: which limits; bits 4 to 7: 0, or 1 more than the events before `close` |
    /// | 1 | bits 0 to 3: how many cuts; bits 4 to 7 all set: there is a stretch |
    /// | cuts | how long each piece is; they are used in a circle |
    /// | 4, with a stretch | `s` in 2 bytes, low first; a byte; behind how much of the rest it stands `2 s` times |
    /// | rest | the stream |
    ///
    /// Without stretches the fuzzer would hardly ever make a frame of 64 KiB, which is received in another way.
    pub fn draw(data: &'a [u8]) -> Option<Self> {
        let (&[flags, shape], rest) = data.split_first_chunk()?;
        let (cuts, rest) = rest.split_at_checked(usize::from(shape & 0x0F))?;
        let stream = if shape & 0xF0 != 0xF0 {
            rest.to_vec()
        } else {
            let (&[low, high, fill, before], rest) = rest.split_first_chunk()?;
            let (before, behind) = rest.split_at(rest.len().min(usize::from(before)));
            [before, &vec![fill; 2 * usize::from(u16::from_le_bytes([low, high]))], behind].concat()
        };
        let (max_message, max_frames) = match flags >> 1 & 7 {
            0 => (1 << 20, 131_072),
            1 => (125, 131_072),
            2 => (126, 3),
            3 => (70_000, 2),
            4 => (65_536, 131_072),
            5 => (0, 131_072),
            6 => (u64::MAX, u32::MAX),
            _ => (100_000, 0),
        };
        Some(Self {
            client: flags & 1 != 0,
            limits: Limits { max_message, max_frames },
            close_after: usize::from(flags >> 4).checked_sub(1),
            cuts,
            stream,
        })
    }

    /// What a server sends to its client, or, with `client` false, what one gets.
    pub fn of(client: bool, limits: Limits, stream: &[u8]) -> Case<'static> {
        Case { client, limits, close_after: None, cuts: &[], stream: stream.to_vec() }
    }

    /// The cuts that the input asks for.
    pub fn cuts(&self) -> Cuts {
        // Short pieces and long ones: 1 to 128 bytes, then 512 bytes to 64 KiB.
        let length = |&byte: &u8| if byte < 128 { usize::from(byte) + 1 } else { (usize::from(byte) - 127) * 512 };
        Cuts::circle(self.cuts.iter().map(length).collect())
    }
}

/// An event that owns what it borrowed.
#[derive(Clone, PartialEq, Eq)]
pub enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl Seen {
    /// The code of a Close that has one.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::Close(Some((code, _))) => Some(*code),
            _ => None,
        }
    }
}

/// With the length and the beginning of a payload.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, payload) = match self {
            Self::Text(payload) => ("Text", payload),
            Self::Binary(payload) => ("Binary", payload),
            Self::Ping(payload) => ("Ping", payload),
            Self::Pong(payload) => ("Pong", payload),
            Self::Close(frame) => return write!(f, "Close({frame:?})"),
        };
        let beginning = &payload[..payload.len().min(40)];
        write!(f, "{name}({} bytes: {})", payload.len(), beginning.escape_ascii())
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message(Message::Text(text)) => Self::Text(text.as_bytes().to_vec()),
            Event::Message(Message::Binary(bytes)) => Self::Binary(bytes.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(frame) => Self::Close(frame.map(|frame| (frame.code.0, frame.reason.into_owned()))),
        }
    }
}
