//! One engine for the small servers that tutorials build: which messages to answer, with which text, to whom, and when.
//!
//! A [`Recipe`] is data, and [`Recipe::answer`] applies it to a message without a connection. `handler.rs` serves
//! recipes to connections.

use std::borrow::Cow;
use std::time::Duration;

use super::json::{NotAnObject, Object, quoted};
use crate::{Message, Payload};

/// A small server, as data.
///
/// ```
/// use sockhop::apps::{ECHO, On, Recipe, RecipeHandler, Reply, To};
/// use std::time::Duration;
///
/// // Says `tock` to everyone else, half a second after each `tick`.
/// let clock = Recipe {
///     on: On::Text("tick".into()),
///     reply: Reply::Text("tock".into()),
///     to: To::Others,
///     after: Duration::from_millis(500),
///     ..ECHO
/// };
/// let handler = RecipeHandler::new(clock);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// A text that is sent to each connection when it opens.
    pub greet: Option<Cow<'static, str>>,
    /// The messages that are answered.
    pub on: On,
    /// The reply to them.
    pub reply: Reply,
    /// The connections that get the reply.
    pub to: To,
    /// The delay between message and reply. Zero: at once.
    pub after: Duration,
    /// The time of day, written into the message before it is passed on. Works only with [`On::JsonObject`].
    pub stamp: Option<Stamp>,
    /// The supported subprotocols (RFC 6455 §1.9). The server selects the first of the client's list that is in here.
    pub subprotocols: Vec<Cow<'static, str>>,
}

/// The messages that a recipe answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// All messages.
    Any,
    /// Text messages of exactly this content. Others are ignored.
    Text(Cow<'static, str>),
    /// Text messages that are one JSON object (RFC 8259), in which no object has a key twice, no string has half a
    /// surrogate pair, and objects and arrays are nested at most 127 deep. The sender of another message gets
    /// `{"error":"…"}`.
    JsonObject,
}

/// The reply of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message itself, as text or binary as it came.
    Same,
    /// This text.
    Text(Cow<'static, str>),
    /// This text with the message in place of each `{message}`, as text or binary as the message came.
    Template(Cow<'static, str>),
}

/// The connections that get a reply: among those that are connected to the same app when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The sender of the message.
    Sender,
    /// Everyone, the sender included.
    All,
    /// Everyone but the sender.
    Others,
}

/// The time of day, written into a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The key of its member. A value that the sender has set is replaced.
    pub key: Cow<'static, str>,
}

/// The placeholder for the message in a [`Reply::Template`].
const PLACEHOLDER: &str = "{message}";

impl Recipe {
    /// Returns the answer to a message. `time` is called for the time of day if there is a stamp to write.
    #[must_use]
    pub fn answer<'a>(&'a self, message: Message<'a>, time: impl FnOnce() -> String) -> Answer<'a> {
        let message = match (&self.on, message) {
            (On::Any, message) => Body::from(message),
            (On::Text(wanted), Message::Text(text)) if text == wanted => Body::from(message),
            (On::Text(_), _) => return Answer::Nothing,
            (On::JsonObject, Message::Text(text)) => match self.stamped(text, time) {
                Ok(text) => Body::Text(text),
                Err(error) => return Answer::refusal(&error.to_string()),
            },
            (On::JsonObject, Message::Binary(_)) => {
                return Answer::refusal("a binary message: send a JSON object as text");
            }
        };
        Answer::Reply(match &self.reply {
            Reply::Same => message,
            Reply::Text(text) => Body::from(Message::Text(text)),
            Reply::Template(template) => message.within(template),
        })
    }

    /// Whether every message is answered with the same message.
    pub(super) fn repeats(&self) -> bool {
        matches!((&self.on, &self.reply), (On::Any, Reply::Same))
    }

    fn stamped<'a>(&self, text: &'a str, time: impl FnOnce() -> String) -> Result<Cow<'a, str>, NotAnObject> {
        let key = self.stamp.as_ref().map_or("", |stamp| &stamp.key);
        let object = Object::parse(text, key)?;
        Ok(if self.stamp.is_some() { object.with(key, &time()).into() } else { text.into() })
    }
}

impl Reply {
    /// Reads a reply from one line of text: `{message}` is [`Same`](Self::Same), a longer text with `{message}` in it
    /// is a [`Template`](Self::Template), and any other text is a [`Text`](Self::Text).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            PLACEHOLDER => Reply::Same,
            _ if text.contains(PLACEHOLDER) => Reply::Template(text.to_owned().into()),
            _ => Reply::Text(text.to_owned().into()),
        }
    }
}

/// The answer of a [`Recipe`] to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// No answer.
    Nothing,
    /// A reply, sent to the recipe's receivers after its delay.
    Reply(Body<'a>),
    /// An error, sent to the sender at once.
    Refusal(Body<'a>),
}

impl Answer<'_> {
    fn refusal(error: &str) -> Self {
        Answer::Refusal(Body::Text(format!("{{\"error\":{}}}", quoted(error)).into()))
    }
}

/// A message that may be borrowed or owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes of any kind.
    Binary(Cow<'a, [u8]>),
}

impl Body<'_> {
    /// The same message, owning its payload.
    #[must_use]
    pub fn into_owned(self) -> Body<'static> {
        match self {
            Body::Text(text) => Body::Text(Cow::Owned(text.into_owned())),
            Body::Binary(bytes) => Body::Binary(Cow::Owned(bytes.into_owned())),
        }
    }

    /// The template with the message in each of its places. Allocated at its exact length, because it may be kept.
    fn within(self, template: &str) -> Self {
        let parts = template.split(PLACEHOLDER);
        match self {
            Body::Text(text) => Body::Text(parts.collect::<Vec<_>>().join(&*text).into()),
            Body::Binary(bytes) => Body::Binary(parts.map(str::as_bytes).collect::<Vec<_>>().join(&*bytes).into()),
        }
    }
}

impl<'a> From<Message<'a>> for Body<'a> {
    fn from(message: Message<'a>) -> Self {
        match message {
            Message::Text(text) => Body::Text(text.into()),
            Message::Binary(bytes) => Body::Binary(bytes.into()),
        }
    }
}

impl Payload for Body<'_> {
    fn message(&self) -> Message<'_> {
        match self {
            Body::Text(text) => Message::Text(text),
            Body::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
