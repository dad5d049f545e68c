//! A directory with the user's own pages, read into memory: no request touches the disk.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Representation, Request, Response, decode_path};

/// Bytes of all files and their paths together.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How deep directories may be nested.
const MAX_DEPTH: usize = 32;

/// The regular files of a directory, as they were when it was read.
///
/// Names that begin with a dot, and pipes, sockets and devices are left out. Names that are not UTF-8, and links that
/// lead outside, to nothing, or around in a circle are left out with a warning. Clones share their files: one clone can
/// [`reload`](Self::reload) the files that another serves.
#[derive(Clone)]
pub struct Site {
    root: Arc<Path>,
    files: Arc<Mutex<Arc<Files>>>,
}

/// Files by decoded path, such as `/index.html`.
type Files = HashMap<String, Representation>;

impl Site {
    /// Reads a directory.
    ///
    /// # Errors
    /// The path is not a directory, a file in it cannot be read, or its files have more than 64 MiB. The error says
    /// which.
    pub fn read(directory: impl AsRef<Path>) -> io::Result<Self> {
        let root = directory.as_ref();
        let files = read(root, MAX_BYTES)?;
        Ok(Site { root: root.into(), files: Arc::new(Mutex::new(Arc::new(files))) })
    }

    /// Reads the directory again. Later requests get the new files.
    ///
    /// # Errors
    /// As for [`read`](Self::read). The old files stay.
    pub fn reload(&self) -> io::Result<()> {
        let files = Arc::new(read(&self.root, MAX_BYTES)?);
        let old = std::mem::replace(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner), files);
        // Freeing many files takes time, so it is not done under the lock, which the loop takes for each request.
        drop(old);
        Ok(())
    }

    /// The number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files().len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The directory that was read.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Answers GET and HEAD with a file, for a directory with its `index.html`, or with `extra`, a built-in file for a
    /// path at which the site has none. A path is first looked up without `prefix`, then as it is.
    pub(super) fn answer(
        &self,
        request: &Request<'_>,
        prefix: &str,
        extra: Option<(&str, &Representation)>,
    ) -> Response {
        let files = self.files();
        let Some(path) = decode_path(request.path()) else { return Response::text(400, "The path is not valid.\n") };
        let trimmed = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        for path in trimmed.into_iter().chain([&*path]) {
            let index = path.ends_with('/').then(|| format!("{path}index.html"));
            if let Some(file) = files.get(index.as_deref().unwrap_or(path)) {
                return file.answer(request);
            }
            if files.contains_key(&format!("{path}/index.html")) {
                return to_directory(request);
            }
            if let Some((_, built_in)) = extra.filter(|(name, _)| *name == path) {
                return built_in.answer(request);
            }
        }
        Response::text(404, "There is no such page here.\n")
    }

    fn files(&self) -> Arc<Files> {
        Arc::clone(&self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("root", &self.root).field("files", &self.len()).finish()
    }
}

impl PartialEq for Site {
    /// Two sites are equal when they share their files.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.files, &other.files)
    }
}

/// Redirects to the path with a slash at its end: relative links in an `index.html` need it.
fn to_directory(request: &Request<'_>) -> Response {
    let last = request.path().rsplit('/').next().unwrap_or_default();
    Response::new(307).header("Location", format!("./{last}/"))
}

fn read(root: &Path, limit: u64) -> io::Result<Files> {
    let named = |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let root = root.canonicalize().map_err(|error| named(root, error))?;
    let mut reader = Reader { root: root.clone(), files: Files::new(), left: limit };
    reader.directory(&mut vec![root.clone()], "").map_err(|(path, error)| named(&path, error))?;
    Ok(reader.files)
}

struct Reader {
    /// The directory's path, with all links resolved.
    root: PathBuf,
    files: Files,
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
                let file = self.file(&real, &path).map_err(|error| (real, error))?;
                self.files.insert(path, file);
            }
        }
        Ok(())
    }

    /// The file or directory that a path leads to, if that is inside the root and not one of the `open` directories.
    fn resolve(&self, path: &Path, open: &[PathBuf]) -> Option<PathBuf> {
        let why = match path.canonicalize() {
            Ok(real) if !real.starts_with(&self.root) => "it leads outside",
            Ok(real) if self.hides(&real) => "it leads to a hidden file",
            Ok(real) if open.contains(&real) || open.len() >= MAX_DEPTH => "it leads around in a circle, or too deep",
            Ok(real) => return Some(real),
            Err(_) => "it leads nowhere",
        };
        log::warn!("{}: left out: {why}", path.display());
        None
    }

    /// Whether a name on the path below the root begins with a dot.
    fn hides(&self, real: &Path) -> bool {
        let below = real.strip_prefix(&self.root).unwrap_or(real);
        below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    }

    fn file(&mut self, real: &Path, path: &str) -> io::Result<Representation> {
        let mut content = Vec::new();
        let room = self.left.saturating_sub(path.len() as u64);
        // One byte more than fits is read, to notice a file that is too long, whatever length it reports.
        let length = File::open(real)?.take(room.saturating_add(1)).read_to_end(&mut content)? as u64;
        self.left = room.checked_sub(length).filter(|_| self.left >= path.len() as u64).ok_or_else(|| {
            let limit = MAX_BYTES / 1024 / 1024;
            io::Error::new(io::ErrorKind::FileTooLarge, format!("with it, the pages have more than {limit} MiB in all"))
        })?;
        Ok(Representation::new(media_type(path), content))
    }
}

/// The media type for a file name's extension. Browsers save a file of unknown type instead of guessing.
fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
