//! A listener: a WebSocket client that hears one channel.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use sockhop::protocol::{FrameHeader, Opcode};

use crate::load::PATIENCE;
use crate::load::client::{is_accepted, request};
use crate::load::crowd::Came;
use crate::load::script::Script;
use crate::load::walker::{Form, Walker};

/// nchan sends ids to clients that offer this subprotocol. Sockhop looks at the query instead.
const META: &str = "ws+meta.nchan";
const END: &[u8] = b"\r\n\r\n";

pub struct Listener {
    stream: TcpStream,
    walker: Walker,
    /// Messages that were received.
    pub heard: u64,
    /// The times at which messages to come were due, if the load wants to know the latency of each.
    pub due: VecDeque<Instant>,
}

impl Listener {
    pub fn open(address: SocketAddr, channel: &str, form: Form) -> Result<Self, Box<dyn Error>> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let wanted = match form {
            Form::Plain => request(address, channel, ""),
            Form::WithId => request(address, &format!("{channel}?ids"), &format!("Sec-WebSocket-Protocol: {META}\r\n")),
        };
        stream.write_all(&wanted)?;
        let mut come = Vec::new();
        let end = loop {
            read_more(&mut stream, &mut come)?;
            if let Some(at) = come.windows(END.len()).position(|bytes| bytes == END) {
                break at + END.len();
            }
        };
        let rest = come.split_off(end);
        is_accepted(&come)?;
        let is_nchan = come.windows(META.len()).any(|bytes| bytes == META.as_bytes());
        if form == Form::WithId && !is_nchan {
            greeting(&mut stream, rest)?;
        } else if !rest.is_empty() {
            return Err("something came before it was published".into());
        }
        stream.set_nonblocking(true)?;
        let (stream, walker) = (TcpStream::from_std(stream), Walker::of_channel(form));
        Ok(Listener { stream, walker, heard: 0, due: VecDeque::new() })
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        poll.registry().register(&mut self.stream, token, Interest::READABLE)
    }

    /// Reads until a short read shows that nothing is left.
    pub fn receive(&mut self, buffer: &mut [u8], script: &Script) -> Result<Came, Box<dyn Error>> {
        let mut came = Came::default();
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err("the server has dropped a listener".into()),
                Ok(n) => {
                    came.messages += self.walker.take(&buffer[..n], script)?;
                    came.bytes += n as u64;
                    if n < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.heard += came.messages;
        Ok(came)
    }
}

/// Reads Sockhop's first message, which says that the subscription has begun. Nothing may follow it.
fn greeting(stream: &mut std::net::TcpStream, mut come: Vec<u8>) -> Result<(), Box<dyn Error>> {
    loop {
        if let Some((header, len)) = FrameHeader::parse(&come)? {
            let end = len as u64 + header.payload_len;
            if come.len() as u64 > end {
                return Err("something came before it was published".into());
            }
            if come.len() as u64 == end {
                let is_event = header.opcode == Opcode::Text && come[len..].starts_with(b"! ");
                return if is_event { Ok(()) } else { Err("the first message is no event".into()) };
            }
        }
        read_more(stream, &mut come)?;
    }
}

fn read_more(stream: &mut std::net::TcpStream, come: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 512];
    match stream.read(&mut piece)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        n => {
            come.extend_from_slice(&piece[..n]);
            Ok(())
        }
    }
}
