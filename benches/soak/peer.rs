//! One client of the crowd: a non-blocking socket with its unread and unsent bytes.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use socket2::SockRef;

use super::room::Ear;
use crate::common::raw;

/// The purpose of a client.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Role {
    /// Publishes in the room with this index, until the end.
    Publisher(usize),
    /// Receives all messages in a room for some time, then leaves with a Close frame.
    Subscriber(usize),
    /// Stops reading now and then, for some seconds.
    Slow(usize),
    /// Resets the connection in the middle of a message.
    Resetter(usize),
    /// In each phase of floods, sends one flavour as fast as it can and checks the answers.
    Flood(usize),
    /// Sends one flavour at a moderate pace, and reads nothing.
    Deaf(usize),
    /// Breaks a rule of the protocol.
    Violator(usize),
    /// Never ends its request.
    Dawdler,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Phase {
    /// The answer to the request is not complete.
    Handshake,
    Open,
    /// The client has sent a Close.
    Closing,
    /// Both sides have sent a Close. The end of the stream must follow.
    Closed,
}

pub struct Peer {
    pub stream: TcpStream,
    pub role: Role,
    pub phase: Phase,
    /// When the phase began, or when bytes were last received.
    pub since: Instant,
    /// When the client acts according to its role.
    pub act_at: Instant,
    /// The messages received in its room.
    pub ear: Option<Ear>,
    /// The server had broadcast all messages before this one when the client sent its Close.
    pub owed: u64,
    /// Whether the client does not read at the moment.
    pub is_asleep: bool,
    /// Bytes of a flood that were sent, and bytes of its answers that were received.
    pub asked: u64,
    pub answered: u64,
    /// Received bytes of an incomplete frame or head.
    pub inbox: Vec<u8>,
    outbox: Vec<u8>,
    sent: usize,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peer { role, phase, asked, answered, .. } = self;
        let (unsent, unread) = (self.outbox.len() - self.sent, self.inbox.len());
        write!(f, "{role:?} in {phase:?}: {asked} bytes of floods sent, {answered} answered; ")?;
        write!(f, "{unsent} bytes wait to be sent, {unread} to be complete")
    }
}

impl Peer {
    pub fn connect(addr: SocketAddr, role: Role, act_at: Instant, now: Instant) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        Ok(Peer {
            stream,
            role,
            phase: Phase::Handshake,
            since: now,
            act_at,
            ear: None,
            owed: 0,
            is_asleep: false,
            asked: 0,
            answered: 0,
            inbox: Vec::new(),
            outbox: Vec::new(),
            sent: 0,
        })
    }

    pub fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }

    /// Sends bytes. Those that the socket does not take are queued.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.outbox.extend_from_slice(bytes);
        self.flush()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        while let Some(rest) = self.outbox.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(written) => self.sent += written,
                Err(error) if is_not_yet(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.outbox.shrink_to(64 * 1024);
        self.sent = 0;
        Ok(())
    }

    pub fn owes_nothing(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Sends at most `budget` bytes of `pattern`, repeated. Returns whether the socket would take more.
    pub fn repeat(&mut self, pattern: &[u8], mut budget: usize) -> io::Result<bool> {
        self.flush()?;
        while budget > 0 && self.owes_nothing() {
            let at = (self.asked % pattern.len() as u64) as usize;
            let rest = &pattern[at..];
            match self.stream.write(&rest[..rest.len().min(budget)]) {
                Ok(written) => {
                    self.asked += written as u64;
                    budget -= written;
                }
                Err(error) if is_not_yet(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(self.owes_nothing())
    }

    /// The rest of `pattern` that is needed to complete it.
    pub fn rest_of(&mut self, pattern: &[u8]) -> Vec<u8> {
        let at = (self.asked % pattern.len() as u64) as usize;
        let rest = if at == 0 { &[][..] } else { &pattern[at..] };
        self.asked += rest.len() as u64;
        rest.to_vec()
    }

    pub fn say_close(&mut self, now: Instant) -> io::Result<()> {
        self.enter(Phase::Closing, now);
        self.say(&raw::close(1000, ""))
    }

    /// Reads from the socket: `None` at the end of the stream, `Some(0)` if there is nothing yet.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(None),
            Ok(len) => Ok(Some(len)),
            Err(error) if is_not_yet(&error) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    /// Resets the connection.
    pub fn reset(self) {
        // This fails if the server has reset the connection meanwhile.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    pub fn end_its_side(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Makes the receive buffer small, so that unread bytes are queued in the server and not in the kernel.
    pub fn take_little(&self) -> io::Result<()> {
        SockRef::from(&self.stream).set_recv_buffer_size(32 * 1024)
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}

/// The first byte of a frame, its payload, and the bytes behind it.
type Split<'a> = (u8, &'a [u8], &'a [u8]);

/// Splits off the first frame, or returns `None` if it is not complete.
pub fn split_frame(bytes: &[u8]) -> Result<Option<Split<'_>>, String> {
    let [first, len, rest @ ..] = bytes else { return Ok(None) };
    let extended = |size: usize| {
        let (len, rest) = rest.split_at_checked(size)?;
        Some((len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest))
    };
    let split = match len {
        0..126 => Some((usize::from(*len), rest)),
        126 => extended(2),
        127 => extended(8),
        masked => return Err(format!("a masked frame: {masked:#x}")),
    };
    Ok(split.and_then(|(len, rest)| rest.split_at_checked(len)).map(|(payload, rest)| (*first, payload, rest)))
}
