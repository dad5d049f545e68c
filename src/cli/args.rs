//! The grammar of the command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use bpaf::{OptionParser, ParseFailure, Parser, construct, long, positional};

use super::help;
use super::hub::{self, HubArgs, tokens};
use super::nearest::nearest;
use super::settings::recipe::RECIPE;
use super::settings::{Given, LIMITS, SHUTDOWN, TIMEOUTS, table};
use crate::Config;
use crate::apps::Recipe;

/// The request that a command line makes.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Version,
    Server(Box<Args>),
}

/// A well-formed command line. The meaning of its words is checked later, by `plan.rs`.
#[derive(Debug, Default)]
pub(super) struct Args {
    /// The words that are not flags: an app, an address.
    pub words: Vec<String>,
    pub listen: Vec<String>,
    pub origins: Vec<String>,
    pub path_prefix: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub proxy_protocol: bool,
    pub subprotocols: Vec<String>,
    pub page: Option<PathBuf>,
    pub page_fallback: Option<String>,
    pub headers: Vec<String>,
    /// The mode behind the flag, which may be empty.
    pub deflate: Option<String>,
    pub config: Given<Config>,
    pub recipe: Given<Recipe>,
    pub hub: HubArgs,
    pub version: bool,
    pub restart: bool,
}

/// The one mode that may follow `--deflate`.
pub(super) const TAKEOVER: &str = "takeover";

/// The fields of [`Config`] whose flags are not in a table of [`Setting`]s, each with its flag.
const OTHER_FIELDS: [(&str, &str); 6] = [
    ("origins", "origin"),
    ("path_prefix", "path-prefix"),
    ("trusted_proxies", "trusted-proxy"),
    ("proxy_protocol", "proxy-protocol"),
    ("deflate", "deflate"),
    ("shutdown.code", "restart"),
];

/// The fields of [`Config`] that flags set, as written in code, each with its flag, without the dashes.
pub(super) fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    let settings = LIMITS.iter().chain(TIMEOUTS).chain(SHUTDOWN);
    settings.map(|setting| (setting.field, setting.flag)).chain(OTHER_FIELDS)
}

/// Reads a command line. `help` and `version` mean the same as `--help` and `--version`.
///
/// # Errors
/// Names the word or flag that is out of place.
pub(super) fn parse(line: &[impl AsRef<OsStr>]) -> Result<Asked, String> {
    let has = |args: &Args, word: &str| args.words.iter().any(|it| it == word);
    let (line, tokens) = tokens::Given::take(with_mode(line))?;
    if let Some(error) = dashes(&line) {
        return Err(error);
    }
    match parser().run_inner(&line[..]) {
        Ok(args) if has(&args, "help") => Ok(Asked::Help),
        Ok(args) if args.version || has(&args, "version") => Ok(Asked::Version),
        Ok(mut args) => {
            args.hub.tokens = tokens;
            Ok(Asked::Server(Box::new(args)))
        }
        // Only --help leads here. Its text is in help.rs, not made by bpaf.
        Err(ParseFailure::Stdout(..) | ParseFailure::Completion(_)) => Ok(Asked::Help),
        Err(ParseFailure::Stderr(error)) => Err(in_our_words(error.monochrome(true), &line)),
    }
}

/// Says which word begins with the wrong dashes: `-listen`, which would be `-l isten`, or `—help`, as word processors have it.
fn dashes(line: &[OsString]) -> Option<String> {
    let is_flag = |name: &str| names().any(|flag| flag == name);
    line.iter().take_while(|word| *word != "--").filter_map(|word| word.to_str()).find_map(|word| {
        // The value behind it is not shown: it may be a token.
        let word = word.split('=').next()?;
        let name = word.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2212}']);
        let is_meant = !word.starts_with("--") && name.len() > 1 && name.len() < word.len() && is_flag(name);
        is_meant.then(|| format!("no such flag: `{word}`; a name of more than one letter has two dashes, `--{name}`"))
    })
}

