//! The socket of a client, plain or with TLS.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use socket2::SockRef;
use sockhop::rustls::{ClientConnection, HandshakeKind};

use super::PATIENCE;
use super::client::BUFFER;
use crate::process::Server;
use crate::secure::Secure;

thread_local! {
    /// Ciphertext that has come, for all connections.
    static CIPHERTEXT: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

pub struct Stream {
    socket: TcpStream,
    tls: Option<Box<Session>>,
}

struct Session {
    connection: ClientConnection,
    /// Ciphertext that has come and for whose plaintext there was no room.
    held: Vec<u8>,
}

/// The outcome of one receive call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Got {
    pub len: usize,
    /// Nothing is left in the socket.
    pub is_all: bool,
    /// The server's side of the stream has ended.
    pub is_end: bool,
}

impl Stream {
    /// Connects, and blocks until [`set_nonblocking`](Self::set_nonblocking).
    pub fn connect(server: &Server) -> io::Result<Self> {
        let socket = std::net::TcpStream::connect(server.address())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Stream::over(TcpStream::from_std(socket), server)
    }

    /// Starts to connect, and never blocks.
    pub fn begin(server: &Server) -> io::Result<Self> {
        Stream::over(TcpStream::connect(server.address())?, server)
    }

    fn over(socket: TcpStream, server: &Server) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let session = |secure: &Secure| {
            let connection = ClientConnection::new(secure.client.clone(), Secure::name());
            let connection = connection.map_err(io::Error::other)?;
            Ok::<_, io::Error>(Box::new(Session { connection, held: Vec::new() }))
        };
        Ok(Stream { socket, tls: server.secure.as_ref().map(session).transpose()? })
    }

    pub fn set_nonblocking(&self) -> io::Result<()> {
        SockRef::from(&self.socket).set_nonblocking(true)
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        poll.registry().register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Whether the handshake has resumed an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.connection.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// Receives once. With TLS, nothing may come of it even though something has arrived.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        match &mut self.tls {
            None => {
                let len = self.socket.read(buffer)?;
                Ok(Got { len, is_all: len < buffer.len(), is_end: len == 0 })
            }
            Some(tls) => tls.receive(&mut self.socket, buffer),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.receive(buffer)?;
            if got.len > 0 || got.is_end {
                return Ok(got.len);
            }
        }
    }
}

impl Write for Stream {
    /// With TLS, some of what it takes may leave the process only in the next call of this or of `flush`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(bytes) };
        tls.send(&mut self.socket)?;
        if tls.connection.wants_write() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let len = tls.connection.writer().write(bytes)?;
        tls.send(&mut self.socket)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.send(&mut self.socket),
        }
    }
}

impl Session {
    fn receive(&mut self, socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Got> {
        let (mut len, mut is_end) = (0, false);
        self.take(buffer, &mut len, &mut is_end)?;
        if len == buffer.len() || is_end {
            return Ok(Got { len, is_all: false, is_end: is_end && len == 0 });
        }
        if !self.held.is_empty() {
            let held = mem::take(&mut self.held);
            self.decrypt(&held, buffer, &mut len, &mut is_end)?;
            return Ok(Got { len, is_all: false, is_end: is_end && len == 0 });
        }
        let is_all = CIPHERTEXT.with_borrow_mut(|ciphertext| {
            let come = match socket.read(ciphertext) {
                // Plaintext is told first.
                Err(error) if error.kind() == ErrorKind::WouldBlock && len > 0 => return Ok(true),
                come => come?,
            };
            // A server that leaves without close_notify is as good as one that says so: its messages are counted.
            is_end = come == 0;
            self.decrypt(&ciphertext[..come], buffer, &mut len, &mut is_end)?;
            Ok::<_, io::Error>(come < ciphertext.len())
        })?;
        // Answers of the handshake.
        self.send(socket)?;
        Ok(Got { len, is_all: is_all && !is_end && len < buffer.len(), is_end: is_end && len == 0 })
    }

    /// Decrypts until all is decrypted or the buffer is full.
    fn decrypt(&mut self, mut bytes: &[u8], buffer: &mut [u8], len: &mut usize, is_end: &mut bool) -> io::Result<()> {
        while !bytes.is_empty() && *len < buffer.len() {
            if self.connection.read_tls(&mut bytes)? == 0 {
                // Nothing counts behind close_notify.
                return Ok(());
            }
            let state = self.connection.process_new_packets();
            state.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            self.take(buffer, len, is_end)?;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes the plaintext that is there.
    fn take(&mut self, buffer: &mut [u8], len: &mut usize, is_end: &mut bool) -> io::Result<()> {
        while *len < buffer.len() {
            match self.connection.reader().read(&mut buffer[*len..]) {
                Ok(0) => {
                    *is_end = true;
                    return Ok(());
                }
                Ok(n) => *len += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends ciphertext until the socket takes no more.
    fn send(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
