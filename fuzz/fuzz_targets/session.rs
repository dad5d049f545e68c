//! Laws of the server as one client sees it, from its first byte to the last: the real loop, on sockets in memory.
//!
//! 1. No input makes it panic; after each turn the laws of the loop hold (see `sockhop::fuzzing::Visit`).
//! 2. What it sends is one well-formed HTTP response, and after a 101 whole frames that a client of ours takes without
//!    an error, and tungstenite's with the same verdict. Nothing follows a Close, or any other response.
//! 3. However the client's bytes are cut, the same is sent and the same callbacks are called; but a Pong may come before
//!    or behind a broadcast.
//! 4. An echo sends what the plain decoder has of the client's frames: messages, Pongs, the answer to a Close, the
//!    Close that says which rule was broken. With compression it is what the codec has of them; see `inflate` for that.
//! 5. To a client that takes its bytes slowly the same is sent, until it is closed as too slow; but of Pongs that have
//!    to wait only the newest, when there is room.
//! 6. However the client ends, `close` is called once if `open` was, and nothing is left of it.
//! 7. No line of the log has a control character in it.
//!
//! How the input is read stands at `Plan::draw`.
#![no_main]

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sockhop::fuzzing::Visit;
use sockhop::http::{HeadLimits, HeadScanner, OriginPolicy, ProxyHeader};
use sockhop::protocol::{Client, Connection, DeflateOptions, Deflater, Extension, Limits, Opcode};
use sockhop::{Accept, Config, Deflate, Peer, ProxyProtocol, Ticket};
use sockhop_fuzz::App::{self, *};
use sockhop_fuzz::{Answer, Case, Cuts, Decoded, Seen, Way, agree, decode, feed, frames, log_everything, model};

fuzz_target!(init: log_everything(), |data: &[u8]| {
    let Some(plan) = Plan::draw(data) else { return };
    let whole = plan.run(Pieces::Whole);
    whole.check(&plan);
    // While a decision is put off only so much is kept of what follows, so there it matters how it comes.
    let compares = plan.app != Later || plan.stream.len() < 8 * 1024;
    let cut = plan.run(Pieces::Cut);
    cut.check(&plan);
    if compares && matches!(plan.app, Broadcast | Publisher) {
        // Broadcasts leave when a turn ends, Pongs when a read does: which comes first depends on the turns.
        let sorted = |outcome: &Outcome| {
            let (pongs, others): (Vec<_>, Vec<_>) =
                check_output(&outcome.output).into_iter().flatten().partition(|seen| matches!(seen, Seen::Pong(_)));
            (pongs, others)
        };
        assert_eq!(sorted(&cut), sorted(&whole));
        assert_eq!((&cut.log, cut.is_ended), (&whole.log, whole.is_ended));
    } else if compares {
        assert!(cut == whole, "cut {cut:?}\nbut whole {whole:?}");
    }
    let slow = plan.run(Pieces::Slow);
    if compares {
        slow.is_like(&whole);
    }
});

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pieces {
    Whole,
    Cut,
    Slow,
}

/// How the client leaves.
#[derive(Clone, Copy)]
enum End {
    Fin,
    Rst,
    Silence,
}

struct Plan<'a> {
    app: App,
    config: Config,
    peer: Peer,
    end: End,
    lengths: &'a [u8],
    stream: Vec<u8>,
    /// What was agreed on before the frames in it, if it begins with such a handshake.
    extension: Option<Extension>,
}

/// What came of a plan.
#[derive(PartialEq, Eq)]
struct Outcome {
    /// Until the client left.
    output: Vec<u8>,
    log: Vec<String>,
    is_ended: bool,
}

