//! Clients that share one poll.

use std::error::Error;
use std::time::Duration;

use mio::{Events, Poll};

use super::client::{BUFFER, Client};
use super::script::Script;
use crate::process::Server;

pub struct Crowd<'a> {
    pub clients: Vec<Client>,
    script: &'a Script,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
}

/// The messages and bytes received on one connection.
#[derive(Clone, Copy, Default)]
pub struct Came {
    pub messages: u64,
    /// All bytes, including headers and parts of messages.
    pub bytes: u64,
}

impl<'a> Crowd<'a> {
    /// Opens connections, one after the other.
    pub fn open(server: &Server, path: &str, clients: usize, script: &'a Script) -> Result<Self, Box<dyn Error>> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(1024));
        let mut crowd = Crowd { clients: Vec::new(), script, poll, events, buffer: vec![0; BUFFER] };
        crowd.join(server, path, clients)?;
        Ok(crowd)
    }

    /// Opens more connections.
    pub fn join(&mut self, server: &Server, path: &str, clients: usize) -> Result<(), Box<dyn Error>> {
        for _ in 0..clients {
            let at = self.clients.len();
            let client = Client::open(server, path, at, self.script);
            let mut client = client.map_err(|error| format!("connection {}: {error}", at + 1))?;
            client.register(&self.poll, at)?;
            self.clients.push(client);
        }
        Ok(())
    }

    /// Waits for events, at most for `timeout`. Returns whether there are any.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, Box<dyn Error>> {
        self.poll.poll(&mut self.events, Some(timeout))?;
        Ok(!self.events.is_empty())
    }

    /// Writes and reads where events allow it. Calls `came` with the index of each client and what it has received.
    pub fn go_on(
        &mut self,
        mut came: impl FnMut(&mut [Client], usize, Came) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        for event in &self.events {
            let at = event.token().0;
            let client = &mut self.clients[at];
            if event.is_writable() {
                client.flush(self.script)?;
            }
            if event.is_readable() {
                let what = client.receive(&mut self.buffer, self.script)?;
                came(&mut self.clients, at, what)?;
            }
        }
        Ok(())
    }

    pub fn has_in_flight(&self) -> bool {
        self.clients.iter().any(|client| client.in_flight() > 0)
    }
}
