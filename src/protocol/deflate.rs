//! permessage-deflate (RFC 7692): the payloads of messages are compressed, each as a whole, before they are framed.
//!
//! It knows nothing of headers and of how it was negotiated; `crate::http` does that.
//!
//! | RFC 7692 | rule | kept in |
//! |---|---|---|
//! | 6, 7.2.3.1 | RSV1 marks a compressed message, on its first frame alone | [`Connection::receive`](super::Connection::receive) |
//! | 7.1.1 | context takeover, or none | [`Extension`] |
//! | 7.1.2 | window bits | [`Extension`], [`Deflater::new`] |
//! | 7.2.1 | compression: flush, cut the last 4 bytes off | [`Deflater::send`], [`Deflater::encode_frame`] |
//! | 7.2.2 | decompression: append them again | [`Connection::receive`](super::Connection::receive) |
//! | 7.2.3.4 | blocks with BFINAL | [`Connection::receive`](super::Connection::receive) |
//! | 8.2 | limits on what is decompressed | [`Limits::max_message`](super::Limits::max_message), [`Contexts`] |

mod contexts;
mod deflater;
mod inflation;
#[cfg(test)]
mod tests;

pub use self::contexts::{Contexts, Tally};
pub use self::deflater::{DeflateOptions, Deflater};
pub(super) use self::inflation::{Inflation, begin};

/// What a flush ends with, and a message on the wire does not have (7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Whether what was sent before helps to compress the next message (7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextTakeover {
    /// Each message stands alone: between two messages there is nothing to keep.
    No,
    /// Each message may refer to those before it: both ends keep a context as long as the connection lasts.
    Yes,
}

/// permessage-deflate as both sides have agreed on it (RFC 7692 §7.1): the same value at both ends.
///
/// ```
/// use sockhop::http::DeflateOffer;
/// use sockhop::protocol::{Connection, DeflateOptions, Deflater, Event, Limits, Message};
///
/// // Both header lines are Sec-WebSocket-Extensions.
/// let (wish, terms) = (DeflateOffer::default(), DeflateOffer::default());
/// let request = wish.offer_value();
/// let agreed = terms.answer(&request)?.ok_or("not agreed on")?;
/// let response = DeflateOffer::header_value(agreed);
/// let agreed = wish.check_answer([response.as_str()])?.ok_or("not agreed on")?;
///
/// let random = || [1, 2, 3, 4]; // A client's masking keys must be: 5.3.
/// let mut client = Connection::client(Limits::default(), random).with_extension(agreed);
/// let mut deflater = Deflater::client(agreed, DeflateOptions::default());
/// let (text, mut bytes) = ("to be or not to be, ".repeat(20), Vec::new());
/// client.send_deflated(Message::Text(&text), &mut deflater, &mut bytes)?;
/// assert!(bytes.len() < 50);
///
/// let mut server = Connection::server(Limits::default()).with_extension(agreed);
/// let event = server.receive(&mut &mut bytes[..], &mut Vec::new())?;
/// assert_eq!(event, Some(Event::Message(Message::Text(&text))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    /// How the server compresses: `ContextTakeover::No` is server_no_context_takeover.
    pub server_context: ContextTakeover,
    /// How the client compresses: `ContextTakeover::No` is client_no_context_takeover.
    pub client_context: ContextTakeover,
    /// server_max_window_bits, 8 to 15: the server refers back no further than 2 to this power. Default: 15.
    pub server_max_window_bits: u8,
    /// client_max_window_bits, 8 to 15. Default: 15.
    pub client_max_window_bits: u8,
}

impl Default for Extension {
    /// Without parameters.
    fn default() -> Self {
        Self {
            server_context: ContextTakeover::Yes,
            client_context: ContextTakeover::Yes,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// The bits of a window that zlib can work with: 8 is not among them, but a window may be larger than it has to be.
fn zlib_window_bits(bits: u8) -> u8 {
    bits.clamp(9, 15)
}
