//! Output: the only place that writes to a socket. It sends what the socket accepts at once, queues the rest, and keeps
//! the water marks.

mod owed;
pub(crate) mod parts;
mod pending;
pub(crate) mod queue;

use std::io::{self, IoSlice};

use self::owed::Owed;
use self::parts::{Input, PARTS, Part, Share, len_of};
use self::queue::{Kind, rest_of_begun_frame};
use crate::http::SharedBody;
use crate::server::transport::Socket;
use crate::server::types::config::Slow;
use crate::server::types::env::{Env, Tick};
use crate::server::types::stats::Count;

/// Bytes of its queue that a connection is sent in a turn.
const BUDGET: usize = 256 * 1024;
/// Slices of one write.
const SLICES: usize = 32;

/// The bytes owed to a peer. While nothing is owed it owns no memory.
#[derive(Default)]
pub(crate) struct Output(Option<Box<Owed>>);

/// Whether the queue had room for the frames that the socket did not accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Sent {
    /// The socket accepted all frames.
    All,
    /// The socket accepted some of them, and the rest is queued.
    Queued,
    /// The connection is owed too much: a slow consumer. The frames are queued all the same, so that the queue knows which
    /// of them has been begun.
    TooMuch,
    /// Queued broadcasts were dropped for newer ones, so less may be owed than before.
    Replaced,
}

/// The outcome of a [`flush`](Output::flush).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flushed {
    /// The queue is empty, or the socket accepts no more.
    Done,
    /// The budget of the turn is spent.
    Budget,
}

