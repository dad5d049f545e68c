//! Finds the mount or the route for the path of a request.
//!
//! A mount takes WebSockets and plain requests, a route plain requests of one method. Both are numbers that the caller
//! chooses, most likely places in a vector.

use std::collections::BinaryHeap;
use std::fmt;

use super::list::is_token;
use super::{Request, Response, decode_path};

/// Maps paths to mounts and routes.
///
/// Both have a pattern: an exact path such as `/chat`, or one with `/*` at its end, such as `/chat/*`, for this path and
/// all paths below it; `/*` is every path. An exact pattern goes before a wildcard, and a longer wildcard before a
/// shorter one. Where routes and a mount have the same pattern, the routes take the plain requests.
#[derive(Clone, Debug, Default)]
pub struct Router {
    /// Begins with `/` and does not end with it; empty if there is no prefix.
    prefix: String,
    /// Replaces the usual answer for paths without a mount or route.
    not_found: Option<Response>,
    /// By their exact paths.
    mounts: Paths<usize>,
    /// The text before `/*`, and the mount; the longest first.
    wildcards: Vec<(String, usize)>,
    routes: Paths<Methods>,
    /// In the order of `wildcards`.
    wildcard_routes: Vec<(String, Methods)>,
}

/// Paths in their order, each with what is there.
#[derive(Clone, Debug)]
struct Paths<T>(Vec<(String, T)>);

/// The routes of one path.
#[derive(Clone, Debug, Default)]
struct Methods {
    routes: Vec<(String, usize)>,
    /// The value of the header Allow.
    allow: String,
}

/// The result of [`Router::resolve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved<'r> {
    /// The client wants a WebSocket, at a path with this mount.
    Mount(usize),
    /// A plain request of any method, at a path with this mount and without a route.
    Request(usize),
    /// A plain request, at a path with this route for its method.
    Route(usize),
    /// A plain request, at a path with routes for other methods: these, as the header Allow has them. 405.
    MethodNotAllowed(&'r str),
    /// OPTIONS, at a path with routes for other methods: these, as the header Allow has them. 204.
    Options(&'r str),
    /// The path has neither mount nor route; or it has only a route, and a WebSocket is wanted. 404.
    NotFound,
    /// [`decode_path`] refuses the path. 400.
    Malformed,
}

/// Why a mount, a route or a prefix cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterError {
    /// Not a decoded path: it must begin with `/`, and have no query, fragment, escape such as `%20`, control character,
    /// backslash or segment that begins with a dot.
    Path,
    /// A `*` in another place than `/*` at the end.
    Wildcard,
    /// A method that is no token.
    Method,
    /// The same mount pattern, or the same method and route pattern, a second time.
    Twice,
}

