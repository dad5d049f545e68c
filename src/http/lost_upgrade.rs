//! Opening handshakes from which a proxy has removed Upgrade.
//!
//! Upgrade and Connection are meant for the next hop only (RFC 9110 7.6.1), so a proxy removes both unless it is told to
//! pass them on. The headers that begin with Sec-WebSocket- get through.

use std::fmt;

use super::{Request, Version};

/// How to tell a proxy by the requests that it passes on.
enum Sign {
    Http10,
    Header(&'static str),
    /// In lower case.
    Via(&'static str),
}

/// The settings of proxies that pass Upgrade on.
const SETTINGS: [(Sign, &str); 5] = [
    (
        Sign::Http10,
        "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    ),
    (Sign::Header("x-forwarded-server"), "Apache: ProxyPass ... upgrade=websocket"),
    (Sign::Header("x-host"), "lighttpd: proxy.header = (\"upgrade\" => \"enable\")"),
    (Sign::Header("x-varnish"), "Varnish: return (pipe), with Upgrade and Connection set in vcl_pipe"),
    (Sign::Via("squid"), "Squid: http_upgrade_request_protocols websocket allow all"),
];

/// A plain request whose client wants a WebSocket. Its text, for the operator's log, has no byte from the peer: it names the
/// settings of the proxies that have left a sign, or of all proxies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostUpgrade<'r> {
    request: &'r Request<'r>,
}

impl<'r> LostUpgrade<'r> {
    /// None if the request has its Upgrade, or if its client wants no WebSocket.
    pub fn of(request: &'r Request<'_>) -> Option<Self> {
        let is_handshake = request.header("sec-websocket-key").is_some() && !request.wants_upgrade();
        is_handshake.then_some(LostUpgrade { request })
    }

    fn shows(self, sign: &Sign) -> bool {
        match sign {
            Sign::Http10 => self.request.version() == Version::Http10,
            Sign::Header(name) => self.request.header(name).is_some(),
            Sign::Via(name) => self.request.header_lines("via").any(|via| via.to_ascii_lowercase().contains(name)),
        }
    }
}

impl fmt::Display for LostUpgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a WebSocket came without its header Upgrade, which a proxy must be told to pass on. In ")?;
        let is_unknown = !SETTINGS.iter().any(|(sign, _)| self.shows(sign));
        let settings = SETTINGS.iter().filter(|(sign, _)| is_unknown || self.shows(sign));
        for (at, (_, setting)) in settings.enumerate() {
            write!(f, "{}{setting}", if at == 0 { "" } else { " / in " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(version: &str, lines: &[&str]) -> Option<String> {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{}\r\n\r\n", lines.join("\r\n"));
        LostUpgrade::of(&Request::parse(head.as_bytes()).expect("a request")).map(|lost| lost.to_string())
    }

    #[test]
    fn a_request_with_a_key_and_without_upgrade_has_lost_it() {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        assert_eq!(text("1.0", &["Via: 1.1 varnish", "X-Forwarded-For: 192.0.2.7"]), None);
        assert_eq!(text("1.0", &[key, "Upgrade: websocket"]), None, "the handshake says the rest");
        assert!(text("1.1", &[key, "Upgrade: h2c"]).is_some());
    }

    #[test]
    fn the_settings_are_those_of_the_proxies_that_have_left_a_sign() {
        const ALL: [&str; 5] = ["nginx", "Apache", "lighttpd", "Varnish", "Squid"];
        let cases: [(&str, &[&str], &[&str]); 7] = [
            ("1.1", &[], &ALL),
            ("1.1", &["X-Forwarded-For: 192.0.2.7", "Via: 1.1 proxy.example"], &ALL),
            ("1.0", &[], &["nginx"]),
            ("1.1", &["X-Forwarded-Server: a"], &["Apache"]),
            ("1.1", &["X-Host: a"], &["lighttpd"]),
            ("1.1", &["X-Varnish: 3"], &["Varnish"]),
            ("1.0", &["Via: 1.1 host (Squid/5.7), 1.1 other"], &["nginx", "Squid"]),
        ];
        for (version, lines, expected) in cases {
            let lines = [lines, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]].concat();
            let text = text(version, &lines).expect("a lost upgrade");
            let named: Vec<_> = ALL.into_iter().filter(|name| text.contains(&format!("n {name}: "))).collect();
            assert_eq!(named, expected, "{text}");
        }
    }
}
