//! Clients that send, or come and go, as fast as they can.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use sockhop::{Context, Handler, Message};

use super::line::{Line, Place};
use super::raw;

/// Answers text and swallows the rest, so that a flood never has to wait for its own echoes.
pub struct Sink;

impl Handler for Sink {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if let Message::Text(_) = message {
            ctx.send(message);
        }
    }
}

/// Says every message to all of its connections.
pub struct Room;

impl Handler for Room {
    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        ctx.broadcast(message);
    }
}

/// The state that all threads of a flood share.
#[derive(Default)]
pub struct Flood {
    /// How often the frames were sent.
    pub sent: AtomicU64,
    /// Set when they are to stop.
    pub over: AtomicBool,
}

impl Flood {
    /// Sends frames again and again until it is over; reads and discards what is answered.
    pub fn run(&self, stream: impl Into<Line>, frames: &[u8]) {
        let mut stream = stream.into();
        let mut reader = stream.try_clone().expect("a socket can be shared");
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                loop {
                    match reader.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(_) => {}
                        // TLS misses its last word.
                        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => {
                            break;
                        }
                        // Nothing has come for long: what is swallowed is not answered.
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            // Bounded, should nobody say that it is over.
            for _ in 0..1_000_000 {
                if self.over.load(Ordering::Relaxed) {
                    break;
                }
                stream.write_all(frames).expect("the server takes more");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            stream.shutdown(Shutdown::Both).expect("the server has not gone");
        });
    }

    /// Has clients send frames again and again, and read nothing, until it is over. Whom the server drops, comes back.
    pub fn run_deaf(&self, place: impl Into<Place>, path: &str, clients: usize, frames: &[u8]) {
        let place = place.into();
        let open = || {
            let stream = place.open(path);
            stream.set_nonblocking(true).expect("a socket can be told so");
            (stream, 0)
        };
        let mut clients: Vec<_> = (0..clients).map(|_| open()).collect();
        while !self.over.load(Ordering::Relaxed) {
            for (stream, sent) in &mut clients {
                match stream.write(frames.get(*sent..).unwrap_or_default()) {
                    Ok(written) => *sent = (*sent + written) % frames.len(),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                    Err(_) => (*stream, *sent) = open(),
                }
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Fills a room with members that read nothing, and posts a frame to it again and again until it is over. Each post waits
    /// for the poster's own copy of the one before.
    pub fn post_to(&self, addr: SocketAddr, path: &str, members: usize, frame: &[u8]) {
        let _members: Vec<_> = (0..members).map(|_| raw::open(addr, path)).collect();
        let mut poster = raw::open(addr, path);
        while !self.over.load(Ordering::Relaxed) {
            poster.write_all(frame).expect("the server takes it");
            raw::read_text(&mut poster);
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens connections, sends frames for which the server fails each with a code, until it is over.
    pub fn run_refused(&self, open: impl Fn() -> Line, frames: &[u8], code: u16) {
        while !self.over.load(Ordering::Relaxed) {
            let mut stream = open();
            stream.write_all(frames).expect("the server takes it");
            assert_eq!(raw::read_close(&mut stream).0, code);
            self.sent.fetch_add(1, Ordering::Relaxed);
            // Gone by a reset: thousands that wait for stray packets would use up the ports.
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).expect("a socket can be told so");
        }
    }

    /// Opens connections, says `start` of a request, and ends them by a reset, until it is over.
    pub fn come_and_go(&self, addr: SocketAddr, start: &[u8]) {
        while !self.over.load(Ordering::Relaxed) {
            let mut stream = super::tcp(addr);
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket can be told so");
            stream.write_all(start).expect("there is room");
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same with so many connections at a time.
    pub fn come_and_go_together(&self, addr: SocketAddr, clients: usize, start: &[u8]) {
        while !self.over.load(Ordering::Relaxed) {
            let mut streams: Vec<_> = (0..clients).map(|_| super::tcp(addr)).collect();
            for stream in &mut streams {
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).expect("a socket can be told so");
                stream.write_all(start).expect("there is room");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Has it stop when this value goes, by a panic, too: or who waits for the flood would wait for long.
    pub fn until_dropped(&self) -> impl Drop {
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Stop(&self.over)
    }
}