impl<'a> Plan<'a> {
    /// Reads the fuzzer's input:
    ///
    /// | bytes | meaning |
    /// |---|---|
    /// | 1 | bits 0 to 2: the application; 3 and 4: which limits; 5, 6: how the client leaves; 7: by a trusted proxy |
    /// | 1 | bits 0 to 2: how many lengths follow; 3, 4: what the rest is; 5: a PROXY header is required, 6: is there; |
    /// |   | 7: the client is on the server's machine, the prefix `/ws` may be there, and pages nearby may connect |
    /// | lengths | of the pieces, and of what a slow client takes; used in a circle |
    /// | rest | 0: the stream. 1: what follows a valid head. 2: frames to follow it, see `frames`. 3: the same, |
    /// |      | compressed, behind a byte: bit 0: with context takeover; bit 1: short messages, too |
    fn draw(data: &'a [u8]) -> Option<Self> {
        let (&[first, second], rest) = data.split_first_chunk()?;
        let (lengths, rest) = rest.split_at_checked(usize::from(second & 7))?;
        let app = [Echo, Broadcast, Closer, Panicker, Refuser, Chooser, Later, Publisher][usize::from(first & 7)];
        let (mut deflate, mut extension) = (None, None);
        let rest = match second >> 3 & 3 {
            0 => rest.to_vec(),
            1 => [HEAD, b"\r\n", rest].concat(),
            2 => [HEAD, b"\r\n", &frames(rest, None)].concat(),
            _ => {
                let (choice, rest) = rest.split_first()?;
                let wanted = if choice & 1 == 0 { Deflate::default() } else { Deflate::takeover() };
                let options = DeflateOptions { threshold: usize::from(!choice & 2) * 100, ..wanted.options };
                let offer = Deflate::takeover().terms.offer_value();
                let agreed = wanted.terms.answer(&offer).expect("a list").expect("an offer that can be kept");
                (deflate, extension) = (Some(Deflate { options, ..wanted }), Some(agreed));
                let head = format!("Sec-WebSocket-Extensions: {offer}\r\n\r\n");
                [HEAD, head.as_bytes(), &frames(rest, Some(Deflater::client(agreed, options)))].concat()
            }
        };
        let stream = [if second & 64 == 0 { b"" } else { PROXY_HEADER }, &rest].concat();
        let mut config = match first >> 3 & 3 {
            0 => Config::default(),
            1 => Config { high_water: 2000, low_water: 500, max_queue: 8000, ..Config::default() },
            2 => Config { max_message: 1000, max_frames: 3, ..Config::default() },
            _ => Config {
                max_message_rate: 5,
                head: HeadLimits { max_head: 300, max_request_line: 40 },
                ..Config::default()
            },
        };
        config.deflate = deflate;
        if first & 128 != 0 {
            config.trusted_proxies =
                ["192.0.2.0/24", "2001:db8::/32", "127.0.0.9", "unix"].map(|it| it.parse().expect("a range")).into();
            let is_required = second & 32 != 0;
            config.proxy_protocol = if is_required { ProxyProtocol::Required } else { ProxyProtocol::Off };
        }
        let is_near = second & 128 != 0;
        if is_near {
            config.path_prefix = "/ws".to_owned();
            let allowed = vec!["https://good.example".parse().expect("an origin")];
            config.origins = OriginPolicy { local: true, allowed, any: first & 128 != 0 };
        }
        let peer = match is_near {
            false => Peer::Tcp(([192, 0, 2, 1], 50_000).into()),
            true if first & 128 != 0 => Peer::Unix,
            true => Peer::Tcp(([127, 0, 0, 1], 50_000).into()),
        };
        let end = [End::Fin, End::Rst, End::Silence, End::Fin][usize::from(first >> 5 & 3)];
        Some(Plan { app, config, peer, end, lengths, stream, extension })
    }

    fn run(&self, pieces: Pieces) -> Outcome {
        let tickets = Arc::new(Mutex::new(Vec::new()));
        let elsewhere = if self.config.path_prefix.is_empty() { "/*" } else { "/rooms/*" };
        let mut visit = Visit::new(
            self.config.clone(),
            self.peer,
            vec![("/chat", self.app.behaviour(&tickets)), (elsewhere, Echo.behaviour(&tickets))],
        );
        let length = |byte: &u8| if *byte < 128 { usize::from(*byte) + 1 } else { (usize::from(*byte) - 127) * 256 };
        let mut lengths = self.lengths.iter().map(length).chain([70_000]).cycle();
        let mut rest = &self.stream[..];
        for at in 0.. {
            // Of a long stream only the beginning is cut that small: it would take too long.
            let least = if at < 64 { 1 } else { self.stream.len() / 256 };
            let length = if pieces == Pieces::Whole { rest.len() } else { lengths.next().unwrap_or(1).max(least) };
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            if piece.is_empty() {
                break;
            }
            visit.write(piece);
            if pieces == Pieces::Slow {
                visit.limit(lengths.next().unwrap_or(0) - 1);
                visit.turn();
            } else {
                visit.settle();
            }
            settle_handshakes(&mut visit, &tickets);
        }
        visit.limit(usize::MAX);
        visit.settle();
        settle_handshakes(&mut visit, &tickets);
        let outcome = Outcome { output: visit.output(), log: visit.log(), is_ended: visit.is_ended() };
        self.leave(visit, &outcome, if pieces == Pieces::Whole { self.end } else { End::Fin });
        outcome
    }

    /// Law 6.
    fn leave(&self, mut visit: Visit, outcome: &Outcome, end: End) {
        match end {
            End::Fin => visit.finish(),
            End::Rst => visit.reset(),
            // The longest that this can take: a Ping, the wait for a Pong, a second until each is noticed.
            End::Silence => visit.pass(Duration::from_secs(60)),
        }
        // A Close that is not answered, and what is still read of a stream that was ended.
        visit.pass(Duration::from_secs(8));
        visit.assert_empty();
        let later = visit.log();
        let count = |what: &str| outcome.log.iter().chain(&later).filter(|line| line.starts_with(what)).count();
        assert!(count("open") <= 1 && count("open") == count("close"), "{:?} {later:?}", outcome.log);
        // Pings, a Close that says why, a 408: still the same stream.
        let output = [&outcome.output[..], &visit.output()].concat();
        check_output(&output);
    }

