//! Names of channels, and patterns that match them.
//!
//! The name of a channel is a decoded path, such as `/orders/42`.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::FromStr;

/// Bytes in the name of a channel.
pub(crate) const MAX_LEN: usize = 255;
/// Segments in the name of a channel.
pub(crate) const MAX_SEGMENTS: usize = 16;
/// Paths that servers of a hub have for themselves, beside `/` and those below `/-`.
const RESERVED: [&str; 8] =
    ["/healthz", "/readyz", "/client.js", "/client.mjs", "/client.d.ts", "/client.d.mts", "/hub.mjs", "/hub.d.mts"];

/// The reason why a text is no name of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadChannel {
    /// `/` alone.
    Root,
    /// It does not begin with `/`.
    Relative,
    /// It belongs to the hub or to the server around it.
    Reserved,
    TooLong,
    TooManySegments,
    EmptySegment,
    /// A segment that begins with a dot.
    Dot,
    /// A control character, a backslash or `*`.
    Character,
    /// `%2F` in a path.
    EscapedSlash,
    /// An escape that is invalid or does not give UTF-8.
    Escape,
}

/// Checks that a decoded path is the name of a channel.
pub(crate) fn check(path: &str) -> Result<&str, BadChannel> {
    if path.len() > MAX_LEN {
        return Err(BadChannel::TooLong);
    }
    if path.is_empty() || path == "/" {
        return Err(BadChannel::Root);
    }
    let segments = path.strip_prefix('/').ok_or(BadChannel::Relative)?;
    if is_own(path) || RESERVED.contains(&path) {
        return Err(BadChannel::Reserved);
    }
    if path.contains(|c: char| c.is_control() || matches!(c, '\\' | '*')) {
        return Err(BadChannel::Character);
    }
    let mut count = 0;
    for segment in segments.split('/') {
        count += 1;
        match segment.bytes().next() {
            None => return Err(BadChannel::EmptySegment),
            Some(b'.') => return Err(BadChannel::Dot),
            Some(_) => {}
        }
    }
    if count > MAX_SEGMENTS { Err(BadChannel::TooManySegments) } else { Ok(path) }
}

/// Whether a path is one of the hub's own: `/-`, or below it.
pub(crate) fn is_own(path: &str) -> bool {
    path.strip_prefix("/-").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Checks the path of a request: that it has no escaped slash, and that its decoded form, below the mount, is the name
/// of a channel. `/a%2Fb` and `/a/b` are the same path once decoded, but not for every proxy on the way.
pub(crate) fn check_request<'p>(raw: &str, decoded: &'p str) -> Result<&'p str, BadChannel> {
    let is_slash = |escape: &[u8]| escape.eq_ignore_ascii_case(b"%2f");
    if raw.as_bytes().windows(3).any(is_slash) {
        return Err(BadChannel::EscapedSlash);
    }
    check(decoded)
}

/// The name as it stands before a message: percent-encoded (RFC 3986 2.1), so that it has no space and no line end.
pub(crate) fn encode(channel: &str) -> Cow<'_, str> {
    // RFC 3986 3.3 pchar, and the slash.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    if channel.bytes().all(is_plain) {
        return Cow::Borrowed(channel);
    }
    let mut encoded = String::with_capacity(channel.len() + 16);
    for byte in channel.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Cow::Owned(encoded)
}

impl BadChannel {
    /// 404 for a name that can never be a channel because others have it, else 400.
    pub(crate) fn status(self) -> u16 {
        match self {
            BadChannel::Root | BadChannel::Reserved => 404,
            _ => 400,
        }
    }
}

/// Says what is wrong, and what to do.
impl fmt::Display for BadChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadChannel::Root => "/ is no channel: name one, such as /orders/42",
            BadChannel::Relative => "a channel begins with a slash: write /orders/42",
            BadChannel::Reserved => {
                "this path is no channel: /-/…, /healthz, /readyz and the paths of scripts such as /client.js belong to \
                 the server"
            }
            BadChannel::TooLong => "the channel is longer than 255 bytes: shorten its path",
            BadChannel::TooManySegments => "the channel has more than 16 segments: use fewer slashes",
            BadChannel::EmptySegment => "the channel has an empty segment: write single slashes, and none at the end",
            BadChannel::Dot => "a segment of the channel begins with a dot: name it otherwise",
            BadChannel::Character => "the channel has a control character, a backslash or *: leave it out",
            BadChannel::EscapedSlash => "the path has %2F, which would name two channels: use another character",
            BadChannel::Escape => "the path has an escape that is not valid: send UTF-8, percent-encoded",
        })
    }
}

/// Channels: one, or with `/*` at the end all below a path. `/*` alone is all channels; `/x/*` does not have `/x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The channel, or the path with a slash at its end.
    text: Box<str>,
    is_wildcard: bool,
}

