//! The addresses to listen on: from the command line, else from the environment, else the default.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// The address if neither command line nor environment has one.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Stands before an address that stays plain where others speak TLS.
const PLAIN: &str = "http:";

/// Returns the addresses from the command line, else from `SOCKHOP_LISTEN`, else from `IP` and `PORT`, else
/// 127.0.0.1:8080. `IP` or `PORT` may be missing. An empty variable counts as missing.
///
/// # Errors
/// Names the variable and its fault.
pub(super) fn choose(given: Vec<String>, env: &impl Fn(&str) -> Option<OsString>) -> Result<Vec<String>, String> {
    if !given.is_empty() {
        return Ok(given);
    }
    let env = |name: &str| match env(name).map(OsString::into_string) {
        None => Ok(String::new()),
        Some(value) => value.map_err(|bytes| format!("{name}: `{}` is not UTF-8", bytes.display())),
    };
    let list = env("SOCKHOP_LISTEN")?;
    let listed = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    let listed: Vec<_> = listed.map(complete).collect::<Result<_, _>>().map_err(|e| format!("SOCKHOP_LISTEN: {e}"))?;
    if !listed.is_empty() {
        return Ok(listed);
    }
    let mut address = DEFAULT;
    let (ip, port) = (env("IP")?, env("PORT")?);
    if !ip.is_empty() {
        address.set_ip(ip.parse().map_err(|_| format!("IP: `{ip}` is not an IP address: write 127.0.0.1 or ::"))?);
    }
    if !port.is_empty() {
        address.set_port(parse_port(&port).map_err(|error| format!("PORT: {error}"))?);
    }
    Ok(vec![address.to_string()])
}

/// Completes an address: `8080` and `:8080` become 127.0.0.1:8080. `HOST:PORT`, `[IPV6]:PORT` and `unix:PATH` stay as
/// they are. `http:` may stand before all but the last.
///
/// # Errors
/// Shows what an address looks like.
pub(super) fn complete(text: &str) -> Result<String, String> {
    let behind = |scheme: &str| text.strip_prefix(scheme).filter(|rest| !rest.starts_with("//"));
    if let Some(rest) = behind("https:") {
        return Err(format!("`{text}` is not an address: with --tls-cert, {rest} speaks TLS"));
    }
    match behind(PLAIN) {
        Some(rest) if rest.starts_with("unix:") => {
            Err(format!("`{text}`: a socket is plain in any case: write {rest}"))
        }
        Some(rest) => complete_bare(rest).map(|address| format!("{PLAIN}{address}")),
        None => complete_bare(text),
    }
}

/// A complete address without `http:` before it.
pub(super) fn bare(address: &str) -> &str {
    address.strip_prefix(PLAIN).unwrap_or(address)
}

/// Whether a server with certificates speaks TLS at a complete address.
pub(super) fn may_speak_tls(address: &str) -> bool {
    !address.starts_with(PLAIN) && !address.starts_with("unix:")
}

fn complete_bare(text: &str) -> Result<String, String> {
    if text.starts_with("unix:/") {
        return Ok(text.to_owned());
    }
    if text.starts_with("unix:") {
        return Err(format!(
            "`{text}` is not an address: write the whole path of a socket, as in unix:/run/sockhop.sock"
        ));
    }
    if text.starts_with('/') {
        return Err(format!("`{text}` is not an address: write unix:{text} for a socket"));
    }
    let port = text.strip_prefix(':').unwrap_or(text);
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(SocketAddr::new(DEFAULT.ip(), parse_port(port)?).to_string());
    }
    if text == "localhost" || text.ends_with(']') || text.parse::<Ipv4Addr>().is_ok() {
        return Err(format!("`{text}` has no port: write {text}:8080"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        return Err(format!("`{text}` is not an address: leave the scheme out, as in {rest}"));
    }
    let Some((host, port)) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
        return Err(format!(
            "`{text}` is not an address: write 8080, 0.0.0.0:8080, [::]:8080 or unix:/run/sockhop.sock"
        ));
    };
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(format!("`{text}` is not an address: write an IPv6 address in brackets, as in [::1]:8080"));
    }
    parse_port(port).map(|port| format!("{host}:{port}"))
}

/// Whether two addresses, complete and with a port other than 0, are for the same connections, or one for some of the other's.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let has_all = |one: SocketAddr, other: SocketAddr| {
        one.ip() == other.ip() || one.ip().is_unspecified() && (one.is_ipv6() || other.is_ipv4())
    };
    match (one.strip_prefix("unix:"), other.strip_prefix("unix:")) {
        (Some(one), Some(other)) => one.split('?').next() == other.split('?').next(),
        (None, None) => candidates(one).iter().any(|one| {
            let is_same = |other: &SocketAddr| has_all(*one, *other) || has_all(*other, *one);
            candidates(other).iter().any(|other| one.port() == other.port() && is_same(other))
        }),
        _ => false,
    }
}

/// The addresses that a text stands for.
fn candidates(text: &str) -> Vec<SocketAddr> {
    match zoned(text) {
        Some((ip, _, port)) => port.parse().map(|port| SocketAddr::new(ip.into(), port)).into_iter().collect(),
        None => text.to_socket_addrs().into_iter().flatten().collect(),
    }
}

/// The parts of `[fe80::1%eth0]:8080`: address, zone and port.
pub(super) fn zoned(text: &str) -> Option<(Ipv6Addr, &str, &str)> {
    let (host, port) = text.strip_prefix('[')?.split_once("]:")?;
    let (ip, zone) = host.split_once('%')?;
    Some((ip.parse().ok()?, zone, port))
}

