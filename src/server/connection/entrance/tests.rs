//! Bytes become steps, without a loop: the caller of these tests answers each request at once, or puts its answer off.

mod deadlines;

use super::*;
use crate::http::testing::however_split;
use crate::http::{Body, Persistence, Request};
use crate::server::connection::testing::{env, set_tick};
use crate::server::types::config::Config;

/// Bytes that a body may have.
const MAX_BODY: usize = 20;

/// A caller that notes each step.
struct Caller {
    entrance: Entrance,
    env: Env,
    steps: Vec<String>,
    /// The connection ends with a refusal.
    has_ended: bool,
}

impl Caller {
    fn new() -> Self {
        let env = env(Config::default());
        Caller { entrance: Entrance::new(false, &env), env, steps: Vec::new(), has_ended: false }
    }

    /// A PROXY header is due.
    fn proxied() -> Self {
        let mut caller = Caller::new();
        caller.entrance.awaits_proxy_header = true;
        caller
    }

    /// Hands bytes to the entrance and answers its steps. A request for `/later` is answered later, an opening handshake
    /// (`/ws`) is decided later.
    fn feed(&mut self, piece: &[u8]) {
        let mut input = piece.to_vec();
        let mut arrived = self.entrance.arrive(&mut input);
        let mut rest = arrived.as_mut();
        let before = self.steps.len();
        while !self.has_ended {
            assert!(self.steps.len() <= before + 10, "never at rest: {:?}", self.steps);
            match self.entrance.step(&mut rest, &self.env) {
                Step::Wait => break,
                Step::Head(head) => {
                    let request = Request::parse(head).unwrap();
                    self.steps.push(format!("{} {}", request.method(), request.path()));
                    match request.body_length().unwrap() {
                        BodyLength::None => answer(&mut self.entrance, request.path(), &self.env),
                        length => self.entrance.begin_body(head, length, MAX_BODY, &self.env),
                    }
                }
                Step::Request(Upload { head, body, .. }) => {
                    let path = Request::parse(&head).unwrap().path().to_owned();
                    self.steps.push(format!("{path}: {}", body.escape_ascii()));
                    answer(&mut self.entrance, &path, &self.env);
                }
                Step::Proxy(header) => self.steps.push(format!("{header:?}")),
                Step::NoProxy(error) => {
                    self.steps.push(format!("{error:?}"));
                    self.has_ended = true;
                }
                Step::Refuse(error, _) => {
                    self.steps.push(format!("{error:?}"));
                    self.has_ended = true;
                }
            }
        }
        let left = rest.len();
        self.entrance.keep(arrived, left, &self.env);
        self.entrance.account();
        assert_eq!(self.env.held.get(), self.entrance.held());
    }

    /// Gives the answers that were put off, and goes on with the bytes behind them.
    fn settle(&mut self) {
        while self.entrance.is_owed_an_answer() {
            let is_decision = self.entrance.awaits_decision();
            assert_eq!(self.entrance.take_decision().is_some(), is_decision);
            assert_eq!(self.entrance.take_owed().is_some(), !is_decision);
            self.steps.push("answered".to_owned());
            self.entrance.note_answered(&self.env);
            self.feed(b"");
        }
    }
}

fn answer(entrance: &mut Entrance, path: &str, env: &Env) {
    match path {
        "/later" => entrance.defer_answer(Owed { body: Body::Include, after: Persistence::KeepAlive }, env),
        "/ws" => entrance.defer_upgrade(decision(), env),
        _ => entrance.note_answered(env),
    }
}

