//! The request target (RFC 9112 §3.2) and percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

use super::authority::Authority;

/// The parts of a request target, not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Only in absolute-form; a valid [`Authority`].
    pub authority: Option<&'a str>,
    /// Begins with `/`.
    pub path: &'a str,
    /// The text behind the first `?`.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Takes origin-form and absolute-form. The other forms belong to CONNECT and to `OPTIONS *`, which are not
    /// supported.
    pub(super) fn parse(target: &'a str) -> Option<Self> {
        // RFC 3986 2: a URI is ASCII. RFC 9112 3.2, RFC 6455 3: a target has no fragment.
        if !target.is_ascii() || target.contains('#') {
            return None;
        }
        let (authority, rest) = if target.starts_with('/') {
            (None, target)
        } else {
            // RFC 9112 3.2.2 absolute-form
            let (scheme, rest) = target.split_once("://")?;
            if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
                return None;
            }
            let (authority, rest) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
            Authority::parse(authority)?;
            (Some(authority), rest)
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        // RFC 9110 4.2.3: an empty path is the same as `/`.
        Some(Target { authority, path: if path.is_empty() { "/" } else { path }, query })
    }
}

/// Decodes the percent-escapes of a path, once.
///
/// None if the path does not begin with `/`, has an invalid escape, or once decoded is not UTF-8 or has a control
/// character, a backslash or a segment that begins with a dot (`.`, `..` and hidden files), other than a first one
/// `.well-known` (RFC 8615).
#[must_use]
pub fn decode_path(path: &str) -> Option<Cow<'_, str>> {
    if path.starts_with('/') && is_plain(path) {
        return Some(Cow::Borrowed(path));
    }
    let decoded = percent_decode(path)?;
    let below = decoded.strip_prefix('/')?;
    let below =
        below.strip_prefix(".well-known").filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(below);
    let safe = !decoded.contains(|c: char| c.is_control() || c == '\\')
        && !below.split('/').any(|segment| segment.starts_with('.'));
    safe.then_some(decoded)
}

/// Whether a path has neither escapes nor a byte that may not be in it: so have nearly all.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let is_dot_file = byte == b'.' && before == b'/';
        before = byte;
        byte.is_ascii_graphic() && byte != b'%' && byte != b'\\' && !is_dot_file
    })
}

/// The values of the query parameters with this name, as HTML forms write them: `name=value&...`, with `+` for a space.
/// None for a value that cannot be decoded.
pub(super) fn query_params<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Option<Cow<'q, str>>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| decode_form(key).as_deref() == Some(name)).map(|(_, value)| decode_form(value))
}

fn decode_form(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return percent_decode(text);
    }
    let text = text.replace('+', " ");
    Some(Cow::Owned(percent_decode(&text)?.into_owned()))
}

fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_origin_form_and_absolute_form() {
        let cases = [
            ("/", None, "/", None),
            ("/a/b?c=d?e", None, "/a/b", Some("c=d?e")),
            ("//a?", None, "//a", Some("")),
            ("/http://a", None, "/http://a", None),
            ("http://h", Some("h"), "/", None),
            ("HTTPS://h:443/a", Some("h:443"), "/a", None),
            ("ws://[::1]:80?q", Some("[::1]:80"), "/", Some("q")),
            ("wss://h/%2e", Some("h"), "/%2e", None),
        ];
        for (target, authority, path, query) in cases {
            assert_eq!(Target::parse(target), Some(Target { authority, path, query }), "{target}");
        }
    }

    #[test]
    fn refuses_other_targets() {
        for target in [
            "",
            "*",
            "h:80",
            "a/b",
            "?q",
            "ftp://h/",
            "http:/h",
            "http://",
            "http:///a",
            "ws://u@h/",
            "/#f",
            "/\u{e9}",
            "http//h",
        ] {
            assert_eq!(Target::parse(target), None, "{target}");
        }
    }

    #[test]
    fn decodes_a_path_once() {
        let cases = [
            ("/", Some("/")),
            ("/chat", Some("/chat")),
            ("/a%20b+c", Some("/a b+c")),
            ("/%c3%A9", Some("/\u{e9}")),
            ("/%2541", Some("/%41")),
            ("/a%2Fb//c.d/e..", Some("/a/b//c.d/e..")),
            ("", None),
            ("a", None),
            ("%2fa", Some("/a")),
            ("/%", None),
            ("/%4", None),
            ("/%4g", None),
            ("/%+1", None),
            ("/%ff", None),
            ("/%00", None),
            ("/%0a", None),
            ("/%7f", None),
            ("/a\\b", None),
            ("/a%5cb", None),
            ("/..", None),
            ("/../a", None),
            ("/a/./b", None),
            ("/a/%2e%2E/b", None),
            ("/a%2f..%2fb", None),
            ("/.env", None),
            ("/a/.git/config", None),
            ("/.well-known", Some("/.well-known")),
            ("/.well-known/", Some("/.well-known/")),
            ("/%2Ewell-known/a", Some("/.well-known/a")),
            ("/.well-known/.git", None),
            ("/.well-known/../a", None),
            ("/.well-known/.well-known", None),
            ("/.well-knowns", None),
            ("/.well-known.bak", None),
            ("/.Well-Known/a", None),
            ("/a/.well-known", None),
            ("//.well-known", None),
        ];
        for (path, expected) in cases {
            assert_eq!(decode_path(path).as_deref(), expected, "{path}");
        }
        assert!(matches!(decode_path("/plain"), Some(Cow::Borrowed(_))));
    }

    #[test]
    fn finds_query_parameters() {
        let query = "a=1&b=x+y%26z&c&a=2&=e&%64=f&bad=%f&bad=1&%zz=1&g=%ff";
        let cases = [
            ("a", Some("1")),
            ("b", Some("x y&z")),
            ("c", Some("")),
            ("", Some("e")),
            ("d", Some("f")),
            ("bad", None),
            ("%zz", None),
            ("g", None),
            ("h", None),
        ];
        for (name, expected) in cases {
            assert_eq!(query_params(query, name).next().flatten().as_deref(), expected, "{name}");
        }
        let all: Vec<_> = query_params(query, "bad").chain(query_params(query, "a")).collect();
        assert_eq!(all, [None, Some("1".into()), Some("1".into()), Some("2".into())]);
    }
}
