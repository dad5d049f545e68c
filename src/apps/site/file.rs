//! A file of a site: its media type, and the same file compressed, if that lies beside it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::http::{ContentCoding, Representation, Request, Response};

/// Files by decoded path, such as `/index.html`.
pub(super) type Files = HashMap<String, File>;
/// The bytes of files by path.
pub(super) type Contents = HashMap<String, Arc<[u8]>>;

/// The beginning of files that are compressed with gzip (RFC 1952 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Unity writes this comment near the beginning of a file that it has compressed with brotli.
const UNITY_BROTLI: &[u8] = b"UnityWeb Compressed Content (brotli)";
/// Names of files that Unity compresses, and whose pages ask for the compressed file by its own name.
const UNITY: [&str; 4] = [".data", ".js", ".symbols.json", ".wasm"];

#[derive(Clone, Debug)]
pub(super) struct File {
    plain: Representation,
    /// The same compressed, the preferred first.
    encoded: Vec<Representation>,
}

/// Joins files with the compressed ones beside them.
pub(super) fn assemble(contents: &Contents) -> Files {
    contents.keys().map(|path| (path.clone(), File::new(path, contents))).collect()
}

impl File {
    fn new(path: &str, contents: &Contents) -> Self {
        let content = contents.get(path).cloned().unwrap_or_default();
        let media_type = media_type(path, Some(&content));
        let beside = |suffix| {
            let content = contents.get(&format!("{path}{suffix}"))?;
            let (_, coding) = coding(suffix, content)?;
            Some(Representation::encoded(media_type.clone(), coding, Arc::clone(content)))
        };
        let mut encoded: Vec<_> = [".br", ".gz"].into_iter().filter_map(beside).collect();
        if let Some((name, coding)) = coding(path, &content)
            && (path.ends_with(".unityweb") || UNITY.iter().any(|end| name.ends_with(end)))
            && !contents.contains_key(name)
        {
            encoded.push(Representation::encoded(self::media_type(name, None), coding, Arc::clone(&content)));
        }
        File { plain: Representation::new(media_type, content), encoded }
    }

    /// Answers with the file, compressed as the client prefers.
    pub fn answer(&self, request: &Request<'_>) -> Response {
        self.vary(self.choose(request).answer(request))
    }

    /// Answers 404 with the file.
    pub fn answer_missing(&self, request: &Request<'_>) -> Response {
        self.vary(self.choose(request).answer_with(404))
    }

    fn choose(&self, request: &Request<'_>) -> &Representation {
        let codings = self.encoded.iter().filter_map(Representation::coding);
        let preferred = ContentCoding::preferred(request, codings);
        let is_it = |file: &&Representation| preferred.is_some() && file.coding() == preferred;
        self.encoded.iter().find(is_it).unwrap_or(&self.plain)
    }

    /// RFC 9110 12.5.5 Vary: caches must not give a client bytes that it cannot decode.
    fn vary(&self, response: Response) -> Response {
        if self.encoded.is_empty() { response } else { response.header("Vary", "Accept-Encoding") }
    }
}

/// The name without the extension of a compressed file, and how it is compressed.
fn coding<'a>(path: &'a str, content: &[u8]) -> Option<(&'a str, ContentCoding)> {
    let (name, extension) = path.rsplit_once('.')?;
    let is_gzip = content.starts_with(&GZIP);
    let is_brotli = || content.windows(UNITY_BROTLI.len()).take(64).any(|bytes| bytes == UNITY_BROTLI);
    let coding = match extension {
        "br" => ContentCoding::Brotli,
        "gz" | "unityweb" if is_gzip => ContentCoding::Gzip,
        "unityweb" if is_brotli() => ContentCoding::Brotli,
        _ => return None,
    };
    Some((name, coding))
}

/// The media type for a file name's extension, for text in UTF-8 with that charset. Browsers save a file of unknown type
/// instead of guessing.
fn media_type(path: &str, content: Option<&[u8]>) -> Cow<'static, str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let media_type = match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "js" | "mjs" => "text/javascript",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "vtt" => "text/vtt",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "gz" => "application/gzip",
        "zip" => "application/zip",
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
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "mov" => "video/quicktime",
        // Such as apple-app-site-association, which has no extension and must be JSON.
        "" if path.starts_with("/.well-known/") && content.is_some_and(|content| content.starts_with(b"{")) => {
            "application/json"
        }
        _ => "application/octet-stream",
    };
    // A page in another encoding says itself which, but the header would overrule it.
    let is_utf8 = media_type.starts_with("text/") && content.is_some_and(|content| str::from_utf8(content).is_ok());
    if is_utf8 { format!("{media_type}; charset=utf-8").into() } else { media_type.into() }
}
