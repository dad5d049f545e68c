//! The loop: accept, read, dispatch, apply, flush, sweep, reap. One thread, one turn after the other.
//!
//! | step of a turn | where |
//! |---|---|
//! | wait for events, say whom they are about | here |
//! | take connections | `accept.rs` |
//! | read sockets within their budgets | `read.rs` |
//! | who the client is, behind proxies | `clients.rs` |
//! | the opening handshake | `handshake.rs` |
//! | messages to handlers | `dispatch.rs` |
//! | what handlers have said to sockets or queues | `apply.rs`, `flush.rs` |
//! | what other threads have asked for, shutting down | `commands.rs` |
//! | deadlines and timers | `sweep.rs` |
//! | the end of a connection | `ending.rs` |
//! | what holds between two turns | `laws.rs` |
//! | what the log says of refusals and failures | `logs.rs` |
//!
//! Handlers only record what is to be done (`outbox.rs`), so nothing here is entered twice, and slots are freed at the
//! end of a turn alone. It is generic over [`Poller`], so that tests run it over sockets of their own.

mod accept;
mod apply;
#[cfg(any(test, fuzzing))]
#[cfg_attr(fuzzing, allow(dead_code))] // The tests need more of it.
pub(super) mod bed;
mod clients;
mod commands;
mod dispatch;
mod ending;
mod flush;
mod handshake;
mod laws;
mod logs;
#[cfg(any(test, fuzzing))]
pub mod model;
mod read;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::accept::Accepting;
use self::commands::Stopping;
use self::ending::Ending;
use super::addresses::Addresses;
use super::config::Config;
use super::core::{Core, ROOM};
use super::handle::Handle;
use super::handler::Handler;
use super::poller::{Poller, Ready, Token};
use super::pool::BufferPool;
use super::session::{Flags, Phase};
use super::stats::Stats;
use crate::http::{Request, Response, Router};
use crate::protocol::Contexts;

/// The one receive buffer. Measured: a larger one gains nothing, and costs a copy at large messages.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// Pieces of work, such as a read with all that follows from it, between two looks at the clock: timers must not wait for
/// the end of a long turn.
const WORK_PER_LOOK: usize = 32;
/// How long a turn may keep timers waiting.
const TIMERS_APART: Duration = Duration::from_millis(5);

/// A handler and what the loop knows of it.
pub(crate) struct Mount {
    pub path: Box<str>,
    pub handler: Box<dyn Handler>,
    pub panics: u32,
}

