//! The command `sockhop`: reads arguments and environment, and runs the server that they ask for.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::apps::{Pages, Site, serve_all, serve_one};
use crate::{Config, Server};
use args::{Args, Asked};
use plan::{Page, Plan, Serve};

mod address;
mod args;
mod banner;
mod deflate;
mod fields;
mod help;
pub mod log;
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
    let spare = spare_descriptors();
    let defaults = Config { max_connections: spare.min(Config::default().max_connections), ..Config::default() };
    let env = |name: &str| std::env::var(name).ok();
    let Plan { serve, listen, page, config } = Plan::new(args, &env, defaults).map_err(Failure::Usage)?;
    if config.max_connections > spare {
        ::log::warn!("descriptors suffice for {spare} connections only: raise the limit (ulimit -n)");
    }

    let pages = match page {
        None => Pages::Playground { max_message: config.max_message },
        Some(page) => {
            let site = read_site(&page)?;
            reload_on_hangup(site.clone())?;
            Pages::Site { site, prefix: config.path_prefix.clone() }
        }
    };

    let server = Server::new(config.clone())
        .and_then(|server| listen.into_iter().try_fold(server, Server::listen))
        .map_err(Failure::start)?;
    let banner = banner::banner(&server.local_addrs(), &serve, &config);
    let server = server.shutdown_on(signals()?);
    let server = match &serve {
        Serve::All(apps) => serve_all(server, apps, pages),
        Serve::One(app) => serve_one(server, app, pages),
    };
    print(&banner);
    Ok(server.run()?)
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

/// Raises the soft limit of descriptors to the hard one. Returns the number of connections that it allows.
fn spare_descriptors() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        ::log::warn!("the limit of descriptors cannot be raised: {error}");
        1024
    });
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(RESERVED_DESCRIPTORS).max(1)
}

/// A stream that receives one byte for each SIGINT and SIGTERM.
fn signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGINT, write.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGTERM, write)?;
    Ok(read)
}

/// Starts a thread that reads the pages again at each SIGHUP, so that the event loop never waits for a disk.
fn reload_on_hangup(site: Site) -> io::Result<()> {
    let (mut read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGHUP, write)?;
    thread::spawn(move || {
        while read.read_exact(&mut [0]).is_ok() {
            match site.reload() {
                Ok(()) => ::log::info!("{}: {} files read", site.root().display(), site.len()),
                Err(error) => ::log::warn!("the pages stay as they were: {error}"),
            }
        }
    });
    Ok(())
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
                f.write_str(&fields::to_flags(&error.to_string()))?;
                match error.kind() {
                    io::ErrorKind::AddrInUse if error.to_string().contains("unix:") => {
                        f.write_str("\nStop the server that uses it, or choose another path.")
                    }
                    io::ErrorKind::AddrInUse => f.write_str(
                        "\nStop the program that listens there, or choose another port: 8081, or 0 for any free one.",
                    ),
                    io::ErrorKind::PermissionDenied => f.write_str(
                        "\nPorts below 1024 need privileges; a unix: socket needs a directory you may write to.",
                    ),
                    io::ErrorKind::AddrNotAvailable => f.write_str("\nThis machine has no such address."),
                    _ => Ok(()),
                }
            }
        }
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
    fn errors_name_flags_for_fields() {
        let error = || io::Error::other("after Config::max_panics (10); Config::max_queue is too small");
        let expected = "after Config::max_panics (10); --max-queue is too small";
        assert_eq!(Failure::from(error()).to_string(), expected);
        assert_eq!(Failure::Usage(error().to_string()).to_string(), format!("{expected}\nTry sockhop --help."));
    }

    #[test]
    fn the_hint_for_what_may_not_be_used_is_about_that() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let (file, port) = (Failure::Read("--page", denied()).to_string(), Failure::from(denied()).to_string());
        assert!(file.contains("must be able to read") && !file.contains("Ports"), "{file}");
        assert!(port.contains("Ports below 1024") && !port.contains("read"), "{port}");
    }
}
