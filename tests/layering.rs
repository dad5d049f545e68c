//! The house of `DESIGN`: rooms and folders import strictly downward, the lower ones do no I/O, nothing grows too long.
//!
//! `protocol < http < server < apps < cli`, each a module of `src`. These tests read the sources, so they also see code
//! that this build leaves out. The rules are shown on planted violations in `layering/planted.rs`.
//!
//! `LAYERING_ROOT` names the root of another copy of the project to read instead. For a table of figures:
//! `cargo test --test layering figures -- --nocapture`.

use std::env;
use std::fs;
use std::path::PathBuf;

#[path = "layering/circles.rs"]
mod circles;
#[path = "layering/conditions.rs"]
mod conditions;
#[path = "layering/counts.rs"]
mod counts;
#[path = "layering/items.rs"]
mod items;
#[path = "layering/limits.rs"]
mod limits;
#[path = "layering/planted.rs"]
mod planted;
#[path = "layering/planted_trees.rs"]
mod planted_trees;
#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/source.rs"]
mod source;
#[path = "layering/tree.rs"]
mod tree;

/// The root of the project that is looked at.
fn root() -> PathBuf {
    env::var_os("LAYERING_ROOT").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

#[test]
fn rooms_and_folders_import_downward_and_the_lower_ones_do_no_io() {
    let sources = tree::read(&root());
    let files = tree::files(&sources);
    let mut found = rules::violations(&files);
    for place in rules::SANS_IO {
        if !files.iter().any(|file| file.module.join("/") == place) {
            found.push(format!("src has no {place}"));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn nothing_is_in_a_circle_and_nothing_has_grown_too_long() {
    let sources = tree::read(&root());
    let files = tree::files(&sources);
    let mut found = limits::violations(&files);
    if limits::loop_fields(&files).is_none() {
        found.push(format!("src has no struct {}", limits::LOOP));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn figures_of_the_house() {
    let sources = tree::read(&root());
    let table = counts::table(&tree::files(&sources));
    assert!(!table.contains("| lines of production code | 0"), "{table}");
    println!("{table}");
}

#[test]
fn no_profile_aborts_on_a_panic() {
    // A panic costs its connection: it has to be caught.
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("[profile.release]"));
    for text in [manifest, read(".cargo/config.toml")] {
        assert!(!text.lines().any(|line| line.split('#').next().unwrap_or("").contains("panic")), "{text}");
    }
}
