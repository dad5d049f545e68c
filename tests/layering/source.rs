//! Just enough of Rust's grammar to see which paths a source file names: tokens, test items, `use` trees.
//!
//! It expands no macros and resolves no names; what it cannot see, a reader of the change still can.

/// A word, a number, `::` or one other character. Comments and the text of literals are gone.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub text: &'a str,
    /// Counted from 1.
    pub line: usize,
}

/// What stands for a string or character literal.
const LITERAL: &str = "\"";

impl Token<'_> {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// The tokens of a source file.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (length, text) = if first.is_whitespace() {
            (first.len_utf8(), None)
        } else if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment(rest), None)
        } else if let Some(length) = literal(rest) {
            (length, Some(LITERAL))
        } else if first == '\'' {
            (1 + word(&rest[1..]), None) // a lifetime
        } else if rest.starts_with("r#") && word(&rest[2..]) > 0 {
            let length = 2 + word(&rest[2..]);
            (length, Some(&rest[2..length]))
        } else if word(rest) > 0 {
            (word(rest), Some(&rest[..word(rest)]))
        } else if rest.starts_with("::") {
            (2, Some("::"))
        } else {
            (first.len_utf8(), Some(&rest[..first.len_utf8()]))
        };
        tokens.extend(text.map(|text| Token { text, line }));
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// The length of the word that the text starts with.
fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The length of the block comment that the text starts with; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string, byte or character literal that the text starts with.
fn literal(text: &str) -> Option<usize> {
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r')).filter(|&length| length <= 2)?;
    let body = &text[prefix..];
    if text[..prefix].ends_with('r') {
        let hashes = body.find(|c| c != '#')?;
        let raw = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = raw.find(&end).map_or(raw.len(), |at| at + end.len());
        return Some(prefix + hashes + 1 + length);
    }
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = body.char_indices().skip(1);
    if quote == '\'' {
        // 'a' and '\n' are characters, 'a without a second quote is a lifetime.
        let mut ahead = characters.clone();
        if ahead.next()?.1 != '\\' && ahead.next()?.1 != '\'' {
            return None;
        }
    }
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return Some(prefix + at + 1);
        }
    }
    Some(text.len())
}

/// Whether the tokens start with these texts.
pub fn starts_with(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// The number of tokens up to the bracket that closes the one at the start.
pub fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The tokens without what is compiled for tests only, and the names of the test modules in files of their own.
pub fn without_tests<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<&'a str>) {
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let rest = &tokens[at..];
        let is_test = |start: &[&str]| {
            let all = [start, &["cfg", "(", "all", "(", "test", ","]].concat();
            starts_with(rest, &[start, &["cfg", "(", "test", ")"]].concat()) || starts_with(rest, &all)
        };
        if is_test(&["#", "!", "["]) {
            return (Vec::new(), modules);
        }
        if !is_test(&["#", "["]) {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        while starts_with(&tokens[at..], &["#", "["]) {
            at += 1 + group(&tokens[at + 1..]);
        }
        let item = &tokens[at..at + item(&tokens[at..])];
        if let [.., keyword, name, end] = item
            && (keyword.text, end.text) == ("mod", ";")
        {
            modules.push(name.text);
        }
        at += item.len();
    }
    (kept, modules)
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

/// A path as it is named in the source, and where.
#[derive(Debug)]
pub struct Path<'a> {
    /// From the crate root and starting with `crate`, unless it starts with another crate's or a local name.
    pub segments: Vec<&'a str>,
    pub line: usize,
    /// Named in a `use` tree, where a path of one segment gives a new name to a whole crate.
    pub imported: bool,
}

/// All paths in the code of the module `module`, `use` trees expanded, `self` and `super` resolved.
pub fn paths<'a>(module: &[&'a str], tokens: &[Token<'a>]) -> Vec<Path<'a>> {
    let mut paths = Vec::new();
    let mut inline = Vec::new(); // (name, depth) of the modules around a token that lie in this file
    let (mut depth, mut at) = (0, 0);
    while let Some(token) = tokens.get(at) {
        let here = || [module, &inline.iter().map(|(name, _)| *name).collect::<Vec<_>>()].concat();
        let before = |back: usize| at.checked_sub(back).map(|index| tokens[index]);
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, outside)| *outside == depth);
            }
            "mod" if tokens.get(at + 2).is_some_and(|token| token.text == "{") => {
                inline.push((tokens[at + 1].text, depth))
            }
            "use" if tokens.get(at + 1).is_some_and(|token| token.text != "<") => {
                at += 1;
                use_tree(tokens, &mut at, &[], &mut |segments, line| {
                    paths.push(Path { segments: resolve(&here(), segments), line, imported: true });
                });
                continue;
            }
            _ if token.is_word() && before(1).is_none_or(|token| token.text != ".") => {
                let line = token.line;
                let mut segments = vec![token.text];
                while let [separator, next, ..] = &tokens[at + 1..]
                    && separator.text == "::"
                    && next.is_word()
                {
                    segments.push(next.text);
                    at += 2;
                }
                paths.push(Path { segments: resolve(&here(), &segments), line, imported: false });
            }
            _ => {}
        }
        at += 1;
    }
    paths
}

/// Walks a `use` tree from `at` to behind it, and names each of its leaves; a renamed leaf counts as what it was.
fn use_tree<'a>(tokens: &[Token<'a>], at: &mut usize, prefix: &[&'a str], leaf: &mut impl FnMut(&[&'a str], usize)) {
    let mut segments = prefix.to_vec();
    while let Some(&token) = tokens.get(*at) {
        match token.text {
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token.text != "}") {
                    use_tree(tokens, at, &segments, leaf);
                    *at += usize::from(tokens.get(*at).is_some_and(|token| token.text == ","));
                }
                *at += 1;
                return;
            }
            "::" => *at += 1,
            "as" => *at += 2,
            "*" => {
                segments.push("*");
                *at += 1;
            }
            _ if token.is_word() => {
                // `a::{self}` is `a`.
                if token.text != "self" || segments.is_empty() {
                    segments.push(token.text);
                }
                *at += 1;
            }
            _ => break,
        }
    }
    let line = tokens.get(at.saturating_sub(1)).map_or(0, |token| token.line);
    leaf(&segments, line);
}

/// A path that starts with `self` or `super`, from the crate root.
fn resolve<'a>(module: &[&'a str], segments: &[&'a str]) -> Vec<&'a str> {
    let mut base = [&["crate"], module].concat();
    let mut rest = segments;
    while let [first @ ("self" | "super"), tail @ ..] = rest {
        if *first == "super" {
            base.pop_if(|name| *name != "crate");
        }
        rest = tail;
    }
    if rest.len() == segments.len() { segments.to_vec() } else { [&base, rest].concat() }
}
