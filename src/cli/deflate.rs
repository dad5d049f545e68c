//! `--deflate` of a build that has it.

use crate::{Config, Deflate};

/// Sets what `--deflate`, with the word `takeover` behind it or without, asks for.
///
/// # Errors
/// Never, in this build.
pub(super) fn configure(config: &mut Config, mode: Option<&str>) -> Result<(), String> {
    config.deflate = Some(match mode {
        None => Deflate::default(),
        Some(_) => Deflate::takeover(),
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
        ] {
            let words: Vec<_> = line.split_whitespace().collect();
            let Ok(Asked::Server(args)) = args::parse(&words[..]) else { panic!("{line}") };
            let plan = Plan::new(*args, &|_| None, Config::default()).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(plan.config.deflate, expected, "{line}");
        }
    }
}
