//! [`Handle`]: other threads speak to a running server through it. Its queue is bounded and never waits.

use std::any::{Any, type_name};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::context::Context;
use super::handler::{Accept, Handler};
pub use super::rejected::Rejected;
use crate::http::Response;
use crate::protocol::{CloseCode, CloseFrame, FrameHeader, encode_frame};
use crate::server::transport::tls::Tls;
use crate::server::types::config::Shutdown;
use crate::server::types::id::{ConnectionId, Deferred};
use crate::server::types::log_limit::log_limited;
use crate::server::types::payload::Payload;
use crate::server::types::verdict::Verdict;
use full::Full;

mod full;
mod tls;

/// Commands that may wait for the loop.
const MAX_COMMANDS: usize = 4096;
/// Bytes of commands that may wait for the loop.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Speaks to a running server from any thread; a clone is cheap.
///
/// Calls put a command into a queue of at most 4,096 entries and 16 MiB, and return at once. The commands of one thread
/// arrive in their order. Before [`Server::run`](crate::Server::run) commands wait; after it they are refused.
///
/// ```
/// # use sockhop::{Handle, Rejected};
/// fn tick(handle: &Handle, price: f64) -> bool {
///     match handle.publish("prices", format!("{price}")) {
///         Ok(()) => true,
///         Err(Rejected::Full(_)) => true, // this one is skipped: the next tick is newer
///         Err(_) => false,
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new() -> Self {
        Handle { shared: Arc::default() }
    }

    /// Sends a message to one connection; if it has left, to nobody.
    ///
    /// # Errors
    /// [`Rejected`] gives the payload back when the queue is full or the server has stopped; so do the other calls.
    pub fn send<P: Payload>(&self, to: ConnectionId, payload: P) -> Result<(), Rejected<P>> {
        self.push_frame(payload, "", |frame, _| Command::Send { to, frame })
    }

    /// Sends a message to all connections of the mount at `path`, given as it was to
    /// [`Server::mount`](crate::Server::mount).
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`Rejected::NoSuchMount`].
    pub fn broadcast<P: Payload>(&self, path: &str, payload: P) -> Result<(), Rejected<P>> {
        if self.lacks_mount(path) {
            return Err(Rejected::NoSuchMount(payload));
        }
        self.push_frame(payload, path, |frame, path| Command::Broadcast { path, frame })
    }

    /// Sends a message to all subscribers of a topic, on whichever path they are.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn publish<P: Payload>(&self, topic: &str, payload: P) -> Result<(), Rejected<P>> {
        self.push_frame(payload, topic, |frame, topic| Command::Publish { topic, frame })
    }

    /// Closes a connection; if it has left, nobody's.
    /// # Errors
    /// As [`send`](Self::send).
    pub fn close_id(&self, id: ConnectionId, frame: CloseFrame<'_>) -> Result<(), Rejected<CloseFrame<'static>>> {
        self.push(Command::Close { id, frame: frame.into_owned() }, 0).map_err(|rejected| {
            rejected.map(|command| match command {
                Command::Close { frame, .. } => frame,
                _ => CloseFrame::new(CloseCode::NORMAL, ""),
            })
        })
    }

    /// Decides about an opening handshake that a handler has put off with [`Accept::Later`]; callbacks have
    /// [`Context::settle`].
    ///
    /// It is no error if the handshake is decided already, or its client has left. `Accept::Later` changes nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn settle(&self, deferred: Deferred, accept: Accept) -> Result<(), Rejected<Accept>> {
        let bytes = if let Accept::No(response) = &accept { response.content().len() } else { 0 };
        self.push(Command::Decide(Verdict::Settle(deferred, accept)), bytes).map_err(|rejected| {
            rejected.map(|command| match command {
                Command::Decide(Verdict::Settle(_, accept)) => accept,
                _ => Accept::Later,
            })
        })
    }

    /// Answers a plain request that a handler has put off with [`Answer::Later`](crate::Answer::Later); callbacks have
    /// [`Context::answer`].
    ///
    /// It is no error if the request is answered already, or its client has left.
    ///
    /// # Errors
    /// As [`send`](Self::send). The body of the response counts for the bytes of the queue.
    pub fn answer(&self, deferred: Deferred, response: Response) -> Result<(), Rejected<Response>> {
        let bytes = response.content().len();
        self.push(Command::Decide(Verdict::Answer(deferred, response)), bytes).map_err(|rejected| {
            rejected.map(|command| match command {
                Command::Decide(Verdict::Answer(_, response)) => response,
                _ => Response::new(500),
            })
        })
    }

    /// Runs `f` on the loop, with the handler of the mount at `path`. `ctx.id()` is [`ConnectionId::NOBODY`] there: actions
    /// on the connection itself (`send`, `subscribe`, `attach`, `close`) do nothing, and all others work, timers too.
    ///
    /// Its captures count for the bytes of the queue by their size on the stack: a captured `Vec` counts 24 bytes. See
    /// [`call_with_bytes`](Self::call_with_bytes) for captures with memory of their own.
    ///
    /// If the handler is not an `H`, that is logged as an error and `f` is dropped.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`Rejected::NoSuchMount`]; `f` is not given back.
    pub fn call<H, F>(&self, path: &str, f: F) -> Result<(), Rejected<()>>
    where
        H: Handler,
        F: FnOnce(&mut H, &mut Context<'_>) + Send + 'static,
    {
        self.call_with_bytes(path, 0, f)
    }

    /// The same for captures that own `bytes` on the heap, such as the messages in a `Vec`: they count for the bytes of the
    /// queue, which are bounded, so that calls that come faster than the server takes them do not fill the memory.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_with_bytes<H, F>(&self, path: &str, bytes: usize, f: F) -> Result<(), Rejected<()>>
    where
        H: Handler,
        F: FnOnce(&mut H, &mut Context<'_>) + Send + 'static,
    {
        if self.lacks_mount(path) {
            return Err(Rejected::NoSuchMount(()));
        }
        let wanted = type_name::<H>();
        let bytes = bytes.saturating_add(size_of::<F>() + path.len());
        let run = Box::new(move |handler: &mut dyn Any, ctx: &mut Context<'_>| match handler.downcast_mut::<H>() {
            Some(handler) => f(handler, ctx),
            None => {
                let path = ctx.path().to_owned();
                log_limited!(ctx.shared(), Misuse, "Handle::call: the handler at {path} is not a {wanted}");
            }
        });
        self.push(Command::Call { path: path.into(), run }, bytes).map_err(|rejected| rejected.map(|_| ()))
    }

    /// Begins to shut the server down: Close to all connections, then [`Server::run`](crate::Server::run) returns.
    /// Called again, it ends at once. Never refused.
    pub fn shutdown(&self, shutdown: Shutdown) {
        let mut queue = self.shared.lock();
        if !queue.stopped {
            queue.commands.push_back(Command::Shutdown(shutdown));
        }
        drop(queue);
        self.shared.wake();
    }

    /// Waits until the server has taken all commands, at most for `timeout`. Returns whether there is room now. Another thread
    /// may fill it first: call again then. On the server's own thread this waits in vain.
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        let is_waiting = |queue: &mut Queue| !queue.stopped && !queue.commands.is_empty();
        let waited = self.shared.room.wait_timeout_while(self.shared.lock(), timeout, is_waiting);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !queue.stopped && queue.commands.is_empty()
    }

    fn lacks_mount(&self, path: &str) -> bool {
        self.shared.mounts.get().is_some_and(|mounts| !mounts.iter().any(|mount| **mount == *path))
    }

    /// Notes the paths of all mounts, when the server begins to run.
    pub(crate) fn set_mounts(&self, paths: Vec<Box<str>>) {
        // A handle belongs to one server, which runs once: the cell is empty here.
        let _ = self.shared.mounts.set(paths);
    }

    /// Whether the server is shutting down, or has: a load balancer should send nobody here any more.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Whether a new client would be refused, for [`Config::max_connections`](crate::Config::max_connections). A route or a
    /// [`Handler::request`] that asks is told this for the door that its request came through, so that
    /// [`Door::max_connections`](crate::Door::max_connections) counts, too.
    pub fn is_full(&self) -> bool {
        self.shared.full.get()
    }

    pub(crate) fn full(&self) -> &Full {
        &self.shared.full
    }

    pub(crate) fn set_stopping(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Sets the function that is called when a queue is no longer empty. Called once, when the loop starts.
    pub(crate) fn on_wake(&self, waker: Box<dyn Fn() + Send + Sync>) {
        // A handle belongs to one server, which runs once: the cell is empty here.
        let _ = self.shared.waker.set(waker);
        if !self.shared.lock().commands.is_empty() {
            self.shared.wake();
        }
    }

    /// Takes all commands that wait, in order.
    pub(crate) fn take(&self) -> VecDeque<Command> {
        let mut queue = self.shared.lock();
        queue.bytes = 0;
        self.shared.room.notify_all();
        std::mem::take(&mut queue.commands)
    }

    /// From now on commands are refused.
    pub(crate) fn stop(&self) {
        let mut queue = self.shared.lock();
        queue.stopped = true;
        let commands = std::mem::take(&mut queue.commands);
        drop(queue);
        self.shared.room.notify_all();
        self.set_stopping();
        // Not under the lock: what goes with a command of an application's may have a use for its handle.
        drop(commands);
    }

    fn push_frame<P: Payload>(
        &self,
        payload: P,
        to: &str,
        command: impl FnOnce(Vec<u8>, Box<str>) -> Command,
    ) -> Result<(), Rejected<P>> {
        let message = payload.message();
        let mut frame = Vec::with_capacity(message.len() + FrameHeader::MAX_LEN);
        encode_frame(message.opcode(), message.as_bytes(), &mut frame);
        let bytes = frame.capacity() + to.len();
        self.push(command(frame, to.into()), bytes).map_err(|rejected| rejected.map(|_| payload))
    }

    fn push(&self, command: Command, bytes: usize) -> Result<(), Rejected<Command>> {
        let mut queue = self.shared.lock();
        if queue.stopped {
            return Err(Rejected::Stopped(command));
        }
        if queue.commands.len() >= MAX_COMMANDS || queue.bytes.saturating_add(bytes) > MAX_BYTES {
            return Err(Rejected::Full(command));
        }
        queue.bytes += bytes;
        queue.commands.push_back(command);
        let first = queue.commands.len() == 1;
        drop(queue);
        if first {
            self.shared.wake();
        }
        Ok(())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Runs on the loop, with a handler of any type.
pub(crate) type Call = Box<dyn FnOnce(&mut dyn Any, &mut Context<'_>) + Send>;

/// A request of a [`Handle`].
pub(crate) enum Command {
    Send { to: ConnectionId, frame: Vec<u8> },
    Broadcast { path: Box<str>, frame: Vec<u8> },
    Publish { topic: Box<str>, frame: Vec<u8> },
    Close { id: ConnectionId, frame: CloseFrame<'static> },
    Decide(Verdict),
    Call { path: Box<str>, run: Call },
    Shutdown(Shutdown),
    SetTls(Tls),
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    waker: OnceLock<Box<dyn Fn() + Send + Sync>>,
    stopping: AtomicBool,
    full: Full,
    room: Condvar,
    mounts: OnceLock<Vec<Box<str>>>,
}

#[derive(Default)]
struct Queue {
    commands: VecDeque<Command>,
    bytes: usize,
    stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing can panic while it is held, so a poisoned lock guards a sound queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker();
        }
    }
}

#[cfg(test)]
mod tests;
