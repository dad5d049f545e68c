//! A connection with an open WebSocket: the batch of messages, over [`protocol::Connection`].

mod extra;

use std::ops::Range;

pub(crate) use self::extra::{Backlog, Closing, Extra, Membership, OwnCompressor, Rate, Seat, Sending, Unfinished};
use crate::protocol::{self, Allowance, CloseFrame, DEFLATE_AVAILABLE, Event, Message, ProtocolError, State};
use crate::server::types::env::Env;
use crate::server::types::id::TopicKey;

/// Bytes of output at which a batch ends, so that they can leave before there are more.
const OUTPUT: usize = 256 * 1024;
/// Bytes that an unfinished message must gain in each span of its timeout.
const MESSAGE_PROGRESS: u64 = 1024;

/// The data of an open WebSocket.
pub(crate) struct WebSocket {
    /// `None` while the loop works with it.
    pub protocol: Option<protocol::Connection>,
    pub extra: Option<Box<Extra>>,
    pub seat: Seat,
    pub mount: u16,
    /// How messages to it may be compressed.
    pub sending: Option<Sending>,
    /// A Close was sent: no frame may follow (5.5.1).
    pub is_close_sent: bool,
}

impl WebSocket {
    pub fn new(
        protocol: protocol::Connection,
        sending: Option<Sending>,
        extra: Option<Box<Extra>>,
        mount: u16,
        seat: Seat,
    ) -> Self {
        WebSocket { protocol: Some(protocol), extra, seat, mount, sending, is_close_sent: false }
    }

    pub fn extra(&mut self, env: &Env) -> &mut Extra {
        self.extra.get_or_insert_with(|| Box::new(Extra::new(env)))
    }

    /// Whether there is work that needs no further bytes.
    #[inline]
    pub fn has_work(&self) -> bool {
        self.has_backlog() || (DEFLATE_AVAILABLE && self.is_inflating())
    }

    #[inline]
    pub fn has_backlog(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| !extra.backlog.is_empty())
    }

    /// Whether a message has come that is inflated over several turns.
    pub fn is_inflating(&self) -> bool {
        self.protocol.as_ref().is_some_and(protocol::Connection::is_paused)
    }

    /// Whether the rest of a large frame is received straight into its message.
    pub fn receives_directly(&mut self) -> bool {
        self.protocol.as_mut().is_some_and(|protocol| protocol.spare().is_some())
    }

    /// Whether the closing handshake is under way.
    pub fn is_closing(&self) -> bool {
        self.protocol.as_ref().is_some_and(|protocol| protocol.state() != State::Open)
    }

    /// Brings the account of memory up to date, and frees what is no longer needed.
    #[inline(always)]
    pub fn account(&mut self, env: &Env) {
        let buffered = self.protocol.as_ref().map_or(0, protocol::Connection::buffered);
        if buffered > 0 || self.extra.is_some() {
            self.account_extra(buffered, env);
        }
    }

    #[inline(never)]
    fn account_extra(&mut self, buffered: usize, env: &Env) {
        let inflater = self.protocol.as_ref().map_or(0, protocol::Connection::inflater);
        let extra = self.extra(env);
        let compressor = extra.compressor.as_ref().map_or(0, |compressor| compressor.held());
        let contexts = (inflater + compressor).max(extra.reserved);
        extra.charge.set(extra.backlog.bytes.capacity() + (buffered - inflater) + contexts);
        self.shrink();
    }

    /// Frees the extra data when there is none.
    pub fn shrink(&mut self) {
        if self.extra.as_ref().is_some_and(|extra| extra.is_empty()) {
            self.extra = None;
        }
    }

    /// Its membership in a topic, without its seat.
    pub fn membership_mut(&mut self, topic: TopicKey) -> Option<&mut Membership> {
        let extra = self.extra.as_deref_mut()?;
        let at = extra.find(topic).ok()?;
        extra.memberships.get_mut(at)
    }

    /// Takes its membership in a topic out, without its seat.
    pub fn take_membership(&mut self, topic: TopicKey) -> Option<Membership> {
        let extra = self.extra.as_deref_mut()?;
        let membership = extra.memberships.remove(extra.find(topic).ok()?);
        self.shrink();
        Some(membership)
    }

    /// Bytes held because of the peer.
    pub fn debt(&self) -> usize {
        self.extra.as_ref().map_or(0, |extra| extra.charge.get().saturating_sub(extra.reserved))
    }

    /// Counts a message. Returns whether it is within the limit of a second, and whether it begins one.
    pub fn count_message(&mut self, limit: u32, env: &Env) -> (bool, bool) {
        let tick = env.tick();
        let rate = self.extra(env).rate.get_or_insert(Rate { since: tick, messages: 0 });
        if tick.since(rate.since) >= 1000 {
            *rate = Rate { since: tick, messages: 0 };
        }
        rate.messages += 1;
        (rate.messages <= limit, rate.messages == 1)
    }

    /// The second in which messages were counted is over.
    pub fn forget_rate(&mut self) {
        if let Some(extra) = self.extra.as_mut() {
            extra.rate = None;
        }
        self.shrink();
    }

    /// Notes since when a message is unfinished; `ended`: one has ended just now. Returns whether its time begins.
    pub fn note_unfinished(&mut self, ended: bool, env: &Env) -> bool {
        let is_unfinished = self.protocol.as_ref().is_some_and(|protocol| !protocol.is_idle());
        if is_unfinished {
            let extra = self.extra(env);
            if extra.unfinished.is_none() || ended {
                extra.unfinished = Some(Unfinished { since: env.tick(), gained: 0 });
                return true;
            }
        } else if self.extra.as_mut().is_some_and(|extra| extra.unfinished.take().is_some()) {
            self.shrink();
        }
        false
    }

    /// Bytes came that belong to an unfinished message.
    #[inline]
    pub fn note_gain(&mut self, len: usize) {
        if let Some(unfinished) = self.extra.as_mut().and_then(|extra| extra.unfinished.as_mut()) {
            unfinished.gained += len as u64;
        }
    }

    /// A span of the message's timeout is over. Returns whether the message has gained enough; then the next span begins.
    pub fn has_gained_enough(&mut self, is_paused: bool, env: &Env) -> bool {
        let Some(unfinished) = self.extra.as_mut().and_then(|extra| extra.unfinished.as_mut()) else { return true };
        // Nothing can come from a peer that is not read from.
        let enough = unfinished.gained >= MESSAGE_PROGRESS || is_paused;
        *unfinished = Unfinished { since: env.tick(), gained: 0 };
        enough
    }
}

