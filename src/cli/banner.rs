//! The lines printed at the start: the addresses, what to open, and of a hub who may publish and listen.

use std::net::SocketAddr;

use super::address::zoned;
use super::doors::{Opened, Speaks};
use super::hub::HubPlan;
use super::hub::tokens::Right;
use super::plan::Serve;
use crate::{Config, ListenAddr};

/// The channel in examples.
const CHANNEL: &str = "news";

/// The lines, each with its line end: two, and two more of a hub.
pub(super) fn banner(opened: &[Opened], serve: &Serve, config: &Config) -> String {
    let listening: Vec<_> = opened.iter().map(url).collect();
    let served = opened.iter().filter(|it| it.speaks != Speaks::Redirect);
    let first_tcp = served.clone().find_map(|it| Some((tcp(&it.address)?, it)));
    let paths = paths(serve);
    let (to_try, curl, origin) = match (first_tcp, opened.first().map(|it| &it.address)) {
        (Some((address, it)), _) => {
            let authority = match address.ip().is_unspecified() {
                true => format!("localhost:{}", address.port()),
                false => name(it),
            };
            let s = if it.speaks == Speaks::Https { "s" } else { "" };
            let origin = format!("http{s}://{authority}");
            let to_try = format!("open {origin}/ in a browser, or connect to ws{s}://{authority}{paths}");
            (to_try, "curl".to_owned(), origin)
        }
        (None, Some(ListenAddr::Unix(path))) => {
            let curl = format!("curl --unix-socket {}", path.display());
            let to_try = format!("try {curl} http://localhost/, or connect to ws://localhost{paths}");
            (to_try, curl, "http://localhost".to_owned())
        }
        (None, _) => Default::default(),
    };
    // The start-up lines say so when pages of other sites may connect.
    let is_local = config.origins.local && !config.origins.any && served.clone().any(|it| is_loopback(&it.address));
    let pages = match (config.origins.any, is_local) {
        (true, _) => "; pages of every site may connect",
        (_, true) => "; local pages may connect as well (--origin same: only this server's)",
        _ => "",
    };
    let hub = if let Serve::Hub(hub) = serve { hub_lines(hub, &curl, &origin) } else { String::new() };
    format!("listening on {}\n{to_try}{pages}\n{hub}", listening.join(", "))
}

/// How to publish, and who may.
fn hub_lines(hub: &HubPlan, curl: &str, origin: &str) -> String {
    let publish_token = hub.tokens.has(Right::Publish);
    let header = if publish_token { " -H 'Authorization: Bearer TOKEN'" } else { "" };
    let publish = match (publish_token, hub.members_publish()) {
        (true, false) => "only holders of a publish token may publish",
        (true, true) => "holders of a publish token and listeners may publish",
        (false, false) => "anyone on this machine may publish (no --publish-token)",
        (false, true) => "anyone on this machine (no --publish-token) and listeners may publish",
    };
    let subscribe = match hub.tokens.has(Right::Subscribe) {
        true => "only holders of a subscribe token may listen",
        false => "anyone may listen (no --subscribe-token)",
    };
    format!("publish: {curl}{header} -d hello {origin}/{CHANNEL}\n{publish}; {subscribe}\n")
}

/// An address with its scheme, as browsers take it.
fn url(opened: &Opened) -> String {
    let name = name(opened);
    match (&opened.address, opened.speaks) {
        (ListenAddr::Unix(_), _) => name,
        (_, Speaks::Http) => format!("http://{name}"),
        (_, Speaks::Https) => format!("https://{name}"),
        (_, Speaks::Redirect) => format!("http://{name} (redirects to https)"),
    }
}

/// An address as it is shown: with the zone that was given, where the system has a number.
fn name(opened: &Opened) -> String {
    match (&opened.address, zoned(&opened.given)) {
        (ListenAddr::Tcp(SocketAddr::V6(address)), Some((ip, zone, _))) if address.scope_id() != 0 => {
            format!("[{ip}%{zone}]:{}", address.port())
        }
        (address, _) => address.to_string(),
    }
}

