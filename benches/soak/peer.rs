//! One client of the crowd: a socket that never blocks, and what is on its way in and out.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use socket2::SockRef;

use super::room::Ear;
use crate::common::raw;

/// What a client is there for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Role {
    /// Says what is broadcast in a room, by its index. It stays.
    Publisher(usize),
    /// Hears everything in a room, then takes its leave with a Close frame.
    Subscriber(usize),
    /// Stops reading for some seconds, now and then.
    Slow(usize),
    /// Goes by a reset when half of a message has come.
    Resetter(usize),
    /// Sends one flavour as fast as it can in each phase of floods, and checks the answers.
    Flood(usize),
    /// Sends one flavour at a moderate pace, and reads nothing.
    Deaf(usize),
    /// Breaks a rule.
    Violator(usize),
    /// Never ends its request.
    Dawdler,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Phase {
    /// The answer to its request is not complete.
    Handshake,
    Open,
    /// It has sent a Close.
    Closing,
    /// Both sides have: the end of the stream is to come.
    Closed,
}

pub struct Peer {
    pub stream: TcpStream,
    pub role: Role,
    pub phase: Phase,
    /// When the phase began, or when it was last sent something.
    pub since: Instant,
    /// When it does what its role says.
    pub act_at: Instant,
    /// What it has heard in its room.
    pub ear: Option<Ear>,
    /// What the server had broadcast for sure when it said good-bye.
    pub owed: u64,
    /// Reads nothing for the time being.
    pub is_asleep: bool,
    /// How much of a flood was sent and answered, in bytes.
    pub asked: u64,
    pub answered: u64,
    /// What has come and is not complete.
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

    /// Sends bytes, or as many as the socket takes; the others by and by.
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

    /// Repeats `pattern`, at most `budget` bytes of it. Whether the socket would take more.
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

    /// What of `pattern` is needed to complete it.
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

    /// Reads what is there; `None` at the end of the stream, `Some(0)` when nothing is there yet.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(None),
            Ok(len) => Ok(Some(len)),
            Err(error) if is_not_yet(&error) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    /// Ends without a word: the server gets a reset.
    pub fn reset(self) {
        // It may have been reset by the server meanwhile.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    pub fn end_its_side(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Has the kernel keep little for it, so that it is the server who keeps the rest.
    pub fn take_little(&self) -> io::Result<()> {
        SockRef::from(&self.stream).set_recv_buffer_size(32 * 1024)
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}

/// A frame's first byte, its payload, and what is behind it.
type Split<'a> = (u8, &'a [u8], &'a [u8]);

/// Splits the first frame off; `None`: it is not complete.
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
