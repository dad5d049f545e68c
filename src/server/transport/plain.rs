//! Sockets and readiness of the operating system, over mio: epoll on Linux, kqueue on macOS. No other file names mio.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Waker};
use socket2::SockRef;

use super::{Poller, Ready, Received, Socket, Token};
use crate::server::types::id::Peer;

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;
/// Bytes that the kernel takes beyond those that it has sent (TCP_NOTSENT_LOWAT). A socket accepts bytes again when half of
/// them have left, so a peer that takes 2 KiB a second shows progress every 16 seconds. Without it, the kernel takes megabytes
/// and is silent until a third of them has left.
const UNSENT: u32 = 64 * 1024;

pub(crate) struct MioPoller {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    waker: Arc<Waker>,
    stops: Vec<(UnixStream, Decide)>,
}

/// A stream of which each byte is a request to shut down, if the function says so.
pub(crate) type Stop = (StdUnixStream, Decide);
type Decide = Box<dyn FnMut() -> bool + Send>;

enum Listener {
    Tcp { listener: TcpListener, local: bool },
    Unix(UnixListener),
}

impl MioPoller {
    pub fn new(stops: Vec<Stop>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), pack(Token::Wake))?);
        let mut poller =
            MioPoller { poll, events: Events::with_capacity(EVENTS), listeners: Vec::new(), waker, stops: Vec::new() };
        for (stop, decide) in stops {
            stop.set_nonblocking(true)?;
            let mut stop = UnixStream::from_std(stop);
            poller.poll.registry().register(&mut stop, pack(Token::Wake), Interest::READABLE)?;
            poller.stops.push((stop, decide));
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
        // Accepted sockets inherit both options.
        let socket = SockRef::from(&listener);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
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
    type Socket = PlainSocket;

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

    fn accept(&mut self, listener: usize) -> io::Result<Option<(PlainSocket, Peer)>> {
        let accepted = match self.listeners.get(listener) {
            Some(Listener::Tcp { listener, .. }) => {
                listener.accept().map(|(stream, address)| (PlainSocket(stream), Peer::Tcp(address)))
            }
            Some(Listener::Unix(listener)) => {
                listener.accept().map(|(stream, _)| (PlainSocket::unix(stream), Peer::Unix))
            }
            None => return Ok(None),
        };
        match accepted {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            accepted => accepted.map(Some),
        }
    }

    fn register(&mut self, socket: &mut PlainSocket, token: Token) -> io::Result<()> {
        self.poll.registry().register(&mut socket.0, pack(token), Interest::READABLE | Interest::WRITABLE)
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
        for (stop, decide) in &mut self.stops {
            while let Ok(n @ 1..) = stop.read(&mut bytes) {
                requests += (0..n).filter(|_| decide()).count();
            }
        }
        requests
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A connection's socket: TCP or Unix-domain. The calls below work on any stream socket, so one type holds both.
pub(crate) struct PlainSocket(TcpStream);

impl PlainSocket {
    fn unix(stream: UnixStream) -> Self {
        let stream = StdTcpStream::from(OwnedFd::from(stream));
        PlainSocket(TcpStream::from_std(stream))
    }
}

impl Socket for PlainSocket {
    #[inline]
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        received(buffer.len(), || self.0.read(buffer))
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        accepted(|| self.0.write(bytes))
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // std's `write_vectored` is a bare writev, which raises SIGPIPE in a program that has not switched it off;
        // socket2 sends with MSG_NOSIGNAL, as std's `write` does.
        accepted(|| send_without_signal(SockRef::from(&self.0), slices))
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    fn abort(&mut self) -> io::Result<()> {
        // A Unix-domain socket accepts the option, too, and ignores it.
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO))
    }
}

