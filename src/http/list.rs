//! Characters, tokens and comma-separated lists of header values (RFC 9110 §5.5, §5.6).
//!
//! A list is read in one forward pass: each element is cut off the front, and its bytes are never read again.

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

/// True if one of these header lines has the element `token`, in any case.
pub(super) fn contains<'a>(values: impl Iterator<Item = &'a str>, token: &str) -> bool {
    elements(values).any(|element| element.eq_ignore_ascii_case(token))
}

/// The elements of all header lines of one name, as if they were one line (RFC 9110 5.3 Field Order).
pub(super) fn elements<'a>(values: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    values.flat_map(|value| Elements { rest: value })
}

/// The same elements, the last first.
pub(super) fn elements_backward<'a>(values: impl DoubleEndedIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    // 5.6.1.2 Recipient Requirements: empty elements are ignored.
    values.rev().flat_map(|value| value.rsplit(',')).map(trim).filter(|element| !element.is_empty())
}

/// The elements of one line, without the whitespace around them.
struct Elements<'a> {
    /// The part that has not been read yet.
    rest: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.rest.is_empty() {
            let (element, rest) = self.rest.split_once(',').unwrap_or((self.rest, ""));
            self.rest = rest;
            let element = trim(element);
            // 5.6.1.2 Recipient Requirements: empty elements are ignored.
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

fn trim(element: &str) -> &str {
    element.trim_matches([' ', '\t'])
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
            let got: Vec<_> = elements(lines.iter().copied()).collect();
            assert_eq!(&got, expected, "{lines:?}");
            let mut backward: Vec<_> = elements_backward(lines.iter().copied()).collect();
            backward.reverse();
            assert_eq!(&backward, expected, "{lines:?} backward");
        }
    }

    #[test]
    fn finds_tokens_in_any_case() {
        assert!(contains(["keep-alive, Upgrade"].into_iter(), "upgrade"));
        assert!(contains(["keep-alive", "UPGRADE"].into_iter(), "upgrade"));
        assert!(!contains(["upgraded, up grade, \"upgrade\""].into_iter(), "upgrade"));
    }

    #[test]
    fn reads_long_lists_of_garbage_in_one_forward_pass() {
        let garbage = ["a,", ",", " ,", "a b;=\",", "\t", "websocket/"].map(|unit| unit.repeat(7168 / unit.len()));
        for line in &garbage {
            let mut elements = Elements { rest: line };
            let mut unread = line.len();
            while let Some(element) = elements.next() {
                // No later step reads the bytes of this element again, so all steps together read the line once.
                assert!(elements.rest.len() + element.len() <= unread);
                assert!(elements.rest.len() < unread);
                assert!(line.ends_with(elements.rest));
                unread = elements.rest.len();
            }
            assert!(elements.rest.is_empty());
        }
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
