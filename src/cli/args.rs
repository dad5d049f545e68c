//! The grammar of the command line.

use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::hub::HubArgs;
use super::hub::tokens::{self, Right};
use super::nearest::nearest;
use super::settings::hub::HUB;
use super::settings::recipe::RECIPE;
use super::settings::{Given, LIMITS, SHUTDOWN, Setting, TIMEOUTS};
use super::tls::TlsArgs;
use crate::apps::Recipe;
use crate::{Config, HubConfig};

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
    pub tls: TlsArgs,
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
    pub help: bool,
    pub version: bool,
    pub restart: bool,
}

/// The one mode that may follow `--deflate`.
pub(super) const TAKEOVER: &str = "takeover";

/// A flag that is in no table of [`Setting`]s.
struct Flag {
    /// Without the dashes.
    name: &'static str,
    /// The placeholder for its value, if it has one.
    value: &'static str,
    /// Finds the place of the value. The kind of the place says how often the flag may be given.
    place: fn(&mut Args) -> Place<'_>,
}

/// The place of a flag's value.
enum Place<'a> {
    /// For a flag without a value.
    Switch(&'a mut bool),
    /// For this word behind the flag, or none.
    Word(&'a mut Option<String>, &'static str),
    Text(&'a mut Option<String>),
    Path(&'a mut Option<PathBuf>),
    Texts(&'a mut Vec<String>),
    Paths(&'a mut Vec<PathBuf>),
    Token(&'a mut tokens::Given, Right),
    Config(&'a mut Given<Config>, &'static Setting<Config>),
    Recipe(&'a mut Given<Recipe>, &'static Setting<Recipe>),
    Hub(&'a mut Given<HubConfig>, &'static Setting<HubConfig>),
}

const FLAGS: &[Flag] = &[
    Flag { name: "help", value: "", place: |args| Place::Switch(&mut args.help) },
    Flag { name: "version", value: "", place: |args| Place::Switch(&mut args.version) },
    Flag { name: "listen", value: "ADDRESS", place: |args| Place::Texts(&mut args.listen) },
    Flag { name: "tls-cert", value: "FILE", place: |args| Place::Paths(&mut args.tls.certs) },
    Flag { name: "tls-key", value: "FILE", place: |args| Place::Paths(&mut args.tls.keys) },
    Flag { name: "tls-min", value: "VERSION", place: |args| Place::Text(&mut args.tls.min) },
    Flag { name: "tls-client-ca", value: "FILE", place: |args| Place::Path(&mut args.tls.client_ca) },
    Flag { name: "tls-client-ca-optional", value: "", place: |args| Place::Switch(&mut args.tls.is_client_optional) },
    Flag { name: "redirect", value: "ADDRESS", place: |args| Place::Texts(&mut args.tls.redirect) },
    Flag { name: "origin", value: "ORIGIN", place: |args| Place::Texts(&mut args.origins) },
    Flag { name: "path-prefix", value: "PATH", place: |args| Place::Text(&mut args.path_prefix) },
    Flag { name: "trusted-proxy", value: "CIDR", place: |args| Place::Texts(&mut args.trusted_proxies) },
    Flag { name: "proxy-protocol", value: "", place: |args| Place::Switch(&mut args.proxy_protocol) },
    Flag { name: "subprotocol", value: "NAME", place: |args| Place::Texts(&mut args.subprotocols) },
    Flag { name: "page", value: "DIR", place: |args| Place::Path(&mut args.page) },
    Flag { name: "page-fallback", value: "FILE", place: |args| Place::Text(&mut args.page_fallback) },
    Flag { name: "header", value: "HEADER", place: |args| Place::Texts(&mut args.headers) },
    Flag { name: "deflate", value: "MODE", place: |args| Place::Word(&mut args.deflate, TAKEOVER) },
    Flag { name: "restart", value: "", place: |args| Place::Switch(&mut args.restart) },
    Flag { name: "publish-token", value: "TOKEN", place: |args| Place::Token(&mut args.hub.tokens, Right::Publish) },
    Flag {
        name: "subscribe-token",
        value: "TOKEN",
        place: |args| Place::Token(&mut args.hub.tokens, Right::Subscribe),
    },
    Flag { name: "publish-token-file", value: "FILE", place: |args| Place::Paths(&mut args.hub.publish_files) },
    Flag { name: "subscribe-token-file", value: "FILE", place: |args| Place::Paths(&mut args.hub.subscribe_files) },
    Flag { name: "token-in-query", value: "", place: |args| Place::Switch(&mut args.hub.token_in_query) },
    Flag { name: "rule", value: "RULE", place: |args| Place::Texts(&mut args.hub.rules) },
];

/// The flags that also have one letter.
const LETTERS: [(&str, &str); 3] = [("-h", "help"), ("-V", "version"), ("-l", "listen")];

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
    settings().map(|setting| (setting.field, setting.flag)).chain(OTHER_FIELDS)
}

fn settings() -> impl Iterator<Item = &'static Setting<Config>> {
    LIMITS.iter().chain(TIMEOUTS).chain(SHUTDOWN)
}

/// The names of all flags, without the dashes.
fn names() -> impl Iterator<Item = &'static str> {
    let settings = settings().map(|setting| setting.flag).chain(RECIPE.iter().map(|setting| setting.flag));
    FLAGS.iter().map(|flag| flag.name).chain(settings).chain(HUB.iter().map(|setting| setting.flag))
}

/// Reads a command line. `help` and `version` mean the same as `--help` and `--version`.
///
/// # Errors
/// Names the word or flag that is out of place.
pub(super) fn parse(line: &[impl AsRef<OsStr>]) -> Result<Asked, String> {
    let mut line = line.iter().map(AsRef::as_ref).peekable();
    let has_help = |word: &OsStr| word == "--help" || word == "-h";
    if line.clone().take_while(|word| *word != "--").any(has_help) {
        return Ok(Asked::Help);
    }
    let mut args = Args::default();
    while let Some(word) = line.next() {
        if word == "--" {
            args.words.extend(line.by_ref().map(text).collect::<Result<Vec<_>, _>>()?);
        } else if let Some(error) = wrong_dashes(word) {
            return Err(error);
        } else if is_flag(word) {
            take(&mut args, word, &mut line)?;
        } else {
            args.words.push(text(word)?);
        }
    }
    let has = |name: &str| args.words.iter().any(|word| word == name);
    Ok(match () {
        () if args.help || has("help") => Asked::Help,
        () if args.version || has("version") => Asked::Version,
        () => Asked::Server(Box::new(args)),
    })
}

/// Puts the value of a flag, which is behind `=` or in the next word, into its place.
///
/// # Errors
/// Says what is wrong. A value that is text is not shown: it may be a token.
fn take<'a>(args: &mut Args, word: &OsStr, line: &mut Peekable<impl Iterator<Item = &'a OsStr>>) -> Result<(), String> {
    let (flag, behind) = split(word);
    let flag = text(flag)?;
    let Some((placeholder, place)) = find(args, &flag) else { return Err(unknown(&flag)) };
    let behind = behind.map(ToOwned::to_owned);
    let value = match place {
        Place::Switch(_) if behind.is_some() => {
            return Err(format!("`{flag}` takes no value: leave out `=` and what follows"));
        }
        Place::Switch(_) => OsString::new(),
        Place::Word(_, only) => {
            behind.or_else(|| line.next_if(|next| *next == only).map(Into::into)).unwrap_or_default()
        }
        _ => behind.or_else(|| line.next_if(|next| !is_flag(next)).map(Into::into)).ok_or_else(|| {
            let hint =
                line.peek().map_or_else(String::new, |_| format!("; one that begins with - is written {flag}=-…"));
            format!("`{flag}` requires an argument `{placeholder}`{hint}")
        })?,
    };
    if place.put(value)? { Err(format!("`{flag}` is given more than once")) } else { Ok(()) }
}

impl Place<'_> {
    /// Puts a value into the place, and tells whether there is one already where only one may be.
    fn put(self, value: OsString) -> Result<bool, String> {
        match self {
            Place::Switch(place) => return Ok(mem::replace(place, true)),
            Place::Text(place) | Place::Word(place, _) => return Ok(place.replace(text(&value)?).is_some()),
            Place::Path(place) => return Ok(place.replace(value.into()).is_some()),
            Place::Texts(list) => list.push(text(&value)?),
            Place::Paths(list) => list.push(value.into()),
            Place::Token(given, right) => given.add(right, value)?,
            Place::Config(given, setting) => return give(given, setting, value),
            Place::Recipe(given, setting) => return give(given, setting, value),
            Place::Hub(given, setting) => return give(given, setting, value),
        }
        Ok(false)
    }
}

