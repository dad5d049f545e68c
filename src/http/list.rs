//! Characters, tokens and comma-separated lists of header values (RFC 9110 §5.5, §5.6).

/// True for a byte that may stand in a token (RFC 9110 5.6.2 Tokens).
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// True for a byte that may not stand in a header value: a control character other than the tab (RFC 9110 5.5).
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// True for a token: one or more token bytes.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// The text of a header value, or of an element of it, that is not UTF-8 (RFC 9110 5.5: obs-text is opaque data). It is
/// no token, number, host or address, so every check refuses it as it refuses garbage.
const OPAQUE: &str = "\u{FFFD}";

/// A header value as text, or [`OPAQUE`].
pub(super) fn text(value: &[u8]) -> &str {
    str::from_utf8(value).unwrap_or(OPAQUE)
}

/// True if one of these header lines has the element `token`, in any case.
pub(super) fn contains<'a>(values: impl Iterator<Item = &'a [u8]>, token: &str) -> bool {
    elements(values).any(|element| element.eq_ignore_ascii_case(token))
}

/// The elements of all header lines of one name, as if they were one line (RFC 9110 5.3 Field Order), without the
/// whitespace around them.
pub(super) fn elements<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a str> {
    values.flat_map(|value| value.split(is_comma)).filter_map(element)
}

/// The same elements, the last first.
pub(super) fn elements_backward<'a>(
    values: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = &'a str> {
    values.rev().flat_map(|value| value.rsplit(is_comma)).filter_map(element)
}

fn is_comma(byte: &u8) -> bool {
    *byte == b','
}

fn element(bytes: &[u8]) -> Option<&str> {
    let element = text(bytes).trim_matches([' ', '\t']);
    // 5.6.1.2 Recipient Requirements: empty elements are ignored.
    (!element.is_empty()).then_some(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_lists_over_several_lines() {
        let cases: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&[""], &[]),
            (&[" ,\t, ,"], &[]),
            (&["a"], &["a"]),
            (&["a,b"], &["a", "b"]),
            (&[" a\t, b c ,,d,"], &["a", "b c", "d"]),
            (&["a, b", "", "c"], &["a", "b", "c"]),
        ];
        for (lines, expected) in cases {
            let got: Vec<_> = elements(lines.iter().map(|line| line.as_bytes())).collect();
            assert_eq!(&got, expected, "{lines:?}");
            let mut backward: Vec<_> = elements_backward(lines.iter().map(|line| line.as_bytes())).collect();
            backward.reverse();
            assert_eq!(&backward, expected, "{lines:?} backward");
        }
    }

    #[test]
    fn finds_tokens_in_any_case() {
        let contains = |lines: &[&[u8]]| super::contains(lines.iter().copied(), "upgrade");
        assert!(contains(&[b"keep-alive, Upgrade"]));
        assert!(contains(&[b"keep-alive", b"UPGRADE"]));
        assert!(contains(&[b"caf\xe9", b"caf\xe9, Upgrade"]));
        assert!(!contains(&[b"upgraded, up grade, \"upgrade\", upgrade\xe9"]));
    }

    #[test]
    fn an_element_that_is_not_utf8_leaves_the_others_as_they_are() {
        let line = [&b"a, caf\xe9,b"[..]].into_iter();
        assert_eq!(elements(line.clone()).collect::<Vec<_>>(), ["a", OPAQUE, "b"]);
        assert_eq!(elements_backward(line).collect::<Vec<_>>(), ["b", OPAQUE, "a"]);
    }

    #[test]
    fn tokens_are_those_of_the_rfc() {
        for good in ["a", "chat.v1", "graphql-ws", "!#$%&'*+-.^_`|~09azAZ"] {
            assert!(is_token(good), "{good}");
        }
        for bad in ["", " ", "a b", "a/b", "a,b", "\"a\"", "a\u{e9}", "a\0", "a=b", "(a)", "a;b", "a\x7f"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
