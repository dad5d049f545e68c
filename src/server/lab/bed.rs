//! A server on fake sockets whose turns are made one by one, and the laws that hold after each of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{EventLoop, Mount, Parts, Route};
use crate::http::{Request, Router};
use crate::protocol::Message;
use crate::server::fake::{Client, FakePoller, Network};
use crate::server::session::{Flags, Phase, Session};
use crate::server::{Accept, CloseReason, Config, ConnectionId, Context, Error, Handle, Handler, TimerId};

/// Turns after which a server that should have come to rest has not.
const TURNS: usize = 2000;
/// What a queue may hold beyond its bounds: frames that are owed by rule.
const CONTROL: usize = 4096;

/// A callback of a handler.
pub(crate) enum Call<'a> {
    Open,
    Message(Message<'a>),
    Drain,
    Timer(TimerId),
    Error,
    Close,
}

type Hook = Box<dyn FnMut(&mut Context<'_>, Call<'_>) + Send>;
type AcceptHook = Box<dyn FnMut(&mut Context<'_>, &Request<'_>) -> Accept + Send>;

/// A handler that keeps a record and leaves the rest to closures.
pub(crate) struct App {
    hook: Hook,
    accept: AcceptHook,
    record: Arc<Mutex<Record>>,
}

/// What has been called, as lines such as `open #0.0`.
#[derive(Default)]
pub(crate) struct Record {
    lines: Vec<String>,
    ids: Vec<ConnectionId>,
    open: HashMap<ConnectionId, bool>,
    faults: Vec<String>,
}

impl App {
    pub fn new(hook: impl FnMut(&mut Context<'_>, Call<'_>) + Send + 'static) -> Self {
        App { hook: Box::new(hook), accept: Box::new(|_, _| Accept::yes()), record: Arc::default() }
    }

    /// Decides about opening handshakes.
    pub fn accepting(mut self, hook: impl FnMut(&mut Context<'_>, &Request<'_>) -> Accept + Send + 'static) -> Self {
        self.accept = Box::new(hook);
        self
    }

    /// Sends every message back.
    pub fn echo() -> Self {
        Self::new(|ctx, call| {
            if let Call::Message(message) = call {
                ctx.send(message);
            }
        })
    }

    /// Sends every message to all.
    pub fn broadcast() -> Self {
        Self::new(|ctx, call| {
            if let Call::Message(message) = call {
                ctx.broadcast(message);
            }
        })
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a callback on a connection that has to be open, unless it is a timer's.
    fn note(&self, what: &str, id: ConnectionId) {
        let mut record = self.record();
        record.lines.push(format!("{what} {id}"));
        if record.open.get(&id) != Some(&true) && !what.starts_with("timer") {
            record.faults.push(format!("{what} {id}, which is not open"));
        }
    }
}

impl Handler for App {
    fn accept(&mut self, request: &Request<'_>, ctx: &mut Context<'_>) -> Accept {
        (self.accept)(ctx, request)
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let id = ctx.id();
        let mut record = self.record();
        record.ids.push(id);
        if record.open.insert(id, true).is_some() {
            record.faults.push(format!("a second open {id}"));
        }
        drop(record);
        self.note("open", id);
        (self.hook)(ctx, Call::Open);
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        self.note("message", ctx.id());
        (self.hook)(ctx, Call::Message(message));
    }

    fn drain(&mut self, ctx: &mut Context<'_>) {
        self.note("drain", ctx.id());
        (self.hook)(ctx, Call::Drain);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        self.note("timer", ctx.id());
        (self.hook)(ctx, Call::Timer(timer));
    }

    fn error(&mut self, ctx: &mut Context<'_>, error: &Error) {
        self.note(&format!("error {error}"), ctx.id());
        (self.hook)(ctx, Call::Error);
    }

    fn close(&mut self, ctx: &mut Context<'_>, reason: CloseReason<'_>) {
        let id = ctx.id();
        let why = match reason {
            CloseReason::Peer(_) => "peer",
            CloseReason::Local(_) => "local",
            CloseReason::Lost => "lost",
            CloseReason::Failed(_) => "failed",
            CloseReason::Shutdown => "shutdown",
        };
        self.note(&format!("close {why} {}", reason.code().0), id);
        self.record().open.insert(id, false);
        (self.hook)(ctx, Call::Close);
    }
}

/// A server under test.
pub(crate) struct Bed {
    pub network: Network,
    pub server: EventLoop<FakePoller>,
    pub handle: Handle,
    /// The largest frame that its handlers send, for the bound of queues.
    pub largest: usize,
    record: Arc<Mutex<Record>>,
}

impl Bed {
    /// One handler, at all paths, with the default limits.
    pub fn new(app: App) -> Self {
        Self::with(Config::default(), app)
    }

    pub fn with(config: Config, app: App) -> Self {
        Self::of(config, vec![("/*", app)], Vec::new())
    }

    /// Handlers at paths, which share one record, and answers to plain requests for paths.
    pub fn of(config: Config, apps: Vec<(&str, App)>, answers: Vec<(&str, Route)>) -> Self {
        let network = Network::new();
        let (mut router, record) = (Router::default(), Arc::<Mutex<Record>>::default());
        router.prefix(&config.path_prefix).expect("a prefix");
        let (mut mounts, mut routes) = (Vec::new(), Vec::new());
        for (path, mut app) in apps {
            router.add_mount(path, mounts.len()).expect("a free path");
            app.record = Arc::clone(&record);
            mounts.push(Mount { path: path.into(), handler: Box::new(app), panics: 0 });
        }
        for (path, answer) in answers {
            router.add_route("GET", path, routes.len()).expect("a free path");
            routes.push(answer);
        }
        let handle = Handle::new();
        handle.on_wake(network.waker());
        let stats = Arc::default();
        let parts = Parts { config, handle: handle.clone(), stats, mounts, routes, router };
        Bed { server: EventLoop::new(network.poller(), parts), network, handle, largest: 1024 * 1024 + 14, record }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been called since this was asked last.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.record().lines)
    }

