//! Listeners with many channels, and their commands.

use std::time::{Duration, Instant};

use super::super::channel;
use super::super::problem::Problem;
use super::super::state::types::{Replay, Start};
use super::super::tokens::{Caller, Presented};
use super::catch_up::SLICE;
use super::command::{Command, Invalid, MAX_CHANNELS, Publish};
use super::entering::may_listen;
use super::event::Event;
use super::members::{Asks, Wish};
use super::outgoing::{Listener, Outgoing, View};
use super::topics::Style;
use crate::{Context, Message};

/// Commands of a connection in a second.
const RATE: u32 = 32;

/// The record of a listener with many channels, beside these.
pub(super) struct Desk {
    caller: Caller<'static>,
    /// When the second began in which commands are counted, and how many there were.
    counted: Option<(Instant, u32)>,
}

impl Desk {
    pub fn new(caller: Caller<'_>) -> Self {
        let token = match caller.token {
            Presented::Token(token) => Presented::Token(token.into_owned().into()),
            Presented::Nothing => Presented::Nothing,
            Presented::Malformed => Presented::Malformed,
        };
        Desk { caller: Caller { token, is_here: caller.is_here }, counted: None }
    }

    /// Counts a command.
    fn may_command(&mut self, now: Instant) -> bool {
        let current = self.counted.filter(|(start, _)| now.saturating_duration_since(*start) < Duration::from_secs(1));
        let (start, count) = current.unwrap_or((now, 0));
        self.counted = Some((start, count.saturating_add(1)));
        count < RATE
    }
}

/// Carries out a command. Returns the publish that it asks for, for the hub to do.
pub(super) fn command<'m, W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    mut listener: Listener,
    message: Message<'m>,
) -> Option<Wish<'m>> {
    let now = ctx.now();
    if !listener.desk.as_mut().is_some_and(|desk| desk.may_command(now)) {
        ctx.send(Event::error(429, "a connection has 32 commands a second: send fewer", None, None));
        ctx.attach(listener);
        return None;
    }
    let command = match message {
        Message::Text(text) => Command::parse(text),
        Message::Binary(_) => Err(Invalid { status: 400, reason: "a command is text", reference: None }),
    };
    let mut wish = None;
    match command {
        Ok(Command::Subscribe { channels, since }) => {
            subscribe(out, view, ctx, listener, (channels, since));
            return None;
        }
        Ok(Command::Unsubscribe { channels }) => {
            for channel in channels {
                remove(out, ctx, &mut listener, &channel);
                ctx.send(Event::new("unsubscribed").text("channel", &channel).done());
            }
        }
        Ok(Command::Publish(publish)) => wish = self::publish(view, ctx, &listener, publish),
        Err(invalid) => ctx.send(Event::error(invalid.status, invalid.reason, None, invalid.reference.as_deref())),
    }
    ctx.attach(listener);
    wish
}

/// Subscribes to channels, from a position on or from now on.
fn subscribe<W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    mut listener: Listener,
    (channels, since): (Vec<String>, Option<String>),
) {
    if listener.is_live {
        listener.past.skip_to_now(view.state);
    }
    let mut is_back = false;
    for channel in channels {
        match begin(out, view, ctx, &mut listener, (&channel, since.as_deref())) {
            Ok(start) => {
                is_back |= since.is_some();
                ctx.send(Event::subscribed(&channel, &view.state.show(start.after), start.gap, ctx.id()));
            }
            Err(problem) => {
                let reason = (view.config.rephrase)(&problem.text);
                ctx.send(Event::error(problem.status, &reason, Some(&channel), None));
            }
        }
    }
    listener.has_past |= is_back;
    match (listener.is_live, is_back) {
        (true, true) if ctx.queued() <= SLICE => out.go_on(view, ctx, listener),
        (true, true) => out.put_off(ctx, listener),
        (true, false) => {
            out.join(ctx, &mut listener);
            ctx.attach(listener);
        }
        // The replay goes on with the new channels when the next slice is due.
        (false, _) => ctx.attach(listener),
    }
}

/// Adds a channel. One that is there already begins again if a position is given.
fn begin<W>(
    out: &mut Outgoing,
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    listener: &mut Listener,
    (channel, since): (&str, Option<&str>),
) -> Result<Start, Problem> {
    channel::check(channel)?;
    let caller = listener.desk.as_ref().map(|desk| &desk.caller);
    may_listen(view, caller.ok_or(Problem::new(403, "the connection has no channels"))?, channel)?;
    let past = listener.past.find(channel).and_then(|at| listener.past.channels.get(at));
    let start = match (past, since) {
        (Some(past), None) => return Ok(Start { after: listener.past.had(past), gap: false }),
        (_, Some(since)) => view.state.resume(channel, Replay::Since(since)),
        (None, None) => view.state.resume(channel, Replay::Nothing),
    };
    if past.is_some() {
        remove(out, ctx, listener, channel);
    } else if listener.past.channels.len() >= MAX_CHANNELS {
        return Err(Problem::new(400, "a connection has at most 64 channels: open another one"));
    } else {
        out.room.check(&mut out.names, view, ctx, channel)?;
    }
    listener.past.add(channel, start);
    Ok(start)
}

/// Takes a channel away. Nothing of it is sent from now on.
fn remove(out: &mut Outgoing, ctx: &mut Context<'_>, listener: &mut Listener, channel: &str) {
    if let Some(at) = listener.past.find(channel)
        && listener.past.channels.swap_remove(at).is_live
    {
        ctx.unsubscribe(out.names.topic(ctx, Style::Multi, channel));
    }
}

fn publish<'m, W>(
    view: &View<'_, W>,
    ctx: &mut Context<'_>,
    listener: &Listener,
    Publish { channel, data, keep, reference }: Publish<'m>,
) -> Option<Wish<'m>> {
    let mut wish = Wish::new(ctx.id(), channel, data, Asks::All(reference));
    wish.keep = keep;
    if listener.past.find(wish.channel()).is_none() {
        wish.member.refuse(ctx, 403, "listeners publish to channels that they listen to: subscribe to it first");
        return None;
    }
    wish.check(view, ctx)
}
