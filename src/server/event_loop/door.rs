//! Doors: listeners with rules of their own.

use super::site::{Mount, Route};
use crate::http::{Cidr, OriginPolicy, Request, Response, Router};
use crate::server::api::handler::Handler;
use crate::server::transport::listen::Listen;
use crate::server::transport::tls::Tls;
use crate::server::types::config::ProxyProtocol;

/// A listener with rules of its own: other paths, other origins, other limits than the rest of the server.
///
/// Everything that is not set is as the server has it. A door that has a mount or a route of its own has only these: it is
/// the way to an admin listener that the public one does not know.
///
/// ```no_run
/// use sockhop::http::Response;
/// use sockhop::{Door, Server};
/// # struct Chat;
/// # impl sockhop::Handler for Chat {}
///
/// fn main() -> std::io::Result<()> {
///     let server = Server::bind("0.0.0.0:8080")?.mount("/chat", Chat);
///     let stats = server.stats();
///     let admin = Door::new("127.0.0.1:9090").max_connections(10).route("GET", "/opened", move |_, _| {
///         Response::text(200, format!("{}\n", stats.get(sockhop::Count::Opened)))
///     });
///     server.listen(admin)?.run()
/// }
/// ```
pub struct Door {
    pub(crate) listen: Listen,
    pub(crate) paths: Paths,
    pub(crate) rules: Rules,
}

/// The rules of a door; `None`: as the server's configuration has it.
#[derive(Default)]
pub(crate) struct Rules {
    pub origins: Option<OriginPolicy>,
    pub trusted_proxies: Option<Vec<Cidr>>,
    pub proxy_protocol: Option<ProxyProtocol>,
    pub max_connections: Option<usize>,
    pub tls: Option<Tls>,
    pub redirect: Option<u16>,
}

/// Handlers and routes, and the router that finds them by their index.
#[derive(Default)]
pub(crate) struct Paths {
    pub mounts: Vec<Mount>,
    pub routes: Vec<Route>,
    pub router: Router,
}

impl Paths {
    #[track_caller]
    pub fn mount(&mut self, path: &str, handler: impl Handler) {
        if let Err(error) = self.router.add_mount(path, self.mounts.len()) {
            panic!("mount({path:?}): {error}");
        }
        self.mounts.push(Mount { path: path.into(), handler: Box::new(handler), panics: 0 });
    }

    #[track_caller]
    pub fn route(&mut self, method: &str, path: &str, answer: Route) {
        if let Err(error) = self.router.add_route(method, path, self.routes.len()) {
            panic!("route({method:?}, {path:?}): {error}");
        }
        self.routes.push(answer);
    }

    /// Takes the handlers and routes of others. Returns the router for them, if there are any.
    pub fn adopt(&mut self, others: Paths) -> Option<Router> {
        if others.mounts.is_empty() && others.routes.is_empty() {
            return None;
        }
        let router = others.router.shifted(self.mounts.len(), self.routes.len());
        self.mounts.extend(others.mounts);
        self.routes.extend(others.routes);
        Some(router)
    }
}

impl<T: Into<Listen>> From<T> for Door {
    fn from(address: T) -> Self {
        Door::new(address)
    }
}

impl Door {
    /// A door at an address; see [`Listen`] for its forms.
    pub fn new(address: impl Into<Listen>) -> Self {
        Door { listen: address.into(), paths: Paths::default(), rules: Rules::default() }
    }

    /// Serves WebSockets and plain requests at a path of this door alone, as [`Server::mount`](crate::Server::mount) does.
    ///
    /// # Panics
    /// The path does not begin with `/`, or something is mounted there already.
    #[track_caller]
    pub fn mount<H: Handler>(mut self, path: &str, handler: H) -> Self {
        self.paths.mount(path, handler);
        self
    }

    /// Answers plain requests at a path of this door alone, as [`Server::route`](crate::Server::route) does.
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

    /// The web pages that may connect here, in place of [`Config::origins`](crate::Config::origins).
    pub fn origins(mut self, origins: OriginPolicy) -> Self {
        self.rules.origins = Some(origins);
        self
    }

    /// The proxies that are believed here, in place of [`Config::trusted_proxies`](crate::Config::trusted_proxies).
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = Cidr>) -> Self {
        self.rules.trusted_proxies = Some(proxies.into_iter().collect());
        self
    }

    /// Whether these proxies use the PROXY protocol, in place of [`Config::proxy_protocol`](crate::Config::proxy_protocol).
    pub fn proxy_protocol(mut self, proxy_protocol: ProxyProtocol) -> Self {
        self.rules.proxy_protocol = Some(proxy_protocol);
        self
    }

    /// Speaks TLS here: `wss:` and `https:`. A client that sends a plain request gets 308 to `https:`, or 400 for an opening
    /// handshake. Not for a Unix-domain socket.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.rules.tls = Some(tls);
        self
    }

    /// Sends all plain requests on to `https:` at this port of the same host, with 308; 400 is for opening handshakes, which
    /// no browser would repeat elsewhere, and for methods other than GET and HEAD. Nothing that is mounted is served here.
    ///
    /// ```no_run
    /// use sockhop::{Door, Server};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::bind("0.0.0.0:443")?.listen(Door::new("0.0.0.0:80").redirect_to_https(443))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect_to_https(mut self, port: u16) -> Self {
        self.rules.redirect = Some(port);
        self
    }

    /// Connections at a time through this door, within [`Config::max_connections`](crate::Config::max_connections). A client
    /// beyond these gets 503 for an opening handshake. Default: as many as the server may have.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.rules.max_connections = Some(connections);
        self
    }
}
