//! Gaps of the log, of which each listener with ids is told once, before the next message: at once where a message comes,
//! else in turns of some thousands.

use std::collections::HashSet;

use super::super::state::types::Lost;
use super::event::Event;
use super::share::Share;
use super::topics::{MULTI, Names, Style, parse};
use crate::Context;

#[derive(Default)]
pub(super) struct Debts {
    /// Topics whose listeners have yet to be told.
    owed: HashSet<Box<str>>,
    /// The text that they are told.
    gap: String,
}

impl Debts {
    /// Something is lost to all that listen now, but for those in a replay: they are told by their own.
    pub fn owe(&mut self, ctx: &mut Context<'_>, names: &mut Names, lost: &Lost) {
        self.gap = Event::gap(None, Some(&lost.position.to_string()));
        // Listeners with many channels are told once, by their home.
        ctx.publish(names.topic(ctx, Style::Multi, MULTI), &self.gap);
        let topics = ctx.topics().filter(|topic| matches!(parse(ctx, topic), Some((Style::Ids, _))));
        self.owed = topics.map(Box::from).collect();
    }

    /// A topic gets a message or a member: its listeners must have been told.
    pub fn pay(&mut self, ctx: &mut Context<'_>, topic: &str) {
        if !self.owed.is_empty() && self.owed.remove(topic) {
            ctx.publish(topic, &self.gap);
        }
    }

    /// Tells some. Returns whether there are more.
    pub fn pay_some(&mut self, ctx: &mut Context<'_>) -> bool {
        let mut share = Share::default();
        // Each walk through the set begins with the places that have become empty.
        for topic in self.owed.iter().take(share.topics()).cloned().collect::<Vec<_>>() {
            if !share.is_left() {
                break;
            }
            share.take(ctx.subscribers(&topic));
            self.pay(ctx, &topic);
        }
        if self.owed.is_empty() {
            *self = Debts::default();
        }
        !self.owed.is_empty()
    }
}
