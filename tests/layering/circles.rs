//! Which file of `src/server` imports or calls which other, and the circles in that.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::items::{Impl, defined, impls};
use crate::source::paths;
use crate::tree::File;

/// For each file the files that it needs.
pub type Edges = BTreeMap<usize, BTreeSet<usize>>;

/// Longer chains of re-exports are not followed.
const REEXPORTS: usize = 8;

/// Where the name at the end of a path is defined.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    File(usize),
    /// The path names a module, not something in it.
    Module,
    OtherCrate,
}

/// The names that a file can use.
struct Names<'a> {
    defined: HashSet<&'a str>,
    /// The name and the path of all that it imports.
    imported: Vec<(&'a str, Vec<&'a str>)>,
    globs: Vec<Vec<&'a str>>,
    /// All other paths, words of the language and of the file itself among them.
    used: Vec<Vec<&'a str>>,
}

pub struct Graph<'t, 'a> {
    files: &'t [File<'a>],
    modules: HashMap<Vec<&'a str>, usize>,
    names: Vec<Names<'a>>,
}

impl<'t, 'a> Graph<'t, 'a> {
    pub fn new(files: &'t [File<'a>]) -> Self {
        let mut modules = HashMap::new();
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.is_in("src/")) {
            // The binary's root is no module of the crate.
            if file.path != "src/main.rs" {
                modules.entry(file.module.clone()).or_insert(index);
            }
            for alias in &file.aliases {
                modules.entry(alias.clone()).or_insert(index);
            }
        }
        Graph { files, modules, names: files.iter().map(names).collect() }
    }

    /// Which files of `src/server` import which, by `use` or by a path in the code. A name that a file re-exports counts
    /// as imported from the file that defines it.
    pub fn imports(&self) -> Edges {
        let mut edges = Edges::new();
        for index in self.server() {
            edges.insert(index, self.imports_of(index).into_iter().filter(|other| self.is_server(*other)).collect());
        }
        edges
    }

    fn imports_of(&self, index: usize) -> BTreeSet<usize> {
        let names = &self.names[index];
        let mut found = BTreeSet::new();
        let mut add = |place| {
            if let Some(Place::File(other)) = place {
                found.insert(other);
            }
        };
        for (_, path) in &names.imported {
            add(self.locate(index, path, 0));
        }
        for glob in names.globs.iter().map(|glob| self.absolute(index, glob)) {
            let glob = &glob[..];
            add(self.locate(index, glob, 0).filter(|place| *place != Place::Module).or_else(|| self.module(glob)));
            for path in &names.used {
                add(self.look_up(&[glob, &path[..]].concat(), 0));
            }
        }
        for path in names.used.iter().filter(|path| path.len() > 1) {
            add(self.locate(index, path, 0));
        }
        found.remove(&index);
        found
    }

    /// Which files with `impl` blocks of a type call methods of that type which another file defines.
    pub fn calls(&self) -> Edges {
        let mut types: BTreeMap<(usize, &str), Vec<(usize, Impl<'_, '_>)>> = BTreeMap::new();
        for index in self.server() {
            for block in impls(&self.files[index].code) {
                if let Some(Place::File(home)) = self.locate(index, &block.of, 0) {
                    let name = block.of.last().copied().unwrap_or_default();
                    types.entry((home, name)).or_default().push((index, block));
                }
            }
        }
        let mut edges = Edges::new();
        for blocks in types.values() {
            let defined: Vec<(&str, usize)> = blocks
                .iter()
                .flat_map(|(index, block)| block.methods().into_iter().map(|name| (name, *index)))
                .collect();
            for (index, block) in blocks {
                let calls = block.calls();
                let called = defined.iter().filter(|(name, other)| calls.contains(name) && other != index);
                edges.entry(*index).or_default().extend(called.map(|(_, other)| *other));
            }
        }
        edges
    }

    fn server(&self) -> impl Iterator<Item = usize> {
        (0..self.files.len()).filter(|index| self.is_server(*index))
    }

    fn is_server(&self, index: usize) -> bool {
        self.files[index].room() == "server"
    }

    /// A path from the crate's root, if this one begins with a child module of the file `index`.
    fn absolute(&self, index: usize, path: &[&'a str]) -> Vec<&'a str> {
        let child = [&self.files[index].module[..], &path[..1]].concat();
        let is_child = path[0] != "crate" && self.modules.contains_key(&child);
        if is_child { [&["crate"], &child[..], &path[1..]].concat() } else { path.to_vec() }
    }

    fn module(&self, path: &[&'a str]) -> Option<Place> {
        let ["crate", rest @ ..] = path else { return None };
        self.modules.get(rest).copied().map(Place::File)
    }

    /// Where a path leads to that is named in the file `index`.
    fn locate(&self, index: usize, path: &[&'a str], depth: usize) -> Option<Place> {
        let first = *path.first()?;
        if first == "crate" {
            let at = (1..=path.len()).rev().find(|length| self.modules.contains_key(&path[1..*length]))?;
            if at == path.len() {
                return Some(Place::Module);
            }
            // A name that its module neither defines nor imports may come from a macro there.
            return self.look_up(path, depth).or(Some(Place::File(self.modules[&path[1..at]])));
        }
        let absolute = self.absolute(index, path);
        if absolute[0] == "crate" {
            return self.locate(index, &absolute, depth);
        }
        if self.names[index].defined.contains(first) {
            return Some(Place::File(index));
        }
        self.through_imports(index, path, depth).or(Some(Place::OtherCrate))
    }

    /// Where a path from the crate's root leads to, if the names are found.
    fn look_up(&self, path: &[&'a str], depth: usize) -> Option<Place> {
        if path.first() != Some(&"crate") {
            return None;
        }
        let at = (1..=path.len()).rev().find(|length| self.modules.contains_key(&path[1..*length]))?;
        let (index, name) = (self.modules[&path[1..at]], *path.get(at)?);
        if self.names[index].defined.contains(name) {
            return Some(Place::File(index));
        }
        // Names of other crates count as imported from the file that re-exports them.
        let place = self.through_imports(index, &path[at..], depth)?;
        Some(if place == Place::OtherCrate { Place::File(index) } else { place })
    }

    /// Where a path leads to whose first name the file `index` imports.
    fn through_imports(&self, index: usize, path: &[&'a str], depth: usize) -> Option<Place> {
        if depth == REEXPORTS {
            return None;
        }
        let names = &self.names[index];
        if let Some((_, target)) = names.imported.iter().find(|(name, _)| *name == path[0]) {
            return self.locate(index, &[target, &path[1..]].concat(), depth + 1);
        }
        names.globs.iter().find_map(|glob| self.look_up(&[&self.absolute(index, glob), path].concat(), depth + 1))
    }
}

fn names<'a>(file: &File<'a>) -> Names<'a> {
    let (mut imported, mut globs, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths(&file.module, &file.code) {
        match (path.imported, path.segments.last()) {
            (Some(_), Some(&"*")) => globs.push(path.segments[..path.segments.len() - 1].to_vec()),
            (Some(name), _) => imported.push((name, path.segments)),
            (None, _) => used.push(path.segments),
        }
    }
    Names { defined: defined(&file.code), imported, globs, used }
}

/// The groups of files that need each other, directly or through others, each sorted.
pub fn circles(edges: &Edges) -> Vec<Vec<usize>> {
    let reach: BTreeMap<usize, BTreeSet<usize>> = edges.keys().map(|start| (*start, reach(edges, *start))).collect();
    let groups: BTreeSet<Vec<usize>> = edges
        .keys()
        .map(|file| reach[file].iter().copied().filter(|other| reach[other].contains(file)).collect())
        .filter(|group: &Vec<usize>| group.len() > 1)
        .collect();
    groups.into_iter().collect()
}

fn reach(edges: &Edges, start: usize) -> BTreeSet<usize> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
    while let Some(file) = next.pop() {
        next.extend(edges.get(&file).into_iter().flatten().filter(|other| reached.insert(**other)));
    }
    reached
}
