//! A poller and sockets in memory: no thread, no descriptor, and a clock that stands still until it is moved. The other
//! ends are [`Client`]s.
//!
//! Edge-triggered as epoll(7) is: an event comes when something has changed (bytes or the end of the stream arrive, room
//! appears after a write that found too little), never because it still is so. Like a real socket it accepts less than
//! offered only when it is full.

mod wire;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[cfg(any(test, fuzzing))]
pub(crate) use self::wire::Calls;
#[cfg(any(test, fuzzing))]
pub(crate) use self::wire::{Codec, MakeCodec};
pub(crate) use self::wire::{Reset, Style, Wire};
use super::{Poller, Ready, Received, Socket, Token};
use crate::server::types::id::Peer;

/// accept(2): this process has no more descriptors.
const EMFILE: i32 = 24;
/// The time of day at which the clock begins: the RFC's example, Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 5.6.7).
const CLOCK_START: Duration = Duration::from_secs(784_111_777);

/// The clock, the listeners, and all connections.
#[derive(Clone)]
pub(crate) struct Network(pub Rc<RefCell<State>>);

pub(crate) struct State {
    pub start: Instant,
    pub clock: Duration,
    pub style: Style,
    pub listeners: Vec<Listener>,
    pub wires: Vec<Wire>,
    /// Events to report whether they are true or not.
    pub injected: Vec<Ready>,
    pub woken: Arc<AtomicBool>,
    /// Requests to shut down.
    pub stops: usize,
    /// Sockets that may be open at a time.
    pub descriptors: usize,
    /// Chooses the next event among so many, and how many one poll reports.
    pub pick: Box<dyn FnMut(usize) -> usize>,
    pub per_poll: usize,
    /// Whether a poll without an event moves the clock to the end of its wait.
    pub runs: bool,
    pub polls: usize,
    /// How long a call on a socket takes.
    pub cost: Duration,
    /// Calls on sockets since the clock was read last, and the most there have been.
    pub calls: Cell<usize>,
    pub most_calls: Cell<usize>,
}

#[derive(Default)]
pub(crate) struct Listener {
    pub waiting: VecDeque<usize>,
    pub errors: VecDeque<io::Error>,
    pub local: bool,
    /// Whether its next event is due.
    pub edge: bool,
}

/// A client's end of a connection. It stays connected when this is dropped.
pub(crate) struct Client {
    pub network: Network,
    pub at: usize,
    /// Bytes from the server that have not been looked at.
    pub inbox: Vec<u8>,
}

impl Network {
    /// A network with one listener, which is not bound to the loopback.
    pub fn new() -> Self {
        Network(Rc::new(RefCell::new(State {
            start: Instant::now(),
            clock: Duration::ZERO,
            style: Style::Epoll,
            listeners: vec![Listener::default()],
            wires: Vec::new(),
            injected: Vec::new(),
            woken: Arc::default(),
            stops: 0,
            descriptors: usize::MAX,
            pick: Box::new(|_| 0),
            per_poll: usize::MAX,
            runs: false,
            polls: 0,
            cost: Duration::ZERO,
            calls: Cell::new(0),
            most_calls: Cell::new(0),
        })))
    }

    /// Binds the first listener to the loopback.
    pub fn set_local(&self) {
        if let Some(listener) = self.0.borrow_mut().listeners.first_mut() {
            listener.local = true;
        }
    }

    pub fn poller(&self) -> MemoryPoller {
        MemoryPoller(self.clone())
    }

    /// Wakes the loop when it is called.
    pub fn waker(&self) -> Box<dyn Fn() + Send + Sync> {
        let woken = Arc::clone(&self.0.borrow().woken);
        Box::new(move || woken.store(true, Ordering::Relaxed))
    }

    pub fn now(&self) -> Instant {
        let state = self.0.borrow();
        state.start + state.clock
    }

    pub fn advance(&self, span: Duration) {
        self.0.borrow_mut().clock += span;
    }

    /// A client connects to a listener, which has yet to accept it.
    pub fn connect_as(&self, listener: usize, peer: Peer) -> Client {
        let mut state = self.0.borrow_mut();
        let at = state.wires.len();
        state.wires.push(Wire::new(peer));
        state.listeners[listener].waiting.push_back(at);
        state.listeners[listener].edge = true;
        Client { network: self.clone(), at, inbox: Vec::new() }
    }

    /// Whether the next poll would find an event.
    pub fn has_events(&self) -> bool {
        let state = self.0.borrow();
        state.woken.load(Ordering::Relaxed)
            || !state.injected.is_empty()
            || state.listeners.iter().any(|listener| listener.edge)
            || state.wires.iter().any(Wire::has_event)
    }

    /// A call on a socket, which takes its time.
    fn call<T>(&self, at: usize, act: impl FnOnce(&mut Wire) -> T) -> T {
        let mut state = self.0.borrow_mut();
        let cost = state.cost;
        state.clock += cost;
        *state.calls.get_mut() += 1;
        act(&mut state.wires[at])
    }

    pub fn wire<T>(&self, at: usize, act: impl FnOnce(&mut Wire) -> T) -> T {
        act(&mut self.0.borrow_mut().wires[at])
    }
}

