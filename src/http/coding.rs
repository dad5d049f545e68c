//! Content codings, and which of them a client prefers (RFC 9110 §8.4.1, §12.5.3).

use super::{Request, list};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// RFC 7932. Browsers take it over HTTPS and from their own machine alone.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl ContentCoding {
    /// The name in Content-Encoding.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ContentCoding::Brotli => "br",
            ContentCoding::Gzip => "gzip",
        }
    }

    /// Of the codings offered, the one that the client prefers, by Accept-Encoding; among equals the first. None if it
    /// names none of them, or prefers bytes that are not compressed.
    #[must_use]
    pub fn preferred(request: &Request<'_>, offered: impl IntoIterator<Item = ContentCoding>) -> Option<Self> {
        let weight = |name: &str| weight(request, |coding| coding.eq_ignore_ascii_case(name));
        let any = || weight("*").unwrap_or(0);
        // 12.5.3: without an element of its own, identity is acceptable, but not preferred.
        let mut best = (weight("identity").unwrap_or(0).max(1), None);
        for coding in offered {
            let own = match coding {
                ContentCoding::Brotli => weight("br"),
                // 8.4.1.3: x-gzip is the same.
                ContentCoding::Gzip => weight("gzip").or_else(|| weight("x-gzip")),
            };
            let own = own.unwrap_or_else(any);
            if own > best.0 || own == best.0 && best.1.is_none() {
                best = (own, Some(coding));
            }
        }
        best.1
    }
}

/// The weight in thousandths of the first element of Accept-Encoding whose coding is this one.
fn weight(request: &Request<'_>, is_it: impl Fn(&str) -> bool) -> Option<u16> {
    list::elements(request.header_bytes("accept-encoding")).find_map(|element| {
        let (coding, parameter) = match element.split_once(';') {
            Some((coding, parameter)) => (coding.trim_end(), Some(parameter)),
            None => (element, None),
        };
        is_it(coding).then(|| parameter.map_or(1000, |parameter| qvalue(parameter).unwrap_or(0)))
    })
}

/// 12.4.2 Quality Values: `q=` and a number from 0 to 1 with at most three decimals. None for anything else.
fn qvalue(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.trim().split_once('=')?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let is_number = matches!(whole, "0" | "1") && decimals.len() <= 3 && decimals.bytes().all(|it| it.is_ascii_digit());
    if !name.eq_ignore_ascii_case("q") || !is_number {
        return None;
    }
    let thousandths: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::ContentCoding::{Brotli, Gzip};
    use super::*;

    #[test]
    fn prefers_what_the_client_does() {
        let cases = [
            (None, None),
            (Some(""), None),
            (Some("gzip, deflate, br, zstd"), Some(Brotli)),
            (Some("gzip"), Some(Gzip)),
            (Some("X-GZip"), Some(Gzip)),
            (Some("deflate, zstd"), None),
            (Some("*"), Some(Brotli)),
            (Some("br;q=0, *"), Some(Gzip)),
            (Some("br;q=0.5, gzip;q=0.8"), Some(Gzip)),
            (Some("br;q=0.5,gzip;q=0.500"), Some(Brotli)),
            (Some("gzip ; Q=0.001"), Some(Gzip)),
            (Some("gzip;q=0"), None),
            (Some("gzip;q=0.000, br;q=0.0"), None),
            // A player in Chromium.
            (Some("identity;q=1, *;q=0"), None),
            (Some("identity, gzip"), Some(Gzip)),
            (Some("identity;q=0.5, gzip;q=0.4"), None),
            (Some("identity;q=0, gzip;q=0.1"), Some(Gzip)),
            (Some("identity;q=0"), None),
            (Some("*;q=0"), None),
            // No weight: the element says nothing that can be relied on.
            (Some("gzip;q=2"), None),
            (Some("gzip;q=1.001"), None),
            (Some("gzip;q="), None),
            (Some("gzip;q=0.1234"), None),
            (Some("gzip;level=9"), None),
            (Some("gzip;q=-1"), None),
            (Some("notgzip, gzipped, b r"), None),
        ];
        for (value, expected) in cases {
            let line = value.map(|value| format!("Accept-Encoding: {value}\r\n")).unwrap_or_default();
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n");
            let request = Request::parse(head.as_bytes()).unwrap();
            assert_eq!(ContentCoding::preferred(&request, [Brotli, Gzip]), expected, "{value:?}");
            assert_eq!(ContentCoding::preferred(&request, []), None, "{value:?}");
        }
    }

    #[test]
    fn reads_a_list_over_several_lines() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br;q=0\r\nAccept-Encoding: gzip\r\n\r\n";
        let request = Request::parse(head).unwrap();
        assert_eq!(ContentCoding::preferred(&request, [Brotli, Gzip]), Some(Gzip));
    }
}
