//! Tells whether a proxy has passed a request on, and finds the address of the client behind it, in X-Forwarded-For.
//!
//! Each proxy appends the address of its own peer. The client may have sent the header with invented addresses, so only
//! those on the right, which trusted proxies have appended, are believed. No RFC defines the header; RFC 7239 §5.2
//! mentions it.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Request, list};

/// The address of the client whose request a trusted proxy has passed on.
///
/// X-Forwarded-For is read from the right, up to the first address that is not a trusted proxy's; if all are trusted, the
/// leftmost is the client's. A port behind an address is left out. None if there is no address, or if anything but an
/// address comes before the search ends.
///
/// ```
/// use sockhop::http::{Request, forwarded_client};
/// let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.0.0.2\r\n\r\n";
/// let is_proxy = |address: std::net::IpAddr| address.to_string().starts_with("10.");
/// let client = forwarded_client(&Request::parse(head)?, is_proxy);
/// assert_eq!(client, Some([192, 0, 2, 7].into()));
/// # Ok::<(), sockhop::http::RequestError>(())
/// ```
#[must_use]
pub fn forwarded_client(request: &Request<'_>, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut client = None;
    for element in list::elements_backward(request.header_bytes("x-forwarded-for")) {
        let address = parse_address(element)?;
        client = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// Whether a header says that a proxy has passed the request on: Forwarded (RFC 7239), X-Forwarded-*, X-Real-IP, or Via
/// (RFC 9110 7.6.3). A proxy may also add none of them.
#[must_use]
pub fn is_forwarded(request: &Request<'_>) -> bool {
    const PREFIX: &str = "x-forwarded-";
    let is_of_proxy = |name: &str| {
        ["forwarded", "via", "x-real-ip"].iter().any(|it| name.eq_ignore_ascii_case(it))
            || name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    };
    request.header_names().any(is_of_proxy)
}

/// `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:80`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| in_brackets().map(IpAddr::V6))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::http::Cidr;

    fn client(lines: &[&str], trusted: &[&str]) -> Option<String> {
        let lines: String = lines.iter().map(|line| format!("X-Forwarded-For: {line}\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let request = Request::parse(head.as_bytes()).expect("a request");
        let trusted: Vec<Cidr> = trusted.iter().map(|range| range.parse().expect("a range")).collect();
        let is_trusted = |address| trusted.iter().any(|range| range.contains(address));
        forwarded_client(&request, is_trusted).map(|address| address.to_string())
    }

    #[test]
    fn a_proxy_is_known_by_its_headers() {
        let cases = [
            ("Accept", false),
            ("Forwarded", true),
            ("forwarded", true),
            ("X-Forwarded-For", true),
            ("x-FORWARDED-proto", true),
            ("X-Forwarded", false),
            ("X-Real-IP", true),
            ("Via", true),
            ("Viable", false),
        ];
        for (name, expected) in cases {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: \r\n\r\n");
            assert_eq!(is_forwarded(&Request::parse(head.as_bytes()).expect("a request")), expected, "{name}");
        }
    }

    #[test]
    fn the_client_has_the_rightmost_address_that_is_not_trusted() {
        let cases: &[(&[&str], Option<&str>)] = &[
            (&[], None),
            (&[""], None),
            (&[" , ,"], None),
            (&["192.0.2.7"], Some("192.0.2.7")),
            (&["1.1.1.1, 192.0.2.7"], Some("192.0.2.7")),
            (&["1.1.1.1, 192.0.2.7, 10.0.0.2"], Some("192.0.2.7")),
            (&["192.0.2.7 ,\t10.0.0.2,, 10.9.9.9,"], Some("192.0.2.7")),
            (&["1.1.1.1", "192.0.2.7", "10.0.0.2"], Some("192.0.2.7")),
            (&["1.1.1.1, 192.0.2.7", "10.0.0.2, 10.0.0.3"], Some("192.0.2.7")),
            (&["10.0.0.2, 192.0.2.7, 10.0.0.3"], Some("192.0.2.7")),
            // All are trusted: the first proxy had a client on its own network.
            (&["10.0.0.9, 10.0.0.2", "10.0.0.3"], Some("10.0.0.9")),
            (&["::ffff:192.0.2.7, ::ffff:10.0.0.2"], Some("::ffff:192.0.2.7")),
        ];
        for (lines, expected) in cases {
            assert_eq!(client(lines, &["10.0.0.0/8"]).as_deref(), *expected, "{lines:?}");
        }
        assert_eq!(client(&["192.0.2.7, 10.0.0.2"], &[]).as_deref(), Some("10.0.0.2"));
    }

    #[test]
    fn ports_and_brackets_are_left_out() {
        let cases = [
            ("192.0.2.7:443", Some("192.0.2.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("[2001:DB8::7]:443", Some("2001:db8::7")),
            ("::ffff:192.0.2.7", Some("::ffff:192.0.2.7")),
            ("2001:db8::7:443", Some("2001:db8::7:443")),
        ];
        for (text, expected) in cases {
            assert_eq!(client(&[text], &[]).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn nothing_to_the_left_of_garbage_is_believed() {
        let garbage = [
            "unknown",
            "_hidden",
            "-",
            "unix:",
            "192.0.2",
            "192.0.2.7.8",
            "192.0.2.256",
            "192.0.02.7",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7:x",
            "[192.0.2.7]",
            "[2001:db8::7",
            "2001:db8::7]",
            "[]",
            "[]:80",
            "[2001:db8::7]80",
            "2001:db8::7::8",
            "\"[2001:db8::7]\"",
            "for=192.0.2.7",
            "192.0.2.7 192.0.2.8",
            "\u{e9}",
            "localhost",
            "0x7f.1",
        ];
        for text in garbage {
            for line in [text.to_owned(), format!("1.1.1.1, {text}"), format!("1.1.1.1, {text}, 10.0.0.2")] {
                assert_eq!(client(&[&line], &["10.0.0.0/8"]), None, "{line}");
            }
            assert_eq!(client(&[text, "192.0.2.7"], &[]).as_deref(), Some("192.0.2.7"), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_hide_no_address_to_their_right() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, \xe9, 192.0.2.7, 10.0.0.2\r\n\r\n";
        let is_trusted = |address: IpAddr| address.to_string() == "10.0.0.2";
        let client = forwarded_client(&Request::parse(head).unwrap(), is_trusted);
        assert_eq!(client, Some([192, 0, 2, 7].into()));
    }

    #[test]
    fn a_long_list_is_read_backward_only_as_far_as_the_client() {
        let mut addresses = vec!["10.0.0.2"; 700];
        addresses[350] = "192.0.2.7";
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {}\r\n\r\n", addresses.join(","));
        let asked = Cell::new(0);
        let is_trusted = |address: IpAddr| {
            asked.set(asked.get() + 1);
            address.to_string() == "10.0.0.2"
        };
        let client = forwarded_client(&Request::parse(head.as_bytes()).unwrap(), is_trusted);
        assert_eq!(client, Some([192, 0, 2, 7].into()));
        assert_eq!(asked.get(), 350);
    }
}
