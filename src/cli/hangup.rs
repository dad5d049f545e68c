//! SIGHUP. A terminal that closes sends it, and an operator does who wants the pages and the tokens to be read again.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::SIGHUP;

use super::hub::tokens::Sources;
use crate::apps::HUB_MOUNT;
use crate::apps::Site;
use crate::apps::hub::Hub;
use crate::{Context, Handle, Rejected, Server};

/// The errors of opening the controlling terminal when there is none, and when it is about to go.
const ENXIO: i32 = 6;
const EIO: i32 = 5;

/// The files that are read again.
#[derive(Debug, Default)]
pub(super) struct Reload {
    pub site: Option<Site>,
    /// The tokens of the hub, if some are in files.
    pub tokens: Option<Sources>,
}

/// Has SIGHUP shut the server down if the terminal that the server was started from has gone. Otherwise it has the files
/// read again.
pub(super) fn watch(server: Server, reload: Reload) -> io::Result<Server> {
    // Looked at before the signal gets a handler.
    let ends_with_terminal = !is_ignored() && File::open("/dev/tty").is_ok();
    let (read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGHUP, write)?;
    let is_empty = reload.site.is_none() && reload.tokens.is_none();
    let reload = if is_empty { None } else { Some(start_reloading(reload, server.handle())?) };
    let mut is_ending = false;
    Ok(server.shutdown_when(read, move || {
        if ends_with_terminal && is_terminal_gone() {
            // The shell sends one, and the kernel another when the shell ends. A second stop would not wait for clients.
            return !std::mem::replace(&mut is_ending, true);
        }
        match &reload {
            Some(reload) => reload(),
            None => ::log::warn!("SIGHUP: there is nothing to reload, as there is no --page and no file of tokens"),
        }
        false
    }))
}

/// Whether the process was started with SIGHUP ignored, as by nohup: then it is to outlive its terminal.
fn is_ignored() -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        // On macOS. nohup takes both away from the terminal.
        return !io::stdout().is_terminal() && !io::stderr().is_terminal();
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

fn is_terminal_gone() -> bool {
    File::open("/dev/tty").is_err_and(|error| matches!(error.raw_os_error(), Some(ENXIO | EIO)))
}

/// Starts a thread that reads the files again each time it is told to, so that the event loop never waits for a disk. The
/// returned function tells it.
fn start_reloading(reload: Reload, handle: Handle) -> io::Result<impl Fn()> {
    let is_due = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_due);
    let thread = thread::Builder::new().spawn(move || {
        loop {
            // What is told while the files are read counts for the next time.
            while !told.swap(false, Ordering::AcqRel) {
                thread::park();
            }
            if let Some(tokens) = &reload.tokens {
                reload_tokens(tokens, &handle);
            }
            if let Some(site) = &reload.site {
                match site.reload() {
                    Ok(()) => ::log::info!("{}: {} files read", site.root().display(), site.len()),
                    Err(error) => ::log::warn!("the pages stay as they were: {error}"),
                }
            }
        }
    })?;
    Ok(move || {
        is_due.store(true, Ordering::Release);
        thread.thread().unpark();
    })
}

/// Gives the hub all tokens anew, or none of them if one of the files is bad.
fn reload_tokens(sources: &Sources, handle: &Handle) {
    let tokens = match sources.read() {
        Ok(tokens) => tokens,
        Err(error) => return ::log::warn!("the tokens stay as they were: {error}"),
    };
    let set = move |hub: &mut Hub, _: &mut Context<'_>| {
        let (publish, subscribe) = (tokens.publish.len(), tokens.subscribe.len());
        hub.set_tokens(tokens.publish, tokens.subscribe);
        ::log::info!("{publish} tokens to publish and {subscribe} to subscribe are in use now");
    };
    match handle.call(HUB_MOUNT, set) {
        // The server is at its end, and takes no clients.
        Ok(()) | Err(Rejected::Stopped(())) => {}
        Err(error) => ::log::warn!("the tokens stay as they were: {error}; send SIGHUP again"),
    }
}
