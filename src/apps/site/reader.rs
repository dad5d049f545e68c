//! Reads a directory into memory.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Contents, Files, assemble};
use crate::http::decode_path;

/// Bytes of all files and their paths together.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How deep directories may be nested.
const MAX_DEPTH: usize = 32;

/// Reads the files of a directory, of at most `limit` bytes with their paths.
pub(super) fn read(root: &Path, limit: u64) -> io::Result<Files> {
    let named = |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let root = root.canonicalize().map_err(|error| named(root, error))?;
    let mut reader = Reader { root: root.clone(), contents: Contents::new(), left: limit };
    reader.directory(&mut vec![root.clone()], "").map_err(|(path, error)| named(&path, error))?;
    Ok(assemble(&reader.contents))
}

struct Reader {
    /// The directory's path, with all links resolved.
    root: PathBuf,
    contents: Contents,
    left: u64,
}

/// A path that could not be read, and the error.
type Failure = (PathBuf, io::Error);

impl Reader {
    /// Reads the last directory of `open`, a list in which each directory contains the next. The paths of its files
    /// begin with `path`.
    fn directory(&mut self, open: &mut Vec<PathBuf>, path: &str) -> Result<(), Failure> {
        let Some(directory) = open.last().cloned() else { return Ok(()) };
        let failed = |error| (directory.clone(), error);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                log::warn!("{}: left out: its name is not UTF-8", entry.path().display());
                continue;
            };
            let path = format!("{path}/{name}");
            // A path that no request can name is not kept.
            if decode_path(&path.replace('%', "%25")).is_none() {
                continue;
            }
            let Some(real) = self.resolve(&entry.path(), open) else { continue };
            let kind = fs::metadata(&real).map_err(|error| (real.clone(), error))?;
            if kind.is_dir() {
                open.push(real);
                self.directory(open, &path)?;
                open.pop();
            } else if kind.is_file() {
                let content = self.file(&real, &path).map_err(|error| (real, error))?;
                self.contents.insert(path, content);
            }
        }
        Ok(())
    }

    /// The file or directory that a path leads to, if that is inside the root and not one of the `open` directories.
    fn resolve(&self, path: &Path, open: &[PathBuf]) -> Option<PathBuf> {
        let why = match path.canonicalize() {
            Ok(real) if !real.starts_with(&self.root) => "it leads outside",
            Ok(real) if open.contains(&real) || open.len() >= MAX_DEPTH => "it leads around in a circle, or too deep",
            Ok(real) => return Some(real),
            Err(_) => "it leads nowhere",
        };
        log::warn!("{}: left out: {why}", path.display());
        None
    }

    fn file(&mut self, real: &Path, path: &str) -> io::Result<Arc<[u8]>> {
        let mut content = Vec::new();
        let room = self.left.saturating_sub(path.len() as u64);
        // One byte more than fits is read, to notice a file that is too long, whatever length it reports.
        let length = fs::File::open(real)?.take(room.saturating_add(1)).read_to_end(&mut content)? as u64;
        self.left = room.checked_sub(length).filter(|_| self.left >= path.len() as u64).ok_or_else(|| {
            let limit = MAX_BYTES / 1024 / 1024;
            io::Error::new(io::ErrorKind::FileTooLarge, format!("with it, the pages have more than {limit} MiB in all"))
        })?;
        Ok(content.into())
    }
}
