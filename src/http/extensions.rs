//! Sec-WebSocket-Extensions (RFC 6455 §9.1) and the negotiation of permessage-deflate in it (RFC 7692 §5, §7.1).
//!
//! The header is read in one forward pass: no byte is examined twice.

mod list;

use std::borrow::Cow;
use std::{error, fmt};

use self::list::{Element, Elements};
use super::{RequestError, Upgrade};
use crate::protocol::{ContextTakeover, DEFLATE_AVAILABLE, Extension};

const HEADER: &str = "sec-websocket-extensions";
const NAME: &str = "permessage-deflate";

/// The parameters of permessage-deflate that one side wants. A server answers a client's offers with it, a client makes
/// its offer of it.
///
/// A build without the feature `deflate` cannot compress ([`DEFLATE_AVAILABLE`]): its servers decline every offer, and its
/// clients must not make one.
///
/// ```
/// use sockhop::http::DeflateOffer;
/// use sockhop::protocol::ContextTakeover;
///
/// # if !sockhop::protocol::DEFLATE_AVAILABLE { return Ok(()) }
/// let server = DeflateOffer::default();
/// let agreed = server.answer("permessage-deflate; client_max_window_bits")?.expect("an acceptable offer");
/// assert_eq!(agreed.extension.client_context, ContextTakeover::No);
/// assert_eq!(agreed.to_string(), "permessage-deflate; client_no_context_takeover");
/// # Ok::<(), sockhop::http::RequestError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateOffer {
    /// How the server may compress. Default: [`ContextTakeover::No`], with which neither end needs memory between two
    /// messages of the server.
    pub server_context: ContextTakeover,
    /// How the client may compress. Default: [`ContextTakeover::No`].
    pub client_context: ContextTakeover,
    /// The largest window of the server in bits, 9 to 15; other values count as the nearest. Default: 15, which is 32 KiB.
    pub server_max_window_bits: u8,
    /// The largest window of the client, if the client lets the server choose it. Default: 15.
    pub client_max_window_bits: u8,
}

