//! The command `sockhop`: the log, then what its arguments say.

use std::process::ExitCode;

fn main() -> ExitCode {
    let log = sockhop::cli::log::start();
    let code = sockhop::cli::main();
    log.finish();
    code
}
