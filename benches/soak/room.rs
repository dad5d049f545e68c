//! A room in which numbered messages are broadcast. Each member must get the same messages.

use std::collections::VecDeque;

use crate::common::noise;
use crate::common::raw::{self, BINARY, FIN};

/// The number of latest messages that are kept for comparison.
const RECENT: usize = 400;

pub struct Room {
    pub path: &'static str,
    len: fn(u64) -> usize,
    recent: VecDeque<Vec<u8>>,
    /// The number of the next message. All earlier ones are sent or queued.
    pub next: u64,
    /// The server has broadcast all messages before this one: a member has received the last of them.
    pub heard: u64,
    /// Whether a member that receives messages has joined.
    pub has_listeners: bool,
}

impl Room {
    /// Creates a room in which message `n` has `8 + len(n)` bytes.
    pub fn new(path: &'static str, len: fn(u64) -> usize) -> Self {
        Room { path, len, recent: VecDeque::new(), next: 0, heard: 0, has_listeners: false }
    }

    /// Returns the frame of the next message.
    pub fn publish(&mut self) -> Vec<u8> {
        let message = self.message(self.next);
        let frame = raw::frame(FIN | BINARY, &message);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
        self.next += 1;
        frame
    }

    fn message(&self, number: u64) -> Vec<u8> {
        [&number.to_be_bytes()[..], &noise(number, (self.len)(number))].concat()
    }

    /// Returns the number of a message.
    ///
    /// # Errors
    /// The message was not published, or its bytes differ.
    pub fn check(&mut self, payload: &[u8]) -> Result<u64, String> {
        let number = payload.first_chunk().map_or(u64::MAX, |number| u64::from_be_bytes(*number));
        if number >= self.next {
            return Err(format!("{}: {} bytes that were never published", self.path, payload.len()));
        }
        let oldest = self.next - self.recent.len() as u64;
        let is_same = match number.checked_sub(oldest).and_then(|at| self.recent.get(at as usize)) {
            Some(message) => message == payload,
            None => self.message(number) == payload,
        };
        if !is_same {
            return Err(format!("{}: message {number} came changed", self.path));
        }
        self.heard = self.heard.max(number + 1);
        Ok(number)
    }
}

/// The messages that one member of a room has received.
pub struct Ear {
    /// Messages from this one on were published after the member joined.
    joined: u64,
    /// The next message that the member must get; `None` before its first one.
    next: Option<u64>,
}

impl Ear {
    pub fn new(room: &mut Room) -> Self {
        room.has_listeners = true;
        Ear { joined: room.next, next: None }
    }

    /// Takes a message, which must be the next one.
    pub fn hear(&mut self, room: &mut Room, payload: &[u8]) -> Result<(), String> {
        let number = room.check(payload)?;
        let is_due = self.next.map_or(number <= self.joined, |next| number == next);
        if !is_due {
            let due = self.next.unwrap_or(self.joined);
            return Err(format!("{}: message {number} came where {due} was due", room.path));
        }
        self.next = Some(number + 1);
        Ok(())
    }

    /// Whether the member has received all messages before `end`.
    pub fn has_heard(&self, end: u64) -> bool {
        self.next.unwrap_or(self.joined) >= end
    }
}
