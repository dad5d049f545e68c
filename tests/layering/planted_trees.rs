//! Planted violations of the rules for the whole tree, and planted figures.

use crate::counts::riddles;
use crate::items::{fields, functions, lines_of_code};
use crate::source::tokens;
use crate::tree::{Source, files};
use crate::{limits, rules};

/// Files below `src/server`, each with its source.
type Server = &'static [(&'static str, &'static str)];

fn server(planted: Server) -> Vec<Source> {
    planted.iter().map(|(path, source)| (format!("src/server/{path}"), (*source).to_owned())).collect()
}

/// All complaints about these files.
fn of(sources: &[Source]) -> String {
    let files = files(sources);
    [rules::violations(&files), limits::violations(&files)].concat().join("\n")
}

const UPWARD: &[(Server, &str)] = &[
    (&[("lab/bed.rs", "struct Bed;")], "src/server/lab/bed.rs: is compiled into the server"),
    (&[("session.rs", "")], "src/server/session.rs: lies in none of the folders"),
    (
        &[("types/id.rs", "use crate::server::api::handle::Handle;"), ("api/handle.rs", "pub struct Handle;")],
        "src/server/types/id.rs: imports from above: src/server/api/handle.rs",
    ),
    // A path in the code, and a module that is a file beside its folder.
    (
        &[("transport/plain.rs", "fn f() { super::super::shared::g() }"), ("shared.rs", "pub fn g() {}")],
        "src/server/transport/plain.rs: imports from above: src/server/shared.rs",
    ),
    // Through the re-export of a folder.
    (
        &[
            ("connection/mod.rs", "use super::shared::Table;"),
            ("shared/mod.rs", "mod table; pub use self::table::Table;"),
            ("shared/table.rs", "pub struct Table;"),
        ],
        "src/server/connection/mod.rs: imports from above: src/server/shared/table.rs",
    ),
    // Through a module with another name.
    (
        &[
            ("shared/a.rs", "use crate::server::api as x; use x::context as y; type Z = y::Context;"),
            ("api/context.rs", "pub struct Context;"),
            ("api/mod.rs", "pub mod context;"),
        ],
        "src/server/shared/a.rs: imports from above: src/server/api/context.rs",
    ),
    (
        &[("api/handle.rs", "use super::super::event_loop::*;"), ("event_loop/mod.rs", "pub struct EventLoop;")],
        "src/server/api/handle.rs: imports from above: src/server/event_loop/mod.rs",
    ),
    (
        &[("event_loop/mod.rs", "use super::Server;"), ("mod.rs", "pub struct Server;")],
        "src/server/event_loop/mod.rs: imports from above: src/server/mod.rs",
    ),
    (
        &[("event_loop/a.rs", "use crate::server::lab::bed::Bed;"), ("lab/bed.rs", "pub struct Bed;")],
        "src/server/event_loop/a.rs: imports from above: src/server/lab/bed.rs",
    ),
    (
        &[("types/a.rs", "use crate::server::testing::Stage;"), ("testing.rs", "pub struct Stage;")],
        "src/server/types/a.rs: imports from above: src/server/testing.rs",
    ),
];

const CIRCLES: &[(Server, &str)] = &[
    (
        &[("api/a.rs", "use super::b::B; struct A;"), ("api/b.rs", "struct B(super::a::A);")],
        "import circle of 2 files:\n    api/a.rs -> api/b.rs\n    api/b.rs -> api/a.rs",
    ),
    (
        &[
            ("types/a.rs", "use super::b; fn a() { b::b() }"),
            ("types/b.rs", "use super::c::*; fn b() { c() }"),
            ("types/c.rs", "use super::a::a; fn c() { a() }"),
        ],
        "import circle of 3 files",
    ),
    // A folder's file and its child.
    (
        &[
            ("shared/mod.rs", "mod a; use self::a::A; pub const N: A = 1;"),
            ("shared/a.rs", "use super::N; type A = u8;"),
        ],
        "import circle of 2 files",
    ),
    // Through the re-exports of the root and of folders, one of them a glob.
    (
        &[
            ("mod.rs", "mod types; pub use self::types::*;"),
            ("types/mod.rs", "mod a; mod b; pub use a::A as Other; pub use self::b::B;"),
            ("types/a.rs", "pub struct A; impl From<crate::server::B> for A {}"),
            ("types/b.rs", "pub struct B(crate::server::Other);"),
        ],
        "import circle of 2 files:\n    types/a.rs -> types/b.rs",
    ),
    // The three files may, with a fourth they may not.
    (
        &[
            ("api/handler.rs", "use super::context::Context; trait Handler {}"),
            ("api/context.rs", "use super::{handler::Handler, timer::Timer}; struct Context;"),
            ("api/timer.rs", "use super::context::Context; struct Timer;"),
        ],
        "import circle of 3 files",
    ),
    // By a macro, and by the path of an attribute.
    (
        &[
            ("types/a.rs", "macro_rules! m { () => { super::b::b!() } } pub(crate) use m;"),
            ("types/b.rs", "macro_rules! b { () => { super::a::m!() } }"),
        ],
        "import circle of 2 files",
    ),
    (
        &[
            (
                "types/mod.rs",
                "#[cfg(feature = \"x\")] mod a; #[cfg(not(feature = \"x\"))] #[path = \"no_a.rs\"] mod a;",
            ),
            ("types/b.rs", "use super::a::A; struct B;"),
            ("types/no_a.rs", "use super::b::B; struct A;"),
        ],
        "import circle of 2 files",
    ),
];

