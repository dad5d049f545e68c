//! [`Context`]: what a handler sees of its connection, and the actions it can take.

mod requests;
mod topics;

use std::any::Any;
use std::time::Duration;

use super::handle::Handle;
use crate::protocol::CloseFrame;
use crate::server::connection::websocket::Extra;
use crate::server::shared::Shared;
use crate::server::types::env::FAR;
use crate::server::types::error::ConnectionError;
use crate::server::types::id::{ConnectionId, Peer, TimerId};
use crate::server::types::payload::Payload;

/// The connection that a callback is about, and the actions that a handler can take.
///
/// No action waits or fails: messages are encoded at once and leave when the callback has returned, in the order in
/// which they were sent. A message for a connection that has left reaches nobody.
pub struct Context<'a> {
    shared: &'a mut Shared,
    handle: &'a Handle,
    id: ConnectionId,
    mount: u16,
}

impl<'a> Context<'a> {
    #[inline]
    pub(crate) fn new(shared: &'a mut Shared, handle: &'a Handle, id: ConnectionId, mount: u16) -> Self {
        Context { shared, handle, id, mount }
    }

    /// The connection's id; [`ConnectionId::NOBODY`] in [`Handle::call`].
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The client's address: that of the connection's other end, or the one that a proxy has named, of which only a PROXY
    /// header tells the port (else 0); see [`Config::trusted_proxies`](crate::Config::trusted_proxies). [`Peer::Gone`]
    /// where there is no connection, or none any more.
    pub fn peer(&self) -> Peer {
        self.slot().map_or(Peer::Gone, |slot| self.shared.table.peer(slot))
    }

    /// The path of the connection's request, or that of the mount where there is no connection.
    pub fn path(&self) -> &str {
        match self.slot() {
            Some(slot) => self.shared.table.path(slot),
            None => self.shared.mounts.get(usize::from(self.mount)).map_or("", |mount| &mount.path),
        }
    }

    /// The subprotocol in use (RFC 6455 §1.9).
    pub fn subprotocol(&self) -> Option<&str> {
        self.extra()?.subprotocol.as_deref()
    }

    /// Bytes that the connection is owed and has not accepted, without the messages of this callback.
    pub fn queued(&self) -> usize {
        let connection = self.slot().and_then(|slot| self.shared.table.get(slot));
        connection.map_or(0, |connection| connection.output.len())
    }

    /// Connections that subscribe to a topic now, or have it as their [home](Self::set_home).
    pub fn subscribers(&self, topic: &str) -> usize {
        self.shared.topics.key(topic).map_or(0, |topic| self.shared.topics.members(topic).len())
    }

    /// Open connections of this mount, without those that have a [home](Self::set_home) of their own.
    pub fn connections(&self) -> usize {
        self.shared.mount_topic(self.mount).map_or(0, |topic| self.shared.topics.members(topic).len())
    }

    /// The same connections, in no order.
    pub fn connection_ids(&self) -> impl Iterator<Item = ConnectionId> {
        let members = self.shared.mount_topic(self.mount).map_or(&[][..], |topic| self.shared.topics.members(topic));
        members.iter().map(|slot| self.shared.table.id(*slot))
    }

    /// Sends a message to this connection.
    #[inline]
    pub fn send(&mut self, payload: impl Payload) {
        self.shared.send(self.id, payload.message());
    }

    /// Sends a message to another connection, on any path, or to this one.
    #[inline]
    pub fn send_to(&mut self, id: ConnectionId, payload: impl Payload) {
        self.shared.send(id, payload.message());
    }

    /// Sends a message to all connections of this mount, this one included, but not to those with a
    /// [home](Self::set_home) of their own. It is encoded once.
    pub fn broadcast(&mut self, payload: impl Payload) {
        if let Some(topic) = self.shared.mount_topic(self.mount) {
            self.shared.posts.post(topic, payload.message(), None);
        }
    }

