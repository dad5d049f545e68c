//! A client of a stage.

use super::received::Received;
use crate::http::{Body, ReceivedResponse, ResponseParser};
use crate::protocol::{self, CloseCode, CloseFrame, Connection, Event, Limits, Message};
use crate::server::transport::memory;

type ClientRole = protocol::Client<fn() -> [u8; 4]>;

/// Where a client sits.
pub(super) struct Seat {
    pub end: memory::Client,
    pub connection: Connection<ClientRole>,
    pub talk: Talk,
    /// The head of the response to an opening handshake, until it is whole.
    head: Vec<u8>,
    pub status: Option<u16>,
    pub received: Vec<Received>,
    pub closed: Option<CloseFrame<'static>>,
    pub is_silent: bool,
}

/// The protocol of a client.
pub(super) enum Talk {
    WebSocket,
    /// A plain request: the parser of its response, whether that has a body, and the response.
    Plain(Box<ResponseParser>, Body, Option<ReceivedResponse>),
}

impl Talk {
    pub fn plain(method: &str) -> Self {
        Talk::Plain(Box::new(ResponseParser::new(usize::MAX)), Body::answering(method), None)
    }

    pub fn take_response(&mut self) -> Option<ReceivedResponse> {
        match self {
            Talk::WebSocket => None,
            Talk::Plain(.., response) => response.take(),
        }
    }
}

impl Seat {
    pub fn new(end: memory::Client, talk: Talk) -> Self {
        let limits = Limits { max_message: u64::MAX, max_frames: u32::MAX };
        let connection = Connection::client(limits, (|| [0x37, 0xfa, 0x21, 0x3d]) as fn() -> _);
        let (head, received) = (Vec::new(), Vec::new());
        Seat { end, connection, talk, head, status: None, received, closed: None, is_silent: false }
    }

    /// Takes what the server has sent.
    pub fn receive(&mut self) {
        let mut bytes = std::mem::take(self.end.bytes());
        if let Talk::Plain(parser, body, response) = &mut self.talk {
            let mut input = &bytes[..];
            while !input.is_empty() {
                let Some(next) = parser.receive(&mut input, *body).expect("the server keeps to the RFC") else {
                    return;
                };
                // An interim response, such as 100 Continue, is not the last.
                if next.status >= 200 {
                    (self.status, *response) = (Some(next.status), Some(next));
                }
            }
            return;
        }
        if self.status.is_none() {
            self.head.append(&mut bytes);
            let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            bytes = self.head.split_off(end + 4);
            let head = String::from_utf8_lossy(&self.head);
            self.status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        }
        if bytes.is_empty() || self.status != Some(101) {
            return;
        }
        let (mut input, mut output) = (&mut bytes[..], Vec::new());
        while let Some(event) = self.connection.receive(&mut input, &mut output).expect("the server keeps to the RFC") {
            match event {
                Event::Message(Message::Text(text)) => self.received.push(Received::Text(text.to_owned())),
                Event::Message(Message::Binary(bytes)) => self.received.push(Received::Binary(bytes.to_vec())),
                Event::Close(frame) => {
                    let none = || CloseFrame::new(CloseCode::NO_STATUS, "");
                    self.closed = Some(frame.map_or_else(none, CloseFrame::into_owned));
                }
                Event::Ping(_) | Event::Pong(_) => {}
            }
        }
        if !output.is_empty() && !self.is_silent {
            self.end.write(&output);
        }
    }
}
