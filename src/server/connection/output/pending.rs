//! Bytes that the socket has accepted and not yet handed on, and those that it has not: only these can be given up, since
//! with TLS what is encrypted can no longer be taken back.

use std::io;

use super::Output;
use super::owed::Owed;
use super::queue::WriteQueue;
use crate::server::transport::Socket;
use crate::server::types::env::{Env, Tick};

impl Output {
    /// The bytes of them that the socket has accepted.
    pub fn pending(&self) -> usize {
        self.0.as_ref().map_or(0, |owed| owed.pending)
    }

    /// The socket has bytes of its own to send, such as those of a handshake.
    #[cold]
    #[inline(never)]
    pub fn note_pending(&mut self, pending: usize, env: &Env) {
        let is_first = self.len() == 0;
        let owed = self.owed(env);
        (owed.pending, owed.is_blocked) = (pending, true);
        if is_first {
            owed.progress = env.tick();
        }
        owed.note_growth(env);
    }

    /// Drops all frames of which the peer has received no byte.
    pub fn drop_unsent_frames(&mut self) {
        if let Some(owed) = self.0.as_mut() {
            owed.queue.drop_unsent_frames();
            owed.charge.set(owed.queue.held());
        }
    }

    /// Gives up all that the socket has not accepted.
    pub fn drop_queue(&mut self) {
        if let Some(owed) = self.0.as_mut() {
            owed.queue = WriteQueue::default();
            owed.charge.set(0);
        }
        self.shrink();
    }
}

impl Owed {
    /// Hands pending bytes on, as far as the socket below takes them.
    #[cold]
    #[inline(never)]
    pub fn flush_pending(&mut self, socket: &mut impl Socket, alive: &mut Tick, env: &Env) -> io::Result<()> {
        if socket.flush()? > 0 {
            (self.progress, *alive) = (env.tick(), env.tick());
        }
        self.pending = socket.pending();
        self.is_blocked = self.pending > 0;
        Ok(())
    }
}
