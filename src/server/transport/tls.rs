//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) as a layer over any socket. This file and those in `tls/` are the only ones that
//! name rustls. It is driven by the API whose buffers are the caller's, so that an idle connection owns none.
//!
//! Reading: the part of a record that was kept and one read from the socket are decrypted together; what is left of the
//! last record is kept for the next read. Writing: plaintext is encrypted and sent at once, and what the socket does not
//! take is pending. The rules:
//!
//! 1. Bytes that were given to rustls count as sent: they can no longer be dropped or replaced.
//! 2. Nothing is encrypted while anything is pending, but for answers of the handshake and the alert at the end.
//! 3. While anything is pending an event is due, since the socket below has accepted less than it was offered.
//! 4. Pending bytes count as queued. They are at most one chunk, with its records' headers and tags.
//! 5. Our side of the stream ends after all pending bytes, with close_notify (RFC 8446 6.1).

mod certificate;
mod config;
mod failure;
mod names;
mod pem;
mod records;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::sync::Arc;

use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;

pub use rustls;

pub use self::config::Tls;
use self::failure::{DECODE_ERROR, Failure};
use self::records::copy;
#[cfg(any(test, fuzzing))]
pub(crate) use self::testing::both_ends;
use super::layer::{CHUNK, Layer, Scratch};
use super::{Received, Security, Socket};
use crate::http::RequestTls;
use crate::server::types::env::{Account, Charge};
use crate::server::types::stats::Count;

/// The first byte of a TLS connection: a record of the handshake (RFC 8446 5.1).
const HANDSHAKE: u8 = 0x16;
/// Bytes kept of a ClientHello that is not complete.
const MOST_HELLO: usize = 16 * 1024;
/// Bytes kept of a later part of the handshake that is not complete: it may have a chain of certificates.
const MOST_FLIGHT: usize = 40 * 1024;

/// TLS on one connection.
struct Session {
    stage: Stage,
    /// The name that the client has asked for.
    server_name: Option<Box<str>>,
    /// The beginning of a record, or of a handshake message in several records.
    partial: Vec<u8>,
    /// Bytes of the client's part of the handshake, all of which rustls may keep until that is complete.
    shaken: usize,
    /// `partial` has bytes that were not looked at.
    has_new: bool,
    /// Ciphertext of which the socket has yet to take the part from `sent` on.
    pending: Vec<u8>,
    sent: usize,
    /// Nothing more is received: close_notify or the end of the stream has come.
    is_ended: bool,
    /// Our side of the stream ends when nothing is pending.
    shuts_down: bool,
    charge: Charge,
}

enum Stage {
    /// Something else comes first: bytes pass as they are.
    Prefix(Tls),
    /// The first byte tells what the client speaks.
    Sniffing(Tls),
    /// Handshake and all that follows.
    Tls(Box<UnbufferedServerConnection>),
    /// Plain HTTP: bytes pass as they are.
    Clear,
    Failed(Count),
}

impl Tls {
    /// TLS for a connection that was accepted just now. Its memory is charged to the account.
    pub(crate) fn session<S: Socket>(&self, account: &Account) -> Box<dyn Layer<S>> {
        Box::new(Session {
            stage: Stage::Sniffing(self.clone()),
            server_name: None,
            partial: Vec::new(),
            shaken: 0,
            has_new: false,
            pending: Vec::new(),
            sent: 0,
            is_ended: false,
            shuts_down: false,
            charge: Charge::new(account),
        })
    }
}