fn give<T>(given: &mut Given<T>, setting: &'static Setting<T>, value: OsString) -> Result<bool, String> {
    let is_again = given.iter().any(|(other, _)| other.flag == setting.flag);
    given.push((setting, text(&value)?));
    Ok(is_again)
}

/// The placeholder of a flag's value, and its place.
fn find<'a>(args: &'a mut Args, flag: &str) -> Option<(&'static str, Place<'a>)> {
    let by_letter = || LETTERS.iter().find(|(letter, _)| *letter == flag).map(|(_, name)| *name);
    let name = flag.strip_prefix("--").or_else(by_letter)?;
    if let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) {
        return Some((flag.value, (flag.place)(args)));
    }
    if let Some(setting) = settings().find(|setting| setting.flag == name) {
        return Some((setting.value, Place::Config(&mut args.config, setting)));
    }
    if let Some(setting) = RECIPE.iter().find(|setting| setting.flag == name) {
        return Some((setting.value, Place::Recipe(&mut args.recipe, setting)));
    }
    let setting = HUB.iter().find(|setting| setting.flag == name)?;
    Some((setting.value, Place::Hub(&mut args.hub.settings, setting)))
}

/// Splits `--listen=80` or `-l80` into the flag and its value.
fn split(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    let is_letter = LETTERS.iter().any(|(letter, _)| bytes.starts_with(letter.as_bytes()));
    let end = if is_letter { 2 } else { bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len()) };
    let (flag, value) = bytes.split_at(end);
    let value = match value {
        [] => None,
        [b'=', value @ ..] | value => Some(OsStr::from_bytes(value)),
    };
    (OsStr::from_bytes(flag), value)
}

