//! permessage-deflate (RFC 7692): the payload of a message is compressed as a whole, then framed.
//!
//! Its types exist in every build. Only `zlib.rs` needs the feature `deflate`; without it no extension is negotiated and
//! nothing is compressed. The handshake's part of RFC 7692 is in `crate::http`.
//!
//! | RFC 7692 | rule | kept in |
//! |---|---|---|
//! | 6, 7.2.3.1 | RSV1 marks a compressed message, on its first frame only | [`Connection::receive`](super::Connection::receive) |
//! | 7.1.1 | context takeover, or none | [`Extension`] |
//! | 7.1.2 | window bits | [`Extension`], [`Deflater::new`] |
//! | 7.2.1 | compression: flush, cut off the last 4 bytes | [`Deflater::deflate`] |
//! | 7.2.2 | decompression: append them again | [`Connection::receive`](super::Connection::receive) |
//! | 7.2.3.4 | blocks with BFINAL | [`Connection::receive`](super::Connection::receive) |
//! | 8.2 | limits on the inflated size | [`Limits::max_message`](super::Limits::max_message), [`Contexts`] |

mod contexts;
mod deflater;
mod inflation;
#[cfg(all(test, feature = "deflate"))]
mod tests;
#[cfg(feature = "deflate")]
mod zlib;
#[cfg(not(feature = "deflate"))]
#[path = "deflate/no_zlib.rs"]
mod zlib;

pub use self::contexts::{Contexts, Tally};
pub use self::deflater::{DeflateOptions, Deflater};
pub(super) use self::inflation::{Inflation, Progress, max_compressed};
pub(crate) use self::zlib::Zlib;

/// Whether this build can compress and inflate: whether it has the feature `deflate`.
///
/// All types of permessage-deflate exist without the feature, too. Then a server declines every offer
/// ([`DeflateOffer::answer`](crate::http::DeflateOffer::answer)), [`Connection::with_extension`] changes nothing, and a
/// [`Deflater`] compresses nothing. A client must not offer the extension.
///
/// [`Connection::with_extension`]: super::Connection::with_extension
pub const DEFLATE_AVAILABLE: bool = Zlib::get().is_some();

/// The end of every flush, which is not sent (7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Where a call of an inflater ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Within a DEFLATE stream.
    InStream,
    /// Behind a block with BFINAL.
    StreamEnd,
}

/// Whether earlier messages help to compress the next one (7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextTakeover {
    /// Each message is compressed on its own: neither end keeps anything between two messages.
    No,
    /// A message may refer to earlier ones: both ends keep a context for the life of the connection.
    Yes,
}

/// permessage-deflate as one side uses it (RFC 7692 §7.1). A server may compress with a smaller window than it has named, or
/// without context takeover.
///
/// ```
/// use sockhop::http::DeflateOffer;
/// use sockhop::protocol::{Connection, DeflateOptions, Deflater, Event, Limits, Message};
///
/// # if !sockhop::protocol::DEFLATE_AVAILABLE { return Ok(()) }
/// // Client and server exchange these values in Sec-WebSocket-Extensions.
/// let (wish, terms) = (DeflateOffer::default(), DeflateOffer::default());
/// let request = wish.offer_value();
/// let agreed = terms.answer(&request)?.ok_or("declined")?;
/// let response = agreed.to_string();
/// let of_server = agreed.extension;
/// let agreed = wish.check_answer([response.as_str()])?.ok_or("declined")?;
///
/// let random = || [1, 2, 3, 4]; // Real masking keys are random: see `Connection::client`.
/// let mut client = Connection::client(Limits::default(), random).with_extension(agreed);
/// let mut deflater = Deflater::client(agreed, DeflateOptions::default());
/// let (text, mut bytes) = ("to be or not to be, ".repeat(20), Vec::new());
/// client.send_deflated(Message::Text(&text), &mut deflater, &mut bytes)?;
/// assert!(bytes.len() < 50);
///
/// let mut server = Connection::server(Limits::default()).with_extension(of_server);
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
    /// server_max_window_bits, 8 to 15: the server refers back at most 2 to this power bytes. Default: 15.
    pub server_max_window_bits: u8,
    /// client_max_window_bits, 8 to 15. Default: 15.
    pub client_max_window_bits: u8,
}

impl Default for Extension {
    /// The extension without parameters.
    fn default() -> Self {
        Self {
            server_context: ContextTakeover::Yes,
            client_context: ContextTakeover::Yes,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// The nearest window with which zlib can compress: 8 bits are too few for it.
fn zlib_window_bits(bits: u8) -> u8 {
    bits.clamp(9, 15)
}