/// Answers a plain HTTP request.
pub(crate) type Route = Box<dyn FnMut(&Request<'_>) -> Response + Send>;

/// What a server is made of, before its loop runs.
pub(crate) struct Parts {
    pub config: Config,
    pub handle: Handle,
    pub stats: Arc<Stats>,
    pub mounts: Vec<Mount>,
    pub routes: Vec<Route>,
    pub router: Router,
}

pub(crate) struct EventLoop<P: Poller> {
    poller: P,
    core: Core,
    /// By slot; a connection's socket is dropped when its slot is freed.
    sockets: Vec<Option<P::Socket>>,
    mounts: Vec<Mount>,
    routes: Vec<Route>,
    router: Router,
    /// Empty while somebody works with it.
    buffer: Vec<u8>,
    pool: BufferPool,
    /// What messages of clients are inflated with.
    contexts: Contexts,
    ready: Vec<Ready>,
    /// Connections that may have more to read, in the order in which they are served.
    again: VecDeque<u32>,
    /// Connections whose queue is to be flushed, or whose `drain` is to be called, at the end of the turn.
    flushes: Vec<u32>,
    drains: Vec<u32>,
    /// Connections that have ended in this turn, for the callbacks that say so.
    endings: Vec<Ending>,
    /// Slots to be freed at the end of this turn.
    dead: Vec<u32>,
    accepting: Accepting,
    addresses: Addresses,
    stopping: Option<Stopping>,
    /// The slot whose laws were checked last, in debug builds.
    looked_at: usize,
    /// Pieces of work since the clock was looked at.
    work: usize,
    /// Why the loop cannot go on.
    fatal: Option<io::Error>,
}

impl<P: Poller> EventLoop<P> {
    pub fn new(poller: P, parts: Parts) -> Self {
        let now = poller.now();
        let room = parts.config.max_connections.min(ROOM);
        let addresses = Addresses::new(parts.config.max_connections_per_address);
        let mut core = Core::new(parts.config, parts.handle, parts.stats, now);
        for mount in &parts.mounts {
            core.add_mount(&mount.path);
        }
        EventLoop {
            poller,
            core,
            sockets: Vec::with_capacity(room),
            mounts: parts.mounts,
            routes: parts.routes,
            router: parts.router,
            buffer: vec![0; RECEIVE_BUFFER],
            pool: BufferPool::default(),
            contexts: Contexts::default(),
            ready: Vec::new(),
            again: VecDeque::new(),
            flushes: Vec::new(),
            drains: Vec::new(),
            endings: Vec::new(),
            dead: Vec::new(),
            accepting: Accepting::default(),
            addresses,
            stopping: None,
            looked_at: 0,
            work: 0,
            fatal: None,
        }
    }

    /// Turns until the server has been shut down, or cannot go on.
    pub fn run(&mut self) -> io::Result<()> {
        while self.step()? {}
        Ok(())
    }

    /// One turn. Whether there is to be another; if not, or after an error, everybody has been told of the end.
    pub fn step(&mut self) -> io::Result<bool> {
        let mut result = self.turn();
        if let Some(error) = self.fatal.take() {
            result = Err(error);
        }
        let goes_on = result.is_ok() && !self.has_stopped();
        if !goes_on {
            self.core.handle.stop();
            self.end_all();
            self.core.log_limit.finish();
        }
        result.map(|()| goes_on)
    }

    pub fn turn(&mut self) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.poll(&mut ready, self.timeout())?;
        self.core.set_now(self.poller.now());
        self.core.compressor.begin_turn();
        self.work = 0;
        // What the callbacks at the end of the last turn have said.
        self.apply();
        self.fire_timers();
        // Whoever comes to wait in this turn has had its budget.
        let (to_read, to_flush) = (self.again.len(), self.flushes.len());
        for event in ready.drain(..) {
            self.on_event(event);
            self.fire_timers_in_time();
        }
        self.ready = ready;
        self.serve_again(to_read);
        self.accept_waiting();
        self.close_due();
        self.sweep();
        self.core.log_limit.say_counts(self.core.now);
        self.flush_posts();
        self.flush_marked(to_flush);
        self.keep_within_memory();
        self.call_back();
        self.reap();
        if cfg!(debug_assertions) {
            self.assert_laws();
        }
        Ok(())
    }

    /// The handler of a mount.
    pub fn handler(&mut self, mount: usize) -> &mut dyn Handler {
        &mut *self.mounts[mount].handler
    }

    /// Whether the next turn has something to do even if no event comes.
    pub fn is_busy(&self) -> bool {
        let pending = &self.core.outbox;
        !self.again.is_empty()
            || !pending.actions.is_empty()
            || !pending.posts.log.is_empty()
            || !self.flushes.is_empty()
            || !self.endings.is_empty()
            || self.accepting.is_ready()
    }

    /// When there is something to do even if no event comes.
    pub fn next_deadline(&self) -> Option<Instant> {
        let sweep = self.core.next_sweep.filter(|_| self.core.sessions.len() > 0);
        let stop = self.stopping.as_ref().map(Stopping::next_deadline);
        let counts = self.core.log_limit.next_deadline();
        let deadlines = [self.core.timers.next_deadline(), sweep, stop, self.accepting.resumes_at(), counts];
        deadlines.into_iter().flatten().min()
    }

    /// How long the next poll may wait; `None`: until an event comes.
    fn timeout(&self) -> Option<Duration> {
        if self.is_busy() {
            return Some(Duration::ZERO);
        }
        // The clock is asked again: the turn that ends here took its time.
        Some(self.next_deadline()?.saturating_duration_since(self.poller.now()))
    }

    fn on_event(&mut self, event: Ready) {
        match event.token {
            Token::Wake => self.take_commands(),
            Token::Listener(index) => self.accept(index),
            Token::Connection { slot, generation } => {
                if !self.is_live(slot, generation) {
                    return;
                }
                if event.writable {
                    self.on_writable(slot);
                }
                if event.readable || event.read_closed {
                    self.on_readable(slot, event.read_closed);
                }
            }
        }
    }

    /// Whether an event is about the tenant that its slot has now.
    fn is_live(&self, slot: u32, generation: u32) -> bool {
        (slot as usize) < self.sockets.len() && {
            let session = &self.core.sessions[slot];
            session.generation == generation && !matches!(session.phase, Phase::Free | Phase::Dead)
        }
    }

    fn on_readable(&mut self, slot: u32, read_closed: bool) {
        let flags = &mut self.core.sessions[slot].flags;
        flags.clear(Flags::DRAINED);
        if read_closed {
            flags.set(Flags::READ_CLOSED);
        }
        // Nobody reads while a handler decides; but who has hung up is not kept until the deadline.
        if read_closed && self.core.sessions[slot].phase == Phase::Waiting {
            return self.kill(slot);
        }
        let flags = &mut self.core.sessions[slot].flags;
        // Whoever waits for its turn is not read from twice in this one.
        if !flags.has(Flags::AGAIN) {
            self.read(slot);
        }
    }

    /// Puts a connection that may have more to read into the list of those served in the next turn.
    fn push_again(&mut self, slot: u32) {
        if self.core.sessions[slot].flags.newly_set(Flags::AGAIN) {
            self.again.push_back(slot);
        }
    }

    /// The socket of a taken slot.
    fn socket(&mut self, slot: u32) -> Option<&mut P::Socket> {
        self.sockets.get_mut(slot as usize)?.as_mut()
    }
}
