//! What publishers are told: the status and the JSON of an outcome.

use std::fmt::Write;

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
        // Writing to a string cannot fail.
        let _ = match self {
            Reply::Published { at, subscribers } => write!(output, "\"id\":\"{at}\",\"subscribers\":{subscribers}"),
            Reply::Duplicate { at } => write!(output, "\"id\":\"{at}\",\"duplicate\":true"),
            Reply::Forgotten => Ok(()),
            Reply::Refused(problem) => {
                problem.write(rephrase, output);
                Ok(())
            }
        };
    }

    /// The answer to the request that published this message alone.
    pub fn response(&self, rephrase: Rephrase) -> Response {
        let at = match self {
            Reply::Published { at, .. } | Reply::Duplicate { at } => at,
            Reply::Forgotten => return Response::new(204),
            Reply::Refused(problem) => return problem.response(rephrase),
        };
        let mut body = String::with_capacity(64);
        body.push('{');
        self.write(rephrase, &mut body);
        body.push('}');
        Response::new(self.status())
            .header("Sockhop-Id", at.to_string())
            .header("Content-Type", "application/json")
            .body(body.into_bytes())
    }
}
