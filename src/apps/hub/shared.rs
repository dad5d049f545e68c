//! A hub's data, which requests and listeners share, and the way of what is published: to the log, and from there to
//! everybody.

use std::time::{Duration, Instant};

use super::batches::{Batches, Done, Item};
use super::config::{HubConfig, Rules};
use super::cors;
use super::listeners::{Listeners, Member, Wish};
use super::log::memory::MemoryLog;
use super::log::{Epoch, Id, Log, Status};
use super::outcome::Reply;
use super::page::{self, Gap, Page};
use super::polls::{Poll, Polls};
use super::problem::Rephrase;
use super::state::State;
use super::state::types::{Delivery, Limits, Lost, Outcome, Position, Replay, Sink};
use super::tokens::{Token, Tokens};
use crate::http::{Request, Response};
use crate::{Context, Deferred, TimerId};

/// What answers plain requests in place of a channel.
type Pages = Box<dyn FnMut(&Request<'_>) -> Option<Response> + Send>;

/// Events of the log that are applied in a turn.
const EVENTS: usize = 256;

/// A hub, to be mounted at all paths, `/*`, or at those below one, such as `/live/*`: each is a channel.
///
/// A POST publishes its body, and those who have opened a WebSocket at the path get it. The name of a channel is the
/// decoded path below the mount: at most 255 bytes of UTF-8 in 16 segments, none of which is empty or begins with a
/// dot, without control characters, `\` and `*`. Paths below `/-`, `/healthz`, `/readyz` and those of the scripts for
/// pages, such as `/client.js`, are no channels.
///
/// | request | answer |
/// |---|---|
/// | POST | 201 or 202 with the message's id and the number of its listeners, 200 for a repeat (`Idempotency-Key`) |
/// | GET, HEAD | 200 with what the channel holds |
/// | the same with `?since=ID` or `?last=N` | with messages, at most 100 or `&limit=N` of them |
/// | GET with `?since=ID&wait=25s` | the same, as soon as there is a message |
/// | DELETE | 204: the history is forgotten |
/// | POST to `/-/batch` | 200 or 207 with a status for each message of a JSON array |
/// | OPTIONS | 204, with what a page of another origin may do |
///
/// Which pages may use it is for [`Config::origins`](crate::Config::origins) to say. Refusals are JSON,
/// `{"error":"…"}`, and pages that may use the hub can read them. What is no HTTP, a path that no channel could have
/// (dot segments, invalid escapes), a body that is too slow and a chunked body that is too long are the server's to
/// refuse: in plain text, which pages of other origins cannot read. A server that shuts down takes no messages any
/// more: 503.
///
/// ```no_run
/// use sockhop::{Hub, HubConfig, Server};
///
/// Server::bind("127.0.0.1:9001")?.mount("/*", Hub::new(HubConfig::default())).run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Hub {
    pub(super) config: HubConfig,
    pub(super) rules: Rules,
    pub(super) tokens: Tokens,
    pub(super) state: State<Waiter>,
    pub(super) polls: Polls,
    pub(super) batches: Batches,
    pub(super) listeners: Listeners,
    pub(super) pages: Option<Pages>,
    /// When history and keys are looked at.
    expiry: Option<(TimerId, Instant)>,
    /// For the rest of the log's events.
    turn: Option<TimerId>,
}

/// How much a hub has of what it may have, see [`HubConfig`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Figures {
    /// Channels that have history.
    pub channels: usize,
    /// What all history counts for: payloads and their bookkeeping.
    pub history_bytes: usize,
    /// Messages that have gone since the start because of [`HubConfig::history_memory`].
    pub evicted: u64,
    /// Idempotency keys that are remembered.
    pub keys: usize,
    /// Publishes that the log has not answered.
    pub publishes: usize,
    /// Requests that wait for a message.
    pub polls: usize,
    /// How the log is.
    pub log: Status,
}

