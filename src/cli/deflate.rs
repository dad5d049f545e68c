//! `--deflate`.

use super::args::TAKEOVER;
use crate::protocol::DEFLATE_AVAILABLE;
use crate::{Config, Deflate};

/// The part of `--version` about compression.
pub(super) const VERSION: &str = if DEFLATE_AVAILABLE { " with deflate" } else { "" };

/// Sets `Config::deflate` as `--deflate` and the word after it ask.
///
/// # Errors
/// This build cannot compress, or the word is not `takeover`.
pub(super) fn configure(config: &mut Config, mode: &str) -> Result<(), String> {
    if !DEFLATE_AVAILABLE {
        return Err(format!("--deflate: {CANNOT_COMPRESS}"));
    }
    config.deflate = Some(match mode {
        "" => Deflate::default(),
        TAKEOVER => Deflate::takeover(),
        other => return Err(format!("--deflate={other}: the only mode is `{TAKEOVER}`")),
    });
    Ok(())
}

const CANNOT_COMPRESS: &str =
    "this build cannot compress; make one that can with `cargo build --release --features deflate`";

#[cfg(test)]
mod tests {
    use super::{CANNOT_COMPRESS, DEFLATE_AVAILABLE};
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;
    use crate::{Config, Deflate};

    #[test]
    fn a_mode_may_follow_the_flag() {
        for (line, expected) in [
            ("echo", None),
            ("echo --deflate", Some(Deflate::default())),
            ("--deflate echo", Some(Deflate::default())),
            ("--deflate 9000", Some(Deflate::default())),
            ("--deflate takeover", Some(Deflate::takeover())),
            ("--deflate takeover echo 9000", Some(Deflate::takeover())),
            ("echo --deflate takeover --max-message 64M", Some(Deflate::takeover())),
            ("--deflate=takeover echo", Some(Deflate::takeover())),
        ] {
            match plan(line) {
                Ok(plan) => assert_eq!(plan.config.deflate, expected, "{line}"),
                Err(error) => assert!(!DEFLATE_AVAILABLE && error.contains(CANNOT_COMPRESS), "{line}: {error}"),
            }
        }
    }

    #[test]
    fn a_build_that_cannot_compress_refuses_the_flag_and_says_how_to_get_one_that_can() {
        for line in ["--deflate", "echo --deflate takeover", "--deflate=takeover"] {
            assert_eq!(plan(line).is_ok(), DEFLATE_AVAILABLE, "{line}");
        }
    }

    #[test]
    fn refuses_any_other_word_after_deflate() {
        for (line, part) in [
            ("echo --deflate takover", "`takover` is not an address"),
            ("echo --deflate takover", "; only `takeover` may follow --deflate"),
            ("echo --deflate=takover", MISSPELT),
            ("takeover --deflate", "`takeover` is not an address"),
            ("echo takeover", "`takeover` is not an address"),
        ] {
            let error = plan(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    const MISSPELT: &str =
        if DEFLATE_AVAILABLE { "--deflate=takover: the only mode is `takeover`" } else { CANNOT_COMPRESS };

    fn plan(line: &str) -> Result<Plan, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match args::parse(&words[..])? {
            Asked::Server(args) => Plan::new(*args, &|_| None, Config::default()),
            _ => panic!("{line}"),
        }
    }
}
