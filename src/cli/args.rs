//! What can be written on the command line.

use std::path::PathBuf;

use bpaf::{OptionParser, Parser, construct, long, positional, pure};

use super::settings::{DRAIN, LIMITS, RECIPE, Setting, TIMEOUTS};
use crate::Config;
use crate::apps::Recipe;

/// A command line that is well formed; what its words mean is not looked at yet.
#[derive(Default)]
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

/// The parser of the command line. Its help is not bpaf's but [`help::text`](super::help::text).
pub(super) fn parser() -> OptionParser<Args> {
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
