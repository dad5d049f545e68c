//! A hub that does no more than its listeners need, on a stage.

mod catching_up;
mod commands;
mod doors;
mod lost;
mod members;
mod memory;
mod order;
mod rounds;

use std::time::Duration;

use super::{Listeners, Member, View};
use crate::apps::hub::config::{HubConfig, Rules};
use crate::apps::hub::log::memory::MemoryLog;
use crate::apps::hub::log::{Entry, Kind, Log};
use crate::apps::hub::state::State;
use crate::apps::hub::state::types::{Delivery, Limits, Lost, Outcome, Position, Sink};
use crate::apps::hub::tokens::Tokens;
use crate::http::Request;
use crate::testing::{Client, Received, Stage};
use crate::{Accept, Config, Context, Handler, Message, TimerId};

struct House {
    config: HubConfig,
    rules: Rules,
    tokens: Tokens,
    state: State<Member>,
    listeners: Listeners,
    /// How many listeners got the last message.
    reached: usize,
    /// Of the connection that was the last to open.
    subprotocol: Option<String>,
}

struct Line<'a, 'c> {
    ctx: &'a mut Context<'c>,
    listeners: &'a mut Listeners,
    position: Position,
    reached: &'a mut usize,
}

impl Sink<Member> for Line<'_, '_> {
    fn deliver(&mut self, message: &Delivery<'_>) -> usize {
        self.position = message.position;
        *self.reached = self.listeners.deliver(self.ctx, message);
        *self.reached
    }

    fn settle(&mut self, member: Member, outcome: Outcome) {
        member.settled(self.ctx, outcome, self.position);
    }

    fn lost(&mut self, lost: Lost) {
        self.listeners.lost(self.ctx, &lost);
    }
}

impl House {
    fn new(config: HubConfig) -> Self {
        Self::with_log(config, Box::new(MemoryLog::new()))
    }

    fn with_log(config: HubConfig, log: Box<dyn Log>) -> Self {
        let rules = Rules::new(&config);
        let mut tokens = Tokens::new(config.publish_tokens.clone(), config.subscribe_tokens.clone());
        tokens.in_query = config.token_in_query;
        let state = State::new(Limits::from(&config), rules.clone(), log);
        House { config, rules, tokens, state, listeners: Listeners::default(), reached: 0, subprotocol: None }
    }

    fn split(&mut self) -> (&mut Listeners, View<'_, Member>) {
        let House { config, rules, tokens, state, listeners, .. } = self;
        (listeners, View { config, rules, tokens, state })
    }

    fn publish(&mut self, ctx: &mut Context<'_>, entry: Entry<'_>, member: Option<Member>) {
        if let Err(refusal) = self.state.publish(entry, member.clone()) {
            return member.into_iter().for_each(|member| member.refused(ctx, refusal, self.config.rephrase));
        }
        self.apply(ctx);
    }

    fn apply(&mut self, ctx: &mut Context<'_>) {
        let (now, position) = (ctx.now(), self.state.position());
        let mut line = Line { ctx, listeners: &mut self.listeners, position, reached: &mut self.reached };
        while self.state.apply(256, now, &mut line) {}
    }
}

impl Handler for House {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let (listeners, view) = self.split();
        listeners.accept(&view, ctx, request)
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        self.subprotocol = ctx.subprotocol().map(str::to_owned);
        let (listeners, view) = self.split();
        listeners.open(&view, ctx);
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let (listeners, view) = self.split();
        if let Some(wish) = listeners.message(&view, ctx, message) {
            self.publish(ctx, wish.entry(), Some(wish.member.clone()));
        }
    }

    fn drained(&mut self, ctx: &mut Context<'_>) {
        let (listeners, view) = self.split();
        listeners.drained(&view, ctx);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        let (listeners, view) = self.split();
        assert!(listeners.timer(&view, ctx, timer), "there are no others");
    }
}

fn stage(config: HubConfig) -> Stage<House> {
    with_log(config, Box::new(MemoryLog::new()))
}

/// A panic in a callback, such as that of an assertion in it, ends the stage with a panic.
fn with_log(config: HubConfig, log: Box<dyn Log>) -> Stage<House> {
    Stage::with_config(House::with_log(config, log), Config { max_panics: 0, ..Config::default() })
}

