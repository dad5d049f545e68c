//! Planted violations of the rules for each file.

use crate::rules::violations;
use crate::tree::files;

/// (path, source, part of the complaint)
type Bad = &'static [(&'static str, &'static str, &'static str)];

const IMPORTS: Bad = &[
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
    ("src/protocol/a/b.rs", "use super::super::super::http::X as Y;", "protocol imports from above: crate::http::X"),
    ("src/protocol/a.rs", "mod inner { use super::super::super::http; }", "protocol imports from above: crate::http"),
    ("src/protocol/frame.rs", "use crate::Server;", "protocol takes from the root what is not its own: crate::Server"),
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
    ("src/apps/recipe.rs", "use crate::server::Handler;", "apps goes past the crate's root: crate::server::Handler"),
    ("src/apps/recipe.rs", "use crate::*;", "apps takes the whole root: crate::*"),
    ("src/extra.rs", "", "extra is none of the rooms"),
];

const SYSTEM: Bad = &[
    ("src/protocol/frame.rs", "use std::net::TcpStream;", "protocol does I/O: std::net::TcpStream"),
    ("src/protocol/frame.rs", "use std::{fmt, io::{self, Write}};", "protocol does I/O: std::io"),
    ("src/protocol/frame.rs", "fn f() -> ::std::io::Result<()> { Ok(()) }", "protocol does I/O: std::io::Result"),
    ("src/protocol/frame.rs", "use std::*;", "protocol does I/O: std::*"),
    ("src/protocol/frame.rs", "use std as s;", "protocol does I/O: std"),
    ("src/http/head.rs", "fn f() { let now = std::time::Instant::now(); }", "http does I/O: std::time::Instant::now"),
    ("src/http/head.rs", "use std::time::Instant as I; fn f() { I::now(); }", "http does I/O: I::now"),
    ("src/http/head.rs", "fn f(t: Instant) { t.elapsed(); }", "http does I/O: .elapsed"),
    ("src/http/head.rs", "use std::time::SystemTime;", "http does I/O: SystemTime"),
    ("src/http/head.rs", "fn f() { jiff::Zoned::now(); }", "http does I/O: jiff::Zoned::now"),
    ("src/http/head.rs", "use socket2::Socket;", "http does I/O: socket2::Socket"),
    ("src/http/head.rs", "fn f() { println!(\"\"); }", "http does I/O: println!"),
    (
        "src/server/connection/output.rs",
        "fn f() { let now = std::time::Instant::now(); }",
        "server/connection does I/O: std::time::Instant::now",
    ),
    ("src/server/connection/mod.rs", "use std::net::TcpStream;", "server/connection does I/O: std::net::TcpStream"),
    ("src/server/connection.rs", "use std::{fs, io};", "server/connection does I/O: std::fs"),
    ("src/server/connection/a.rs", "use std::io::{ErrorKind, Read};", "server/connection does I/O: std::io::Read"),
    ("src/server/connection/a.rs", "use std::io; fn f() { io::stdin(); }", "server/connection does I/O: io::stdin"),
    ("src/server/connection/a.rs", "use std::io as x;", "server/connection does I/O: std::io"),
    ("src/server/connection/a.rs", "use std::io::*;", "server/connection does I/O: std::io::*"),
    ("src/server/connection/a.rs", "fn f(t: Instant) { t.elapsed(); }", "server/connection does I/O: .elapsed"),
    ("src/server/connection/a.rs", "const F: F = Instant::elapsed;", "server/connection does I/O: Instant::elapsed"),
    ("src/http/head.rs", "use std::io::ErrorKind;", "http does I/O: std::io::ErrorKind"),
];

const ANYWHERE: Bad = &[
    ("src/server/event_loop/turn.rs", "use mio::Poll;", "only src/server/transport/plain.rs names mio"),
    ("src/server/event_loop/turn.rs", "use rustls::Error;", "only src/server/transport/tls.rs names rustls"),
    ("src/lib.rs", "extern crate mio as m;", "only src/server/transport/plain.rs names mio"),
    ("src/lib.rs", "extern crate std as s;", "extern crate hides"),
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
];

