//! Answers of the server itself.

use crate::http::Response;

/// The answer of a server that accepts no request now.
pub(super) fn unavailable(why: &'static str) -> Response {
    Response::text(503, format!("{why}; try again\n")).header("Retry-After", "1")
}

/// The answer for an application that has panicked.
pub(super) fn failed() -> Response {
    Response::text(500, "the application has failed\n")
}

/// The answer to a client whose address has too many connections (RFC 6585 §4).
pub(super) fn too_many() -> Response {
    Response::text(429, "your address has too many connections; close one, or try again later\n")
        .header("Retry-After", "10")
}
