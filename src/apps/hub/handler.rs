//! Hands what comes in to the hub's two sides: requests and listeners.

use super::listeners::View;
use super::polls::Due;
use super::requests;
use super::shared::Hub;
use crate::http::{Request, Response};
use crate::{Accept, Answer, Context, Handler, Message, TimerId};

impl Handler for Hub {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let Hub { config, rules, tokens, state, listeners, .. } = self;
        listeners.accept(&View { config, rules, tokens, state }, ctx, request)
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        let Hub { config, rules, tokens, state, listeners, .. } = self;
        listeners.open(&View { config, rules, tokens, state }, ctx);
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        let Hub { config, rules, tokens, state, listeners, .. } = self;
        if let Some(wish) = listeners.message(&View { config, rules, tokens, state }, ctx, message) {
            self.publish_wish(ctx, &wish);
        }
    }

    fn drained(&mut self, ctx: &mut Context<'_>) {
        let Hub { config, rules, tokens, state, listeners, .. } = self;
        listeners.drained(&View { config, rules, tokens, state }, ctx);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        if self.on_timer(ctx, timer) {
            return;
        }
        match self.polls.on_timer(timer) {
            Due::Turn => self.polls.go_on(ctx),
            Due::End(poll) => self.answer_poll(ctx, poll),
            Due::Other => {
                let Hub { config, rules, tokens, state, listeners, .. } = self;
                listeners.timer(&View { config, rules, tokens, state }, ctx, timer);
            }
        }
    }

    fn shutdown(&mut self, ctx: &mut Context<'_>) {
        self.polls.wake_all();
        self.finish(ctx);
    }

    fn admit(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Result<usize, Response> {
        requests::admit(self, ctx, request)
    }

    fn request(&mut self, ctx: &mut Context<'_>, request: &Request<'_>, body: &[u8]) -> Answer {
        requests::answer(self, ctx, request, body)
    }
}
