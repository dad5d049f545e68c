//! [`Context`]: what a handler sees of its connection and can have done.

use std::any::Any;
use std::time::Duration;

use super::core::{Core, FAR};
use super::handle::{Handle, Ticket};
use super::handler::{ConnectionId, Error, Peer};
use super::payload::Payload;
use super::timers::TimerId;
use crate::protocol::CloseFrame;

/// The connection that a callback is about, and the actions that a handler can take.
///
/// No action waits or fails: messages are encoded at once and leave when the callback has returned, in the order in
/// which they were sent. What is meant for a connection that has left reaches nobody.
pub struct Context<'a> {
    core: &'a mut Core,
    id: ConnectionId,
    mount: u16,
}

impl<'a> Context<'a> {
    pub(crate) fn new(core: &'a mut Core, id: ConnectionId, mount: u16) -> Self {
        Context { core, id, mount }
    }

    /// The connection's id; [`ConnectionId::NOBODY`] in [`Handle::call`].
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The client's address: that of the connection's other end, or the one that a proxy has named, of which only a PROXY
    /// header tells the port (else 0); see [`Config::trusted_proxies`](super::Config::trusted_proxies). [`Peer::Gone`]
    /// where there is no connection, or none any more.
    pub fn peer(&self) -> Peer {
        self.slot().map_or(Peer::Gone, |slot| self.core.sessions.peer(slot))
    }

    /// The path of the connection's request, or that of the mount where there is no connection.
    pub fn path(&self) -> &str {
        match self.slot() {
            Some(slot) => self.core.sessions.path(slot),
            None => self.core.mount_paths.get(usize::from(self.mount)).map_or("", |path| path),
        }
    }

    /// The subprotocol in use (RFC 6455 §1.9).
    pub fn subprotocol(&self) -> Option<&str> {
        self.core.sessions[self.slot()?].rare.as_ref()?.subprotocol.as_deref()
    }

    /// Bytes that the connection is owed and has not taken, without what this callback has sent.
    pub fn queued(&self) -> usize {
        self.slot().map_or(0, |slot| self.core.sessions[slot].queued())
    }

    /// Sends a message to this connection.
    #[inline]
    pub fn send(&mut self, payload: impl Payload) {
        self.send_to(self.id, payload);
    }

    /// Sends a message to another connection, on any path, or to this one.
    #[inline]
    pub fn send_to(&mut self, id: ConnectionId, payload: impl Payload) {
        self.core.settle_posts_for(id);
        self.core.send(id, payload.message());
    }

    /// Sends a message to all connections of this mount, this one included. It is encoded once.
    pub fn broadcast(&mut self, payload: impl Payload) {
        let topic = self.core.mount_topics[usize::from(self.mount)];
        self.core.outbox.posts.post(topic, payload.message(), None);
    }

    /// Sends a message to all other connections of this mount.
    pub fn broadcast_others(&mut self, payload: impl Payload) {
        let topic = self.core.mount_topics[usize::from(self.mount)];
        self.core.outbox.posts.post(topic, payload.message(), Some(self.id));
        if let Some(slot) = self.slot() {
            self.core.outbox.posts.special(slot, &mut self.core.sessions[slot].flags);
        }
    }

    /// Subscribes this connection to a topic. Topics belong to the server: they reach across paths.
    pub fn subscribe(&mut self, topic: &str) {
        if let Some(slot) = self.core.find_open(self.id) {
            self.core.subscribe(slot, topic);
        }
    }

    /// Ends this connection's subscription to a topic.
    pub fn unsubscribe(&mut self, topic: &str) {
        if let Some(slot) = self.core.find_open(self.id) {
            self.core.unsubscribe(slot, topic);
        }
    }

    /// Sends a message to all who subscribe to a topic now, this connection included if it does. It is encoded once.
    pub fn publish(&mut self, topic: &str, payload: impl Payload) {
        if let Some(topic) = self.core.topics.key(topic) {
            self.core.outbox.posts.post(topic, payload.message(), None);
        }
    }

