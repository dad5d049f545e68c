//! The two lines printed at the start: the addresses, and what to open.

use std::net::SocketAddr;

use super::address::zoned;
use super::plan::Serve;
use crate::{Config, ListenAddr};

/// Both lines, each with its line end. `given` are the addresses as the user wrote them, in the same order.
pub(super) fn banner(addresses: &[ListenAddr], given: &[String], serve: &Serve, config: &Config) -> String {
    let names = names(addresses, given);
    let urls = addresses.iter().zip(&names).map(|(address, name)| match address {
        ListenAddr::Tcp(_) => format!("http://{name}"),
        ListenAddr::Unix(_) => name.clone(),
    });
    let listening: Vec<_> = urls.collect();
    let first_tcp = addresses.iter().zip(names).find_map(|(address, name)| Some((tcp(address)?, name)));
    let to_try = match (first_tcp, addresses.first()) {
        (Some((address, name)), _) => {
            let authority = match address.ip().is_unspecified() {
                true => format!("localhost:{}", address.port()),
                false => name,
            };
            format!("open http://{authority}/ in a browser, or connect to ws://{authority}{}", paths(serve))
        }
        (None, Some(ListenAddr::Unix(path))) => {
            format!(
                "try curl --unix-socket {} http://localhost/, or connect to ws://localhost{}",
                path.display(),
                paths(serve)
            )
        }
        (None, _) => String::new(),
    };
    // The start-up lines say so when pages of other sites may connect.
    let is_local = config.origins.local && !config.origins.any && addresses.iter().any(is_loopback);
    let pages = match (config.origins.any, is_local) {
        (true, _) => "; pages of every site may connect",
        (_, true) => "; local pages may connect as well (--origin same: only this server's)",
        _ => "",
    };
    format!("listening on {}\n{to_try}{pages}\n", listening.join(", "))
}

/// The addresses as they are shown: with the zone that was given, where the system has a number.
fn names(addresses: &[ListenAddr], given: &[String]) -> Vec<String> {
    let mut zones: Vec<_> = given.iter().filter_map(|text| zoned(text)).collect();
    let name = |address: &ListenAddr| {
        let (ip, port) = match address {
            ListenAddr::Tcp(SocketAddr::V6(address)) if address.scope_id() != 0 => (*address.ip(), address.port()),
            _ => return address.to_string(),
        };
        let at = zones.iter().position(|(zoned, ..)| *zoned == ip);
        at.map_or_else(|| address.to_string(), |at| format!("[{ip}%{}]:{port}", zones.remove(at).1))
    };
    addresses.iter().map(name).collect()
}

fn paths(serve: &Serve) -> String {
    match serve {
        Serve::One(app) => format!("/ ({} {})", app.name, app.about),
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
    use crate::http::OriginPolicy;

    fn lines(addresses: &[&str], serve: &Serve, origins: OriginPolicy) -> Vec<String> {
        let parse = |text: &&str| match text.strip_prefix("unix:") {
            Some(path) => ListenAddr::Unix(path.into()),
            None => ListenAddr::Tcp(text.parse().unwrap()),
        };
        let addresses: Vec<_> = addresses.iter().map(parse).collect();
        let text = banner(&addresses, &[], serve, &Config { origins, ..Config::default() });
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

    #[test]
    fn a_zone_is_shown_as_it_was_given() {
        let addresses = ["[fe80::1%3]:80", "[fe80::2%3]:90", "[fe80::1%4]:80", "[fe80::9%5]:1", "127.0.0.1:1"];
        let addresses = addresses.map(|text| ListenAddr::Tcp(text.parse().unwrap()));
        let given = ["[fe80::1%eth0]:0", "[fe80::2%3]:90", "[fe80::1%eth1]:80", "name:1", "1"].map(str::to_owned);
        let expected = ["[fe80::1%eth0]:80", "[fe80::2%3]:90", "[fe80::1%eth1]:80", "[fe80::9%5]:1", "127.0.0.1:1"];
        assert_eq!(names(&addresses, &given), expected);
        let text = banner(&addresses, &given, &Serve::All(APPS.to_vec()), &Config::default());
        assert!(text.starts_with("listening on http://[fe80::1%eth0]:80, "), "{text}");
        assert!(text.contains("\nopen http://[fe80::1%eth0]:80/ in"), "{text}");
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
