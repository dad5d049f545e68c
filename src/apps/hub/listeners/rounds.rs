//! Positions for listeners whose channels are quiet, so that they do not come back with one that is too old.

use std::time::{Duration, Instant};

use super::super::config::Rules;
use super::super::log::Id;
use super::event::Event;
use super::outgoing::View;
use super::share::Share;
use super::topics::{MULTI, Names, Style, parse};
use crate::{Context, TimerId};

/// Rounds in the age of a history. A channel of which a whole round has heard nothing has been quiet for half of the age at
/// the most.
const ROUNDS: u32 = 4;
/// The least time between two rounds.
const SHORTEST: Duration = Duration::from_secs(10);

/// Channels whose history has the same age.
#[derive(Debug)]
struct Class {
    age: Duration,
    /// When its next round begins.
    due: Instant,
    /// The position when its last round began, and the one before that.
    seen: Id,
    before: Id,
    /// Its channels are told in the round that is under way.
    is_told: bool,
}

/// Goes around all channels now and then.
#[derive(Default)]
pub(super) struct Rounds {
    /// For the next round. None: nobody listens with ids.
    timer: Option<TimerId>,
    classes: Vec<Class>,
    /// Topics that the round has yet to look at.
    rest: Vec<Box<str>>,
}

impl Rounds {
    /// Somebody listens with ids.
    pub fn start<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>) {
        if self.timer.is_some() {
            return;
        }
        let id = view.state.position().id;
        self.classes = ages(view.rules)
            .into_iter()
            .map(|age| Class { age, due: ctx.now() + period(age), seen: id, before: id, is_told: false })
            .collect();
        self.set_timer(ctx);
    }

    /// Has a round look at these topics.
    #[cfg(test)]
    pub fn pretend(&mut self, topics: Vec<Box<str>>) {
        self.rest = topics;
    }

    #[cfg(test)]
    pub fn is_asleep(&self) -> bool {
        self.timer.is_none()
    }

    /// Whether this timer begins a round.
    pub fn is_due(&mut self, timer: TimerId) -> bool {
        self.timer.take_if(|own| *own == timer).is_some()
    }

    /// Begins a round, unless the last one is not over.
    pub fn begin<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>, names: &mut Names) {
        let is_heard = |topic| matches!(parse(ctx, topic), Some((Style::Ids | Style::Multi, _)));
        if !ctx.topics().any(is_heard) {
            return;
        }
        if self.rest.is_empty() {
            let (now, position) = (ctx.now(), view.state.position());
            self.classes.iter_mut().for_each(|class| class.begin(now, position.id));
            if self.classes.iter().any(|class| class.is_told) {
                let topics = ctx.topics().filter(|topic| matches!(parse(ctx, topic), Some((Style::Ids, _))));
                self.rest = topics.map(Box::from).collect();
                ctx.publish(names.topic(ctx, Style::Multi, MULTI), Event::position(&position.to_string()));
            }
        }
        self.set_timer(ctx);
    }

    /// Goes on with a round: a share of its topics. Returns whether there are more.
    pub fn go_on<W>(&mut self, view: &View<'_, W>, ctx: &mut Context<'_>) -> bool {
        let position = Event::position(&view.state.position().to_string());
        let mut share = Share::default();
        while share.is_left()
            && let Some(topic) = self.rest.pop()
        {
            let told = parse(ctx, &topic).filter(|(_, channel)| self.is_quiet(view, channel));
            if told.is_some() {
                ctx.publish(&topic, &position);
            }
            share.take(told.map_or(0, |_| ctx.subscribers(&topic)));
        }
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        !self.rest.is_empty()
    }

    /// Whether a channel of this round has kept nothing since the last one.
    fn is_quiet<W>(&self, view: &View<'_, W>, channel: &str) -> bool {
        let age = view.rules.find(channel).history.age;
        let class = self.classes.iter().find(|class| class.age == age).filter(|class| class.is_told);
        class.is_some_and(|class| view.state.summary(channel).last.is_none_or(|last| last <= class.before))
    }

    fn set_timer(&mut self, ctx: &mut Context<'_>) {
        let due = self.classes.iter().map(|class| class.due).min();
        self.timer = due.map(|due| ctx.after(due.saturating_duration_since(ctx.now())));
    }
}

impl Class {
    fn begin(&mut self, now: Instant, id: Id) {
        self.is_told = self.due <= now;
        if self.is_told {
            self.due = now + period(self.age);
            // If nothing has happened in two rounds, all know the position.
            self.is_told = self.before != id;
            (self.before, self.seen) = (self.seen, id);
        }
    }
}

/// The different ages of histories, each once.
fn ages(rules: &Rules) -> Vec<Duration> {
    let mut ages = Vec::new();
    for settings in rules.all() {
        if !ages.contains(&settings.history.age) {
            ages.push(settings.history.age);
        }
    }
    ages
}

fn period(age: Duration) -> Duration {
    (age / ROUNDS).max(SHORTEST)
}
