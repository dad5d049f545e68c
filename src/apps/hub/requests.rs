//! Plain requests: publish, read, delete, batch.
//!
//! The order of the checks is path, method, origin, token, length, further headers: all before a byte of a body is
//! read, so that a client uploads nothing that is then refused. The body itself comes last.
//!
//! A path that the server's router refuses (dot segments, invalid escapes, control characters), a head or a body that
//! is not HTTP, and a chunked body that turns out too long never come here: the server answers them in plain text,
//! without headers for pages of other origins.

mod batch;
mod query;
mod terms;

use self::query::Query;
use self::terms::Terms;
use super::channel::{self, BadChannel};
use super::cors;
use super::log::{Entry, Kind};
use super::outcome::Reply;
use super::page::{self, Page};
use super::problem::Problem;
use super::shared::{Hub, Waiter};
use super::state::types::Position;
use super::tokens::Right;
use crate::http::{BodyLength, Request, Response, decode_path};
use crate::{Answer, Context};

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'p> {
    Channel(&'p str),
    Batch,
    /// For WebSockets.
    Multi,
}

impl<'p> Place<'p> {
    /// The place of a decoded path below the mount. A channel's name has yet to be checked.
    fn find(path: &'p str) -> Result<Self, Problem> {
        match path {
            "/-/batch" => Ok(Place::Batch),
            "/-/multi" => Ok(Place::Multi),
            path if channel::is_own(path) => {
                Err(Problem::new(404, "there is nothing at this path: the hub has /-/batch and /-/multi"))
            }
            path => Ok(Place::Channel(path)),
        }
    }

    /// The methods that it takes, as the header Allow has them.
    fn allow(self) -> &'static str {
        match self {
            Place::Channel(_) => cors::METHODS,
            Place::Batch => "POST, OPTIONS",
            Place::Multi => "GET, OPTIONS",
        }
    }

    fn check_method(self, method: &str) -> Result<(), Problem> {
        let is_taken = match self {
            Place::Channel(_) => matches!(method, "GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS"),
            Place::Batch => matches!(method, "POST" | "OPTIONS"),
            Place::Multi => matches!(method, "GET" | "OPTIONS"),
        };
        if is_taken {
            return Ok(());
        }
        let text = "this path does not take this method: the header Allow lists those that it takes";
        Err(Problem::new(405, text).with("Allow", self.allow()))
    }
}

/// Decides about a request before its body is read: how many bytes that may have, or the answer that refuses it.
pub(super) fn admit(hub: &mut Hub, ctx: &Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
    if let Some(response) = hub.pages.as_mut().and_then(|pages| pages(request)) {
        return Err(response);
    }
    let page = cors::page(ctx, request);
    check(hub, ctx, request, &page).map_err(|problem| {
        let response = problem.response(hub.config.rephrase);
        cors::dress(response, page.ok().flatten())
    })
}

fn check(
    hub: &Hub,
    ctx: &Context<'_>,
    request: &Request<'_>,
    page: &Result<Option<&str>, Problem>,
) -> Result<usize, Problem> {
    let path = decode_path(request.path()).ok_or(BadChannel::Escape)?;
    let place = Place::find(ctx.below_mount(&path))?;
    if let Place::Channel(channel) = place {
        channel::check_request(request.path(), channel)?;
    }
    let method = request.method();
    place.check_method(method)?;
    page.as_ref().map_err(Problem::clone)?;
    let is_post = method == "POST";
    if method != "OPTIONS" {
        check_rights(hub, ctx, request, place)?;
    }
    if !is_post {
        return Ok(ctx.max_body());
    }
    if ctx.handle().is_stopping() {
        return Err(Problem::busy("the server is shutting down, and nothing was published: try again", "5"));
    }
    let max = check_length(hub, ctx, request, place)?;
    if place != Place::Batch {
        Terms::read(request)?;
    }
    Ok(max)
}

/// Whether who asks may do this.
fn check_rights(hub: &Hub, ctx: &Context<'_>, request: &Request<'_>, place: Place<'_>) -> Result<(), Problem> {
    let right = if matches!(request.method(), "GET" | "HEAD") { Right::Subscribe } else { Right::Publish };
    let caller = hub.tokens.caller(ctx, request);
    let Place::Channel(channel) = place else {
        return Ok(hub.tokens.check_any(right, &caller)?);
    };
    hub.tokens.check(right, &caller, channel)?;
    if hub.rules.find(channel).deny { Err(denied()) } else { Ok(()) }
}

fn denied() -> Problem {
    Problem::new(403, "a rule of the hub denies this channel to everybody: use another one")
}

