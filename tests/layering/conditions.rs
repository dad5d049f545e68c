//! `cfg` attributes: which code and which files are compiled under which condition.

use crate::source::{Token, group, starts_with};

/// Whether an option such as `test`, or `feature` with its value, is set; `None` if either may be the case.
pub type Assumption<'f> = &'f dyn Fn(&str, &str) -> Option<bool>;

/// `cfg(test)` is not set.
pub fn outside_tests(name: &str, _: &str) -> Option<bool> {
    (name == "test").then_some(false)
}

/// Neither tests nor fuzz targets are built.
pub fn in_production(name: &str, _: &str) -> Option<bool> {
    ["test", "fuzzing", "doctest"].contains(&name).then_some(false)
}

/// `mod name;` in a source file.
pub struct Declaration<'a> {
    pub name: &'a str,
    /// The value of `#[path = "..."]`.
    pub path: Option<&'a str>,
    /// The tokens of all its attributes.
    attributes: Vec<Token<'a>>,
}

impl<'a> Declaration<'a> {
    /// Whether the module is left out of a build for which `assume` holds.
    pub fn is_left_out(&self, assume: Assumption<'_>) -> bool {
        leaves_out(&self.attributes, assume)
    }

    /// The features that the module's conditions name.
    pub fn features(&self) -> Vec<&'a str> {
        let is_feature = |window: &&[Token<'a>]| starts_with(window, &["feature", "="]);
        self.attributes.windows(3).filter(is_feature).map(|window| window[2].source.trim_matches('"')).collect()
    }
}

/// The modules that a source file declares in files of their own.
pub fn declarations<'a>(tokens: &[Token<'a>]) -> Vec<Declaration<'a>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let start = at;
        at += attributes(&tokens[at..]);
        let attributes = &tokens[start..at];
        at += usize::from(starts_with(&tokens[at..], &["pub"]));
        if at > start && starts_with(&tokens[at..], &["("]) {
            at += group(&tokens[at..]);
        }
        if let [keyword, name, end, ..] = &tokens[at..]
            && (keyword.text, end.text) == ("mod", ";")
        {
            let path = attributes.windows(3).find(|window| starts_with(window, &["path", "="]));
            let path = path.map(|window| window[2].source.trim_matches('"'));
            found.push(Declaration { name: name.text, path, attributes: attributes.to_vec() });
        }
        at = at.max(start + 1);
    }
    found
}

/// The tokens without the items, fields and statements that are left out of a build for which `assume` holds.
pub fn compiled<'a>(tokens: &[Token<'a>], assume: Assumption<'_>) -> Vec<Token<'a>> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if starts_with(&tokens[at..], &["#", "!", "["]) {
            let length = 2 + group(&tokens[at + 2..]);
            if leaves_out(&tokens[at..at + length], assume) {
                return Vec::new();
            }
            kept.extend(&tokens[at..at + length]);
            at += length;
            continue;
        }
        let length = attributes(&tokens[at..]);
        if length > 0 && leaves_out(&tokens[at..at + length], assume) {
            at += length + item(&tokens[at + length..]);
            continue;
        }
        let next = at + length.max(1);
        kept.extend(&tokens[at..next]);
        at = next;
    }
    kept
}

/// The number of tokens of all attributes at the start.
fn attributes(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while starts_with(&tokens[at..], &["#", "["]) {
        at += 1 + group(&tokens[at + 1..]);
    }
    at
}

/// Whether one of these attributes is a `cfg` that does not hold.
fn leaves_out(attributes: &[Token<'_>], assume: Assumption<'_>) -> bool {
    (0..attributes.len()).any(|at| {
        starts_with(&attributes[at..], &["[", "cfg", "("])
            && holds(inside(&attributes[at + 2..]), assume) == Some(false)
    })
}

/// The tokens between the bracket at the start and its end.
fn inside<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    &tokens[1..group(tokens).max(2) - 1]
}

/// Whether a condition such as `all(unix, not(feature = "tls"))` holds.
fn holds(condition: &[Token<'_>], assume: Assumption<'_>) -> Option<bool> {
    let [name, rest @ ..] = condition else { return None };
    if !starts_with(rest, &["("]) {
        return assume(name.text, rest.get(1).map_or("", |value| value.source.trim_matches('"')));
    }
    let mut parts = Vec::new();
    let mut rest = inside(rest);
    while !rest.is_empty() {
        let mut end = 0;
        while rest.get(end).is_some_and(|token| token.text != ",") {
            end += if rest[end].text == "(" { group(&rest[end..]) } else { 1 };
        }
        parts.push(holds(&rest[..end], assume));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    match name.text {
        "not" => parts.first().copied().flatten().map(|holds| !holds),
        "all" if parts.contains(&Some(false)) => Some(false),
        "all" => parts.iter().all(|part| *part == Some(true)).then_some(true),
        "any" if parts.contains(&Some(true)) => Some(true),
        "any" => parts.iter().all(|part| *part == Some(false)).then_some(false),
        _ => None,
    }
}

/// The number of tokens of the item, field, arm or statement at the start.
fn item(tokens: &[Token<'_>]) -> usize {
    let may_hold_commas = ["fn", "impl", "struct", "enum", "trait", "type", "unsafe", "async", "const"];
    let is_item = tokens.iter().take(6).any(|token| may_hold_commas.contains(&token.text));
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            ")" | "]" | "}" => return at,
            "{" => return at + group(&tokens[at..]),
            "(" | "[" => at += group(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}
