//! Values that can be sent as a message.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::protocol::Message;

/// A value that can be sent as one message: text types as Text, byte types as Binary.
pub trait Payload {
    /// The message, borrowed from the value.
    fn message(&self) -> Message<'_>;
}

impl Payload for Message<'_> {
    fn message(&self) -> Message<'_> {
        *self
    }
}

impl Payload for str {
    fn message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

impl Payload for String {
    fn message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

impl Payload for [u8] {
    fn message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

impl<const N: usize> Payload for [u8; N] {
    fn message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

impl Payload for Vec<u8> {
    fn message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

impl<P: Payload + ToOwned + ?Sized> Payload for Cow<'_, P> {
    fn message(&self) -> Message<'_> {
        (**self).message()
    }
}

impl<P: Payload + ?Sized> Payload for Box<P> {
    fn message(&self) -> Message<'_> {
        (**self).message()
    }
}

impl<P: Payload + ?Sized> Payload for Rc<P> {
    fn message(&self) -> Message<'_> {
        (**self).message()
    }
}

impl<P: Payload + ?Sized> Payload for Arc<P> {
    fn message(&self) -> Message<'_> {
        (**self).message()
    }
}

impl<P: Payload + ?Sized> Payload for &P {
    fn message(&self) -> Message<'_> {
        (**self).message()
    }
}
