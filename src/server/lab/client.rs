//! The test's side of sockets in memory: clients that keep no rule unless they are told to, and faults of the network.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::protocol::{FrameHeader, Opcode, mask};
use crate::server::transport::Ready;
use crate::server::transport::memory::{Calls, Client, Codec, Listener, MemorySocket, Network, Reset, Style};
use crate::server::types::id::Peer;

/// The masking key of all frames: that of the RFC's examples (§5.7).
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame that the server has sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code, 1005 for none, and the reason.
    Close(u16, String),
}

impl Network {
    /// A client connects to a listener; it has not been accepted yet.
    pub fn connect(&self, listener: usize) -> Client {
        let state = self.0.borrow();
        let host = if state.listeners[listener].local { [127, 0, 0, 1] } else { [192, 0, 2, 1] };
        let peer = Peer::Tcp((host, client_port(state.wires.len())).into());
        drop(state);
        self.connect_as(listener, peer)
    }

    /// From now on each call on a socket takes so long.
    pub fn cost(&self, span: Duration) {
        self.0.borrow_mut().cost = span;
    }

    /// The most calls on sockets that the loop has made without reading the clock, since the last call.
    pub fn most_calls_without_a_look(&self) -> usize {
        let state = self.0.borrow();
        state.most_calls.take().max(state.calls.take())
    }

    pub fn style(&self, style: Style) {
        self.0.borrow_mut().style = style;
    }

    /// Adds a listener, bound to the loopback. Returns its index.
    pub fn add_local_listener(&self) -> usize {
        let mut state = self.0.borrow_mut();
        state.listeners.push(Listener { local: true, ..Listener::default() });
        state.listeners.len() - 1
    }

    /// Sockets that may be open at a time from now on; one more fails with EMFILE.
    pub fn limit_descriptors(&self, descriptors: usize) {
        self.0.borrow_mut().descriptors = descriptors;
    }

    /// Lets one call of `accept` fail.
    pub fn fail_accept(&self, listener: usize, error: io::Error) {
        self.0.borrow_mut().listeners[listener].errors.push_back(error);
    }

    /// Connections that have not been accepted.
    pub fn waiting(&self, listener: usize) -> usize {
        self.0.borrow().listeners[listener].waiting.len()
    }

    /// Chooses the next event among so many, by an index below their number; and how many one poll reports.
    pub fn order(&self, per_poll: usize, pick: impl FnMut(usize) -> usize + 'static) {
        let mut state = self.0.borrow_mut();
        (state.per_poll, state.pick) = (per_poll, Box::new(pick));
    }

    /// Adds an event to the next ones, whether it is true or not.
    pub fn inject(&self, event: Ready) {
        self.0.borrow_mut().injected.push(event);
    }

    /// Requests a shutdown, as a signal does.
    pub fn request_stop(&self) {
        self.0.borrow_mut().stops += 1;
        (self.waker())();
    }

    /// From now on a poll that finds no event moves the clock to the end of its wait, and fails if that has no end.
    pub fn run(&self) {
        self.0.borrow_mut().runs = true;
    }

    /// Sockets that the server holds.
    pub fn open_sockets(&self) -> usize {
        self.0.borrow().open_sockets()
    }
}

impl MemorySocket {
    /// Whether bytes or the end can be read from it, and no event will say so.
    pub fn waits_to_be_read(&self) -> bool {
        self.network.wire(self.at, |wire| {
            let ended = wire.fin || wire.reset == Reset::Unseen;
            (!wire.inbound.is_empty() || ended && !wire.end_read) && !wire.arrived && !wire.spurious
        })
    }

    /// Whether an event will say that it accepts bytes again.
    pub fn will_be_writable(&self) -> bool {
        self.network.wire(self.at, |wire| wire.full || wire.released || wire.spurious)
    }
}

impl Client {
    /// From now on, and before it has sent anything, it speaks TLS.
    pub fn secure(&self, mut codec: Box<dyn Codec>) {
        self.network.wire(self.at, |wire| {
            wire.arrive(&codec.encode(b""));
            wire.codec = Some(codec);
        });
    }

    /// Ends its side of the stream without a word of TLS.
    #[cfg(feature = "tls")]
    pub fn cut(&self) {
        self.network.wire(self.at, |wire| wire.end());
    }

    /// Its port, which no other client has.
    pub fn port(&self) -> u16 {
        client_port(self.at)
    }