impl Pattern {
    pub(crate) fn matches(&self, channel: &str) -> bool {
        if self.is_wildcard {
            channel.len() > self.text.len() && channel.starts_with(&*self.text)
        } else {
            channel == &*self.text
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.is_wildcard { "*" } else { "" })
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wildcard = text.strip_suffix('*').filter(|base| base.ends_with('/'));
        if wildcard == Some("/") {
            return Ok(Pattern { text: "/".into(), is_wildcard: true });
        }
        let channel = match wildcard {
            Some(base) => base.strip_suffix('/').unwrap_or(base),
            None => text,
        };
        match check(channel) {
            Ok(_) => Ok(Pattern { text: wildcard.unwrap_or(text).into(), is_wildcard: wildcard.is_some() }),
            Err(BadChannel::Character) if channel.contains('*') => {
                Err(format!("`{text}` has a * that is not the /* at its end: write /orders/*"))
            }
            Err(error) => Err(format!("`{text}` matches no channel: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_a_decoded_path() {
        let sixteen = "/a".repeat(16);
        let long = format!("/{}", "x".repeat(254));
        for good in ["/a", "/orders/42", "/-a", "/a/-/b", "/ä ö/€", "/healthz/a", "/a.b", "/a?b#c%2F", &sixteen, &long]
        {
            assert_eq!(check(good), Ok(good));
        }
        let cases = [
            ("", BadChannel::Root),
            ("/", BadChannel::Root),
            ("a", BadChannel::Relative),
            ("*", BadChannel::Relative),
            ("/-", BadChannel::Reserved),
            ("/-/", BadChannel::Reserved),
            ("/-/batch", BadChannel::Reserved),
            ("/healthz", BadChannel::Reserved),
            ("/readyz", BadChannel::Reserved),
            ("/client.js", BadChannel::Reserved),
            ("/client.mjs", BadChannel::Reserved),
            ("/client.d.ts", BadChannel::Reserved),
            ("/client.d.mts", BadChannel::Reserved),
            ("/hub.mjs", BadChannel::Reserved),
            ("/hub.d.mts", BadChannel::Reserved),
            ("//", BadChannel::EmptySegment),
            ("/a/", BadChannel::EmptySegment),
            ("/a//b", BadChannel::EmptySegment),
            ("//a", BadChannel::EmptySegment),
            ("/.", BadChannel::Dot),
            ("/..", BadChannel::Dot),
            ("/.well-known", BadChannel::Dot),
            ("/a/.b", BadChannel::Dot),
            ("/a\n", BadChannel::Character),
            ("/a\u{7f}", BadChannel::Character),
            ("/a\u{85}", BadChannel::Character),
            ("/a\0b", BadChannel::Character),
            ("/a\\b", BadChannel::Character),
            ("/a/*", BadChannel::Character),
            (&format!("{sixteen}/a"), BadChannel::TooManySegments),
            (&format!("{long}x"), BadChannel::TooLong),
        ];
        for (bad, error) in cases {
            assert_eq!(check(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn the_path_of_a_request_has_no_escaped_slash() {
        assert_eq!(check_request("/a%20b", "/a b"), Ok("/a b"));
        assert_eq!(check_request("/a%252F", "/a%2F"), Ok("/a%2F"));
        for raw in ["/a%2Fb", "/a%2fb", "/%2F", "/a%2F"] {
            assert_eq!(check_request(raw, "/a/b"), Err(BadChannel::EscapedSlash), "{raw}");
        }
    }

    #[test]
    fn an_encoded_name_has_neither_spaces_nor_line_ends() {
        let plain = "/aZ09-._~!$&'()*+,;=:@/b";
        assert!(matches!(encode(plain), Cow::Borrowed(same) if same == plain));
        let cases = [("/a b", "/a%20b"), ("/ä", "/%C3%A4"), ("/%2F", "/%252F"), ("/?#[]\"", "/%3F%23%5B%5D%22")];
        for (channel, expected) in cases {
            assert_eq!(encode(channel), expected);
        }
    }

    #[test]
    fn a_pattern_is_one_channel_or_all_below_a_path() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("/a", &["/a"], &["/a/b", "/A", "/"]),
            ("/a/*", &["/a/b", "/a/b/c"], &["/a", "/a/", "/ab", "/b/a/c"]),
            ("/*", &["/a", "/a/b"], &["/", ""]),
            ("/ä b/*", &["/ä b/c"], &["/ä b"]),
        ];
        for (text, matching, others) in cases {
            let pattern: Pattern = text.parse().expect("a pattern");
            assert_eq!(pattern.to_string(), *text);
            for channel in *matching {
                assert!(pattern.matches(channel), "{text} {channel}");
            }
            for channel in *others {
                assert!(!pattern.matches(channel), "{text} {channel}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_pattern() {
        let cases = [
            ("", "`` matches no channel: / is no channel: name one, such as /orders/42"),
            ("*", "`*` matches no channel: a channel begins with a slash: write /orders/42"),
            ("/a*", "`/a*` has a * that is not the /* at its end: write /orders/*"),
            ("/*/a", "`/*/a` has a * that is not the /* at its end: write /orders/*"),
            (
                "/a/",
                "`/a/` matches no channel: the channel has an empty segment: write single slashes, and none at the end",
            ),
            ("//*", "`//*` matches no channel: / is no channel: name one, such as /orders/42"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Pattern>().unwrap_err(), expected);
        }
        assert!("/-/*".parse::<Pattern>().unwrap_err().contains("belong to the server"));
    }
}
