//! A directory with the user's own pages, read into memory: no request touches the disk.

mod file;
mod reader;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use self::file::Files;
use self::reader::{MAX_BYTES, read};
use crate::http::{Representation, Request, Resolved, Response, decode_path};

/// The page for paths at which there is nothing.
const MISSING: &str = "/404.html";
/// The pages may have any scripts, but pages of other sites may not frame them or change where their links lead.
const POLICY: (&str, &str) = ("Content-Security-Policy", "base-uri 'self'; object-src 'none'; frame-ancestors 'self'");
/// Headers that depend on the file and on the request.
const FIXED: [&str; 7] =
    ["Accept-Ranges", "Content-Encoding", "Content-Range", "Content-Type", "ETag", "Location", "Vary"];

/// The regular files of a directory, as they were when it was read.
///
/// Names that begin with a dot are left out, but for `.well-known` at the top (RFC 8615), and so are pipes, sockets and
/// devices. Names that are not UTF-8, and links that lead outside, to nothing, or around in a circle are left out with a
/// warning. A link with a visible name may lead to a hidden file inside, as those of a Kubernetes ConfigMap do.
///
/// Where a file `NAME.br` or `NAME.gz` lies beside `NAME`, clients that can decode it get it instead. Unity's names, such
/// as `game.wasm.gz` and `game.data.unityweb`, are sent as the compressed files that they are.
///
/// Clones share their files: one clone can [`reload`](Self::reload) the files that another serves.
#[derive(Clone)]
pub struct Site {
    root: Arc<Path>,
    files: Arc<Mutex<Arc<Files>>>,
    /// The path of the page for paths at which there is no file.
    fallback: Option<Arc<str>>,
    /// Each replaces the lines of its name in an answer; an empty value only removes them.
    headers: Vec<Header>,
}

type Header = (Cow<'static, str>, Cow<'static, str>);

/// Files of a [`Site`] that are not served yet.
pub struct NewFiles(Arc<Files>);

impl Site {
    /// Reads a directory.
    ///
    /// # Errors
    /// The path is not a directory, a file in it cannot be read, or its files have more than 64 MiB. The error says
    /// which.
    pub fn read(directory: impl AsRef<Path>) -> io::Result<Self> {
        let root = directory.as_ref();
        let files = read(root, MAX_BYTES)?;
        let headers = vec![(POLICY.0.into(), POLICY.1.into())];
        Ok(Site { root: root.into(), files: Arc::new(Mutex::new(Arc::new(files))), fallback: None, headers })
    }

    /// Sets a page for client-side routes: paths at which there is no file are answered with this file, such as
    /// `index.html`. Where the last segment has a dot, as in `/app.js`, only clients that ask for `text/html` get it.
    ///
    /// # Errors
    /// The directory has no such file.
    pub fn with_fallback(mut self, name: &str) -> io::Result<Self> {
        let path = format!("/{}", name.trim_start_matches('/'));
        check_fallback(&self.root, &self.files(), &path)?;
        self.fallback = Some(path.into());
        Ok(self)
    }

