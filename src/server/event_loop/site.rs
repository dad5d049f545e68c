//! The site: mounted handlers, routes, and the doors that lead to them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::responses::failed;
use crate::http::{Cidr, OriginPolicy, Request, Resolved, Response, Router};
use crate::server::api::handler::Handler;
use crate::server::shared::Shared;
use crate::server::transport::tls::Tls;
use crate::server::types::config::{Config, ProxyProtocol};
use crate::server::types::id::{ConnectionId, Peer};
use crate::server::types::log_limit::{excerpt, log_limited};
use crate::server::types::stats::Count;

/// A mounted handler and its bookkeeping.
pub(crate) struct Mount {
    pub path: Box<str>,
    pub handler: Box<dyn Handler>,
    pub panics: u32,
}

/// Answers a plain HTTP request with this body.
pub(crate) type Route = Box<dyn FnMut(&Request<'_>, &[u8]) -> Response + Send>;

/// A listener's rules: what is at its paths, and who may come in.
pub(crate) struct Door {
    pub router: Router,
    pub origins: Rc<OriginPolicy>,
    pub trusted_proxies: Vec<Cidr>,
    pub proxy_protocol: ProxyProtocol,
    /// Its connections speak TLS.
    pub tls: Option<Tls>,
    /// The port of `https:` to which it sends all requests on.
    pub redirect: Option<u16>,
    /// Connections that it may have at a time, within the limit of all doors; `None`: as many as all.
    pub max_connections: Option<usize>,
    /// Connections that it has.
    pub connections: usize,
}

/// Everything that is mounted. Doors refer to handlers and routes by index.
pub(crate) struct Site {
    pub mounts: Vec<Mount>,
    pub routes: Vec<Route>,
    pub doors: Vec<Door>,
    /// The door of each listener.
    pub listeners: Vec<u8>,
    /// Why the loop cannot go on: a handler has panicked too often.
    pub fatal: Option<io::Error>,
}

/// The target of a request, found by its path.
pub(super) enum Target {
    Upgrade(u16),
    Handler(u16),
    Route(usize),
    /// No handler and no route answers this request. It gets this response, and the connection may stay.
    Refusal(Response),
    /// The same for an opening handshake or a malformed path: the connection ends.
    End(Response),
}

impl Site {
    pub fn new(mounts: Vec<Mount>, routes: Vec<Route>, doors: Vec<Door>, listeners: Vec<u8>) -> Self {
        Site { mounts, routes, doors, listeners, fatal: None }
    }

    pub(super) fn door(&self, door: u8) -> &Door {
        &self.doors[usize::from(door)]
    }

    #[inline(never)]
    pub(super) fn target(&self, door: u8, request: &Request<'_>) -> Target {
        let nothing = || Target::Refusal(Response::new(404));
        let mount = |mount, target: fn(u16) -> Target| u16::try_from(mount).map_or_else(|_| nothing(), target);
        let router = &self.door(door).router;
        match router.resolve(request) {
            Resolved::Mount(index) => mount(index, Target::Upgrade),
            Resolved::Request(index) => mount(index, Target::Handler),
            Resolved::Route(route) => Target::Route(route),
            refusal => {
                let ends = request.wants_upgrade() || refusal == Resolved::Malformed;
                let target = if ends { Target::End } else { Target::Refusal };
                router.refusal(&refusal).map_or_else(nothing, target)
            }
        }
    }

    pub(super) fn call_route(
        &mut self,
        route: usize,
        request: &Request<'_>,
        content: &[u8],
        shared: &mut Shared,
    ) -> Response {
        let Some(answer) = self.routes.get_mut(route) else { return Response::new(404) };
        catch_unwind(AssertUnwindSafe(|| answer(request, content))).unwrap_or_else(|panic| {
            shared.env.stats.add(Count::Panics);
            let (path, text) = (excerpt(request.path()), excerpt(text_of(&*panic)));
            log_limited!(shared, Panic, "the route {path} has panicked: {text}");
            failed()
        })
    }

    /// A handler has panicked.
    #[inline(never)]
    pub(super) fn on_panic(&mut self, mount: u16, id: ConnectionId, panic: &(dyn Any + Send), shared: &mut Shared) {
        let Some(mount) = self.mounts.get_mut(usize::from(mount)) else { return };
        mount.panics += 1;
        shared.env.stats.add(Count::Panics);
        let (path, panics, text) = (&mount.path, mount.panics, excerpt(text_of(panic)));
        log_limited!(shared, Panic, "{id}: the handler at {path} has panicked ({panics} so far): {text}");
        if panics > shared.env.config.max_panics {
            let why = format!("the handler at {path} has panicked {panics} times, more than Config::max_panics allows");
            self.fatal = Some(io::Error::other(why));
        }
    }

    /// Doors that speak TLS speak it like this with the connections that they accept from now on.
    pub(super) fn set_tls(&mut self, tls: &Tls) {
        for door in self.doors.iter_mut().filter(|door| door.tls.is_some()) {
            door.tls = Some(tls.clone());
        }
    }

    /// A connection is gone: its door has room for another.
    pub(super) fn forget(&mut self, door: u8) {
        self.doors[usize::from(door)].connections -= 1;
    }
}

impl Door {
    /// A door with the rules of the server's configuration.
    pub fn new(router: Router, config: &Config) -> Self {
        Door {
            router,
            origins: Rc::new(config.origins.clone()),
            trusted_proxies: config.trusted_proxies.clone(),
            proxy_protocol: config.proxy_protocol,
            tls: None,
            redirect: None,
            max_connections: None,
            connections: 0,
        }
    }

    /// Whether a peer is a proxy that may speak for others.
    pub(super) fn trusts(&self, peer: Peer) -> bool {
        self.trusted_proxies.iter().any(|range| match peer.ip() {
            Some(address) => range.contains(address),
            None => range.is_unix(),
        })
    }
}

/// The text of a panic.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