impl Router {
    /// Sets a prefix such as `/ws` that public paths have, and that a proxy may or may not remove: a path means the same
    /// with it or without. `/` or an empty text is no prefix.
    ///
    /// # Errors
    ///
    /// [`RouterError::Path`], [`RouterError::Wildcard`].
    pub fn prefix(&mut self, prefix: &str) -> Result<(), RouterError> {
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            check_path(prefix)?;
        }
        prefix.clone_into(&mut self.prefix);
        Ok(())
    }

    /// The same router, its mounts and routes numbered from `mounts` and `routes` on.
    pub(crate) fn shifted(mut self, mounts: usize, routes: usize) -> Self {
        self.mounts.0.iter_mut().for_each(|(_, index)| *index += mounts);
        self.wildcards.iter_mut().for_each(|(_, index)| *index += mounts);
        let methods = self.routes.0.iter_mut().chain(&mut self.wildcard_routes);
        methods.flat_map(|(_, methods)| &mut methods.routes).for_each(|(_, index)| *index += routes);
        self
    }

    /// Sets the answer for paths without a mount or route, to plain requests and to opening handshakes.
    pub fn set_not_found(&mut self, response: Response) {
        self.not_found = Some(response);
    }

    /// Puts the mount `index` at a pattern.
    ///
    /// # Errors
    ///
    /// [`RouterError::Path`], [`RouterError::Wildcard`], [`RouterError::Twice`].
    pub fn add_mount(&mut self, pattern: &str, index: usize) -> Result<(), RouterError> {
        let Some(base) = pattern.strip_suffix("/*") else {
            check_path(pattern)?;
            return self.mounts.add(pattern, index);
        };
        if !base.is_empty() {
            check_path(base)?;
        }
        if self.wildcards.iter().any(|(other, _)| other == base) {
            return Err(RouterError::Twice);
        }
        let place = self.wildcards.partition_point(|(other, _)| other.len() > base.len());
        self.wildcards.insert(place, (base.to_owned(), index));
        Ok(())
    }

    /// Puts the route `index` at a pattern, for one method. A route for GET also answers HEAD, unless HEAD has its own
    /// route there.
    ///
    /// # Errors
    ///
    /// [`RouterError::Path`], [`RouterError::Wildcard`], [`RouterError::Method`], [`RouterError::Twice`].
    pub fn add_route(&mut self, method: &str, pattern: &str, index: usize) -> Result<(), RouterError> {
        if !is_token(method) {
            return Err(RouterError::Method);
        }
        let Some(base) = pattern.strip_suffix("/*") else {
            check_path(pattern)?;
            if let Some(methods) = self.routes.get_mut(pattern) {
                return methods.add(method, index);
            }
            let mut methods = Methods::default();
            methods.add(method, index)?;
            return self.routes.add(pattern, methods);
        };
        if !base.is_empty() {
            check_path(base)?;
        }
        if let Some((_, methods)) = self.wildcard_routes.iter_mut().find(|(other, _)| other == base) {
            return methods.add(method, index);
        }
        let mut methods = Methods::default();
        methods.add(method, index)?;
        let place = self.wildcard_routes.partition_point(|(other, _)| other.len() > base.len());
        self.wildcard_routes.insert(place, (base.to_owned(), methods));
        Ok(())
    }

    /// Finds the mount or route for a request. Its path is decoded once, here.
    #[must_use]
    pub fn resolve(&self, request: &Request<'_>) -> Resolved<'_> {
        let Some(path) = decode_path(request.path()) else { return Resolved::Malformed };
        // The path without the prefix is tried first. If nothing is there, the proxy has already removed the prefix, and
        // the path itself begins like it.
        let trimmed = self.trim_prefix(&path).map(|path| self.resolve_path(path, request));
        match trimmed {
            Some(found) if found != Resolved::NotFound => found,
            _ => self.resolve_path(&path, request),
        }
    }

    /// The answer where there is neither a mount nor a route to give one.
    #[must_use]
    pub fn refusal(&self, found: &Resolved<'_>) -> Option<Response> {
        match (found, &self.not_found) {
            (Resolved::NotFound, Some(response)) => Some(response.clone()),
            _ => found.refusal(),
        }
    }

    /// The patterns of the mounts, in the order of their numbers.
    pub(crate) fn mount_patterns(&self) -> Vec<String> {
        let exact = self.mounts.0.iter().map(|(path, index)| (*index, path.clone()));
        let wildcards = self.wildcards.iter().map(|(base, index)| (*index, format!("{base}/*")));
        // A heap, because it has less code than a sort.
        let all = exact.chain(wildcards).collect::<BinaryHeap<_>>().into_sorted_vec();
        all.into_iter().map(|(_, pattern)| pattern).collect()
    }

    fn resolve_path(&self, path: &str, request: &Request<'_>) -> Resolved<'_> {
        let mount = self.mount_at(path);
        if request.wants_upgrade() {
            return mount.map_or(Resolved::NotFound, Resolved::Mount);
        }
        let method = request.method();
        match (self.routes_at(path), mount) {
            (Some(methods), _) => match methods.route_for(method) {
                Some(route) => Resolved::Route(route),
                None if method == "OPTIONS" => Resolved::Options(&methods.allow),
                None => Resolved::MethodNotAllowed(&methods.allow),
            },
            (None, Some(mount)) => Resolved::Request(mount),
            (None, None) => Resolved::NotFound,
        }
    }

    fn mount_at(&self, path: &str) -> Option<usize> {
        self.mounts.get(path).copied().or_else(|| longest(&self.wildcards, path).map(|(_, index)| *index))
    }

    fn routes_at(&self, path: &str) -> Option<&Methods> {
        if let Some(methods) = self.routes.get(path) {
            return Some(methods);
        }
        let (base, methods) = longest(&self.wildcard_routes, path)?;
        let mount = longest(&self.wildcards, path).map_or(0, |(base, _)| base.len());
        (self.mounts.get(path).is_none() && mount <= base.len()).then_some(methods)
    }

    fn trim_prefix<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.prefix.is_empty() {
            return None;
        }
        match path.strip_prefix(&self.prefix)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }
}

