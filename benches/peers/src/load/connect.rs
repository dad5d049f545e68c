//! Clients that connect and leave at once: the handshake of TLS if there is one, opening handshake, closing handshake.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use mio::{Events, Poll, Token};
use sockhop::protocol::Opcode;

use super::client::{is_accepted, request};
use super::script::frame;
use super::stream::Stream;
use super::{PATIENCE, POLL, Window};
use crate::process::Server;
use crate::readings::Reading;

/// The first byte of the server's Close.
const CLOSE: u8 = 0x88;

/// One connection, from opening to closing.
struct Visit {
    stream: Stream,
    begin: Instant,
    stage: Stage,
    /// The bytes received in this stage.
    came: Vec<u8>,
}

#[derive(PartialEq)]
enum Stage {
    Connecting,
    Opening,
    Closing,
    /// Finished. The socket is closed when the next visit replaces this one.
    Over,
}

/// The bytes that each visit sends.
struct Lines {
    request: Vec<u8>,
    close: Vec<u8>,
}

pub fn run(server: &Server, total: usize, at_once: usize) -> Result<Reading, Box<dyn Error>> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    let mut close = Vec::new();
    frame(Opcode::Close, [0x37, 0xfa, 0x21, 0x3d], &1000_u16.to_be_bytes(), &mut close);
    let lines = Lines { request: request(server.address(), "/echo", ""), close };
    let mut window = Window::open(server)?;
    let mut visits = Vec::new();
    for at in 0..at_once.min(total) {
        visits.push(Visit::begin(&poll, at, server)?);
    }
    let (mut begun, mut over, mut resumed, mut last) = (visits.len(), 0, 0, Instant::now());
    while over < total {
        poll.poll(&mut events, Some(POLL))?;
        if !events.is_empty() {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return Err(format!("{} connections did not end", begun - over).into());
        }
        for event in &events {
            let at = event.token().0;
            let visit = &mut visits[at];
            if visit.stage == Stage::Over {
                continue;
            }
            visit.go_on(event.is_writable(), &lines, &mut window)?;
            if visit.stage != Stage::Over {
                continue;
            }
            over += 1;
            resumed += usize::from(visit.stream.is_resumed());
            if begun < total {
                visits[at] = Visit::begin(&poll, at, server)?;
                begun += 1;
            }
        }
    }
    // The first ones have no session to resume.
    let expected =
        if server.secure.as_ref().is_some_and(|secure| secure.resumes) { total - at_once.min(total) } else { 0 };
    if resumed * 20 < expected * 19 || (expected == 0 && resumed > 0) {
        return Err(format!("{resumed} of {total} sessions were resumed instead of {expected}").into());
    }
    window.close()
}

impl Visit {
    fn begin(poll: &Poll, at: usize, server: &Server) -> io::Result<Self> {
        let mut stream = Stream::begin(server)?;
        stream.register(poll, Token(at))?;
        Ok(Visit { stream, begin: Instant::now(), stage: Stage::Connecting, came: Vec::new() })
    }

    fn go_on(&mut self, is_writable: bool, lines: &Lines, window: &mut Window<'_>) -> io::Result<()> {
        if self.stage == Stage::Connecting && is_writable {
            self.say(&lines.request, Stage::Opening)?;
        }
        if self.stage == Stage::Connecting || !self.listen()? {
            return Ok(());
        }
        if self.stage == Stage::Opening && is_accepted(&self.came)? {
            window.took(self.begin.elapsed(), 1);
            window.messages += 1;
            self.say(&lines.close, Stage::Closing)?;
        } else if self.stage == Stage::Closing && self.came.first() == Some(&CLOSE) {
            self.stage = Stage::Over;
        }
        Ok(())
    }

    fn say(&mut self, bytes: &[u8], next: Stage) -> io::Result<()> {
        // The send buffer of a new connection has room for these bytes.
        if self.stream.write(bytes)? < bytes.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        self.stage = next;
        self.came.clear();
        Ok(())
    }

    /// Reads from the socket. Returns whether bytes came.
    fn listen(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            // Some servers drop the connection at a Close, with or without an answer.
            Ok(0) if self.stage == Stage::Closing => {
                self.stage = Stage::Over;
                Ok(false)
            }
            Err(error) if self.stage == Stage::Closing && error.kind() == ErrorKind::ConnectionReset => {
                self.stage = Stage::Over;
                Ok(false)
            }
            Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the server has dropped a connection")),
            Ok(n) => {
                self.came.extend_from_slice(&buffer[..n]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}