    /// Closes this connection: what was sent before leaves first, and no further message comes in. Of several Closes the
    /// first counts. A code that may not be sent (RFC 6455 §7.4, such as 1006) is left out, which is logged.
    pub fn close(&mut self, frame: CloseFrame<'_>) {
        self.close_id(self.id, frame);
    }

    /// Closes another connection, or this one.
    pub fn close_id(&mut self, id: ConnectionId, frame: CloseFrame<'_>) {
        self.core.settle_posts_for(id);
        self.core.outbox.close(id, frame, self.id);
    }

    /// Has [`Handler::timer`](super::Handler::timer) called after a duration, exact to a millisecond or two.
    ///
    /// The timer belongs to the mount: it comes due also when the connection has left by then, so any connection will do
    /// for a timer of a whole room. At most [`Config::max_timers`](super::Config::max_timers) may be pending.
    pub fn after(&mut self, duration: Duration) -> TimerId {
        let at = self.core.now + duration.min(FAR);
        if self.core.timers.count(self.id) >= self.core.config.max_timers && self.id != ConnectionId::NOBODY {
            self.core.settle_posts_for(self.id);
            self.core.outbox.fail(self.id, Error::TooManyTimers);
        }
        self.core.timers.set(at, self.id, self.mount)
    }

    /// Cancels a timer: from now on it is not called. One that has been called already, or cancelled, is no error.
    pub fn cancel(&mut self, timer: TimerId) {
        self.core.timers.cancel(timer);
    }

    /// Keeps a value with this connection, in place of one kept before, until its `close` has been called.
    ///
    /// It can be had back in the callbacks of this connection alone. What others look at, such as a table of scores, the
    /// handler keeps itself, by [`ConnectionId`].
    ///
    /// ```
    /// # use sockhop::{Accept, Context, Handler, Message, http::Request};
    /// struct Player { name: String, score: u32 }
    ///
    /// struct Game;
    ///
    /// impl Handler for Game {
    ///     fn accept(&mut self, request: &Request<'_>, ctx: &mut Context<'_>) -> Accept {
    ///         let name = request.query_param("name").unwrap_or("nobody".into()).into_owned();
    ///         ctx.attach(Player { name, score: 0 });
    ///         Accept::yes()
    ///     }
    ///
    ///     fn message(&mut self, ctx: &mut Context<'_>, _message: Message<'_>) {
    ///         let Some(player) = ctx.attached_mut::<Player>() else { return };
    ///         player.score += 1;
    ///         let Some(player) = ctx.attached::<Player>() else { return };
    ///         ctx.broadcast(format!("{} has {}", player.name, player.score));
    ///     }
    /// }
    /// ```
    pub fn attach<T: Any + Send>(&mut self, value: T) {
        if let Some(slot) = self.slot() {
            self.core.sessions[slot].rare().attached = Some(Box::new(value));
        }
    }

    /// The value that was kept with this connection, if it is a `T`. In `timer`, `None` once the connection has left.
    pub fn attached<T: Any>(&self) -> Option<&T> {
        self.core.sessions[self.slot()?].rare.as_ref()?.attached.as_ref()?.downcast_ref()
    }

    /// The same, to be changed.
    pub fn attached_mut<T: Any>(&mut self) -> Option<&mut T> {
        let slot = self.slot()?;
        self.core.sessions[slot].rare.as_mut()?.attached.as_mut()?.downcast_mut()
    }

    /// A handle to the server, for other threads.
    pub fn handle(&self) -> Handle {
        self.core.handle.clone()
    }

    /// In `accept`: names this handshake for [`Accept::Later`](super::Accept::Later) and [`Handle::settle`].
    pub fn ticket(&self) -> Ticket {
        Ticket(self.id)
    }

    /// What all contexts share.
    pub(crate) fn core(&mut self) -> &mut Core {
        self.core
    }

    fn slot(&self) -> Option<u32> {
        self.core.sessions.find(self.id)
    }
}
