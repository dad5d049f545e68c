//! permessage-deflate (RFC 7692) of the model's clients: they offer it as the codec's clients do, and read and
//! write with that.

use crate::http::DeflateOffer;
use crate::protocol::{
    Client, Connection, ContextTakeover, DEFLATE_AVAILABLE, DeflateOptions, Deflater, Event, Limits, Message, State,
};
use crate::server::Deflate;
use crate::server::lab::client::Frame;

/// The server's answer to offers on a day.
pub(super) fn wanted(choice: usize) -> Option<Deflate> {
    let deflate = match choice % 4 {
        2 => Deflate::default(),
        3 => Deflate::takeover(),
        _ => return None,
    };
    let threshold = [256, 0][choice / 4 % 2];
    DEFLATE_AVAILABLE.then_some(Deflate { options: DeflateOptions { threshold, ..deflate.options }, ..deflate })
}

/// The offer of a client, if it makes one.
pub(super) struct Offer(Option<DeflateOffer>);

impl Offer {
    pub fn new(choice: usize) -> Self {
        let bit = |at: usize| choice >> at & 1 != 0;
        let context = |takeover| if takeover { ContextTakeover::Yes } else { ContextTakeover::No };
        let window_bits = |small| if small { 9 } else { 15 };
        Offer((!choice.is_multiple_of(4)).then(|| DeflateOffer {
            server_context: context(bit(2)),
            client_context: context(bit(3)),
            server_max_window_bits: window_bits(bit(4)),
            client_max_window_bits: window_bits(bit(5)),
        }))
    }

    /// The head of a request, with the offer.
    pub fn make(&self, request: String) -> String {
        let Some(offer) = self.0 else { return request };
        let value = offer.offer_value();
        request.replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {value}\r\n\r\n"))
    }

    /// The agreed compression.
    pub fn answered(&self, response: &str) -> Option<Compressed> {
        let answer = response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        let Some(offer) = self.0 else {
            assert_eq!(answer, None, "nothing was offered");
            return None;
        };
        let agreed = offer.check_answer(answer).expect("an answer to the offer")?;
        let limits = Limits { max_message: 1 << 26, ..Limits::default() };
        let masking_keys: Keys = || [1, 2, 3, 4];
        let connection = Connection::client(limits, masking_keys).with_extension(agreed);
        let options = DeflateOptions { threshold: 0, ..DeflateOptions::default() };
        Some(Compressed { connection, deflater: Deflater::client(agreed, options) })
    }
}

type Keys = fn() -> [u8; 4];

/// A client's end of a connection, where compression was agreed on.
pub(super) struct Compressed {
    connection: Connection<Client<Keys>>,
    deflater: Deflater,
}

impl Compressed {
    /// A message as it is to be sent with RSV1, if it gets shorter.
    pub fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.deflater.deflate(Message::Binary(payload)).map(<[u8]>::to_vec)
    }

    /// The frames that have come whole with these bytes, messages as they were before they were compressed.
    pub fn frames(&mut self, bytes: &mut Vec<u8>) -> Vec<Frame> {
        let mut bytes = std::mem::take(bytes);
        let (mut input, mut frames) = (&mut bytes[..], Vec::new());
        assert!(input.is_empty() || self.connection.state() == State::Open, "{} bytes after a Close", input.len());
        while let Some(event) = self.connection.receive(&mut input, &mut Vec::new()).expect("frames by the rules") {
            frames.push(match event {
                Event::Message(Message::Text(text)) => Frame::Text(text.to_owned()),
                Event::Message(Message::Binary(bytes)) => Frame::Binary(bytes.to_vec()),
                Event::Ping(payload) => Frame::Ping(payload.to_vec()),
                Event::Pong(payload) => Frame::Pong(payload.to_vec()),
                Event::Close(close) => {
                    assert!(input.is_empty(), "{} bytes after a Close", input.len());
                    close
                        .map_or(Frame::Close(1005, String::new()), |it| Frame::Close(it.code.0, it.reason.into_owned()))
                }
            });
        }
        frames
    }
}
