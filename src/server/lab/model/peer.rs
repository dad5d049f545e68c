//! A client of the model.

use std::io::ErrorKind;

use super::Draw;
use super::compressed::{Compressed, Offer};
use super::payloads::filling;
use super::plain::Requests;
use super::world::World;
use crate::server::lab::bed::request;
use crate::server::lab::client::{Frame, masked};
use crate::server::transport::memory::Client;

/// The bit, in the first byte of a frame, that says that its message is compressed.
const RSV1: u8 = 0x40;

pub(super) struct Peer {
    client: Client,
    /// Its port, which tells it apart.
    pub number: u16,
    /// Bytes that it is about to send.
    pending: Vec<u8>,
    /// Its messages, those under way included.
    pub sent: u32,
    /// How far it has come in what it expects.
    pub place: usize,
    pings: Vec<u8>,
    ponged: usize,
    requests: Requests,
    /// It has sent its opening handshake.
    has_upgraded: bool,
    offer: Offer,
    /// The agreed compression, if any.
    compressed: Option<Compressed>,
    has_response: bool,
    is_refused: bool,
    is_closed: bool,
    /// It answers what has to be answered.
    is_polite: bool,
    /// It has said its last word: a Close, or what breaks a rule.
    is_over: bool,
    has_left: bool,
}

impl Peer {
    pub fn new(client: Client, draw: &mut Draw<'_>, world: &mut World) -> Self {
        let choice = draw.below(256);
        let mut peer = Peer {
            number: client.port(),
            client,
            pending: Vec::new(),
            sent: 0,
            place: 0,
            pings: Vec::new(),
            ponged: 0,
            requests: Requests::new(),
            has_upgraded: false,
            offer: Offer::new(choice / 4),
            compressed: None,
            has_response: false,
            is_refused: false,
            is_closed: false,
            is_polite: !choice.is_multiple_of(4),
            is_over: false,
            has_left: false,
        };
        let is_plain = choice % 4 == 3;
        let requests = if is_plain { draw.below(4) } else { 0 };
        (0..requests).for_each(|_| peer.request(draw, world));
        if !is_plain || requests > 1 {
            peer.upgrade(draw);
        }
        peer
    }

    /// Makes a plain request.
    fn request(&mut self, draw: &mut Draw<'_>, world: &mut World) {
        if !self.requests.is_ended {
            let request = self.requests.make(draw, world);
            self.write(&request, draw);
        }
    }

    /// Sends the opening handshake.
    fn upgrade(&mut self, draw: &mut Draw<'_>) {
        self.has_upgraded = true;
        self.write(self.offer.make(request("/")).as_bytes(), draw);
    }

    /// Whether it sends nothing any more.
    pub fn has_left(&self) -> bool {
        self.has_left || self.client.is_gone()
    }

    pub fn act(&mut self, draw: &mut Draw<'_>, world: &mut World) {
        match draw.below(16) {
            0..=5 if !self.has_upgraded => self.request(draw, world),
            6 | 14 if !self.has_upgraded => self.upgrade(draw),
            0..=5 => self.message(draw, world),
            6 => {
                if !self.is_over {
                    self.pings.push(self.pings.len() as u8);
                    self.write(&masked(0x89, &self.pings[self.pings.len() - 1..]), draw);
                }
            }
            7 | 8 => self.client.limit(draw.pick(&[0, 1, 3, 100, 3000, 60_000])),
            9 => self.client.unlimit(),
            10 => {
                let len = self.pending.len().min(draw.pick(&[1, 2, 7, 100, 5000, 100_000]));
                let bytes: Vec<u8> = self.pending.drain(..len).collect();
                self.client.write(&bytes);
            }
            11 | 12 => self.client.spurious(),
            13 => match draw.below(256) {
                choice if choice.is_multiple_of(3) => {
                    self.client.fail_sends(draw.pick(&[ErrorKind::ConnectionReset, ErrorKind::BrokenPipe]));
                }
                choice if self.has_upgraded => self.offend(choice / 3, draw, world),
                _ => {}
            },
            14 => self.last_word(&masked(0x88, &1000_u16.to_be_bytes()), draw),
            _ => self.leave(draw),
        }
    }

    /// Says something: whole or in fragments, with a Ping between them.
    fn message(&mut self, draw: &mut Draw<'_>, world: &mut World) {
        if self.is_over {
            return;
        }
        let acts: Vec<u8> = (0..draw.below(5)).map(|_| draw.below(256) as u8).collect();
        let len = world.allowed(draw.pick(&[0, 0, 0, 150, 3000, 40_000, 66_000, 150_000, 400_000, 1_000_000]));
        let mut payload = self.sent.to_le_bytes().to_vec();
        payload.push(acts.len() as u8);
        payload.extend(acts);
        payload.extend(filling(self.sent, len.saturating_sub(payload.len())));
        self.sent += 1;
        let repeat = draw.pick(&[0, 0, 0, 20]);
        let choice = draw.below(256);
        let mut rsv1 = 0;
        if !(choice / 4).is_multiple_of(4)
            && let Some(deflated) = self.deflated(&payload)
        {
            (payload, rsv1) = (deflated, RSV1);
        }
        let mut bytes = match choice % 4 {
            0 => {
                let (first, rest) = payload.split_at(draw.below(payload.len().min(255)));
                self.pings.push(self.pings.len() as u8);
                let ping = &self.pings[self.pings.len() - 1..];
                [masked(0x02 | rsv1, first), masked(0x89, ping), masked(0x00, b""), masked(0x80, rest)].concat()
            }
            _ => masked(0x82 | rsv1, &payload),
        };
        for _ in 0..repeat {
            bytes.extend(masked(0x82, &[&self.sent.to_le_bytes()[..], &[1, 0x11]].concat()));
            self.sent += 1;
        }
        self.write(&bytes, draw);
    }