const ALLOWED: &[Server] = &[
    // Downward, and above all folders.
    &[
        ("mod.rs", "mod api; mod types; pub use self::api::Handle; pub use self::types::Id; struct Server(Handle);"),
        ("testing.rs", "use super::{Handle, Server};"),
        ("lab/mod.rs", "#![cfg(any(test, fuzzing))] use crate::server::{Handle, Id, Server};"),
        ("api/mod.rs", "mod handle; pub use self::handle::Handle;"),
        ("api/handle.rs", "use crate::server::Id; pub struct Handle(Id);"),
        ("types/mod.rs", "mod id; pub use self::id::Id;"),
        ("types/id.rs", "pub struct Id; impl Id { pub(in crate::server) fn f() {} fn g(&self) { self.api.g() } }"),
    ],
    // The three files.
    &[
        ("api/handler.rs", "use super::context::Context; trait Handler {}"),
        ("api/context.rs", "use super::handle::Handle; struct Context;"),
        ("api/handle.rs", "use super::handler::Handler; struct Handle;"),
    ],
    // A child whose name is re-exported, and its sibling.
    &[
        ("types/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("types/a.rs", "use super::B; pub struct A;"),
        ("types/b.rs", "pub struct B; #[cfg(test)] mod tests { use super::super::A; }"),
    ],
    &[
        ("types/mod.rs", "#[cfg(test)] mod tests; pub struct A;"),
        ("mod.rs", "#[cfg(test)] mod tests;"),
        ("tests.rs", "use super::lab::Bed;"),
        ("types/tests.rs", "use super::A; use crate::server::api::B;"),
    ],
    // Methods of the same name of two types.
    &[
        ("types/a.rs", "impl A { fn f(&self) { self.g(); self.x.f() } fn g(&self) {} } struct A;"),
        ("types/b.rs", "impl B { fn f(&self) { self.g() } fn g(&self) {} } struct B;"),
    ],
];

#[test]
fn sees_planted_imports_upward_and_circles() {
    for (planted, complaint) in [UPWARD, CIRCLES].concat() {
        let found = of(&server(planted));
        assert!(found.contains(complaint), "{planted:?}\nshould be told: {complaint}\nbut was told: {found}");
    }
}

#[test]
fn says_nothing_of_allowed_imports() {
    for planted in ALLOWED {
        assert_eq!(of(&server(planted)), "", "{planted:?}");
    }
}

/// `count` files with an `impl` of the same type, each of which calls a method of the next by `call`.
fn call_circle(count: usize, call: &str) -> Vec<Source> {
    let file = |number: usize| {
        let call = call.replace('?', &((number + 1) % count).to_string());
        let source = format!("use super::X; impl<P: Fn() -> u8> X<P> {{ fn f{number}(&self) {{ {call} }} }}");
        (format!("src/server/event_loop/f{number}.rs"), source)
    };
    let home = ("src/server/event_loop/mod.rs".to_owned(), "pub struct X<P>(P);".to_owned());
    (0..count).map(file).chain([home]).collect()
}

#[test]
fn sees_a_circle_of_calls_between_impl_blocks_of_one_type() {
    let most = limits::FILES_IN_CALL_CIRCLES;
    for call in ["self.f?();", "if self.f?::<u8>() {}", "Self::f?(self)", "X::f?(self)"] {
        let found = of(&call_circle(most + 1, call));
        let complaint = format!("{} files in call circles, more than {most}:\n    event_loop/f0.rs ->", most + 1);
        assert!(found.contains(&complaint), "{call}: {found}");
        assert_eq!(of(&call_circle(most, call)), "", "{call}");
    }
    let mut with_trait = call_circle(most + 1, "self.f?();");
    with_trait[0].1 = with_trait[0].1.replace("X<P> {", "X<P> {} impl<P> Fn for X<P> where P: Y {");
    assert!(of(&with_trait).contains("call circles"));
    for call in ["self.x.f?();", "x.f?();", "self.f?;", "Y::f?();"] {
        assert_eq!(of(&call_circle(most + 1, call)), "", "{call}");
    }
}

/// A tree of one file.
fn alone(source: String) -> Vec<Source> {
    vec![("src/protocol/a.rs".to_owned(), source)]
}

#[test]
fn sees_files_functions_and_sums_beyond_their_limits() {
    let function = |lines: usize| format!("fn a();\nimpl X {{ pub fn b(x: [u8; 2]) {{{}}}}}", "\n".repeat(lines - 1));
    for (source, complaint) in [
        ("//\n".repeat(351), "src/protocol/a.rs: 351 lines, more than 350"),
        (function(61), "src/protocol/a.rs:2: fn b has 61 lines, more than 60"),
        (format!("#[cfg(test)] mod tests {{ {} }}", function(61)), "fn b has 61 lines"),
        (format!("struct EventLoop {{ {} }}", "pub a: B<C, D>, ".repeat(15)), "fields of EventLoop: 15, more than 14"),
        (
            "impl<P: X<Y>> EventLoop<P> { fn f() { fn g() {} } }\n".repeat(50)
                + "impl Drop for EventLoop<u8> { fn drop() {} }",
            "methods of EventLoop: 51, more than 50",
        ),
        ("fn f() {}\n".repeat(14_401), "lines of production code in the core: 14401, more than 14400"),
    ] {
        let found = of(&alone(source));
        assert!(found.contains(complaint), "should be told: {complaint}\nbut was told: {found}");
    }
    for source in [
        "//\n".repeat(350),
        function(60),
        format!("struct EventLoop {{ {} #[cfg(test)] e: u8 }}", "pub a: B<C, D>, ".repeat(14)),
        "impl EventLoop { fn f() {} #[cfg(test)] fn g() {} }\n".repeat(50)
            + "#[cfg(fuzzing)] impl EventLoop { fn f() {} }",
    ] {
        assert_eq!(of(&alone(source.clone())), "", "{source}");
    }
}

#[test]
fn counts_production_code_without_tests_fuzzing_and_lab() {
    let parent = "mod a;\n#[cfg(any(test, fuzzing))]\nmod lab;\n#[cfg(test)]\nmod tests;\n";
    let child = "/// A\n\n/* B\n*/ fn f() -> &'static str {\n    \"one\n    two\"\n}\n#[cfg(fuzzing)]\nfn g() {}\n";
    let paths = ["mod.rs", "a.rs", "lab/mod.rs", "lab/b.rs", "tests.rs", "tests/a.rs"];
    let mut sources: Vec<Source> = paths.iter().map(|path| (format!("src/http/{path}"), child.to_owned())).collect();
    sources[0].1 = parent.to_owned();
    sources[2].1 += "mod b;\n";
    sources[4].1 += "mod a;\n";
    let counted: Vec<_> = files(&sources).iter().map(|file| lines_of_code(&file.production)).collect();
    assert_eq!(counted, [1, 4, 0, 0, 0, 0]);
}

#[test]
fn sees_a_second_stand_in_and_a_long_one() {
    let stand_in = |name: &str| format!("#[cfg(not(feature = \"tls\"))]\n#[path = \"no_{name}.rs\"]\nmod {name};\n");
    let plant = |parent: String, lines: usize| {
        let file = |path: &str, source: String| (format!("tests/common/{path}"), source);
        vec![
            file("mod.rs", parent),
            file("no_a.rs", "//\n".repeat(lines) + "mod inner;"),
            file("no_a/inner.rs", String::new()),
            file("no_b.rs", String::new()),
        ]
    };
    let both = of(&plant(stand_in("a") + &stand_in("b"), 1));
    assert!(both.contains("feature tls has 3 stand-in files: tests/common/no_a.rs"), "{both}");
    assert!(of(&plant(stand_in("b"), 1)).is_empty());
    assert!(of(&plant(stand_in("a"), 99)).contains("lines of stand-in files: 100, more than 99"));
    let with = "#[cfg(feature = \"tls\")] mod no_a; #[cfg(any(unix, not(feature = \"tls\")))] mod no_b;".to_owned();
    assert_eq!(of(&plant(with, 100)), "");
    let without =
        "#[cfg(not(any(unix, feature = \"tls\")))] mod no_a; #[cfg(not(feature = \"tls\"))] mod no_b;".to_owned();
    assert!(of(&plant(without, 1)).contains("feature tls has 3 stand-in files"));
}

#[test]
fn counts_riddles_fields_and_functions() {
    let count = |source: &str| riddles(&files(&[("src/lib.rs".to_owned(), source.to_owned())])[0]);
    let found =
        "/// What a.\n//! It is. Those b\n// A | Who |\n/* Whose\n * That which c\n */ fn f() {} // Whoever: d\n";
    assert_eq!(count(found), 6);
    assert_eq!(count("// somewhat. Whole. That, which What\nconst A: &str = \"// What\"; // a what\n"), 0);
    assert_eq!(
        fields(&tokens("struct A; struct B { pub(super) a: fn(x: u8), b: [u8; { 1 }], c: D<E, F> }"), "B"),
        Some(3)
    );
    assert_eq!(fields(&tokens("struct AB { a: u8 }"), "A"), None);
    let tokens = tokens("fn a() where X: Y {\n} fn b(); type F = fn(u8); fn c<const N: usize>() { fn d() {} }");
    let names: Vec<_> = functions(&tokens).iter().map(|function| (function.name, function.lines)).collect();
    assert_eq!(names, [("a", 2), ("c", 1), ("d", 1)]);
}