fn decision() -> Decision {
    Decision { accept_key: [0; 28], mount: 0, offered: Vec::new(), extension: None }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn sized(len: usize, body: &str) -> String {
    format!("POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n{body}")
}

fn chunked(body: &str) -> String {
    format!("POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

/// The state of an entrance behind the last byte.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    /// Nothing is under way, and nothing is held.
    Quiet,
    UnderWay,
    Refused,
}

use End::{Quiet, Refused, UnderWay};

/// Checks the steps for these bytes and the state behind them, however the bytes are split.
fn check(make: fn() -> Caller, bytes: &str, expected: &[&str], end: End) {
    let steps = however_split(bytes.as_bytes(), |pieces| {
        let mut caller = make();
        pieces.iter().for_each(|piece| caller.feed(piece));
        caller.settle();
        let Caller { entrance, env, steps, has_ended } = caller;
        assert_eq!(has_ended, end == Refused, "{bytes}");
        if end != Refused {
            assert_eq!(entrance.intake.is_none(), end == Quiet, "{bytes}");
            assert_eq!(entrance.is_idle(), end == Quiet && entrance.served > 0, "{bytes}");
        }
        assert!(end != Quiet || env.held.get() == 0, "{bytes}");
        steps
    });
    assert_eq!(steps, expected, "{bytes}");
}

#[test]
fn a_head_a_body_and_pipelined_requests_become_the_same_steps_however_they_are_split() {
    let (a, b) = (get("/a"), get("/b"));
    let cases: [(String, &[&str], End); 13] = [
        (String::new(), &[], Quiet),
        (a.clone(), &["GET /a"], Quiet),
        (a[..a.len() - 1].to_owned(), &[], UnderWay),
        (format!("\r\n{a}"), &["GET /a"], Quiet),
        (format!("{a}{b}"), &["GET /a", "GET /b"], Quiet),
        (format!("{a}{b}GET /c HT"), &["GET /a", "GET /b"], UnderWay),
        (sized(5, "hello"), &["POST /body", "/body: hello"], Quiet),
        (sized(5, "hell"), &["POST /body"], UnderWay),
        (sized(0, ""), &["POST /body", "/body: "], Quiet),
        (format!("{}{b}", sized(5, "hello")), &["POST /body", "/body: hello", "GET /b"], Quiet),
        (chunked("3\r\nfoo\r\n2\r\nba\r\n0\r\n\r\n"), &["POST /body", "/body: fooba"], Quiet),
        (chunked("3\r\nfoo\r\n0\r\n\r"), &["POST /body"], UnderWay),
        (format!("{}{b}", chunked("0\r\n\r\n")), &["POST /body", "/body: ", "GET /b"], Quiet),
    ];
    for (bytes, steps, end) in cases {
        check(Caller::new, &bytes, steps, end);
    }
}

#[test]
fn a_broken_rule_is_refused_at_the_same_place_however_the_bytes_are_split() {
    let a = get("/a");
    let cases: [(String, &[&str], End); 5] = [
        ("\x16\x03\x01".to_owned(), &["Tls"], Refused),
        (format!("{a}GET\0"), &["GET /a", "Malformed"], Refused),
        (sized(MAX_BODY + 1, ""), &["POST /body", "BodyTooLarge"], Refused),
        (chunked("15\r\n"), &["POST /body", "BodyTooLarge"], Refused),
        (chunked("3\r\nfood"), &["POST /body", "Chunk"], Refused),
    ];
    for (bytes, steps, end) in cases {
        check(Caller::new, &bytes, steps, end);
    }
}

#[test]
fn bytes_behind_a_request_wait_for_its_answer() {
    let (later, ws, b) = (get("/later"), get("/ws"), get("/b"));
    let cases: [(String, &[&str], End); 5] = [
        (later.clone(), &["GET /later", "answered"], Quiet),
        (format!("{later}{b}"), &["GET /later", "answered", "GET /b"], Quiet),
        (format!("{later}{later}{b}"), &["GET /later", "answered", "GET /later", "answered", "GET /b"], Quiet),
        (format!("{ws}{}{b}", sized(2, "hi")), &["GET /ws", "answered", "POST /body", "/body: hi", "GET /b"], Quiet),
        (format!("{later}{b}GET /c HTTP"), &["GET /later", "answered", "GET /b"], UnderWay),
    ];
    for (bytes, steps, end) in cases {
        check(Caller::new, &bytes, steps, end);
    }
}

#[test]
fn a_proxy_header_comes_first_where_one_is_due() {
    let line = "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n";
    let a = get("/a");
    let client = "Client(192.0.2.7:56324)";
    let cases: [(String, &[&str], End); 5] = [
        (format!("{line}{a}"), &[client, "GET /a"], Quiet),
        (format!("{line}{a}{a}"), &[client, "GET /a", "GET /a"], Quiet),
        (format!("PROXY UNKNOWN\r\n{a}"), &["Unnamed", "GET /a"], Quiet),
        (line[..20].to_owned(), &[], UnderWay),
        (a.clone(), &["Signature"], Refused),
    ];
    for (bytes, steps, end) in cases {
        check(Caller::proxied, &bytes, steps, end);
    }
}

#[test]
fn an_answer_and_a_decision_are_taken_once_and_only_in_their_stage() {
    let env = env(Config::default());
    let owed = Owed { body: Body::Omit, after: Persistence::Close };
    let mut entrance = Entrance::new(false, &env);
    assert!(entrance.take_owed().is_none() && entrance.take_decision().is_none());
    entrance.defer_answer(owed, &env);
    assert!(entrance.is_owed_an_answer() && !entrance.awaits_decision());
    assert!(entrance.take_decision().is_none());
    let taken = entrance.take_owed().unwrap();
    assert_eq!((taken.body, taken.after), (Body::Omit, Persistence::Close));
    assert!(entrance.take_owed().is_none() && !entrance.is_owed_an_answer());
    entrance.defer_upgrade(Decision { mount: 3, ..decision() }, &env);
    assert!(entrance.is_owed_an_answer() && entrance.awaits_decision());
    assert!(entrance.take_owed().is_none());
    assert_eq!(entrance.take_decision().unwrap().mount, 3);
    assert!(entrance.take_decision().is_none() && !entrance.is_owed_an_answer());
}

#[test]
fn memory_follows_the_bytes_that_are_there_whatever_length_was_announced() {
    let mut caller = Caller::new();
    caller.feed(get("/a").as_bytes());
    assert_eq!((caller.entrance.held(), caller.entrance.intake.is_none()), (0, true));
    caller.feed(b"GET /b");
    assert!((6..100).contains(&caller.entrance.held()), "{}", caller.entrance.held());
    caller.feed(b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nten bytes!");
    assert!((60..500).contains(&caller.entrance.held()), "{}", caller.entrance.held());
    caller.feed(b"ten bytes!");
    assert_eq!((caller.entrance.held(), caller.entrance.intake.is_none()), (0, true));
    // Bytes behind a request that is owed an answer count, too, until they are taken.
    caller.feed(get("/ws").as_bytes());
    caller.feed(&[b'x'; 1000]);
    assert!((1000..3000).contains(&caller.entrance.held()), "{}", caller.entrance.held());
    assert_eq!(caller.entrance.take_bytes(), [b'x'; 1000]);
    caller.entrance.account();
    assert_eq!(caller.env.held.get(), 0);
    drop(caller.entrance);
    assert_eq!(caller.env.held.get(), 0);
}

#[test]
fn a_value_attached_to_a_request_ends_with_the_answer() {
    let env = env(Config::default());
    let mut entrance = Entrance::new(false, &env);
    let attach = |entrance: &mut Entrance| {
        let extra = entrance.extra_mut().insert(Box::new(Extra::new(&env)));
        extra.attached = Some(Box::new(5_u8));
        extra.reserved = 1000;
        entrance.account();
        assert_eq!(env.held.get(), 1000);
    };
    attach(&mut entrance);
    entrance.note_answered(&env);
    assert!(entrance.extra().is_none());
    assert_eq!((env.held.get(), entrance.served), (0, 1));
    attach(&mut entrance);
    assert!(entrance.take_extra().is_some() && entrance.take_extra().is_none());
    assert_eq!(env.held.get(), 0);
}
