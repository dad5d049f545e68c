//! The messages of the handler, and the clients that must get them.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::time::Duration;

use super::link::{Expected, Link};
use super::payloads::{self, filling, print};
use crate::http::{Request, Response};
use crate::protocol::{CloseFrame, Message};
use crate::server::lab::bed::Call;
use crate::server::{Accept, Answer, ConnectionId, Context, Deferred, Peer as Address, Slow};

/// Everybody who has ever connected, and what was said to them.
pub(super) struct World {
    slow: Slow,
    /// How many bytes may still be said at length.
    allowance: usize,
    links: HashMap<ConnectionId, Link>,
    /// In the order of their opening.
    ids: Vec<ConnectionId>,
    said: u32,
    timers: usize,
    /// Answers that the handler has put off.
    pub deferred: Vec<(Deferred, Response)>,
    /// Clients that have sent a frame of which nobody knows whether it is a message, and how many were before it.
    garbled: HashMap<u16, u32>,
    /// A fault that a callback has found. It may not panic itself: the loop would take that for the handler's fault.
    pub fault: Option<String>,
}

impl World {
    /// The reason of all closes that the handler asks for.
    pub const BYE: &str = "bye";

    pub fn new(slow: Slow, allowance: usize) -> Self {
        World {
            slow,
            allowance,
            links: HashMap::new(),
            ids: Vec::new(),
            said: 0,
            timers: 0,
            deferred: Vec::new(),
            garbled: HashMap::new(),
            fault: None,
        }
    }

