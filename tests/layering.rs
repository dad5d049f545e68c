//! The house: rooms import strictly downward, the lower ones do no I/O, files stay short.
//!
//! `protocol < http < server < apps < cli`, each a module of `src`. This test reads the sources, so it also sees what
//! compiles. What it demands of the tree is shown on planted violations below.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

#[path = "layering/source.rs"]
mod source;

use source::{Token, group, paths, starts_with, tokens, without_tests};

/// From the lowest to the highest.
const ROOMS: [&str; 5] = ["protocol", "http", "server", "apps", "cli"];
/// From this room on the crate's root may be used, as an embedder uses it.
const APPS: usize = 3;
/// Rooms without I/O and clock: bytes in, bytes out, `now` is an argument.
const SANS_IO: [&str; 2] = ["protocol", "http"];
/// What belongs to the system in `std`.
const SYSTEM: [&str; 7] = ["io", "net", "fs", "os", "env", "process", "thread"];
/// Dependencies that do I/O or read a clock. `log` is a facade that does neither.
const SYSTEM_CRATES: [&str; 7] = ["mio", "socket2", "env_logger", "jiff", "rlimit", "signal_hook", "libc"];
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];
const MIO_FILE: &str = "src/server/mio_poller.rs";
/// Lines of the longest file that can still be read in one sitting.
const LONGEST: usize = 400;

/// One line for each rule broken by these files, given as (path from the project's root, content).
fn violations(files: &[(String, String)]) -> Vec<String> {
    let scanned: Vec<_> = files.iter().map(|(path, source)| (path, source, without_tests(&tokens(source)))).collect();
    let test_modules: HashSet<Vec<&str>> = scanned
        .iter()
        .flat_map(|(path, _, (_, names))| names.iter().map(|name| [module(path), vec![*name]].concat()))
        .collect();
    let mut found = Vec::new();
    for (path, source, (code, _)) in &scanned {
        let lines = source.lines().count();
        if lines > LONGEST {
            found.push(format!("{path}: {lines} lines, more than {LONGEST}"));
        }
        let module = module(path);
        if (1..=module.len()).any(|length| test_modules.contains(&module[..length])) {
            continue;
        }
        let mut complain = |line: usize, what: String| found.push(format!("{path}:{line}: {what}"));
        room(&module, code, &mut complain);
        anywhere(path, code, &mut complain);
        feature_in_function(code, &mut complain);
    }
    found
}

/// `src/server/event_loop/mod.rs` is the module `server::event_loop`.
fn module(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/').filter(|name| !["lib", "main", "mod"].contains(name)).collect()
}

