//! The command `sockhop`: reads arguments and environment, and runs the server that they ask for.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::apps::hub::Hub;
use crate::apps::{Pages, Site, serve_all, serve_hub, serve_one};
use crate::{Config, Server};
use args::{Args, Asked};
use hangup::Reload;
use hub::HubPlan;
use hub::tokens::Sources;
use plan::{Page, Plan, Serve};

mod address;
mod args;
mod banner;
mod deflate;
mod fields;
mod hangup;
mod help;
mod hub;
pub mod log;
mod nearest;
mod plan;
mod settings;
mod values;

/// Descriptors kept for other things than connections: listeners, the log, and files that libraries open.
const RESERVED_DESCRIPTORS: usize = 64;

/// Runs the command. The exit code is 0 for success, 1 if it could not run, 2 for bad usage.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let asked = args::parse(&words[..]).map_err(Failure::Usage);
    let done = asked.and_then(|asked| {
        match asked {
            Asked::Help => print(&help::text()),
            Asked::Version => print(&format!("sockhop {}{}\n", env!("CARGO_PKG_VERSION"), deflate::VERSION)),
            Asked::Server(args) => run(*args)?,
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let env = |name: &str| std::env::var_os(name);
    let plan = Plan::new(args, &env, Config::default()).map_err(Failure::Usage)?;
    let Plan { serve, listen, page, mut config } = plan;
    keep_within_descriptors(&mut config);
    warn_of_time_zone(&serve);
    let site = page.as_ref().map(read_site).transpose()?;
    // The files of tokens are read before anyone can connect.
    let mount: Box<dyn FnOnce(Server, Pages) -> Server> = match &serve {
        Serve::All(apps) => Box::new(|server, pages| serve_all(server, apps, pages)),
        Serve::One(app) => Box::new(|server, pages| serve_one(server, app, pages)),
        Serve::Hub(hub) => {
            let hub = read_hub(hub)?;
            Box::new(|server, pages| serve_hub(server, hub, pages))
        }
    };

    let server = Server::new(config.clone()).map_err(Failure::start)?.shutdown_on(signals()?);
    let tokens = if let Serve::Hub(hub) = &serve { Some(hub.tokens.clone()) } else { None };
    let tokens = tokens.filter(Sources::has_files);
    let server = hangup::watch(server, Reload { site: site.clone(), tokens })?;
    let server = (1..=listen.len()).try_fold(server, |server, count| listen_on(server, &listen[..count]))?;
    let banner = banner::banner(&server.local_addrs(), &listen, &serve, &config);
    let pages = match site {
        None => Pages::Playground { max_message: config.max_message },
        Some(site) => Pages::Site { site, prefix: config.path_prefix },
    };
    print(&banner);
    Ok(mount(server, pages).run()?)
}

fn read_site(page: &Page) -> Result<Site, Failure> {
    let mut site = Site::read(&page.directory).map_err(|error| Failure::Read("--page", error))?;
    if let Some(name) = &page.fallback {
        site = site.with_fallback(name).map_err(|error| Failure::Read("--page-fallback", error))?;
    }
    for (name, value) in &page.headers {
        site = site.with_header(name, value).map_err(|error| Failure::Usage(format!("--header: {error}")))?;
    }
    if !site.has_index() {
        ::log::warn!("{} has no index.html: / is answered with 404", page.directory.display());
    }
    Ok(site)
}

/// The hub of a plan, with the tokens that are in its files now.
fn read_hub(plan: &HubPlan) -> Result<Hub, Failure> {
    Ok(Hub::new(plan.config().map_err(io::Error::other)?))
}

/// Raises the soft limit of descriptors to the hard one, and allows no more connections than there are descriptors for.
fn keep_within_descriptors(config: &mut Config) {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        ::log::warn!("the limit of open files cannot be raised: {error}");
        1024
    });
    let spare = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVED_DESCRIPTORS).max(1);
    let wanted = config.max_connections;
    if wanted > spare {
        config.max_connections = spare;
        fields::blame_open_files(limit, spare);
        ::log::warn!(
            "{limit} open files are allowed: room for {spare} of {wanted} connections (--max-connections). Raise the \
             limit: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker"
        );
    }
}

/// Warns once if the time of day cannot be as TZ has it.
fn warn_of_time_zone(serve: &Serve) {
    let zone = std::env::var_os("TZ").filter(|zone| !zone.is_empty());
    if let Some(zone) = zone.filter(|_| serve.apps().iter().any(|app| app.recipe.stamp.is_some()))
        && jiff::tz::TimeZone::try_system().is_err()
    {
        let zone = zone.display();
        ::log::warn!("the time added to messages is UTC: no time zone TZ={zone} is there (is tzdata installed?)");
    }
}

/// Listens on the last of the given addresses, after all others.
fn listen_on(server: Server, given: &[String]) -> Result<Server, Failure> {
    let Some((address, earlier)) = given.split_last() else { return Ok(server) };
    server.listen(address).map_err(|error| {
        let is_used = error.kind() == io::ErrorKind::AddrInUse;
        let Some(own) = earlier.iter().find(|own| is_used && address::overlap(own, address)) else {
            return Failure::start(error);
        };
        let starts = |start: &str| own.starts_with(start) || address.starts_with(start);
        Failure::Usage(match () {
            () if own == address => format!("cannot listen on {address} twice: leave one of the two out"),
            () if starts("[::]") => format!("{own} and {address} overlap: [::] alone takes IPv4, too"),
            () if starts("0.0.0.0") => format!("{own} and {address} overlap: 0.0.0.0 alone takes all of IPv4"),
            () => format!("{own} and {address} overlap: leave one of the two out"),
        })
    })
}

