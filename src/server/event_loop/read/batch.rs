//! A batch of messages on its way to a handler.

use crate::protocol::Message;
use crate::server::api::context::Context;
use crate::server::api::handle::Handle;
use crate::server::api::handler::Handler;
use crate::server::connection::websocket::{Inbox, Outcome};
use crate::server::shared::Shared;
use crate::server::shared::outbox::Outbox;
use crate::server::types::id::ConnectionId;

/// A batch of messages on its way to a handler.
pub(super) struct Batch<'a> {
    pub handler: &'a mut dyn Handler,
    pub shared: &'a mut Shared,
    pub handle: &'a Handle,
    pub id: ConnectionId,
    pub mount: u16,
    /// Whether a message has ended.
    pub has_ended_one: bool,
}

impl Inbox for Batch<'_> {
    #[inline(always)]
    fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.shared.outbox.replies
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.shared.posts.are_many()
    }

    #[inline(always)]
    fn message(&mut self, message: Message<'_>) -> Option<Outcome> {
        if let Some(limit) = self.shared.env.config.max_message_rate
            && !self.shared.may_take_message(self.id, limit)
        {
            return Some(Outcome::Interrupted);
        }
        self.has_ended_one = true;
        if message.len() >= Outbox::IN_PLACE {
            return self.large_message(message);
        }
        self.handler.message(&mut Context::new(self.shared, self.handle, self.id, self.mount), message);
        self.shared.outbox.interrupted.then_some(Outcome::Interrupted)
    }

    /// 5.5.3: while the peer accepts no bytes, the newest Pong is enough.
    fn pong(&mut self, answer: usize) {
        let Shared { outbox, table, env, .. } = &mut *self.shared;
        if outbox.replies.len() == answer {
            return;
        }
        match table.get_mut(self.id.slot).filter(|connection| connection.output.is_blocked()) {
            Some(connection) => {
                connection.output.keep_pong(outbox.replies.get(answer..).unwrap_or_default(), env);
                outbox.replies.truncate(answer);
            }
            None => outbox.note_reply(self.id, answer),
        }
    }
}

impl Batch<'_> {
    /// Handles a message that a reply may be sent from.
    #[inline(never)]
    fn large_message(&mut self, message: Message<'_>) -> Option<Outcome> {
        self.shared.outbox.set_input(message.as_bytes());
        self.handler.message(&mut Context::new(self.shared, self.handle, self.id, self.mount), message);
        let outbox = &mut self.shared.outbox;
        let place = outbox.take_in_place().map(Outcome::InPlace);
        place.or(outbox.interrupted.then_some(Outcome::Interrupted))
    }
}