/// Repeats an interrupted read, and draws the conclusions from how much came.
#[inline]
fn received(room: usize, mut read: impl FnMut() -> io::Result<usize>) -> io::Result<Received> {
    loop {
        return match read() {
            Ok(0) => Ok(Received::END),
            // A short read has emptied the socket (epoll(7)).
            Ok(len) => Ok(Received { len, wire: len, drained: len < room, ended: false }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Received::NOTHING),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// Repeats an interrupted write. A socket that is full accepts 0 bytes.
#[inline]
fn accepted(mut write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        return match write() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result,
        };
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

/// The low half is a slot, or has its top bit set for everything else. The high half is a connection's generation.
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
    use crate::server::shared::table::Table;

    #[test]
    fn an_idle_connection_takes_100_bytes_at_most() {
        // Its slot, the entries beside the slot, its socket, and its place among the members of its mount. A test of the
        // loop shows that it owns nothing on the heap.
        let member = size_of::<u32>();
        // In debug builds mio stores beside each socket which poll it is registered with.
        let noted = if cfg!(debug_assertions) { size_of::<usize>() } else { 0 };
        let bytes = Table::BYTES_PER_SLOT + size_of::<Option<PlainSocket>>() - noted + member;
        assert!(bytes <= 100, "{bytes}");
    }

    #[test]
    fn an_accepted_socket_sends_without_delay_whoever_has_bound_its_listener() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut poller = MioPoller::new(Vec::new()).unwrap();
        poller.listen_tcp(listener).unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let Ok(Some((socket, _))) = poller.accept(0) else { panic!("no connection") };
        assert!(socket.0.nodelay().unwrap());
    }

    #[test]
    fn tokens_survive_packing() {
        let connection = |slot, generation| Token::Connection { slot, generation };
        let most = u32::MAX;
        for token in [connection(0, 0), connection(7, most), connection(LISTENER - 1, most), Token::Listener(0)]
            .into_iter()
            .chain([Token::Listener(9), Token::Wake])
        {
            assert_eq!(unpack(pack(token)), token);
        }
    }

    #[test]
    fn a_unix_domain_socket_is_read_written_shut_and_aborted_like_any_other() {
        let (ours, mut theirs) = StdUnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut socket = PlainSocket::unix(UnixStream::from_std(ours));
        let mut buffer = [0; 8];
        assert_eq!(socket.receive(&mut buffer).unwrap(), Received::NOTHING);
        theirs.write_all(b"12345678").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), Received { len: 8, wire: 8, drained: false, ended: false });
        theirs.write_all(b"9").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), Received { len: 1, wire: 1, drained: true, ended: false });
        assert_eq!(socket.send(b"ab").unwrap(), 2);
        assert_eq!(socket.send_vectored(&[IoSlice::new(b"c"), IoSlice::new(b"d")]).unwrap(), 2);
        socket.shutdown_write().unwrap();
        let mut sent = String::new();
        theirs.read_to_string(&mut sent).unwrap();
        assert_eq!(sent, "abcd");
        socket.abort().unwrap();
        drop(theirs);
        assert_eq!(socket.receive(&mut buffer).unwrap(), Received::END);
    }

    #[test]
    fn interrupted_calls_are_repeated_and_a_full_socket_is_no_error() {
        let calls = |kinds: &'static [ErrorKind], last: usize| {
            let mut kinds = kinds.iter();
            move || kinds.next().map_or(Ok(last), |kind| Err((*kind).into()))
        };
        use ErrorKind::{ConnectionReset, Interrupted, WouldBlock};
        assert_eq!(received(8, calls(&[Interrupted, Interrupted], 3)).unwrap().len, 3);
        assert_eq!(received(8, calls(&[Interrupted, WouldBlock], 3)).unwrap(), Received::NOTHING);
        assert_eq!(accepted(calls(&[Interrupted, Interrupted], 3)).unwrap(), 3);
        assert_eq!(accepted(calls(&[WouldBlock], 3)).unwrap(), 0);
        assert_eq!(received(8, calls(&[ConnectionReset], 3)).unwrap_err().kind(), ConnectionReset);
        assert_eq!(accepted(calls(&[ConnectionReset], 3)).unwrap_err().kind(), ConnectionReset);
    }
}