/// Who waits for the outcome of a publish.
#[derive(Debug)]
pub(super) enum Waiter {
    /// A request of its own, and the origin of the page that has sent it.
    Request(Deferred, Option<Box<str>>),
    /// A batch, for one of its messages.
    Item(Item),
    /// A listener.
    Member(Member),
}

impl Hub {
    /// A hub that keeps its log in memory: it begins anew with each start.
    pub fn new(config: HubConfig) -> Self {
        Self::with_log(config, Box::new(MemoryLog::new()))
    }

    /// A hub with a log of its own. If that log hears of its entries on another thread, this thread calls
    /// [`apply`](Self::apply) by [`Handle::call`](crate::Handle::call).
    pub fn with_log(config: HubConfig, log: Box<dyn Log>) -> Self {
        let mut tokens = Tokens::new(config.publish_tokens.clone(), config.subscribe_tokens.clone());
        tokens.in_query = config.token_in_query;
        let rules = Rules::new(&config);
        Hub {
            state: State::new(Limits::from(&config), rules.clone(), log),
            rules,
            tokens,
            config,
            polls: Polls::default(),
            batches: Batches::default(),
            listeners: Listeners::default(),
            pages: None,
            expiry: None,
            turn: None,
        }
    }

    /// The same hub with pages in front of its channels: each plain request is shown to `pages` first, without its
    /// body, and what that returns is the answer. Routes of the server need no such thing, since they have paths that
    /// are known.
    #[must_use]
    pub fn with_pages(self, pages: impl FnMut(&Request<'_>) -> Option<Response> + Send + 'static) -> Self {
        Hub { pages: Some(Box::new(pages)), ..self }
    }

    /// From now on these tokens count, in place of those in [`HubConfig`]; connections that are open stay. To be called
    /// by [`Handle::call`](crate::Handle::call).
    pub fn set_tokens(&mut self, publish: Vec<Token>, subscribe: Vec<Token>) {
        self.tokens.set(publish, subscribe);
    }

    /// What the hub has now, for metrics.
    pub fn figures(&self) -> Figures {
        let state = &self.state;
        Figures {
            channels: state.channels(),
            history_bytes: state.history_bytes(),
            evicted: state.evicted(),
            keys: state.keys(),
            publishes: state.waiting(),
            polls: self.polls.len(),
            log: state.log_status(),
        }
    }

    /// Takes what the log has: keeps and delivers its messages and answers their publishers. At most 256 events in a
    /// turn, the rest follows by itself.
    pub fn apply(&mut self, ctx: &mut Context<'_>) {
        self.apply_for(ctx, None);
    }

    /// The same. If the publish of the current request comes to its end, its outcome is returned.
    pub(super) fn apply_for(&mut self, ctx: &mut Context<'_>, current: Option<Deferred>) -> Option<Outcome> {
        let outcome = self.apply_events(ctx, current);
        self.finish(ctx);
        outcome
    }

    /// Takes what the log has. [`finish`](Self::finish) comes once behind it.
    pub(super) fn apply_events(&mut self, ctx: &mut Context<'_>, current: Option<Deferred>) -> Option<Outcome> {
        let (now, rephrase, epoch) = (ctx.now(), self.config.rephrase, self.state.position().epoch);
        let Hub { polls, batches, listeners, .. } = self;
        let mut live = Live { ctx, polls, batches, listeners, rephrase, epoch, current, outcome: None };
        let has_more = self.state.apply(EVENTS, now, &mut live);
        let outcome = live.outcome;
        if has_more && self.turn.is_none() {
            self.turn = Some(ctx.after(Duration::ZERO));
        }
        outcome
    }

    /// Answers the requests that have waited for what was applied, and looks when history expires.
    pub(super) fn finish(&mut self, ctx: &mut Context<'_>) {
        if self.polls.is_woken() {
            self.answer_polls(ctx);
        }
        self.schedule_expiry(ctx);
    }

    /// Publishes what a listener has sent.
    pub(super) fn publish_wish(&mut self, ctx: &mut Context<'_>, wish: &Wish<'_>) {
        match self.state.publish(wish.entry(), Some(Waiter::Member(wish.member.clone()))) {
            Ok(()) => self.apply(ctx),
            Err(refusal) => wish.member.refused(ctx, refusal, self.config.rephrase),
        }
    }

    /// What a channel holds, with a page of its messages.
    pub(super) fn body(&mut self, ctx: &Context<'_>, channel: &str, page: Option<(&Page, Gap)>) -> String {
        let subscribers = self.listeners.count(ctx, channel);
        page::body(&self.state, channel, subscribers, page)
    }

    #[inline(never)]
    fn answer_polls(&mut self, ctx: &mut Context<'_>) {
        for poll in self.polls.take_all(ctx) {
            self.answer_poll(ctx, poll);
        }
        for (channel, page) in self.polls.take_woken() {
            let polls = self.polls.take(ctx, &channel);
            let body = self.body(ctx, &channel, Some((&page, Gap::No)));
            self.polls.answer(ctx, polls, body);
        }
    }

    /// Answers a request that has waited for nothing, or for something that is lost.
    pub(super) fn answer_poll(&mut self, ctx: &mut Context<'_>, poll: Poll) {
        let start = self.state.resume(&poll.channel, Replay::Since(&poll.since.to_string()));
        let page = Page::read(&self.state, &poll.channel, start.after, page::LIMIT);
        let body = self.body(ctx, &poll.channel, Some((&page, start.gap.into())));
        self.polls.answer(ctx, vec![poll], body);
    }

    /// Whether a timer is one of the hub's own, which is then dealt with.
    pub(super) fn on_timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) -> bool {
        if self.turn.take_if(|turn| *turn == timer).is_some() {
            self.apply(ctx);
        } else if self.expiry.take_if(|(expiry, _)| *expiry == timer).is_some() {
            self.state.expire(ctx.now());
            self.schedule_expiry(ctx);
        } else {
            return false;
        }
        true
    }