    /// The connections that have opened, in that order.
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.record().ids.clone()
    }

    /// One turn, after which all laws must hold.
    pub fn turn(&mut self) {
        self.server.turn().expect("a turn");
        self.check();
    }

    /// Whether nothing is left to do until something happens.
    pub fn is_quiet(&self) -> bool {
        !self.network.has_events() && self.server.timeout() != Some(Duration::ZERO)
    }

    /// Turns until nothing is left to do, which must be soon. Returns how many turns it took.
    pub fn settle(&mut self) -> usize {
        for turns in 0..TURNS {
            if self.is_quiet() {
                return turns;
            }
            self.turn();
        }
        panic!("still busy after {TURNS} turns");
    }

    /// Lets time pass as the loop would notice it: it wakes when it has asked for it. Returns how often it did.
    pub fn pass(&mut self, span: Duration) -> usize {
        let mut left = span;
        let mut turns = self.settle();
        while !left.is_zero() {
            let step = self.server.timeout().map_or(left, |timeout| timeout.min(left));
            self.network.advance(step);
            left -= step;
            self.turn();
            turns += 1 + self.settle();
        }
        turns
    }

    /// A client that has connected to the first listener and sent this.
    pub fn connect(&self, bytes: &str) -> Client {
        let client = self.network.connect(0);
        client.write(bytes.as_bytes());
        client
    }

    /// A client with an open WebSocket at `/`.
    pub fn open(&mut self) -> Client {
        self.open_at("/")
    }

    pub fn open_at(&mut self, path: &str) -> Client {
        let mut client = self.connect(&request(path));
        self.settle();
        let response = client.response().expect("a response");
        assert!(response.starts_with("HTTP/1.1 101"), "{response}");
        client
    }

    pub fn open_many(&mut self, n: usize) -> Vec<Client> {
        (0..n).map(|_| self.open()).collect()
    }

    /// The laws of a loop between two turns.
    pub fn check(&mut self) {
        self.server.assert_laws();
        let server = &self.server;
        let core = &server.core;
        let mut members = 0;
        for slot in core.sessions.taken() {
            let session = &core.sessions[slot];
            self.check_session(slot, session);
            if session.phase == Phase::Open {
                let of_mount = core.topics.members(core.mount_topics[usize::from(session.mount)]);
                assert_eq!(of_mount.get(session.member as usize), Some(&slot), "its place among the mount's members");
                for membership in session.rare.iter().flat_map(|rare| &rare.memberships) {
                    let place = core.topics.members(membership.topic).get(membership.position as usize);
                    assert_eq!(place, Some(&slot), "its place among a topic's members");
                    members += 1;
                }
                members += 1;
            }
        }
        assert_eq!(core.topics.total_members(), members, "members of topics who have left");
        assert_eq!(server.sockets.iter().flatten().count(), core.sessions.len(), "sockets and connections");
        let record = self.record();
        assert_eq!(record.faults, [""; 0], "{:?}", record.lines);
        let open = core.sessions.taken().filter(|slot| core.sessions[*slot].phase == Phase::Open).count();
        if server.endings.is_empty() {
            assert_eq!(record.open.values().filter(|open| **open).count(), open, "open() without its close()");
        }
    }

    fn check_session(&self, slot: u32, session: &Session) {
        let server = &self.server;
        let config = &server.core.config;
        let Some(socket) = &server.sockets[slot as usize] else { panic!("a connection without a socket") };
        let (flags, owed, id) = (session.flags, session.queued(), session.id(slot));
        // What the loop takes for granted of its sockets is so.
        let is_inflating = session.connection.as_ref().is_some_and(|connection| connection.is_paused());
        let waits = socket.waits_to_be_read() || session.has_backlog() || is_inflating;
        let is_held = flags.has(Flags::AGAIN) || flags.has(Flags::PAUSED) || session.phase == Phase::Waiting;
        assert!(!waits || is_held, "{id} has lost a wake-up: {:?} {flags:?}", session.phase);
        assert!(!flags.has(Flags::BLOCKED) || socket.will_be_writable(), "{id} counts as blocked, and is not");
        let Some(rare) = &session.rare else { return };
        let bound = config.max_queue.max(config.high_water + self.largest) + CONTROL;
        assert!(owed <= bound, "{id} is owed {owed} bytes");
        assert!(!rare.is_empty() || !self.is_quiet(), "{id} is idle, and holds on to what it no longer needs");
    }

    /// Nothing of all those who have been here is left.
    pub fn assert_empty(&self) {
        assert!(self.is_quiet());
        let core = &self.server.core;
        assert_eq!(core.sessions.len(), 0, "connections left");
        assert_eq!(self.network.open_sockets(), 0, "sockets left");
        assert_eq!(core.topics.total_members(), 0, "members left");
        assert_eq!(self.server.addresses.totals().0, 0, "connections counted for their addresses");
        self.assert_all_closed();
    }

    pub fn assert_all_closed(&self) {
        assert!(self.record().open.values().all(|open| !open), "open() without its close()");
    }
}

/// The head of an opening handshake.
pub(crate) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}