impl<S: Socket> Layer<S> for Session {
    fn receive(&mut self, socket: &mut S, buffer: &mut [u8], scratch: &mut Scratch) -> io::Result<Received> {
        debug_assert!(buffer.len() >= CHUNK, "a record might not fit");
        if self.is_ended {
            return Ok(Received::END);
        }
        if matches!(self.stage, Stage::Prefix(_) | Stage::Clear | Stage::Failed(_)) {
            return socket.receive(buffer);
        }
        let Scratch { input, output, .. } = scratch;
        let below = self.fill(socket, input, buffer.len())?;
        if below.len == 0 {
            self.is_ended = below.ended;
            return Ok(below);
        }
        let input = input.get_mut(..below.len).unwrap_or_default();
        self.sniff(input)?;
        let Stage::Tls(connection) = &mut self.stage else {
            // Plain HTTP: nothing is kept before the first byte, so these are all that have come.
            copy(input, buffer);
            self.forget_partial();
            return Ok(Received { len: input.len(), ..below });
        };
        output.clear();
        let is_handshaking = connection.is_handshaking();
        let read = records::read(connection, input, buffer, output);
        if is_handshaking {
            self.shaken += read.used;
            self.server_name = names::take_asked().or(self.server_name.take());
        }
        let rest = input.get(read.used..).unwrap_or_default();
        self.keep(rest);
        let is_hello_too_long = Layer::<S>::awaits_hello(self) && rest.len() > MOST_HELLO;
        if is_hello_too_long {
            output.append(&DECODE_ERROR);
        }
        let is_too_long = is_hello_too_long || rest.len() > MOST_FLIGHT;
        let failure = read.failure.or_else(|| is_too_long.then(Failure::too_long));
        let sent = self.transmit(socket, output.bytes());
        if let Some(failure) = failure {
            self.stage = Stage::Failed(failure.count);
            self.forget_partial();
            return Err(io::Error::new(ErrorKind::InvalidData, failure.text));
        }
        sent?;
        self.is_ended = read.is_closed;
        if read.is_closed && read.len == 0 {
            return Ok(Received { wire: below.wire, ..Received::END });
        }
        // The end is for the next call to tell, which must come though nothing more may arrive.
        Ok(Received { len: read.len, drained: below.drained && !read.is_closed, ..below })
    }

    fn send(&mut self, socket: &mut S, slices: &[IoSlice<'_>], scratch: &mut Scratch) -> io::Result<usize> {
        if matches!(self.stage, Stage::Prefix(_) | Stage::Clear) {
            return socket.send_vectored(slices);
        }
        let Scratch { gathered, output, .. } = scratch;
        let plain: &[u8] = match slices {
            [slice] => slice,
            slices => {
                gathered.clear();
                slices.iter().for_each(|slice| gathered.extend_from_slice(slice));
                gathered
            }
        };
        let mut sent = 0;
        for chunk in plain.chunks(CHUNK) {
            if !self.pending.is_empty() {
                break;
            }
            output.clear();
            let Stage::Tls(connection) = &mut self.stage else { return Err(ErrorKind::NotConnected.into()) };
            records::encrypt(connection, &mut self.partial, chunk, output)?;
            self.transmit(socket, output.bytes())?;
            sent += chunk.len();
        }
        Ok(sent)
    }

    fn flush(&mut self, socket: &mut S) -> io::Result<usize> {
        let rest = self.pending.get(self.sent..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(0);
        }
        let sent = socket.send(rest)?;
        self.sent += sent;
        if self.sent == self.pending.len() {
            (self.pending, self.sent) = (Vec::new(), 0);
            self.account();
            if mem::take(&mut self.shuts_down) {
                socket.shutdown_write()?;
            }
        }
        Ok(sent)
    }

    fn say_goodbye(&mut self, socket: &mut S, scratch: &mut Scratch) -> io::Result<()> {
        let Stage::Tls(connection) = &mut self.stage else { return Ok(()) };
        scratch.output.clear();
        records::close_notify(connection, &mut self.partial, &mut scratch.output);
        self.transmit(socket, scratch.output.bytes())
    }

    fn shutdown_write(&mut self, socket: &mut S, scratch: &mut Scratch) -> io::Result<()> {
        Layer::<S>::say_goodbye(self, socket, scratch)?;
        self.shuts_down = !self.pending.is_empty();
        if self.shuts_down { Ok(()) } else { socket.shutdown_write() }
    }

    fn pending(&self) -> usize {
        self.pending.len() - self.sent
    }

    fn held(&self) -> usize {
        self.charge.get()
    }

    fn security(&self) -> Security {
        match &self.stage {
            Stage::Prefix(_) | Stage::Sniffing(_) => Security::Handshaking,
            Stage::Tls(connection) if connection.is_handshaking() => Security::Handshaking,
            Stage::Tls(_) => Security::Secure,
            Stage::Clear => Security::Clear,
            Stage::Failed(_) => Security::Failed,
        }
    }

    fn awaits_hello(&self) -> bool {
        match &self.stage {
            Stage::Sniffing(_) => true,
            Stage::Tls(connection) => connection.protocol_version().is_none(),
            Stage::Prefix(_) | Stage::Clear | Stage::Failed(_) => false,
        }
    }

    fn ending(&self) -> Option<Count> {
        match &self.stage {
            Stage::Prefix(_) | Stage::Sniffing(_) => None,
            Stage::Tls(connection) if connection.is_handshaking() => self.is_ended.then_some(Count::TlsUnfinished),
            Stage::Tls(connection) => Some(match connection.handshake_kind() {
                Some(HandshakeKind::Resumed) => Count::TlsResumed,
                _ => Count::TlsFull,
            }),
            Stage::Clear => Some(Count::TlsClear),
            Stage::Failed(count) => Some(*count),
        }
    }

    fn request_tls(&self) -> Option<RequestTls> {
        let Stage::Tls(connection) = &self.stage else { return None };
        Some(records::facts(connection, self.server_name.as_deref()))
    }

    fn await_prefix(&mut self) {
        if let Stage::Sniffing(tls) = &self.stage {
            self.stage = Stage::Prefix(tls.clone());
        }
    }

    fn begin(&mut self, bytes: &[u8]) {
        if let Stage::Prefix(tls) = &self.stage {
            self.stage = Stage::Sniffing(tls.clone());
            self.has_new = !bytes.is_empty();
            self.keep(bytes);
        }
    }
}

impl Session {
    /// Receives into `input`, behind the bytes that were kept. What is decrypted is shorter, so a buffer of `room` bytes has
    /// room for it.
    fn fill<S: Socket>(&mut self, socket: &mut S, input: &mut Vec<u8>, room: usize) -> io::Result<Received> {
        let kept = self.partial.len();
        input.resize(room.max(kept), 0);
        copy(&self.partial, input);
        if mem::take(&mut self.has_new) {
            // More may have come since these were read.
            return Ok(Received { len: kept, wire: 0, drained: false, ended: false });
        }
        let end = if Layer::<S>::awaits_hello(self) { MOST_HELLO + 1 } else { input.len() };
        let below = socket.receive(input.get_mut(kept..end).unwrap_or_default())?;
        if below.len == 0 {
            return Ok(below);
        }
        // Where more may have come, the bytes that were kept count again: a full buffer is enough for a turn.
        let wire = if below.drained { below.wire } else { kept + below.wire };
        Ok(Received { len: kept + below.len, wire, ..below })
    }

