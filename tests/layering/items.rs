//! Functions, `impl` blocks, fields and calls in the tokens of a source file.

use std::collections::{BTreeSet, HashSet};

use crate::source::{Token, group, starts_with};

pub struct Function<'a> {
    pub name: &'a str,
    pub line: usize,
    /// From `fn` to the closing brace.
    pub lines: usize,
}

/// All functions that have a body, also those within others.
pub fn functions<'a>(tokens: &[Token<'a>]) -> Vec<Function<'a>> {
    let mut found = Vec::new();
    for (at, keyword) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn") {
        let Some(name) = tokens.get(at + 1).filter(|name| name.is_word()) else { continue };
        let mut open = at + 2;
        while tokens.get(open).is_some_and(|token| !["{", ";"].contains(&token.text)) {
            open += if ["(", "["].contains(&tokens[open].text) { group(&tokens[open..]) } else { 1 };
        }
        if starts_with(&tokens[open.min(tokens.len())..], &["{"]) {
            let end = tokens[open + group(&tokens[open..]) - 1];
            found.push(Function { name: name.text, line: keyword.line, lines: end.line + 1 - keyword.line });
        }
    }
    found
}

/// `impl Type { ... }` or `impl Trait for Type { ... }`.
pub struct Impl<'t, 'a> {
    /// The path of the type.
    pub of: Vec<&'a str>,
    body: &'t [Token<'a>],
}

impl<'a> Impl<'_, 'a> {
    /// The names of its functions.
    pub fn methods(&self) -> Vec<&'a str> {
        let (mut found, mut at) = (Vec::new(), 1);
        while at + 1 < self.body.len() {
            if self.body[at].text == "fn" && self.body[at + 1].is_word() {
                found.push(self.body[at + 1].text);
            }
            at += if ["(", "[", "{"].contains(&self.body[at].text) { group(&self.body[at..]) } else { 1 };
        }
        found
    }

    /// The names of the methods that it calls on `self`, `Self` or the type's name.
    pub fn calls(&self) -> BTreeSet<&'a str> {
        let of = self.of.last().copied().unwrap_or("Self");
        let is_call = |at: usize| match self.body[at + 1].text {
            "." => self.body[at].text == "self",
            "::" => ["Self", of].contains(&self.body[at].text),
            _ => false,
        };
        (1..self.body.len().saturating_sub(2))
            .filter(|at| is_call(*at) && ["(", "::"].contains(&self.body.get(at + 3).map_or("", |token| token.text)))
            .map(|at| self.body[at + 2].text)
            .collect()
    }
}

/// All `impl` blocks of named types.
pub fn impls<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<Impl<'t, 'a>> {
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].text == "impl") {
        // In other places `impl` is a type.
        if at > 0 && !["}", ";", "]", "{", "unsafe"].contains(&tokens[at - 1].text) {
            continue;
        }
        let (mut of, mut angles, mut end) = (Vec::new(), 0, at + 1);
        while let Some(token) = tokens.get(end).filter(|token| !["{", ";", "where"].contains(&token.text)) {
            match token.text {
                "<" => angles += 1,
                ">" if tokens[end - 1].text != "-" => angles -= 1,
                "for" if angles == 0 => of.clear(),
                name if angles == 0 && token.is_word() => of.push(name),
                _ => {}
            }
            end += 1;
        }
        while tokens.get(end).is_some_and(|token| token.text != "{") {
            end += 1;
        }
        if !of.is_empty() && end < tokens.len() {
            found.push(Impl { of, body: &tokens[end..end + group(&tokens[end..])] });
        }
    }
    found
}

/// The number of named fields of a struct, if it is defined here.
pub fn fields(tokens: &[Token<'_>], name: &str) -> Option<usize> {
    let start = (0..tokens.len()).find(|at| starts_with(&tokens[*at..], &["struct", name]))?;
    let open = start + tokens[start..].iter().position(|token| token.text == "{")?;
    let body = &tokens[open..open + group(&tokens[open..])];
    let (mut count, mut at) = (0, 1);
    while at + 1 < body.len() {
        // The types of fields name no fields at this depth.
        count += usize::from(body[at].is_word() && body[at + 1].text == ":");
        at += if ["(", "[", "{"].contains(&body[at].text) { group(&body[at..]) } else { 1 };
    }
    Some(count)
}

/// The names of the items that a file defines itself, outside of any block.
pub fn defined<'a>(tokens: &[Token<'a>]) -> HashSet<&'a str> {
    let keywords = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"];
    let (mut found, mut at) = (HashSet::new(), 0);
    while at + 1 < tokens.len() {
        let next = tokens[at + 1];
        let is_file = tokens[at].text == "mod" && tokens.get(at + 2).is_some_and(|token| token.text == ";");
        if keywords.contains(&tokens[at].text) && next.is_word() && !is_file {
            found.insert(next.text);
        }
        if starts_with(&tokens[at..], &["macro_rules", "!"]) {
            found.extend(tokens.get(at + 2).map(|name| name.text));
        }
        at += if ["(", "[", "{"].contains(&tokens[at].text) { group(&tokens[at..]) } else { 1 };
    }
    found
}

/// The number of lines with code: comments and blank lines are none.
pub fn lines_of_code(tokens: &[Token<'_>]) -> usize {
    tokens.iter().flat_map(|token| token.line..=token.last_line()).collect::<HashSet<_>>().len()
}