impl Default for DeflateOffer {
    fn default() -> Self {
        Self {
            server_context: ContextTakeover::No,
            client_context: ContextTakeover::No,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl DeflateOffer {
    /// Accepts the first acceptable offer of permessage-deflate in the value of one Sec-WebSocket-Extensions line. `None`:
    /// there is none, and the connection goes on without compression.
    ///
    /// # Errors
    /// [`RequestError::Extensions`] when the line is not a list of extensions (RFC 6455 §9.1), even after an acceptable
    /// offer.
    pub fn answer(&self, value: &str) -> Result<Option<DeflateAnswer>, RequestError> {
        self.answer_lines([value].into_iter())
    }

    fn answer_lines<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Result<Option<DeflateAnswer>, RequestError> {
        if !DEFLATE_AVAILABLE {
            return Ok(None);
        }
        let (mut answer, mut found, mut has_lines) = (None, false, false);
        for line in lines {
            has_lines = true;
            for element in Elements::new(line) {
                // 9.1: a malformed element fails the handshake, even after an acceptable offer.
                let element = element.map_err(|_| RequestError::Extensions)?;
                found = true;
                if answer.is_none() && element.name == NAME {
                    answer = Offered::read(&element).and_then(|offered| self.agree(&offered));
                }
            }
        }
        // 9.1: 1#extension, at least one.
        if has_lines && !found { Err(RequestError::Extensions) } else { Ok(answer) }
    }

    /// 7.1: accepts one offer, or declines it with `None`.
    fn agree(&self, offered: &Offered) -> Option<DeflateAnswer> {
        let wish = |bits: u8| bits.clamp(9, 15);
        // 7.1.2.1: the same value as offered, or a smaller one. zlib cannot compress with 8.
        let server_max_window_bits = match offered.server_max_window_bits {
            Some(..=8) => return None,
            Some(bits) => bits.min(wish(self.server_max_window_bits)),
            None => wish(self.server_max_window_bits),
        };
        // 7.1.2.2: the server may choose the client's window only if the client offered that.
        let client_max_window_bits = match offered.client_max_window_bits {
            Some(bits) => bits.unwrap_or(15).min(wish(self.client_max_window_bits)),
            None => 15,
        };
        let extension = Extension {
            // 7.1.1.1: the server must do as the client asks.
            server_context: none_if(offered.server_no_context_takeover, self.server_context),
            // 7.1.1.2: the client keeps this even if the server does not ask for it.
            client_context: none_if(offered.client_no_context_takeover, self.client_context),
            server_max_window_bits,
            client_max_window_bits,
        };
        Some(DeflateAnswer {
            extension,
            says_server_context: offered.server_no_context_takeover,
            says_server_bits: offered.server_max_window_bits.is_some(),
        })
    }

    /// The value of the client's Sec-WebSocket-Extensions, with one offer.
    pub fn offer_value(&self) -> String {
        let mut value = NAME.to_owned();
        for (context, name) in
            [(self.server_context, SERVER_NO_CONTEXT_TAKEOVER), (self.client_context, CLIENT_NO_CONTEXT_TAKEOVER)]
        {
            if context == ContextTakeover::No {
                value += &format!("; {name}");
            }
        }
        if self.server_max_window_bits < 15 {
            value += &format!("; {SERVER_MAX_WINDOW_BITS}={}", self.server_max_window_bits.max(9));
        }
        value += &format!("; {CLIENT_MAX_WINDOW_BITS}");
        if self.client_max_window_bits < 15 {
            value += &format!("={}", self.client_max_window_bits.max(9));
        }
        value
    }

    /// Checks the server's answer to [`offer_value`](Self::offer_value): the values of all its Sec-WebSocket-Extensions
    /// lines. `None`: the connection goes on without compression.
    ///
    /// # Errors
    /// The answer does not fit the offer: the client must fail the connection (RFC 6455 §4.1, RFC 7692 §7.1).
    pub fn check_answer<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<Extension>, ExtensionError> {
        let (mut agreed, mut has_lines) = (None, false);
        for line in lines {
            has_lines = true;
            for element in Elements::new(line) {
                let element = element?;
                // RFC 6455 4.1: only an offered extension; RFC 7692 5.1: and only once.
                if element.name != NAME || agreed.is_some() {
                    return Err(ExtensionError::NotOffered);
                }
                let answer = Offered::read(&element).ok_or(ExtensionError::Parameters)?;
                agreed = Some(self.take_answer(&answer).ok_or(ExtensionError::Parameters)?);
            }
        }
        if has_lines && agreed.is_none() { Err(ExtensionError::Malformed) } else { Ok(agreed) }
    }

    fn take_answer(&self, answer: &Offered) -> Option<Extension> {
        // 7.1.1.1, 7.1.2.1: a server that accepts repeats each parameter that the client asked of it.
        let asked = self.server_max_window_bits.clamp(9, 15);
        let server_max_window_bits = match answer.server_max_window_bits {
            Some(bits) if bits > asked => return None,
            Some(bits) => bits,
            None if asked < 15 => return None,
            None => 15,
        };
        if self.server_context == ContextTakeover::No && !answer.server_no_context_takeover {
            return None;
        }
        // 7.1.2.2: the answer must have a value. zlib cannot compress with 8.
        let most = self.client_max_window_bits.clamp(9, 15);
        let client_max_window_bits = match answer.client_max_window_bits {
            Some(None | Some(..=8)) => return None,
            Some(Some(bits)) if bits > most => return None,
            Some(Some(bits)) => bits,
            None => most,
        };
        Some(Extension {
            server_context: none_if(answer.server_no_context_takeover, ContextTakeover::Yes),
            client_context: none_if(answer.client_no_context_takeover, self.client_context),
            server_max_window_bits,
            client_max_window_bits,
        })
    }
}

/// The answer of a server that accepts an offer. [`Display`](fmt::Display) writes the value of its
/// Sec-WebSocket-Extensions.
///
/// The parameters about the server's own compression are named only if the client has offered them: some clients refuse
/// others, and a server may use a smaller window, or forget earlier messages, without saying so (RFC 7692 §7.1.1.1,
/// §7.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateAnswer {
    /// The extension as the server uses it.
    pub extension: Extension,
    says_server_context: bool,
    says_server_bits: bool,
}

impl fmt::Display for DeflateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Extension { client_context, server_max_window_bits, client_max_window_bits, .. } = self.extension;
        f.write_str(NAME)?;
        if self.says_server_context {
            write!(f, "; {SERVER_NO_CONTEXT_TAKEOVER}")?;
        }
        if client_context == ContextTakeover::No {
            write!(f, "; {CLIENT_NO_CONTEXT_TAKEOVER}")?;
        }
        if self.says_server_bits {
            write!(f, "; {SERVER_MAX_WINDOW_BITS}={server_max_window_bits}")?;
        }
        if client_max_window_bits < 15 {
            write!(f, "; {CLIENT_MAX_WINDOW_BITS}={client_max_window_bits}")?;
        }
        Ok(())
    }
}