/// Imports upward, and I/O where there must be none.
fn room(module: &[&str], code: &[Token<'_>], complain: &mut impl FnMut(usize, String)) {
    let Some(room) = module.first() else { return };
    let Some(height) = ROOMS.iter().position(|name| name == room) else {
        return complain(1, format!("{room} is none of the rooms {ROOMS:?}"));
    };
    for path in paths(module, code) {
        let name = path.segments.join("::");
        match path.segments[..] {
            // `pub(crate)` and the like.
            ["crate"] if !path.imported => {}
            // What the root re-exports from above would come in unseen.
            ["crate"] | ["crate", "*"] => complain(path.line, format!("{room} takes the whole root: {name}")),
            // An app takes what an embedder can take.
            ["crate", "server", ..] if *room == "apps" => {
                complain(path.line, format!("apps goes past the crate's root: {name}"));
            }
            ["crate", first, ..] => match ROOMS.iter().position(|name| *name == first) {
                Some(other) if other > height => complain(path.line, format!("{room} imports from above: {name}")),
                // The root re-exports rooms from below and above alike.
                None if height < APPS => {
                    complain(path.line, format!("{room} takes from the root what is not its own: {name}"));
                }
                _ => {}
            },
            [first, ..] if SANS_IO.contains(room) && (path.imported || path.segments.len() > 1) => {
                let does_io = match path.segments[1..] {
                    _ if SYSTEM_CRATES.contains(&first) => true,
                    [] | ["*"] => first == "std",
                    [second, ..] => first == "std" && SYSTEM.contains(&second),
                };
                if does_io || path.segments.last() == Some(&"now") {
                    complain(path.line, format!("{room} does I/O: {name}"));
                }
            }
            _ => {}
        }
    }
    for (at, token) in code.iter().enumerate().filter(|_| SANS_IO.contains(room)) {
        let prints = PRINTING.contains(&token.text) && starts_with(&code[at + 1..], &["!"]);
        if prints || token.text == "SystemTime" || starts_with(&code[at..], &[".", "elapsed", "("]) {
            complain(
                token.line,
                format!("{room} does I/O: {}", code[at..].iter().take(2).map(|t| t.text).collect::<String>()),
            );
        }
    }
}

/// What no file may do.
fn anywhere(path: &str, code: &[Token<'_>], complain: &mut impl FnMut(usize, String)) {
    for (at, token) in code.iter().enumerate() {
        if token.text == "mio" && path != MIO_FILE {
            complain(token.line, format!("only {MIO_FILE} names mio"));
        }
        if starts_with(&code[at..], &["extern", "crate"]) {
            complain(token.line, "extern crate hides what is imported".to_owned());
        }
    }
}

/// An optional part is a file and a constructor: no `cfg(feature = ...)` inside a function's body.
fn feature_in_function(code: &[Token<'_>], complain: &mut impl FnMut(usize, String)) {
    let mut braces = Vec::new(); // for each open brace, whether it is in a function
    let (mut signature, mut brackets) = (None, 0); // the bracket depth at which a function's signature began
    for (at, token) in code.iter().enumerate() {
        match token.text {
            "fn" if code.get(at + 1).is_some_and(Token::is_word) => signature = Some(brackets),
            ";" if signature == Some(brackets) => signature = None,
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            "{" => braces.push(signature.take().is_some() || braces.last() == Some(&true)),
            "}" => drop(braces.pop()),
            "cfg" | "cfg_attr" if braces.last() == Some(&true) => {
                let open = at + 1 + usize::from(starts_with(&code[at + 1..], &["!"]));
                if code[open..open + group(&code[open..])].iter().any(|token| token.text == "feature") {
                    complain(token.line, "cfg(feature = ...) inside a function".to_owned());
                }
            }
            _ => {}
        }
    }
}

fn read(folder: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

#[test]
fn rooms_import_downward_and_keep_the_rules_of_the_house() {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for room in SANS_IO {
        assert!(files.iter().any(|(path, _)| module(path) == [room]), "src has no room {room}");
    }
    let found = violations(&files);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What is said of a single file.
fn of(path: &str, source: &str) -> String {
    violations(&[(path.to_owned(), source.to_owned())]).join("\n")
}

#[test]
fn sees_each_planted_violation() {
    let long = "//\n".repeat(LONGEST + 1);
    for (path, source, complaint) in [
        (
            "src/protocol/frame.rs",
            "use crate::http::Request;",
            "src/protocol/frame.rs:1: protocol imports from above: crate::http::Request",
        ),
        ("src/protocol/frame.rs", "use crate::{protocol::mask, server};", "protocol imports from above: crate::server"),
        (
            "src/protocol/frame.rs",
            "use crate::{\n  protocol::mask,\n  http::{self, request::{Head, Target}},\n};",
            ":3: protocol imports from above: crate::http::request::Head",
        ),
        (
            "src/protocol/mod.rs",
            "pub fn f() {\n    super::server::run()\n}",
            ":2: protocol imports from above: crate::server::run",
        ),
        (
            "src/protocol/a/b.rs",
            "use super::super::super::http::X as Y;",
            "protocol imports from above: crate::http::X",
        ),
        (
            "src/protocol/a.rs",
            "mod inner { use super::super::super::http; }",
            "protocol imports from above: crate::http",
        ),
        (
            "src/protocol/frame.rs",
            "use crate::Server;",
            "protocol takes from the root what is not its own: crate::Server",
        ),
        (
            "src/http/mod.rs",
            "fn f(m: crate::Message<'_>) {}",
            "http takes from the root what is not its own: crate::Message",
        ),
        ("src/http/mod.rs", "use crate::*;", "http takes the whole root: crate::*"),
        ("src/http/mod.rs", "use super as root;", "http takes the whole root: crate"),
        (
            "src/http/mod.rs",
            "macro_rules! m { () => { $crate::server::run() } }",
            "http imports from above: crate::server::run",
        ),
        ("src/server/mod.rs", "use crate::{apps::Recipe, http};", "server imports from above: crate::apps::Recipe"),
        ("src/server/mod.rs", "use crate::Handler;", "server takes from the root what is not its own: crate::Handler"),
        ("src/apps/recipe.rs", "use crate::cli;", "apps imports from above: crate::cli"),
        (
            "src/apps/recipe.rs",
            "use crate::server::Handler;",
            "apps goes past the crate's root: crate::server::Handler",
        ),
        ("src/apps/recipe.rs", "use crate::*;", "apps takes the whole root: crate::*"),
        ("src/extra.rs", "", "extra is none of the rooms"),
        ("src/protocol/frame.rs", "use std::net::TcpStream;", "protocol does I/O: std::net::TcpStream"),
        ("src/protocol/frame.rs", "use std::{fmt, io::{self, Write}};", "protocol does I/O: std::io"),
        ("src/protocol/frame.rs", "fn f() -> ::std::io::Result<()> { Ok(()) }", "protocol does I/O: std::io::Result"),
        ("src/protocol/frame.rs", "use std::*;", "protocol does I/O: std::*"),
        ("src/protocol/frame.rs", "use std as s;", "protocol does I/O: std"),
        (
            "src/http/head.rs",
            "fn f() { let now = std::time::Instant::now(); }",
            "http does I/O: std::time::Instant::now",
        ),
        ("src/http/head.rs", "use std::time::Instant as I; fn f() { I::now(); }", "http does I/O: I::now"),
        ("src/http/head.rs", "fn f(t: Instant) { t.elapsed(); }", "http does I/O: .elapsed"),
        ("src/http/head.rs", "use std::time::SystemTime;", "http does I/O: SystemTime"),
        ("src/http/head.rs", "fn f() { jiff::Zoned::now(); }", "http does I/O: jiff::Zoned::now"),
        ("src/http/head.rs", "use socket2::Socket;", "http does I/O: socket2::Socket"),
        ("src/http/head.rs", "fn f() { println!(\"\"); }", "http does I/O: println!"),
        ("src/server/event_loop.rs", "use mio::Poll;", "only src/server/mio_poller.rs names mio"),
        ("src/lib.rs", "extern crate mio as m;", "only src/server/mio_poller.rs names mio"),
        ("src/lib.rs", "extern crate std as s;", "extern crate hides"),
        ("src/server/mod.rs", long.as_str(), "src/server/mod.rs: 401 lines, more than 400"),
        (
            "src/server/mod.rs",
            "impl X { fn f(a: [u8; 4]) {\n  #[cfg(feature = \"tls\")]\n  g();\n} }",
            ":2: cfg(feature = ...) inside a function",
        ),
        ("src/server/mod.rs", "fn f() { if cfg!(feature = \"tls\") {} }", "cfg(feature = ...) inside a function"),
        (
            "src/server/mod.rs",
            "fn f() { match x { #[cfg(all(unix, not(feature = \"tls\")))] _ => {} } }",
            "cfg(feature = ...) inside a function",
        ),
        // A test module hides nothing behind it, and a string does not end early.
        (
            "src/protocol/a.rs",
            "#[cfg(test)] mod tests { fn f() { '}'; } } use crate::http;",
            "protocol imports from above: crate::http",
        ),
        (
            "src/protocol/a.rs",
            "#[cfg(test)] const A: [u8; 2] = [1, 2]; use crate::http;",
            "protocol imports from above: crate::http",
        ),
        (
            "src/protocol/a.rs",
            "struct S { #[cfg(test)] a: u8, b: crate::http::X }",
            "protocol imports from above: crate::http::X",
        ),
        (
            "src/protocol/a.rs",
            "const A: &str = \"\\\"/*\"; use crate::http; /* */",
            "protocol imports from above: crate::http",
        ),
        (
            "src/protocol/a.rs",
            "const A: &str = r#\"\"/*\"#; use crate::http;",
            "protocol imports from above: crate::http",
        ),
        (
            "src/protocol/a.rs",
            "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' } use crate::http;",
            "protocol imports from above: crate::http",
        ),
        ("src/protocol/a.rs", "/* /* */ */ use crate::http;", "protocol imports from above: crate::http"),
    ] {
        let found = of(path, source);
        assert!(found.contains(complaint), "{path} with\n{source}\nshould be told: {complaint}\nbut was told: {found}");
    }
}

#[test]
fn no_profile_aborts_on_a_panic() {
    // A panic costs its connection: it has to be caught.
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("[profile.release]"));
    for text in [manifest, read(".cargo/config.toml")] {
        assert!(!text.lines().any(|line| line.split('#').next().unwrap_or("").contains("panic")), "{text}");
    }
}

#[test]
fn says_nothing_of_what_is_allowed() {
    for (path, source) in [
        (
            "src/protocol/frame.rs",
            "use super::mask; use crate::protocol::{close::CloseCode, *}; use std::{fmt, borrow::Cow};",
        ),
        (
            "src/protocol/frame.rs",
            "//! use crate::http;\n/// std::net\n/* crate::server */ const A: &str = \"crate::cli std::io\";",
        ),
        (
            "src/protocol/frame.rs",
            "const A: &str = r##\"\"# crate::http\"##; const B: &[u8] = b\"\\\" std::io\"; const C: char = '\"';",
        ),
        (
            "src/protocol/mod.rs",
            "mod inner { use super::frame; pub(in crate::protocol) fn f() {} } pub(crate) fn f() {}",
        ),
        ("src/protocol/mod.rs", "#[cfg(test)] mod tests { use std::net::TcpStream; use crate::http; }"),
        ("src/protocol/mod.rs", "#[cfg(all(test, unix))] #[allow(x)] fn f(a: u8, b: u8) { std::fs::read(a) }"),
        ("src/protocol/mod.rs", "fn f<'a>(x: impl Sized + use<'a>) { let net = x.io.now; let log = r#use::x; }"),
        ("src/http/head.rs", "use crate::protocol::Role; use core::net::IpAddr; fn f(now: std::time::Instant) {}"),
        (
            "src/server/event_loop/read.rs",
            "use std::io; use crate::{http, protocol::Event, server::session}; use super::EventLoop;",
        ),
        ("src/server/mio_poller.rs", "use mio::{Events, Poll};"),
        ("src/server/mod.rs", "mod mio_poller;"),
        ("src/apps/recipe.rs", "use crate::{Context, Handler, http::Response};"),
        ("src/cli.rs", "use crate::apps::ECHO; use crate::Server; use std::env;"),
        ("src/main.rs", "use sockhop::cli; fn main() { cli::run() }"),
        ("src/lib.rs", "#[cfg(feature = \"cli\")] pub mod cli; pub use server::{Handler, Server};"),
        ("src/server/mod.rs", "impl S { fn a(&self); #[cfg(feature = \"tls\")] pub fn tls() -> [u8; 2] { g() } }"),
        ("src/server/mod.rs", "struct S { f: fn(u8), #[cfg(feature = \"tls\")] t: u8 }"),
        ("src/server/mod.rs", "fn f() { #[cfg(debug_assertions)] g(); }"),
    ] {
        assert_eq!(of(path, source), "", "of {path} with\n{source}");
    }
}

#[test]
fn leaves_out_test_modules_in_files_of_their_own() {
    let planted = |declaration: &str| {
        let files = [
            ("src/protocol/frame.rs", declaration),
            ("src/protocol/frame/tests.rs", "use std::net::TcpStream;"),
            ("src/protocol/frame/tests/large.rs", "use std::fs;"),
        ];
        violations(&files.map(|(path, source)| (path.to_owned(), source.to_owned()))).len()
    };
    assert_eq!(planted("#[cfg(test)]\nmod tests;"), 0);
    assert_eq!(planted("#[cfg(test)]\npub(crate) mod tests;"), 0);
    assert_eq!(planted("mod tests;"), 2);
}