fn paths(serve: &Serve) -> String {
    match serve {
        Serve::One(app) => format!("/ ({} {})", app.name, app.about),
        Serve::Hub(_) => format!("/{CHANNEL} (a path is a channel)"),
        Serve::All(apps) => {
            let mut names = apps.iter().map(|app| app.name);
            let first = names.next().unwrap_or_default();
            let rest: Vec<_> = names.map(|name| format!("/{name}")).collect();
            format!("/{first} ({})", rest.join(", "))
        }
    }
}

fn tcp(address: &ListenAddr) -> Option<SocketAddr> {
    match address {
        ListenAddr::Tcp(address) => Some(*address),
        ListenAddr::Unix(_) => None,
    }
}

fn is_loopback(address: &ListenAddr) -> bool {
    tcp(address).is_some_and(|address| address.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::APPS;
    use crate::cli::args::{self, Asked};
    use crate::cli::plan::Plan;
    use crate::http::OriginPolicy;

    fn lines(addresses: &[&str], serve: &Serve, origins: OriginPolicy) -> Vec<String> {
        let parse = |text: &&str| match text.strip_prefix("unix:") {
            Some(path) => ListenAddr::Unix(path.into()),
            None => ListenAddr::Tcp(text.parse().unwrap()),
        };
        let open = |text: &&str| Opened { address: parse(text), given: (*text).to_owned(), speaks: Speaks::Http };
        let opened: Vec<_> = addresses.iter().map(open).collect();
        let text = banner(&opened, serve, &Config { origins, ..Config::default() });
        text.lines().map(str::to_owned).collect()
    }

    fn local() -> OriginPolicy {
        OriginPolicy { local: true, ..OriginPolicy::default() }
    }

    #[test]
    fn says_what_to_open() {
        let (echo, all) = (Serve::One(APPS[0].clone()), Serve::All(APPS.to_vec()));
        let about = "echo sends every message back to its sender";
        let others = "/pong, /chat, /greet, /relay, /broadcast";
        let cases: &[(&[&str], &Serve, &str, &str)] = &[
            (
                &["127.0.0.1:9000"],
                &echo,
                "http://127.0.0.1:9000",
                &format!("open http://127.0.0.1:9000/ in a browser, or connect to ws://127.0.0.1:9000/ ({about})"),
            ),
            (
                &["unix:/s", "[::]:80"],
                &all,
                "unix:/s, http://[::]:80",
                &format!("open http://localhost:80/ in a browser, or connect to ws://localhost:80/echo ({others})"),
            ),
            (
                &["unix:/s"],
                &echo,
                "unix:/s",
                &format!("try curl --unix-socket /s http://localhost/, or connect to ws://localhost/ ({about})"),
            ),
        ];
        for (addresses, serve, listening, to_try) in cases {
            let expected = [format!("listening on {listening}"), (*to_try).to_owned()];
            assert_eq!(lines(addresses, serve, OriginPolicy::default()), expected, "{addresses:?}");
        }
    }

    /// The apps that a command line serves.
    fn served(line: &[&str]) -> Serve {
        let Ok(Asked::Server(args)) = args::parse(line) else { panic!("{line:?}") };
        Plan::new(*args, &|_| None, Config::default()).unwrap().serve
    }

    #[test]
    fn says_how_to_publish_and_who_may() {
        let here = "anyone on this machine may publish (no --publish-token)";
        let all = "anyone may listen (no --subscribe-token)";
        let (publisher, listener) =
            ("only holders of a publish token may publish", "only holders of a subscribe token may listen");
        let cases: &[(&[&str], &str, &str)] = &[
            (&["hub"], "", &format!("{here}; {all}")),
            (
                &["hub", "--publish=members"],
                "",
                &format!("anyone on this machine (no --publish-token) and listeners may publish; {all}"),
            ),
            (&["hub", "--publish-token=s3cret"], " -H 'Authorization: Bearer TOKEN'", &format!("{publisher}; {all}")),
            (&["hub", "--subscribe-token-file=x"], "", &format!("{here}; {listener}")),
            (
                &["hub", "--publish-token-file=x", "--subscribe-token=s3cret", "--publish=members"],
                " -H 'Authorization: Bearer TOKEN'",
                &format!("holders of a publish token and listeners may publish; {listener}"),
            ),
        ];
        for (line, header, rights) in cases {
            let expected = [
                "listening on http://0.0.0.0:80".to_owned(),
                "open http://localhost:80/ in a browser, or connect to ws://localhost:80/news (a path is a channel)"
                    .to_owned(),
                format!("publish: curl{header} -d hello http://localhost:80/news"),
                (*rights).to_owned(),
            ];
            assert_eq!(lines(&["0.0.0.0:80"], &served(line), OriginPolicy::default()), expected, "{line:?}");
        }
        let [_, _, publish, _] = &lines(&["unix:/s"], &served(&["hub"]), OriginPolicy::default())[..] else {
            panic!("four lines")
        };
        assert_eq!(publish, "publish: curl --unix-socket /s -d hello http://localhost/news");
    }

    #[test]
    fn a_zone_is_shown_as_it_was_given() {
        let addresses = ["[fe80::1%3]:80", "[fe80::2%3]:90", "[fe80::1%4]:80", "[fe80::9%5]:1", "127.0.0.1:1"];
        let given = ["[fe80::1%eth0]:0", "[fe80::2%3]:90", "[fe80::1%eth1]:80", "name:1", "1"];
        let opened: Vec<_> = addresses
            .iter()
            .zip(given)
            .map(|(text, given)| Opened {
                address: ListenAddr::Tcp(text.parse().unwrap()),
                given: given.to_owned(),
                speaks: Speaks::Http,
            })
            .collect();
        let expected = ["[fe80::1%eth0]:80", "[fe80::2%3]:90", "[fe80::1%eth1]:80", "[fe80::9%5]:1", "127.0.0.1:1"];
        assert_eq!(opened.iter().map(name).collect::<Vec<_>>(), expected);
        let text = banner(&opened, &Serve::All(APPS.to_vec()), &Config::default());
        assert!(text.starts_with("listening on http://[fe80::1%eth0]:80, "), "{text}");
        assert!(text.contains("\nopen http://[fe80::1%eth0]:80/ in"), "{text}");
    }

    #[test]
    fn says_https_where_tls_is_spoken() {
        let opened = |text: &str, speaks| Opened {
            address: ListenAddr::Tcp(text.parse().unwrap()),
            given: text.to_owned(),
            speaks,
        };
        let all = [
            opened("0.0.0.0:80", Speaks::Redirect),
            opened("0.0.0.0:443", Speaks::Https),
            opened("127.0.0.1:8080", Speaks::Http),
        ];
        let hub = banner(&all, &served(&["hub"]), &Config::default());
        let [listening, to_try, publish, _] = &hub.lines().collect::<Vec<_>>()[..] else { panic!("four lines") };
        let expected =
            "listening on http://0.0.0.0:80 (redirects to https), https://0.0.0.0:443, http://127.0.0.1:8080";
        assert_eq!(*listening, expected);
        assert!(to_try.starts_with("open https://localhost:443/ in a browser, or connect to wss://localhost:443/news"));
        assert_eq!(*publish, "publish: curl -d hello https://localhost:443/news");
    }

    #[test]
    fn says_when_pages_of_other_sites_may_connect() {
        let all = Serve::All(APPS.to_vec());
        let here = "local pages may connect as well (--origin same: only this server's)";
        let cases = [
            ("127.0.0.1:1", local(), here),
            ("[::1]:1", local(), here),
            ("0.0.0.0:1", local(), "/broadcast)"),
            ("unix:/s", local(), "/broadcast)"),
            ("127.0.0.1:1", OriginPolicy::default(), "/broadcast)"),
            ("0.0.0.0:1", OriginPolicy { any: true, ..local() }, "; pages of every site may connect"),
        ];
        for (address, origins, end) in cases {
            let line = lines(&[address], &all, origins).pop().unwrap_or_default();
            assert!(line.ends_with(end), "{address}: {line}");
        }
    }
}