impl Upgrade<'_> {
    /// Accepts the client's first acceptable offer of permessage-deflate. `None`: there is none, or this build cannot
    /// compress ([`DEFLATE_AVAILABLE`]).
    ///
    /// # Errors
    /// [`RequestError::Extensions`] when Sec-WebSocket-Extensions is not a list of extensions (RFC 6455 §9.1).
    pub fn negotiate_deflate(&self, wanted: &DeflateOffer) -> Result<Option<DeflateAnswer>, RequestError> {
        wanted.answer_lines(self.request.header_lines(HEADER))
    }

    /// [`encode_response`](Self::encode_response) with the result of [`negotiate_deflate`](Self::negotiate_deflate).
    pub fn encode_response_with(
        accept_key: &[u8; 28],
        subprotocol: Option<&str>,
        extension: Option<DeflateAnswer>,
        extra: &[(Cow<'_, str>, Cow<'_, str>)],
        output: &mut Vec<u8>,
    ) {
        let extension = extension.map(|answer| answer.to_string());
        Self::encode(accept_key, subprotocol, extension.as_deref(), extra, output);
    }
}

/// The error in a server's Sec-WebSocket-Extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExtensionError {
    /// The header is not a list of extensions (RFC 6455 §9.1).
    Malformed,
    /// The header has an extension that was not offered, or one extension twice (RFC 6455 §4.1).
    NotOffered,
    /// The parameters do not answer the offer (RFC 7692 §7.1).
    Parameters,
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "Sec-WebSocket-Extensions is not a list of extensions",
            Self::NotOffered => "extension that was not offered",
            Self::Parameters => "parameters of permessage-deflate do not answer the offer",
        })
    }
}

impl error::Error for ExtensionError {}

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The parameters of one offer, or of one answer.
#[derive(Debug, Default)]
struct Offered {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: without a value, which only an offer may have.
    client_max_window_bits: Option<Option<u8>>,
}

impl Offered {
    /// 7.1: `None` when a parameter is unknown, stands there twice, or has an invalid value.
    fn read(element: &Element<'_>) -> Option<Self> {
        let mut offered = Self::default();
        for (name, value) in &element.params {
            let is_new = match (*name, value.as_deref()) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => !std::mem::replace(&mut offered.server_no_context_takeover, true),
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => !std::mem::replace(&mut offered.client_no_context_takeover, true),
                (SERVER_MAX_WINDOW_BITS, Some(bits)) => {
                    offered.server_max_window_bits.replace(window_bits(bits)?).is_none()
                }
                (CLIENT_MAX_WINDOW_BITS, None) => offered.client_max_window_bits.replace(None).is_none(),
                (CLIENT_MAX_WINDOW_BITS, Some(bits)) => {
                    offered.client_max_window_bits.replace(Some(window_bits(bits)?)).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(offered)
    }
}

/// 7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &str) -> Option<u8> {
    const VALUES: [&str; 8] = ["8", "9", "10", "11", "12", "13", "14", "15"];
    VALUES.into_iter().zip(8..).find_map(|(text, bits)| (text == value).then_some(bits))
}

fn none_if(none: bool, context: ContextTakeover) -> ContextTakeover {
    if none { ContextTakeover::No } else { context }
}

#[cfg(test)]
mod tests;
