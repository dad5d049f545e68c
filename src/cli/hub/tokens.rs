//! The tokens of the hub: from the command line, the environment and files. No error and no log line shows one.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::Env;
use crate::apps::hub::Token;

/// The bytes that a file of tokens may have: a path such as /dev/zero is noticed.
const MAX_FILE: u64 = 64 * 1024;

/// The use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Right {
    Publish,
    Subscribe,
}

impl Right {
    const fn flag(self) -> &'static str {
        match self {
            Right::Publish => "--publish-token",
            Right::Subscribe => "--subscribe-token",
        }
    }

    const fn file_flag(self) -> &'static str {
        match self {
            Right::Publish => "--publish-token-file",
            Right::Subscribe => "--subscribe-token-file",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Right::Publish => "SOCKHOP_PUBLISH_TOKEN",
            Right::Subscribe => "SOCKHOP_SUBSCRIBE_TOKEN",
        }
    }

    const fn file_variable(self) -> &'static str {
        match self {
            Right::Publish => "SOCKHOP_PUBLISH_TOKEN_FILE",
            Right::Subscribe => "SOCKHOP_SUBSCRIBE_TOKEN_FILE",
        }
    }
}

/// The tokens on a command line, in their order.
#[derive(Default)]
pub(in crate::cli) struct Given(Vec<(Right, String)>);

impl Given {
    /// Adds a token.
    ///
    /// # Errors
    /// It is not text. The error does not show it.
    pub(in crate::cli) fn add(&mut self, right: Right, token: OsString) -> Result<(), String> {
        let token = token.into_string().map_err(|_| format!("{}: the token is not UTF-8", right.flag()))?;
        self.0.push((right, token));
        Ok(())
    }

    /// The flag of the first token.
    pub(in crate::cli) fn flag(&self) -> Option<&'static str> {
        self.0.first().map(|(right, _)| right.flag())
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(right, _)| right)).finish()
    }
}

/// The tokens of a hub.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Tokens {
    pub publish: Vec<Token>,
    pub subscribe: Vec<Token>,
}

impl Tokens {
    fn of(&mut self, right: Right) -> &mut Vec<Token> {
        match right {
            Right::Publish => &mut self.publish,
            Right::Subscribe => &mut self.subscribe,
        }
    }
}

/// Where the tokens of a hub come from. All of them count together.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Sources {
    /// The tokens of the command line and of the environment.
    fixed: Tokens,
    files: Vec<TokenFile>,
}

#[derive(Clone, Debug)]
struct TokenFile {
    right: Right,
    /// The flag or the variable that names the file.
    named_by: &'static str,
    path: PathBuf,
}

impl Sources {
    /// The sources that the command line and the environment name. `publish` and `subscribe` are the files on the command
    /// line.
    ///
    /// # Errors
    /// Names the flag or the variable whose value is no token.
    pub(super) fn new(given: &Given, publish: &[PathBuf], subscribe: &[PathBuf], env: Env<'_>) -> Result<Self, String> {
        let mut sources = Sources::default();
        for (right, token) in &given.0 {
            sources.fixed.of(*right).extend(parse(right.flag(), [&**token])?);
        }
        for (right, files) in [(Right::Publish, publish), (Right::Subscribe, subscribe)] {
            if let Some(value) = env(right.variable()) {
                let name = right.variable();
                let value = value.into_string().map_err(|_| format!("{name} is not UTF-8"))?;
                sources.fixed.of(right).extend(parse(name, value.split_whitespace())?);
            }
            let variable = env(right.file_variable()).map(|path| (right.file_variable(), path.into()));
            let files = files.iter().map(|path| (right.file_flag(), path.clone())).chain(variable);
            sources.files.extend(files.map(|(named_by, path)| TokenFile { right, named_by, path }));
        }
        Ok(sources)
    }

    /// All tokens, with those that are in the files now.
    ///
    /// # Errors
    /// Names the file that cannot be read or has something else in it than tokens.
    pub(in crate::cli) fn read(&self) -> Result<Tokens, String> {
        let mut tokens = self.fixed.clone();
        for file in &self.files {
            tokens.of(file.right).extend(file.read()?);
        }
        Ok(tokens)
    }

    /// Whether a right needs a token: each source has at least one.
    pub(in crate::cli) fn has(&self, right: Right) -> bool {
        let fixed = match right {
            Right::Publish => &self.fixed.publish,
            Right::Subscribe => &self.fixed.subscribe,
        };
        !fixed.is_empty() || self.files.iter().any(|file| file.right == right)
    }

    /// Whether there are files, which may change.
    pub(in crate::cli) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }
}

impl TokenFile {
    fn read(&self) -> Result<Vec<Token>, String> {
        let text = read(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound if !is_likely(&self.path) => {
                format!("{}: there is no such file. It takes the name of a file, not a token", self.named_by)
            }
            _ => format!("{}: {}: {error}", self.named_by, self.path.display()),
        })?;
        parse(&format!("{}: {}", self.named_by, self.path.display()), text.split_whitespace())
    }
}

/// Whether a file may well be meant by a path at which there is none, so that it can be shown: it may be a token, which
/// some have put in the place of a name.
fn is_likely(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent.file_name().is_some() && parent.is_dir())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("more than {} KiB are no tokens", MAX_FILE / 1024)));
    }
    Ok(text)
}

/// At least one token. An empty place is an error, since without a token more is allowed than with one.
fn parse<'a>(place: &str, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Token>, String> {
    let parse = |(n, text): (usize, &str)| {
        text.parse().map_err(|error| match n {
            0 => format!("{place}: {error}"),
            n => format!("{place}: token {}: {error}", n + 1),
        })
    };
    let tokens = texts.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    if tokens.is_empty() { Err(format!("{place}: there is no token in it")) } else { Ok(tokens) }
}
