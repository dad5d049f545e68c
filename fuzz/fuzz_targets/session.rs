//! Laws of the server as one client sees it, from its first byte to the last: the real loop, on sockets in memory.
//!
//! 1. No input makes it panic; after each turn the laws of the loop hold (see `sockhop::fuzzing::Visit`).
//! 2. Plain requests, pipelined and with bodies of all kinds, get the answers that a model gives, in their order and to
//!    the byte, and the handlers the same requests (see `sockhop_fuzz::Exchanges`). Then comes nothing; or one refusal,
//!    which ends the connection; or a 101, and whole frames that a client of ours takes without an error, and
//!    tungstenite's with the same verdict. Nothing follows a Close.
//! 3. However the client's bytes are cut, the same is sent and the same callbacks are called, also when the transport
//!    buffers. But a Pong may come before or behind a broadcast, and a body may come before it was asked for.
//! 4. The messages of a WebSocket are those of the frames behind its handshake, and no byte of a body is among them. An
//!    echo sends those messages, Pongs, the answer to a Close, the Close that says which rule was broken.
//! 5. A client that takes its bytes slowly is sent the same, until it is closed as too slow. Of Pongs that have to wait
//!    it gets only the newest, when there is room. If it sends 64 KiB behind the last answer, it is reset and may miss it.
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
use sockhop::http::{Body, HeadLimits, OriginPolicy, ProxyHeader};
use sockhop::protocol::{Connection, DeflateOptions, Deflater, Extension, Limits, ProtocolError};
use sockhop::{Config, Deflate, Peer, ProxyProtocol};
use sockhop_fuzz::App::{self, *};
use sockhop_fuzz::{
    Answer, Case, Cuts, Decoded, Desk, Draw, End, Exchanges, Seen, Way, check_upgraded, draw_request, feed, frames,
    log_everything, model,
};

