//! The flag `--deflate` in a build that cannot compress.

use crate::Config;

/// The part of the output of `--version` that is about this build.
pub(super) const VERSION: &str = "";

/// # Errors
/// Always: says how to make a build that can compress.
pub(super) fn configure(_config: &mut Config, _mode: &str) -> Result<(), String> {
    Err("--deflate: this build cannot compress; build with `cargo build --release --features deflate`".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;

    #[test]
    fn an_error_says_how_to_build_with_it() {
        for line in [&["--deflate"][..], &["echo", "--deflate", "takeover"], &["--deflate=takeover"]] {
            let Ok(Asked::Server(args)) = args::parse(line) else { panic!("{line:?}") };
            let error = Plan::new(*args, &|_| None, Config::default()).expect_err("it cannot");
            assert!(error.contains("cargo build --release --features deflate"), "{error}");
        }
    }
}
