//! The messages and responses that a client of a stage has received.

/// A message that a client has received. Compares with strings and bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl PartialEq<str> for Received {
    fn eq(&self, other: &str) -> bool {
        matches!(self, Received::Text(text) if text == other)
    }
}

impl PartialEq<&str> for Received {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Received {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

impl PartialEq<[u8]> for Received {
    fn eq(&self, other: &[u8]) -> bool {
        matches!(self, Received::Binary(bytes) if bytes == other)
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Received {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self == other[..]
    }
}
