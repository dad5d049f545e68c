//! Names that an application sees: connections, peers, timers, deferred answers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Names a connection for as long as the server runs. No other connection ever gets the same id, and what is sent to a
/// connection that has left reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId {
    /// Place in the connection table. Later connections use it again.
    pub(crate) slot: u32,
    /// How often the place has been taken: tells its tenants apart.
    pub(crate) generation: u32,
}

impl ConnectionId {
    /// The id of no connection.
    pub const NOBODY: ConnectionId = ConnectionId { slot: u32::MAX, generation: u32::MAX };

    /// The id as a number, for a text by which others name the connection. It can be guessed: it is a name, no secret.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The id of a number. Any number will do: if no connection has that id, what is sent to it reaches nobody.
    pub fn from_bits(bits: u64) -> Self {
        let [slot, generation] = [bits, bits >> 32].map(|bits| (bits & u64::from(u32::MAX)) as u32);
        ConnectionId { slot, generation }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NOBODY {
            return f.write_str("#nobody");
        }
        write!(f, "#{}.{}", self.slot, self.generation)
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// A TCP peer's address and port.
    Tcp(SocketAddr),
    /// A process on this machine, over a Unix-domain socket.
    Unix,
    /// Nobody: the connection has left.
    Gone,
}

impl Peer {
    /// The peer's IP address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix | Peer::Gone => None,
        }
    }

    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Peer::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Peer::Unix => true,
            Peer::Gone => false,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix"),
            Peer::Gone => f.write_str("gone"),
        }
    }
}

/// Names a timer that [`Context::after`](crate::Context::after) has scheduled. No other timer ever gets the same id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerId(pub(crate) u64);

/// Names an opening handshake or a plain request that a handler answers later; [`Context::deferred`](crate::Context::deferred)
/// makes it. [`Handle::settle`](crate::Handle::settle) and [`Handle::answer`](crate::Handle::answer) take it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Deferred {
    pub(crate) id: ConnectionId,
    /// Requests that the connection had been answered before.
    pub(crate) request: u16,
}

/// Names a topic while it has members.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TopicKey(pub u32);
