//! Pieces of JSON.

use std::borrow::Cow;

use serde_json::Deserializer;
use serde_json::value::RawValue;

/// Appends a string with its quotes.
pub(super) fn push(output: &mut String, text: &str) {
    // Most texts need no escapes.
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        output.reserve(text.len() + 2);
        output.push('"');
        output.push_str(text);
        output.push('"');
        return;
    }
    // A string can always be written.
    output.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// A text that is not the JSON that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// It begins as something else.
    OtherValue,
    /// Its syntax is wrong.
    Syntax,
}

/// Reads an array element by element, so that a long one costs no memory before it has been counted.
pub(super) struct Elements<'a>(Walk<'a>);

/// Reads an object member by member. A key may be there twice: that is for the caller to judge.
pub(super) struct Members<'a>(Walk<'a>);

impl<'a> Elements<'a> {
    pub fn new(text: &'a str) -> Result<Self, Invalid> {
        Walk::new(text, '[', ']').map(Elements)
    }
}

impl<'a> Members<'a> {
    pub fn new(text: &'a str) -> Result<Self, Invalid> {
        Walk::new(text, '{', '}').map(Members)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a RawValue, Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(Walk::value)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<(Cow<'a, str>, &'a RawValue), Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|walk| {
            let key = string(walk.value()?).ok_or(Invalid::Syntax)?;
            walk.rest = trim(walk.rest).strip_prefix(':').ok_or(Invalid::Syntax)?;
            Ok((key, walk.value()?))
        })
    }
}

/// A JSON string, borrowed if it has no escapes. `None` for other values, and for half a surrogate pair.
pub(super) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(value.get()).ok().map(Cow::Owned) } else { Some(inner.into()) }
}

/// Goes over an array or an object.
struct Walk<'a> {
    rest: &'a str,
    /// The closing bracket.
    end: char,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind the opening bracket.
    First,
    /// Behind an element.
    Next,
    /// Behind the closing bracket, or a mistake.
    End,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str, begin: char, end: char) -> Result<Self, Invalid> {
        let rest = trim(text).strip_prefix(begin).ok_or(Invalid::OtherValue)?;
        Ok(Walk { rest, end, place: Place::First })
    }

    /// The next element, which `read` takes from the front of the rest.
    fn next<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Invalid>) -> Option<Result<T, Invalid>> {
        let step = match self.step() {
            Ok(true) => Some(read(self)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        };
        self.place = if matches!(step, Some(Ok(_))) { Place::Next } else { Place::End };
        step
    }

    /// Goes to the next element. Returns whether there is one.
    fn step(&mut self) -> Result<bool, Invalid> {
        if self.place == Place::End {
            return Ok(false);
        }
        let rest = trim(self.rest);
        if let Some(behind) = rest.strip_prefix(self.end) {
            return if trim(behind).is_empty() { Ok(false) } else { Err(Invalid::Syntax) };
        }
        self.rest = if self.place == Place::Next { rest.strip_prefix(',').ok_or(Invalid::Syntax)? } else { rest };
        Ok(true)
    }

    fn value(&mut self) -> Result<&'a RawValue, Invalid> {
        let mut stream = Deserializer::from_str(self.rest).into_iter::<&'a RawValue>();
        let value = stream.next().and_then(Result::ok).ok_or(Invalid::Syntax)?;
        self.rest = self.rest.get(stream.byte_offset()..).unwrap_or_default();
        Ok(value)
    }
}

