//! The command `sockhop`: starts the log, then runs the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let log = sockhop::cli::log::start();
    let code = sockhop::cli::main();
    log.finish();
    code
}
