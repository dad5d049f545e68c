//! Rules for each file: rooms and folders import strictly downward, the lower ones do no I/O.

use crate::circles::Graph;
use crate::source::{Path, Token, group, paths, starts_with};
use crate::tree::File;

/// From the lowest to the highest.
const ROOMS: [&str; 5] = ["protocol", "http", "server", "apps", "cli"];
/// From this room on the crate's root may be used, as an embedder uses it.
const APPS: usize = 3;
/// The folders of the server, from the lowest to the highest.
const FOLDERS: [&str; 6] = ["types", "transport", "connection", "shared", "api", "event_loop"];
/// Like `src/server/mod.rs`, these may import all folders and are imported by none.
const ABOVE_FOLDERS: [&str; 2] = [LAB, "testing"];
/// Helpers of unit tests and fuzz targets.
const LAB: &str = "lab";
/// Rooms without I/O and clock: bytes in, bytes out, `now` is an argument.
pub const SANS_IO: [&str; 4] = ["protocol", "http", CONNECTION, "apps/hub/state"];
/// In this one, errors and slices of `std::io` are values like others.
pub const CONNECTION: &str = "server/connection";
const VALUES_OF_IO: [&str; 4] = ["Error", "ErrorKind", "IoSlice", "Result"];
/// The modules of `std` that belong to the system.
const SYSTEM: [&str; 7] = ["io", "net", "fs", "os", "env", "process", "thread"];
/// Dependencies that do I/O or read a clock. `log` is a facade that does neither.
const SYSTEM_CRATES: [&str; 7] = ["mio", "socket2", "env_logger", "jiff", "rlimit", "signal_hook", "libc"];
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];
const MIO_FILE: &str = "src/server/transport/plain.rs";
/// The files that name rustls, so that another version of it changes nothing else; the last ones export it again.
const RUSTLS_FILES: [&str; 4] =
    ["src/server/transport/tls.rs", "src/server/transport/tls/", "src/server/mod.rs", "src/lib.rs"];

/// One line for each place where a file of `src` breaks a rule.
pub fn violations(files: &[File<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_in("src/") && !file.is_test) {
        let mut complain = |line: usize, what: String| found.push(format!("{}:{line}: {what}", file.path));
        imports(file, &mut complain);
        system(file, &mut complain);
        anywhere(file, &mut complain);
        feature_in_function(&file.code, &mut complain);
    }
    found.extend(folders(files));
    found
}

/// The rooms import downward.
fn imports(file: &File<'_>, complain: &mut impl FnMut(usize, String)) {
    let Some(room) = file.module.first() else { return };
    let Some(height) = ROOMS.iter().position(|name| name == room) else {
        return complain(1, format!("{room} is none of the rooms {ROOMS:?}"));
    };
    for path in paths(&file.module, &file.code) {
        let name = path.segments.join("::");
        match path.segments[..] {
            // `pub(crate)` and the like.
            ["crate"] if path.imported.is_none() => {}
            // It would import unseen what the root re-exports from above.
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
            _ => {}
        }
    }
}

/// The rooms and folders without I/O do none, and read no clock.
fn system(file: &File<'_>, complain: &mut impl FnMut(usize, String)) {
    let module = file.module.join("/");
    let is_below = |place: &&str| module == *place || module.starts_with(&format!("{place}/"));
    let Some(place) = SANS_IO.into_iter().find(is_below) else { return };
    let mut complain = |line, what: &str| complain(line, format!("{place} does I/O: {what}"));
    for path in paths(&file.module, &file.code) {
        if does_io(&path, place == CONNECTION) {
            complain(path.line, &path.segments.join("::"));
        }
    }
    for (at, token) in file.code.iter().enumerate() {
        let prints = PRINTING.contains(&token.text) && starts_with(&file.code[at + 1..], &["!"]);
        if prints || token.text == "SystemTime" || starts_with(&file.code[at..], &[".", "elapsed", "("]) {
            complain(token.line, &file.code[at..].iter().take(2).map(|token| token.text).collect::<String>());
        }
    }
}

fn does_io(path: &Path<'_>, may_name_values: bool) -> bool {
    if path.imported.is_none() && path.segments.len() < 2 {
        return false;
    }
    let last = path.segments.last();
    let is_value = |name: &&str| may_name_values && VALUES_OF_IO.contains(name);
    match path.segments[..] {
        // The module itself, by its own name.
        ["std", "io"] if may_name_values && path.imported == Some("io") => false,
        ["std", "io", name, ..] if is_value(&name) => false,
        ["io", name, ..] if may_name_values => !is_value(&name),
        ["std"] | ["std", "*"] => true,
        ["std", second, ..] if SYSTEM.contains(&second) => true,
        [first, ..] if SYSTEM_CRATES.contains(&first) => true,
        ["crate", ..] => false,
        _ => ["now", "elapsed"].contains(last.unwrap_or(&"")),
    }
}

/// The folders of the server import downward, and no file lies beside them.
fn folders(files: &[File<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, others) in Graph::new(files).imports() {
        let file = &files[index];
        if file.is_test {
            continue;
        }
        let Some(height) = height(file) else {
            found.push(format!("{}: lies in none of the folders {FOLDERS:?}", file.path));
            continue;
        };
        if file.module.get(1) == Some(&LAB) && !file.production.is_empty() {
            found.push(format!("{}: is compiled into the server, not for tests alone", file.path));
        }
        for other in others.into_iter().map(|other| &files[other]) {
            if self::height(other).is_some_and(|other| other > height) {
                found.push(format!("{}: imports from above: {}", file.path, other.path));
            }
        }
    }
    found
}

/// How high a file of the server lies among its folders.
fn height(file: &File<'_>) -> Option<usize> {
    match file.module.get(1) {
        None => Some(FOLDERS.len()),
        Some(name) if ABOVE_FOLDERS.contains(name) => Some(FOLDERS.len()),
        Some(name) => FOLDERS.iter().position(|folder| folder == name),
    }
}

/// Rules for all files.
fn anywhere(file: &File<'_>, complain: &mut impl FnMut(usize, String)) {
    for (at, token) in file.code.iter().enumerate() {
        if token.text == "mio" && file.path != MIO_FILE {
            complain(token.line, format!("only {MIO_FILE} names mio"));
        }
        if token.text == "rustls" && !RUSTLS_FILES.iter().any(|place| file.path.starts_with(place)) {
            complain(token.line, format!("only {} names rustls", RUSTLS_FILES[0]));
        }
        if starts_with(&file.code[at..], &["extern", "crate"]) {
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
