//! Messages to handlers. A batch is all that a connection's input holds, within a budget; its slot and its handler are
//! looked up once for it.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::apply::Input;
use super::{EventLoop, Mount};
use crate::protocol::{Allowance, CloseFrame, Connection, DEFLATE_AVAILABLE, Event, Message, ProtocolError, Tally};
use crate::server::context::Context;
use crate::server::core::Core;
use crate::server::handler::{ConnectionId, Error, Handler};
use crate::server::log_limit::{excerpt, log_limited};
use crate::server::outbox::Outbox;
use crate::server::poller::Poller;
use crate::server::session::{Flags, Phase};
use crate::server::shared_bytes::SharedBytes;
use crate::server::stats::Count;

/// Frames of one connection that are handled in a turn.
const FRAMES: usize = 256;
/// Bytes of output at which a batch ends, so that they can leave before there are more.
const OUTPUT: usize = 256 * 1024;

/// Why a batch has ended.
enum Outcome {
    /// The input is used up.
    Empty,
    /// A budget is.
    Budget,
    /// The handler has told this connection to close.
    Interrupted,
    /// A reply is to be sent from where its message lies, at these addresses: in the input, or in the connection.
    InPlace(Range<usize>),
    /// The peer has sent Close; the answer is in `replies` from here on.
    Closed { answer: usize, frame: Option<CloseFrame<'static>> },
    /// The peer has broken a rule; our Close is in `replies` from here on.
    Failed { answer: usize, error: ProtocolError },
}

impl<P: Poller> EventLoop<P> {
    /// Hands the messages in `input` to the connection's handler and applies what it says. Returns how many bytes at
    /// the end of `input` are left for later.
    pub(super) fn dispatch(&mut self, slot: u32, input: &mut [u8]) -> usize {
        let id = self.core.sessions.id(slot);
        let mut start = 0;
        let mut frames = FRAMES;
        // More than once only when a reply is sent in place, or while this connection is closing.
        loop {
            let session = &mut self.core.sessions[slot];
            let mount = session.mount;
            let Some(mut connection) = session.connection.take() else { return 0 };
            let mut rest = input.get_mut(start..).unwrap_or_default();
            let Mount { handler, .. } = &mut self.mounts[usize::from(mount)];
            let contexts = Some(&mut self.contexts);
            let mut allowance = Allowance { frames, lend: &mut || self.pool.take(), contexts };
            let mut batch = Batch { core: &mut self.core, id, mount, ended: false };
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                batch.run(&mut **handler, &mut connection, &mut rest, &mut allowance)
            }));
            frames = allowance.frames;
            let ended = batch.ended;
            let left = rest.len();
            start = input.len() - left;
            let mut buffer = connection.take_buffer();
            self.core.sessions[slot].connection = Some(connection);
            match outcome {
                Err(panic) => {
                    self.on_panic(mount, id, &*panic);
                    match self.core.outbox.take_in_place() {
                        Some(place) => self.apply_in_place(place, input, &mut buffer),
                        None => self.apply(),
                    }
                    self.fail(slot, Error::Panic);
                }
                Ok(Outcome::Empty | Outcome::Interrupted) => self.apply(),
                Ok(Outcome::Budget) => {
                    self.apply();
                    frames = 0;
                }
                Ok(Outcome::InPlace(place)) => self.apply_in_place(place, input, &mut buffer),
                Ok(Outcome::Closed { answer, frame }) => self.on_close(slot, answer, frame),
                Ok(Outcome::Failed { answer, error }) => self.fail_by_protocol(slot, answer, error),
            }
            self.pool.put(buffer.unwrap_or_default());
            self.count_inflated();
            self.note_unfinished(slot, ended);
            let session = &self.core.sessions[slot];
            if left == 0 || session.phase != Phase::Open {
                return 0;
            }
            if session.flags.has(Flags::PAUSED) || frames == 0 {
                return left;
            }
        }
    }

    fn count_inflated(&mut self) {
        if !DEFLATE_AVAILABLE {
            return;
        }
        let Tally { messages, compressed, plain } = self.contexts.inflated;
        if messages > 0 {
            self.contexts.inflated = Tally::default();
            self.core.stats.add_many(Count::Inflated, messages);
            self.core.stats.add_many(Count::InflatedFrom, compressed);
            self.core.stats.add_many(Count::InflatedTo, plain);
        }
    }

    /// Applies replies whose message lies at these addresses, in `input` or else in `buffer`.
    fn apply_in_place(&mut self, place: Range<usize>, input: &[u8], buffer: &mut Option<Vec<u8>>) {
        let start = place.start.wrapping_sub(input.as_ptr().addr());
        match input.get(start..start.wrapping_add(place.len())) {
            Some(message) => self.apply_with(Input::Slice(message)),
            None => {
                let message = Rc::new(SharedBytes::new(buffer.take().unwrap_or_default()));
                self.apply_with(Input::Shared(&message));
                // Unless its queue holds on to it.
                *buffer = Rc::try_unwrap(message).ok().map(SharedBytes::into_vec);
            }
        }
    }

    /// Calls a handler for a connection, or for none; a panic costs the connection.
    pub(super) fn call(&mut self, mount: u16, id: ConnectionId, f: impl FnOnce(&mut dyn Handler, &mut Context<'_>)) {
        if !self.try_call(mount, id, f)
            && let Some(slot) = self.core.find_open(id)
        {
            self.apply();
            self.fail(slot, Error::Panic);
        }
    }

    /// Calls a handler and returns whether it came back without a panic, which is counted, but has cost nobody yet.
    pub(super) fn try_call(
        &mut self,
        mount: u16,
        id: ConnectionId,
        f: impl FnOnce(&mut dyn Handler, &mut Context<'_>),
    ) -> bool {
        let handler = &mut *self.mounts[usize::from(mount)].handler;
        let mut ctx = Context::new(&mut self.core, id, mount);
        let result = catch_unwind(AssertUnwindSafe(|| f(handler, &mut ctx)));
        if let Err(panic) = &result {
            self.on_panic(mount, id, &**panic);
        }
        result.is_ok()
    }

    pub(super) fn on_panic(&mut self, mount: u16, id: ConnectionId, panic: &(dyn Any + Send)) {
        let text = panic_text(panic);
        let mount = &mut self.mounts[usize::from(mount)];
        self.core.stats.add(Count::Panics);
        mount.panics += 1;
        let (path, panics) = (&mount.path, mount.panics);
        log_limited!(self.core, Panic, "{id}: the handler at {path} has panicked ({panics} so far): {}", excerpt(text));
        if mount.panics > self.core.config.max_panics {
            let why = format!("the handler at {} has panicked {} times", mount.path, mount.panics);
            self.fatal = Some(std::io::Error::other(why));
        }
    }
}

/// What a panic says.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// What a batch works with.
struct Batch<'a> {
    core: &'a mut Core,
    id: ConnectionId,
    mount: u16,
    /// Whether a message has ended.
    ended: bool,
}

