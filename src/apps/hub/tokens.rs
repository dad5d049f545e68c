//! Tokens: who may publish, and who may subscribe. No text that is made here has a byte of a token in it.

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use super::channel::Pattern;
use crate::Context;
use crate::http::Request;

/// A shared secret, for all channels or for those that a pattern matches.
///
/// It is read from a text, `SECRET` or `SECRET@PATTERN`, which is split at the first `@/`. The secret is visible ASCII,
/// and a client sends it as `Authorization: Bearer SECRET`. `Debug` does not show it.
///
/// ```
/// use sockhop::apps::hub::Token;
/// let (all, orders): (Token, Token) = ("s3cret".parse()?, "0rders@/orders/*".parse()?);
/// assert_eq!(format!("{all:?} {orders:?}"), "Token(…) Token(…@/orders/*)");
/// # Ok::<(), sockhop::apps::hub::TokenError>(())
/// ```
#[derive(Clone)]
pub struct Token {
    /// Not empty.
    secret: Box<[u8]>,
    pattern: Option<Pattern>,
}

/// The error of a pattern that matches no channel.
const PATTERN: &str = "what follows the first @/ of a token is no pattern: write TOKEN@/orders/42 or TOKEN@/orders/*";

/// A text that is no [`Token`]: its `Display` says why, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError(String);

impl Token {
    /// Whether the secret is this text. The time that it takes depends on the length of the text alone.
    fn is(&self, presented: &[u8]) -> bool {
        let mut difference = u8::from(presented.len() != self.secret.len());
        for (byte, secret) in presented.iter().zip(self.secret.iter().cycle()) {
            // The compiler must not see that nothing can undo a difference.
            difference = black_box(difference | (byte ^ secret));
        }
        black_box(difference) == 0
    }

    fn covers(&self, channel: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(channel))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (secret, pattern) = match text.find("@/") {
            Some(at) => {
                let (secret, pattern) = text.split_at(at);
                // The error of the pattern shows the pattern, which may be a part of a secret that has @/ in it.
                let error = |_: String| TokenError(PATTERN.to_owned());
                (secret, Some(pattern.trim_start_matches('@').parse().map_err(error)?))
            }
            None => (text, None),
        };
        if secret.is_empty() {
            return Err(TokenError(
                "a token is empty: write one, such as the output of openssl rand -hex 16".to_owned(),
            ));
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            let advice = "a token has a character that no header can carry: use visible ASCII, without spaces";
            return Err(TokenError(advice.to_owned()));
        }
        Ok(Token { secret: secret.as_bytes().into(), pattern })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(f, "Token(…@{pattern})"),
            None => f.write_str("Token(…)"),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokenError {}

/// An action that a token can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Publish,
    /// To listen and to read.
    Subscribe,
}

/// The client whose right is asked for.
#[derive(Clone)]
pub(crate) struct Caller<'r> {
    pub token: Presented<'r>,
    /// It is a program on this machine, no proxy has passed its request on, and there were no tokens to publish with.
    pub is_here: bool,
}

/// The token that a request has with it.
#[derive(Clone)]
pub(crate) enum Presented<'r> {
    Nothing,
    Token(Cow<'r, str>),
    /// An Authorization that is no single `Bearer TOKEN`.
    Malformed,
}

/// Why a caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It has no token with it. 401.
    NoToken,
    /// Its Authorization cannot be read. 401.
    Malformed,
    /// No such token. 401.
    Unknown,
    /// The token is good, but not for this channel. 403.
    OtherChannel,
    /// There are no tokens to publish with, and the caller is not on this machine. 403.
    NotHere,
}

/// The tokens of a hub.
#[derive(Debug)]
pub(crate) struct Tokens {
    publish: Vec<Token>,
    subscribe: Vec<Token>,
    /// They may also come as `?token=`.
    pub in_query: bool,
}

impl Tokens {
    /// Tokens that come in headers only.
    pub(crate) fn new(publish: Vec<Token>, subscribe: Vec<Token>) -> Self {
        Tokens { publish, subscribe, in_query: false }
    }

