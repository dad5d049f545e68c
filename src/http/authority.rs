//! `host [":" port]`, as it stands in Host, in an absolute-form target and in an origin (RFC 3986 §3.2, RFC 9110 §7.2).

/// A host and the port behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in its brackets, with a zone if it has one, as it was sent: its case
    /// means nothing.
    pub host: &'a str,
    /// None without a port, and for a colon with nothing behind it.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Takes less than the RFC's `reg-name`: letters, digits, `-`, `.` and `_`. So there is no user information, no
    /// escape, and no character that a shell or a log gives a meaning to. A `%` stands only before the zone of an IPv6
    /// address, which no RFC allows here, but Python's clients send.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.rfind(']') {
            Some(end) => text.split_at_checked(end + 1)?,
            None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
        };
        if !is_host(host) {
            return None;
        }
        let port = match port.strip_prefix(':') {
            Some("") => None,
            Some(digits) => Some(parse_port(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Authority { host, port })
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(is_ipv6),
        None => is_name(host),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// Checks the characters alone. An invalid address does no harm, since no other host is equal to it.
fn is_ipv6(address: &str) -> bool {
    let (address, zone) = address.split_once('%').unwrap_or((address, "-"));
    is_name(zone) && address.contains(':') && address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
}

fn parse_port(digits: &str) -> Option<u16> {
    // `u16::from_str` also takes a plus sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_hosts_and_ports() {
        let cases = [
            ("example.com", "example.com", None),
            ("example.com:", "example.com", None),
            ("Example.COM:8080", "Example.COM", Some(8080)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8::1]:65535", "[2001:DB8::1]", Some(65535)),
            ("[fe80::1%eth0]:8080", "[fe80::1%eth0]", Some(8080)),
            ("[fe80::1%25br-lan.7]", "[fe80::1%25br-lan.7]", None),
            ("my_service-1:080", "my_service-1", Some(80)),
        ];
        for (text, host, port) in cases {
            assert_eq!(Authority::parse(text), Some(Authority { host, port }), "{text}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        let cases = [
            "",
            ":",
            ":80",
            "a b",
            "user@host",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:+80",
            "a:-1",
            "a/b",
            "::1",
            "[::1",
            "::1]",
            "[::1]80",
            "[]",
            "[80]",
            "[::1%]",
            "[::1%a%b]",
            "[::1%a:b]",
            "[::1%a b]",
            "[%eth0]",
            "a%eth0",
            "127.0.0.1%eth0",
            "[::1]:80]",
            "a]:80",
            "h\u{e9}",
            "a,b",
            "$(a)",
            "`a`",
            "a'b",
            "a%20b",
        ];
        for text in cases {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
