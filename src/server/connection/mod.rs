//! One connection as one value. Socket, buffers and time are arguments: nothing here knows the loop, other connections, or
//! an application.
//!
//! | file | holds |
//! |---|---|
//! | `entrance.rs` | a connection that speaks HTTP: PROXY header, requests, bodies, keep-alive |
//! | `websocket.rs` | a connection with an open WebSocket |
//! | `leaving.rs` | a connection that is over for its handler: the last bytes leave, then the stream ends |
//! | `output.rs` | the bytes owed to the peer |
//! | `deadlines.rs` | the one table of deadlines |

pub(crate) mod deadlines;
pub(crate) mod entrance;
pub(crate) mod leaving;
pub(crate) mod output;
#[cfg(test)]
mod testing;
pub(crate) mod websocket;

use std::io;

use self::entrance::Entrance;
use self::leaving::{Leaving, Stage};
use self::output::Output;
use self::websocket::{Backlog, Extra, WebSocket};
use super::transport::{Received, Security, Socket};
use super::types::env::{Env, Tick};

/// A connection. While it is idle it owns no memory on the heap.
pub(crate) struct Connection {
    pub phase: Phase,
    pub output: Output,
    /// When the peer was last heard of, or accepted bytes.
    pub heard: Tick,
    pub reading: Reading,
    /// The door that it came through.
    pub door: u8,
    /// It is in the loop's list of those that have more to read.
    pub is_again: bool,
    /// A Ping was sent since the peer was last heard of.
    pub is_pinged: bool,
}

/// The phases of a connection. Each owns its data, which is freed when the phase ends.
pub(crate) enum Phase {
    Entrance(Entrance),
    WebSocket(WebSocket),
    Leaving(Leaving),
}

/// The state of the read side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// Nothing is there to be read before the socket's next event.
    Drained,
    /// There may be something to read.
    Ready,
    /// The peer has ended its side: the stream must be read to its end, since no other event will come.
    Closing,
    /// The stream has been read to its end.
    Ended,
}

impl Reading {
    /// Whether the peer is known to have ended its side.
    pub fn is_closing(self) -> bool {
        matches!(self, Reading::Closing | Reading::Ended)
    }
}

/// The next piece of work on a connection that wants service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Handle bytes that were received before.
    Backlog,
    /// Go on with a message that is inflated over several turns.
    Inflate,
    /// Handle requests that were received before.
    Requests,
    /// Receive the rest of a large frame where it belongs.
    ReceiveDirectly,
    /// Receive into the loop's buffer.
    Receive,
}

/// The kind of a connection, for limits that concern one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Its request is not complete, or not decided.
    Unfinished,
    /// It was answered, and may send another request.
    Idle,
    /// There was no room for it: it may ask plain requests only.
    Reserve,
    Other,
}

impl Connection {
    /// A connection that was accepted by this door.
    pub fn new(door: u8, entrance: Entrance, env: &Env) -> Self {
        Connection {
            phase: Phase::Entrance(entrance),
            output: Output::default(),
            heard: env.tick(),
            // Registering the socket reports bytes that have already come.
            reading: Reading::Drained,
            door,
            is_again: false,
            is_pinged: false,
        }
    }

    pub fn entrance(&mut self) -> Option<&mut Entrance> {
        match &mut self.phase {
            Phase::Entrance(entrance) => Some(entrance),
            _ => None,
        }
    }

    pub fn websocket(&self) -> Option<&WebSocket> {
        match &self.phase {
            Phase::WebSocket(websocket) => Some(websocket),
            _ => None,
        }
    }

    pub fn websocket_mut(&mut self) -> Option<&mut WebSocket> {
        match &mut self.phase {
            Phase::WebSocket(websocket) => Some(websocket),
            _ => None,
        }
    }

