//! Plain requests of the model's clients, pipelined on one connection, and the answers that they must get.

use std::collections::VecDeque;

use super::Draw;
use super::payloads::{SMALL, filling, mirror};
use super::world::World;
use crate::http::{Body, ReceivedResponse, ResponseParser};

/// The requests of a client that were not answered, in order.
pub(super) struct Requests {
    expected: VecDeque<Expected>,
    parser: ResponseParser,
    made: u32,
    /// The server ends the connection with its last answer: that was sent, or the request that leads to it.
    pub is_ended: bool,
    /// It was told that somebody is too late or too busy.
    is_refused: bool,
}

/// The answer to a request.
struct Expected {
    /// Whether the answer has its body.
    body: Body,
    status: u16,
    /// `None`: any.
    content: Option<Vec<u8>>,
    /// Whether 100 Continue may come first.
    may_continue: bool,
    is_last: bool,
}

impl Requests {
    pub fn new() -> Self {
        let (expected, parser) = (VecDeque::new(), ResponseParser::new(usize::MAX));
        Requests { expected, parser, made: 0, is_ended: false, is_refused: false }
    }

    /// Whether all requests were answered.
    pub fn are_answered(&self) -> bool {
        self.expected.is_empty()
    }

    /// One more request, which the handler takes for orders, too.
    pub fn make(&mut self, draw: &mut Draw<'_>, world: &mut World) -> Vec<u8> {
        self.made += 1;
        let method = draw.pick(&["GET", "POST", "POST", "PUT", "HEAD"]);
        let path = draw.pick(&["/now", "/later", "/shared", "/small", "/no", "/later"]);
        let choice = draw.below(256);
        let (is_chunked, expects, closes) = (choice & 1 != 0, choice & 2 != 0, (choice / 4).is_multiple_of(8));
        let mut body = Vec::new();
        if matches!(method, "POST" | "PUT") {
            let acts: Vec<u8> = (0..draw.below(4)).map(|_| draw.below(256) as u8).collect();
            let len = world.allowed(draw.pick(&[0, 0, 90, 200, 3000, 70_000]));
            body.push(acts.len() as u8);
            body.extend(acts);
            body.extend(filling(self.made, len));
        }
        let has_body = !body.is_empty();
        let (status, content, is_last) = match path {
            "/no" => (403, Some(b"no\n".to_vec()), closes || has_body),
            "/small" if body.len() > SMALL => (413, None, true),
            "/shared" => (200, Some(body.clone()), closes),
            _ => (200, Some(mirror(method, path, &body).into_bytes()), closes),
        };
        let (answer, may_continue) = (Body::answering(method), expects && has_body);
        let content = if answer == Body::Omit { Some(Vec::new()) } else { content };
        self.expected.push_back(Expected { body: answer, status, content, may_continue, is_last });
        self.is_ended |= is_last;

        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: example.org\r\n");
        for (is_there, line) in [
            (may_continue, "Expect: 100-continue\r\n"),
            (closes, "Connection: close\r\n"),
            (is_chunked && has_body, "Transfer-Encoding: chunked\r\n"),
        ] {
            head.push_str(if is_there { line } else { "" });
        }
        if is_chunked && has_body {
            let chunks = body.chunks(1 + choice * 100);
            let chunks = chunks.map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            [&head.into_bytes()[..], b"\r\n", &chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n"].concat()
        } else {
            [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
        }
    }

    /// Looks at the answers that have come whole. Returns whether later bytes belong to a WebSocket, if there is to be one.
    pub fn look(&mut self, bytes: &mut Vec<u8>, has_upgraded: bool) -> bool {
        let mut input = &bytes[..];
        while !self.is_refused && !(self.expected.is_empty() && (has_upgraded || input.is_empty())) {
            let body = self.expected.front().map_or(Body::Include, |expected| expected.body);
            match self.parser.receive(&mut input, body).expect("a response by the rules") {
                Some(response) => self.got(&response),
                None => break,
            }
        }
        let taken = if self.is_refused { bytes.len() } else { bytes.len() - input.len() };
        bytes.drain(..taken);
        assert!(!self.expected.is_empty() || !self.is_ended || bytes.is_empty(), "bytes behind the last answer");
        has_upgraded && !self.is_ended && self.expected.is_empty()
    }

    fn got(&mut self, response: &ReceivedResponse) {
        // The client, the application or the server was too late or too busy.
        if matches!(response.status, 408 | 503) {
            assert_eq!(response.header("connection"), Some("close"));
            (self.is_ended, self.is_refused) = (true, true);
            return self.expected.clear();
        }
        let Some(expected) = self.expected.front() else { panic!("an answer to nothing: {response:?}") };
        if response.status == 100 {
            return assert!(expected.may_continue, "nobody waits for 100 Continue");
        }
        assert_eq!(response.status, expected.status);
        assert!(expected.content.as_ref().is_none_or(|content| *content == response.body), "{response:?}");
        let is_last = response.header("connection").is_some();
        assert!(is_last || !expected.is_last, "{response:?}");
        self.expected.pop_front();
        // A server that is full, or shuts down, ends the connection with any answer.
        if is_last {
            self.is_ended = true;
            self.expected.clear();
        }
    }
}
