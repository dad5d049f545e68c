//! Listeners: TCP over IPv4 and IPv6, and Unix-domain sockets.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 1024;
/// Permissions of a Unix-domain socket, unless `?mode=` gives others.
const MODE: u32 = 0o600;

/// An address to listen on, not yet looked at.
///
/// - `HOST:PORT`, with a name or an IPv4 address, or `[::1]:PORT`, or with a zone `[fe80::1%eth0]:PORT`. Port 0: any that is
///   free. `[::]:PORT` takes IPv4 too.
///   A name that has several addresses, as `localhost` often has, stands for all of them that can be had, with one port;
///   which cannot is logged.
/// - `unix:/path`, a Unix-domain socket of mode 0600, or with another as `unix:/path?mode=0660`; a path has no `?` itself. A socket file that
///   nobody answers at is replaced; any other file is an error. It is removed when the server ends.
/// - A [`TcpListener`] that is bound already.
#[derive(Debug)]
pub struct Listen(Inner);

#[derive(Debug)]
enum Inner {
    Text(String),
    Tcp(TcpListener),
}

impl From<&str> for Listen {
    fn from(address: &str) -> Self {
        Listen(Inner::Text(address.to_owned()))
    }
}

impl From<String> for Listen {
    fn from(address: String) -> Self {
        Listen(Inner::Text(address))
    }
}

impl From<&String> for Listen {
    fn from(address: &String) -> Self {
        Listen(Inner::Text(address.clone()))
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Listen(Inner::Text(address.to_string()))
    }
}

impl From<TcpListener> for Listen {
    fn from(listener: TcpListener) -> Self {
        Listen(Inner::Tcp(listener))
    }
}

/// An address that a server listens on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ListenAddr {
    /// A TCP address, with its real port.
    Tcp(SocketAddr),
    /// The path of a Unix-domain socket.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddr {
    /// As [`Listen`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddr::Tcp(address) => address.fmt(f),
            ListenAddr::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A bound listener.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl Listener {
    /// One, or more for a name with several addresses.
    pub fn bind(listen: Listen) -> io::Result<Vec<Self>> {
        let address = match listen.0 {
            Inner::Tcp(listener) => return Ok(vec![Listener::Tcp(listener)]),
            Inner::Text(address) => address,
        };
        let listeners = match address.strip_prefix("unix:") {
            Some(path) => bind_unix(path).map(|listener| vec![listener]),
            None => bind_tcp(&address),
        };
        listeners.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
    }

    pub fn local_addr(&self) -> io::Result<ListenAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(ListenAddr::Tcp),
            Listener::Unix(_, file) => Ok(ListenAddr::Unix(file.path.clone())),
        }
    }
}

/// The file of a Unix-domain socket, which goes with this value, unless another has taken its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode, by which it is known again.
    identity: (u64, u64),
}

impl SocketFile {
    /// The socket at a path.
    fn at(path: &Path) -> io::Result<Self> {
        Ok(SocketFile { path: path.to_owned(), identity: identity(path)? })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is not a socket"));
    }
    Ok((metadata.dev(), metadata.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match identity(&self.path) {
            Ok(now) if now == self.identity => fs::remove_file(&self.path),
            // It has gone already, or what is there is somebody else's.
            _ => return,
        };
        if let Err(error) = removed {
            log::warn!("the socket {} could not be removed: {error}", self.path.display());
        }
    }
}

fn bind_tcp(address: &str) -> io::Result<Vec<Listener>> {
    bind_all(resolve(address)?)
}

fn resolve(address: &str) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    // std looks an address with a zone up with its brackets on, which finds nothing.
    let zoned = address.strip_prefix('[').and_then(|rest| rest.split_once("]:")).filter(|(host, _)| host.contains('%'));
    let found = match zoned.map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(port))) => (host, port).to_socket_addrs(),
        _ => address.to_socket_addrs(),
    };
    let zone = zoned.and_then(|(host, _)| host.split_once('%'));
    let zone = zone.filter(|(ip, _)| ip.parse().is_ok_and(|ip: Ipv6Addr| ip.is_unicast_link_local()));
    found.map_err(|error| match (error.kind(), zone) {
        (_, Some((_, name))) => io::Error::new(ErrorKind::NotFound, format!("no network interface is named {name}")),
        (ErrorKind::InvalidInput, None) => {
            io::Error::new(ErrorKind::InvalidInput, "write HOST:PORT, [::1]:PORT or unix:/path")
        }
        (_, None) => error,
    })
}

