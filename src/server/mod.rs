//! The server: one thread and one loop for all connections, and what an application sees of it.
//!
//! Build and run a [`Server`], implement [`Handler`], act by [`Context`], or from other threads by [`Handle`]; limits are
//! in [`Config`], and [`testing`] tests an application without a server.
//!
//! It logs by the [`log`] crate: what an operator can act on as warnings and errors, a shutdown that has to wait at level
//! info (target `sockhop::shutdown`), connections at level debug (target `sockhop::server`). Of each kind of line at most
//! ten are written in a second; the others are counted, and the count is written. A program that wants to see them installs
//! a logger, such as `env_logger`.

// For those who work on it:
//
// | what | where |
// |---|---|
// | building and running a server | `Server`, here; `listen.rs` |
// | limits and timeouts | [`Config`], `config.rs` |
// | what an application implements | [`Handler`], `handler.rs` |
// | what it can do | [`Context`], `context.rs`; from other threads [`Handle`], `handle.rs` |
// | how it is tested without a server | [`testing`] |
// | the loop | `event_loop/`, over `poller.rs`: `mio_poller.rs` |
// | what the loop and contexts share | `core.rs`: `sessions.rs`, `session.rs`, `outbox.rs`, `topics.rs`, `timers.rs` |
// | bytes owed to a peer | `write_queue.rs` |
// | compressing what is sent | `compression.rs` |
// | connections of each client address | `addresses.rs` |
// | how much is logged | `log_limit.rs` |

mod addresses;
mod compression;
mod config;
mod context;
mod core;
mod event_loop;
#[cfg(any(test, fuzzing))]
#[cfg_attr(fuzzing, allow(dead_code))] // The tests need more of it.
mod fake;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod handler;
mod listen;
mod log_limit;
mod mio_poller;
mod outbox;
mod payload;
mod poller;
mod pool;
mod session;
mod sessions;
mod shared_bytes;
mod stats;
pub mod testing;
mod timers;
mod topics;
mod write_queue;

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

pub use self::compression::Deflate;
pub use self::config::{Config, ProxyProtocol, Slow};
pub use self::context::Context;
pub use self::handle::{Drain, Handle, Rejected, Ticket};
pub use self::handler::{Accept, CloseReason, ConnectionId, Error, Handler, Peer};
pub use self::listen::{Listen, ListenAddr};
pub use self::payload::Payload;
pub use self::stats::{Count, Stats};
pub use self::timers::TimerId;

use self::event_loop::{EventLoop, Mount, Parts, Route};
use self::listen::Listener;
use self::mio_poller::MioPoller;
use crate::http::{Request, Response, Router};

/// A WebSocket server: bind it, mount handlers on paths, run it.
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
    listeners: Vec<Listener>,
    config: Config,
    mounts: Vec<Mount>,
    routes: Vec<Route>,
    router: Router,
    handle: Handle,
    stats: Arc<Stats>,
    stops: Vec<UnixStream>,
}

impl Server {
    /// Binds the first listener; see [`Listen`] for the forms of an address. Clients can connect from now on, and are
    /// answered when the server runs.
    ///
    /// # Errors
    /// The address is in use, or none; the error names it.
    pub fn bind(address: impl Into<Listen>) -> io::Result<Self> {
        let server = Server {
            listeners: Vec::new(),
            config: Config::default(),
            mounts: Vec::new(),
            routes: Vec::new(),
            router: Router::default(),
            handle: Handle::new(),
            stats: Arc::default(),
            stops: Vec::new(),
        };
        server.listen(address)
    }

    /// Binds one more listener, or several for a name with several addresses.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn listen(mut self, address: impl Into<Listen>) -> io::Result<Self> {
        self.listeners.extend(Listener::bind(address.into())?);
        Ok(self)
    }

    /// Serves WebSockets at a path with a handler: `/chat` is that path alone, `/rooms/*` all below it and itself,
    /// `/*` all paths. The most exact mount counts.
    ///
    /// # Panics
    /// The path does not begin with `/`, or something is mounted there already.
    #[track_caller]
    pub fn mount<H: Handler>(mut self, path: &str, handler: H) -> Self {
        if let Err(error) = self.router.add_mount(path, self.mounts.len()) {
            panic!("mount({path:?}): {error}");
        }
        self.mounts.push(Mount { path: path.into(), handler: Box::new(handler), panics: 0 });
        self
    }

    /// Answers plain HTTP requests with a method: `/about` for that path alone, `/files/*` for all below it and itself,
    /// `/*` for all paths that nothing more exact is at. `GET` answers HEAD too. Mounts only see requests that ask for
    /// an upgrade.
    ///
    /// # Panics
    /// The path does not begin with `/`, or is taken for this method.
    #[track_caller]
    pub fn route<F>(mut self, method: &str, path: &str, answer: F) -> Self
    where
        F: FnMut(&Request<'_>) -> Response + Send + 'static,
    {
        if let Err(error) = self.router.add_route(method, path, self.routes.len()) {
            panic!("route({method:?}, {path:?}): {error}");
        }
        self.routes.push(Box::new(answer));
        self
    }

    /// Sets the answer to requests for paths where nothing is, be they plain or for a WebSocket. Without it: 404.
    pub fn not_found(mut self, response: Response) -> Self {
        self.router.set_not_found(response);
        self
    }

    /// Sets limits and timeouts.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Shuts the server down when a byte can be read from `stream`, as [`Handle::shutdown`] does with
    /// [`Config::drain`]; at a second byte it ends at once. Made for signals, which can write to a pipe but take no lock.
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
    pub fn shutdown_on(mut self, stream: UnixStream) -> Self {
        self.stops.push(stream);
        self
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Its counters, which can be read while it runs.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// The addresses that it listens on, in the order in which they were given, with real ports: of a name all that it has.
    pub fn local_addrs(&self) -> Vec<ListenAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until it is shut down.
    ///
    /// # Errors
    /// The operating system gives no events, [`Config::path_prefix`] is no path, [`Config::proxy_protocol`] is required
    /// of nobody, or a handler has panicked more often than [`Config::max_panics`] allows. All connections have ended then, as after a shutdown.
    pub fn run(mut self) -> io::Result<()> {
        self.router.prefix(&self.config.path_prefix).map_err(|error| {
            let prefix = &self.config.path_prefix;
            io::Error::new(io::ErrorKind::InvalidInput, format!("path prefix {prefix:?}: {error}"))
        })?;
        if self.config.proxy_protocol == ProxyProtocol::Required && self.config.trusted_proxies.is_empty() {
            let what = "the PROXY protocol is required, but no proxy is trusted";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let mut poller = MioPoller::new(self.stops)?;
        // Socket files are removed when this function is left.
        let mut files = Vec::new();
        for listener in self.listeners {
            match listener {
                Listener::Tcp(listener) => poller.listen_tcp(listener)?,
                Listener::Unix(listener, file) => {
                    files.push(file);
                    poller.listen_unix(listener)?;
                }
            }
        }
        self.handle.on_wake(poller.waker());
        let parts = Parts {
            config: self.config,
            handle: self.handle,
            stats: self.stats,
            mounts: self.mounts,
            routes: self.routes,
            router: self.router,
        };
        EventLoop::new(poller, parts).run()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounts: Vec<_> = self.mounts.iter().map(|mount| &mount.path).collect();
        f.debug_struct("Server").field("listen", &self.local_addrs()).field("mounts", &mounts).finish_non_exhaustive()
    }
}