    /// Adds a header line to all answers, in place of the server's own of that name. With an empty value, that one is
    /// only left out. A name may be given several times.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput): not a header line, or one that the server alone can know.
    pub fn with_header(mut self, name: &str, value: &str) -> io::Result<Self> {
        let is_fixed = FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name));
        let (name, value) = (name.to_owned(), value.to_owned());
        if is_fixed || Response::new(200).header(name.clone(), value.clone()).headers().is_empty() {
            let error = format!("`{name}: {value}`: not a header line, or one that the server sets itself");
            return Err(io::Error::new(ErrorKind::InvalidInput, error));
        }
        self.headers.retain(|(key, value)| (&**key, &**value) != POLICY || !key.eq_ignore_ascii_case(&name));
        self.headers.push((name.into(), value.into()));
        Ok(self)
    }

    /// Reads the directory again. Later requests get the new files.
    ///
    /// # Errors
    /// As for [`read`](Self::read) and [`with_fallback`](Self::with_fallback). The old files stay.
    pub fn reload(&self) -> io::Result<()> {
        self.read_again().map(|files| self.put(files))
    }

    /// The same, but nobody gets the new files before they are [`put`](Self::put) in place of the old ones.
    ///
    /// # Errors
    /// As for [`reload`](Self::reload).
    pub fn read_again(&self) -> io::Result<NewFiles> {
        let files = Arc::new(read(&self.root, MAX_BYTES)?);
        if let Some(fallback) = &self.fallback {
            check_fallback(&self.root, &files, fallback)?;
        }
        Ok(NewFiles(files))
    }

    /// Serves files that [`read_again`](Self::read_again) has read.
    pub fn put(&self, files: NewFiles) {
        let NewFiles(files) = files;
        let old = std::mem::replace(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner), files);
        // Freeing many files takes time, so it is not done under the lock, which the loop takes for each request.
        drop(old);
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

    /// Whether `/` is answered with a page.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.fallback.is_some() || self.files().contains_key("/index.html")
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
        self.with_headers(self.find(request, prefix, extra))
    }

    /// The same beside a hub, whose channels are the paths without a file: there this is `None`. With a fallback, browsers
    /// that ask for a page there get it, which `fetch` and `curl` do not.
    pub(super) fn answer_beside(
        &self,
        request: &Request<'_>,
        prefix: &str,
        extra: Option<(&str, &Representation)>,
    ) -> Option<Response> {
        let (files, path) = (self.files(), decode_path(request.path())?);
        let found = Self::find_file(&files, request, &path, prefix, extra);
        if !matches!(request.method(), "GET" | "HEAD") {
            const ALLOW: &str = "GET, HEAD";
            let is_options = request.method() == "OPTIONS";
            let resolved = if is_options { Resolved::Options(ALLOW) } else { Resolved::MethodNotAllowed(ALLOW) };
            return found.and_then(|_| resolved.refusal());
        }
        let navigates = || request.header_lines("accept").any(|line| line.contains("text/html"));
        let fallback = || {
            let name = self.fallback.as_deref().filter(|_| navigates() && asks_for_a_page(request, &path))?;
            files.get(name).map(|page| page.answer(request))
        };
        found.or_else(fallback).map(|answer| self.with_headers(answer))
    }

    fn with_headers(&self, answer: Response) -> Response {
        let answer = self.headers.iter().fold(answer, |answer, (name, _)| answer.without_header(name));
        let given = self.headers.iter().filter(|(_, value)| !value.is_empty());
        given.fold(answer, |answer, (name, value)| answer.header(name.clone(), value.clone()))
    }

    fn find(&self, request: &Request<'_>, prefix: &str, extra: Option<(&str, &Representation)>) -> Response {
        let files = self.files();
        let Some(path) = decode_path(request.path()) else { return Response::text(400, "The path is not valid.\n") };
        if let Some(found) = Self::find_file(&files, request, &path, prefix, extra) {
            return found;
        }
        let fallback = self.fallback.as_deref().filter(|_| asks_for_a_page(request, &path));
        match (fallback.and_then(|path| files.get(path)), files.get(MISSING)) {
            (Some(page), _) => page.answer(request),
            (None, Some(page)) => page.answer_missing(request),
            (None, None) => Response::text(404, "There is no such page here.\n"),
        }
    }

    /// The file at a path, or the redirect to its directory.
    fn find_file(
        files: &Files,
        request: &Request<'_>,
        path: &str,
        prefix: &str,
        extra: Option<(&str, &Representation)>,
    ) -> Option<Response> {
        let trimmed = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        trimmed.into_iter().chain([path]).find_map(|path| {
            let index = path.ends_with('/').then(|| format!("{path}index.html"));
            if let Some(file) = files.get(index.as_deref().unwrap_or(path)) {
                return Some(file.answer(request));
            }
            if files.contains_key(&format!("{path}/index.html")) {
                return Some(to_directory(request));
            }
            extra.filter(|(name, _)| *name == path).map(|(_, built_in)| built_in.answer(request))
        })
    }

    fn files(&self) -> Arc<Files> {
        Arc::clone(&self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("root", &self.root).field("files", &self.len()).finish_non_exhaustive()
    }
}

impl PartialEq for Site {
    /// Two sites are equal when they share their files.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.files, &other.files)
    }
}

/// Redirects to the path with a slash at its end: relative links in an `index.html` need it.
pub(super) fn to_directory(request: &Request<'_>) -> Response {
    let last = request.path().rsplit('/').next().unwrap_or_default();
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    Response::new(307).header("Location", format!("./{last}/{query}"))
}

/// Whether nothing but a page can be meant: a script that is missing must not be answered with a page, which could not be
/// told from the script.
fn asks_for_a_page(request: &Request<'_>, path: &str) -> bool {
    let has_dot = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let is_page = !has_dot || request.header_lines("accept").any(|line| line.contains("text/html"));
    is_page && !path.starts_with("/.well-known/")
}

fn check_fallback(root: &Path, files: &Files, path: &str) -> io::Result<()> {
    if files.contains_key(path) {
        return Ok(());
    }
    let error =
        format!("there is no file {} in {}, for paths without one", path.trim_start_matches('/'), root.display());
    Err(io::Error::new(ErrorKind::NotFound, error))
}

#[cfg(test)]
mod tests;