    /// Sends a masked frame with this first byte.
    pub fn frame(&self, first: u8, payload: &[u8]) {
        self.write(&masked(first, payload));
    }

    pub fn text(&self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }

    pub fn ping(&self, payload: &[u8]) {
        self.frame(0x89, payload);
    }

    pub fn close(&self, code: u16) {
        self.frame(0x88, &code.to_be_bytes());
    }

    /// Resets the connection (RST).
    pub fn reset(&self) {
        self.network.wire(self.at, |wire| {
            if wire.reset == Reset::No {
                wire.reset = Reset::Unseen;
                (wire.arrived, wire.released) = (true, true);
            }
        });
    }

    /// The server's socket takes whatever comes.
    pub fn unlimit(&self) {
        self.limit(usize::MAX);
    }

    /// Writes to the server's socket fail from now on, without an event.
    pub fn fail_sends(&self, kind: ErrorKind) {
        self.network.wire(self.at, |wire| wire.send_error = Some(kind));
    }

    /// An event says that the server's socket is readable and writable, though it may be neither.
    pub fn spurious(&self) {
        self.network.wire(self.at, |wire| wire.spurious = true);
    }

    /// The server's calls on its socket since this was asked last.
    pub fn calls(&self) -> Calls {
        self.network.wire(self.at, |wire| std::mem::take(&mut wire.calls))
    }

    /// Bytes that the server has not read.
    pub fn unread(&self) -> usize {
        self.network.wire(self.at, |wire| wire.inbound.len())
    }

    /// Whether the server has ended its side, one way or the other.
    pub fn is_ended(&self) -> bool {
        self.network.wire(self.at, |wire| wire.shut || wire.dropped.is_some())
    }

    /// Whether the server's socket is gone.
    pub fn is_gone(&self) -> bool {
        self.network.wire(self.at, |wire| wire.dropped.is_some())
    }

    /// Whether the server has reset the connection: on purpose, or by leaving bytes unread.
    pub fn is_reset(&self) -> bool {
        self.network.wire(self.at, |wire| wire.dropped.is_some_and(|unread| wire.aborted || unread > 0))
    }

    /// The head of the server's HTTP response, once it is complete.
    pub fn response(&mut self) -> Option<String> {
        let inbox = self.bytes();
        let len = inbox.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        Some(String::from_utf8_lossy(&inbox.drain(..len).collect::<Vec<_>>()).into_owned())
    }

    /// The whole frames that the server has sent since this was asked last.
    pub fn frames(&mut self) -> Vec<Frame> {
        let inbox = self.bytes();
        let mut frames = Vec::new();
        while let Some((header, header_len)) = FrameHeader::parse(inbox).expect("a server's frame by the rules") {
            let len = header_len + usize::try_from(header.payload_len).expect("a frame that fits");
            if inbox.len() < len {
                break;
            }
            let payload = inbox.drain(..len).skip(header_len).collect();
            assert!(header.fin && header.masking_key.is_none(), "{header:?}");
            frames.push(Frame::new(header.opcode, payload));
        }
        frames
    }

    /// The texts that the server has sent since this was asked last, where it has sent nothing else.
    pub fn texts(&mut self) -> Vec<String> {
        let text = |frame| match frame {
            Frame::Text(text) => text,
            other => panic!("no text: {other:?}"),
        };
        self.frames().into_iter().map(text).collect()
    }
}

impl Frame {
    fn new(opcode: Opcode, payload: Vec<u8>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8 from the server");
        match opcode {
            Opcode::Text => Frame::Text(text(&payload)),
            Opcode::Binary => Frame::Binary(payload),
            Opcode::Ping => Frame::Ping(payload),
            Opcode::Pong => Frame::Pong(payload),
            Opcode::Close => match payload.split_first_chunk() {
                Some((code, reason)) => Frame::Close(u16::from_be_bytes(*code), text(reason)),
                None => Frame::Close(1005, String::new()),
            },
            Opcode::Continuation => panic!("a fragment from the server"),
        }
    }
}

fn client_port(at: usize) -> u16 {
    u16::try_from(at + 1).expect("no more clients than there are ports")
}

/// A frame as a client sends it, with this first byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u64;
    let mut frame = vec![first];
    match (u16::try_from(len), u8::try_from(len)) {
        (_, Ok(short @ 0..=125)) => frame.push(0x80 | short),
        (Ok(medium), _) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend(KEY);
    let start = frame.len();
    frame.extend_from_slice(payload);
    mask(&mut frame[start..], KEY, 0);
    frame
}