/// RFC 8259 2: insignificant whitespace.
fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_written_as_serde_json_writes_it() {
        for text in ["", "a", "ä€\u{1f600}\u{7f}\u{2028}", "\"", "\\", "\n\0\u{1f}", "a\tb"] {
            let mut output = String::from("x");
            push(&mut output, text);
            assert_eq!(output, format!("x{}", serde_json::to_string(text).expect("JSON")));
        }
    }

    fn elements(text: &str) -> Result<Vec<&str>, Invalid> {
        Elements::new(text)?.map(|element| element.map(RawValue::get)).collect()
    }

    #[test]
    fn reads_the_elements_of_an_array_as_they_stand() {
        let cases: &[(&str, &[&str])] = &[
            ("[]", &[]),
            (" [ \n] ", &[]),
            ("[1]", &["1"]),
            ("[1,2.50,-3e9]", &["1", "2.50", "-3e9"]),
            (
                "\t[ null , \"a,]\" , {\"b\": [1, 2]} ,[],true]\r\n",
                &["null", "\"a,]\"", "{\"b\": [1, 2]}", "[]", "true"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(elements(text).expect("an array"), *expected, "{text}");
            // serde_json reads the same.
            assert_eq!(serde_json::from_str::<Vec<&RawValue>>(text).expect("an array").len(), expected.len());
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
        for text in [
            "",
            " ",
            "{}",
            "1",
            "\"[]\"",
            "]",
            "[",
            "[1",
            "[1,",
            "[,",
            "[,1]",
            "[1,]",
            "[1 2]",
            "[1]]",
            "[1],",
            "[1}",
            "[01]",
            "[1,,2]",
            "[nul]",
            "[\"a]",
            "[1]x",
            "[+1]",
            "[1.]",
            "['a']",
            "[NaN]",
            "[{]}",
            "\u{a0}[]",
            "\u{feff}[]",
        ] {
            assert!(elements(text).is_err(), "{text}");
            assert!(serde_json::from_str::<Vec<&RawValue>>(text).is_err(), "{text}");
        }
    }

    fn members(text: &str) -> Result<Vec<(String, &str)>, Invalid> {
        Members::new(text)?.map(|member| member.map(|(key, value)| (key.into_owned(), value.get()))).collect()
    }

    #[test]
    fn reads_the_members_of_an_object_as_they_stand() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("{}", &[]),
            (" { } ", &[]),
            ("{\"a\":1}", &[("a", "1")]),
            ("{\"a\" : [1, 2] , \"\\u0062\\n\":\"c\\n\"}", &[("a", "[1, 2]"), ("b\n", "\"c\\n\"")]),
            ("{\"a\":1,\"a\":2}", &[("a", "1"), ("a", "2")]),
        ];
        for (text, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
            assert_eq!(members(text), Ok(expected), "{text}");
        }
        let bad = [
            "",
            "[]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "{}{}",
            "{,}",
        ];
        for text in bad {
            assert!(members(text).is_err(), "{text}");
        }
        assert!(members("{\"\\ud800\":1}").is_err());
    }

    #[test]
    fn a_string_is_borrowed_if_it_has_no_escapes() {
        let raw = |text: &'static str| serde_json::from_str::<&RawValue>(text).expect("JSON");
        assert!(matches!(string(raw("\"a\u{e4}\"")), Some(Cow::Borrowed("a\u{e4}"))));
        assert!(matches!(string(raw("\"\"")), Some(Cow::Borrowed(""))));
        assert_eq!(string(raw("\"\\\"\\ud83d\\ude00\"")).as_deref(), Some("\"\u{1f600}"));
        for other in ["1", "null", "[\"a\"]", "\"\\ud800\""] {
            assert_eq!(string(raw(other)), None, "{other}");
        }
    }

    #[test]
    fn takes_of_garbage_what_serde_json_takes() {
        let seeds = [
            r#"[{"channel":"/a","data":"text"},{"channels":["/b","/c"],"data":{"n": 1.50},"key":"x1"}, null,[1,-2e3]]"#,
            r#"{"a" : [true,"\u00e4\\"],"b":{},"a":"\"" , "":0}"#,
        ];
        let (mut state, mut taken) = (0x2545_f491_4f6c_dd1d_u64, 0);
        let mut draw = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).expect("31 bits") % below
        };
        for _ in 0..20_000 {
            let mut text = seeds[draw(2)].as_bytes().to_vec();
            for _ in 0..=draw(2) {
                let at = draw(text.len());
                match draw(3) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, b"[]{},:\"\\ 1n"[draw(11)]),
                    _ => text.truncate(at.max(1)),
                }
            }
            let text = String::from_utf8(text).expect("ASCII");
            let array = serde_json::from_str::<Vec<&RawValue>>(&text).ok();
            let expected = array.map(|array| array.into_iter().map(RawValue::get).collect::<Vec<_>>());
            taken += usize::from(expected.is_some());
            assert_eq!(elements(&text).ok(), expected, "{text}");
            let object = serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(&text).ok();
            let expected = object.map(|object| object.into_iter().map(|(key, value)| (key, value.get())).collect());
            // Of a key that is there twice serde_json takes the last value.
            let found: Option<std::collections::BTreeMap<_, _>> =
                members(&text).ok().map(|it| it.into_iter().collect());
            assert_eq!(found, expected, "{text}");
        }
        assert!(taken > 100, "{taken} arrays are left intact");
    }
}
