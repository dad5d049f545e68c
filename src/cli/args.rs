//! What can be written on the command line.

use std::path::PathBuf;

use bpaf::{OptionParser, ParseFailure, Parser, construct, long, positional, pure};

use super::settings::{DRAIN, LIMITS, RECIPE, Setting, TIMEOUTS};
use crate::Config;
use crate::apps::Recipe;

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Version,
    Server(Box<Args>),
}

/// A command line that is well formed; what its words mean is not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Args {
    /// The words that are no flags: an app, an address.
    pub words: Vec<String>,
    pub listen: Vec<String>,
    pub origins: Vec<String>,
    pub path_prefix: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub proxy_protocol: bool,
    pub subprotocols: Vec<String>,
    pub page: Option<PathBuf>,
    pub config: Given<Config>,
    pub recipe: Given<Recipe>,
    pub version: bool,
    pub restart: bool,
}

/// The settings that were given, with their values.
pub(super) type Given<T> = Vec<(&'static Setting<T>, String)>;

/// Reads a command line. `help` and `version` are as good as `--help` and `--version`.
///
/// # Errors
/// Says which word or flag has no place in it.
pub(super) fn parse<'a>(line: impl Into<bpaf::Args<'a>>) -> Result<Asked, String> {
    let has = |args: &Args, word: &str| args.words.iter().any(|it| it == word);
    match parser().run_inner(line) {
        Ok(args) if has(&args, "help") => Ok(Asked::Help),
        Ok(args) if args.version || has(&args, "version") => Ok(Asked::Version),
        Ok(args) => Ok(Asked::Server(Box::new(args))),
        // Only --help gives these. Its text is not bpaf's but that of help.rs.
        Err(ParseFailure::Stdout(..) | ParseFailure::Completion(_)) => Ok(Asked::Help),
        Err(ParseFailure::Stderr(error)) => Err(without_wild_guess(error.monochrome(true))),
    }
}

/// bpaf proposes `--on` for `--foo`: what is not half alike is left out.
fn without_wild_guess(error: String) -> String {
    let Some((mistake, guess)) = error.split_once(", did you mean ") else { return error };
    let flag = |text: &str| text.split('`').nth(1).unwrap_or_default().trim_start_matches('-').to_owned();
    let (written, meant) = (flag(mistake), flag(guess));
    let start = written.bytes().zip(meant.bytes()).take_while(|(one, other)| one == other).count();
    let end = written.bytes().rev().zip(meant.bytes().rev()).take_while(|(one, other)| one == other).count();
    if 2 * (start + end) >= written.len().max(meant.len()) { error } else { mistake.to_owned() }
}

fn parser() -> OptionParser<Args> {
    let words = positional::<String>("WORD").many();
    let listen = long("listen").short('l').argument::<String>("ADDRESS").many();
    let origins = long("origin").argument::<String>("ORIGIN").many();
    let path_prefix = long("path-prefix").argument::<String>("PATH").optional();
    let trusted_proxies = long("trusted-proxy").argument::<String>("CIDR").many();
    let proxy_protocol = long("proxy-protocol").switch();
    let subprotocols = long("subprotocol").argument::<String>("NAME").many();
    let page = long("page").argument::<PathBuf>("DIR").optional();
    let version = long("version").short('V').switch();
    let restart = long("restart").switch();
    let (recipe, limits, timeouts, drain) = (table(RECIPE), table(LIMITS), table(TIMEOUTS), table(DRAIN));
    let config =
        construct!(limits, timeouts, drain).map(|(limits, timeouts, drain)| [limits, timeouts, drain].concat());
    construct!(Args {
        listen,
        origins,
        path_prefix,
        trusted_proxies,
        proxy_protocol,
        subprotocols,
        page,
        version,
        restart,
        recipe,
        config,
        words
    })
    .to_options()
}

/// One flag for each setting.
fn table<T: 'static>(settings: &'static [Setting<T>]) -> Box<dyn Parser<Given<T>>> {
    settings.iter().fold(pure(Vec::new()).boxed(), |all, setting| {
        let one = long(setting.flag).argument::<String>(setting.value).optional();
        construct!(all, one)
            .map(move |(mut all, one)| {
                all.extend(one.map(|value| (setting, value)));
                all
            })
            .boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_version_need_no_dashes() {
        for line in [&["help"][..], &["--help"], &["-h"], &["help", "pong"], &["pong", "help"], &["pong", "--help"]] {
            assert!(matches!(parse(line), Ok(Asked::Help)), "{line:?}");
        }
        for line in [&["version"][..], &["--version"], &["-V"]] {
            assert!(matches!(parse(line), Ok(Asked::Version)), "{line:?}");
        }
        assert!(matches!(parse(&["recipe", "--reply", "help"]), Ok(Asked::Server(_))), "a value is no word");
    }

    #[test]
    fn a_flag_is_proposed_only_when_it_is_like_the_one_written() {
        let cases = [
            ("--lisen", Some("--listen")),
            ("--lsiten", Some("--listen")),
            ("--orgin", Some("--origin")),
            ("--originn", Some("--origin")),
            ("--ater", Some("--after")),
            ("--max-frame", Some("--max-frames")),
            ("--l", Some("-l")),
            ("--foo", None),
            ("--port", None),
            ("--stop", None),
            ("--host", None),
            ("--bogus", None),
        ];
        for (written, meant) in cases {
            let line = [written, "1"];
            let error = parse(&line[..]).expect_err(written);
            let guess = error.split_once(", did you mean `").map(|(_, guess)| guess.trim_end_matches("`?"));
            assert_eq!(guess, meant, "{error}");
            assert!(error.contains(&format!("`{written}`")), "{error}");
        }
    }
}