impl Client {
    /// Sends bytes as they are. After the end of the connection, they are lost.
    pub fn write(&self, bytes: &[u8]) {
        self.network.wire(self.at, |wire| wire.write(bytes));
    }

    /// Ends its side of the stream (FIN).
    pub fn finish(&self) {
        self.network.wire(self.at, Wire::finish);
    }

    /// From now on the server's socket takes so many bytes, and then no more.
    pub fn limit(&self, room: usize) {
        self.network.wire(self.at, |wire| {
            wire.room = room;
            if room > 0 && std::mem::take(&mut wire.full) {
                wire.released = true;
            }
        });
    }

    /// The bytes that the server has sent and that were not taken out.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        let new = self.network.wire(self.at, |wire| std::mem::take(&mut wire.outbound));
        self.inbox.extend(new);
        &mut self.inbox
    }
}

impl State {
    pub fn open_sockets(&self) -> usize {
        self.wires.iter().filter(|wire| wire.token.is_some() && wire.dropped.is_none()).count()
    }

    /// Reports what has happened since the last call.
    fn take_events(&mut self, ready: &mut Vec<Ready>) {
        let mut sources: Vec<Source> = Vec::new();
        if self.woken.load(Ordering::Relaxed) {
            sources.push(Source::Wake);
        }
        sources.extend((0..self.listeners.len()).filter(|at| self.listeners[*at].edge).map(Source::Listener));
        sources.extend((0..self.wires.len()).filter(|at| self.wires[*at].has_event()).map(Source::Wire));
        while !sources.is_empty() && ready.len() < self.per_poll {
            let at = (self.pick)(sources.len()).min(sources.len() - 1);
            let event = self.take_event(sources.remove(at));
            ready.push(event);
        }
        ready.append(&mut self.injected);
    }

    fn take_event(&mut self, source: Source) -> Ready {
        let about = |token| Ready { token, readable: true, writable: false, read_closed: false };
        match source {
            Source::Wake => {
                self.woken.store(false, Ordering::Relaxed);
                about(Token::Wake)
            }
            Source::Listener(at) => {
                self.listeners[at].edge = false;
                about(Token::Listener(at))
            }
            Source::Wire(at) => self.wires[at].take_event(self.style),
        }
    }

    fn accept(&mut self, listener: usize) -> io::Result<Option<usize>> {
        let full = self.descriptors < usize::MAX && self.open_sockets() >= self.descriptors;
        let Some(from) = self.listeners.get_mut(listener) else { return Ok(None) };
        if let Some(error) = from.errors.pop_front() {
            return Err(error);
        }
        if full && !from.waiting.is_empty() {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        Ok(from.waiting.pop_front())
    }
}

enum Source {
    Wake,
    Listener(usize),
    Wire(usize),
}

/// Stands for a system call. `benches/instructions` knows it by this name, and leaves it out.
#[inline(never)]
fn system_call<T>(act: impl FnOnce() -> T) -> T {
    act()
}

/// The server's end of a wire.
pub(crate) struct MemorySocket {
    pub network: Network,
    pub at: usize,
}

impl Socket for MemorySocket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        system_call(|| self.network.call(self.at, |wire| wire.receive(buffer)))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        system_call(|| self.network.call(self.at, |wire| wire.send(&[IoSlice::new(bytes)])))
    }

    fn send_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        system_call(|| self.network.call(self.at, |wire| wire.send(slices)))
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

impl Drop for MemorySocket {
    fn drop(&mut self) {
        self.network.wire(self.at, |wire| {
            wire.dropped = Some(wire.inbound.len());
            wire.token = None;
        });
    }
}

pub(crate) struct MemoryPoller(Network);

impl Poller for MemoryPoller {
    type Socket = MemorySocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        system_call(|| {
            let mut state = self.0.0.borrow_mut();
            state.polls += 1;
            state.take_events(ready);
            if ready.is_empty() && state.runs {
                match timeout {
                    Some(span) => state.clock += span,
                    None => return Err(io::Error::other("asleep for ever")),
                }
                assert!(state.polls < 100_000, "never at rest");
            }
            Ok(())
        })
    }

    fn accept(&mut self, listener: usize) -> io::Result<Option<(MemorySocket, Peer)>> {
        system_call(|| {
            let mut state = self.0.0.borrow_mut();
            let Some(at) = state.accept(listener)? else { return Ok(None) };
            let peer = state.wires[at].peer;
            Ok(Some((MemorySocket { network: self.0.clone(), at }, peer)))
        })
    }

    fn register(&mut self, socket: &mut MemorySocket, token: Token) -> io::Result<()> {
        self.0.wire(socket.at, |wire| wire.register(token));
        Ok(())
    }

    fn is_local(&self, listener: usize) -> bool {
        self.0.0.borrow().listeners.get(listener).is_some_and(|listener| listener.local)
    }

    fn stop_requests(&mut self) -> usize {
        std::mem::take(&mut self.0.0.borrow_mut().stops)
    }

    fn now(&self) -> Instant {
        let state = self.0.0.borrow();
        state.most_calls.set(state.most_calls.get().max(state.calls.take()));
        state.start + state.clock
    }

    fn unix_time(&self) -> Duration {
        CLOCK_START + self.0.0.borrow().clock
    }
}
