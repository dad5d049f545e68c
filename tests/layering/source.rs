//! Just enough of Rust's grammar to see which paths a source file names: tokens, comments, `use` trees.
//!
//! It expands no macros and resolves no names; a reader of the change still sees what it does not.

/// A word, a number, `::`, a literal or one other character.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// The same for all literals.
    pub text: &'a str,
    /// As it stands in the file.
    pub source: &'a str,
    /// The first line, counted from 1.
    pub line: usize,
}

/// The stand-in for a string or character literal.
const LITERAL: &str = "\"";

impl Token<'_> {
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    pub fn last_line(&self) -> usize {
        self.line + self.source.matches('\n').count()
    }
}

/// The tokens of a source file.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    scan(source, |source, text, line| tokens.extend(text.map(|text| Token { text, source, line })));
    tokens
}

/// The lines of all comments.
pub fn comments(source: &str) -> Vec<&str> {
    let mut comments = Vec::new();
    scan(source, |source, text, _| {
        if text.is_none() && source.starts_with('/') {
            comments.extend(source.lines());
        }
    });
    comments
}

/// Calls `piece` with each piece of a source file, the text of the token that it is, and its line. White space,
/// comments and lifetimes are no tokens.
fn scan<'a>(source: &'a str, mut piece: impl FnMut(&'a str, Option<&'a str>, usize)) {
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
        piece(&rest[..length], text, line);
        line += rest[..length].matches('\n').count();
        at += length;
    }
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

/// A path as it is named in the source, and where.
#[derive(Debug)]
pub struct Path<'a> {
    /// From the crate root and starting with `crate`, unless it starts with another crate's or a local name.
    pub segments: Vec<&'a str>,
    pub line: usize,
    /// For a path of a `use` tree: the name that the file knows it by. There, a path of one segment gives a new name to
    /// a whole crate.
    pub imported: Option<&'a str>,
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
                use_tree(tokens, &mut at, &[], &mut |segments, line, name| {
                    paths.push(Path { segments: resolve(&here(), segments), line, imported: Some(name) });
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
                paths.push(Path { segments: resolve(&here(), &segments), line, imported: None });
            }
            _ => {}
        }
        at += 1;
    }
    paths
}

/// Walks a `use` tree from `at` to behind it. Calls `leaf` with the path, the line and the new name of each leaf.
fn use_tree<'a>(
    tokens: &[Token<'a>],
    at: &mut usize,
    prefix: &[&'a str],
    leaf: &mut impl FnMut(&[&'a str], usize, &'a str),
) {
    let mut segments = prefix.to_vec();
    let mut alias = None;
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
            "as" => {
                alias = tokens.get(*at + 1).map(|token| token.text);
                *at += 2;
            }
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
    let name = alias.or(segments.last().copied()).unwrap_or("_");
    leaf(&segments, line, name);
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