fn is_flag(word: &OsStr) -> bool {
    word.len() > 1 && word.as_bytes().starts_with(b"-")
}

fn text(word: &OsStr) -> Result<String, String> {
    word.to_str().map(str::to_owned).ok_or_else(|| format!("`{}` is not UTF-8", word.display()))
}

/// Says that a word begins with the wrong dashes: `-listen`, which would be `-l isten`, or `—help`, as word processors have it.
fn wrong_dashes(word: &OsStr) -> Option<String> {
    // The value behind it is not shown: it may be a token.
    let word = word.to_str()?.split('=').next()?;
    let name = word.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2212}']);
    let is_meant = !word.starts_with("--") && name.len() > 1 && name.len() < word.len() && names().any(|it| it == name);
    is_meant.then(|| format!("no such flag: `{word}`; a name of more than one letter has two dashes, `--{name}`"))
}

/// Says that there is no such flag. Only a similar one is suggested.
fn unknown(flag: &str) -> String {
    let hint = match flag {
        "--port" | "-p" | "--host" | "--bind" | "--address" => {
            "; an address needs no flag, as in `sockhop 0.0.0.0:9000`"
        }
        "--log" | "--log-level" | "--verbose" | "-v" | "--debug" | "-d" | "--quiet" | "-q" => {
            "; RUST_LOG sets the log level, as in `RUST_LOG=debug sockhop`"
        }
        _ => match nearest(flag.trim_start_matches('-'), names()) {
            Some(name) => &format!(", did you mean `--{name}`?"),
            None => "",
        },
    };
    format!("no such flag: `{flag}`{hint}")
}

#[cfg(test)]
mod tests;
