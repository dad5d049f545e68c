//! The floor: not a WebSocket server, but the least work that a server can do. On mio, edge-triggered, with one buffer
//! for all connections, it sends received bytes back, masked as they are. A broadcast is framed once, and the same
//! bytes go to each member in one send. Messages to topics are collected for each subscriber, and also leave in one
//! send. It checks and bounds nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::net;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use sockhop::protocol::{FrameHeader, Opcode, encode_frame, mask};

use super::{NAME, Path, SUBSCRIBED, subscribed_topics, upgrade};

const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    /// Known once the handshake is done.
    path: Option<Path>,
    /// Bytes that the kernel has not taken.
    owed: Vec<u8>,
    /// The beginning of an incomplete frame; not used for echoes.
    begun: Vec<u8>,
}

/// Subscribers by topic.
#[derive(Default)]
struct Topics(Vec<Vec<usize>>);

pub fn serve(listener: net::TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::from_std(listener);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients = Slab::new();
    let mut members = Vec::new();
    let mut buffer = vec![0; 512 * 1024];
    let mut frames = Vec::new();
    let mut topics = Topics::default();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &mut clients)?;
                continue;
            }
            let at = event.token().0;
            let Some(client) = clients.get_mut(at) else { continue };
            frames.clear();
            let before = client.path;
            let lives = (!event.is_writable() || client.flush().is_ok())
                && (!event.is_readable() || client.receive(&mut buffer, &mut frames).is_ok());
            if before.is_none() && client.path == Some(Path::Broadcast) {
                members.push(at);
            }
            if !lives {
                clients.remove(at);
                members.retain(|member| *member != at);
                topics.0.iter_mut().for_each(|members| members.retain(|member| *member != at));
            }
            if before == Some(Path::Topics) {
                topics.take(at, &frames, &mut clients);
            } else if !frames.is_empty() {
                for member in &members {
                    // If this fails, the next read from the member fails, too, and removes it.
                    let _ = clients[*member].send(&frames);
                }
            }
        }
    }
}

fn accept(poll: &Poll, listener: &TcpListener, clients: &mut Slab<Client>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let entry = clients.vacant_entry();
        poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(Client { stream, path: None, owed: Vec::new(), begun: Vec::new() });
    }
}

impl Client {
    /// Reads until a short read shows that nothing is left. Frames for other clients go to `frames`.
    fn receive(&mut self, buffer: &mut [u8], frames: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            match self.path {
                None => {
                    let (path, response) = upgrade(&buffer[..n]).ok_or(ErrorKind::InvalidData)?;
                    self.path = Some(path);
                    self.send(&response)?;
                }
                Some(Path::Echo) => self.send(&buffer[..n])?,
                Some(_) if self.begun.is_empty() => {
                    let used = reframe(&mut buffer[..n], frames);
                    self.begun.extend_from_slice(&buffer[used..n]);
                }
                Some(_) => {
                    self.begun.extend_from_slice(&buffer[..n]);
                    let used = reframe(&mut self.begun, frames);
                    self.begun.drain(..used);
                }
            }
            if n < buffer.len() {
                return Ok(());
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.owed.is_empty() { write(&mut self.stream, bytes)? } else { 0 };
        self.owed.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.owed.len() {
            match write(&mut self.stream, &self.owed[sent..])? {
                0 => break,
                n => sent += n,
            }
        }
        self.owed.drain(..sent);
        if self.owed.is_empty() && self.path != Some(Path::Topics) {
            self.owed = Vec::new();
        }
        Ok(())
    }
}

impl Topics {
    /// Carries out the subscriptions and publications in the frames of one client.
    fn take(&mut self, from: usize, mut frames: &[u8], clients: &mut Slab<Client>) {
        let mut to_flush = Vec::new();
        while let Ok(Some((header, header_len))) = FrameHeader::parse(frames) {
            let (frame, rest) = frames.split_at(header_len + header.payload_len as usize);
            let payload = &frame[header_len..];
            frames = rest;
            if header.opcode == Opcode::Text {
                let topics = str::from_utf8(payload).ok().and_then(subscribed_topics).unwrap_or_default();
                self.0.resize_with(self.0.len().max(topics.end), Vec::new);
                self.0[topics].iter_mut().for_each(|members| members.push(from));
                encode_frame(Opcode::Text, SUBSCRIBED.as_bytes(), &mut clients[from].owed);
                to_flush.push(from);
                continue;
            }
            let name = payload.first_chunk::<NAME>().and_then(|name| str::from_utf8(name).ok());
            let members = name.and_then(|name| self.0.get(name.parse::<usize>().ok()?));
            for member in members.into_iter().flatten() {
                let owed = &mut clients[*member].owed;
                if owed.is_empty() {
                    to_flush.push(*member);
                }
                owed.extend_from_slice(frame);
            }
        }
        for at in to_flush {
            // If this fails, the next read from the member fails, too, and removes it.
            let _ = clients[at].flush();
        }
    }
}

/// Writes to a stream. Returns 0 if the kernel takes nothing now.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Turns complete frames of a client into those of a server. Returns the length of the client's frames.
fn reframe(mut bytes: &mut [u8], frames: &mut Vec<u8>) -> usize {
    let all = bytes.len();
    while let Ok(Some((header, header_len))) = FrameHeader::parse(bytes) {
        let end = header_len + header.payload_len as usize;
        if end > bytes.len() {
            break;
        }
        let (frame, rest) = bytes.split_at_mut(end);
        let payload = &mut frame[header_len..];
        mask(payload, header.masking_key.unwrap_or_default(), 0);
        encode_frame(header.opcode, payload, frames);
        bytes = rest;
    }
    all - bytes.len()
}
