//! The connections with their sockets: what leaves, and how a connection ends. Nothing here calls a handler: callbacks that
//! are due are listed for the end of the turn.

mod answers;
mod clients;
mod ending;
mod lateness;
mod posts;
mod refusing;
mod room;
mod send;
mod tls;

use std::collections::VecDeque;

use crate::http::Via;
use crate::protocol::CloseFrame;
use crate::server::connection::entrance::Entrance;
use crate::server::connection::output::Flushed;
use crate::server::connection::{Connection, Phase};
use crate::server::event_loop::site::Door;
use crate::server::event_loop::stopping::Stopping;
use crate::server::shared::pool::BufferPool;
use crate::server::shared::{ROOM, Shared};
use crate::server::transport::Socket;
use crate::server::transport::layer::{All, Channel, Layers, Sockets};
use crate::server::types::env::Env;
use crate::server::types::error::{ConnectionError, Reason};
use crate::server::types::id::ConnectionId;

/// Connections that are sent a full budget of their queues in a turn, so that it ends soon.
const FLUSHES: usize = 32;

pub(crate) struct Lines<S> {
    pub shared: Shared,
    /// By slot. A socket is dropped when its slot is freed.
    pub sockets: Vec<Option<S>>,
    /// The TLS of those that speak it.
    pub layers: Layers<S>,
    pub pool: BufferPool,
    /// Connections that may have more to read, in the order in which they are served.
    pub again: VecDeque<u32>,
    /// Connections whose queue has more than the budget of a turn.
    pub flushes: Vec<u32>,
    /// Deliveries of posts that this turn may still make.
    pub deliveries_left: usize,
    /// Connections that have posted while a rest of earlier posts waits. They are not read from until it has been delivered.
    pub posters: Vec<u32>,
    /// Connections whose handler is to be told that the queue has drained.
    pub drained: Vec<u32>,
    /// Connections that have ended in this turn, for the callbacks.
    pub endings: Vec<Ending>,
    /// Slots to be freed at the end of this turn.
    pub dead: Vec<u32>,
    /// Connections for which there was no room, the oldest first. Some may have left.
    pub reserve: Vec<ConnectionId>,
    pub stopping: Option<Stopping>,
}

/// A connection whose handler is to be told that it has ended.
pub(crate) struct Ending {
    pub id: ConnectionId,
    pub mount: u16,
    pub reason: Reason,
}

/// One connection with its socket.
pub(crate) struct Line<'a, S, K> {
    pub connection: &'a mut Connection,
    pub socket: Channel<'a, S, K>,
    pub env: &'a Env,
}

impl<S: Socket> Lines<S> {
    pub fn new(shared: Shared) -> Self {
        Lines {
            sockets: Vec::with_capacity(shared.env.config.max_connections.min(ROOM)),
            shared,
            layers: Layers::default(),
            pool: BufferPool::default(),
            again: VecDeque::new(),
            flushes: Vec::new(),
            deliveries_left: 0,
            posters: Vec::new(),
            drained: Vec::new(),
            endings: Vec::new(),
            dead: Vec::new(),
            reserve: Vec::new(),
            stopping: None,
        }
    }

