//! A model of a connection that speaks HTTP. It has the whole stream, and takes one request after the other out of it with
//! the parts of `sockhop::http` alone.

use sockhop::Config;
use sockhop::fuzzing::Visit;
use sockhop::http::{
    Body, BodyDecoder, BodyLength, CONTINUE, HeadScanner, Persistence, Request, RequestError, Resolved, Response,
    Router, Upgrade,
};

use crate::requests::{self, Reply};

/// The answers and calls that a stream of requests must lead to.
pub struct Exchanges {
    answers: Vec<Answered>,
    /// The callbacks of handlers for plain requests.
    pub calls: Vec<String>,
    pub end: End,
    /// Whether the answer has a body if the rest of the last request is late.
    pub late: Body,
}

struct Answered {
    /// CONTINUE may come before it: the client may have to wait for that.
    may_continue: bool,
    bytes: Vec<u8>,
}

/// How the requests end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The connection waits for a request, or for the rest of one.
    Waits,
    /// It waits for a body, and CONTINUE may have been sent.
    WaitsForBody,
    /// The last answer has ended the connection.
    Answered,
    /// The last request is a valid opening handshake, whose frames begin here in the stream.
    Upgrade(usize),
}

/// The paths of the server under test.
pub fn router(config: &Config, mounts: &[&str]) -> Router {
    let mut router = Router::default();
    router.prefix(&config.path_prefix).expect("a prefix");
    for (index, path) in mounts.iter().enumerate() {
        router.add_mount(path, index).expect("a free path");
    }
    for (index, path) in Visit::PAGES.iter().enumerate() {
        router.add_route("GET", path, index).expect("a free path");
    }
    router
}

impl Exchanges {
    pub fn of(stream: &[u8], config: &Config, mounts: &[&str]) -> Self {
        let mut model = Model {
            config,
            router: router(config, mounts),
            exchanges: Exchanges { answers: Vec::new(), calls: Vec::new(), end: End::Waits, late: Body::Include },
        };
        let mut rest = stream;
        while let Some(end) = model.exchange(&mut rest, stream.len()) {
            model.exchanges.end = end;
            if end != End::Waits {
                break;
            }
        }
        model.exchanges
    }

    /// The same, of a stream that is behind so many other bytes.
    pub fn shifted(mut self, bytes: usize) -> Self {
        if let End::Upgrade(at) = &mut self.end {
            *at += bytes;
        }
        self
    }

    /// The output behind the answers, all of which it must begin with.
    pub fn strip<'a>(&self, output: &'a [u8]) -> &'a [u8] {
        let without_continue = |output: &'a [u8]| output.strip_prefix(CONTINUE).unwrap_or(output);
        let mut rest = output;
        for Answered { may_continue, bytes } in &self.answers {
            if *may_continue {
                rest = without_continue(rest);
            }
            rest = strip_answer(rest, bytes).unwrap_or_else(|| {
                panic!("instead of {:?} came {:?}", bytes.escape_ascii().to_string(), rest.escape_ascii().to_string())
            });
        }
        if self.end == End::WaitsForBody { without_continue(rest) } else { rest }
    }
}

struct Model<'a> {
    config: &'a Config,
    router: Router,
    exchanges: Exchanges,
}

