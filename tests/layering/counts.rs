//! The table of figures: what the tree looks like today.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::circles::{Edges, Graph, circles};
use crate::items::{functions, lines_of_code};
use crate::limits::{lines, loop_fields, loop_methods, stand_ins};
use crate::source::{comments, starts_with};
use crate::tree::File;

/// Words that begin a sentence where a noun would be easier to read.
const RIDDLES: [&str; 6] = ["What", "Who", "Whoever", "Whose", "Those", "That which"];

/// A Markdown table.
pub fn table(files: &[File<'_>]) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("methods of EventLoop", loop_methods(files).to_string());
    row("fields of EventLoop", loop_fields(files).map_or("none".to_owned(), |fields| fields.to_string()));
    let graph = Graph::new(files);
    row("files of src/server in import circles", in_circles(files, &graph.imports()));
    row("files of src/server in call circles", in_circles(files, &graph.calls()));
    row("lines of production code", of_rooms(files, |file| lines_of_code(&file.production)));
    let parts = ["production code", "src and its tests", "tests/"];
    let is_in = |part: &str, file: &File<'_>| match part {
        "production code" => !file.production.is_empty(),
        "tests/" => file.is_in("tests/"),
        _ => file.is_in("src/"),
    };
    for part in parts {
        let files = files.iter().filter(|file| is_in(part, file));
        let found = files.clone().flat_map(|file| {
            let tokens = if part == "production code" { &file.production } else { &file.tokens };
            functions(tokens).into_iter().map(move |function| (file, function))
        });
        if let Some((file, function)) = found.max_by_key(|(_, function)| function.lines) {
            let value = format!("{}: {} in {}", function.lines, function.name, file.path);
            row(&format!("longest function of {part}"), value);
        }
        if let Some(file) = files.max_by_key(|file| lines(file)) {
            row(&format!("longest file of {part}"), format!("{}: {}", lines(file), file.path));
        }
    }
    let stand_ins: Vec<_> = stand_ins(files).into_values().flatten().collect();
    row("stand-in files", format!("{}{}", stand_ins.len(), listed(stand_ins.iter().map(|file| file.path))));
    let code: usize = stand_ins.iter().map(|file| lines_of_code(&file.tokens)).sum();
    let all: usize = stand_ins.iter().map(|file| lines(file)).sum();
    row("stand-in lines", format!("{all} ({code} of them code)"));
    row(&format!("comment lines with a sentence that begins with {}", RIDDLES.join("/")), of_rooms(files, riddles));
    row("tests", of_rooms(files, tests));
    let mut table = String::from("| figure | value |\n|---|---|\n");
    for (name, value) in rows {
        writeln!(table, "| {name} | {value} |").expect("a string grows");
    }
    table
}

/// The number of files that are in circles, and the files of each.
fn in_circles(files: &[File<'_>], edges: &Edges) -> String {
    let circles = circles(edges);
    let mut value = circles.concat().len().to_string();
    for circle in circles {
        value += &listed(circle.iter().map(|index| files[*index].path.trim_start_matches("src/server/")));
    }
    value
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() { String::new() } else { format!(" ({names})") }
}

/// A sum, and its parts by room; all integration tests together are one.
fn of_rooms(files: &[File<'_>], count: impl Fn(&File<'_>) -> usize) -> String {
    let mut rooms = BTreeMap::new();
    for file in files {
        let room = if file.is_in("tests/") { "tests/" } else { file.room() };
        *rooms.entry(room).or_insert(0) += count(file);
    }
    let total: usize = rooms.values().sum();
    let parts = rooms.iter().filter(|(_, count)| **count > 0).map(|(room, count)| format!("{room} {count}"));
    format!("{total} ({})", parts.collect::<Vec<_>>().join(", "))
}

/// The number of comment lines in which a sentence begins with a word that hides its subject.
pub fn riddles(file: &File<'_>) -> usize {
    comments(file.source).into_iter().filter(|line| is_riddle(line)).count()
}

fn is_riddle(line: &str) -> bool {
    RIDDLES.iter().any(|riddle| {
        line.match_indices(riddle).any(|(at, _)| {
            let before = line[..at].trim_end_matches([' ', '*', '_', '"', '(']);
            let is_first = before.is_empty() || before.ends_with(['/', '!', '.', '?', ':', '|', '-', '*']);
            is_first && !line[at + riddle.len()..].starts_with(|next: char| next.is_alphanumeric())
        })
    })
}

fn tests(file: &File<'_>) -> usize {
    (0..file.tokens.len()).filter(|at| starts_with(&file.tokens[*at..], &["#", "[", "test", "]"])).count()
}
