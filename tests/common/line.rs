//! A client's end of a connection: a socket, plain or with TLS over it. It reads, writes and ends as a `TcpStream` does, and
//! has its settings.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use sockhop::{Config, Door, Handler, Server};

use super::{Client, TestServer, handshake, raw};

/// How clients speak to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Plain,
    #[cfg(feature = "tls")]
    Tls,
}

impl Way {
    /// A server with limits of its own that speaks this way, at a free port.
    pub fn bind_with(self, config: Config) -> Server {
        let door = Door::new("127.0.0.1:0");
        let door = match self {
            Way::Plain => door,
            #[cfg(feature = "tls")]
            Way::Tls => door.tls(super::tls::tls()),
        };
        Server::new(config).and_then(|server| server.listen(door)).expect("a free port")
    }

    pub fn run(self, server: Server) -> TestServer {
        let mut server = TestServer::run(server);
        server.way = self;
        server
    }

    /// Serves one handler at `/`, with the default limits.
    pub fn serve(self, handler: impl Handler) -> TestServer {
        self.run(self.bind_with(Config::default()).mount("/", handler))
    }

    /// The beginning of what a client says.
    pub fn beginning(self) -> Vec<u8> {
        match self {
            Way::Plain => b"GET / HTTP/1.1\r\n".to_vec(),
            #[cfg(feature = "tls")]
            Way::Tls => super::tls::hello(),
        }
    }
}

/// A server's address, and how clients speak to it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub addr: SocketAddr,
    pub way: Way,
}

impl From<SocketAddr> for Place {
    fn from(addr: SocketAddr) -> Self {
        Place { addr, way: Way::Plain }
    }
}

impl Place {
    /// A connection that has not said anything but for its TLS, if it has some.
    pub fn line(self) -> Line {
        self.line_of_records(usize::MAX)
    }

    /// The same, where each record of TLS has at most so many bytes of the application.
    #[cfg_attr(not(feature = "tls"), allow(unused_variables))]
    pub fn line_of_records(self, record: usize) -> Line {
        let socket = super::tcp(self.addr);
        match self.way {
            Way::Plain => socket.into(),
            #[cfg(feature = "tls")]
            Way::Tls => super::tls::Session::line(socket, record),
        }
    }

    /// Opens a WebSocket.
    pub fn open(self, path: &str) -> Line {
        let mut line = self.line();
        raw::greet(&mut line, path);
        line
    }

    /// Opens a WebSocket by tungstenite.
    pub fn connect(self, path: &str) -> Client<Line> {
        handshake(self.line(), format!("ws://localhost{path}")).expect("the handshake succeeds").0
    }
}

/// TLS at the client's end. Its handshake is complete.
pub trait Codec: Send {
    /// Bytes of the application become records.
    fn encrypt(&mut self, plain: &[u8]) -> Vec<u8>;

    /// Records become bytes of the application, behind those in `plain`. Returns whether the server has said that no more
    /// follow.
    fn decrypt(&mut self, records: &[u8], plain: &mut Vec<u8>) -> io::Result<bool>;

    /// Says that no more follow.
    fn close(&mut self) -> Vec<u8>;
}

/// The client's end.
pub struct Line {
    socket: TcpStream,
    tls: Option<Arc<Mutex<Tls>>>,
    /// Records that the socket has yet to take.
    unsent: Vec<u8>,
}

struct Tls {
    codec: Box<dyn Codec>,
    /// Received, and not read.
    plain: Vec<u8>,
    is_ended: bool,
}

impl From<TcpStream> for Line {
    fn from(socket: TcpStream) -> Self {
        Line { socket, tls: None, unsent: Vec::new() }
    }
}

impl Line {
    pub fn over(socket: TcpStream, codec: Box<dyn Codec>) -> Self {
        let tls = Tls { codec, plain: Vec::new(), is_ended: false };
        Line { socket, tls: Some(Arc::new(Mutex::new(tls))), unsent: Vec::new() }
    }

    /// Another value for the same end: one may read while the other writes.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Line { socket: self.socket.try_clone()?, tls: self.tls.clone(), unsent: Vec::new() })
    }

    /// Ends the stream. TLS says so first, unless a part of a record has not been sent.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if let (Some(tls), Shutdown::Write, []) = (&self.tls, how, self.unsent.as_slice()) {
            (&self.socket).write_all(&lock(tls).codec.close())?;
        }
        self.socket.shutdown(how)
    }
}

/// Its settings.
impl Deref for Line {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.socket
    }
}

/// The stream must end with a word of TLS, so that nothing can have been cut off.
impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.socket.read(buffer) };
        loop {
            let mut now = lock(tls);
            if !now.plain.is_empty() || now.is_ended {
                let len = now.plain.len().min(buffer.len());
                buffer[..len].copy_from_slice(&now.plain[..len]);
                now.plain.drain(..len);
                return Ok(len);
            }
            // Another value may write meanwhile.
            drop(now);
            let mut records = [0; 16 * 1024];
            let len = self.socket.read(&mut records)?;
            if len == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let Tls { codec, plain, is_ended } = &mut *lock(tls);
            *is_ended = codec.decrypt(&records[..len], plain)?;
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.socket.write(bytes) };
        while !self.unsent.is_empty() {
            let sent = self.socket.write(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        let part = &bytes[..bytes.len().min(64 * 1024)];
        self.unsent = lock(tls).codec.encrypt(part);
        // What the socket does not take now is sent first by the next call.
        match self.flush() {
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(error),
            _ => Ok(part.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.socket.write(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        Ok(())
    }
}

fn lock(tls: &Mutex<Tls>) -> MutexGuard<'_, Tls> {
    tls.lock().expect("no panic while it was held")
}