fn parse_port(text: &str) -> Result<u16, String> {
    let is_number = !text.starts_with('+');
    let port = text.parse().ok().filter(|_| is_number);
    port.ok_or_else(|| format!("`{text}` is not a port: write a number from 0 to 65535"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn chosen(given: &[&str], env: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        choose(given.iter().map(|it| (*it).to_owned()).collect(), &find).map(|all| all.join(" "))
    }

    #[test]
    fn prefers_the_command_line_to_the_environment() {
        type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
        let cases: &[Case<'_>] = &[
            (&[], &[], "127.0.0.1:8080"),
            (&[], &[("PORT", "3000")], "127.0.0.1:3000"),
            (&[], &[("IP", "::")], "[::]:8080"),
            (&[], &[("IP", "0.0.0.0"), ("PORT", "0")], "0.0.0.0:0"),
            (&[], &[("IP", ""), ("PORT", ""), ("SOCKHOP_LISTEN", "")], "127.0.0.1:8080"),
            (&[], &[("SOCKHOP_LISTEN", "9000"), ("IP", "::"), ("PORT", "1")], "127.0.0.1:9000"),
            (&[], &[("SOCKHOP_LISTEN", " [::1]:1, unix:/tmp/s?mode=0660 ,")], "[::1]:1 unix:/tmp/s?mode=0660"),
            (&[], &[("SOCKHOP_LISTEN", " ,"), ("PORT", "1")], "127.0.0.1:1"),
            (&["a:1", "b:2"], &[("SOCKHOP_LISTEN", "nonsense"), ("PORT", "nonsense")], "a:1 b:2"),
        ];
        for (given, env, expected) in cases {
            assert_eq!(chosen(given, env).as_deref(), Ok(*expected), "{given:?} {env:?}");
        }
    }

    #[test]
    fn names_the_variable_at_fault() {
        let cases = [
            ("IP", "localhost", "IP: `localhost` is not an IP address: write 127.0.0.1 or ::"),
            ("PORT", "65536", "PORT: `65536` is not a port: write a number from 0 to 65535"),
            ("SOCKHOP_LISTEN", "80,x:y", "SOCKHOP_LISTEN: `y` is not a port: write a number from 0 to 65535"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(chosen(&[], &[(name, value)]), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_variable_that_is_no_text_is_refused_unless_an_address_is_given() {
        for name in ["SOCKHOP_LISTEN", "IP", "PORT"] {
            let find = |wanted: &str| (wanted == name).then(|| OsString::from_vec(b"80\xff".to_vec()));
            assert_eq!(choose(Vec::new(), &find), Err(format!("{name}: `80\u{fffd}` is not UTF-8")));
            assert!(choose(vec!["a:1".into()], &find).is_ok());
        }
    }

    #[test]
    fn completes_addresses() {
        let cases = [
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("localhost:8080", "localhost:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("unix:/run/s.sock?mode=0660", "unix:/run/s.sock?mode=0660"),
            ("http:8080", "http:127.0.0.1:8080"),
            ("http:[::]:80", "http:[::]:80"),
            ("http:http:80", "http:http:80"),
        ];
        for (text, expected) in cases {
            assert_eq!(complete(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_address_stays_plain_where_it_is_said_or_cannot_be_otherwise() {
        for (address, rest, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("[::]:443", "[::]:443", true),
            ("http:127.0.0.1:80", "127.0.0.1:80", false),
            ("unix:/s", "unix:/s", false),
        ] {
            assert_eq!((bare(address), may_speak_tls(address)), (rest, expected), "{address}");
        }
    }

    #[test]
    fn addresses_of_the_same_connections_overlap() {
        for (one, other, expected) in [
            ("0.0.0.0:80", "[::]:80", true),
            ("127.0.0.1:80", "[::]:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("localhost:80", "localhost:80", true),
            ("localhost:80", "[::]:80", true),
            ("[::1]:80", "[::]:80", true),
            ("[fe80::1%lo]:80", "[::]:80", true),
            ("[fe80::1%lo]:80", "[fe80::1%1]:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "[::]:81", false),
            ("unix:/s", "unix:/s?mode=0660", true),
            ("unix:/s", "unix:/t", false),
            ("unix:/s", "0.0.0.0:80", false),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(overlap(one, other), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn an_error_shows_what_an_address_looks_like() {
        let cases = [
            ("", "`` is not an address: write 8080"),
            ("example", "`example` is not an address: write 8080"),
            (":", "`:` is not an address: write 8080"),
            (":http", "`:http` is not an address: write 8080"),
            ("localhost", "`localhost` has no port: write localhost:8080"),
            ("0.0.0.0", "`0.0.0.0` has no port: write 0.0.0.0:8080"),
            ("[::1]", "`[::1]` has no port: write [::1]:8080"),
            ("unix:", "`unix:` is not an address: write the whole path"),
            ("unix:s.sock", "`unix:s.sock` is not an address: write the whole path"),
            ("/run/s.sock", "`/run/s.sock` is not an address: write unix:/run/s.sock for a socket"),
            ("::1:8080", "`::1:8080` is not an address: write an IPv6 address in brackets"),
            ("99999", "`99999` is not a port"),
            (":99999", "`99999` is not a port"),
            ("a:+1", "`+1` is not a port"),
            ("http://a:1", "`http://a:1` is not an address: leave the scheme out, as in a:1"),
            ("https://a:1", "`https://a:1` is not an address: leave the scheme out, as in a:1"),
            ("https:a:1", "`https:a:1` is not an address: with --tls-cert, a:1 speaks TLS"),
            ("http:", "`` is not an address: write 8080"),
            ("http:unix:/s", "`http:unix:/s`: a socket is plain in any case: write unix:/s"),
        ];
        for (text, expected) in cases {
            let error = complete(text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