    /// Sends a message to all other connections of this mount.
    pub fn broadcast_others(&mut self, payload: impl Payload) {
        if let Some(topic) = self.shared.mount_topic(self.mount) {
            self.shared.posts.post(topic, payload.message(), Some(self.id));
        }
        if let Some(slot) = self.slot() {
            self.shared.posts.note_special(slot);
        }
    }

    /// Subscribes this connection to a topic. Topics belong to the server: they reach across paths.
    pub fn subscribe(&mut self, topic: &str) {
        if let Some(slot) = self.shared.table.find_open(self.id) {
            self.shared.subscribe(slot, topic);
        }
    }

    /// Ends this connection's subscription to a topic. If the topic is its [home](Self::set_home), it returns to its mount.
    pub fn unsubscribe(&mut self, topic: &str) {
        if let Some(slot) = self.shared.table.find_open(self.id) {
            self.shared.unsubscribe(slot, topic);
        }
    }

    /// Makes a topic this connection's home, in place of its mount or an earlier home: it gets what is published to this
    /// topic, and no longer the broadcasts of its mount, which does not count it any more
    /// ([`connections`](Self::connections)). It is called in `accept`, then to hold from `open` on, or later, and changes
    /// nothing in `request`.
    ///
    /// A home costs no memory in the connection, where a subscription takes about 300 bytes: for a server on which most
    /// connections listen to one topic each. Further topics may be subscribed to beside it.
    ///
    /// ```
    /// # use sockhop::{Accept, Context, Handler, Message, http::Request};
    /// /// Each path is a room.
    /// struct Rooms;
    ///
    /// impl Handler for Rooms {
    ///     fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
    ///         ctx.set_home(request.path());
    ///         Accept::yes()
    ///     }
    ///
    ///     fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
    ///         let room = ctx.path().to_owned();
    ///         ctx.publish(&room, message);
    ///     }
    /// }
    /// ```
    pub fn set_home(&mut self, topic: &str) {
        let Some(slot) = self.slot() else { return };
        if self.shared.table.find_open(self.id).is_some() {
            return self.shared.set_home(slot, topic);
        }
        let name = self.shared.table.share_path(slot, topic);
        if let Some(connection) = self.shared.table.get_mut(slot)
            && connection.entrance().is_some()
        {
            connection.extra_mut(&self.shared.env).home = Some(name);
        }
    }

    /// The topic that is this connection's home; `None`: its mount.
    pub fn home(&self) -> Option<&str> {
        self.shared.home(self.slot()?)
    }

    /// Sends a message to all current subscribers of a topic, this connection included if it is one. The message is encoded
    /// once.
    pub fn publish(&mut self, topic: &str, payload: impl Payload) {
        if let Some(topic) = self.shared.topics.key(topic) {
            self.shared.posts.post(topic, payload.message(), None);
        }
    }

    /// Sends a message to all other current subscribers of a topic.
    pub fn publish_others(&mut self, topic: &str, payload: impl Payload) {
        if let Some(topic) = self.shared.topics.key(topic) {
            self.shared.posts.post(topic, payload.message(), Some(self.id));
        }
        if let Some(slot) = self.slot() {
            self.shared.posts.note_special(slot);
        }
    }

    /// Closes this connection: earlier messages leave first, and no further message comes in. Of several Closes the first
    /// counts. A code that may not be sent (RFC 6455 §7.4, such as 1006) is left out, with an error in the log.
    pub fn close(&mut self, frame: CloseFrame<'_>) {
        self.close_id(self.id, frame);
    }

    /// Closes another connection, or this one.
    pub fn close_id(&mut self, id: ConnectionId, frame: CloseFrame<'_>) {
        self.shared.settle_posts_for(id);
        self.shared.outbox.close(id, frame, self.id);
    }

    /// Asks for one call of [`Handler::drained`](crate::Handler::drained) as soon as this connection is owed no more than
    /// the low-water mark ([`Config::low_water`](crate::Config::low_water), 64 KiB), the messages of this callback included:
    /// at the end of this turn if it is so then. For a handler that sends a long history in pieces, as fast as the client
    /// takes them. Asking again before the call comes changes nothing.
    pub fn notify_drained(&mut self) {
        self.shared.drain_requests.push(self.id);
    }

