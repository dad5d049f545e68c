//! The source files of the project, and for each of them which of its code is compiled when.

use std::fs;
use std::path::Path;

use crate::conditions::{Declaration, compiled, declarations, in_production, outside_tests};
use crate::source::{Token, tokens};

/// The path of a source file from the project's root, and its text.
pub type Source = (String, String);

pub struct File<'a> {
    pub path: &'a str,
    pub source: &'a str,
    /// `src/server/event_loop/mod.rs` is the module `server::event_loop`.
    pub module: Vec<&'a str>,
    /// Compiled for tests only.
    pub is_test: bool,
    /// All of it.
    pub tokens: Vec<Token<'a>>,
    /// Without what is compiled for tests only.
    pub code: Vec<Token<'a>>,
    /// Also without what is compiled for fuzz targets only, such as `lab`. Empty for files outside `src`.
    pub production: Vec<Token<'a>>,
    /// The optional feature in whose absence alone the file is compiled.
    pub stands_in_for: Option<&'a str>,
    /// Other names of its module, given to it by `#[path]`.
    pub aliases: Vec<Vec<&'a str>>,
}

impl File<'_> {
    pub fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// The room of `src` that it is in, or the name of its file if it is in none.
    pub fn room(&self) -> &str {
        self.module.first().copied().unwrap_or("(root)")
    }
}

/// Reads all source files of `src` and `tests` below the project's root.
pub fn read(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        read_folder(root, &root.join(folder), &mut sources);
    }
    sources
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_folder(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            sources.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

/// Finds out for all files which code is compiled when.
pub fn files(sources: &[Source]) -> Vec<File<'_>> {
    let mut files: Vec<_> = sources.iter().map(|(path, source)| file(path, source)).collect();
    let declared: Vec<(usize, usize, Declaration<'_>)> = (0..files.len())
        .flat_map(|parent| declarations(&files[parent].tokens).into_iter().map(move |found| (parent, found)))
        .filter_map(|(parent, found)| {
            let places = places(files[parent].path, &found);
            let child = files.iter().position(|file| places.iter().any(|place| place == file.path))?;
            Some((parent, child, found))
        })
        .collect();
    for (parent, child, declaration) in &declared {
        if declaration.path.is_some() {
            let alias = [&files[*parent].module[..], &[declaration.name]].concat();
            files[*child].aliases.push(alias);
        }
    }
    // Files below a module that is left out are left out with it. No module lies deeper than this.
    for _ in 0..8 {
        for (parent, child, declaration) in &declared {
            if declaration.is_left_out(&outside_tests) || files[*parent].is_test {
                files[*child].is_test = true;
                files[*child].code.clear();
            }
            if declaration.is_left_out(&in_production) || files[*parent].production.is_empty() {
                files[*child].production.clear();
            }
            let stands_in = declaration.features().into_iter().find(|feature| {
                declaration.is_left_out(&|name, value| ((name, value) == ("feature", *feature)).then_some(true))
            });
            let feature = files[*child].stands_in_for.or(stands_in).or(files[*parent].stands_in_for);
            files[*child].stands_in_for = feature;
        }
    }
    files
}

fn file<'a>(path: &'a str, source: &'a str) -> File<'a> {
    let tokens = tokens(source);
    let code = compiled(&tokens, &outside_tests);
    let production = if path.starts_with("src/") { compiled(&tokens, &in_production) } else { Vec::new() };
    let (module, is_test, stands_in_for, aliases) = (module(path), false, None, Vec::new());
    File { path, source, module, is_test, tokens, code, production, stands_in_for, aliases }
}

fn module(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/').filter(|name| !["lib", "main", "mod"].contains(name)).collect()
}

/// The paths at which a module that is declared in the file `parent` can lie.
fn places(parent: &str, declaration: &Declaration<'_>) -> Vec<String> {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    if let Some(path) = declaration.path {
        return vec![format!("{folder}/{path}")];
    }
    let is_root = ["lib.rs", "main.rs", "mod.rs"].contains(&file) || folder == "tests";
    let folder = if is_root { folder } else { parent.strip_suffix(".rs").unwrap_or(parent) };
    [".rs", "/mod.rs"].map(|end| format!("{folder}/{}{end}", declaration.name)).to_vec()
}
