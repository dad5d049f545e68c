//! What publishers are told: the status and the JSON of an outcome.

use super::log::{Epoch, Id};
use super::problem::{Problem, Rephrase};
use super::state::types::{Outcome, Position};
use crate::http::Response;

/// What came of one message, in words of HTTP.
pub(super) enum Reply {
    /// 201 or 202: in the log, and delivered to so many listeners.
    Published {
        at: Position,
        subscribers: usize,
    },
    /// 200: a repeat of the message with this position.
    Duplicate {
        at: Position,
    },
    /// 204: the history is forgotten.
    Forgotten,
    Refused(Problem),
}

impl Reply {
    pub fn new(outcome: Outcome, epoch: Epoch) -> Self {
        let at = |id: Id| Position { epoch, id };
        match outcome {
            Outcome::Applied { id, subscribers } => Reply::Published { at: at(id), subscribers },
            Outcome::Duplicate { id } => Reply::Duplicate { at: at(id) },
            Outcome::Forgotten => Reply::Forgotten,
            Outcome::KeyReused => Reply::Refused(Problem::new(
                422,
                "the key came with another message on this channel: use a new key for each new message",
            )),
            Outcome::Refused { unknown: false } => {
                Reply::Refused(Problem::busy("the log has not taken it, and nobody has got it: try again", "1"))
            }
            Outcome::Refused { unknown: true } => Reply::Refused(Problem {
                unknown: true,
                ..Problem::busy(
                    "the log has not answered, so that it may be published or not: try again with the same \
                     Idempotency-Key, and it is published once",
                    "1",
                )
            }),
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Reply::Published { subscribers: 0, .. } => 202,
            Reply::Published { .. } => 201,
            Reply::Duplicate { .. } => 200,
            Reply::Forgotten => 204,
            Reply::Refused(problem) => problem.status,
        }
    }

    /// Appends the members of the JSON, without braces.
    pub fn write(&self, rephrase: Rephrase, output: &mut String) {
        self.write_with(&self.id().unwrap_or_default(), rephrase, output);
    }

    /// The position as a text, where there is one.
    fn id(&self) -> Option<String> {
        match self {
            Reply::Published { at, .. } | Reply::Duplicate { at } => Some(at.text()),
            Reply::Forgotten | Reply::Refused(_) => None,
        }
    }

    fn write_with(&self, id: &str, rephrase: Rephrase, output: &mut String) {
        match self {
            Reply::Published { subscribers, .. } => {
                output.extend(["\"id\":\"", id, "\",\"subscribers\":", &subscribers.to_string()]);
            }
            Reply::Duplicate { .. } => output.extend(["\"id\":\"", id, "\",\"duplicate\":true"]),
            Reply::Forgotten => {}
            Reply::Refused(problem) => problem.write(rephrase, output),
        }
    }

    /// The answer to the request that published this message alone.
    pub fn response(&self, rephrase: Rephrase) -> Response {
        if let Reply::Refused(problem) = self {
            return problem.response(rephrase);
        }
        let Some(id) = self.id() else { return Response::new(204) };
        let mut body = String::with_capacity(64);
        body.push('{');
        self.write_with(&id, rephrase, &mut body);
        body.push('}');
        Response::new(self.status())
            .header("Sockhop-Id", id)
            .header("Content-Type", "application/json")
            .body(body.into_bytes())
    }
}