/// Joins `--deflate` to the mode behind it, or to an empty one: a flag of bpaf either always has a value or never.
fn with_mode(line: &[impl AsRef<OsStr>]) -> Vec<OsString> {
    let mut words = Vec::with_capacity(line.len());
    let mut line = line.iter().map(AsRef::as_ref).peekable();
    while let Some(word) = line.next() {
        let mut word = word.to_owned();
        if word == "--deflate" {
            word.push("=");
            word.push(line.next_if(|next| *next == TAKEOVER).unwrap_or_default());
        }
        words.push(word);
    }
    words
}

/// Rewrites the errors of bpaf. It words those for unknown flags in two ways, and suggests `--on` for `--foo`; here they
/// have one wording, and only a similar flag is suggested.
fn in_our_words(error: String, line: &[OsString]) -> String {
    let subject = |end: &str| error.strip_suffix(end)?.split_once('`')?.1.strip_suffix('`');
    if let Some(flag) = subject(" cannot be used multiple times in this context") {
        return format!("`{flag}` is given more than once");
    }
    let unexpected = subject(" is not expected in this context");
    if let Some(value) = unexpected.filter(|value| !value.starts_with('-')) {
        let flag = line.iter().find_map(|word| word.to_str()?.strip_suffix(value)?.strip_suffix('='));
        // The value is not shown: it may be a token.
        return flag.map_or(error.clone(), |flag| format!("`{flag}` takes no value: leave out `=` and what follows"));
    }
    if error.ends_with(" is not a valid utf8") {
        return format!("`{}` is not UTF-8", error.split('`').nth(1).unwrap_or_default());
    }
    let unknown = error.strip_prefix("no such flag: `").and_then(|rest| rest.split('`').next());
    // A long message of bpaf has line ends of its own.
    let Some(written) = unexpected.or(unknown) else { return error.replace('\n', " ") };
    if ["--port", "-p", "--host", "--bind", "--address"].contains(&written) {
        return format!("no such flag: `{written}`; an address needs no flag, as in `sockhop 0.0.0.0:9000`");
    }
    if ["--log", "--log-level", "--verbose", "-v", "--debug", "-d", "--quiet", "-q"].contains(&written) {
        return format!("no such flag: `{written}`; RUST_LOG sets the log level, as in `RUST_LOG=debug sockhop`");
    }
    let flags: Vec<_> = names().collect();
    match nearest(written.trim_start_matches('-'), flags.iter().map(|flag| &**flag)) {
        Some(flag) => format!("no such flag: `{written}`, did you mean `--{flag}`?"),
        None => format!("no such flag: `{written}`"),
    }
}

