//! The poller over mio: epoll on Linux, kqueue on macOS. The only file that names mio.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener as StdTcpListener};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Waker};
use socket2::SockRef;

use super::handler::Peer;
use super::poller::{Poller, Ready, Socket, Token};

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

pub(crate) struct MioPoller {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    waker: Arc<Waker>,
    /// Streams each byte of which asks for the server's end.
    stops: Vec<UnixStream>,
}

enum Listener {
    Tcp { listener: TcpListener, local: bool },
    Unix(UnixListener),
}

impl MioPoller {
    pub fn new(stops: Vec<StdUnixStream>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), pack(Token::Wake))?);
        let mut poller =
            MioPoller { poll, events: Events::with_capacity(EVENTS), listeners: Vec::new(), waker, stops: Vec::new() };
        for stop in stops {
            stop.set_nonblocking(true)?;
            let mut stop = UnixStream::from_std(stop);
            poller.poll.registry().register(&mut stop, pack(Token::Wake), Interest::READABLE)?;
            poller.stops.push(stop);
        }
        Ok(poller)
    }

    /// Interrupts a poll, from any thread.
    pub fn waker(&self) -> Box<dyn Fn() + Send + Sync> {
        let waker = Arc::clone(&self.waker);
        Box::new(move || {
            if let Err(error) = waker.wake() {
                log::error!("the loop could not be woken: {error}");
            }
        })
    }

    pub fn listen_tcp(&mut self, listener: StdTcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        // Accepted sockets inherit it.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        let local = listener.local_addr()?.ip().to_canonical().is_loopback();
        let mut listener = TcpListener::from_std(listener);
        self.poll.registry().register(&mut listener, self.next_listener(), Interest::READABLE)?;
        self.listeners.push(Listener::Tcp { listener, local });
        Ok(())
    }

    pub fn listen_unix(&mut self, listener: StdUnixListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut listener = UnixListener::from_std(listener);
        self.poll.registry().register(&mut listener, self.next_listener(), Interest::READABLE)?;
        self.listeners.push(Listener::Unix(listener));
        Ok(())
    }

    fn next_listener(&self) -> mio::Token {
        pack(Token::Listener(self.listeners.len()))
    }
}

impl Poller for MioPoller {
    type Socket = MioSocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        ready.extend(self.events.iter().map(|event| Ready {
            token: unpack(event.token()),
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed() || event.is_error(),
        }));
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<(MioSocket, Peer)> {
        match self.listeners.get(listener) {
            Some(Listener::Tcp { listener, .. }) => {
                let (stream, address) = listener.accept()?;
                Ok((MioSocket::Tcp(stream), Peer::Tcp(address)))
            }
            Some(Listener::Unix(listener)) => Ok((MioSocket::Unix(listener.accept()?.0), Peer::Unix)),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn register(&mut self, socket: &mut MioSocket, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match socket {
            MioSocket::Tcp(stream) => self.poll.registry().register(stream, pack(token), interest),
            MioSocket::Unix(stream) => self.poll.registry().register(stream, pack(token), interest),
        }
    }

    fn is_local(&self, listener: usize) -> bool {
        match self.listeners.get(listener) {
            Some(Listener::Tcp { local, .. }) => *local,
            // A proxy may stand in front of it, with clients from anywhere.
            Some(Listener::Unix(_)) => false,
            None => false,
        }
    }

    fn stop_requests(&mut self) -> usize {
        let mut requests = 0;
        let mut bytes = [0; 16];
        for stop in &mut self.stops {
            while let Ok(n @ 1..) = stop.read(&mut bytes) {
                requests += n;
            }
        }
        requests
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A connection's socket.
pub(crate) enum MioSocket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket for MioSocket {
    #[inline]
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            MioSocket::Tcp(stream) => stream.read(buffer),
            MioSocket::Unix(stream) => stream.read(buffer),
        }
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            MioSocket::Tcp(stream) => stream.write(bytes),
            MioSocket::Unix(stream) => stream.write(bytes),
        }
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // std's `write_vectored` is a bare writev, which raises SIGPIPE in a program that has not switched it off;
        // socket2 sends with MSG_NOSIGNAL, as std's `write` does.
        match self {
            MioSocket::Tcp(stream) => send_without_signal(SockRef::from(&*stream), slices),
            MioSocket::Unix(stream) => send_without_signal(SockRef::from(&*stream), slices),
        }
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        match self {
            MioSocket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            MioSocket::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn abort(&mut self) -> io::Result<()> {
        match self {
            MioSocket::Tcp(stream) => SockRef::from(&*stream).set_linger(Some(Duration::ZERO)),
            MioSocket::Unix(_) => Ok(()),
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
fn send_without_signal(socket: SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    // MSG_NOSIGNAL, which socket2 hands through as it is.
    const MSG_NOSIGNAL: i32 = 0x4000;
    socket.send_vectored_with_flags(slices, MSG_NOSIGNAL)
}

#[cfg(target_vendor = "apple")]
fn send_without_signal(socket: SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    // Sockets that std or mio accept have SO_NOSIGPIPE set there.
    socket.send_vectored(slices)
}

/// The low half is a slot, or has its top bit set; the high half is a connection's generation.
fn pack(token: Token) -> mio::Token {
    mio::Token(match token {
        Token::Connection { slot, generation } => (generation as usize) << 32 | slot as usize,
        Token::Listener(index) => LISTENER as usize | index,
        Token::Wake => WAKE as usize,
    })
}

fn unpack(token: mio::Token) -> Token {
    match token.0 as u32 {
        WAKE => Token::Wake,
        listener if listener & LISTENER != 0 => Token::Listener((listener & !LISTENER) as usize),
        slot => Token::Connection { slot, generation: (token.0 >> 32) as u32 },
    }
}

const LISTENER: u32 = 1 << 31;
const WAKE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sessions::Sessions;

    #[test]
    fn an_idle_connection_takes_100_bytes_at_most() {
        // A slot, what lies beside it, its socket, and its place among the members of its mount. That it has nothing on
        // the heap is a test of the loop.
        let member = size_of::<u32>();
        // In debug builds mio notes beside each socket by whom it is polled.
        let noted = if cfg!(debug_assertions) { size_of::<usize>() } else { 0 };
        let bytes = Sessions::BYTES_PER_SLOT + size_of::<Option<MioSocket>>() - noted + member;
        assert!(bytes <= 100, "{bytes}");
    }

    #[test]
    fn what_is_written_to_a_connection_leaves_at_once_whoever_has_bound_its_listener() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut poller = MioPoller::new(Vec::new()).unwrap();
        poller.listen_tcp(listener).unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let Ok((MioSocket::Tcp(stream), _)) = poller.accept(0) else { panic!("no connection") };
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn tokens_come_back_as_they_were() {
        let connection = |slot, generation| Token::Connection { slot, generation };
        let most = u32::MAX;
        for token in [connection(0, 0), connection(7, most), connection(LISTENER - 1, most), Token::Listener(0)]
            .into_iter()
            .chain([Token::Listener(9), Token::Wake])
        {
            assert_eq!(unpack(pack(token)), token);
        }
    }
}