    /// Has [`Handler::timer`](crate::Handler::timer) called after a duration, exact to a millisecond or two.
    ///
    /// The timer belongs to the mount: it comes due also when the connection has left by then, so any connection will do
    /// for a timer of a whole room. At most [`Config::max_timers`](crate::Config::max_timers) may be pending.
    pub fn after(&mut self, duration: Duration) -> TimerId {
        let at = self.shared.env.now + duration.min(FAR);
        if self.shared.timers.count(self.id) >= self.shared.env.config.max_timers && self.id != ConnectionId::NOBODY {
            self.shared.settle_posts_for(self.id);
            self.shared.outbox.fail(self.id, ConnectionError::TooManyTimers);
        }
        self.shared.timers.schedule(at, self.id, self.mount)
    }

    /// Cancels a timer: it does not come due any more. It is no error if it has come due already, or was cancelled.
    pub fn cancel(&mut self, timer: TimerId) {
        self.shared.timers.cancel(timer);
    }

    /// Keeps a value with this connection, in place of an earlier one, until its `close` has been called; in `request`,
    /// until the request is answered.
    ///
    /// Only the callbacks of this connection can reach it. Data for others, such as a table of scores, belongs into the
    /// handler, by [`ConnectionId`].
    ///
    /// ```
    /// # use sockhop::{Accept, Context, Handler, Message, http::Request};
    /// struct Player { name: String, score: u32 }
    ///
    /// struct Game;
    ///
    /// impl Handler for Game {
    ///     fn accept(&mut self, ctx: &mut Context<'_>, request: &Request<'_>) -> Accept {
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
        if let Some(connection) = self.slot().and_then(|slot| self.shared.table.get_mut(slot)) {
            connection.extra_mut(&self.shared.env).attached = Some(Box::new(value));
        }
    }

    /// The value that was kept with this connection, if it is a `T`. In `timer`, `None` once the connection has left.
    ///
    /// The value borrows the context. A part that an action needs is cloned; for a name that never changes, an `Rc<str>` or
    /// `Arc<str>` makes that free of cost:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use sockhop::{Context, Handler, Message};
    /// struct User {
    ///     room: Arc<str>,
    /// }
    /// # struct Rooms;
    /// # impl Handler for Rooms {
    /// fn message(&mut self, ctx: &mut Context<'_>, message: Message<'_>) {
    ///     let Some(room) = ctx.attached::<User>().map(|user| Arc::clone(&user.room)) else { return };
    ///     ctx.publish_others(&room, message);
    /// }
    /// # }
    /// ```
    pub fn attached<T: Any>(&self) -> Option<&T> {
        self.extra()?.attached.as_ref()?.downcast_ref()
    }

    /// The same, to be changed.
    pub fn attached_mut<T: Any>(&mut self) -> Option<&mut T> {
        let slot = self.slot()?;
        self.extra()?.attached.as_ref()?;
        let connection = self.shared.table.get_mut(slot)?;
        connection.extra_mut(&self.shared.env).attached.as_mut()?.downcast_mut()
    }

    /// Takes the value out that was kept with this connection, if it is a `T`. Its memory is freed, and so is what
    /// `attach` needs beside it, so that the connection costs no more than one that never had a value.
    pub fn detach<T: Any>(&mut self) -> Option<T> {
        self.attached::<T>()?;
        let connection = self.shared.table.get_mut(self.slot()?)?;
        let value = connection.extra_mut(&self.shared.env).attached.take();
        connection.shrink_extra();
        value?.downcast().ok().map(|value| *value)
    }

    /// A handle to the server, for other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(crate) fn shared(&mut self) -> &mut Shared {
        self.shared
    }

    fn extra(&self) -> Option<&Extra> {
        self.shared.table.get(self.slot()?)?.extra()
    }

    fn slot(&self) -> Option<u32> {
        self.shared.table.find(self.id)
    }
}
