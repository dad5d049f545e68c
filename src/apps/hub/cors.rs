//! Requests of web pages of other origins (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! The same rule as for WebSockets says which pages may use the hub. A page that may gets every answer with the headers
//! that let it read it, refusals too. A page that may not gets none of them.

use super::problem::Problem;
use crate::Context;
use crate::http::{Request, Response};

/// The methods of a channel.
pub(super) const METHODS: &str = "GET, HEAD, POST, DELETE, OPTIONS";
/// The headers that a page may send beside those that it may always.
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Sockhop-Except, Sockhop-History";
/// The headers of answers that a page may read beside those that it may always.
const EXPOSED: &str = "Sockhop-Id, Retry-After, Allow, WWW-Authenticate";
/// Seconds for which a browser may remember what it may do. No browser remembers it for longer than a day, and most for
/// two hours.
const MAX_AGE: &str = "7200";

/// The origin of the page that makes a request; `None` for a program that is no browser, and for a page that asks for
/// what is at its own origin with GET or HEAD.
///
/// # Errors
///
/// Pages of this origin may not use the hub.
pub(super) fn page<'r>(ctx: &Context<'_>, request: &Request<'r>) -> Result<Option<&'r str>, Problem> {
    let Some(origin) = request.header("origin") else { return Ok(None) };
    if ctx.allows_origin(request) {
        return Ok(Some(origin));
    }
    Err(Problem::new(403, "pages of this origin may not use the hub: add the origin to Config::origins"))
}

/// Adds the headers that let a page read the response, if it is for a page.
pub(super) fn dress(response: Response, page: Option<&str>) -> Response {
    let response = response.header("Vary", "Origin");
    match page {
        Some(origin) => response
            .header("Access-Control-Allow-Origin", origin.to_owned())
            .header("Access-Control-Expose-Headers", EXPOSED),
        None => response,
    }
}

/// The answer to OPTIONS, with which a browser asks what the page may do.
pub(super) fn options(allow: &'static str, page: Option<&str>) -> Response {
    let response = Response::new(204).header("Allow", allow);
    if page.is_none() {
        return response;
    }
    response
        .header("Access-Control-Allow-Methods", allow)
        .header("Access-Control-Allow-Headers", HEADERS)
        .header("Access-Control-Max-Age", MAX_AGE)
}
