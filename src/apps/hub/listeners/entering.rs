//! The way in: which channel a client wants, whether it may have it, and from where on.

use super::super::channel::{self, BadChannel};
use super::super::problem::Problem;
use super::super::state::types::Replay;
use super::super::tokens::{Caller, Presented, Right};
use super::catch_up::CatchUp;
use super::command::MAX_CHANNELS;
use super::event::Event;
use super::multi::Desk;
use super::outgoing::{Listener, Outgoing, View};
use super::topics::{MULTI, Style};
use crate::http::{Request, Upgrade, decode_path};
use crate::{Accept, Context};

/// The subprotocol behind which a client that can set no header offers its token.
const BEARER: &str = "bearer";

/// From where on a client wants to listen.
struct Query {
    has_ids: bool,
    /// Empty where it cannot be decoded: as anything that is no position, that is a gap.
    since: Option<String>,
    last: Option<usize>,
}

/// Decides about an opening handshake.
pub(super) fn accept<W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    request: &Request<'_>,
) -> Accept {
    if let Err(problem) = enter(out, view, ctx, request) {
        return Accept::No(problem.response(view.config.rephrase));
    }
    // From now on the home tells the channel.
    let mount = ctx.mount().to_owned();
    ctx.set_path(&mount);
    // A browser that has offered a subprotocol wants one.
    Accept::Yes(bearer(request).map(|_| BEARER.into()))
}

fn enter<W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    request: &Request<'_>,
) -> Result<(), Problem> {
    let path = decode_path(request.path()).ok_or(BadChannel::Escape)?;
    let below = ctx.below_mount(&path).to_owned();
    let mut caller = view.tokens.caller(ctx, request);
    if let (Presented::Nothing, Some(Some(token))) = (&caller.token, bearer(request)) {
        caller.token = Presented::Token(token.into());
    }
    if below == MULTI {
        return enter_multi(out, view, ctx, request, caller);
    }
    let channel = channel::check_request(request.path(), &below)?;
    may_listen(view, &caller, channel)?;
    let query = Query::read(request)?;
    let wanted = query.wanted();
    out.room.check(&mut out.names, view, ctx, channel)?;
    let start = view.state.resume(channel, wanted);
    let mut past = CatchUp::new(view.state);
    past.add(channel, start);
    let style = if query.has_ids { Style::Ids } else { Style::Plain };
    if query.has_ids {
        ctx.send(Event::subscribed(channel, &view.state.show(start.after), start.gap, ctx.id()));
    }
    let has_past = wanted != Replay::Nothing;
    out.begin(view, ctx, Listener { style, past, has_past, is_live: false, desk: None });
    Ok(())
}

/// The same for many channels. They are joined when the connection opens, since it can subscribe to nothing before.
fn enter_multi<W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    caller: Caller<'_>,
) -> Result<(), Problem> {
    view.tokens.check_any(Right::Subscribe, &caller)?;
    let query = Query::read(request)?;
    if query.last.is_some() {
        return Err(Problem::new(400, "last is for one channel: use since, or subscribe to each channel by itself"));
    }
    let (mut past, mut events) = (CatchUp::new(view.state), Vec::new());
    for channel in request.query_params("channel") {
        let channel = channel.ok_or(BadChannel::Escape)?;
        if past.find(&channel).is_some() {
            continue;
        }
        channel::check(&channel)?;
        may_listen(view, &caller, &channel)?;
        out.room.check(&mut out.names, view, ctx, &channel)?;
        if past.channels.len() == MAX_CHANNELS {
            return Err(Problem::new(400, "a connection has at most 64 channels: open another one"));
        }
        let start = view.state.resume(&channel, query.wanted());
        past.add(&channel, start);
        events.push(Event::subscribed(&channel, &view.state.show(start.after), start.gap, ctx.id()));
    }
    events.into_iter().for_each(|event| ctx.send(event));
    let desk = Some(Box::new(Desk::new(caller)));
    let has_past = query.since.is_some() && !past.channels.is_empty();
    ctx.attach(Listener { style: Style::Multi, past, has_past, is_live: false, desk });
    Ok(())
}

/// Whether a client may listen to a channel.
pub(super) fn may_listen<W>(view: &View<'_, W>, caller: &Caller<'_>, channel: &str) -> Result<(), Problem> {
    if view.rules.find(channel).deny {
        return Err(Problem::new(403, "a rule of the hub denies this channel"));
    }
    Ok(view.tokens.check(Right::Subscribe, caller, channel)?)
}

impl Query {
    fn read(request: &Request<'_>) -> Result<Self, Problem> {
        let since = request.query_params("since").next().map(|since| since.unwrap_or_default().into_owned());
        let last = match request.query_params("last").next() {
            Some(last) => Some(last.as_deref().and_then(number).ok_or(BAD_LAST).map_err(|it| Problem::new(400, it))?),
            None => None,
        };
        if since.is_some() && last.is_some() {
            return Err(Problem::new(400, "since and last exclude each other: send one of them"));
        }
        let has_ids = since.is_some() || request.query_params("ids").next().is_some();
        Ok(Query { has_ids, since, last })
    }

    fn wanted(&self) -> Replay<'_> {
        match (&self.since, self.last) {
            (Some(since), _) => Replay::Since(since),
            (None, Some(last)) => Replay::Last(last),
            (None, None) => Replay::Nothing,
        }
    }
}

const BAD_LAST: &str = "last is a number of messages, such as 10";

/// Digits alone. A number that is too large for any history is all of it.
fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(usize::MAX))
}

/// The token behind the subprotocol `bearer`, if the client offers that.
fn bearer<'r>(request: &'r Request<'_>) -> Option<Option<&'r str>> {
    let upgrade = Upgrade::from_request(request).ok()?;
    let mut offered = upgrade.subprotocols();
    offered.find(|name| *name == BEARER)?;
    Some(offered.next())
}