/// The names of all flags, without the dashes.
fn names() -> impl Iterator<Item = String> {
    let help = help::text();
    let name = |line: &str| line.split("--").nth(1)?.split(' ').next().map(str::to_owned);
    help.lines().filter(|line| line.starts_with("  -")).filter_map(name).collect::<Vec<_>>().into_iter()
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
    let page_fallback = long("page-fallback").argument::<String>("FILE").optional();
    let headers = long("header").argument::<String>("HEADER").many();
    let deflate = long("deflate").argument::<String>("MODE").optional();
    let version = long("version").short('V').switch();
    let restart = long("restart").switch();
    let hub = hub::parser();
    let (recipe, limits, timeouts, shutdown) = (table(RECIPE), table(LIMITS), table(TIMEOUTS), table(SHUTDOWN));
    let config = construct!(limits, timeouts, shutdown)
        .map(|(limits, timeouts, shutdown)| [limits, timeouts, shutdown].concat());
    construct!(Args {
        listen,
        origins,
        path_prefix,
        trusted_proxies,
        proxy_protocol,
        subprotocols,
        page,
        page_fallback,
        headers,
        deflate,
        version,
        restart,
        recipe,
        hub,
        config,
        words
    })
    .to_options()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn help_and_version_need_no_dashes() {
        for line in [&["help"][..], &["--help"], &["-h"], &["help", "pong"], &["pong", "help"], &["pong", "--help"]] {
            assert!(matches!(parse(line), Ok(Asked::Help)), "{line:?}");
        }
        for line in [&["version"][..], &["--version"], &["-V"]] {
            assert!(matches!(parse(line), Ok(Asked::Version)), "{line:?}");
        }
        assert!(matches!(parse(&["recipe", "--reply", "help"]), Ok(Asked::Server(_))), "a value is not a word");
    }

    #[test]
    fn a_flag_for_the_address_is_refused_with_an_example() {
        for flag in ["--port", "-p", "--host", "--bind", "--address"] {
            let error = parse(&[flag, "9000"][..]).expect_err(flag);
            assert!(error.ends_with("; an address needs no flag, as in `sockhop 0.0.0.0:9000`"), "{error}");
        }
    }

    #[test]
    fn a_flag_without_its_value_is_not_called_unknown() {
        let error = parse(&["--listen"][..]).expect_err("no value");
        assert_eq!(error, "`--listen` requires an argument `ADDRESS`");
    }

    #[test]
    fn the_parsers_errors_are_worded_for_users() {
        let cases: [(&[&str], &str); 7] = [
            (&["--restart=1"], "`--restart` takes no value: leave out `=` and what follows"),
            (&["-V=yes"], "`-V` takes no value: leave out `=` and what follows"),
            (&["--proxy-protocol", "--restart=a=b"], "`--restart` takes no value: leave out `=` and what follows"),
            (&["--restart", "echo", "--restart"], "`--restart` is given more than once"),
            (&["--max-message", "1K", "--max-message=2K"], "`--max-message` is given more than once"),
            (&["--deflate", "--deflate=takeover"], "`--deflate` is given more than once"),
            (&["-V", "-V"], "`-V` is given more than once"),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line).expect_err(expected), expected);
        }
        let bytes = OsStr::from_bytes(b"a\xff");
        for line in [&[bytes][..], &[OsStr::new("--max-message"), bytes]] {
            assert_eq!(parse(line).expect_err("no text"), "`a\u{fffd}` is not UTF-8");
        }
    }

    #[test]
    fn a_flag_with_the_wrong_dashes_is_known() {
        for (line, flag) in [
            (&["-listen", "80"][..], "listen"),
            (&["echo", "-deflate"], "deflate"),
            (&["\u{2014}help"], "help"),
            (&["\u{2013}origin=x"], "origin"),
            (&["\u{2014}\u{2014}max-message", "1K"], "max-message"),
        ] {
            let error = parse(line).expect_err(flag);
            assert!(error.ends_with(&format!(" has two dashes, `--{flag}`")), "{error}");
        }
        assert!(parse(&["-l8080"]).is_ok() && parse(&["--reply=-listen"]).is_ok());
    }

    #[test]
    fn a_flag_for_the_log_is_refused_with_the_variable() {
        for flag in ["--log", "--verbose", "-v", "--quiet"] {
            let error = parse(&[flag]).expect_err(flag);
            assert!(error.ends_with("; RUST_LOG sets the log level, as in `RUST_LOG=debug sockhop`"), "{error}");
        }
    }

    #[test]
    fn only_a_similar_flag_is_suggested() {
        let cases = [
            ("--lisen", Some("--listen")),
            ("--lsiten", Some("--listen")),
            ("--orgin", Some("--origin")),
            ("--originn", Some("--origin")),
            ("--ater", Some("--after")),
            ("--max-frame", Some("--max-frames")),
            ("--max-conn", Some("--max-connections")),
            ("--max-connection", Some("--max-connections")),
            ("--trusted-prox", Some("--trusted-proxy")),
            ("--maxmessage", Some("--max-message")),
            ("--message-rate", Some("--max-message-rate")),
            ("--ping", Some("--ping-interval")),
            ("--restrat", Some("--restart")),
            ("--l", None),
            ("-x", None),
            ("--foo", None),
            ("--verbose", None),
            ("--port", None),
            ("--stop", None),
            ("--host", None),
            ("--features", None),
            ("--bogus", None),
        ];
        for (written, meant) in cases {
            let errors =
                [&[written, "1"][..], &[written], &["echo", written]].map(|line| parse(line).expect_err(written));
            let [error, ..] = &errors;
            assert!(errors.iter().all(|it| it == error), "{errors:?}");
            let guess = error.split_once(", did you mean `").map(|(_, guess)| guess.trim_end_matches("`?"));
            assert_eq!(guess, meant, "{error}");
            assert!(error.starts_with(&format!("no such flag: `{written}`")), "{error}");
        }
    }
}
