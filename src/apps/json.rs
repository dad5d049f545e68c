//! JSON objects as text: checks an object and sets one member in place, so that every other byte stays as it came.
//!
//! serde_json checks the grammar (RFC 8259); then [`Walk`] goes over the text token by token. It also refuses objects
//! that receivers may read differently (§4, §8.2): with a key twice in one object, or with half a surrogate pair.
//! Numbers are not converted, so no number is too large.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde_json::value::RawValue;

/// How deep objects and arrays may be nested, the outermost one counted: as deep as serde_json allows.
const MAX_DEPTH: usize = 127;

/// A text that is one JSON object, and the place of one member in it.
#[derive(Debug)]
pub(super) struct Object<'a> {
    text: &'a str,
    /// The place of the value of the wanted top-level member.
    value: Option<Range<usize>>,
    /// The place for one more member: behind the last one, or behind the opening brace.
    end: usize,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Checks that the whole text is one JSON object, and finds its member `key`, also when that is written with
    /// escapes.
    pub(super) fn parse(text: &'a str, key: &str) -> Result<Self, NotAnObject> {
        if !text.trim_start_matches(WHITESPACE).starts_with('{') {
            return Err(NotAnObject::OtherValue);
        }
        serde_json::from_str::<&RawValue>(text).map_err(NotAnObject::Syntax)?;
        Walk { text, key, at: 0, end: 0, scopes: Vec::new(), wants_key: false, found: Found::No }.run()
    }

    /// The text with the member set to a string: in its place if the object has it, else as the last member.
    pub(super) fn with(&self, key: &str, value: &str) -> String {
        let value = quoted(value);
        let (range, new) = match &self.value {
            Some(range) => (range.clone(), value),
            None => {
                let comma = if self.is_empty { "" } else { "," };
                (self.end..self.end, format!("{comma}{}:{value}", quoted(key)))
            }
        };
        let before = self.text.get(..range.start).unwrap_or_default();
        let after = self.text.get(range.end..).unwrap_or_default();
        [before, &new, after].concat()
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    // A string can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// The reason why a text is refused.
#[derive(Debug)]
pub(super) enum NotAnObject {
    OtherValue,
    Syntax(serde_json::Error),
    TooDeep,
    DuplicateKey,
    LoneSurrogate,
}

impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnObject::OtherValue => f.write_str(r#"not a JSON object: send something like {"text":"hello"}"#),
            NotAnObject::Syntax(error) => write!(f, "not JSON: {error}"),
            NotAnObject::TooDeep => write!(f, "objects and arrays are nested more than {MAX_DEPTH} deep"),
            NotAnObject::DuplicateKey => f.write_str("an object has a key twice"),
            NotAnObject::LoneSurrogate => f.write_str("a string has half a surrogate pair, which is not a character"),
        }
    }
}

/// RFC 8259 2: insignificant whitespace.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Goes over a text that is known to be a JSON object, token by token.
struct Walk<'a, 'k> {
    text: &'a str,
    key: &'k str,
    /// The next byte to look at.
    at: usize,
    /// The end of the last token.
    end: usize,
    scopes: Vec<Scope<'a>>,
    /// Whether the next string is a key.
    wants_key: bool,
    found: Found,
}

/// An object or array that has not ended yet.
enum Scope<'a> {
    Object(HashSet<Cow<'a, str>>),
    Array,
}

/// The parts found so far of the wanted member.
enum Found {
    No,
    Key,
    ValueFrom(usize),
    Value(Range<usize>),
}

impl<'a> Walk<'a, '_> {
    fn run(mut self) -> Result<Object<'a>, NotAnObject> {
        let mut object = Object { text: self.text, value: None, end: 0, is_empty: false };
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            if WHITESPACE.contains(&char::from(byte)) {
                self.at += 1;
                continue;
            }
            let start = self.at;
            self.at += 1;
            if matches!(byte, b',' | b'}') && self.scopes.len() == 1 {
                self.end_member();
            }
            match byte {
                b'{' => self.open(Scope::Object(HashSet::new()))?,
                b'[' => self.open(Scope::Array)?,
                b'}' | b']' => {
                    if let (Some(Scope::Object(keys)), []) = (self.scopes.pop(), &self.scopes[..]) {
                        object.is_empty = keys.is_empty();
                        object.end = self.end;
                    }
                }
                b',' => self.wants_key = matches!(self.scopes.last(), Some(Scope::Object(_))),
                b':' if matches!(self.found, Found::Key) => self.found = Found::ValueFrom(self.at),
                b'"' => self.string(start)?,
                // The bytes of numbers and literals need no action.
                _ => {}
            }
            self.end = self.at;
        }
        if let Found::Value(range) = self.found {
            object.value = Some(range);
        }
        Ok(object)
    }

    fn open(&mut self, scope: Scope<'a>) -> Result<(), NotAnObject> {
        if self.scopes.len() == MAX_DEPTH {
            return Err(NotAnObject::TooDeep);
        }
        self.wants_key = matches!(scope, Scope::Object(_));
        self.scopes.push(scope);
        Ok(())
    }

    /// Notes that a top-level member ended with the last token.
    fn end_member(&mut self) {
        if let Found::ValueFrom(from) = self.found {
            let value = self.text.get(from..self.end).unwrap_or_default();
            let start = self.end - value.trim_start_matches(WHITESPACE).len();
            self.found = Found::Value(start..self.end);
        }
    }

    /// Goes to the end of the string that begins at `start`. Refuses a key that its object already has.
    fn string(&mut self, start: usize) -> Result<(), NotAnObject> {
        let mut is_escaped = false;
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.at += 1;
                }
                _ => {}
            }
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        let string = if is_escaped {
            // The grammar has been checked, so nothing else can be wrong.
            Cow::Owned(serde_json::from_str(literal).map_err(|_| NotAnObject::LoneSurrogate)?)
        } else {
            Cow::Borrowed(literal.trim_matches('"'))
        };
        if std::mem::take(&mut self.wants_key) {
            if self.scopes.len() == 1 && string == self.key {
                self.found = Found::Key;
            }
            if let Some(Scope::Object(keys)) = self.scopes.last_mut()
                && !keys.insert(string)
            {
                return Err(NotAnObject::DuplicateKey);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
