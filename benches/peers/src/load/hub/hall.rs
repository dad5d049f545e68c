//! Publishers and listeners that share one poll.

use std::error::Error;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::listener::Listener;
use super::publisher::{Answer, Publisher, Requests};
use crate::load::client::BUFFER;
use crate::load::crowd::Came;
use crate::load::script::Script;
use crate::load::walker::Form;

/// The token of the first publisher. Tokens of listeners are their indices.
const PUBLISHERS: usize = 1 << 24;

pub struct Hall<'a> {
    address: SocketAddr,
    pub listeners: Vec<Listener>,
    pub publishers: Vec<Publisher>,
    requests: Requests,
    script: &'a Script,
    /// Messages that were published.
    pub published: u64,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
}

/// An event on one connection.
pub enum Happened {
    /// A listener with this index has received messages.
    Heard(usize, Came),
    /// A publisher with this index has the answer to a request, which was due at this time.
    Answered(usize, Instant),
}

impl<'a> Hall<'a> {
    /// Connects publishers, who will publish to so many channels.
    pub fn open(address: SocketAddr, publishers: usize, channels: usize, script: &'a Script) -> io::Result<Self> {
        let mut hall = Hall {
            address,
            listeners: Vec::new(),
            publishers: Vec::new(),
            requests: Requests::new(address, channels, script.len),
            script,
            published: 0,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; BUFFER],
        };
        for at in 0..publishers {
            hall.publishers.push(hall.publisher(at)?);
        }
        Ok(hall)
    }

    /// Connects the publisher with an index.
    fn publisher(&self, at: usize) -> io::Result<Publisher> {
        let mut publisher = Publisher::open(self.address)?;
        publisher.register(&self.poll, Token(PUBLISHERS + at))?;
        Ok(publisher)
    }

    /// Connects listeners, one after the other, to the channel that `channel` gives for each index.
    pub fn listen(&mut self, count: usize, form: Form, channel: impl Fn(usize) -> usize) -> Result<(), Box<dyn Error>> {
        for _ in 0..count {
            let at = self.listeners.len();
            let listener = Listener::open(self.address, &super::path(channel(at)), form);
            let mut listener = listener.map_err(|error| format!("listener {}: {error}", at + 1))?;
            listener.register(&self.poll, Token(at))?;
            self.listeners.push(listener);
        }
        Ok(())
    }

    pub fn channels(&self) -> usize {
        self.requests.channels()
    }

    /// Publishes the script's next message, which was due at `due`.
    pub fn publish(&mut self, publisher: usize, channel: usize, due: Instant) -> io::Result<()> {
        let request = self.requests.request(channel, self.script.payload(self.published));
        self.published += 1;
        self.publishers[publisher].send(request, due)
    }

    /// Whether a publish has not been answered.
    pub fn is_waiting(&self) -> bool {
        self.publishers.iter().any(Publisher::is_waiting)
    }

    /// Waits for events, at most for `timeout`. Returns whether there are any.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        self.poll.poll(&mut self.events, Some(timeout))?;
        Ok(!self.events.is_empty())
    }

    /// Reads where events allow it, and tells `happened` what has come.
    pub fn go_on(
        &mut self,
        mut happened: impl FnMut(&mut Self, Happened) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        // Allocates nothing.
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let at = event.token().0;
            if at < PUBLISHERS {
                let came = self.listeners[at].receive(&mut self.buffer, self.script)?;
                happened(self, Happened::Heard(at, came))?;
            } else if let Some(Answer { since, is_last }) =
                self.publishers[at - PUBLISHERS].receive(&mut self.buffer)?
            {
                if is_last {
                    self.publishers[at - PUBLISHERS] = self.publisher(at - PUBLISHERS)?;
                }
                happened(self, Happened::Answered(at - PUBLISHERS, since))?;
            }
        }
        self.events = events;
        Ok(())
    }
}
