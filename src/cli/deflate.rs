//! The flag `--deflate` in a build that can compress.

use super::args::TAKEOVER;
use crate::{Config, Deflate};

/// The part of the output of `--version` that is about this build.
pub(super) const VERSION: &str = " with deflate";

/// Turns compression on, in the mode that follows `--deflate`.
///
/// # Errors
/// The mode is neither empty nor `takeover`.
pub(super) fn configure(config: &mut Config, mode: &str) -> Result<(), String> {
    config.deflate = Some(match mode {
        "" => Deflate::default(),
        TAKEOVER => Deflate::takeover(),
        other => return Err(format!("--deflate={other}: the only mode is `{TAKEOVER}`")),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
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
            let plan = plan(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(plan.config.deflate, expected, "{line}");
        }
    }

    #[test]
    fn any_other_word_is_refused() {
        for (line, part) in [
            ("echo --deflate takover", "`takover` is not an address"),
            ("echo --deflate takover", "; only `takeover` may follow --deflate"),
            ("echo --deflate=takover", "--deflate=takover: the only mode is `takeover`"),
            ("takeover --deflate", "`takeover` is not an address"),
            ("echo takeover", "`takeover` is not an address"),
        ] {
            let error = plan(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    fn plan(line: &str) -> Result<Plan, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match args::parse(&words[..])? {
            Asked::Server(args) => Plan::new(*args, &|_| None, Config::default()),
            _ => panic!("{line}"),
        }
    }
}
