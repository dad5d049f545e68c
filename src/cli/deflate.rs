//! `--deflate` of a build that has it.

use super::args::TAKEOVER;
use crate::{Config, Deflate};

/// What `--version` says of this build.
pub(super) const VERSION: &str = " with deflate";

/// Sets what `--deflate` asks for, with what stands behind it.
///
/// # Errors
/// That is not `takeover`.
pub(super) fn configure(config: &mut Config, mode: &str) -> Result<(), String> {
    config.deflate = Some(match mode {
        "" => Deflate::default(),
        TAKEOVER => Deflate::takeover(),
        other => return Err(format!("--deflate={other}: what may stand there is `{TAKEOVER}`")),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;
    use crate::{Config, Deflate};

    #[test]
    fn the_flag_may_have_a_word_behind_it() {
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
            ("echo --deflate takover", "; behind --deflate may stand `takeover`"),
            ("echo --deflate=takover", "--deflate=takover: what may stand there is `takeover`"),
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
