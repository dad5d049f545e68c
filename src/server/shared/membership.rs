//! Memberships: which connections get the posts of a topic. Each connection has a seat: in its mount, or in the home that it
//! has taken instead. Its other memberships lie beside its slot.

use std::rc::Rc;

use super::Shared;
use crate::server::connection::websocket::{Membership, Seat, WebSocket};
use crate::server::types::id::TopicKey;

impl Shared {
    /// The topic of a mount.
    pub fn mount_topic(&self, mount: u16) -> Option<TopicKey> {
        self.mounts.get(usize::from(mount)).map(|mount| mount.topic)
    }

    /// Seats a connection: in its mount, or in a home.
    pub fn take_seat(&mut self, slot: u32, mount: u16, home: Option<Rc<str>>) -> Seat {
        match home {
            Some(name) => {
                let topic = self.topics.key_or_insert(&name, || Rc::clone(&name));
                self.take_home(slot, topic)
            }
            None => Seat::in_mount(self.mount_topic(mount).map_or(0, |topic| self.topics.join(topic, slot))),
        }
    }

    /// Ends all memberships of a connection.
    pub fn leave_all(&mut self, slot: u32) {
        let Some(websocket) = self.websocket_mut(slot) else { return };
        let (mount, seat) = (websocket.mount, websocket.seat);
        let memberships = websocket.extra.as_mut().map(|extra| std::mem::take(&mut extra.memberships));
        self.leave_seat(slot, mount, seat);
        for membership in memberships.unwrap_or_default() {
            self.leave(membership);
        }
    }

    /// Makes a topic the home of a connection, in place of its mount or its former home.
    pub fn move_home(&mut self, slot: u32, name: &str) {
        let topic = self.topic(slot, name);
        let Some(websocket) = self.websocket_mut(slot) else { return };
        let (mount, seat) = (websocket.mount, websocket.seat);
        if seat.home() == Some(topic) {
            return;
        }
        // A subscription to the same topic becomes the seat: a member twice would get everything twice.
        let membership = websocket.take_membership(topic);
        self.leave_seat(slot, mount, seat);
        let seat = self.take_home(slot, topic);
        self.set_seat(slot, seat);
        if let Some(membership) = membership {
            self.leave(membership);
        }
    }

    /// Makes a connection a member of a topic, unless it is one.
    pub fn join(&mut self, slot: u32, name: &str) {
        let topic = self.topic(slot, name);
        let Some(websocket) = self.table.get_mut(slot).and_then(|connection| connection.websocket_mut()) else {
            return;
        };
        if websocket.seat.home() == Some(topic) {
            return;
        }
        let extra = websocket.extra(&self.env);
        if let Err(at) = extra.find(topic) {
            let position = self.topics.join(topic, slot);
            extra.memberships.insert(at, Membership { topic, position });
        }
    }

    /// Ends a connection's membership in a topic. A connection that leaves its home returns to its mount.
    pub fn leave_topic(&mut self, slot: u32, name: &str) {
        let Some(topic) = self.topics.key(name) else { return };
        let Some(websocket) = self.websocket_mut(slot) else { return };
        let (mount, seat) = (websocket.mount, websocket.seat);
        if seat.home() == Some(topic) {
            self.leave_seat(slot, mount, seat);
            let seat = self.take_seat(slot, mount, None);
            self.set_seat(slot, seat);
        } else if let Some(membership) = websocket.take_membership(topic) {
            self.leave(membership);
        }
    }

    /// Whether a connection gets the posts to a topic.
    pub fn is_member(&self, slot: u32, topic: TopicKey) -> bool {
        let Some(websocket) = self.table.get(slot).and_then(|connection| connection.websocket()) else { return false };
        websocket.seat.home().or(self.mount_topic(websocket.mount)) == Some(topic)
            || websocket.extra.as_ref().is_some_and(|extra| extra.find(topic).is_ok())
    }

    /// The home that a connection has taken, or is to take when it opens.
    pub fn home(&self, slot: u32) -> Option<&str> {
        let connection = self.table.get(slot)?;
        match connection.websocket() {
            Some(websocket) => self.topics.name(websocket.seat.home()?),
            None => connection.extra()?.home.as_deref(),
        }
    }

    /// The topic with this name, made where there is none. It shares the name with the connection's path if they are the
    /// same.
    fn topic(&mut self, slot: u32, name: &str) -> TopicKey {
        self.topics.key_or_insert(name, || self.table.share_path(slot, name))
    }

    fn take_home(&mut self, slot: u32, topic: TopicKey) -> Seat {
        let (position, at) = (self.topics.join(topic, slot), slot as usize);
        if self.homes.len() <= at {
            self.homes.resize(at + 1, 0);
        }
        self.homes[at] = position;
        Seat::in_home(topic)
    }

    fn set_seat(&mut self, slot: u32, seat: Seat) {
        if let Some(websocket) = self.websocket_mut(slot) {
            websocket.seat = seat;
        }
    }

    fn leave_seat(&mut self, slot: u32, mount: u16, seat: Seat) {
        let left = match seat.home() {
            Some(topic) => self.homes.get(slot as usize).map(|position| Membership { topic, position: *position }),
            None => self.mount_topic(mount).map(|topic| Membership { topic, position: seat.position() }),
        };
        if let Some(left) = left {
            self.leave(left);
        }
    }

    /// Ends a membership. The member that takes the place is told its new position.
    fn leave(&mut self, left: Membership) {
        let Membership { topic, position } = left;
        let Some(moved) = self.topics.leave(topic, position) else { return };
        let Some(websocket) = self.table.get_mut(moved).and_then(|connection| connection.websocket_mut()) else {
            return;
        };
        if let Some(membership) = websocket.membership_mut(topic) {
            membership.position = position;
        } else if websocket.seat.home() == Some(topic) {
            self.homes[moved as usize] = position;
        } else {
            websocket.seat = Seat::in_mount(position);
        }
    }

    fn websocket_mut(&mut self, slot: u32) -> Option<&mut WebSocket> {
        self.table.get_mut(slot)?.websocket_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::server::connection::entrance::Entrance;
    use crate::server::connection::{Connection, Phase};
    use crate::server::types::config::Config;
    use crate::server::types::id::Peer;

    #[test]
    fn a_topic_with_one_listener_takes_200_bytes_and_its_name() {
        let mut shared = Shared::new(Config::default(), Arc::default(), Instant::now());
        shared.add_mount("/*");
        let listeners = 100_000;
        let mut names = 0;
        for at in 0..listeners {
            let connection = Connection::new(0, Entrance::new(false, &shared.env), &shared.env);
            let (slot, name) = (shared.table.insert(connection, Peer::Unix), format!("/orders/{at}"));
            shared.table.set_path(slot, &name);
            let home = shared.table.share_path(slot, &name);
            let seat = shared.take_seat(slot, 0, Some(home));
            let protocol = crate::protocol::Connection::server(Arc::clone(&shared.env.limits));
            if let Some(connection) = shared.table.get_mut(slot) {
                connection.phase = Phase::WebSocket(WebSocket::new(protocol, None, None, 0, seat));
                assert!(connection.extra().is_none());
            }
            assert_eq!((shared.home(slot), shared.table.path(slot)), (Some(&*name), &*name));
            names += name.len();
        }
        // Two reference counts and the allocator's own beside each name, and the position of each listener in its home.
        let beside = 24 * listeners + shared.homes.capacity() * size_of::<u32>();
        let each = (shared.topics.held() + shared.table.held_by_paths() + beside) / listeners;
        assert!(each <= 200, "{each} bytes for each, and {} for its name", names / listeners);
    }
}
