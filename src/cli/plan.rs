//! Turns the command line and the environment into a plan: the apps, the addresses and the configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use super::address;
use super::args::{Args, TAKEOVER};
use super::deflate;
use super::hub::{Env, HubArgs, HubPlan};
use super::nearest::nearest;
use super::settings::{Given, Setting, apply};
use super::tls::TlsPlan;
use crate::apps::{APPS, App, On, Recipe};
use crate::http::{Cidr, Origin, OriginPolicy, Router};
use crate::{CloseCode, Config, ProxyProtocol};

/// The word for the hub on the command line.
const HUB: &str = "hub";

/// All that is needed to run a server.
#[derive(Debug)]
pub(super) struct Plan {
    pub serve: Serve,
    /// At least one address; `http:` stands before one that stays plain where others speak TLS.
    pub listen: Vec<String>,
    pub tls: Option<TlsPlan>,
    pub page: Option<Page>,
    pub config: Config,
}

/// The user's own pages.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub directory: PathBuf,
    /// The file for paths at which there is none.
    pub fallback: Option<String>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

/// The apps to serve.
#[derive(Debug)]
pub(super) enum Serve {
    All(Vec<App>),
    One(App),
    Hub(Box<HubPlan>),
}

impl Plan {
    /// Makes a plan from the arguments and the environment, with `config` as the defaults.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right.
    pub(super) fn new(args: Args, env: &impl Fn(&str) -> Option<OsString>, mut config: Config) -> Result<Self, String> {
        let words = Words::read(&args.words).map_err(|error| match args.deflate.as_deref() {
            Some("") => format!("{error}; only `{TAKEOVER}` may follow --deflate"),
            _ => error,
        });
        let Words { app, mut listen } = words?;
        if let (Some(word), Some(flagged)) = (listen.first(), args.listen.first()) {
            return Err(format!(
                "{word} and --listen {flagged}: write one address without a flag, or each of several with --listen"
            ));
        }
        for text in &args.listen {
            listen.push(address::complete(text).map_err(|error| format!("--listen: {error}"))?);
        }
        apply(&mut config, &args.config)?;
        config.origins = origins(&args.origins)?;
        if let Some(mode) = &args.deflate {
            deflate::configure(&mut config, mode)?;
        }
        if args.restart {
            config.shutdown.code = CloseCode::SERVICE_RESTART;
        }
        if let Some(prefix) = args.path_prefix {
            Router::default().prefix(&prefix).map_err(|error| format!("--path-prefix: `{prefix}`: {error}"))?;
            config.path_prefix = prefix;
        }
        config.trusted_proxies = trusted_proxies(&args.trusted_proxies)?;
        if args.proxy_protocol {
            if config.trusted_proxies.is_empty() {
                return Err("--proxy-protocol: name the proxies that use it with --trusted-proxy".to_owned());
            }
            config.proxy_protocol = ProxyProtocol::Required;
        }
        let mut serve = serve(app, &args.recipe, args.hub, env)?;
        if let (Serve::Hub(_), Some(name)) = (&serve, args.subprotocols.first()) {
            return Err(format!(
                "--subprotocol: the hub does not speak `{name}`: its messages are as they were published"
            ));
        }
        for app in serve.apps_mut() {
            app.recipe.subprotocols = subprotocols(&args.subprotocols)?;
        }
        let page = page(args.page, args.page_fallback, &args.headers)?;
        let listen = address::choose(listen, env)?;
        let tls = args.tls.plan(&listen)?;
        Ok(Plan { serve, listen, tls, page, config })
    }
}

impl Serve {
    pub(super) fn apps(&self) -> &[App] {
        match self {
            Serve::All(apps) => apps,
            Serve::One(app) => std::slice::from_ref(app),
            Serve::Hub(_) => &[],
        }
    }

    fn apps_mut(&mut self) -> &mut [App] {
        match self {
            Serve::All(apps) => apps,
            Serve::One(app) => std::slice::from_mut(app),
            Serve::Hub(_) => &mut [],
        }
    }
}

/// A thing that a word names.
enum Named {
    App(Box<App>),
    Hub,
}

impl Named {
    fn find(word: &str) -> Option<Self> {
        if word == HUB { Some(Named::Hub) } else { find_app(word).map(Box::new).map(Named::App) }
    }

    fn name(&self) -> &'static str {
        match self {
            Named::App(app) => app.name,
            Named::Hub => HUB,
        }
    }
}

/// The words that are not flags.
struct Words {
    app: Option<Named>,
    listen: Vec<String>,
}

impl Words {
    fn read(words: &[String]) -> Result<Self, String> {
        let (mut app, mut listen): (Option<Named>, Vec<String>) = (None, Vec::new());
        for word in words {
            if let Some(named) = Named::find(word) {
                if let Some(other) = app.replace(named) {
                    return Err(format!("{} and {word}: one app at a time, or none for all of them", other.name()));
                }
                continue;
            }
            if let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) {
                // Other words with dashes are refused by the parser, unless they are behind `--`.
                return Err(if flag.starts_with('-') || flag.len() == 1 {
                    format!("`{word}` is no flag behind `--`: leave `--` out")
                } else {
                    format!("no such flag: `-{flag}`; a name of more than one letter has two dashes, `--{flag}`")
                });
            }
            let address = address::complete(word).map_err(|error| {
                // A word that looks like an address is one, and so is any word beside the name of an app.
                let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic()) && !word.contains(':');
                if app.is_some() || !is_name || word == "localhost" {
                    return error;
                }
                let names = APPS.each_ref().map(|app| app.name);
                match nearest(word, names.into_iter().chain(["recipe", HUB, "help", "version"])) {
                    Some(name) => format!("no such app: `{word}`, did you mean `{name}`?"),
                    None => format!("{error}; nor is it an app: the apps are {}, recipe and {HUB}", names.join(", ")),
                }
            })?;
            listen.push(address);
        }
        if listen.len() > 1 {
            return Err(format!(
                "{}: write one address without a flag, or each of several with --listen",
                listen.join(" and ")
            ));
        }
        Ok(Words { app, listen })
    }
}

