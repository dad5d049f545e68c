//! A server on sockets in memory whose turns are made one by one, and the laws that hold after each of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::app::Record;
pub(crate) use super::app::{App, Call};
use super::buffered::BufferedPoller;
use crate::http::Router;
use crate::server::connection::{Connection, Phase, Reading};
use crate::server::event_loop::site::{Door, Mount, Route, Site};
use crate::server::event_loop::state::{EventLoop, Parts};
use crate::server::transport::layer::CHUNK;
use crate::server::transport::memory::{Client, MakeCodec, Network};
use crate::server::transport::tls::both_ends;

use crate::server::types::env::Env;
use crate::server::{Config, ConnectionId, Handle, Stats};

/// Turns after which a server that should have come to rest has not.
const TURNS: usize = 2000;
/// Bytes that a queue may hold beyond its bounds: frames that are owed by rule.
const CONTROL: usize = 4096;

/// A server under test.
pub(crate) struct Bed {
    pub network: Network,
    pub server: EventLoop<BufferedPoller>,
    pub handle: Handle,
    /// The largest frame that its handlers send, for the bound of queues.
    pub largest: usize,
    /// Makes the TLS of clients, if the server speaks it.
    codec: Option<MakeCodec>,
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
        // The test's listeners share one door.
        let door = Door::new(router, &config);
        let site = Site::new(mounts, routes, vec![door], vec![0]);
        let parts = Parts { config, handle: handle.clone(), stats: Arc::default(), site };
        let server = EventLoop::new(BufferedPoller::new(network.poller()), parts);
        Bed { server, network, handle, largest: 1024 * 1024 + 14, codec: None, record }
    }

    /// From now on, server and clients speak TLS if this build can. The choice is that of the version.
    pub fn secure(&mut self, choice: usize) {
        if let Some((tls, client)) = both_ends(choice) {
            self.server.site.doors[0].tls = Some(tls);
            self.codec = Some(client);
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn env(&self) -> &Env {
        &self.server.lines.shared.env
    }

    pub fn stats(&self) -> &Stats {
        &self.env().stats
    }

    pub fn now(&self) -> Instant {
        self.env().now
    }

    /// Bytes that all connections together hold.
    pub fn memory(&self) -> usize {
        self.env().memory()
    }

    /// Connections at this time.
    pub fn connections(&self) -> usize {
        self.server.lines.shared.table.len()
    }

    /// The connection in a slot, which must be taken.
    pub fn connection(&self, slot: u32) -> &Connection {
        self.server.lines.connection(slot).expect("a connection")
    }

    /// Bytes that the connection in a slot is owed.
    pub fn queued(&self, slot: u32) -> usize {
        self.connection(slot).output.len()
    }

    /// The callbacks that were called since this was asked last.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.record().lines)
    }

    /// The connections that have opened, in that order.
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.record().ids.clone()
    }

    /// One turn, whose laws are not checked.
    pub fn turn_unchecked(&mut self) {
        let timeout = self.server.timeout();
        self.server.turn(timeout).expect("a turn");
    }

    /// One turn, after which all laws must hold.
    pub fn turn(&mut self) {
        self.turn_unchecked();
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

    /// Turns until the server has shut down, or cannot go on.
    pub fn run(&mut self) -> std::io::Result<()> {
        while self.server.step()? {}
        Ok(())
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

    /// A client that has connected to the first listener.
    pub fn client(&self) -> Client {
        let client = self.network.connect(0);
        if let Some(codec) = self.codec {
            client.secure(codec());
        }
        client
    }

    /// A client that has connected to the first listener and sent this.
    pub fn connect(&self, bytes: &str) -> Client {
        let client = self.client();
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
        let shared = &self.server.lines.shared;
        let mut members = 0;
        for (slot, connection) in shared.table.iter() {
            self.check_connection(slot, connection);
            let Some(websocket) = connection.websocket() else { continue };
            let (seat, mount) = (websocket.seat, shared.mounts[usize::from(websocket.mount)].topic);
            let (topic, position) = match seat.home() {
                Some(home) => (home, shared.homes[slot as usize]),
                None => (mount, seat.position()),
            };
            let place = shared.topics.members(topic).get(position as usize);
            assert_eq!(place, Some(&slot), "its place among the members of its mount or home");
            for membership in websocket.extra.iter().flat_map(|extra| &extra.memberships) {
                let place = shared.topics.members(membership.topic).get(membership.position as usize);
                assert_eq!(place, Some(&slot), "its place among a topic's members");
                members += 1;
            }
            members += 1;
        }
        assert_eq!(shared.topics.total_members(), members, "members of topics that have left");
        let sockets = self.server.lines.sockets.iter().flatten().count();
        assert_eq!(sockets, shared.table.len(), "sockets and connections");
        assert_eq!(self.server.site.doors[0].connections, shared.table.len(), "connections of the door");
        shared.table.assert_counts();
        let record = self.record();
        assert_eq!(record.faults, [""; 0], "{:?}", record.lines);
        let open = self.server.lines.open_slots().len();
        if self.server.lines.endings.is_empty() {
            assert_eq!(record.open.values().filter(|open| **open).count(), open, "open() without its close()");
        }
    }

    fn check_connection(&self, slot: u32, connection: &Connection) {
        let config = &self.env().config;
        let Some(socket) = &self.server.lines.sockets[slot as usize] else { panic!("a connection without a socket") };
        let (output, id) = (&connection.output, self.server.lines.shared.table.id(slot));
        let is_owed_an_answer = matches!(&connection.phase, Phase::Entrance(entrance) if entrance.is_owed_an_answer());
        let has_work = connection.websocket().is_some_and(|websocket| websocket.has_work());
        // The loop's assumptions about its sockets hold.
        // Behind the end of TLS, nothing is read.
        let is_ended = connection.reading == Reading::Ended;
        let waits = socket.waits_to_be_read() && !is_ended || has_work;
        let is_held = connection.is_again || output.is_paused() || is_owed_an_answer;
        assert!(!waits || is_held, "{id} has lost a wake-up: {:?}", connection.reading);
        assert!(!output.is_blocked() || socket.will_be_writable(), "{id} counts as blocked, and is not");
        let bound = config.max_queue.max(config.high_water + self.largest) + CONTROL;
        let layer = self.server.lines.layers.get(slot);
        let pending = layer.map_or(0, |layer| layer.pending());
        assert!(pending <= CHUNK + CONTROL, "{id} has {pending} bytes pending");
        assert!(output.len() <= bound + pending, "{id} is owed {} bytes", output.len());
        let is_spare = connection.websocket().is_some_and(|it| it.extra.as_ref().is_some_and(|extra| extra.is_empty()));
        assert!(!is_spare || !self.is_quiet(), "{id} is idle, and holds on to data that it no longer needs");
    }

    /// Nothing of all connections is left.
    pub fn assert_empty(&self) {
        assert!(self.is_quiet());
        assert_eq!(self.connections(), 0, "connections left");
        assert_eq!(self.network.open_sockets(), 0, "sockets left");
        assert_eq!(self.server.lines.shared.topics.total_members(), 0, "members left");
        assert_eq!(self.server.lines.shared.addresses.totals().0, 0, "connections counted for their addresses");
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
