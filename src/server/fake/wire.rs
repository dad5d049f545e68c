//! A wire: what is under way between a client and the server's socket, and the socket itself.

use std::io::{self, ErrorKind, IoSlice};

use super::{Network, Style};
use crate::server::handler::Peer;
use crate::server::poller::{Ready, Socket, Token};

/// A connection, seen from the server's socket.
pub(super) struct Wire {
    pub(super) token: Option<Token>,
    pub(super) peer: Peer,
    pub(super) inbound: Vec<u8>,
    pub(super) fin: bool,
    pub(super) reset: Reset,
    pub(super) outbound: Vec<u8>,
    /// Bytes that the socket still takes.
    pub(super) room: usize,
    /// A write has found too little room: there will be an event when there is some.
    pub(super) full: bool,
    pub(super) send_error: Option<ErrorKind>,
    /// Calls that a signal interrupts before one succeeds.
    pub(super) interrupts: usize,
    /// The server has read the stream to its end.
    pub(super) end_read: bool,
    pub(super) shut: bool,
    pub(super) aborted: bool,
    /// The server has dropped its socket, with so many bytes unread.
    pub(super) dropped: Option<usize>,
    pub(super) arrived: bool,
    pub(super) released: bool,
    pub(super) spurious: bool,
    pub(super) calls: Calls,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reset {
    No,
    Unseen,
    Seen,
}

/// What the server has done with a socket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Calls {
    pub receives: usize,
    pub sends: usize,
    pub received: usize,
    pub sent: usize,
}

impl Wire {
    pub(super) fn new(peer: Peer) -> Self {
        Wire {
            token: None,
            peer,
            inbound: Vec::new(),
            fin: false,
            reset: Reset::No,
            outbound: Vec::new(),
            room: usize::MAX,
            full: false,
            send_error: None,
            interrupts: 0,
            end_read: false,
            shut: false,
            aborted: false,
            dropped: None,
            arrived: false,
            released: false,
            spurious: false,
            calls: Calls::default(),
        }
    }

    /// Whether there is something to say of it.
    pub(super) fn has_event(&self) -> bool {
        self.token.is_some() && (self.arrived || self.released || self.spurious)
    }

    pub(super) fn take_event(&mut self, style: Style) -> Ready {
        let [arrived, released, spurious] =
            [&mut self.arrived, &mut self.released, &mut self.spurious].map(std::mem::take);
        // The room may have gone again before anybody was told of it.
        self.full |= released && self.room == 0;
        let all = style == Style::Epoll;
        let ended = self.fin || self.reset != Reset::No;
        Ready {
            token: self.token.unwrap_or(Token::Wake),
            readable: spurious || ((all || arrived) && (!self.inbound.is_empty() || ended)),
            writable: spurious || ((all || released) && (self.room > 0 || self.reset != Reset::No)),
            read_closed: (all || arrived) && ended,
        }
    }

    fn interrupt(&mut self) -> io::Result<()> {
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls.receives += 1;
        self.interrupt()?;
        let n = buffer.len().min(self.inbound.len());
        if n > 0 {
            buffer[..n].copy_from_slice(&self.inbound[..n]);
            self.inbound.drain(..n);
            self.calls.received += n;
            return Ok(n);
        }
        match self.reset {
            Reset::Unseen => {
                self.reset = Reset::Seen;
                Err(ErrorKind::ConnectionReset.into())
            }
            Reset::No if !self.fin => Err(ErrorKind::WouldBlock.into()),
            _ => {
                self.end_read = true;
                Ok(0)
            }
        }
    }

    fn send(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls.sends += 1;
        self.interrupt()?;
        if let Some(error) = self.send_error {
            return Err(error.into());
        }
        match self.reset {
            Reset::Unseen => {
                self.reset = Reset::Seen;
                return Err(ErrorKind::ConnectionReset.into());
            }
            Reset::Seen => return Err(ErrorKind::BrokenPipe.into()),
            Reset::No if self.shut => return Err(ErrorKind::BrokenPipe.into()),
            Reset::No => {}
        }
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        assert!(offered > 0, "a write of nothing");
        let n = offered.min(self.room);
        self.full = n < offered;
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut rest = n;
        for slice in slices {
            let piece = &slice[..slice.len().min(rest)];
            self.outbound.extend_from_slice(piece);
            rest -= piece.len();
        }
        self.calls.sent += n;
        if self.room != usize::MAX {
            self.room -= n;
        }
        Ok(n)
    }
}

/// The server's end of a wire.
pub(crate) struct FakeSocket {
    pub(super) network: Network,
    pub(super) at: usize,
}

impl FakeSocket {
    /// Whether something can be read from it, or its end, and no event will say so.
    pub fn waits_to_be_read(&self) -> bool {
        self.network.wire(self.at, |wire| {
            let ended = wire.fin || wire.reset == Reset::Unseen;
            (!wire.inbound.is_empty() || ended && !wire.end_read) && !wire.arrived && !wire.spurious
        })
    }

    /// Whether an event will say that it takes bytes again.
    pub fn will_be_writable(&self) -> bool {
        self.network.wire(self.at, |wire| wire.full || wire.released || wire.spurious)
    }
}

impl Socket for FakeSocket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.network.call(self.at, |wire| wire.receive(buffer))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.network.call(self.at, |wire| wire.send(&[IoSlice::new(bytes)]))
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.network.call(self.at, |wire| wire.send(slices))
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.network.wire(self.at, |wire| {
            wire.shut = true;
            if wire.reset == Reset::No { Ok(()) } else { Err(ErrorKind::NotConnected.into()) }
        })
    }

    fn abort(&mut self) -> io::Result<()> {
        self.network.wire(self.at, |wire| wire.aborted = true);
        Ok(())
    }
}

impl Drop for FakeSocket {
    fn drop(&mut self) {
        self.network.wire(self.at, |wire| {
            wire.dropped = Some(wire.inbound.len());
            wire.token = None;
        });
    }
}
