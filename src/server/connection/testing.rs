//! For the tests of this folder: a socket that accepts a number of bytes, and an environment whose time is a value.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Connection;
use super::entrance::Entrance;
use crate::server::transport::{Received, Socket};
use crate::server::types::config::Config;
use crate::server::types::env::{Env, Tick};

/// A socket that accepts `room` bytes more, and keeps them.
#[derive(Default)]
pub(super) struct FakeSocket {
    pub room: usize,
    pub sent: Vec<u8>,
    pub writes: usize,
    /// Our side of the stream was ended.
    pub shut: bool,
    /// Every call fails.
    pub broken: bool,
}

impl FakeSocket {
    pub fn with_room(room: usize) -> Self {
        FakeSocket { room, ..FakeSocket::default() }
    }

    fn check(&self) -> io::Result<()> {
        if self.broken { Err(ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Socket for FakeSocket {
    fn receive(&mut self, _buffer: &mut [u8]) -> io::Result<Received> {
        self.check().map(|()| Received::NOTHING)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_vectored(&[IoSlice::new(bytes)])
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check()?;
        assert!(!self.shut, "a write after the end of our side");
        let offered: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        assert!(!offered.is_empty(), "a write of nothing");
        let accepted = offered.len().min(self.room);
        self.sent.extend_from_slice(&offered[..accepted]);
        self.room -= accepted;
        self.writes += 1;
        Ok(accepted)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shut = true;
        self.check()
    }

    fn abort(&mut self) -> io::Result<()> {
        self.check()
    }
}

/// An environment at tick 0.
pub(super) fn env(config: Config) -> Env {
    Env::new(config, Arc::default(), Instant::now())
}

/// Moves the time to this tick, which must not lie before the present one.
pub(super) fn set_tick(env: &mut Env, tick: u32) {
    let span = tick - env.tick().0;
    env.set_now(env.now + Duration::from_millis(span.into()));
    assert_eq!(env.tick(), Tick(tick));
}

/// A connection that was accepted just now.
pub(super) fn accepted(env: &Env) -> Connection {
    Connection::new(0, Entrance::new(false, env), env)
}
