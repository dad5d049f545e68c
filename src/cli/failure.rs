//! Why the command ends without having run: its text for users, and its exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use super::fields::to_flags;

/// Why the command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// The command line makes sense, but the server could not start or go on.
    Run(io::Error),
    /// The files that a flag names cannot be served.
    Read(&'static str, io::Error),
}

impl Failure {
    /// The server could not start. Invalid input is the user's.
    pub(super) fn start(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidInput => Failure::Usage(error.to_string()),
            _ => Failure::Run(error),
        }
    }

    /// Writes the text to standard error.
    pub(super) fn report(&self) -> ExitCode {
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
            Failure::Usage(error) => write!(f, "{}\nTry sockhop --help.", to_flags(error)),
            Failure::Read(flag, error) => {
                let hint = match error.kind() {
                    io::ErrorKind::PermissionDenied if flag.starts_with("--tls") => {
                        "\nThe user that runs sockhop must be able to read it; docs/tls.md says how."
                    }
                    io::ErrorKind::PermissionDenied => {
                        "\nThe user that runs sockhop must be able to read all files of the directory."
                    }
                    _ => "",
                };
                write!(f, "{flag}: {error}{hint}")
            }
            Failure::Run(error) => {
                let text = to_flags(&error.to_string());
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
        assert!(file.contains("must be able to read all files of the directory") && !file.contains("Ports"), "{file}");
        let key = Failure::Read("--tls-key", denied()).to_string();
        assert!(key.contains("must be able to read it") && !key.contains("directory"), "{key}");
        assert!(port.contains("Ports below 1024") && !port.contains("read"), "{port}");
    }
}
