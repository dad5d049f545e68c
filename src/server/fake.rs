//! A poller and sockets in memory, for tests and fuzzers of the loop: no thread, no descriptor, and a clock that stands
//! still until it is moved.
//!
//! Edge-triggered as epoll(7) is: an event comes when something has changed (bytes or the end of the stream arrive,
//! room appears after a write that found too little), never because it still is so. Like a real socket it says
//! `WouldBlock` only when there is nothing at all, and takes less than offered only when it is full.

mod client;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) use self::client::{Client, Frame, masked};
#[cfg(test)]
pub(crate) use self::wire::Calls;
use self::wire::{FakeSocket, Wire};
use super::handler::Peer;
use super::poller::{Poller, Ready, Token};

/// accept(2): this process has no more descriptors.
const EMFILE: i32 = 24;

/// What the test holds: the clock, the listeners, and what the loop has asked of its poller.
#[derive(Clone)]
pub(crate) struct Network(Rc<RefCell<State>>);

struct State {
    start: Instant,
    clock: Duration,
    style: Style,
    listeners: Vec<Listener>,
    wires: Vec<Wire>,
    injected: Vec<Ready>,
    woken: Arc<AtomicBool>,
    stops: usize,
    /// Sockets that may be open at a time.
    descriptors: usize,
    pick: Box<dyn FnMut(usize) -> usize>,
    per_poll: usize,
    runs: bool,
    polls: usize,
    /// How long a call on a socket takes.
    cost: Duration,
    /// Calls on sockets since the clock was looked at last, and the most there have been.
    calls: Cell<usize>,
    most_calls: Cell<usize>,
}

/// What an event says of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// All that is true of it, whichever change has caused the event.
    Epoll,
    /// The change alone.
    Kqueue,
}

#[derive(Default)]
struct Listener {
    waiting: VecDeque<usize>,
    errors: VecDeque<io::Error>,
    local: bool,
    edge: bool,
}

impl Network {
    /// A network with one listener, whose peers are far away.
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

    pub fn poller(&self) -> FakePoller {
        FakePoller(self.clone())
    }

    /// What wakes the loop.
    pub fn waker(&self) -> Box<dyn Fn() + Send + Sync> {
        let woken = Arc::clone(&self.0.borrow().woken);
        Box::new(move || woken.store(true, Ordering::Relaxed))
    }

    pub fn advance(&self, span: Duration) {
        self.0.borrow_mut().clock += span;
    }

    /// From now on the clock moves by itself: each call on a socket takes so long.
    pub fn cost(&self, span: Duration) {
        self.0.borrow_mut().cost = span;
    }

    /// The most calls on sockets that the loop has made without a look at the clock, since this was asked last.
    pub fn most_calls_without_a_look(&self) -> usize {
        let state = self.0.borrow();
        state.most_calls.take().max(state.calls.take())
    }

    pub fn style(&self, style: Style) {
        self.0.borrow_mut().style = style;
    }

    /// Adds a listener, bound to the loopback; its index.
    pub fn add_local_listener(&self) -> usize {
        let mut state = self.0.borrow_mut();
        state.listeners.push(Listener { local: true, ..Listener::default() });
        state.listeners.len() - 1
    }

    /// Sockets that may be open at a time from now on; one more fails with EMFILE.
    pub fn limit_descriptors(&self, descriptors: usize) {
        self.0.borrow_mut().descriptors = descriptors;
    }

    /// Lets one call of `accept` fail.
    pub fn fail_accept(&self, listener: usize, error: io::Error) {
        self.0.borrow_mut().listeners[listener].errors.push_back(error);
    }

    /// Connections that have not been accepted.
    pub fn waiting(&self, listener: usize) -> usize {
        self.0.borrow().listeners[listener].waiting.len()
    }

    /// Who comes next among so many that are ready: an index below their number. And how many come at a time.
    pub fn order(&self, per_poll: usize, pick: impl FnMut(usize) -> usize + 'static) {
        let mut state = self.0.borrow_mut();
        (state.per_poll, state.pick) = (per_poll, Box::new(pick));
    }

    /// Adds an event to the next ones, whether it is true or not.
    pub fn inject(&self, event: Ready) {
        self.0.borrow_mut().injected.push(event);
    }

    /// Somebody asks for the server's end.
    pub fn request_stop(&self) {
        let mut state = self.0.borrow_mut();
        state.stops += 1;
        state.woken.store(true, Ordering::Relaxed);
    }

    /// From now on a poll that finds no event moves the clock to the end of its wait, and fails if that has no end.
    pub fn run(&self) {
        self.0.borrow_mut().runs = true;
    }

    /// Whether the next poll would find an event.
    pub fn has_events(&self) -> bool {
        let state = self.0.borrow();
        state.woken.load(Ordering::Relaxed)
            || !state.injected.is_empty()
            || state.listeners.iter().any(|listener| listener.edge)
            || state.wires.iter().any(Wire::has_event)
    }

    /// Sockets that the server holds.
    pub fn open_sockets(&self) -> usize {
        self.0.borrow().open_sockets()
    }

    /// A call on a socket.
    fn call<T>(&self, at: usize, f: impl FnOnce(&mut Wire) -> T) -> T {
        let mut state = self.0.borrow_mut();
        let cost = state.cost;
        state.clock += cost;
        *state.calls.get_mut() += 1;
        f(&mut state.wires[at])
    }

    fn wire<T>(&self, at: usize, f: impl FnOnce(&mut Wire) -> T) -> T {
        f(&mut self.0.borrow_mut().wires[at])
    }
}

impl State {
    fn open_sockets(&self) -> usize {
        self.wires.iter().filter(|wire| wire.token.is_some() && wire.dropped.is_none()).count()
    }

    /// Moves what has happened into `ready`.
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
}

enum Source {
    Wake,
    Listener(usize),
    Wire(usize),
}

pub(crate) struct FakePoller(Network);

impl Poller for FakePoller {
    type Socket = FakeSocket;

    fn poll(&mut self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
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
    }

    fn accept(&mut self, listener: usize) -> io::Result<(FakeSocket, Peer)> {
        let mut state = self.0.0.borrow_mut();
        let full = state.descriptors < usize::MAX && state.open_sockets() >= state.descriptors;
        let Some(from) = state.listeners.get_mut(listener) else { return Err(ErrorKind::WouldBlock.into()) };
        if let Some(error) = from.errors.pop_front() {
            return Err(error);
        }
        if full && !from.waiting.is_empty() {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        let Some(at) = from.waiting.pop_front() else { return Err(ErrorKind::WouldBlock.into()) };
        let peer = state.wires[at].peer;
        Ok((FakeSocket { network: self.0.clone(), at }, peer))
    }

    fn register(&mut self, socket: &mut FakeSocket, token: Token) -> io::Result<()> {
        self.0.wire(socket.at, |wire| {
            wire.token = Some(token);
            // There is room for a first write, and that is news.
            wire.released = true;
            wire.arrived = true;
        });
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
}
