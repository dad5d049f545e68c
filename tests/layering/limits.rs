//! Rules for the whole tree: circles, and how long and how many things may be.

use std::collections::BTreeMap;

use crate::circles::{Edges, Graph, circles};
use crate::items::{fields, functions, impls, lines_of_code};
use crate::tree::File;

/// Lines of the longest file that can still be read in one sitting.
pub const FILE_LINES: usize = 350;
/// Lines of the longest function that fits on a screen.
pub const FUNCTION_LINES: usize = 60;
/// The object that everything would become a part of.
pub const LOOP: &str = "EventLoop";
const LOOP_METHODS: usize = 50;
const LOOP_FIELDS: usize = 14;
/// A handler gets a context, a context holds a handle, and a handle is asked by handlers.
const MAY_IMPORT_EACH_OTHER: [&str; 3] =
    ["src/server/api/handler.rs", "src/server/api/context.rs", "src/server/api/handle.rs"];
/// Files of the server that may be in a circle of calls between `impl` blocks of one type.
pub const FILES_IN_CALL_CIRCLES: usize = 7;
/// The rooms that an embedder uses, and the lines that they may have without comments, blank lines, tests and `lab`.
const CORE: [&str; 3] = ["protocol", "http", "server"];
const CORE_LINES: usize = 14_400;
/// All lines of all files that stand in for an optional feature are fewer. That of TLS has what the command calls, so that
/// the command needs none of its own.
const STAND_IN_LINES: usize = 100;

/// One line for each rule that these files break.
pub fn violations(files: &[File<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let lines = file.source.lines().count();
        if lines > FILE_LINES {
            found.push(format!("{}: {lines} lines, more than {FILE_LINES}", file.path));
        }
        for function in functions(&file.tokens).iter().filter(|function| function.lines > FUNCTION_LINES) {
            let (path, line, name, lines) = (file.path, function.line, function.name, function.lines);
            found.push(format!("{path}:{line}: fn {name} has {lines} lines, more than {FUNCTION_LINES}"));
        }
    }
    let graph = Graph::new(files);
    let imports = graph.imports();
    for circle in circles(&imports) {
        if !circle.iter().all(|index| MAY_IMPORT_EACH_OTHER.contains(&files[*index].path)) {
            found.push(format!("import circle of {} files:{}", circle.len(), drawn(files, &imports, &circle)));
        }
    }
    let calls = graph.calls();
    let in_circles: Vec<usize> = circles(&calls).concat();
    if in_circles.len() > FILES_IN_CALL_CIRCLES {
        let drawn = drawn(files, &calls, &in_circles);
        found.push(format!("{} files in call circles, more than {FILES_IN_CALL_CIRCLES}:{drawn}", in_circles.len()));
    }
    let mut limit = |what: &str, count: usize, limit: usize| {
        if count > limit {
            found.push(format!("{what}: {count}, more than {limit}"));
        }
    };
    limit("methods of EventLoop", loop_methods(files), LOOP_METHODS);
    limit("fields of EventLoop", loop_fields(files).unwrap_or(0), LOOP_FIELDS);
    let core = files.iter().filter(|file| CORE.contains(&file.room()));
    limit("lines of production code in the core", core.map(|file| lines_of_code(&file.production)).sum(), CORE_LINES);
    let stand_ins = stand_ins(files);
    limit("lines of stand-in files", stand_ins.values().flatten().map(|file| lines(file)).sum(), STAND_IN_LINES - 1);
    for (feature, files) in stand_ins.iter().filter(|(_, files)| files.len() > 1) {
        let paths: Vec<_> = files.iter().map(|file| file.path).collect();
        found.push(format!("feature {feature} has {} stand-in files: {}", files.len(), paths.join(", ")));
    }
    found
}

/// For each file of a circle the others that it needs.
fn drawn(files: &[File<'_>], edges: &Edges, circle: &[usize]) -> String {
    let paths = |indices: Vec<&usize>| {
        indices.into_iter().map(|index| files[*index].path.trim_start_matches("src/server/")).collect::<Vec<_>>()
    };
    let line = |file: &usize| {
        let others = edges[file].iter().filter(|other| circle.contains(other)).collect();
        format!("\n    {} -> {}", paths(vec![file])[0], paths(others).join(", "))
    };
    circle.iter().map(line).collect()
}

pub fn lines(file: &File<'_>) -> usize {
    file.source.lines().count()
}

/// In all `impl` blocks, without those for tests.
pub fn loop_methods(files: &[File<'_>]) -> usize {
    let of_file = |file: &File<'_>| -> usize {
        let blocks = impls(&file.production).into_iter().filter(|block| block.of.last() == Some(&LOOP));
        blocks.map(|block| block.methods().len()).sum()
    };
    files.iter().map(of_file).sum()
}

/// `None` if no file defines it.
pub fn loop_fields(files: &[File<'_>]) -> Option<usize> {
    files.iter().find_map(|file| fields(&file.production, LOOP))
}

/// For each optional feature the files that are compiled in its absence only.
pub fn stand_ins<'t, 'a>(files: &'t [File<'a>]) -> BTreeMap<&'a str, Vec<&'t File<'a>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files {
        if let Some(feature) = file.stands_in_for {
            found.entry(feature).or_default().push(file);
        }
    }
    found
}