    fn deflated(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.compressed.as_mut()?.deflate(payload)
    }

    /// Breaks a rule, or does what might break one.
    fn offend(&mut self, choice: usize, draw: &mut Draw<'_>, world: &mut World) {
        match choice % 8 {
            0 | 1 => self.last_word(&masked(0x83, b"no such opcode"), draw),
            2 => self.last_word(&masked(0x81, b"\xFF"), draw),
            3 => self.last_word(&masked(0x89 | RSV1, b""), draw),
            4 => self.last_word(&[masked(0x02, b""), masked(0x80 | RSV1, b"")].concat(), draw),
            5 => {
                // More than the server takes, once it is inflated.
                let len = world.allowed(1024 * 1024 + 1);
                if let Some(bomb) = self.deflated(&vec![0; len]).filter(|_| len > 1024 * 1024) {
                    self.last_word(&masked(0x82 | RSV1, &bomb), draw);
                }
            }
            // Compressed, or so it says.
            _ => {
                if !self.is_over {
                    world.garbled(self.number, self.sent);
                }
                let garbage: Vec<u8> = (0..draw.below(64)).map(|_| draw.below(256) as u8).collect();
                self.last_word(&masked(draw.pick(&[0x82, 0x81, 0x02]) | RSV1, &garbage), draw);
            }
        }
    }

    fn last_word(&mut self, bytes: &[u8], draw: &mut Draw<'_>) {
        if self.has_upgraded && !self.is_over {
            self.is_over = true;
            self.write(bytes, draw);
        }
    }

    /// Sends bytes, or a part of them: the rest follows when it acts so, or at the end.
    fn write(&mut self, bytes: &[u8], draw: &mut Draw<'_>) {
        self.pending.extend_from_slice(bytes);
        let len = self.pending.len();
        let now = match draw.below(4) {
            0 => draw.below(256).min(len),
            1 => len - draw.below(256).min(len),
            _ => len,
        };
        let bytes: Vec<u8> = self.pending.drain(..now).collect();
        self.client.write(&bytes);
    }

    /// Sends all that it was about to, and takes all that it gets.
    pub fn finish_sending(&mut self) {
        self.client.unlimit();
        let bytes = std::mem::take(&mut self.pending);
        self.client.write(&bytes);
    }

    pub fn leave(&mut self, draw: &mut Draw<'_>) {
        if std::mem::replace(&mut self.has_left, true) {
            return;
        }
        match draw.below(3) {
            0 => self.client.finish(),
            1 => self.client.reset(),
            _ => {
                self.last_word(&masked(0x88, b""), draw);
                self.client.finish();
            }
        }
    }

    /// Asserts that all requests were answered, if it is still here.
    pub fn check(&self) {
        let is_here = !self.has_left() && !self.client.is_ended();
        assert!(!is_here || self.requests.are_answered(), "{} waits for an answer", self.number);
        assert!(!is_here || !self.has_upgraded || self.has_response, "{} waits for its handshake", self.number);
    }

    /// Looks at what has come.
    pub fn look(&mut self, world: &mut World) {
        if !self.requests.look(self.client.bytes(), self.has_upgraded) {
            return;
        }
        if !self.has_response {
            let Some(response) = self.client.response() else { return };
            self.has_response = true;
            self.is_refused = !response.starts_with("HTTP/1.1 101");
            self.compressed = self.offer.answered(&response);
        }
        if self.is_refused {
            return;
        }
        let frames = match &mut self.compressed {
            Some(compressed) => compressed.frames(self.client.bytes()),
            None => self.client.frames(),
        };
        for frame in frames {
            assert!(!self.is_closed, "{frame:?} after a Close");
            self.got(frame, world);
        }
    }

    fn got(&mut self, frame: Frame, world: &mut World) {
        match frame {
            Frame::Binary(bytes) => world.arrived(self.number, &mut self.place, &bytes),
            Frame::Text(text) => panic!("{text:?}, which nobody says"),
            Frame::Ping(_) if self.is_polite && !self.is_over && !self.has_left => {
                self.pending.extend(masked(0x8A, b""));
            }
            Frame::Ping(_) => {}
            Frame::Pong(payload) => {
                let next = self.pings[self.ponged..].iter().position(|ping| *ping == payload[0]);
                self.ponged += 1 + next.expect("a Pong that answers a Ping");
            }
            Frame::Close(_, reason) => {
                self.is_closed = true;
                if reason == World::BYE {
                    world.closed(self.number, self.place);
                }
                if self.is_polite && !self.is_over && !self.has_left {
                    self.is_over = true;
                    self.pending.extend(masked(0x88, &1000_u16.to_be_bytes()));
                }
            }
        }
    }
}