    /// The bytes behind the head, if it is whole.
    fn frames(&self) -> Option<&[u8]> {
        let request = match self.config.proxy_protocol {
            ProxyProtocol::Off => &self.stream[..],
            ProxyProtocol::Required => &self.stream[ProxyHeader::parse(&self.stream).ok()??.1..],
        };
        let length = HeadScanner::default().scan_within(request, &self.config.head).ok()??;
        Some(&request[length..])
    }

    /// What an echo sends, and the callbacks for messages.
    fn echo(&self) -> Vec<Seen> {
        let limits = Limits { max_message: self.config.max_message, max_frames: self.config.max_frames };
        let case = Case::of(false, limits, self.frames().unwrap_or_default());
        let (events, error) = match self.extension {
            None => {
                let Decoded { events, error, .. } = model(&case);
                (events, error)
            }
            Some(extension) => {
                let server = Connection::server(case.limits.clone()).with_extension(extension);
                let outcome = feed(server, &case, Cuts::none(), Way::Lent);
                (outcome.events, outcome.error)
            }
        };
        let mut expected = Vec::new();
        for event in events {
            match event {
                Seen::Ping(payload) => expected.push(Seen::Pong(payload)),
                Seen::Pong(_) => {}
                Seen::Close(frame) => expected.push(Seen::Close(frame.map(|(code, _)| (code, String::new())))),
                message => expected.push(message),
            }
        }
        if let Some(error) = error {
            expected.push(Seen::Close(Some((error.close_code().0, error.to_string()))));
        }
        expected
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { output, log, is_ended } = self;
        write!(f, "{log:?}, ended: {is_ended}, sent: {}", output.escape_ascii())
    }
}

impl Outcome {
    /// Laws 2 and 4.
    fn check(&self, plan: &Plan<'_>) {
        let events = check_output(&self.output);
        if let Some(events) = events.filter(|_| plan.app == Echo && plan.config.max_message_rate == 0) {
            assert_eq!(events, plan.echo());
        }
    }

    /// Law 5.
    fn is_like(&self, whole: &Outcome) {
        let (Some(slow), Some(whole)) = (check_output(&self.output), check_output(&whole.output)) else {
            return assert!(self.output == whole.output, "{self:?} {whole:?}");
        };
        let is_pong = |seen: &&Seen| matches!(seen, Seen::Pong(_));
        let mut pongs = whole.iter().filter(is_pong);
        let skipped_only = slow.iter().filter(is_pong).all(|pong| pongs.any(|other| other == pong));
        // Unless it has ended, the newest one comes, too.
        let is_open = !matches!(slow.last(), Some(Seen::Close(_)));
        assert!(!is_open || slow.iter().rfind(is_pong) == whole.iter().rfind(is_pong), "{slow:?} {whole:?}");
        let mut others = whole.iter().filter(|seen| !is_pong(seen));
        let mut found = slow.iter().filter(|seen| !is_pong(seen));
        let same = found.all(|seen| others.next() == Some(seen) || seen.close_code() == Some(1013));
        let too_slow = slow.last().and_then(Seen::close_code) == Some(1013);
        assert!(skipped_only && same && (too_slow || others.next().is_none()), "{slow:?} {whole:?}");
    }
}

/// Law 2. What the frames behind a 101 say.
fn check_output(output: &[u8]) -> Option<Vec<Seen>> {
    if output.is_empty() {
        return None;
    }
    let (answer, frames) = Answer::parse(output);
    if answer.status != 101 {
        answer.assert_final();
        assert!(frames.is_empty(), "bytes behind a response");
        return None;
    }
    let case = Case::of(true, Limits { max_message: 1 << 20, ..Limits::default() }, frames);
    let client = Connection::client(case.limits.clone(), || [1, 2, 3, 4]);
    if let Some(value) = answer.header("sec-websocket-extensions") {
        let agreed = Deflate::takeover().terms.check_answer([value]).expect("an answer").expect("an extension");
        let outcome = feed(client.with_extension(agreed), &case, Cuts::none(), Way::Lent);
        assert_eq!(outcome.error, None);
        return Some(outcome.events);
    }
    let outcome = feed(client, &case, Cuts::none(), Way::Input);
    assert_eq!(outcome.error, None);
    agree::<Client<fn() -> [u8; 4]>>(&case, &outcome);
    let Decoded { sent, events, .. } = decode(&sockhop_fuzz::Outcome { output: frames.to_vec(), ..outcome }, false);
    let close = sent.iter().position(|(opcode, _)| *opcode == Opcode::Close);
    assert!(close.is_none_or(|at| at + 1 == sent.len()), "frames behind a Close");
    assert_eq!(sent.len(), events.len(), "an event for each frame");
    Some(events)
}

/// The decisions that were put off: alternately yes and no.
fn settle_handshakes(visit: &mut Visit, tickets: &Mutex<Vec<Ticket>>) {
    for ticket in tickets.lock().expect("one thread").drain(..) {
        visit.handle().settle(ticket, Accept::yes()).expect("room for a command");
    }
    visit.settle();
}

const PROXY_HEADER: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";
const HEAD: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\n";