/// Why a batch has ended.
pub(crate) enum Outcome {
    /// The input is used up.
    Empty,
    /// A budget is spent.
    Budget,
    /// The handler has told this connection to close.
    Interrupted,
    /// A reply is to be sent from where its message lies, at these addresses: in the input, or in the connection.
    InPlace(Range<usize>),
    /// The peer has sent Close. The answer is in the replies from here on.
    Closed { answer: usize, frame: Option<CloseFrame<'static>> },
    /// The peer has broken a rule. Our Close is in the replies from here on.
    Failed { answer: usize, error: ProtocolError },
}

/// The receiver of a batch's messages.
pub(crate) trait Inbox {
    /// The buffer for answers that the protocol owes.
    fn replies(&mut self) -> &mut Vec<u8>;

    /// Takes a message. Returns why the batch must end, if it must.
    fn message(&mut self, message: Message<'_>) -> Option<Outcome>;

    /// A Ping was answered: the Pong is in the replies from here on.
    fn pong(&mut self, answer: usize);

    /// Whether there are so many broadcasts that they should be delivered before the next message.
    fn is_full(&self) -> bool;
}

/// Hands all messages in `rest` to the inbox, until the input is used up or a budget is spent.
#[inline]
pub(crate) fn run_batch(
    protocol: &mut protocol::Connection,
    rest: &mut &mut [u8],
    allowance: &mut Allowance<'_>,
    inbox: &mut impl Inbox,
) -> Outcome {
    let most = inbox.replies().len() + OUTPUT;
    loop {
        let mark = inbox.replies().len();
        if mark > most || inbox.is_full() {
            return Outcome::Budget;
        }
        // Fast path for whole frames, kept out of the general path so that the message stays in registers.
        match protocol.receive_whole(rest, inbox.replies(), allowance) {
            Some(Ok(message)) => {
                if let Some(outcome) = inbox.message(message) {
                    return outcome;
                }
                continue;
            }
            Some(Err(error)) => return Outcome::Failed { answer: mark, error },
            None if rest.is_empty() && protocol.is_idle() => return Outcome::Empty,
            None => {}
        }
        match protocol.receive_piecewise(rest, inbox.replies(), allowance) {
            Ok(Some(Event::Message(message))) => {
                if let Some(outcome) = inbox.message(message) {
                    return outcome;
                }
            }
            Ok(Some(Event::Ping(_))) => inbox.pong(mark),
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

#[cfg(test)]
mod tests;
