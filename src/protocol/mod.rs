//! RFC 6455 §5 to §8 without I/O: frames, messages, the closing handshake.
//!
//! Received bytes go in; [`Event`]s and bytes for the peer come out. There is no socket and no clock, so it fits any loop.
//! The opening handshake (§4) comes before it: see [`http`](crate::http).
//!
//! | RFC 6455 | rule | kept in |
//! |---|---|---|
//! | 5.1 | a client masks, a server does not | [`Role::MASKS`], [`Connection::receive`], [`Connection::send`] |
//! | 5.2 | base framing: RSV, opcodes, lengths | [`FrameHeader::parse`], [`FrameHeader::encode`], [`encode_frame`] |
//! | 5.3 | masking | [`mask`] |
//! | 5.4 | fragmentation | [`Connection::receive`] |
//! | 5.5 | control frames: short, whole | [`FrameHeader::parse`], [`Connection::ping`] |
//! | 5.5.1 | Close: its payload, answered once | [`CloseFrame::parse`], [`Connection::receive`] |
//! | 5.5.2, 5.5.3 | Ping is answered by Pong | [`Connection::receive`] |
//! | 5.6 | text and binary | [`Message`] |
//! | 6.1 | sending | [`Connection::send`] |
//! | 6.2 | receiving | [`Connection::receive`] |
//! | 7.1.2, 7.1.3 | the closing handshake | [`Connection::close`], [`State`] |
//! | 7.1.7 | failing the connection | [`Connection::receive`], [`ProtocolError::close_code`] |
//! | 7.4 | status codes | [`CloseCode::may_be_sent`] |
//! | 8.1 | text is UTF-8 | [`Utf8Validator`] |
//! | 9 | extensions: permessage-deflate (RFC 7692), with the feature `deflate` | [`Extension`], [`Deflater`], [`Contexts`] |
//! | 10.3 | unpredictable masking keys | [`Connection::client`] |
//! | 10.4 | limits | [`Limits`] |
//!
//! # Example
//!
//! A client and a server exchange frames through two vectors instead of sockets. A server with its own loop finds more in
//! [`Connection`], under "For a loop of your own".
//!
//! ```
//! use sockhop::protocol::{CloseFrame, Connection, Event, Limits, Message, State, encode_frame};
//!
//! // This masking key is the RFC's example. Real ones are random: see `Connection::client`.
//! let mut client = Connection::client(Limits::default(), || [0x37, 0xfa, 0x21, 0x3d]);
//! let mut server = Connection::server(Limits::default());
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!
//! client.send(Message::Text("Hello"), &mut to_server)?;
//! client.ping(b"there?", &mut to_server)?;
//!
//! // The server echoes messages. `receive` answers the Ping.
//! let mut input = &mut to_server[..];
//! while let Some(event) = server.receive(&mut input, &mut to_client)? {
//!     if let Event::Message(message) = event {
//!         encode_frame(message.opcode(), message.as_bytes(), &mut to_client);
//!     }
//! }
//! assert_eq!(to_client, b"\x81\x05Hello\x8A\x06there?");
//!
//! // The client receives both answers and closes.
//! to_server.clear();
//! let mut input = &mut to_client[..];
//! assert_eq!(client.receive(&mut input, &mut to_server)?, Some(Event::Message(Message::Text("Hello"))));
//! assert_eq!(client.receive(&mut input, &mut to_server)?, Some(Event::Pong(b"there?")));
//! client.close(Some(&CloseFrame::normal("bye")), &mut to_server)?;
//! assert_eq!(client.state(), State::Closing);
//!
//! // `receive` answers the Close, and the server may end the TCP connection.
//! to_client.clear();
//! let mut input = &mut to_server[..];
//! let event = server.receive(&mut input, &mut to_client)?;
//! assert_eq!(event, Some(Event::Close(Some(CloseFrame::normal("bye")))));
//! assert_eq!(server.state(), State::Closed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod buffer;
mod close;
mod connection;
mod deflate;
mod error;
mod frame;
mod message;
#[cfg(test)]
pub(crate) mod testing;
mod utf8;

pub use close::{CloseCode, CloseFrame};
pub use connection::{Allowance, Client, Connection, Event, Role, Server, State};
pub use deflate::{ContextTakeover, Contexts, DEFLATE_AVAILABLE, DeflateOptions, Deflater, Extension, Tally};
pub use error::{ControlError, NotOpen, ProtocolError};
pub use frame::{FrameHeader, Opcode, encode_frame, mask};
pub use message::{Limits, Message};
pub use utf8::{InvalidUtf8, Utf8Validator};
