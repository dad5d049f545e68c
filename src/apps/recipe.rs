//! One declarative engine for the small servers that tutorials build: what to say to whom, when, and about what.
//!
//! A [`Recipe`] is data; [`Recipe::answer`] says what it makes of a message, without a connection. What it takes to
//! serve one is in `handler.rs`.

use std::borrow::Cow;
use std::time::Duration;

use super::json::{NotAnObject, Object};
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
    /// The text that a connection is sent when it opens.
    pub greet: Option<Cow<'static, str>>,
    /// Which messages are answered.
    pub on: On,
    /// What is said.
    pub reply: Reply,
    /// Who hears it.
    pub to: To,
    /// How long after the message. Zero: at once.
    pub after: Duration,
    /// What is written into the message before it goes on; only [`On::JsonObject`] has a place for it.
    pub stamp: Option<Stamp>,
    /// The subprotocols that are spoken (RFC 6455 §1.9). The first of the client's that is among them is agreed on.
    pub subprotocols: Vec<Cow<'static, str>>,
}

/// The messages that a recipe answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// All.
    Any,
    /// Text messages of exactly this content. Others are ignored.
    Text(Cow<'static, str>),
    /// Text messages that are one JSON object (RFC 8259): without a key that is there twice in one object, without half a
    /// surrogate pair, and with at most 127 objects and arrays within each other. Of others the sender hears
    /// `{"error":"…"}`, and nobody else anything.
    JsonObject,
}

/// What a recipe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message, in text or binary as it came.
    Same,
    /// This text.
    Text(Cow<'static, str>),
    /// This text with the message in place of each `{message}`, in text or binary as the message came.
    Template(Cow<'static, str>),
}

/// Who hears what a recipe says. All are those who are connected to the same app when it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Who sent the message.
    Sender,
    /// Everyone, the sender included.
    All,
    /// Everyone but the sender.
    Others,
}

/// The time of day, written into a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The key of the member that holds it; one that the sender has set is replaced.
    pub key: Cow<'static, str>,
}

/// What stands for the message in a [`Reply::Template`].
const PLACEHOLDER: &str = "{message}";

impl Recipe {
    /// What the recipe makes of a message. `time` is asked for the time of day when there is a stamp to write.
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

    /// Whether the answer to any message is that message.
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
    /// A reply from one line of text: `{message}` is [`Same`](Self::Same), a text with `{message}` in it a
    /// [`Template`](Self::Template), another a [`Text`](Self::Text).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            PLACEHOLDER => Reply::Same,
            _ if text.contains(PLACEHOLDER) => Reply::Template(text.to_owned().into()),
            _ => Reply::Text(text.to_owned().into()),
        }
    }
}

/// What a [`Recipe`] makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Nothing.
    Nothing,
    /// Something to say, when and to whom the recipe wants it.
    Reply(Body<'a>),
    /// Something to say at once, to the sender alone.
    Refusal(Body<'a>),
}

impl Answer<'_> {
    fn refusal(error: &str) -> Self {
        Answer::Refusal(Body::Text(serde_json::json!({ "error": error }).to_string().into()))
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

    /// The template with the message in each of its places; as large as it is long, like all that is kept.
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