/// Finds the app or the hub that is named, with the changes that its flags make.
fn serve(named: Option<Named>, recipe: &Given<Recipe>, hub: HubArgs, env: Env<'_>) -> Result<Serve, String> {
    if let (None | Some(Named::App(_)), Some(flag)) = (&named, hub.flag()) {
        return Err(format!("{flag} is about the hub: it goes with `sockhop {HUB}`"));
    }
    match (named, recipe.first()) {
        (Some(Named::Hub), None) => Ok(Serve::Hub(Box::new(hub.plan(env)?))),
        (Some(Named::Hub), Some((Setting { flag, .. }, _))) => {
            Err(format!("--{flag} changes an app, such as `sockhop pong --{flag} …`: it does not go with the {HUB}"))
        }
        (Some(Named::App(app)), None) => Ok(Serve::One(*app)),
        (Some(Named::App(app)), Some(_)) => Ok(Serve::One(change(*app, recipe)?)),
        (None, None) => Ok(Serve::All(APPS.to_vec())),
        (None, Some((Setting { flag, .. }, _))) => {
            let own = format!("or make your own, as in `sockhop recipe --{flag} …`");
            Err(format!("--{flag} changes one app: name it, as in `sockhop pong --{flag} …`, {own}"))
        }
    }
}

fn find_app(name: &str) -> Option<App> {
    let [echo, ..] = &APPS;
    let own = App { name: "recipe", ..echo.clone() };
    APPS.iter().chain([&own]).find(|app| app.name == name).cloned()
}

fn page(directory: Option<PathBuf>, fallback: Option<String>, headers: &[String]) -> Result<Option<Page>, String> {
    let Some(directory) = directory else {
        let alone = fallback.map(|_| "--page-fallback").or(headers.first().map(|_| "--header"));
        return alone
            .map_or(Ok(None), |flag| Err(format!("{flag} is about pages of your own: it goes with --page DIR")));
    };
    if directory.as_os_str().is_empty() {
        return Err("--page: the name of the directory is empty".to_owned());
    }
    let split = |line: &String| {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            format!("--header: `{line}` has no colon: write it as in 'Cross-Origin-Opener-Policy: same-origin'")
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    let headers = headers.iter().map(split).collect::<Result<_, String>>()?;
    Ok(Some(Page { directory, fallback, headers }))
}

/// Changes the recipe of an app, and its description to match.
fn change(app: App, given: &Given<Recipe>) -> Result<App, String> {
    let mut recipe = app.recipe;
    apply(&mut recipe, given)?;
    if recipe.on != On::JsonObject
        && recipe.stamp.take().is_some()
        && given.iter().any(|(setting, _)| setting.flag == "stamp")
    {
        return Err("--stamp writes into JSON objects: it goes with --on json".to_owned());
    }
    let flags: Vec<_> = given.iter().map(|(setting, value)| format!("--{} {}", setting.flag, quoted(value))).collect();
    let example = match &recipe.on {
        On::Any => "hello".into(),
        On::Text(text) => text.clone(),
        On::JsonObject => r#"{"text":"hello"}"#.into(),
    };
    Ok(App { about: format!("with {}", flags.join(" ")).into(), example, recipe, ..app })
}

/// A value as it is written in a shell.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.:,/+@%=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Unlike the crate's default, this lets pages on the same machine connect, so that a page opened as a file works.
fn origins(given: &[String]) -> Result<OriginPolicy, String> {
    let mut policy = OriginPolicy { local: true, ..OriginPolicy::default() };
    for text in given {
        match text.as_str() {
            "same" => policy.local = false,
            "*" => policy.any = true,
            _ => policy.allowed.push(Origin::parse(text).map_err(|error| format!("--origin: `{text}`: {error}"))?),
        }
    }
    if policy.any && given.iter().any(|text| text != "*") {
        return Err("--origin: `*` lets all pages in, whatever else is given: leave it out, or the others".to_owned());
    }
    Ok(policy)
}

fn trusted_proxies(given: &[String]) -> Result<Vec<Cidr>, String> {
    let parse = |text: &String| Cidr::parse(text).map_err(|error| format!("--trusted-proxy: `{text}`: {error}"));
    given.iter().map(parse).collect()
}

/// RFC 6455 4.1: a subprotocol is a token (RFC 9110 5.6.2 Tokens).
fn subprotocols(given: &[String]) -> Result<Vec<std::borrow::Cow<'static, str>>, String> {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let check = |name: &String| {
        let is_token = !name.is_empty() && name.bytes().all(is_token_byte);
        let error = || format!("--subprotocol: `{name}` is not a name: write letters, digits, - and .");
        if is_token { Ok(name.clone().into()) } else { Err(error()) }
    };
    given.iter().map(check).collect()
}

#[cfg(test)]
mod tests;
