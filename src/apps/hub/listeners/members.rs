//! Messages that listeners publish, where listeners may.
//!
//! A message goes to all listeners of the channel, its sender included: all hear the same, in the same order.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::log::{Entry, Kind};
use super::super::problem::{Problem, Rephrase};
use super::super::state::types::{Outcome, Position, Refusal};
use super::event::Event;
use super::outgoing::View;
use crate::{CloseCode, CloseFrame, ConnectionId, Context, Message};

/// A message that a listener may publish, and wants to.
#[derive(Debug)]
pub(in crate::apps::hub) struct Wish<'m> {
    data: Data<'m>,
    pub(super) keep: bool,
    pub(in crate::apps::hub) member: Member,
}

/// The payload of a message.
#[derive(Debug, PartialEq)]
pub(in crate::apps::hub) enum Data<'m> {
    Text(Cow<'m, str>),
    Binary(Cow<'m, [u8]>),
}

/// A listener that has published something.
#[derive(Clone, Debug)]
pub(in crate::apps::hub) struct Member {
    connection: ConnectionId,
    channel: Box<str>,
    asks: Asks,
}

/// The answer to a member about its message.
#[derive(Clone, Debug)]
pub(super) enum Asks {
    Nothing,
    Errors,
    /// Whatever comes of it, with this `ref`.
    All(Option<Box<RawValue>>),
}

impl Data<'_> {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        }
    }
}

impl<'m> From<Message<'m>> for Data<'m> {
    fn from(message: Message<'m>) -> Self {
        match message {
            Message::Text(text) => Data::Text(text.into()),
            Message::Binary(bytes) => Data::Binary(bytes.into()),
        }
    }
}

impl<'m> Wish<'m> {
    pub(super) fn new(connection: ConnectionId, channel: impl Into<Box<str>>, data: Data<'m>, asks: Asks) -> Self {
        Wish { data, keep: true, member: Member { connection, channel: channel.into(), asks } }
    }

    pub(super) fn channel(&self) -> &str {
        &self.member.channel
    }

    /// Lets the wish through if the channel's listeners may publish and the message is not too long; else they are told.
    pub(super) fn check<W>(self, view: &View<'_, W>, ctx: &mut Context<'_>) -> Option<Self> {
        let settings = view.rules.find(self.channel());
        if settings.deny || !settings.members_publish {
            self.member.refuse(ctx, 403, "listeners may not publish to this channel");
            return None;
        }
        let (len, limit) = (self.data.as_bytes().len(), ctx.max_body());
        if len > limit {
            let reason = format!("the message has {len} bytes, more than {limit}: raise Config::max_body");
            self.member.refuse(ctx, 413, &(view.config.rephrase)(&reason));
            return None;
        }
        Some(self)
    }

    /// The entry for the log.
    pub(in crate::apps::hub) fn entry(&self) -> Entry<'_> {
        let kind = match self.data {
            Data::Text(_) => Kind::Text,
            Data::Binary(_) => Kind::Binary,
        };
        let payload = self.data.as_bytes();
        Entry { channel: &self.member.channel, kind, payload, key: None, keep: self.keep, except: None }
    }
}

impl Member {
    /// The hub has not taken the message.
    pub(in crate::apps::hub) fn refused(&self, ctx: &mut Context<'_>, refusal: Refusal, rephrase: Rephrase) {
        if refusal == Refusal::LogAway && !matches!(self.asks, Asks::All(_)) {
            // Without an answer to each message a client could only notice by the silence.
            return ctx.close_id(self.connection, CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "the log is away"));
        }
        let problem = Problem::from(refusal);
        self.refuse(ctx, problem.status, &rephrase(&problem.text));
    }

    /// The outcome of a message that the hub has taken.
    pub(in crate::apps::hub) fn settled(&self, ctx: &mut Context<'_>, outcome: Outcome, position: Position) {
        match (outcome, &self.asks) {
            (Outcome::Refused { unknown }, _) => {
                let reason =
                    if unknown { "the log may have lost the message" } else { "the log has not taken the message" };
                self.refuse(ctx, 503, reason);
            }
            (Outcome::Applied { id, .. }, Asks::All(reference)) => {
                let id = Position { id, ..position }.to_string();
                let event = Event::new("published").text("channel", &self.channel).text("id", &id);
                ctx.send_to(self.connection, event.reference(reference.as_deref()).done());
            }
            _ => {}
        }
    }

    pub(super) fn refuse(&self, ctx: &mut Context<'_>, status: u16, reason: &str) {
        let reference = match &self.asks {
            Asks::Nothing => return,
            Asks::Errors => None,
            Asks::All(reference) => reference.as_deref(),
        };
        ctx.send_to(self.connection, Event::error(status, reason, Some(&self.channel), reference));
    }
}