/// A stream that receives one byte for each SIGINT and SIGTERM.
fn signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGINT, write.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGTERM, write)?;
    Ok(read)
}

/// Prints to standard output at once. An error is only logged: the server also runs when nothing reads its output.
fn print(text: &str) {
    let mut output = io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        ::log::debug!("standard output: {error}");
    }
}

/// Why the command failed.
#[derive(Debug)]
enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// The command line makes sense, but the server could not start or go on.
    Run(io::Error),
    /// The files that a flag names cannot be served.
    Read(&'static str, io::Error),
}

impl Failure {
    fn start(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidInput => Failure::Usage(error.to_string()),
            _ => Failure::Run(error),
        }
    }

    fn report(&self) -> ExitCode {
        // Not through the log, which RUST_LOG may have turned off. If standard error does not work, nothing else can
        // help.
        let _ = writeln!(io::stderr(), "sockhop: {self}");
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Run(_) | Failure::Read(..) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) => write!(f, "{}\nTry sockhop --help.", fields::to_flags(error)),
            Failure::Read(flag, error) => {
                let hint = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "\nThe user that runs sockhop must be able to read all files of the directory."
                    }
                    _ => "",
                };
                write!(f, "{flag}: {error}{hint}")
            }
            Failure::Run(error) => {
                let text = fields::to_flags(&error.to_string());
                f.write_str(&text)?;
                f.write_str(if text.starts_with("cannot listen on ") { hint(error.kind(), &text) } else { "" })
            }
        }
    }
}

/// Advice about an address that the server cannot listen on.
fn hint(kind: io::ErrorKind, text: &str) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse if text.contains("unix:") => "\nStop the server that uses it, or choose another path.",
        io::ErrorKind::AddrInUse => {
            "\nStop the program that listens there, or choose another port: 8081, or 0 for any free one."
        }
        io::ErrorKind::PermissionDenied => {
            "\nPorts below 1024 need privileges; a unix: socket needs a directory you may write to."
        }
        // The text of std's error for a name without an address; it has no kind of its own.
        _ if text.contains("failed to lookup address information") => {
            "\nThere is no address of this name: look at its spelling, or write an address such as 127.0.0.1."
        }
        io::ErrorKind::AddrNotAvailable => "\nThis machine has no such address.",
        _ => "",
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Run(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_about_addresses_belongs_to_an_address() {
        let shown = |text: &str| Failure::Run(io::Error::new(io::ErrorKind::PermissionDenied, text)).to_string();
        assert!(shown("cannot listen on [::]:80: denied").ends_with(
            "denied\nPorts below 1024 need privileges; a unix: \
            socket needs a directory you may write to."
        ));
        assert_eq!(shown("--page: /srv/x: denied"), "--page: /srv/x: denied");
    }

    #[test]
    fn addresses_that_overlap_are_not_blamed_on_another_program() {
        let listen = |address: &str| Server::new(Config::default()).unwrap().listen(address);
        let port = |server: &Server| server.local_addrs()[0].to_string().rsplit(':').next().unwrap().to_owned();
        let path = std::env::temp_dir().join(format!("sockhop-{}-twice", std::process::id()));
        let socket = format!("unix:{}", path.display());
        for (one, other, hint) in [
            ("0.0.0.0:", "[::]:", "[::] alone takes IPv4, too"),
            ("[::]:", "127.0.0.1:", "[::] alone takes IPv4, too"),
            ("127.0.0.1:", "0.0.0.0:", "0.0.0.0 alone takes all of IPv4"),
            ("localhost:", "0.0.0.0:", "0.0.0.0 alone takes all of IPv4"),
            ("127.0.0.1:", "127.0.0.1:", ""),
            ("localhost:", "localhost:", ""),
            ("localhost:", "127.0.0.1:", "leave one of the two out"),
            (&socket, &format!("{socket}?mode=0660"), "leave one of the two out"),
        ] {
            let is_unix = one == socket;
            // A machine may be without IPv6.
            let Ok(server) = listen(&if is_unix { one.to_owned() } else { format!("{one}0") }) else { continue };
            let port = if is_unix { String::new() } else { port(&server) };
            let given = [format!("{one}{port}"), format!("{other}{port}")];
            let expected = match one == other {
                true => format!("cannot listen on {} twice: leave one of the two out", given[0]),
                false => format!("{} overlap: {hint}", given.join(" and ")),
            };
            match listen_on(server, &given) {
                Err(Failure::Usage(error)) => assert_eq!(error, expected),
                Err(Failure::Run(error)) => assert_ne!(error.kind(), io::ErrorKind::AddrInUse, "{expected}"),
                Ok(_) | Err(Failure::Read(..)) => panic!("not: {expected}"),
            }
        }
    }

    #[test]
    fn errors_name_flags_for_fields() {
        let error = || io::Error::other("after Config::max_panics (10); Config::max_queue is too small");
        let expected = "after --max-panics (10); --max-queue is too small";
        assert_eq!(Failure::from(error()).to_string(), expected);
        assert_eq!(Failure::Usage(error().to_string()).to_string(), format!("{expected}\nTry sockhop --help."));
    }

    #[test]
    fn the_hint_for_what_may_not_be_used_is_about_that() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let listen =
            io::Error::new(io::ErrorKind::PermissionDenied, "cannot listen on 127.0.0.1:80: permission denied");
        let (file, port) = (Failure::Read("--page", denied()).to_string(), Failure::from(listen).to_string());
        assert!(file.contains("must be able to read") && !file.contains("Ports"), "{file}");
        assert!(port.contains("Ports below 1024") && !port.contains("read"), "{port}");
    }
}
