//! Serves a [`Recipe`] to connections, and keeps the replies that are sent after a delay.

use std::collections::HashMap;
use std::fmt;

use super::HEARTBEAT;
use super::inspect::{INSPECT, request_head};
use super::recipe::{Answer, Body, Recipe, Reply, To};
use crate::http::{Request, Upgrade};
use crate::{Accept, CloseCode, CloseFrame, Context, Handler, Message, Payload, TimerId};

/// Bytes of delayed replies that may be kept. Only a reply made from its message is kept.
const MAX_WAITING: usize = 16 * 1024 * 1024;
/// The memory for a kept reply beside its bytes, about.
const OVERHEAD: usize = 64;

/// Serves a [`Recipe`]: `server.mount("/chat", RecipeHandler::new(CHAT))`.
pub struct RecipeHandler {
    recipe: Recipe,
    clock: Box<dyn Fn() -> String + Send>,
    /// The reply that each timer sends.
    waiting: HashMap<TimerId, Body<'static>>,
    /// The memory that `waiting` takes, at most [`MAX_WAITING`].
    waiting_bytes: usize,
}

impl RecipeHandler {
    /// Serves a recipe. Its stamp is the local time of day, as `%H:%M:%S`.
    #[must_use]
    pub fn new(recipe: Recipe) -> Self {
        Self::with_clock(recipe, || {
            let now = jiff::Zoned::now();
            format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second())
        })
    }

    /// Serves a recipe whose stamp comes from another clock.
    #[must_use]
    pub fn with_clock(recipe: Recipe, clock: impl Fn() -> String + Send + 'static) -> Self {
        RecipeHandler { recipe, clock: Box::new(clock), waiting: HashMap::new(), waiting_bytes: 0 }
    }
}

impl Handler for RecipeHandler {
    fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
        let Ok(upgrade) = Upgrade::from_request(request) else { return Accept::yes() };
        let mut spoken: Vec<&str> = self.recipe.subprotocols.iter().map(|name| &**name).collect();
        if let Some(head) = request_head(request, &upgrade) {
            ctx.send(head);
            spoken.push(INSPECT);
        }
        Accept::Yes(upgrade.negotiate(&spoken).map(|name| name.to_owned().into()))
    }

    fn open(&mut self, ctx: &mut Context<'_>) {
        if let Some(greeting) = &self.recipe.greet {
            ctx.send(&**greeting);
        }
    }

    fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        if matches!(message, Message::Text(HEARTBEAT)) {
            return ctx.send(HEARTBEAT);
        }
        // The fast path of echo, relay and broadcast, which pass a message on unchanged.
        if self.recipe.repeats() && self.recipe.after.is_zero() {
            return say(ctx, self.recipe.to, message);
        }
        self.answer(ctx, message);
    }

    fn timer(&mut self, ctx: &mut Context<'_>, timer: TimerId) {
        if let Reply::Text(text) = &self.recipe.reply {
            say(ctx, self.recipe.to, &**text);
        } else if let Some(body) = self.waiting.remove(&timer) {
            self.waiting_bytes -= cost(&body);
            if self.waiting.is_empty() {
                self.waiting.shrink_to_fit();
            }
            say(ctx, self.recipe.to, body);
        }
    }
}

impl RecipeHandler {
    /// Sends the recipe's answer to a message, at once or after its delay. Not inlined, to keep the fast path short.
    #[inline(never)]
    fn answer(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
        match self.recipe.answer(message, &self.clock) {
            Answer::Nothing => {}
            Answer::Refusal(body) => ctx.send(body),
            Answer::Reply(body) if self.recipe.after.is_zero() => say(ctx, self.recipe.to, body),
            Answer::Reply(_) if matches!(self.recipe.reply, Reply::Text(_)) => {
                ctx.after(self.recipe.after);
            }
            Answer::Reply(body) if self.waiting_bytes + cost(&body) > MAX_WAITING => {
                ctx.close(CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too many delayed replies"));
            }
            Answer::Reply(body) => {
                self.waiting_bytes += cost(&body);
                self.waiting.insert(ctx.after(self.recipe.after), body.into_owned());
            }
        }
    }
}

impl fmt::Debug for RecipeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipeHandler").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

fn say(ctx: &mut Context<'_>, to: To, payload: impl Payload) {
    match to {
        To::Sender => ctx.send(payload),
        To::All => ctx.broadcast(payload),
        To::Others => ctx.broadcast_others(payload),
    }
}

/// The memory that a kept reply takes.
fn cost(body: &Body<'_>) -> usize {
    body.message().len() + OVERHEAD
}

#[cfg(test)]
mod tests;
