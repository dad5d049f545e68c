//! `--deflate` of a build that lacks it.

use crate::Config;

/// What `--version` says of this build.
pub(super) const VERSION: &str = "";

/// # Errors
/// Always: how to get a build that has it.
pub(super) fn configure(_config: &mut Config, _mode: &str) -> Result<(), String> {
    Err("--deflate: this build cannot compress; make one that can with `cargo build --release --features deflate`"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;

    #[test]
    fn who_asks_for_it_is_told_how_to_get_it() {
        for line in [&["--deflate"][..], &["echo", "--deflate", "takeover"], &["--deflate=takeover"]] {
            let Ok(Asked::Server(args)) = args::parse(line) else { panic!("{line:?}") };
            let error = Plan::new(*args, &|_| None, Config::default()).expect_err("it cannot");
            assert!(error.contains("cargo build --release --features deflate"), "{error}");
        }
    }
}