    pub fn leaving(&mut self) -> Option<&mut Leaving> {
        match &mut self.phase {
            Phase::Leaving(leaving) => Some(leaving),
            _ => None,
        }
    }

    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::WebSocket(_))
    }

    /// Whether the socket is no longer needed: the slot is freed at the end of the turn.
    pub fn is_gone(&self) -> bool {
        matches!(&self.phase, Phase::Leaving(leaving) if leaving.stage == Stage::Gone)
    }

    pub fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Entrance(Entrance { no_room: Some(_), .. }) | Phase::Leaving(Leaving { is_reserve: true, .. }) => {
                Standing::Reserve
            }
            Phase::Entrance(entrance) if entrance.is_idle() => Standing::Idle,
            Phase::Entrance(_) => Standing::Unfinished,
            Phase::WebSocket(_) | Phase::Leaving(_) => Standing::Other,
        }
    }

    /// Requests that its entrance has answered.
    pub fn served(&self) -> u16 {
        match &self.phase {
            Phase::Entrance(entrance) => entrance.served,
            Phase::WebSocket(_) | Phase::Leaving(_) => 0,
        }
    }

    /// The extra data of its visitor: what the application has attached, and the like. It outlives the WebSocket until
    /// `close` was called.
    pub fn extra(&self) -> Option<&Extra> {
        match &self.phase {
            Phase::Entrance(entrance) => entrance.extra(),
            Phase::WebSocket(websocket) => websocket.extra.as_deref(),
            Phase::Leaving(leaving) => leaving.kept.as_deref(),
        }
    }

    /// The same, to be changed; it is made where there is none yet.
    pub fn extra_mut(&mut self, env: &Env) -> &mut Extra {
        self.place_of_extra().get_or_insert_with(|| Box::new(Extra::new(env)))
    }

    /// Frees the extra data when there is none.
    pub fn shrink_extra(&mut self) {
        let extra = self.place_of_extra();
        if extra.as_ref().is_some_and(|extra| extra.is_empty()) {
            *extra = None;
        }
    }

    fn place_of_extra(&mut self) -> &mut Option<Box<Extra>> {
        match &mut self.phase {
            Phase::Entrance(entrance) => entrance.extra_mut(),
            Phase::WebSocket(websocket) => &mut websocket.extra,
            Phase::Leaving(leaving) => &mut leaving.kept,
        }
    }

    /// Whether it may send frames: its WebSocket is open, and no Close has been sent (5.5.1).
    #[inline]
    pub fn may_send(&self) -> bool {
        matches!(&self.phase, Phase::WebSocket(websocket) if !websocket.is_close_sent)
    }

    /// Whether there is something to read or to handle, and nothing forbids it.
    #[inline]
    pub fn wants_service(&self) -> bool {
        let may_read = matches!(self.reading, Reading::Ready | Reading::Closing);
        let has_something = match &self.phase {
            Phase::WebSocket(websocket) => may_read || websocket.has_work(),
            Phase::Entrance(entrance) => !entrance.is_owed_an_answer() && (may_read || entrance.has_backlog()),
            Phase::Leaving(leaving) => leaving.stage != Stage::Gone && may_read,
        };
        has_something && !self.output.is_paused()
    }

    #[inline]
    pub fn next_work(&mut self) -> Work {
        match &mut self.phase {
            Phase::WebSocket(websocket) if websocket.has_backlog() => Work::Backlog,
            Phase::WebSocket(websocket) if websocket.is_inflating() => Work::Inflate,
            Phase::WebSocket(websocket) => {
                if websocket.receives_directly() {
                    Work::ReceiveDirectly
                } else {
                    Work::Receive
                }
            }
            Phase::Entrance(entrance) if entrance.has_backlog() => Work::Requests,
            Phase::Entrance(_) | Phase::Leaving(_) => Work::Receive,
        }
    }

    /// An event: there may be something to read, or the end of the stream.
    pub fn note_readable(&mut self, read_closed: bool) {
        if self.reading != Reading::Ended {
            self.reading =
                if read_closed || self.reading == Reading::Closing { Reading::Closing } else { Reading::Ready };
        }
    }

    /// Receives into a buffer, and draws the conclusions about the read side.
    #[inline(always)]
    pub fn receive(&mut self, socket: &mut impl Socket, buffer: &mut [u8], env: &Env) -> io::Result<Received> {
        let received = socket.receive(buffer);
        match received {
            // Nearly always bytes have come, and no more are there.
            Ok(Received { wire: 1.., drained, ended: false, .. }) => {
                // The end of the stream may lie right behind these bytes, and no other event will tell.
                if drained && self.reading != Reading::Closing {
                    self.reading = Reading::Drained;
                }
                (self.heard, self.is_pinged) = (env.tick(), false);
            }
            Ok(Received { ended: true, .. }) => self.reading = Reading::Ended,
            Ok(Received { drained: true, .. }) | Err(_) => self.reading = Reading::Drained,
            Ok(_) => {}
        }
        if socket.pending() > 0 {
            self.output.note_pending(socket.pending(), env);
        }
        received
    }

    /// Brings the account of memory up to date, and frees what is no longer needed.
    #[inline(always)]
    pub fn account(&mut self, env: &Env) {
        match &mut self.phase {
            Phase::Entrance(entrance) => entrance.account(),
            Phase::WebSocket(websocket) => websocket.account(env),
            Phase::Leaving(_) => {}
        }
    }

    /// Bytes that this connection holds or is owed, without memory that is only reserved for it.
    pub fn debt(&self) -> usize {
        let phase = match &self.phase {
            Phase::Entrance(entrance) => entrance.held(),
            Phase::WebSocket(websocket) => websocket.debt(),
            Phase::Leaving(_) => 0,
        };
        phase + self.output.held() + self.output.len()
    }

    /// Ends the phase, whichever it is: from now on its last bytes leave. The read side is discarded.
    pub fn leave(&mut self, leaving: Leaving) -> Phase {
        self.output.stop_pausing();
        std::mem::replace(&mut self.phase, Phase::Leaving(leaving))
    }

    /// Goes on leaving as far as possible now. Returns whether it has come to its end.
    pub fn try_to_finish(&mut self, socket: Option<&mut impl Socket>, env: &Env) -> bool {
        let owes = self.output.len() > 0;
        let (ended, drained) = (self.reading == Reading::Ended, self.reading == Reading::Drained);
        let Phase::Leaving(leaving) = &mut self.phase else { return false };
        if leaving.stage != Stage::Owing || owes {
            return false;
        }
        let Some(socket) = socket else { return true };
        // After a Close the peer still sends the end of TLS. It must find the socket open, or it may lose our Close.
        let is_at_end = leaving.is_clean && drained && socket.security() != Security::Secure;
        if ended || is_at_end {
            socket.say_goodbye();
            return true;
        }
        leaving.linger(env);
        let has_failed = socket.shutdown_write().is_err();
        if socket.pending() > 0 {
            self.output.note_pending(socket.pending(), env);
        }
        has_failed
    }

    /// Bytes came that nobody wants. Returns whether there were too many.
    pub fn discard(&mut self, len: usize) -> bool {
        self.leaving().is_some_and(|leaving| leaving.discard(len))
    }

    /// Takes the bytes that wait to be handled.
    pub fn take_backlog(&mut self) -> Backlog {
        let extra = self.websocket_mut().and_then(|websocket| websocket.extra.as_mut());
        extra.map(|extra| std::mem::take(&mut extra.backlog)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_fits_in_its_slot() {
        assert!(size_of::<Connection>() <= 56, "{}", size_of::<Connection>());
        assert_eq!(size_of::<Option<Connection>>(), size_of::<Connection>());
    }
}