/// How many bytes the body of a POST may have, if it does not have more already.
fn check_length(hub: &Hub, ctx: &Context<'_>, request: &Request<'_>, place: Place<'_>) -> Result<usize, Problem> {
    let (what, field, max) = match place {
        Place::Batch => ("batch", "HubConfig::max_batch", hub.config.max_batch),
        _ => ("message", "Config::max_body", ctx.max_body()),
    };
    match request.body_length() {
        Ok(BodyLength::None) => {
            Err(Problem::new(411, "the request has no length: send Content-Length, or Transfer-Encoding: chunked"))
        }
        Ok(BodyLength::Sized(length)) if length > max as u64 => {
            let text = format!("the {what} has {length} bytes, more than {field} ({max}): send less, or raise it");
            Err(Problem::new(413, text))
        }
        // The server has refused what is no length.
        _ => Ok(max),
    }
}

/// Answers a request that was admitted.
pub(super) fn answer(hub: &mut Hub, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
    let page = cors::page(ctx, request).ok().flatten();
    match respond(hub, ctx, request, body, page) {
        Ok(Answer::Now(response)) => Answer::Now(cors::dress(response, page)),
        Ok(Answer::Later) => Answer::Later,
        Err(problem) => Answer::Now(cors::dress(problem.response(hub.config.rephrase), page)),
    }
}

fn respond(
    hub: &mut Hub,
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    body: &[u8],
    page: Option<&str>,
) -> Result<Answer, Problem> {
    let path = decode_path(request.path()).ok_or(BadChannel::Escape)?;
    let place = Place::find(ctx.below_mount(&path))?;
    match (place, request.method()) {
        (_, "OPTIONS") => Ok(cors::options(place.allow(), page).into()),
        (Place::Batch, _) => batch::publish(hub, ctx, body, request, page),
        (Place::Multi, _) => {
            Err(Problem::new(426, "this path is for WebSockets: open one").with("Upgrade", "websocket"))
        }
        (Place::Channel(channel), "POST") => {
            let Terms { kind, key, keep, except } = Terms::read(request)?;
            if kind == Kind::Text && std::str::from_utf8(body).is_err() {
                let text = "the message is not UTF-8: send it so, or as Content-Type: application/octet-stream";
                return Err(Problem::new(415, text));
            }
            publish(hub, ctx, Entry { channel, kind, payload: body, key, keep, except }, page)
        }
        (Place::Channel(channel), "DELETE") => {
            let entry = Entry { channel, kind: Kind::Forget, payload: &[], key: None, keep: false, except: None };
            publish(hub, ctx, entry, page)
        }
        (Place::Channel(channel), _) => read(hub, ctx, request, channel, page),
    }
}

/// Hands an entry to the log. If that answers at once, so does this.
fn publish(hub: &mut Hub, ctx: &mut Context<'_>, entry: Entry<'_>, page: Option<&str>) -> Result<Answer, Problem> {
    let deferred = ctx.deferred();
    hub.state.publish(entry, Some(Waiter::Request(deferred, page.map(Box::from))))?;
    match hub.apply_for(ctx, Some(deferred)) {
        Some(outcome) => {
            let epoch = hub.state.position().epoch;
            Ok(Reply::new(outcome, epoch).response(hub.config.rephrase).into())
        }
        None => Ok(Answer::Later),
    }
}

/// Tells what a channel holds, at once or when there is something.
fn read(
    hub: &mut Hub,
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    channel: &str,
    page: Option<&str>,
) -> Result<Answer, Problem> {
    let query = Query::read(request)?;
    let Some(replay) = query.replay() else {
        return Ok(page::response().body(hub.body(ctx, channel, None).into_bytes()).into());
    };
    let start = hub.state.resume(channel, replay);
    let messages = Page::read(&hub.state, channel, start.after, query.limit);
    let has_news = start.gap || !messages.is_empty();
    if let Some(time) = query.wait.filter(|_| !has_news && request.method() == "GET" && !ctx.handle().is_stopping()) {
        if hub.polls.len() >= hub.config.max_waiting {
            let text = "too many requests wait for messages: try again, or raise HubConfig::max_waiting";
            return Err(Problem::busy(text, "5"));
        }
        // The server would answer 503 for it after its own time.
        let time = time.min(ctx.answer_timeout().mul_f32(0.9));
        let since = Position { id: start.after, ..hub.state.position() };
        hub.polls.wait(ctx, channel, since, page, time);
        return Ok(Answer::Later);
    }
    let body = hub.body(ctx, channel, Some((&messages, start.gap.into())));
    Ok(page::response().body(body.into_bytes()).into())
}

#[cfg(test)]
mod tests;
