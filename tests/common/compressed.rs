//! Clients that compress, by hand: their opening handshake, and the messages with which they flood a server.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::flood::Flood;
use super::line::Place;
use super::raw;

/// The bit of a frame's first byte that says: the message is compressed (RFC 7692 6).
pub const RSV1: u8 = 0x40;

/// A flood of compressed messages.
pub struct Compressed {
    pub name: &'static str,
    pub path: &'static str,
    /// The frames that are sent again and again.
    pub frames: Vec<u8>,
    /// With which code the server fails whoever sends that; `None`: it takes it.
    pub refusal: Option<u16>,
}

impl Compressed {
    /// Floods the path from one connection; whom the server refuses, comes back.
    pub fn run(&self, flood: &Flood, place: impl Into<Place>) {
        let place = place.into();
        let open = || {
            let mut line = place.line();
            greet(&mut line, self.path);
            line
        };
        match self.refusal {
            None => flood.run(open(), &self.frames),
            Some(code) => flood.run_refused(open, &self.frames, code),
        }
    }
}

/// Without content.
impl fmt::Debug for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compressed({:?})", self.name)
    }
}

/// Opens a WebSocket with compression.
pub fn open(addr: SocketAddr, path: &str) -> TcpStream {
    let mut stream = super::tcp(addr);
    greet(&mut stream, path);
    stream
}

fn greet(stream: &mut (impl Read + Write), path: &str) {
    let head = format!("{}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", raw::request(path));
    stream.write_all(head.as_bytes()).unwrap();
    let head = raw::read_head(stream);
    assert!(head.contains("\r\nSec-WebSocket-Extensions: permessage-deflate; "), "{head}");
}
