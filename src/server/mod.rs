//! The server: one thread and one loop for all connections, and the application's side of it.
//!
//! Build and run a [`Server`], implement [`Handler`], act by [`Context`], or from other threads by [`Handle`]. Limits are in
//! [`Config`], and [`testing`] tests an application without a server.
//!
//! The server logs by the [`log`] crate: warnings and errors that an operator can act on, a shutdown that has to wait at
//! level info (target `sockhop::shutdown`), connections at level debug (target `sockhop::server`). A line about a limit
//! names the field of [`Config`] that sets it. Of each kind of line at most ten are written in a second; further ones are
//! counted, and the count is written. To see them, install a logger such as `env_logger`.

// For those who work on it: the folders, each of which imports only from those before it.
//
// | folder | holds |
// |---|---|
// | `types/` | identities, errors, configuration, counters, log limits |
// | `transport/` | listeners, readiness and sockets: over mio, and in memory |
// | `connection/` | one connection as one value |
// | `shared/` | what connections share: table, topics, posts, outbox, timers |
// | `api/` | the application's side: handler, context, handle |
// | `event_loop/` | which connection is served when |
// | `lab/` | beds, models and entry points for tests and fuzzers |

mod api;
mod connection;
mod event_loop;
#[cfg(any(test, fuzzing))]
#[cfg_attr(fuzzing, allow(dead_code))] // The tests need more of it.
mod lab;
mod shared;
pub mod testing;
mod transport;
mod types;

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use self::api::context::Context;
pub use self::api::handle::{Handle, Rejected};
pub use self::api::handler::{Accept, Answer, CloseReason, Handler};
pub use self::event_loop::door::Door;
pub use self::transport::listen::{Listen, ListenAddr};
#[cfg(all(feature = "cli", not(feature = "tls")))]
pub(crate) use self::transport::tls::Tls;
#[cfg(feature = "tls")]
pub use self::transport::tls::{Tls, rustls};
pub use self::types::config::{Config, Deflate, ProxyProtocol, Shutdown, Slow};
pub use self::types::error::ConnectionError;
pub use self::types::id::{ConnectionId, Deferred, Peer, TimerId};
pub use self::types::payload::Payload;
pub use self::types::stats::{Count, Stats};
pub use self::types::tls::{Certificate, TlsClients, TlsError, TlsFiles, TlsPair, TlsVersion};

use self::event_loop::door::{Paths, Rules};
use self::event_loop::site::{Door as OpenDoor, Site};
use self::event_loop::state::{EventLoop, Parts};
use self::transport::listen::{Listener, SocketFile};
use self::transport::plain::{MioPoller, Stop};
use crate::http::{Request, Response, Router};
use crate::protocol::DEFLATE_AVAILABLE;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::lab::fuzzing;

/// A WebSocket server: bind it, mount handlers at paths, run it.
///
/// ```no_run
/// use sockhop::{Context, Handler, Message, Server};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
///         ctx.send(message);
///     }
/// }
///
/// fn main() -> std::io::Result<()> {
///     Server::bind("127.0.0.1:8080")?.mount("/echo", Echo).run()
/// }
/// ```
pub struct Server {
    config: Config,
    /// Bound listeners, and the index of each one's door.
    listeners: Vec<(Listener, u8)>,
    /// A router is a door's own, if it has one.
    doors: Vec<(Rules, Option<Router>)>,
    paths: Paths,
    handle: Handle,
    stats: Arc<Stats>,
    stops: Vec<Stop>,
}

/// A server that has started, for programs with a loop of their own: it serves when [`step`](Running::step) is called.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let mut server = sockhop::Server::bind("127.0.0.1:8080")?.start()?;
/// while server.step(Some(std::time::Duration::from_millis(10)))? {
///     // other work
/// }
/// # Ok(())
/// # }
/// ```
pub struct Running {
    event_loop: Box<EventLoop<MioPoller>>,
    /// Socket files, which are removed when this is dropped.
    _files: Vec<SocketFile>,
}