impl<T> Paths<T> {
    fn get(&self, path: &str) -> Option<&T> {
        self.0.get(self.find(path).ok()?).map(|(_, there)| there)
    }

    fn get_mut(&mut self, path: &str) -> Option<&mut T> {
        let place = self.find(path).ok()?;
        self.0.get_mut(place).map(|(_, there)| there)
    }

    fn add(&mut self, path: &str, there: T) -> Result<(), RouterError> {
        let Err(place) = self.find(path) else { return Err(RouterError::Twice) };
        self.0.insert(place, (path.to_owned(), there));
        Ok(())
    }

    /// The place of a path, or the one where it belongs.
    fn find(&self, path: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(path))
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Paths(Vec::new())
    }
}

impl Methods {
    fn add(&mut self, method: &str, index: usize) -> Result<(), RouterError> {
        if self.routes.iter().any(|(other, _)| other == method) {
            return Err(RouterError::Twice);
        }
        self.routes.push((method.to_owned(), index));
        let mut allow: Vec<&str> = self.routes.iter().map(|(method, _)| method.as_str()).collect();
        if let Some(get) = allow.iter().position(|it| *it == "GET").filter(|_| !allow.contains(&"HEAD")) {
            allow.insert(get + 1, "HEAD");
        }
        self.allow = allow.join(", ");
        Ok(())
    }

    /// RFC 9110 9.3.2: a route for GET also answers HEAD.
    fn route_for(&self, method: &str) -> Option<usize> {
        let find = |wanted: &str| self.routes.iter().find(|(method, _)| method == wanted).map(|(_, index)| *index);
        find(method).or_else(|| if method == "HEAD" { find("GET") } else { None })
    }
}

impl Resolved<'_> {
    /// The usual answer where there is neither a mount nor a route to give one.
    #[must_use]
    pub fn refusal(&self) -> Option<Response> {
        match *self {
            Resolved::Mount(_) | Resolved::Request(_) | Resolved::Route(_) => None,
            Resolved::MethodNotAllowed(allow) => {
                let advice = "This path does not take this method. The header Allow lists the methods that it takes.\n";
                Some(Response::text(405, advice).header("Allow", allow.to_owned()))
            }
            // RFC 9110 9.3.7 OPTIONS: the methods of the path. Health checks of proxies ask so.
            Resolved::Options(allow) => Some(Response::new(204).header("Allow", allow.to_owned())),
            Resolved::NotFound => Some(Response::text(404, "There is nothing at this path. Check the URL.\n")),
            Resolved::Malformed => Some(Response::text(400, "The path is not valid. Check its escapes and dots.\n")),
        }
    }
}

impl fmt::Display for RouterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => {
                "a path begins with / and has no ?, #, escape such as %20, backslash, control character or segment that \
                begins with a dot"
            }
            Self::Wildcard => "a wildcard may only be the /* at the end of a path",
            Self::Method => "a method is a word such as GET",
            Self::Twice => "path used twice",
        })
    }
}

impl std::error::Error for RouterError {}

/// The longest of these wildcards that matches a path. The longest are first.
fn longest<'w, T>(wildcards: &'w [(String, T)], path: &str) -> Option<&'w (String, T)> {
    let is_at_or_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    wildcards.iter().find(|(base, _)| path.strip_prefix(base.as_str()).is_some_and(is_at_or_below))
}

/// A pattern must look like a decoded path, or no request would ever match it.
fn check_path(path: &str) -> Result<(), RouterError> {
    if path.contains('*') {
        return Err(RouterError::Wildcard);
    }
    // No request has these in its path, and an escape is meant to be read as one.
    if path.contains(['?', '#']) || decode_path(path).is_some_and(|decoded| decoded != path) {
        return Err(RouterError::Path);
    }
    // Any other percent sign is one.
    decode_path(&path.replace('%', "%25")).map(|_| ()).ok_or(RouterError::Path)
}

#[cfg(test)]
mod tests;