    #[inline]
    pub fn line(&mut self, slot: u32) -> Option<Line<'_, S, All>> {
        self.line_of::<All>(slot)
    }

    /// The same, where the connection's socket must be one of these.
    #[inline(always)]
    pub fn line_of<K: Sockets>(&mut self, slot: u32) -> Option<Line<'_, S, K>> {
        let socket = self.sockets.get_mut(slot as usize)?.as_mut()?;
        Some(Line {
            connection: self.shared.table.get_mut(slot)?,
            socket: self.layers.over(slot, socket),
            env: &self.shared.env,
        })
    }

    pub fn connection(&self, slot: u32) -> Option<&Connection> {
        self.shared.table.get(slot)
    }

    /// The door that a connection came through.
    pub fn door(&self, slot: u32) -> u8 {
        self.connection(slot).map_or(0, |connection| connection.door)
    }

    /// The entrance of a connection that speaks HTTP, and the environment.
    pub fn entrance(&mut self, slot: u32) -> Option<(&mut Entrance, &Env)> {
        Some((self.shared.table.get_mut(slot)?.entrance()?, &self.shared.env))
    }

    pub fn is_open(&self, slot: u32) -> bool {
        self.connection(slot).is_some_and(Connection::is_open)
    }

    /// Puts a new connection's socket beside its slot.
    pub fn insert_socket(&mut self, slot: u32, socket: S) {
        let at = slot as usize;
        if self.sockets.len() <= at {
            self.sockets.resize_with(at + 1, || None);
        }
        self.sockets[at] = Some(socket);
    }

    /// Puts TLS over a new connection's socket if its door speaks it.
    pub fn insert_layer(&mut self, slot: u32, door: &Door) {
        let Some(tls) = &door.tls else { return };
        self.layers.insert(slot, tls.session(&self.shared.env.held));
        if let Some((entrance, _)) = self.entrance(slot) {
            entrance.via = Via::Tls;
        }
    }

    /// Whether the next turn has something to do even if no event comes.
    pub fn is_busy(&self) -> bool {
        !self.again.is_empty()
            || !self.shared.outbox.actions.is_empty()
            || !self.shared.outbox.verdicts.is_empty()
            || !self.shared.drain_requests.is_empty()
            || !self.shared.has_no_posts()
            || !self.flushes.is_empty()
            || !self.endings.is_empty()
    }

    /// Puts a connection that can be served into `again`. Every other one is woken by something else: by the flush that ends
    /// its pause, or by the next event of its socket.
    #[inline]
    pub fn serve_later(&mut self, slot: u32) {
        if let Some(connection) = self.shared.table.get_mut(slot)
            && connection.wants_service()
            && !std::mem::replace(&mut connection.is_again, true)
        {
            self.again.push_back(slot);
        }
    }

    /// Flushes the first of `waiting` queues that had more than the budget of a turn.
    #[inline(never)]
    pub fn flush_listed(&mut self, waiting: usize) {
        for slot in self.flushes.drain(..waiting.min(FLUSHES)).collect::<Vec<_>>() {
            if let Some(connection) = self.shared.table.get_mut(slot) {
                connection.output.set_listed(false);
            }
            self.flush(slot);
        }
    }

    /// Writes from the queue what the socket accepts, within the budget.
    #[inline(never)]
    pub fn flush(&mut self, slot: u32) {
        let Some(Line { connection, mut socket, env }) = self.line(slot) else { return };
        match connection.output.flush(&mut socket, &mut connection.heard, env) {
            Ok(Flushed::Budget) => {
                if connection.output.set_listed(true) {
                    self.flushes.push(slot);
                }
            }
            Ok(Flushed::Done) => {}
            Err(error) => return self.fail(slot, ConnectionError::Io(error)),
        }
        self.after_flush(slot);
    }

    /// The queue may have become short enough to read on, or empty.
    #[inline(never)]
    pub fn after_flush(&mut self, slot: u32) {
        let Some(Line { connection, env, .. }) = self.line(slot) else { return };
        let is_drained = connection.output.settle(env);
        match &connection.phase {
            Phase::WebSocket(_) if is_drained => self.drained.push(slot),
            Phase::Entrance(_) => self.shared.schedule(slot),
            _ => {}
        }
        self.finish(slot);
        self.serve_later(slot);
    }

    /// Notes the connections whose handler wants to know when their queue has drained.
    #[inline]
    pub fn look_at_drain_requests(&mut self) {
        if !self.shared.drain_requests.is_empty() {
            for id in std::mem::take(&mut self.shared.drain_requests) {
                let Some(slot) = self.shared.table.find_open(id) else { continue };
                if let Some(Line { connection, env, .. }) = self.line(slot)
                    && connection.output.ask_drained(env)
                {
                    self.drained.push(slot);
                }
            }
        }
    }

    /// Closes the connections that hold the most until all together hold no more than they may.
    #[inline]
    pub fn keep_within_memory(&mut self) {
        if self.shared.env.memory() > self.shared.env.config.max_memory {
            self.close_largest();
        }
    }

    #[cold]
    fn close_largest(&mut self) {
        while self.shared.env.memory() > self.shared.env.config.max_memory {
            let alive = self.shared.table.iter().filter(|(_, connection)| !connection.is_gone());
            let debts = alive.map(|(slot, connection)| (connection.debt() + self.layers.held(slot), slot));
            let Some((debt, slot)) = debts.max() else { return };
            if debt == 0 {
                return;
            }
            self.fail(slot, ConnectionError::TooMuchMemory);
        }
    }

    /// Starts the closing handshake because a handler or a handle wants it.
    pub fn close(&mut self, id: ConnectionId, frame: CloseFrame<'static>) {
        if let Some(slot) = self.shared.table.find_open(id) {
            self.close_for(slot, &frame.clone(), Reason::Local(frame));
        }
    }

    /// Frees the slots of connections that are done with; nothing else does. Hands the door of each to `each`.
    #[inline(never)]
    pub fn reap(&mut self, mut each: impl FnMut(u8)) {
        if self.dead.is_empty() {
            return;
        }
        let table = &self.shared.table;
        let lives = |slot: &u32| table.get(*slot).is_some_and(|connection| !connection.is_gone());
        self.again.retain(lives);
        self.flushes.retain(lives);
        self.drained.retain(lives);
        self.posters.retain(lives);
        for slot in self.dead.drain(..) {
            self.sockets[slot as usize] = None;
            self.layers.remove(slot);
            self.shared.addresses.forget(slot);
            if let Some(connection) = self.shared.table.get(slot) {
                each(connection.door);
            }
            self.shared.table.remove(slot);
        }
    }

    /// Whether the server has been shut down: no connection is left, or the time is up.
    pub fn has_stopped(&self) -> bool {
        let Some(stopping) = &self.stopping else { return false };
        let is_busy = |connection: &Connection| match &connection.phase {
            Phase::Entrance(entrance) => entrance.is_owed_an_answer() || connection.output.len() > 0,
            Phase::WebSocket(_) => true,
            Phase::Leaving(_) => !connection.is_gone(),
        };
        let shared = &self.shared;
        stopping.deadline <= shared.env.now || !shared.table.iter().any(|(_, connection)| is_busy(connection))
    }

    /// All connections that are open, by slot.
    pub fn open_slots(&self) -> Vec<u32> {
        self.shared.table.slots_where(|connection| matches!(connection.phase, Phase::WebSocket(_)))
    }
}