impl Model<'_> {
    /// Takes one request off the front of `rest`. `None`: there is no whole head, and nothing more happens.
    fn exchange(&mut self, rest: &mut &[u8], len: usize) -> Option<End> {
        let (head, behind) = match HeadScanner::default().scan_within(rest, &self.config.head) {
            Ok(Some(length)) => rest.split_at(length),
            Ok(None) => {
                self.exchanges.late = body_for(rest);
                return None;
            }
            Err(error) => return Some(self.refuse(error, rest)),
        };
        *rest = behind;
        let request = match Request::parse(head) {
            Ok(request) => request,
            Err(error) => return Some(self.refuse(error, head)),
        };
        Some(match self.router.resolve(&request) {
            Resolved::Mount(_) => match Upgrade::from_request(&request) {
                Ok(_) => End::Upgrade(len - rest.len()),
                Err(error) => {
                    let body = Body::answering(request.method());
                    self.answer(&error.response(), body, Persistence::Close, false)
                }
            },
            _ => self.plain(&request, rest).unwrap_or_else(|error| {
                let body = Body::answering(request.method());
                self.answer(&error.response(), body, Persistence::Close, false)
            }),
        })
    }

    fn plain(&mut self, request: &Request<'_>, rest: &mut &[u8]) -> Result<End, RequestError> {
        let (length, expects_continue) = (request.body_length()?, request.expects_continue()?);
        let resolved = self.router.resolve(request);
        let admitted = match resolved {
            Resolved::Request(_) => {
                self.exchanges.calls.push(format!("admit {} {}", request.method(), request.path()));
                requests::admit(request, self.config.max_body).unwrap_or_else(|| Err(failed()))
            }
            Resolved::Route(_) => Ok(self.config.max_body),
            _ => Err(self.router.refusal(&resolved).expect("the answer where nothing is")),
        };
        let has_body = !matches!(length, BodyLength::None | BodyLength::Sized(0));
        let max = match admitted {
            Ok(max) => max,
            Err(response) => {
                // A refused opening handshake, and a malformed path, end the connection.
                let ends = has_body || request.wants_upgrade() || resolved == Resolved::Malformed;
                let after = if ends { Persistence::Close } else { self.persistence(request) };
                return Ok(self.answer(&response, Body::answering(request.method()), after, false));
            }
        };
        if matches!(length, BodyLength::Sized(length) if length > max as u64) {
            return Err(RequestError::BodyTooLarge);
        }
        let (mut body, may_continue) = (Vec::new(), expects_continue && has_body);
        match BodyDecoder::new(length).decode(rest, &mut body, max) {
            Ok(true) => {}
            Ok(false) => {
                self.exchanges.late = Body::answering(request.method());
                return Ok(End::WaitsForBody);
            }
            Err(error) => {
                let body = Body::answering(request.method());
                return Ok(self.answer(&error.response(), body, Persistence::Close, may_continue));
            }
        }
        let response = match resolved {
            Resolved::Route(_) => Visit::page().answer(request),
            _ => {
                self.exchanges.calls.push(format!("request {}", requests::seen(request, &body)));
                match requests::reply(request, &body) {
                    Reply::Now(response) | Reply::Later(response) => response,
                    Reply::Panic => failed(),
                }
            }
        };
        Ok(self.answer(&response, Body::answering(request.method()), self.persistence(request), may_continue))
    }

    fn persistence(&self, request: &Request<'_>) -> Persistence {
        let is_last = self.exchanges.answers.len() + 1 >= usize::from(self.config.max_requests);
        if request.keeps_alive() && self.config.keep_alive.is_some() && !is_last {
            Persistence::KeepAlive
        } else {
            Persistence::Close
        }
    }

    /// Refuses what is no request. Its first word is that of one, though.
    fn refuse(&mut self, error: RequestError, bytes: &[u8]) -> End {
        self.answer(&error.response(), body_for(bytes), Persistence::Close, false)
    }

    fn answer(&mut self, response: &Response, body: Body, after: Persistence, may_continue: bool) -> End {
        let mut bytes = Vec::new();
        response.encode(&mut bytes, None, body, after);
        self.exchanges.answers.push(Answered { may_continue, bytes });
        if after == Persistence::Close { End::Answered } else { End::Waits }
    }
}

/// Whether the answer to bytes that are no whole request has a body.
fn body_for(bytes: &[u8]) -> Body {
    let is_head = bytes.strip_prefix(b"\r\n").unwrap_or(bytes).starts_with(b"HEAD ");
    if is_head { Body::Omit } else { Body::Include }
}

/// The output behind an answer, which tells the time of day besides.
fn strip_answer<'a>(output: &'a [u8], answer: &[u8]) -> Option<&'a [u8]> {
    let date = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len();
    let (status, headers) = answer.split_at(answer.windows(2).position(|bytes| bytes == b"\r\n")? + 2);
    let (date, rest) = output.strip_prefix(status)?.split_at_checked(date)?;
    rest.strip_prefix(headers).filter(|_| date.starts_with(b"Date: ") && date.ends_with(b" GMT\r\n"))
}

/// The answer for a handler that has panicked.
fn failed() -> Response {
    Response::text(500, "the application has failed\n")
}
