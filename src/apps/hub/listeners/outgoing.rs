//! Sends to listeners: replays in slices, the change from the past to the present, and live messages.

use super::super::config::{HubConfig, Rules};
use super::super::log::Kind;
use super::super::state::State;
use super::super::state::types::{Delivery, Kept, Position};
use super::super::tokens::Tokens;
use super::catch_up::{CatchUp, Piece};
use super::debts::Debts;
use super::envelope::Envelope;
use super::event::Event;
use super::multi::Desk;
use super::room::Room;
use super::topics::{MULTI, Names, Style, connection_named, parse};
use crate::{Context, Message, TimerId};

/// Slices of replays in a turn: 4 MiB, so that ten thousand listeners that come back at once delay nobody else.
const SLICES: usize = 64;

/// The parts of the hub that listeners look at.
pub(in crate::apps::hub) struct View<'a, W> {
    pub config: &'a HubConfig,
    pub rules: &'a Rules,
    pub tokens: &'a Tokens,
    pub state: &'a State<W>,
}

/// The record of a connection that is in a replay, or has many channels. Others cost nothing.
pub(super) struct Listener {
    pub style: Style,
    pub past: CatchUp,
    /// It wants messages of the past, and has not got all. The end of them is told by a position.
    pub has_past: bool,
    /// It is not in a replay: all its channels are live.
    pub is_live: bool,
    /// Of one with many channels.
    pub desk: Option<Box<Desk>>,
}

pub(super) struct Outgoing {
    pub names: Names,
    pub debts: Debts,
    pub room: Room,
    envelope: Envelope,
    /// Slices that may yet be sent in this turn.
    slices: usize,
    /// Comes in the next turn.
    turn: Option<TimerId>,
}

impl Default for Outgoing {
    fn default() -> Self {
        let (names, debts, room) = Default::default();
        Outgoing { names, debts, room, envelope: Envelope::default(), slices: SLICES, turn: None }
    }
}

