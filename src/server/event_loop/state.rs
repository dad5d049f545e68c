//! The loop itself: its parts, and the questions it answers about itself.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accepting::Accepting;
use super::handshakes::Handshakes;
use super::lines::Lines;
use super::site::Site;
use super::stopping::Stopping;
use crate::protocol::Contexts;
use crate::server::api::handle::Handle;
use crate::server::shared::Shared;
use crate::server::transport::{Poller, Ready};
use crate::server::types::config::Config;
use crate::server::types::stats::Stats;

/// The one receive buffer. Measured: a larger one gains nothing, and costs a copy at large messages.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// The memory taken for it: enough that the allocator maps fresh pages. A smaller block may be one that it has to clear, and
/// then all of it is resident, even where only short messages come.
const MAPPED: usize = 256 * 1024;

/// The parts of a server before its loop runs.
pub(crate) struct Parts {
    pub config: Config,
    pub handle: Handle,
    pub stats: Arc<Stats>,
    pub site: Site,
}

pub(crate) struct EventLoop<P: Poller> {
    pub poller: P,
    pub lines: Lines<P::Socket>,
    pub handle: Handle,
    pub site: Site,
    /// Empty while it is in use.
    pub buffer: Vec<u8>,
    /// The inflaters for messages of clients.
    pub contexts: Contexts,
    pub ready: Vec<Ready>,
    pub accepting: Accepting,
    pub handshakes: Handshakes,
    /// Pieces of work since the clock was read.
    pub work: usize,
    /// The slot whose laws were checked last, in debug builds.
    pub looked_at: usize,
}

impl<P: Poller> EventLoop<P> {
    pub fn new(poller: P, parts: Parts) -> Self {
        let mut shared = Shared::new(parts.config, parts.stats, poller.now());
        for mount in &parts.site.mounts {
            shared.add_mount(&mount.path);
        }
        shared.origins = parts.site.doors.iter().map(|door| Rc::clone(&door.origins)).collect();
        parts.handle.set_mounts(parts.site.mounts.iter().map(|mount| mount.path.clone()).collect());
        let mut buffer = vec![0; MAPPED];
        buffer.truncate(RECEIVE_BUFFER);
        EventLoop {
            poller,
            lines: Lines::new(shared),
            handle: parts.handle,
            site: parts.site,
            buffer,
            contexts: Contexts::default(),
            ready: Vec::new(),
            accepting: Accepting::default(),
            handshakes: Handshakes::default(),
            work: 0,
            looked_at: 0,
        }
    }

    /// Whether the next turn has something to do even if no event comes.
    pub fn is_busy(&self) -> bool {
        self.lines.is_busy() || self.accepting.is_ready()
    }

    /// When there is something to do even if no event comes.
    pub fn next_deadline(&self) -> Option<Instant> {
        let shared = &self.lines.shared;
        let sweep = shared.next_sweep.filter(|_| shared.table.len() > 0);
        let stop = self.lines.stopping.as_ref().map(Stopping::next_deadline);
        let counts = shared.log_limit.next_deadline();
        let deadlines = [shared.timers.next_deadline(), sweep, stop, self.accepting.paused_until, counts];
        deadlines.into_iter().flatten().min()
    }

    /// How long the next poll may wait; `None`: until an event comes.
    pub fn timeout(&self) -> Option<Duration> {
        if self.is_busy() {
            return Some(Duration::ZERO);
        }
        // The clock is read again, since the turn that ends here took its time.
        Some(self.next_deadline()?.saturating_duration_since(self.poller.now()))
    }
}
