//! TLS over sockets in memory, with a client by rustls.

mod failing;
mod reading;
mod records;
mod writing;

use std::io::{self, IoSlice};

use super::testing::{Peer, VERSIONS, Version, tls};
use super::*;
use crate::server::transport::Poller;
use crate::server::transport::layer::{All, Layers};
use crate::server::transport::memory::{Client, Codec, MemorySocket, Network};
use crate::server::types::id::Peer as Address;

/// The most bytes that a record adds to its plaintext, and the record of a KeyUpdate before it.
const OVERHEAD: usize = 5 * 40;

/// A server's socket with TLS over it, and a client.
struct Pair {
    client: Client,
    socket: MemorySocket,
    layers: Layers<MemorySocket>,
    account: Account,
    peer: Peer,
    buffer: Vec<u8>,
    /// What server and client have received.
    got: Vec<u8>,
    answers: Vec<u8>,
}

impl Pair {
    /// The client has connected, and has sent nothing.
    fn new(version: Version) -> Self {
        Self::with(&tls(&VERSIONS), Peer::of(&[version]))
    }

    fn with(tls: &Tls, peer: Peer) -> Self {
        let network = Network::new();
        let client = network.connect_as(0, Address::Unix);
        let Ok(Some((socket, _))) = network.poller().accept(0) else { panic!("no connection") };
        let (account, mut layers) = (Account::default(), Layers::default());
        layers.insert(0, tls.session(&account));
        let buffer = vec![0; 64 * 1024];
        Pair { client, socket, layers, account, peer, buffer, got: Vec::new(), answers: Vec::new() }
    }

    /// The same when the handshake is complete.
    fn open(version: Version) -> Self {
        let mut pair = Self::new(version);
        pair.pump().expect("a handshake");
        assert_eq!(pair.security(), Security::Secure);
        pair
    }

    fn security(&self) -> Security {
        self.layers.security(0)
    }

    fn ending(&self) -> Option<Count> {
        self.layers.get(0).expect("TLS").ending()
    }

    fn receive(&mut self) -> io::Result<Received> {
        let received = self.layers.over::<All>(0, &mut self.socket).receive(&mut self.buffer)?;
        self.got.extend_from_slice(&self.buffer[..received.len]);
        self.check();
        Ok(received)
    }

    /// Receives until nothing is left.
    fn receive_all(&mut self) -> io::Result<Received> {
        loop {
            let received = self.receive()?;
            if received.drained {
                return Ok(received);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.layers.over::<All>(0, &mut self.socket).send(bytes);
        self.check();
        sent
    }

    /// Sends slices of these lengths.
    fn send_slices(&mut self, bytes: &[u8], len: usize) -> io::Result<usize> {
        let slices: Vec<_> = bytes.chunks(len).map(IoSlice::new).collect();
        let sent = self.layers.over::<All>(0, &mut self.socket).send_vectored(&slices);
        self.check();
        sent
    }

    fn flush(&mut self) -> usize {
        let sent = self.layers.over::<All>(0, &mut self.socket).flush().expect("a socket");
        self.check();
        sent
    }

    fn shutdown_write(&mut self) {
        self.layers.over::<All>(0, &mut self.socket).shutdown_write().expect("a socket");
        self.check();
    }

    fn pending(&mut self) -> usize {
        self.layers.over::<All>(0, &mut self.socket).pending()
    }

    /// Bytes from the client's machine.
    fn write(&mut self, bytes: &[u8]) {
        self.client.write(bytes);
    }

    /// The client takes what has come to it, and answers.
    fn take(&mut self) -> usize {
        let bytes = std::mem::take(self.client.bytes());
        let (plain, answer) = self.peer.decode(&bytes);
        self.answers.extend(plain);
        self.write(&answer);
        bytes.len() + answer.len()
    }

    /// All that both sides have to say arrives.
    fn pump(&mut self) -> io::Result<Received> {
        let hello = self.peer.output();
        self.write(&hello);
        loop {
            let received = self.receive_all()?;
            if self.take() == 0 {
                return Ok(received);
            }
        }
    }

    /// The rules of the module, and what is counted for memory.
    fn check(&mut self) {
        let pending = self.pending();
        assert!(pending == 0 || self.client.network.wire(self.client.at, |wire| wire.full), "no event is due");
        assert!(pending <= CHUNK + OVERHEAD, "{pending} bytes are pending");
        let held = self.layers.held(0);
        assert_eq!(self.account.get(), held);
        assert!(held >= pending, "{held} bytes, and {pending} are pending");
    }
}

/// Bytes that do not repeat soon.
fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}