impl Batch<'_> {
    fn run(
        &mut self,
        handler: &mut dyn Handler,
        connection: &mut Connection,
        rest: &mut &mut [u8],
        allowance: &mut Allowance<'_>,
    ) -> Outcome {
        self.core.outbox.interrupted = false;
        let output = self.core.outbox.replies.len() + OUTPUT;
        loop {
            let mark = self.core.outbox.replies.len();
            if mark > output || self.core.outbox.posts.has_many() {
                return Outcome::Budget;
            }
            // The way of nearly all input, apart from the general one so that a message stays in registers.
            match connection.receive_whole(rest, &mut self.core.outbox.replies, allowance) {
                Some(Ok(message)) => {
                    if let Some(outcome) = self.message(handler, message) {
                        return outcome;
                    }
                    continue;
                }
                Some(Err(error)) => return Outcome::Failed { answer: mark, error },
                None if rest.is_empty() && connection.is_idle() => return Outcome::Empty,
                None => {}
            }
            match connection.receive_piecewise(rest, &mut self.core.outbox.replies, allowance) {
                Ok(Some(Event::Message(message))) => {
                    if let Some(outcome) = self.message(handler, message) {
                        return outcome;
                    }
                }
                Ok(Some(Event::Ping(_))) => self.answer_ping(mark),
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(frame))) => {
                    return Outcome::Closed { answer: mark, frame: frame.map(CloseFrame::into_owned) };
                }
                Ok(None) if rest.is_empty() => return Outcome::Empty,
                Ok(None) => return Outcome::Budget,
                Err(error) => return Outcome::Failed { answer: mark, error },
            }
        }
    }

    #[inline(always)]
    fn message(&mut self, handler: &mut dyn Handler, message: Message<'_>) -> Option<Outcome> {
        if self.core.config.max_message_rate > 0 && !self.core.note_message(self.id) {
            return Some(Outcome::Interrupted);
        }
        self.ended = true;
        if message.len() >= Outbox::IN_PLACE {
            return self.large_message(handler, message);
        }
        handler.message(&mut Context::new(self.core, self.id, self.mount), message);
        self.core.outbox.interrupted.then_some(Outcome::Interrupted)
    }

    /// A message that a reply may be sent from.
    #[inline(never)]
    fn large_message(&mut self, handler: &mut dyn Handler, message: Message<'_>) -> Option<Outcome> {
        self.core.outbox.set_input(message.as_bytes());
        handler.message(&mut Context::new(self.core, self.id, self.mount), message);
        let outbox = &mut self.core.outbox;
        let place = outbox.take_in_place().map(Outcome::InPlace);
        place.or(outbox.interrupted.then_some(Outcome::Interrupted))
    }

    /// The Pong is in `replies` from `mark` on. 5.5.3: while the peer takes no bytes, the newest one is enough.
    fn answer_ping(&mut self, mark: usize) {
        let outbox = &mut self.core.outbox;
        if outbox.replies.len() == mark {
            return;
        }
        let session = &mut self.core.sessions[self.id.slot];
        if session.flags.has(Flags::BLOCKED) {
            session.rare().pong = Some(outbox.replies.drain(mark..).collect());
        } else {
            outbox.note_reply(self.id, mark);
        }
    }
}
