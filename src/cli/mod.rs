//! The command `sockhop`: reads arguments and environment, and runs the server that they ask for.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::apps::hub::Hub;
use crate::apps::{Pages, Site, serve_all, serve_hub, serve_one};
use crate::{Config, Server};
use args::{Args, Asked};
use failure::Failure;
use hub::HubPlan;
use hub::tokens::Sources;
use plan::{Page, Plan, Serve};
use reload::Reload;

mod address;
mod args;
mod banner;
mod deflate;
mod doors;
mod failure;
mod fields;
mod hangup;
mod help;
mod hub;
pub mod log;
mod nearest;
mod plan;
mod reload;
mod settings;
mod tls;
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
            Asked::Version => {
                print(&format!("sockhop {}{}{}\n", env!("CARGO_PKG_VERSION"), deflate::VERSION, tls::VERSION))
            }
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
    let Plan { serve, listen, page, tls, mut config } = plan;
    keep_within_descriptors(&mut config);
    warn_of_time_zone(&serve);
    let site = page.as_ref().map(read_site).transpose()?;
    let redirect = tls.as_ref().map(|plan| plan.redirect.clone()).unwrap_or_default();
    let tls = tls.map(|plan| plan.read().map(|tls| (plan, tls))).transpose()?;
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
    let (server, opened) = doors::open(server, &listen, &redirect, tls.as_ref().map(|(_, tls)| tls))?;
    let reload = Reload { site: site.clone(), tokens, tls };
    reload.warn();
    let server = hangup::watch(server, reload)?;
    let banner = banner::banner(&opened, &serve, &config);
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