/// Binds all that can be bound, to one port.
fn bind_all(candidates: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<Listener>> {
    let (mut listeners, mut failures, mut tried) = (Vec::new(), Vec::new(), Vec::new());
    for mut candidate in candidates {
        // A name may be listed twice.
        if tried.contains(&candidate) {
            continue;
        }
        tried.push(candidate);
        // The others must have the port that the first one was given.
        if let Some(Listener::Tcp(first)) = listeners.first() {
            candidate.set_port(first.local_addr()?.port());
        }
        match listen_tcp(candidate) {
            Ok(listener) => listeners.push(Listener::Tcp(listener)),
            Err(error) => failures.push((candidate, error)),
        }
    }
    if listeners.is_empty() {
        let none = || io::Error::new(ErrorKind::InvalidInput, "the name has no address");
        return Err(failures.pop().map_or_else(none, |(_, error)| error));
    }
    for (address, error) in failures {
        log::warn!("{address}, another address of that name, is not listened on: {error}");
    }
    Ok(listeners)
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again must not wait until the last one's connections are forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(spec: &str) -> io::Result<Listener> {
    let invalid = |text: &str| io::Error::new(ErrorKind::InvalidInput, text.to_owned());
    let (path, mode) = match spec.split_once('?') {
        None => (spec, MODE),
        Some((path, query)) => match query.strip_prefix("mode=").map(|mode| u32::from_str_radix(mode, 8)) {
            Some(Ok(mode)) if mode <= 0o777 => (path, mode),
            Some(_) => return Err(invalid("the mode must be octal, such as ?mode=0660")),
            None => return Err(invalid("only a mode may follow the path, such as ?mode=0660")),
        },
    };
    if path.is_empty() {
        return Err(invalid("write unix:/path"));
    }
    let path = Path::new(path);
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?).map_err(|error| match (error.kind(), path.parent()) {
        (ErrorKind::NotFound, Some(folder)) => {
            io::Error::new(ErrorKind::NotFound, format!("there is no folder {}", folder.display()))
        }
        _ => error,
    })?;
    let file = SocketFile::at(path)?;
    // Nobody can connect before it listens, so nobody is let in whom the mode keeps out.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    Ok(Listener::Unix(OwnedFd::from(socket).into(), file))
}

/// Removes a socket file that nobody answers at; leaves any other file alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match identity(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another server answers there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(address: &str) -> String {
        match Listener::bind(address.into()) {
            Ok(_) => panic!("{address} was bound"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_in_use_is_named() {
        let first = Listener::bind("127.0.0.1:0".into()).unwrap();
        let address = first[0].local_addr().unwrap().to_string();
        assert!(error_of(&address).starts_with(&format!("cannot listen on {address}: ")));
    }

    #[test]
    fn all_addresses_of_a_name_that_can_be_had_are_bound_to_one_port() {
        let [here, nowhere]: [SocketAddr; 2] = ["127.0.0.1:0", "192.0.2.1:0"].map(|it| it.parse().unwrap());
        let mut candidates = vec![nowhere, here, here];
        if let Ok(taken) = TcpListener::bind("[::1]:0") {
            candidates.push(SocketAddr::new(taken.local_addr().unwrap().ip(), 0));
        }
        let bound = bind_all(candidates.iter().copied()).unwrap();
        let bound: Vec<_> = bound.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let addresses: Vec<_> = bound
            .iter()
            .map(|address| match address {
                ListenAddr::Tcp(address) => *address,
                ListenAddr::Unix(path) => panic!("{path:?}"),
            })
            .collect();
        let expected = candidates[2..].iter().map(|it| SocketAddr::new(it.ip(), addresses[0].port()));
        assert_eq!(addresses, expected.collect::<Vec<_>>());
        assert_ne!(addresses[0].port(), 0);
        // Of those that cannot be bound at all, the last one's error is told.
        assert!(bind_all([nowhere].into_iter()).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable));
        assert!(bind_all([].into_iter()).is_err_and(|error| error.to_string() == "the name has no address"));
    }

    #[test]
    fn text_that_is_no_address_is_refused_with_an_example() {
        for address in ["", "localhost", "1.2.3.4:x", ":::", "unix:", "unix:?mode=0660"] {
            let error = error_of(address);
            assert!(error.contains("write "), "{error}");
        }
        for query in ["?mode=rw", "?mode=1000", "?mod=0660", "?", "?x=1&mode=0660", "?mode=0660&x=1", "?mode=0660?"] {
            let error = error_of(&format!("unix:/tmp/x{query}"));
            assert!(error.contains("mode") && error.ends_with(", such as ?mode=0660"), "{error}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_address_may_have_a_zone_by_name_or_number() {
        for address in ["[fe80::1%lo]:80", "[fe80::1%1]:80"] {
            let found: Vec<_> = resolve(address).unwrap().map(|found| found.to_string()).collect();
            assert_eq!(found, ["[fe80::1%1]:80"], "{address}");
        }
        let error = error_of("[fe80::1%nowhere]:80");
        assert_eq!(error, "cannot listen on [fe80::1%nowhere]:80: no network interface is named nowhere");
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let folder = std::env::temp_dir().join(format!("sockhop-listen-{}-missing", std::process::id()));
        let error = error_of(&format!("unix:{}/s.sock", folder.display()));
        assert!(error.ends_with(&format!(": there is no folder {}", folder.display())), "{error}");
    }

    #[test]
    fn a_stale_socket_is_replaced_and_everything_else_is_left_alone() {
        let dir = std::env::temp_dir().join(format!("sockhop-listen-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("s.sock");
        let address = format!("unix:{}?mode=0640", path.display());

        drop(UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(address.as_str().into()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(error_of(&address).contains("another server answers there"));
        drop(listener);
        assert!(!path.exists(), "removed on exit");

        let listener = Listener::bind(address.as_str().into()).unwrap();
        fs::rename(&path, dir.join("elsewhere")).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(listener);
        assert!(path.exists(), "what has taken its place is not ours to remove");
        assert!(error_of(&address).contains("not a socket"));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_dir_all(&dir).unwrap();
    }
}
