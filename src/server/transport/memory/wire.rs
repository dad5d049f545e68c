//! A wire: the bytes under way between a client and the server's socket.

use std::io::{self, ErrorKind, IoSlice};

use crate::server::transport::{Ready, Received, Token};
use crate::server::types::id::Peer;

/// TLS at the client's end.
pub(crate) trait Codec {
    /// Bytes of the application become bytes for the network. Before the handshake is complete, they wait.
    fn encode(&mut self, plain: &[u8]) -> Vec<u8>;

    /// Bytes from the network become bytes of the application, and an answer for the network.
    fn decode(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<u8>);

    /// The end of what the client sends.
    fn close(&mut self) -> Vec<u8>;
}

/// Makes it, for one connection.
#[cfg(any(test, fuzzing))]
pub(crate) type MakeCodec = fn() -> Box<dyn Codec>;

/// A connection, seen from the server's socket.
pub(crate) struct Wire {
    pub token: Option<Token>,
    pub peer: Peer,
    pub inbound: Vec<u8>,
    pub fin: bool,
    pub reset: Reset,
    pub outbound: Vec<u8>,
    /// Bytes that the socket still accepts.
    pub room: usize,
    /// A write has found too little room: an event comes when there is some.
    pub full: bool,
    pub send_error: Option<ErrorKind>,
    /// The server has read the stream to its end.
    pub end_read: bool,
    pub shut: bool,
    pub aborted: bool,
    /// The server has dropped its socket, with so many bytes unread.
    pub dropped: Option<usize>,
    /// Changes that no event has reported yet: bytes or an end, room, and nothing at all.
    pub arrived: bool,
    pub released: bool,
    pub spurious: bool,
    pub calls: Calls,
    /// Everything that the client writes and reads goes through it.
    pub codec: Option<Box<dyn Codec>>,
}

/// The part of a socket's state that an event reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// All that is true of it, whichever change has caused the event.
    Epoll,
    /// The change alone.
    #[cfg_attr(not(any(test, fuzzing)), allow(dead_code))]
    Kqueue,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    No,
    #[cfg_attr(not(any(test, fuzzing)), allow(dead_code))]
    Unseen,
    Seen,
}

/// The server's calls on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Calls {
    pub receives: usize,
    pub sends: usize,
    pub received: usize,
    pub sent: usize,
}

impl Wire {
    pub fn new(peer: Peer) -> Self {
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
            end_read: false,
            shut: false,
            aborted: false,
            dropped: None,
            arrived: false,
            released: false,
            spurious: false,
            calls: Calls::default(),
            codec: None,
        }
    }

    /// The client sends bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        match &mut self.codec {
            None => self.arrive(bytes),
            Some(codec) => {
                let bytes = codec.encode(bytes);
                self.arrive(&bytes);
            }
        }
    }

    /// The client ends its side; with TLS it says so first.
    pub fn finish(&mut self) {
        if let Some(codec) = &mut self.codec
            && !self.fin
        {
            let bytes = codec.close();
            self.arrive(&bytes);
        }
        self.end();
    }

    /// Bytes come to the client, which answers those of TLS at once.
    fn leave(&mut self, bytes: &[u8]) {
        let Some(codec) = &mut self.codec else { return self.outbound.extend_from_slice(bytes) };
        let (plain, answer) = codec.decode(bytes);
        self.outbound.extend_from_slice(&plain);
        if !self.fin {
            self.arrive(&answer);
        }
    }

    /// Bytes come from the client.
    pub fn arrive(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && self.dropped.is_none() && self.reset == Reset::No {
            assert!(!self.fin, "bytes after FIN");
            self.inbound.extend_from_slice(bytes);
            self.arrived = true;
        }
    }

    /// The client ends its side.
    pub fn end(&mut self) {
        if self.reset == Reset::No {
            self.fin = true;
            self.arrived = true;
        }
    }

    /// Whether there is an event to report.
    pub fn has_event(&self) -> bool {
        self.token.is_some() && (self.arrived || self.released || self.spurious)
    }

    pub fn register(&mut self, token: Token) {
        self.token = Some(token);
        // There is room for a first write, and bytes may have come before.
        self.released = true;
        self.arrived = true;
    }

    pub fn take_event(&mut self, style: Style) -> Ready {
        let [arrived, released, spurious] =
            [&mut self.arrived, &mut self.released, &mut self.spurious].map(std::mem::take);
        // The room may have gone again before any event reported it.
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

    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        self.calls.receives += 1;
        let len = buffer.len().min(self.inbound.len());
        if len > 0 {
            buffer[..len].copy_from_slice(&self.inbound[..len]);
            self.inbound.drain(..len);
            self.calls.received += len;
            return Ok(Received { len, wire: len, drained: len < buffer.len(), ended: false });
        }
        match self.reset {
            Reset::Unseen => {
                self.reset = Reset::Seen;
                Err(ErrorKind::ConnectionReset.into())
            }
            Reset::No if !self.fin => Ok(Received::NOTHING),
            _ => {
                self.end_read = true;
                Ok(Received::END)
            }
        }
    }

    pub fn send(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls.sends += 1;
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
        let accepted = offered.min(self.room);
        self.full = accepted < offered;
        let mut rest = accepted;
        for slice in slices {
            let piece = &slice[..slice.len().min(rest)];
            self.leave(piece);
            rest -= piece.len();
        }
        self.calls.sent += accepted;
        if self.room != usize::MAX {
            self.room -= accepted;
        }
        Ok(accepted)
    }
}