impl Server {
    /// A server with limits and timeouts of your own, which does not [`listen`](Self::listen) yet.
    ///
    /// # Errors
    /// [`Config::path_prefix`] is no path, a limit fits nothing (0 messages) or can never be reached (a message larger than
    /// all memory), [`Config::proxy_protocol`] is required but no proxy is trusted, or
    /// [`Config::deflate`] is set in a build without the feature `deflate`.
    pub fn new(config: Config) -> io::Result<Self> {
        let invalid = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        let mut paths = Paths::default();
        if let Err(error) = paths.router.prefix(&config.path_prefix) {
            return invalid(format!("Config::path_prefix {:?}: {error}", config.path_prefix));
        }
        if let Err(error) = config.check() {
            return invalid(error);
        }
        if config.proxy_protocol == ProxyProtocol::Required && config.trusted_proxies.is_empty() {
            return invalid("Config::proxy_protocol is required, but Config::trusted_proxies names no proxy".into());
        }
        if config.deflate.is_some() && !DEFLATE_AVAILABLE {
            return invalid("Config::deflate needs the feature deflate, which this build lacks".into());
        }
        Ok(Server {
            config,
            listeners: Vec::new(),
            doors: Vec::new(),
            paths,
            handle: Handle::new(),
            stats: Arc::default(),
            stops: Vec::new(),
        })
    }

