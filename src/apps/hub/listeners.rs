//! Listeners: clients that have opened a WebSocket to hear what is published.
//!
//! A listener of one channel has a topic as its home and no memory of its own, but while it is sent messages of the past.

mod catch_up;
mod command;
mod debts;
mod entering;
mod envelope;
mod event;
mod members;
mod multi;
mod outgoing;
mod room;
mod rounds;
mod share;
mod topics;

use self::members::Asks;
pub(super) use self::members::{Member, Wish};
pub(super) use self::outgoing::View;
use self::outgoing::{Listener, Outgoing};
use self::rounds::Rounds;
use self::topics::Style;
use super::state::types::{Delivery, Lost};
use crate::apps::HEARTBEAT;
use crate::http::Request;
use crate::{Accept, Context, Message, TimerId};

/// The listeners of a hub.
#[derive(Default)]
pub(super) struct Listeners {
    out: Outgoing,
    rounds: Rounds,
}

impl Listeners {
    /// An opening handshake.
    pub fn accept<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let accept = entering::accept(&mut self.out, view, ctx, request);
        if matches!(accept, Accept::Yes(_)) {
            self.rounds.start(view, ctx);
        }
        accept
    }

    /// A connection is open.
    pub fn open<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>) {
        // Listeners of one channel have begun before.
        if ctx.attached::<Listener>().is_some_and(|listener| listener.style == Style::Multi)
            && let Some(listener) = ctx.detach()
        {
            self.out.begin(view, ctx, listener);
        }
    }

    /// A message has come in. Returns the publish that its sender asks for and may do.
    pub fn message<'m, W>(
        &mut self,
        view: &View<'_, W>,
        ctx: &mut Context<'_>,
        message: Message<'m>,
    ) -> Option<Wish<'m>> {
        if message == Message::Text(HEARTBEAT) {
            ctx.send(HEARTBEAT);
            return None;
        }
        if ctx.attached::<Listener>().is_some_and(|listener| listener.style == Style::Multi) {
            let listener = ctx.detach()?;
            return multi::command(&mut self.out, view, ctx, listener, message);
        }
        let (style, channel) = outgoing::whereabouts(ctx)?;
        let asks = if style == Style::Ids { Asks::Errors } else { Asks::Nothing };
        Wish::new(ctx.id(), channel, message.into(), asks).check(view, ctx)
    }

    /// A connection's queue has drained: its replay goes on, if it is in one.
    pub fn drained<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>) {
        if ctx.attached::<Listener>().is_some_and(|listener| !listener.is_live)
            && let Some(listener) = ctx.detach()
        {
            self.out.go_on(view, ctx, listener);
        }
    }

    /// A timer has come. Returns whether it was one of the listeners'.
    pub fn timer<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, timer: TimerId) -> bool {
        let is_round = self.rounds.is_due(timer);
        if is_round {
            self.rounds.begin(view, ctx, &mut self.out.names);
        } else if !self.out.is_next_turn(timer) {
            return false;
        }
        if self.out.debts.pay_some(ctx) || self.rounds.go_on(view, ctx) {
            self.out.wake(ctx);
        }
        true
    }

    /// Delivers a message to the listeners of its channel, and says to how many.
    pub fn deliver(&mut self, ctx: &mut Context<'_>, delivery: &Delivery<'_>) -> usize {
        self.out.deliver(ctx, delivery)
    }

    /// Tells all listeners with ids that the log has lost something.
    pub fn lost(&mut self, ctx: &mut Context<'_>, lost: &Lost) {
        self.out.debts.owe(ctx, &mut self.out.names, lost);
        self.out.wake(ctx);
    }

    /// The listeners of a channel, but for those that are in a replay.
    pub fn count(&mut self, ctx: &Context<'_>, channel: &str) -> usize {
        self.out.names.count(ctx, channel)
    }
}

#[cfg(test)]
mod tests;