impl Output {
    /// Bytes owed.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |owed| owed.len())
    }

    pub fn is_blocked(&self) -> bool {
        self.0.as_ref().is_some_and(|owed| owed.is_blocked)
    }

    pub fn is_paused(&self) -> bool {
        self.0.as_ref().is_some_and(|owed| owed.is_paused)
    }

    /// Whether a Pong waits for the socket.
    pub fn has_pong(&self) -> bool {
        self.0.as_ref().is_some_and(|owed| owed.pong.is_some())
    }

    pub fn is_listed(&self) -> bool {
        self.0.as_ref().is_some_and(|owed| owed.is_listed)
    }

    /// Notes that the connection is in the loop's list of those to flush, or is no longer. Returns whether that is new.
    pub fn set_listed(&mut self, is_listed: bool) -> bool {
        self.0.as_mut().is_some_and(|owed| std::mem::replace(&mut owed.is_listed, is_listed) != is_listed)
    }

    /// Since when the peer has accepted no byte of what is owed, if something is.
    pub fn stalled_since(&self) -> Option<Tick> {
        self.0.as_ref().filter(|owed| owed.len() > 0).map(|owed| owed.progress)
    }

    /// Heap bytes that the queue alone holds, as last accounted for.
    pub fn held(&self) -> usize {
        self.0.as_ref().map_or(0, |owed| owed.charge.get())
    }

    /// Keeps a Pong until the socket accepts bytes again.
    pub fn keep_pong(&mut self, pong: &[u8], env: &Env) {
        self.owed(env).pong = Some(pong.into());
    }

    pub fn take_pong(&mut self) -> Option<Box<[u8]>> {
        self.0.as_mut().and_then(|owed| owed.pong.take())
    }

    /// Sends frames: what the socket accepts at once, the rest by the queue.
    ///
    /// # Errors
    /// The socket has failed.
    #[inline]
    pub fn send(
        &mut self,
        socket: &mut impl Socket,
        parts: &[Part<'_>],
        input: Input<'_>,
        env: &Env,
    ) -> io::Result<Sent> {
        let sent = self.write_past(socket, parts, env)?;
        if sent == len_of(parts) {
            return Ok(if socket.pending() == 0 { Sent::All } else { Sent::Queued });
        }
        Ok(self.queue_frames(parts, sent, input, env))
    }

    /// Sends bytes that must leave however much is owed already: control frames, with the frames before them.
    ///
    /// # Errors
    /// The socket has failed.
    pub fn send_always(&mut self, socket: &mut impl Socket, frames: &[u8], env: &Env) -> io::Result<()> {
        let sent = self.write_past(socket, &[Part::Frames(frames)], env)?;
        self.push(frames.get(sent..).unwrap_or_default(), rest_of_begun_frame(frames, sent), env);
        Ok(())
    }

    /// Queues an HTTP response, so that frames behind it leave with it.
    pub fn hold(&mut self, response: &[u8], env: &Env) {
        self.push(response, response.len(), env);
    }

    /// Sends an HTTP response, whose shared body is not copied.
    ///
    /// # Errors
    /// The socket has failed.
    pub fn send_response(
        &mut self,
        socket: &mut impl Socket,
        head: &[u8],
        body: Option<&SharedBody>,
        env: &Env,
    ) -> io::Result<()> {
        let Some(body) = body else {
            let sent = self.write_past(socket, &[Part::Frames(head)], env)?;
            self.push(head.get(sent..).unwrap_or_default(), head.len() - sent, env);
            return Ok(());
        };
        self.push(head, head.len(), env);
        let owed = self.owed(env);
        owed.queue.push_body(body);
        owed.note_growth(env);
        Ok(())
    }

    /// Sends broadcasts. The policy for slow peers decides what the queue takes of the rest.
    ///
    /// # Errors
    /// The socket has failed.
    #[inline]
    pub fn send_posts(&mut self, socket: &mut impl Socket, share: &Share<'_>, env: &Env) -> io::Result<Sent> {
        let sent = self.write_past(socket, &[Part::Frames(share.bytes)], env)?;
        if sent == share.bytes.len() {
            return Ok(if socket.pending() == 0 { Sent::All } else { Sent::Queued });
        }
        Ok(self.queue_posts(share, sent, env))
    }

    /// Writes from the queue what the socket accepts, within the budget of a turn. `alive` is set when it accepted some.
    ///
    /// # Errors
    /// The socket has failed.
    pub fn flush(&mut self, socket: &mut impl Socket, alive: &mut Tick, env: &Env) -> io::Result<Flushed> {
        let Some(owed) = self.0.as_mut() else { return Ok(Flushed::Done) };
        owed.is_blocked = false;
        if let Some(pong) = owed.pong.take() {
            owed.queue.push(&pong, 0);
        }
        if owed.pending > 0 {
            owed.flush_pending(socket, alive, env)?;
        }
        let mut left = BUDGET;
        while !owed.queue.is_empty() && !owed.is_blocked {
            if left == 0 {
                return Ok(Flushed::Budget);
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = owed.queue.next_slices(&mut slices, left.min(socket.chunk()));
            let sent = socket.send_vectored(slices.get(..used).unwrap_or_default())?;
            owed.pending = socket.pending();
            owed.is_blocked = sent == 0 || owed.pending > 0;
            if sent == 0 {
                break;
            }
            owed.queue.advance(sent);
            left -= sent;
            // A peer that accepts bytes is alive, though it may not be read from meanwhile.
            owed.progress = env.tick();
            *alive = env.tick();
        }
        Ok(Flushed::Done)
    }

    /// Brings account and water marks up to date after the queue has become shorter. Returns whether the handler's
    /// `drained` is due. Frees what is no longer needed.
    pub fn settle(&mut self, env: &Env) -> bool {
        let Some(owed) = self.0.as_mut() else { return false };
        owed.charge.set(owed.queue.held());
        if owed.len() > env.config.low_water {
            return false;
        }
        owed.is_paused = false;
        let is_drained = std::mem::take(&mut owed.was_high);
        self.shrink();
        is_drained
    }

    /// The next call of `drained` is wanted though less than the high-water mark may be owed. Returns whether it is due now.
    pub fn ask_drained(&mut self, env: &Env) -> bool {
        let is_drained = self.len() <= env.config.low_water;
        if let Some(owed) = self.0.as_mut() {
            owed.was_high = !is_drained;
        }
        is_drained
    }

    /// Frees the memory when nothing is owed.
    pub fn shrink(&mut self) {
        if self.0.as_deref().is_some_and(Owed::is_idle) {
            self.0 = None;
        }
    }

    /// Ends the pauses that water marks impose: the connection leaves, and its input is discarded from now on.
    pub fn stop_pausing(&mut self) {
        if let Some(owed) = self.0.as_mut() {
            (owed.is_paused, owed.was_high, owed.pong) = (false, false, None);
        }
        self.shrink();
    }

    /// Gives up everything that is owed.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    fn owed(&mut self, env: &Env) -> &mut Owed {
        self.0.get_or_insert_with(|| Box::new(Owed::new(env)))
    }

    /// One write past the empty queue; none while something is queued. Returns how many bytes the socket accepted.
    #[inline(always)]
    fn write_past(&mut self, socket: &mut impl Socket, parts: &[Part<'_>], env: &Env) -> io::Result<usize> {
        if self.len() > 0 {
            return Ok(0);
        }
        let sent = match parts {
            [part] => socket.send(part.bytes())?,
            parts => {
                let mut slices = [IoSlice::new(&[]); PARTS];
                for (slice, part) in slices.iter_mut().zip(parts) {
                    *slice = IoSlice::new(part.bytes());
                }
                socket.send_vectored(slices.get(..parts.len()).unwrap_or_default())?
            }
        };
        if sent < len_of(parts) || socket.pending() > 0 {
            // The queue begins here, and so does its time.
            let owed = self.owed(env);
            (owed.is_blocked, owed.progress, owed.pending) = (true, env.tick(), socket.pending());
            owed.note_growth(env);
        } else if let Some(owed) = self.0.as_mut() {
            owed.is_blocked = false;
        }
        Ok(sent)
    }

    fn push(&mut self, bytes: &[u8], lead: usize, env: &Env) {
        if !bytes.is_empty() {
            let owed = self.owed(env);
            owed.queue.push(bytes, lead);
            owed.note_growth(env);
        }
    }

    #[cold]
    #[inline(never)]
    fn queue_frames(&mut self, parts: &[Part<'_>], mut sent: usize, input: Input<'_>, env: &Env) -> Sent {
        let owed = self.owed(env);
        let has_room = owed.has_room(parts, sent, env);
        for part in parts {
            let skip = sent.min(part.bytes().len());
            sent -= skip;
            let rest = part.bytes().get(skip..).unwrap_or_default();
            match (part, input) {
                (Part::Frames(bytes), _) => owed.queue.push(rest, rest_of_begun_frame(bytes, skip)),
                (Part::Payload(bytes, at), Input::Shared(shared)) => {
                    owed.queue.push_shared(shared, at + skip..at + bytes.len(), rest.len(), Kind::Own, &env.shared);
                }
                (Part::Payload(..), Input::Slice(_)) => owed.queue.push(rest, rest.len()),
            }
        }
        owed.note_growth(env);
        if has_room { Sent::Queued } else { Sent::TooMuch }
    }

    #[cold]
    #[inline(never)]
    fn queue_posts(&mut self, share: &Share<'_>, sent: usize, env: &Env) -> Sent {
        let Share { posts, bytes, start, newest, topic } = *share;
        let kind = Kind::Post(topic);
        let lead = rest_of_begun_frame(bytes, sent);
        let owed = self.owed(env);
        let has_room = owed.has_room(&[Part::Frames(bytes)], sent, env);
        let (sent, end) = (start + sent, start + bytes.len());
        let begun = sent + lead;
        let mut outcome = Sent::Queued;
        match env.config.slow {
            Slow::Latest => {
                if owed.queue.drop_unsent_posts(topic) || begun < newest {
                    env.stats.add(Count::SlowSkipped);
                    outcome = Sent::Replaced;
                }
                // The newest of many topics together may be too much.
                if owed.len() > env.config.high_water && owed.len() + end - newest > env.config.max_queue {
                    outcome = Sent::TooMuch;
                }
                owed.queue.push_shared(posts, sent..begun, lead, kind, &env.shared);
                owed.queue.push_shared(posts, newest.max(begun)..end, 0, kind, &env.shared);
            }
            Slow::Drop if !has_room => {
                env.stats.add(Count::SlowSkipped);
                owed.queue.push_shared(posts, sent..begun, lead, kind, &env.shared);
            }
            Slow::Close if !has_room => {
                outcome = Sent::TooMuch;
                owed.queue.push_shared(posts, sent..end, lead, kind, &env.shared);
            }
            Slow::Close | Slow::Drop => owed.queue.push_shared(posts, sent..end, lead, kind, &env.shared),
        }
        owed.note_growth(env);
        outcome
    }
}

#[cfg(test)]
mod tests;