    /// Looks at the first byte, if that has not been done.
    fn sniff(&mut self, input: &[u8]) -> io::Result<()> {
        let (Stage::Sniffing(tls), Some(first)) = (&self.stage, input.first()) else { return Ok(()) };
        self.stage = match *first {
            HANDSHAKE => {
                let connection = UnbufferedServerConnection::new(Arc::clone(tls.config()));
                Stage::Tls(Box::new(connection.map_err(io::Error::other)?))
            }
            // RFC 9112 3.1: a request begins with its method, a token.
            first if first.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&first) => Stage::Clear,
            _ => {
                self.stage = Stage::Failed(Count::TlsBroken);
                self.forget_partial();
                return Err(io::Error::new(ErrorKind::InvalidData, "the client sends neither TLS nor HTTP"));
            }
        };
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            return self.forget_partial();
        }
        self.partial.clear();
        self.partial.extend_from_slice(rest);
        self.account();
    }

    fn forget_partial(&mut self) {
        self.partial = Vec::new();
        self.account();
    }

    fn account(&mut self) {
        let kept = match &self.stage {
            Stage::Tls(connection) => records::kept(connection, self.shaken),
            _ => 0,
        };
        self.charge.set(self.partial.capacity() + self.pending.capacity() + kept);
    }

    /// Sends ciphertext. What the socket does not take is pending.
    fn transmit(&mut self, socket: &mut impl Socket, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = if self.pending.is_empty() { socket.send(bytes)? } else { 0 };
        let rest = bytes.get(sent..).unwrap_or_default();
        if !rest.is_empty() {
            self.pending.reserve_exact(rest.len());
            self.pending.extend_from_slice(rest);
            self.account();
        }
        Ok(())
    }
}
