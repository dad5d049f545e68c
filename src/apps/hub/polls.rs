//! Requests that wait for a message: long polls, for clients that cannot have a WebSocket.
//!
//! They are answered after the log's events have been applied, so that one answer has all messages that came together.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::cors;
use super::page::{self, LIMIT, Page};
use super::state::types::{Delivery, Position};
use crate::{Context, Deferred, TimerId};

/// Requests that are answered in a turn.
const ANSWERS: usize = 500;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Poll {
    deferred: Deferred,
    /// The origin of the page that has sent it.
    page: Option<Box<str>>,
    pub channel: Box<str>,
    /// It has all messages up to here.
    pub since: Position,
}

/// All requests that wait.
#[derive(Default)]
pub(super) struct Polls {
    waiting: HashMap<TimerId, Poll>,
    channels: HashMap<Box<str>, Vec<TimerId>>,
    /// Messages of channels with requests that wait; the answers are still to be written.
    woken: HashMap<Box<str>, Page>,
    /// All are answered next, with a message or without.
    wakes_all: bool,
    /// Answers that leave in this turn and the next ones.
    leaving: VecDeque<(Vec<Poll>, Arc<[u8]>)>,
    turn: Option<TimerId>,
}

/// The purpose of a timer.
pub(super) enum Due {
    /// Not for a request that waits.
    Other,
    /// For the next turn.
    Turn,
    /// The time of this request is over.
    End(Poll),
}

impl Polls {
    /// How many requests wait. One whose client has left counts until its time is over.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets the current request wait.
    pub fn wait(&mut self, ctx: &mut Context<'_>, channel: &str, since: Position, page: Option<&str>, time: Duration) {
        let timer = ctx.after(time);
        let poll = Poll { deferred: ctx.deferred(), page: page.map(Box::from), channel: channel.into(), since };
        self.waiting.insert(timer, poll);
        self.channels.entry(channel.into()).or_default().push(timer);
    }

    /// A message is delivered.
    pub fn deliver(&mut self, delivery: &Delivery<'_>) {
        if self.channels.is_empty() || !self.channels.contains_key(delivery.channel) {
            return;
        }
        let Delivery { position, channel, kind, payload, .. } = *delivery;
        if let Some(page) = self.woken.get_mut(channel) {
            page.push(position, kind, payload, LIMIT);
        } else {
            let mut page = Page::default();
            page.push(position, kind, payload, LIMIT);
            self.woken.insert(channel.into(), page);
        }
    }

    /// All requests that wait are answered next: the log has lost something, or the server shuts down.
    pub fn wake_all(&mut self) {
        self.wakes_all = true;
    }

    /// Whether [`take_woken`](Self::take_woken) or [`take_all`](Self::take_all) has something.
    pub fn is_woken(&self) -> bool {
        self.wakes_all || !self.woken.is_empty()
    }

    /// The channels to which messages were delivered, with these.
    pub fn take_woken(&mut self) -> HashMap<Box<str>, Page> {
        std::mem::take(&mut self.woken)
    }

    /// All requests that wait, after [`wake_all`](Self::wake_all).
    pub fn take_all(&mut self, ctx: &mut Context<'_>) -> Vec<Poll> {
        if !std::mem::take(&mut self.wakes_all) {
            return Vec::new();
        }
        self.channels.clear();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(timer, poll)| (ctx.cancel(timer), poll).1).collect()
    }

    /// The requests that wait for a channel.
    pub fn take(&mut self, ctx: &mut Context<'_>, channel: &str) -> Vec<Poll> {
        let timers = self.channels.remove(channel).unwrap_or_default();
        timers.into_iter().filter_map(|timer| (ctx.cancel(timer), self.waiting.remove(&timer)).1).collect()
    }

    /// Answers requests, in this turn or the next ones.
    pub fn answer(&mut self, ctx: &mut Context<'_>, polls: Vec<Poll>, body: String) {
        if !polls.is_empty() {
            self.leaving.push_back((polls, body.into_bytes().into()));
            if self.turn.is_none() {
                self.go_on(ctx);
            }
        }
    }

    /// Answers as many requests as a turn may, and comes back in the next one if there are more.
    pub fn go_on(&mut self, ctx: &mut Context<'_>) {
        let mut left = ANSWERS;
        while let Some((polls, body)) = self.leaving.front_mut() {
            let from = polls.len().saturating_sub(left);
            left -= polls.len() - from;
            for poll in polls.drain(from..) {
                let response = page::response().shared_body(Arc::clone(body));
                ctx.answer(poll.deferred, cors::dress(response, poll.page.as_deref()));
            }
            if from > 0 {
                self.turn = Some(ctx.after(Duration::ZERO));
                return;
            }
            self.leaving.pop_front();
        }
    }

    /// Finds out what a timer was for.
    pub fn on_timer(&mut self, timer: TimerId) -> Due {
        if self.turn.take_if(|turn| *turn == timer).is_some() {
            return Due::Turn;
        }
        let Some(poll) = self.waiting.remove(&timer) else { return Due::Other };
        if let Some(timers) = self.channels.get_mut(&poll.channel) {
            timers.retain(|other| *other != timer);
            if timers.is_empty() {
                self.channels.remove(&poll.channel);
            }
        }
        Due::End(poll)
    }
}
