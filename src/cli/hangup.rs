//! SIGHUP. A terminal that closes sends it, and so does an operator who wants the files to be read again.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::net::UnixStream;

use signal_hook::consts::SIGHUP;

use super::reload::Reload;
use crate::Server;

/// The errors of opening the controlling terminal when there is none, and when it is about to go.
const ENXIO: i32 = 6;
const EIO: i32 = 5;

/// Has SIGHUP shut the server down if the terminal that the server was started from has gone. Otherwise it has the files
/// read again.
pub(super) fn watch(server: Server, reload: Reload) -> io::Result<Server> {
    // Looked at before the signal gets a handler.
    let ends_with_terminal = !is_ignored() && File::open("/dev/tty").is_ok();
    let (read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGHUP, write)?;
    let reload = if reload.is_empty() { None } else { Some(reload.start(server.handle())?) };
    let mut is_ending = false;
    Ok(server.shutdown_when(read, move || {
        if ends_with_terminal && is_terminal_gone() {
            // The shell sends one, and the kernel another when the shell ends. A second stop would not wait for clients.
            return !std::mem::replace(&mut is_ending, true);
        }
        match &reload {
            Some(reload) => reload(),
            None => ::log::warn!("SIGHUP: there is nothing to reload: no --page, no file of tokens and no --tls-cert"),
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
