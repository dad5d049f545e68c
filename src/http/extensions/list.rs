//! The syntax of Sec-WebSocket-Extensions (RFC 6455 §9.1).
//!
//! ```text
//! extension-list  = 1#extension
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" (token | quoted-string) ]
//! ```
//!
//! The content of a quoted-string must be a token, too. Whitespace is allowed between all parts, and elements of the list
//! may be empty (RFC 2616 §2.1).

use std::borrow::Cow;

use super::ExtensionError;
use crate::http::list::{is_token, is_token_byte};

/// One extension with its parameters, uninterpreted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub name: &'a str,
    pub params: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

/// The extensions of one line. The iterator ends after an error.
pub(super) struct Elements<'a> {
    /// The part of the line not yet read.
    rest: &'a str,
}

impl<'a> Elements<'a> {
    pub fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    fn element(&mut self) -> Result<Element<'a>, ExtensionError> {
        let mut element = Element { name: self.token()?, params: Vec::new() };
        while self.skip(';') {
            let name = self.token()?;
            let value = if self.skip('=') { Some(self.value()?) } else { None };
            element.params.push((name, value));
        }
        if self.rest.is_empty() || self.skip(',') { Ok(element) } else { Err(ExtensionError::Malformed) }
    }

    fn token(&mut self) -> Result<&'a str, ExtensionError> {
        self.skip_whitespace();
        let len = self.rest.bytes().take_while(|&byte| is_token_byte(byte)).count();
        let (token, rest) = self.rest.split_at_checked(len).filter(|_| len > 0).ok_or(ExtensionError::Malformed)?;
        self.rest = rest;
        Ok(token)
    }

    /// A token, or a quoted-string whose content, unescaped, is one.
    fn value(&mut self) -> Result<Cow<'a, str>, ExtensionError> {
        if !self.skip('"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return if is_token(&value) { Ok(Cow::Owned(value)) } else { Err(ExtensionError::Malformed) };
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                character => value.push(character),
            }
        }
        Err(ExtensionError::Malformed)
    }

    /// Skips whitespace, then `character` if it comes next. Returns whether it did.
    fn skip(&mut self, character: char) -> bool {
        self.skip_whitespace();
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_whitespace(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, ExtensionError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.skip(',') {}
        if self.rest.is_empty() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.rest = "";
        }
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements as text, parameters in brackets.
    fn read(line: &str) -> Result<Vec<String>, ExtensionError> {
        let show = |element: Element<'_>| {
            let params = element.params.iter().map(|(name, value)| match value {
                Some(value) => format!("{name}=[{value}]"),
                None => (*name).to_owned(),
            });
            format!("{}({})", element.name, params.collect::<Vec<_>>().join(" "))
        };
        Elements::new(line).map(|element| element.map(show)).collect()
    }

    #[test]
    fn reads_lists_that_conform() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" ,\t,", &[]),
            ("a", &["a()"]),
            ("a,b", &["a()", "b()"]),
            (" ,a ,, b\t,", &["a()", "b()"]),
            ("a;b", &["a(b)"]),
            ("a;b=c;b=d;e", &["a(b=[c] b=[d] e)"]),
            ("a ; b = c , d\t;\te", &["a(b=[c])", "d(e)"]),
            ("a;b=\"c\"", &["a(b=[c])"]),
            ("a;b=\"1\\5\" ;c,d", &["a(b=[15] c)", "d()"]),
            ("a;b=\"\\c\\d\"", &["a(b=[cd])"]),
            ("x-webkit-deflate-frame, permessage-deflate", &["x-webkit-deflate-frame()", "permessage-deflate()"]),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), Ok(expected.iter().map(|&it| it.to_owned()).collect()), "{line}");
        }
    }

    #[test]
    fn refuses_lists_that_do_not_conform() {
        for line in [
            ";",
            "=",
            "a;",
            "a;;b",
            "a; ,b",
            "a b",
            "a;b c",
            "a;b=",
            "a;b= ,c",
            "a;b=c d",
            "a;=c",
            "a=b",
            "a;b==c",
            "\"a\"",
            "a;\"b\"",
            "a;b=\"",
            "a;b=\"c",
            "a;b=\"c\\",
            "a;b=\"\"",
            "a;b=\"c d\"",
            "a;b=\"c,d\"",
            "a;b=\"c\"d",
            "a;b=c\"d\"",
            "a/b",
            "(a)",
            "a;b=c/d",
            "\u{e9}",
            "a;b=\"\u{e9}\"",
            "a,b;",
            "a\u{b}b",
            "a\\",
        ] {
            assert_eq!(read(line), Err(ExtensionError::Malformed), "{line}");
        }
    }

    #[test]
    fn reads_hostile_lines_in_one_forward_pass() {
        for unit in ["a,", ",", " ,", "a;b,", "a;b=\"c\",", "\t"] {
            let line = unit.repeat(7168 / unit.len());
            let mut elements = Elements::new(&line);
            let mut unread = line.len() + 1;
            while let Some(element) = elements.next() {
                let element = element.expect("it conforms");
                assert!(elements.rest.len() + element.name.len() < unread && line.ends_with(elements.rest));
                unread = elements.rest.len();
            }
            assert!(elements.rest.is_empty());
        }
    }
}