    /// Comes back when history or a key expires.
    fn schedule_expiry(&mut self, ctx: &mut Context<'_>) {
        let Some(next) = self.state.next_expiry() else { return };
        if let Some((timer, at)) = self.expiry {
            if at <= next {
                return;
            }
            ctx.cancel(timer);
        }
        self.expiry = Some((ctx.after(next.saturating_duration_since(ctx.now())), next));
    }
}

/// Where the log's events go.
struct Live<'h, 'c> {
    ctx: &'h mut Context<'c>,
    polls: &'h mut Polls,
    batches: &'h mut Batches,
    listeners: &'h mut Listeners,
    rephrase: Rephrase,
    epoch: Epoch,
    /// The request that is being handled, if it publishes by itself.
    current: Option<Deferred>,
    /// What has come of it.
    outcome: Option<Outcome>,
}

impl Sink<Waiter> for Live<'_, '_> {
    fn deliver(&mut self, message: &Delivery<'_>) -> usize {
        self.polls.deliver(message);
        self.listeners.deliver(self.ctx, message)
    }

    fn settle(&mut self, waiter: Waiter, outcome: Outcome) {
        match waiter {
            Waiter::Request(deferred, _) if self.current == Some(deferred) => self.outcome = Some(outcome),
            Waiter::Request(deferred, page) => {
                let response = Reply::new(outcome, self.epoch).response(self.rephrase);
                self.ctx.answer(deferred, cors::dress(response, page.as_deref()));
            }
            Waiter::Item(item) => {
                if let Some(done) = self.batches.settle(item, outcome, self.epoch, self.rephrase) {
                    let Done { deferred, page, response } = done;
                    self.ctx.answer(deferred, cors::dress(response, page.as_deref()));
                }
            }
            Waiter::Member(member) => member.settled(self.ctx, outcome, Position { epoch: self.epoch, id: Id(0) }),
        }
    }

    fn lost(&mut self, lost: Lost) {
        self.epoch = lost.position.epoch;
        self.polls.wake_all();
        self.listeners.lost(self.ctx, &lost);
    }
}
