//! A client: its connection, and its messages in flight with the times when they were sent.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Poll, Token};
use sockhop::protocol::Opcode;

use super::PATIENCE;
use super::crowd::Came;
use super::script::{Script, frame};
use super::stream::Stream;
use super::walker::{Inflater, Walker};
use crate::process::Server;
use crate::serve::{self, SUBSCRIBED};

/// The most bytes that are read at a time.
pub const BUFFER: usize = 64 * 1024;
/// A client must choose a random key (RFC 6455 4.1), but to a server all keys are alike.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The offer of browsers.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
/// One client in this many inflates all its messages, beginning with the first client.
const INFLATES: usize = 100;

pub struct Client {
    stream: Stream,
    walker: Walker,
    /// The compression that was negotiated, and how this client may compress. How the server does it need not say.
    pub compression: Option<Compression>,
    /// Messages to send, and those of them whose frames are in `out` or written.
    asked: u64,
    cut: u64,
    /// Messages that were received.
    pub answered: u64,
    /// The part of the script's frames that is still to be written.
    out: Range<usize>,
    /// The unanswered messages: times of sending, with the number of messages sent then.
    sent: VecDeque<(Instant, u64)>,
}

/// permessage-deflate (RFC 7692), as a server has answered the offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Each of the server's messages is compressed by itself.
    NoTakeover,
    /// The server's messages may refer to earlier ones.
    Takeover,
}

/// The client's part of an opening handshake, with further header lines.
pub fn request(address: SocketAddr, path: &str, more: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

/// Whether a response is complete. It must be a valid 101 with nothing behind it, since no message was sent yet.
pub fn is_accepted(head: &[u8]) -> io::Result<bool> {
    if !head.ends_with(b"\r\n\r\n") {
        return Ok(false);
    }
    if head.starts_with(b"HTTP/1.1 101 ") && head.windows(ACCEPT.len()).any(|bytes| bytes == ACCEPT) {
        return Ok(true);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(io::Error::other(format!("refused: {}", String::from_utf8_lossy(line))))
}

/// Reads the server's answer to the offer, for the messages of `side`.
fn agreed(head: &[u8], side: &str) -> Option<Compression> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let terms = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions:"))?;
    let is_without = terms.contains(&format!("{side}_no_context_takeover"));
    Some(if is_without { Compression::NoTakeover } else { Compression::Takeover })
}

impl Client {
    /// Opens connection number `number`, and offers compression if the script has compressed frames.
    pub fn open(server: &Server, path: &str, number: usize, script: &Script) -> io::Result<Self> {
        let mut stream = Stream::connect(server)?;
        let offer = if script.is_compressible() { OFFER } else { "" };
        stream.write_all(&request(server.address(), path, offer))?;
        let (mut head, mut piece) = (Vec::new(), [0; 512]);
        while !is_accepted(&head)? {
            match stream.read(&mut piece)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => head.extend_from_slice(&piece[..n]),
            }
        }
        stream.set_nonblocking()?;
        let compression = agreed(&head, "client");
        let inflater = agreed(&head, "server").filter(|_| number.is_multiple_of(INFLATES)).map(Inflater::new);
        Ok(Client {
            stream,
            walker: if compression.is_some() { Walker::of_compressed(inflater) } else { Walker::default() },
            compression,
            asked: 0,
            cut: 0,
            answered: 0,
            out: 0..0,
            sent: VecDeque::new(),
        })
    }

    /// Subscribes to topics, and waits for the confirmation. The client will receive message `first` of the script, and
    /// then every `step`th one.
    pub fn subscribe(&mut self, topics: Range<usize>, (first, step): (u64, u64)) -> Result<(), Box<dyn Error>> {
        let mut bytes = Vec::new();
        frame(Opcode::Text, [0x37, 0xfa, 0x21, 0x3d], serve::subscription(&topics).as_bytes(), &mut bytes);
        self.stream.write_all(&bytes)?;
        let begin = Instant::now();
        let mut answer = [0; SUBSCRIBED.len() + 2];
        let mut come = 0;
        while come < answer.len() {
            match self.stream.read(&mut answer[come..]) {
                Ok(0) => return Err("the server has dropped a connection".into()),
                Ok(n) => come += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock && begin.elapsed() < PATIENCE => {
                    thread::yield_now()
                }
                Err(error) => return Err(error.into()),
            }
        }
        if &answer[2..] != SUBSCRIBED.as_bytes() {
            return Err("a subscription was not confirmed".into());
        }
        self.walker = Walker::every(first, step);
        Ok(())
    }

    pub fn register(&mut self, poll: &Poll, token: usize) -> io::Result<()> {
        self.stream.register(poll, Token(token))
    }

    /// The number of messages sent that have not come back.
    pub fn in_flight(&self) -> u64 {
        self.asked - self.answered
    }

    /// The number of messages sent.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Sends `messages` more messages.
    pub fn send(&mut self, messages: u64, now: Instant, script: &Script) -> io::Result<()> {
        self.asked += messages;
        self.sent.push_back((now, messages));
        if self.out.is_empty() { self.flush(script) } else { Ok(()) }
    }

    /// Writes until everything is sent or the socket takes no more.
    pub fn flush(&mut self, script: &Script) -> io::Result<()> {
        self.stream.flush()?;
        loop {
            if self.out.is_empty() {
                let (frames, messages) = script.cut(self.compression, self.cut, self.asked - self.cut);
                if messages == 0 {
                    return Ok(());
                }
                self.out = frames;
                self.cut += messages;
            }
            match self.stream.write(&script.frames(self.compression)[self.out.clone()]) {
                Ok(n) => self.out.start += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads until nothing is left.
    pub fn receive(&mut self, buffer: &mut [u8], script: &Script) -> Result<Came, Box<dyn Error>> {
        let mut came = Came::default();
        loop {
            match self.stream.receive(buffer) {
                Ok(got) if got.is_end => return Err("the server has dropped a connection".into()),
                Ok(got) => {
                    came.messages += self.walker.take(&buffer[..got.len], script)?;
                    came.bytes += got.len as u64;
                    if got.is_all {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.answered += came.messages;
        Ok(came)
    }

    /// Takes the oldest `messages` out of flight, and calls `took` with the time that each group of them took.
    pub fn settle(&mut self, mut messages: u64, now: Instant, mut took: impl FnMut(Duration, u64)) {
        while messages > 0
            && let Some((at, run)) = self.sent.front_mut()
        {
            let n = messages.min(*run);
            took(now - *at, n);
            messages -= n;
            *run -= n;
            if *run == 0 {
                self.sent.pop_front();
            }
        }
    }
}