    /// A server with the default limits, which listens at this address; see [`Listen`] for its forms. Clients can connect
    /// from now on, and are answered when the server runs.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub fn bind(address: impl Into<Listen>) -> io::Result<Self> {
        Self::new(Config::default())?.listen(Door::new(address))
    }

    /// Binds one more listener, or several for a name with several addresses. A [`Door`] gives it rules of its own.
    ///
    /// # Errors
    /// The address is in use or does not exist; the error names it. The door requires the PROXY protocol, but trusts no proxy,
    /// or is to speak TLS at a Unix-domain socket. Or there are 255 doors already.
    pub fn listen(mut self, door: impl Into<Door>) -> io::Result<Self> {
        let Door { listen, paths, rules } = door.into();
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let index = u8::try_from(self.doors.len()).ok().filter(|index| *index < u8::MAX);
        let index = index.ok_or_else(|| invalid("a server has at most 255 doors"))?;
        let trusted = rules.trusted_proxies.as_ref().unwrap_or(&self.config.trusted_proxies);
        let proxy_protocol = rules.proxy_protocol.unwrap_or(self.config.proxy_protocol);
        if proxy_protocol == ProxyProtocol::Required && trusted.is_empty() {
            return Err(invalid("a door requires the PROXY protocol, but trusts no proxy"));
        }
        let listeners = Listener::bind(listen)?;
        if rules.tls.is_some() && listeners.iter().any(|listener| matches!(listener, Listener::Unix(..))) {
            return Err(invalid("a Unix-domain socket speaks no TLS: its clients are on this machine"));
        }
        self.listeners.extend(listeners.into_iter().map(|listener| (listener, index)));
        let own = self.paths.adopt(paths);
        self.doors.push((rules, own));
        Ok(self)
    }

    /// Serves WebSockets and plain requests at a path with a handler: `/chat` is that path alone, `/rooms/*` that path and
    /// all below it, `/*` all paths. The most exact mount counts.
    ///
    /// # Panics
    /// The path does not begin with `/`, or something is mounted there already.
    #[track_caller]
    pub fn mount<H: Handler>(mut self, path: &str, handler: H) -> Self {
        self.paths.mount(path, handler);
        self
    }

    /// Answers plain HTTP requests with a method: `/about` for that path alone, `/files/*` for that path and all below it,
    /// `/*` for all paths without a more exact route. `GET` answers HEAD, too. The closure gets the request and its body, of
    /// at most [`Config::max_body`] bytes. A route goes before a mount at the same path, unless the client asks for a
    /// WebSocket.
    ///
    /// # Panics
    /// The path does not begin with `/`, or is taken for this method.
    #[track_caller]
    pub fn route<F>(mut self, method: &str, path: &str, answer: F) -> Self
    where
        F: FnMut(&Request<'_>, &[u8]) -> Response + Send + 'static,
    {
        self.paths.route(method, path, Box::new(answer));
        self
    }

    /// Sets the answer to requests for paths where nothing is, plain or for a WebSocket. Default: 404.
    pub fn not_found(mut self, response: Response) -> Self {
        self.paths.router.set_not_found(response);
        self
    }

    /// Shuts the server down when a byte can be read from `stream`, as [`Handle::shutdown`] does with
    /// [`Config::shutdown`]. A second byte ends it at once. Made for signals, which can write to a pipe but take no lock.
    ///
    /// ```no_run
    /// # use sockhop::{Handler, Server};
    /// # struct App;
    /// # impl Handler for App {}
    /// # fn main() -> std::io::Result<()> {
    /// use signal_hook::consts::{SIGINT, SIGTERM};
    ///
    /// let (stops, signals) = std::os::unix::net::UnixStream::pair()?;
    /// signal_hook::low_level::pipe::register(SIGTERM, signals.try_clone()?)?;
    /// signal_hook::low_level::pipe::register(SIGINT, signals)?;
    /// Server::bind("127.0.0.1:8080")?.mount("/app", App).shutdown_on(stops).run()
    /// # }
    /// ```
    pub fn shutdown_on(self, stream: UnixStream) -> Self {
        self.shutdown_when(stream, || true)
    }

    /// The same, but each byte counts only if `decide` returns true. It is called between two turns of the loop, so it must
    /// not wait: for signals that may have another meaning, such as SIGHUP.
    pub fn shutdown_when(mut self, stream: UnixStream, decide: impl FnMut() -> bool + Send + 'static) -> Self {
        self.stops.push((stream, Box::new(decide)));
        self
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The server's counters, which can be read while it runs.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// The addresses that the server listens on until it runs, in the order in which they were given, with real ports. A name
    /// has one entry for each of its addresses.
    pub fn local_addrs(&self) -> Vec<ListenAddr> {
        self.listeners.iter().filter_map(|(listener, _)| listener.local_addr().ok()).collect()
    }

    /// Serves until the server is shut down.
    ///
    /// # Errors
    /// The operating system gives no events, or a handler has panicked more often than [`Config::max_panics`] allows. All
    /// connections have ended then, as after a shutdown.
    pub fn run(self) -> io::Result<()> {
        let mut running = self.start()?;
        while running.step(None)? {}
        Ok(())
    }

    /// Starts a server that serves when [`Running::step`] is called.
    ///
    /// # Errors
    /// The operating system gives no events.
    pub fn start(mut self) -> io::Result<Running> {
        let mut poller = MioPoller::new(std::mem::take(&mut self.stops))?;
        let (mut files, mut listeners) = (Vec::new(), Vec::new());
        for (listener, door) in self.listeners.drain(..) {
            listeners.push(door);
            match listener {
                Listener::Tcp(listener) => poller.listen_tcp(listener)?,
                Listener::Unix(listener, file) => {
                    files.push(file);
                    poller.listen_unix(listener)?;
                }
            }
        }
        let doors = self.doors.drain(..).map(|(rules, own)| {
            let config = &self.config;
            let mut router = own.unwrap_or_else(|| self.paths.router.clone());
            // The prefix was checked when the configuration was given.
            let _ = router.prefix(&config.path_prefix);
            let door = OpenDoor::new(router, config);
            OpenDoor {
                origins: rules.origins.map_or(door.origins, Rc::new),
                trusted_proxies: rules.trusted_proxies.unwrap_or(door.trusted_proxies),
                proxy_protocol: rules.proxy_protocol.unwrap_or(door.proxy_protocol),
                max_connections: rules.max_connections,
                tls: rules.tls,
                redirect: rules.redirect,
                ..door
            }
        });
        let doors = doors.collect();
        self.handle.on_wake(poller.waker());
        let Paths { mounts, routes, .. } = std::mem::take(&mut self.paths);
        let site = Site::new(mounts, routes, doors, listeners);
        let (config, handle, stats) = (self.config.clone(), self.handle.clone(), Arc::clone(&self.stats));
        let event_loop = EventLoop::new(poller, Parts { config, handle, stats, site });
        Ok(Running { event_loop: Box::new(event_loop), _files: files })
    }
}

impl Running {
    /// One turn of the loop: waits for events at most for `timeout`, or with `None` until there is something to do, and
    /// serves them. Returns whether the server goes on; `false` after a shutdown.
    ///
    /// # Errors
    /// As [`Server::run`]. After an error, or `false`, the server is at its end.
    pub fn step(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        self.event_loop.step_within(timeout)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

/// A server can be moved to the thread that runs it.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Server>();
};

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounts: Vec<_> = self.paths.mounts.iter().map(|mount| &mount.path).collect();
        f.debug_struct("Server").field("listen", &self.local_addrs()).field("mounts", &mounts).finish_non_exhaustive()
    }
}