    /// From now on these tokens count.
    pub(crate) fn set(&mut self, publish: Vec<Token>, subscribe: Vec<Token>) {
        (self.publish, self.subscribe) = (publish, subscribe);
    }

    /// In `accept`, `admit` and `request`: who asks.
    pub(crate) fn caller<'r>(&self, ctx: &Context<'_>, request: &Request<'r>) -> Caller<'r> {
        // The headers need a look only where this counts.
        let is_here = self.publish.is_empty() && ctx.peer().is_local() && !ctx.is_forwarded(request);
        Caller { token: self.presented(request), is_here }
    }

    fn presented<'r>(&self, request: &Request<'r>) -> Presented<'r> {
        let mut lines = request.header_lines("authorization");
        match (lines.next(), lines.next()) {
            (Some(line), None) => match line.split_once(' ') {
                // RFC 9110 11.1: the scheme in any case, then spaces.
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Presented::Token(token.trim_start_matches(' ').into())
                }
                _ => Presented::Malformed,
            },
            (Some(_), Some(_)) => Presented::Malformed,
            (None, _) if self.in_query => request.query_param("token").map_or(Presented::Nothing, Presented::Token),
            (None, _) => Presented::Nothing,
        }
    }

    /// Whether a caller has a right to a channel.
    pub(crate) fn check(&self, right: Right, caller: &Caller<'_>, channel: &str) -> Result<(), Denied> {
        self.check_for(right, caller, |token| token.covers(channel))
    }

    /// Whether a caller has a right to any channel at all.
    pub(crate) fn check_any(&self, right: Right, caller: &Caller<'_>) -> Result<(), Denied> {
        self.check_for(right, caller, |_| true)
    }

    fn check_for(&self, right: Right, caller: &Caller<'_>, covers: impl Fn(&Token) -> bool) -> Result<(), Denied> {
        let tokens = match right {
            Right::Publish => &self.publish,
            Right::Subscribe => &self.subscribe,
        };
        if tokens.is_empty() {
            return if right == Right::Subscribe || caller.is_here { Ok(()) } else { Err(Denied::NotHere) };
        }
        let presented = match &caller.token {
            Presented::Nothing => return Err(Denied::NoToken),
            Presented::Malformed => return Err(Denied::Malformed),
            Presented::Token(presented) => presented.as_bytes(),
        };
        // All are compared, so that the time does not tell which it was.
        let (mut is_known, mut is_covered) = (false, false);
        for token in tokens {
            let is_it = token.is(presented);
            is_known |= is_it;
            is_covered |= is_it && covers(token);
        }
        match (is_known, is_covered) {
            (_, true) => Ok(()),
            (true, false) => Err(Denied::OtherChannel),
            (false, false) => Err(Denied::Unknown),
        }
    }
}

impl Denied {
    pub(crate) fn status(self) -> u16 {
        match self {
            Denied::NoToken | Denied::Malformed | Denied::Unknown => 401,
            Denied::OtherChannel | Denied::NotHere => 403,
        }
    }

    /// The value of the header WWW-Authenticate (RFC 6750 3). A request without a token gets no error code (3.1).
    pub(crate) fn challenge(self) -> Option<&'static str> {
        match self {
            Denied::NoToken => Some("Bearer realm=\"hub\""),
            Denied::Malformed => Some("Bearer realm=\"hub\", error=\"invalid_request\""),
            Denied::Unknown => Some("Bearer realm=\"hub\", error=\"invalid_token\""),
            Denied::OtherChannel => Some("Bearer realm=\"hub\", error=\"insufficient_scope\""),
            Denied::NotHere => None,
        }
    }
}

/// Says what is wrong, and what to do.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Denied::NoToken => "this needs a token: send the header Authorization: Bearer TOKEN",
            Denied::Malformed => "the header Authorization cannot be read: send it once, as Bearer TOKEN",
            Denied::Unknown => "the token is not known: check it, and that the hub has it",
            Denied::OtherChannel => "the token is good, but not for this channel: use one whose pattern has it",
            Denied::NotHere => {
                "only programs on the hub's machine may do this, without a proxy between, as long as there is no token: \
                 set HubConfig::publish_tokens"
            }
        })
    }
}

#[cfg(test)]
mod tests;