fuzz_target!(init: log_everything(), |data: &[u8]| {
    let Some(plan) = Plan::draw(data) else { return };
    let whole = plan.run(Pieces::Whole).expect("no reset, for it takes all");
    whole.check(&plan, Pieces::Whole);
    // While a decision is put off only so much is kept of what follows, so there it matters how it comes.
    let compares = plan.app != Later || plan.stream.len() < 8 * 1024;
    let cut = plan.run(Pieces::Cut).expect("no reset, for it takes all");
    cut.check(&plan, Pieces::Cut);
    if compares && matches!(plan.app, Broadcast | Publisher) {
        // Broadcasts leave when a turn ends, Pongs when a read does: which comes first depends on the turns.
        let sorted = |outcome: &Outcome| {
            let (pongs, others): (Vec<_>, Vec<_>) =
                check_upgraded(&outcome.output).into_iter().flatten().partition(|seen| matches!(seen, Seen::Pong(_)));
            (pongs, others)
        };
        assert_eq!(sorted(&cut), sorted(&whole));
        assert_eq!((&cut.log, &cut.calls, cut.is_ended), (&whole.log, &whole.calls, whole.is_ended));
    } else if compares {
        assert!(cut == whole, "cut {cut:?}\nbut whole {whole:?}");
    }
    if let Some(slow) = plan.run(Pieces::Slow) {
        slow.check(&plan, Pieces::Slow);
        if compares {
            slow.is_like(&whole);
        }
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
enum Leave {
    Fin,
    Rst,
    Silence,
}

struct Plan<'a> {
    app: App,
    config: Config,
    peer: Peer,
    leave: Leave,
    lengths: &'a [u8],
    stream: Vec<u8>,
    /// The extension that the opening handshake agrees on.
    extension: Option<Extension>,
    /// The transport hands its bytes on in short pieces, where they are cut.
    buffers: bool,
    /// What the requests must lead to; `None` without the PROXY header that must be there.
    exchanges: Option<Exchanges>,
}

/// What came of a plan, until the client left.
#[derive(PartialEq, Eq)]
struct Outcome {
    /// Behind the answers to plain requests.
    output: Vec<u8>,
    log: Vec<String>,
    calls: Vec<String>,
    messages: Vec<Seen>,
    is_ended: bool,
}

const MOUNTS: [&str; 2] = ["/chat", "/*"];
const PREFIXED: [&str; 2] = ["/chat", "/rooms/*"];

impl<'a> Plan<'a> {
    /// Reads the fuzzer's input:
    ///
    /// | bytes | meaning |
    /// |---|---|
    /// | 1 | bits 0 to 2: the application; 3 and 4: which limits; 5, 6: how the client leaves; 7: by a trusted proxy |
    /// | 1 | bits 0 to 2: how many lengths follow; 3, 4: what the rest is; 5: a PROXY header is required, 6: is there; |
    /// |   | 7: the client is on the server's machine, the prefix `/ws` may be there, and pages nearby may connect |
    /// | lengths | of the pieces, and of what a slow client takes; used in a circle |
    /// | 1 | bits 0 to 3: how many plain requests there are first; 4, 5: limits of plain requests; 6: the transport |
    /// |   | buffers |
    /// | requests | see `draw_request` |
    /// | rest | 0: the stream. 1: what follows a valid head. 2: frames to follow it, see `frames`. 3: the same, |
    /// |      | compressed, behind a byte: bit 0: with context takeover; bit 1: short messages, too |
    fn draw(data: &'a [u8]) -> Option<Self> {
        let (&[first, second], rest) = data.split_first_chunk()?;
        let (lengths, rest) = rest.split_at_checked(usize::from(second & 7))?;
        let (&third, rest) = rest.split_first()?;
        let mut requests = Draw::new(rest);
        let plain: Vec<_> = (0..third & 15).flat_map(|_| draw_request(&mut requests)).collect();
        let rest = requests.bytes(usize::MAX);
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
                let answer = wanted.terms.answer(&offer).expect("a list").expect("an offer that can be kept");
                let agreed = answer.extension;
                (deflate, extension) = (Some(Deflate { options, ..wanted }), Some(agreed));
                let head = format!("Sec-WebSocket-Extensions: {offer}\r\n\r\n");
                [HEAD, head.as_bytes(), &frames(rest, Some(Deflater::client(agreed, options)))].concat()
            }
        };
        let stream = [if second & 64 == 0 { b"" } else { PROXY_HEADER }, &plain, &rest].concat();
        let mut config = match first >> 3 & 3 {
            0 => Config::default(),
            1 => Config { high_water: 2000, low_water: 500, max_queue: 8000, ..Config::default() },
            2 => Config { max_message: 1000, max_frames: 3, ..Config::default() },
            _ => Config {
                max_message_rate: Some(5),
                head: HeadLimits { max_head: 300, max_request_line: 40 },
                ..Config::default()
            },
        };
        (config.deflate, config.max_panics) = (deflate, u32::MAX);
        match third >> 4 & 3 {
            0 => {}
            1 => config.max_requests = 3,
            2 => config.keep_alive = None,
            _ => config.max_body = 150,
        }
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
        let leave = [Leave::Fin, Leave::Rst, Leave::Silence, Leave::Fin][usize::from(first >> 5 & 3)];
        let start = match config.proxy_protocol {
            ProxyProtocol::Off => Some(0),
            ProxyProtocol::Required => ProxyHeader::parse(&stream).ok().flatten().map(|(_, length)| length),
        };
        let mounts = if is_near { PREFIXED } else { MOUNTS };
        let exchanges = start.map(|start| Exchanges::of(&stream[start..], &config, &mounts));
        let exchanges = exchanges.map(|it| it.shifted(start.unwrap_or(0)));
        Some(Plan { app, config, peer, leave, lengths, stream, extension, buffers: third & 64 != 0, exchanges })
    }

    /// `None`: the client was reset while it was owed bytes.
    fn run(&self, pieces: Pieces) -> Option<Outcome> {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let [chat, elsewhere] = if self.config.path_prefix.is_empty() { MOUNTS } else { PREFIXED };
        let mounts = vec![(chat, self.app.behaviour(&desk)), (elsewhere, Echo.behaviour(&desk))];
        let mut visit = Visit::new(self.config.clone(), self.peer, mounts);
        if self.buffers && pieces != Pieces::Whole {
            visit.buffer(1500);
        }
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
            answer_deferred(&mut visit, &desk);
        }
        visit.limit(usize::MAX);
        visit.settle();
        answer_deferred(&mut visit, &desk);
        if pieces == Pieces::Slow && visit.is_reset() && self.stream.len() > 64 * 1024 {
            visit.settle();
            visit.assert_empty();
            return None;
        }
        let output = visit.output();
        let output = self.exchanges.as_ref().map_or(&output[..], |it| it.strip(&output)).to_vec();
        let Desk { calls, messages, .. } = std::mem::take(&mut *desk.lock().expect("one thread"));
        let outcome = Outcome { output, log: visit.log(), calls, messages, is_ended: visit.is_ended() };
        self.leave(visit, &outcome, if pieces == Pieces::Whole { self.leave } else { Leave::Fin });
        Some(outcome)
    }

    /// Law 6.
    fn leave(&self, mut visit: Visit, outcome: &Outcome, leave: Leave) {
        match leave {
            Leave::Fin => visit.finish(),
            Leave::Rst => visit.reset(),
            // The longest that this can take: a Ping, the wait for a Pong, a second until each is noticed.
            Leave::Silence => visit.pass(Duration::from_secs(60)),
        }
        // A Close that is not answered, and what is still read of a stream that was ended.
        visit.pass(Duration::from_secs(8));
        visit.assert_empty();
        let later = visit.log();
        let count = |what: &str| outcome.log.iter().chain(&later).filter(|line| line.starts_with(what)).count();
        assert!(count("open") <= 1 && count("open") == count("close"), "{:?} {later:?}", outcome.log);
        // Pings, a Close that says why, a 408: still the same stream.
        let output = [&outcome.output[..], &visit.output()].concat();
        match self.exchanges.as_ref().map(|it| (it.end, it.late)) {
            Some((End::Upgrade(_), _)) => _ = check_upgraded(&output),
            Some((End::Waits | End::WaitsForBody, late)) if !output.is_empty() => {
                let (answer, rest) = match late {
                    Body::Include => Answer::parse(&output),
                    Body::Omit => Answer::parse_head(&output),
                };
                answer.assert_final();
                assert_eq!((answer.status, rest), (408, &b""[..]));
            }
            _ => assert_eq!(output, b""),
        }
    }

    /// The events of the frames behind the opening handshake, and the error that ends them.
    fn events(&self) -> (Vec<Seen>, Option<ProtocolError>) {
        let limits = Limits { max_message: self.config.max_message as u64, max_frames: self.config.max_frames };
        let Some(End::Upgrade(start)) = self.exchanges.as_ref().map(|it| it.end) else { return (Vec::new(), None) };
        let case = Case::of(false, limits, &self.stream[start..]);
        match self.extension {
            None => {
                let Decoded { events, error, .. } = model(&case);
                (events, error)
            }
            Some(extension) => {
                let server = Connection::server(case.limits.clone()).with_extension(extension);
                let outcome = feed(server, &case, Cuts::none(), Way::Lent);
                (outcome.events, outcome.error)
            }
        }
    }

    /// What an echo sends.
    fn echo(&self) -> Vec<Seen> {
        let (events, error) = self.events();
        let mut expected = Vec::new();
        for event in events {
            match event {
                Seen::Ping(payload) => expected.push(Seen::Pong(payload)),
                Seen::Pong(_) => {}
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
        let Outcome { output, log, calls, messages, is_ended } = self;
        write!(f, "{calls:?} {log:?} {messages:?}, ended: {is_ended}, sent: {}", output.escape_ascii())
    }
}

impl Outcome {
    /// Laws 2 and 4.
    fn check(&self, plan: &Plan<'_>, pieces: Pieces) {
        let Some(exchanges) = &plan.exchanges else {
            assert!(self.calls.is_empty() && self.log.is_empty() && self.output.is_empty(), "{self:?}");
            return;
        };
        let calls = self.calls.strip_prefix(&exchanges.calls[..]).unwrap_or_else(|| panic!("{self:?}"));
        let End::Upgrade(_) = exchanges.end else {
            assert!(calls.is_empty() && self.log.is_empty() && self.output.is_empty(), "{self:?}");
            return assert_eq!(self.is_ended, exchanges.end == End::Answered, "{self:?}");
        };
        assert!(calls.iter().all(|call| call == "accept") && calls.len() <= 1, "{self:?}");
        let Some(events) = check_upgraded(&self.output) else {
            let is_refused = !self.output.is_empty() && self.is_ended;
            return assert!(is_refused && self.messages.is_empty() && self.log.is_empty(), "{self:?}");
        };
        let expected = plan.events().0;
        let mut expected = expected.iter().filter(|event| matches!(event, Seen::Text(_) | Seen::Binary(_)));
        assert!(self.messages.iter().all(|message| expected.next() == Some(message)), "{self:?}");
        // Nothing else ends it early.
        let is_too_slow = events.last().and_then(Seen::close_code) == Some(1013);
        if plan.config.max_message_rate.is_none() && !matches!(plan.app, Closer | Panicker) && !is_too_slow {
            assert_eq!(expected.next(), None, "a message is missing: {self:?}");
        }
        if plan.app == Echo && plan.config.max_message_rate.is_none() && pieces != Pieces::Slow {
            assert_eq!(events, plan.echo());
        }
    }

    /// Law 5.
    fn is_like(&self, whole: &Outcome) {
        assert_eq!(self.calls, whole.calls);
        let (Some(slow), Some(whole)) = (check_upgraded(&self.output), check_upgraded(&whole.output)) else {
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

/// Gives the answers that were put off, until there are none.
fn answer_deferred(visit: &mut Visit, desk: &Mutex<Desk>) {
    while desk.lock().expect("one thread").answer(&visit.handle()) {
        visit.settle();
    }
}

const PROXY_HEADER: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";
const HEAD: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\n";