fn text<'a>(channel: &'a str, payload: &'a str) -> Entry<'a> {
    Entry { channel, kind: Kind::Text, payload: payload.as_bytes(), key: None, keep: true, except: None }
}

/// Has something done on the server's thread, when the stage runs next.
fn later(stage: &Stage<House>, act: impl FnOnce(&mut House, &mut Context<'_>) + Send + 'static) {
    stage.handle().call("/*", act).expect("room");
}

/// Publishes a text, when the stage runs next.
fn publish_later(stage: &Stage<House>, channel: &str, payload: &str) {
    let (channel, payload) = (channel.to_owned(), payload.to_owned());
    later(stage, move |house, ctx| house.publish(ctx, text(&channel, &payload), None));
}

/// Publishes a text.
fn publish(stage: &mut Stage<House>, channel: &str, payload: &str) {
    publish_later(stage, channel, payload);
    stage.run();
}

/// Publishes texts, the numbers from `range`, each with some letters behind it.
fn publish_all(stage: &mut Stage<House>, channel: &str, range: std::ops::Range<usize>, letters: usize) {
    for number in range {
        publish_later(stage, channel, &format!("{number}{}", "x".repeat(letters)));
    }
    stage.run();
}

/// The texts that a client has received; of a binary message the bytes that are UTF-8.
fn texts(stage: &mut Stage<House>, client: Client) -> Vec<String> {
    let received = stage.received(client).into_iter();
    received
        .map(|message| match message {
            Received::Text(text) => text,
            Received::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        })
        .collect()
}

/// The same with the epoch of the log as `E` and no `connection`, to be compared.
fn said(stage: &mut Stage<House>, client: Client) -> Vec<String> {
    let epoch = format!("{}-", stage.handler().state.position().epoch);
    let texts = texts(stage, client).into_iter().map(|text| text.replace(&epoch, "E-"));
    texts
        .map(|text| match text.split_once(",\"connection\":") {
            Some((event, _)) => format!("{event}}}"),
            None => text,
        })
        .collect()
}

/// The position as text.
fn position(stage: &mut Stage<House>) -> String {
    stage.handler().state.position().to_string()
}

fn subscribed(channel: &str, id: usize, gap: bool) -> String {
    format!(r#"! {{"event":"subscribed","channel":"{channel}","id":"E-{id}","gap":{gap}}}"#)
}

fn position_event(id: usize) -> String {
    format!(r#"! {{"event":"position","id":"E-{id}"}}"#)
}

/// The knowledge of a client with ids: the messages that it has got, and where it goes on.
#[derive(Default)]
struct Resumer {
    /// Ids and payloads of messages.
    got: Vec<(u64, String)>,
    /// The id in the last frame.
    since: String,
    gaps: usize,
    positions: usize,
}

impl Resumer {
    fn take(&mut self, texts: Vec<String>) {
        for text in texts {
            if let Some(event) = text.strip_prefix("! ") {
                let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
                assert_ne!(event["event"], "error", "{event}");
                self.gaps += usize::from(event["event"] == "gap" || event["gap"] == true);
                self.positions += usize::from(event["event"] == "position");
                if let Some(id) = event["id"].as_str() {
                    self.since = id.to_owned();
                }
                continue;
            }
            let (head, payload) = text.split_once('\n').expect("a head");
            let (id, _channel) = head.split_once(' ').expect("a channel");
            self.since = id.to_owned();
            let (_, number) = id.split_once('-').expect("an epoch");
            self.got.push((number.parse().expect("a number"), payload.trim_end_matches('x').to_owned()));
        }
    }

    /// Checks that the ids rise, and that the payloads are these.
    fn assert_got(&self, expected: impl IntoIterator<Item = usize>) {
        assert!(self.got.is_sorted_by(|one, next| one.0 < next.0), "ids rise: {:?}", self.got);
        let expected: Vec<String> = expected.into_iter().map(|number| number.to_string()).collect();
        let got: Vec<_> = self.got.iter().map(|(_, payload)| payload.clone()).collect();
        assert_eq!(got, expected);
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