    pub fn topic(number: usize) -> &'static str {
        ["news", "sports", "weather"][number % 3]
    }

    /// A message that nobody else says.
    pub fn message(&mut self, len: usize) -> Vec<u8> {
        self.said += 1;
        let len = self.allowed(len);
        let mut message = self.said.to_le_bytes().to_vec();
        message.extend(filling(self.said, len.saturating_sub(4)));
        message
    }

    /// A length, or less where it would take too long.
    pub fn allowed(&mut self, len: usize) -> usize {
        let len = len.min(self.allowance.max(1000));
        self.allowance = self.allowance.saturating_sub(len);
        len
    }

    /// The client's bytes behind so many messages may be another message, which the handler ignores.
    pub fn garbled(&mut self, client: u16, sent: u32) {
        self.garbled.insert(client, sent);
    }

    /// One of those who have ever been here.
    pub fn somebody(&self, which: usize) -> Option<ConnectionId> {
        self.ids.get(which.checked_rem(self.ids.len())?).copied()
    }

    pub fn expect_one(&mut self, id: ConnectionId, message: &[u8]) {
        self.expect(id, message, false);
    }

    pub fn expect_all(&mut self, except: Option<ConnectionId>, message: &[u8]) {
        for id in self.ids.clone().into_iter().filter(|id| Some(*id) != except) {
            if self.links[&id].home.is_none() {
                self.expect(id, message, true);
            }
        }
    }

    pub fn expect_subscribers(&mut self, topic: usize, message: &[u8]) {
        for id in self.ids.clone() {
            if self.links[&id].hears(topic % 3) {
                self.expect(id, message, true);
            }
        }
    }

    fn expect(&mut self, id: ConnectionId, message: &[u8], is_post: bool) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| link.open) {
            link.expected.push(Expected { print: print(message), is_post });
        }
    }

    pub fn note_close(&mut self, id: ConnectionId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.closed_at.get_or_insert(link.expected.len());
        }
    }

    /// A callback.
    pub fn on(&mut self, ctx: &mut Context<'_>, call: Call<'_>) {
        match call {
            Call::Open => {
                let client = if let Address::Tcp(address) = ctx.peer() { address.port() } else { 0 };
                let link = Link::new(client, Self::first_home(client));
                self.law(ctx.home() == link.home.map(Self::topic), "the home is not that of `accept`");
                let old = self.links.insert(ctx.id(), link);
                self.law(old.is_none(), "an id is used again");
                self.ids.push(ctx.id());
                self.act(ctx, client as u8);
            }
            Call::Message(message) => self.on_message(ctx, message),
            Call::Drained => self.act(ctx, 1),
            Call::Timer(_) => {
                self.timers -= 1;
                self.act(ctx, 2);
                self.act(ctx, 1);
            }
            Call::Error => self.act(ctx, 2),
            Call::Close => {
                let Some(link) = self.links.get_mut(&ctx.id()) else { return self.law(false, "close without open") };
                let (was_open, last_will) = (std::mem::take(&mut link.open), link.last_will);
                self.law(was_open, "closed twice");
                self.act(ctx, last_will);
            }
        }
    }

    /// An opening handshake.
    pub fn accept(&self, ctx: &mut Context<'_>) -> Accept {
        let client = if let Address::Tcp(address) = ctx.peer() { address.port() } else { 0 };
        if let Some(home) = Self::first_home(client) {
            ctx.set_home("replaced");
            ctx.set_home(Self::topic(home));
        }
        Accept::yes()
    }

    /// The home with which a client's connection opens.
    fn first_home(client: u16) -> Option<usize> {
        (client % 4 == 1).then_some(usize::from(client / 4 % 3))
    }

    /// A client's message: its number, how many acts follow, and these.
    fn on_message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let bytes = message.as_bytes();
        let Some(link) = self.links.get_mut(&ctx.id()) else { return self.law(false, "a message before open") };
        let number = link.received;
        if self.garbled.get(&link.client) == Some(&number) {
            return;
        }
        link.received += 1;
        self.law(bytes.starts_with(&number.to_le_bytes()), "a message is missing or comes twice");
        let acts = bytes.get(4).and_then(|count| bytes.get(5..5 + usize::from(*count))).unwrap_or_default();
        let rest = bytes.get(5 + acts.len()..).unwrap_or_default();
        self.law(rest == filling(number, rest.len()), "a message is not what it was");
        for act in acts {
            if *act == 0 {
                self.expect(ctx.id(), bytes, false);
                ctx.send(message);
            } else {
                self.act(ctx, *act);
            }
        }
    }

    /// The head of a plain request.
    pub fn admit(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
        self.law(!self.links.contains_key(&ctx.id()), "a request on a WebSocket");
        match request.path() {
            "/no" => Err(Response::text(403, "no\n")),
            "/small" => Ok(payloads::SMALL),
            _ => Ok(ctx.max_body()),
        }
    }

    /// A plain request: how many acts follow in its body, and these.
    pub fn answer(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        let count = body.first().map_or(0, |count| usize::from(*count));
        // Only acts for others, for it has no WebSocket.
        for act in body.iter().skip(1).take(count).filter(|act| (2..=11).contains(&(*act % 16))) {
            self.act(ctx, *act);
        }
        let response = payloads::answer(request, body);
        if request.path() != "/later" {
            return Answer::Now(response);
        }
        self.deferred.push((ctx.deferred(), response));
        Answer::Later
    }

    fn law(&mut self, holds: bool, what: &str) {
        if !holds {
            self.fault.get_or_insert_with(|| what.to_owned());
        }
    }

    /// Does something, for its own connection or others.
    fn act(&mut self, ctx: &mut Context<'_>, act: u8) {
        let (what, how) = (act % 16, usize::from(act / 16));
        let id = ctx.id();
        match what {
            1..=6 | 9 => self.say(ctx, what, how),
            7 => {
                ctx.subscribe(Self::topic(how));
                // A connection that is being closed may have ended already, and then is not subscribed.
                self.links.get_mut(&id).filter(|link| link.open).map(|link| link.topics.insert(how % 3));
            }
            8 => {
                ctx.unsubscribe(Self::topic(how));
                if let Some(link) = self.links.get_mut(&id) {
                    link.topics.remove(&(how % 3));
                    link.home = link.home.filter(|home| *home != how % 3);
                }
            }
            10 if self.timers < 50 => {
                self.timers += 1;
                ctx.after(Duration::from_millis(how as u64 / 4 * 7));
            }
            11 => {
                if let Some(other) = self.somebody(how) {
                    self.note_close(other);
                    ctx.close_id(other, CloseFrame::normal(Self::BYE));
                }
            }
            12 if how < 4 => {
                self.note_close(id);
                ctx.close(CloseFrame::normal(Self::BYE));
            }
            13 if how < 4 => {
                self.note_close(id);
                resume_unwind(Box::new("on purpose"));
            }
            14 => _ = self.links.get_mut(&id).map(|link| link.last_will = [1, 2, 4, 9, 11, 13, 5, 7][how % 8]),
            15 if how < 4 => ctx.attach(how),
            15 if how < 8 => _ = ctx.detach::<usize>(),
            15 => {
                ctx.set_home(Self::topic(how));
                if let Some(link) = self.links.get_mut(&id).filter(|link| link.open) {
                    // The subscription to the same topic is part of the home now.
                    link.topics.remove(&(how % 3));
                    link.home = Some(how % 3);
                }
            }
            _ => {}
        }
    }

    /// Sends a message of its own.
    fn say(&mut self, ctx: &mut Context<'_>, what: u8, how: usize) {
        let len = [4, 100, 130, 1000, 5000, 40_000, 200_000, 1_000_000][how % 8];
        let id = ctx.id();
        match what {
            1 => {
                let message = self.message(len);
                self.expect(id, &message, false);
                ctx.send(message);
            }
            2 | 3 => {
                let message = self.message(len);
                self.expect_all(None, &message);
                ctx.broadcast(message);
            }
            4 => {
                let message = self.message(len);
                self.expect_all(Some(id), &message);
                ctx.broadcast_others(message);
            }
            5 | 6 => {
                let message = self.message(len);
                self.expect_subscribers(how, &message);
                ctx.publish(Self::topic(how), message);
            }
            _ => {
                if let Some(other) = self.somebody(how) {
                    let message = self.message(100 * how);
                    self.expect(other, &message, false);
                    ctx.send_to(other, message);
                }
            }
        }
    }

    /// A message has arrived at a client; `place` is how far it has come in what it expects.
    pub fn arrived(&self, client: u16, place: &mut usize, message: &[u8]) {
        let (id, link) = self.link(client).expect("a message for somebody who has not been open");
        let print = print(message);
        while let Some(expected) = link.expected.get(*place) {
            *place += 1;
            if expected.print == print {
                return;
            }
            assert!(self.may_be_skipped(link, *place - 1), "{id} has missed message {}", *place - 1);
        }
        panic!("{id} has got {} bytes that were not meant for it, or not now", message.len());
    }

    /// A client has been sent the Close that the handler has asked for.
    pub fn closed(&self, client: u16, place: usize) {
        let (id, link) = self.link(client).expect("it was open");
        let closed_at = link.closed_at.expect("it was to be closed");
        assert!((place..closed_at).all(|at| self.may_be_skipped(link, at)), "{id} was closed before it got all");
    }

    /// At rest, a client that is still open has got all that it expects, and the handler has got all that it has sent.
    pub fn check(&self, client: u16, place: usize, sent: u32) {
        let Some((id, link)) = self.link(client) else { return };
        if link.open && link.closed_at.is_none() {
            let rest = place..link.expected.len();
            assert!(rest.clone().all(|at| self.may_be_skipped(link, at)), "{id} waits for {rest:?}");
            assert_eq!(link.received, sent, "messages of {id} that have come");
        }
    }

    fn may_be_skipped(&self, link: &Link, at: usize) -> bool {
        let is_post = link.expected.get(at).is_some_and(|expected| expected.is_post);
        link.closed_at.is_some_and(|closed_at| at >= closed_at) || (is_post && self.slow != Slow::Close)
    }

    fn link(&self, client: u16) -> Option<(ConnectionId, &Link)> {
        self.links.iter().find(|(_, link)| link.client == client).map(|(id, link)| (*id, link))
    }
}
