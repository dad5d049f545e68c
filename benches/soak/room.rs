//! A room in which numbered messages are broadcast, each of which is the same for everyone.

use std::collections::VecDeque;

use crate::common::noise;
use crate::common::raw::{self, BINARY, FIN};

/// Messages that are kept to be compared with.
const RECENT: usize = 400;

pub struct Room {
    pub path: &'static str,
    len: fn(u64) -> usize,
    recent: VecDeque<Vec<u8>>,
    /// The number of the next message: all before it have been handed to the publisher's socket, or wait for it.
    pub next: u64,
    /// Up to where somebody has heard it: so far the server has broadcast it to everyone.
    pub heard: u64,
    /// Whether somebody has been there to hear what was said since.
    pub has_listeners: bool,
}

impl Room {
    /// A room where message `n` has `8 + len(n)` bytes.
    pub fn new(path: &'static str, len: fn(u64) -> usize) -> Self {
        Room { path, len, recent: VecDeque::new(), next: 0, heard: 0, has_listeners: false }
    }

    /// The frame of the next message.
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

    /// The number of a message; why not, if it is none of those that were published.
    pub fn check(&mut self, payload: &[u8]) -> Result<u64, String> {
        let number = payload.first_chunk().map_or(u64::MAX, |number| u64::from_be_bytes(*number));
        if number >= self.next {
            return Err(format!("{}: {} bytes that nobody has published", self.path, payload.len()));
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

/// What one member of a room has heard.
pub struct Ear {
    /// Messages from this one on were published after it had come.
    joined: u64,
    /// The one that is to come; `None` before the first.
    next: Option<u64>,
}

impl Ear {
    pub fn new(room: &mut Room) -> Self {
        room.has_listeners = true;
        Ear { joined: room.next, next: None }
    }

    /// Takes a message, which must be the one that follows the last.
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

    /// Whether it has heard everything before `end`.
    pub fn has_heard(&self, end: u64) -> bool {
        self.next.unwrap_or(self.joined) >= end
    }
}