impl Outgoing {
    /// Begins with a listener that is open: with a replay, if it wants one, else with what is published now.
    pub fn begin<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, mut listener: Listener) {
        if listener.has_past {
            return self.go_on(view, ctx, listener);
        }
        self.join(ctx, &mut listener);
        if listener.desk.is_some() {
            ctx.attach(listener);
        }
    }

    /// Goes on with a listener's replay: sends a slice, and joins the live topics if that was the last one. Nothing can be
    /// published in between.
    pub fn go_on<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, mut listener: Listener) {
        let is_over = self.may_send_slice(ctx) && self.send_slice(view, ctx, &mut listener);
        if !is_over {
            return self.put_off(ctx, listener);
        }
        self.join(ctx, &mut listener);
        if std::mem::take(&mut listener.has_past) && listener.style != Style::Plain {
            ctx.send(Event::position(&view.state.position().to_string()));
        }
        if listener.desk.is_some() {
            ctx.attach(listener);
        }
    }

    /// Goes on with a listener's replay when its queue has drained.
    pub fn put_off(&mut self, ctx: &mut Context<'_>, mut listener: Listener) {
        self.leave(ctx, &mut listener);
        ctx.attach(listener);
        ctx.notify_drained();
    }

    /// Makes a listener a member of the topics of its channels. It gets what is published from now on.
    pub fn join(&mut self, ctx: &mut Context<'_>, listener: &mut Listener) {
        listener.is_live = true;
        let style = listener.style;
        for past in listener.past.channels.iter_mut().filter(|past| !past.is_live) {
            past.is_live = true;
            let topic = self.names.topic(ctx, style, &past.channel);
            self.debts.pay(ctx, topic);
            if style == Style::Multi { ctx.subscribe(topic) } else { ctx.set_home(topic) }
        }
        if style == Style::Multi {
            ctx.set_home(self.names.topic(ctx, style, MULTI));
        }
    }

    /// The contrary, when a listener with many channels goes back to the past of one: the others wait meanwhile, so that its
    /// messages come in the order of ids.
    fn leave(&mut self, ctx: &mut Context<'_>, listener: &mut Listener) {
        if std::mem::take(&mut listener.is_live) {
            for past in listener.past.channels.iter_mut().filter(|past| past.is_live) {
                past.is_live = false;
                ctx.unsubscribe(self.names.topic(ctx, Style::Multi, &past.channel));
            }
            ctx.unsubscribe(self.names.topic(ctx, Style::Multi, MULTI));
        }
    }

    /// Delivers a message to the listeners of its channel, and says to how many.
    pub fn deliver(&mut self, ctx: &mut Context<'_>, delivery: &Delivery<'_>) -> usize {
        let Delivery { position, channel, kind, payload, except } = *delivery;
        let except = except.and_then(connection_named);
        let (mut count, mut id, mut checked) = (0, None, None);
        for style in Style::ALL {
            let topic = self.names.topic(ctx, style, channel);
            let members = ctx.subscribers(topic);
            if members == 0 {
                continue;
            }
            let message = *checked.get_or_insert_with(|| message(kind, payload));
            let message = match style {
                Style::Plain => message,
                _ => self.envelope.write(id.get_or_insert_with(|| position.text()), channel, message),
            };
            self.debts.pay(ctx, topic);
            let is_excepted = except.is_some_and(|except| ctx.is_subscribed(except, topic));
            count += members - usize::from(is_excepted);
            match except {
                Some(except) if is_excepted => ctx.publish_except(topic, except, message),
                _ => ctx.publish(topic, message),
            }
        }
        count
    }

    /// Counts a slice. If the turn has had as many as it may have, the connection comes back in the next.
    pub(super) fn may_send_slice(&mut self, ctx: &mut Context<'_>) -> bool {
        let Some(left) = self.slices.checked_sub(1) else { return false };
        self.slices = left;
        self.wake(ctx);
        true
    }

    /// Has [`is_next_turn`](Self::is_next_turn) asked in the next turn.
    pub fn wake(&mut self, ctx: &mut Context<'_>) {
        if self.turn.is_none() {
            self.turn = Some(ctx.after(std::time::Duration::ZERO));
        }
    }

    /// Whether this timer begins a turn that something was put off to.
    pub fn is_next_turn(&mut self, timer: TimerId) -> bool {
        let is_it = self.turn == Some(timer);
        if is_it {
            (self.turn, self.slices) = (None, SLICES);
        }
        is_it
    }

    /// Sends a slice of a replay. Returns whether it was the last.
    fn send_slice<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, listener: &mut Listener) -> bool {
        let (style, epoch, own) = (listener.style, view.state.position().epoch, ctx.id());
        let is_own = |kept: &Kept<'_>| kept.except.and_then(connection_named) == Some(own);
        listener.past.slice(view.state, |piece| match (piece, style) {
            (Piece::Message { kept, .. }, _) if is_own(&kept) => {}
            (Piece::Message { kept, .. }, Style::Plain) => ctx.send(message(kept.kind, kept.payload)),
            (Piece::Message { channel, kept }, _) => {
                let id = Position { epoch, id: kept.id }.to_string();
                ctx.send(self.envelope.write(&id, channel, message(kept.kind, kept.payload)));
            }
            (Piece::Gap { .. }, Style::Plain) => {}
            (Piece::Gap { channel }, _) => ctx.send(Event::gap(channel, None)),
        })
    }
}

/// The kind and the channel of this connection, if it listens to one alone.
pub(super) fn whereabouts(ctx: &Context<'_>) -> Option<(Style, Box<str>)> {
    if let Some(listener) = ctx.attached::<Listener>() {
        return Some((listener.style, listener.past.channels.first()?.channel.clone()));
    }
    parse(ctx, ctx.home()?).map(|(style, channel)| (style, channel.into()))
}

/// The log keeps text that it was given as text: it is UTF-8.
fn message(kind: Kind, payload: &[u8]) -> Message<'_> {
    match std::str::from_utf8(payload) {
        Ok(text) if kind == Kind::Text => Message::Text(text),
        _ => Message::Binary(payload),
    }
}