/// A test module hides nothing behind it, and a string does not end early.
const HIDDEN: Bad = &[
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
    ("src/protocol/a.rs", "const A: &str = r#\"\"/*\"#; use crate::http;", "protocol imports from above: crate::http"),
    (
        "src/protocol/a.rs",
        "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' } use crate::http;",
        "protocol imports from above: crate::http",
    ),
    ("src/protocol/a.rs", "/* /* */ */ use crate::http;", "protocol imports from above: crate::http"),
    (
        "src/protocol/a.rs",
        "#[cfg(not(test))] use crate::http; #[cfg(test)] use std::fs;",
        "protocol imports from above: crate::http",
    ),
    ("src/protocol/a.rs", "#[cfg(any(test, unix))] use crate::http;", "protocol imports from above: crate::http"),
];

/// (path, source)
const GOOD: &[(&str, &str)] = &[
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
    ("src/protocol/mod.rs", "mod inner { use super::frame; pub(in crate::protocol) fn f() {} } pub(crate) fn f() {}"),
    ("src/protocol/mod.rs", "#[cfg(test)] mod tests { use std::net::TcpStream; use crate::http; }"),
    ("src/protocol/mod.rs", "#[cfg(all(test, unix))] #[allow(x)] fn f(a: u8, b: u8) { std::fs::read(a) }"),
    ("src/protocol/mod.rs", "fn f<'a>(x: impl Sized + use<'a>) { let net = x.io.now; let log = r#use::x; }"),
    ("src/http/head.rs", "use crate::protocol::Role; use core::net::IpAddr; fn f(now: std::time::Instant) {}"),
    (
        "src/server/event_loop/read.rs",
        "use std::io; use crate::{http, protocol::Event, server::session}; use super::EventLoop;",
    ),
    ("src/server/transport/plain.rs", "use mio::{Events, Poll};"),
    ("src/server/mod.rs", "mod plain;"),
    (
        "src/server/connection/a.rs",
        "use std::io::{self, ErrorKind}; fn f() -> io::Result<Duration> { io::Error::other(0) }",
    ),
    ("src/server/connection/a.rs", "use std::time::{Duration, Instant}; fn f(now: Instant) { crate::http::now(now) }"),
    ("src/server/connection/a.rs", "#[cfg(test)] use std::net; #[inline] #[cfg(test)] fn f() { Instant::now(); }"),
    ("src/apps/recipe.rs", "use crate::{Context, Handler, http::Response};"),
    ("src/cli.rs", "use crate::apps::ECHO; use crate::Server; use std::env;"),
    ("src/main.rs", "use sockhop::cli; fn main() { cli::run() }"),
    ("src/lib.rs", "#[cfg(feature = \"cli\")] pub mod cli; pub use server::{Handler, Server};"),
    ("src/server/mod.rs", "impl S { fn a(&self); #[cfg(feature = \"tls\")] pub fn tls() -> [u8; 2] { g() } }"),
    ("src/server/mod.rs", "struct S { f: fn(u8), #[cfg(feature = \"tls\")] t: u8 }"),
    ("src/server/mod.rs", "fn f() { #[cfg(debug_assertions)] g(); }"),
];

/// The complaints about a single file.
fn of(path: &str, source: &str) -> String {
    violations(&files(&[(path.to_owned(), source.to_owned())])).join("\n")
}

#[test]
fn sees_each_planted_violation() {
    for (path, source, complaint) in [IMPORTS, SYSTEM, ANYWHERE, HIDDEN].concat() {
        let found = of(path, source);
        assert!(found.contains(complaint), "{path} with\n{source}\nshould be told: {complaint}\nbut was told: {found}");
    }
}

#[test]
fn says_nothing_of_what_is_allowed() {
    for (path, source) in GOOD {
        assert_eq!(of(path, source), "", "of {path} with\n{source}");
    }
}

#[test]
fn leaves_out_test_modules_in_files_of_their_own() {
    let planted = |declaration: &str| {
        let sources = [
            ("src/protocol/frame.rs", declaration),
            ("src/protocol/frame/tests.rs", "mod large; use std::net::TcpStream;"),
            ("src/protocol/frame/tests/large.rs", "use std::fs;"),
        ];
        violations(&files(&sources.map(|(path, source)| (path.to_owned(), source.to_owned())))).len()
    };
    assert_eq!(planted("#[cfg(test)]\nmod tests;"), 0);
    assert_eq!(planted("#[cfg(test)]\npub(crate) mod tests;"), 0);
    assert_eq!(planted("#[allow(x)]\n#[cfg(all(test, unix))]\nmod tests;"), 0);
    assert_eq!(planted("mod tests;"), 2);
    assert_eq!(planted("#[cfg(any(test, fuzzing))]\nmod tests;"), 2);
}
