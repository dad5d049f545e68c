//! Laws of the opening handshake: `HeadScanner`, `Request`, `Upgrade`, `OriginPolicy` and `Router` (RFC 6455 4.2, 10.2,
//! RFC 9112), over any bytes:
//!
//! 1. No input makes them panic.
//! 2. However a head is cut, the scanner says the same, and refuses at the first byte with which no head can go on.
//! 3. Its time is linear in the input: each byte is examined once, whatever the cuts, and none behind the limits.
//! 4. A request is accepted at a mount, or refused, exactly as a second reader of it says, which shares no code with
//!    the first: every rule of RFC 6455 4.2.1, the origin, the path.
//! 5. An acceptance is the 101 of RFC 6455 4.2.2, for this key, with a subprotocol that both sides know.
//! 6. A refusal is well-formed HTTP that ends the connection, and one of a few constant texts: no byte is the peer's.
//!
//! The input: a byte of flags for the policy, a byte that says how many lengths of pieces follow, these, and the head.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sockhop::http::{
    Body, HeadLimits, HeadScanner, Origin, OriginPolicy, OriginRefusal, Persistence, Reach, Representation, Request,
    RequestError, Resolved, Response, Router, Upgrade, Via, upgrade_required,
};
use sockhop_fuzz::{Answer, Head, Policy};
use tungstenite::handshake::derive_accept_key;

const ALLOWED: &str = "https://good.example";
const SPOKEN: [&str; 3] = ["chat", "v2.chat", "GET"];

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let mut router = Router::default();
    router.prefix("/ws").expect("a prefix");
    for (index, path) in ["/chat", "/rooms/*", "/rooms/a b", "/ws/own"].into_iter().enumerate() {
        router.add_mount(path, index).expect("a mount");
    }
    let routes = [("GET", "/"), ("POST", "/"), ("PUT", "/chat"), ("GET", "/files/*"), ("PUT", "/files/*")];
    for (index, (method, path)) in routes.into_iter().enumerate() {
        router.add_route(method, path, index).expect("a route");
    }
    router
});

static FILE: LazyLock<Representation> = LazyLock::new(|| Representation::new("text/plain", &b"a file"[..]));

/// All refusals that there are, made without a request.
static REFUSALS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    use RequestError as E;
    let errors = [
        E::Malformed,
        E::Tls,
        E::RequestLineTooLong,
        E::HeadTooLarge,
        E::TooManyHeaders,
        E::HttpVersion,
        E::Target,
        E::MissingHost,
        E::SeveralHosts,
        E::Host,
        E::MethodNotGet,
        E::UpgradeOverHttp10,
        E::MissingUpgrade,
        E::MissingConnectionUpgrade,
        E::BodyNotAllowed,
        E::VersionNot13,
        E::MissingKey,
        E::SeveralKeys,
        E::Key,
        E::Subprotocols,
        E::SubprotocolTwice,
        E::ForeignOrigin,
        E::SeveralOrigins,
    ];
    let resolved = [
        Resolved::MethodNotAllowed("GET, HEAD, POST"),
        Resolved::MethodNotAllowed("PUT"),
        Resolved::MethodNotAllowed("GET, HEAD, PUT"),
        Resolved::Options("GET, HEAD, POST"),
        Resolved::Options("PUT"),
        Resolved::Options("GET, HEAD, PUT"),
        Resolved::NotFound,
        Resolved::Malformed,
    ];
    let refusals = errors.into_iter().map(RequestError::response);
    refusals.chain(resolved.iter().filter_map(Resolved::refusal)).map(|response| encoded(&response)).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, count], rest)) = data.split_first_chunk() else { return };
    let Some((cuts, bytes)) = rest.split_at_checked(usize::from(count % 8)) else { return };
    let limits = match flags >> 5 {
        0 => HeadLimits { max_head: 200, max_request_line: 40 },
        1 => HeadLimits { max_head: 300, max_request_line: 500 },
        _ => HeadLimits::default(),
    };
    let head = match scan(bytes, cuts, &limits) {
        Ok(Some(length)) => &bytes[..length],
        Ok(None) => return,
        Err(error) => return refused(&error.response()),
    };
    let policy = Policy {
        any: flags & 7 == 7,
        local: flags & 1 != 0,
        via_proxy: flags & 2 != 0,
        loopback: flags & 4 != 0,
        allowed: (flags & 8 != 0).then_some(ALLOWED),
    };
    let second = Head::parse(head).filter(|head| head.is_upgrade() && head.origin_may_connect(policy));
    let second = second.and_then(|head| Some((mount(&head.path()?)?, head)));
    match answer(head, policy) {
        Ok((mount, accepted)) => {
            let (expected, second) = second.unwrap_or_else(|| panic!("accepted: {}", head.escape_ascii()));
            assert_eq!(mount, expected, "{:?}", second.path());
            let subprotocol = second.subprotocols().into_iter().find(|word| SPOKEN.contains(&&word[..]));
            let key = derive_accept_key(second.values("sec-websocket-key")[0].as_bytes());
            let (answer, rest) = Answer::parse(&accepted);
            assert_eq!((answer.status, rest), (101, &b""[..]));
            assert_eq!(answer.header("upgrade"), Some("websocket"));
            assert_eq!(answer.header("connection"), Some("Upgrade"));
            assert_eq!(answer.header("sec-websocket-accept"), Some(&key[..]));
            assert_eq!(answer.header("sec-websocket-protocol"), subprotocol.as_deref());
            assert_eq!(answer.header("sec-websocket-extensions"), None);
        }
        Err(Some(refusal)) => {
            assert!(second.is_none(), "refused with {}: {}", refusal.status(), head.escape_ascii());
            refused(&refusal);
        }
        Err(None) => assert!(second.is_none(), "a route: {}", head.escape_ascii()),
    }
});

/// What the scanner says of the bytes, however they are cut.
fn scan(bytes: &[u8], cuts: &[u8], limits: &HeadLimits) -> Result<Option<usize>, RequestError> {
    let mut scanner = HeadScanner::default();
    let whole = scanner.scan_within(bytes, limits);
    assert!(scanner.examined() <= bytes.len().min(limits.max_head));
    // Where it became certain.
    let mut certain = None;
    for lengths in [vec![1], cuts.iter().map(|cut| usize::from(*cut)).chain([bytes.len()]).collect()] {
        let mut scanner = HeadScanner::default();
        let mut fed = 0;
        let mut lengths = lengths.into_iter().cycle();
        let mut result = scanner.scan_within(&[], limits);
        while result == Ok(None) && fed < bytes.len() {
            let before = scanner.examined();
            fed = bytes.len().min(fed + lengths.next().unwrap_or(bytes.len()));
            result = scanner.scan_within(&bytes[..fed], limits);
            assert!((before..=fed).contains(&scanner.examined()), "{before} before {}", scanner.examined());
            if result == Ok(None) {
                assert_eq!(scanner.examined(), fed, "no byte is left for a second look");
            }
        }
        assert_eq!(result, whole, "{}", bytes.escape_ascii());
        if result != Ok(None) {
            assert!(*certain.get_or_insert(fed) <= fed, "certain after {certain:?} bytes");
        }
    }
    match (whole, certain) {
        (Ok(Some(length)), _) => {
            assert!(length <= limits.max_head && bytes[..length].ends_with(b"\r\n\r\n"));
            assert_eq!(certain, Some(length));
        }
        (Ok(None), _) => assert!(begins_a_head(bytes), "{}", bytes.escape_ascii()),
        (Err(RequestError::Malformed | RequestError::Tls), Some(at)) => {
            let is_first = begins_a_head(&bytes[..at - 1]) && !begins_a_head(&bytes[..at]);
            assert!(is_first, "byte {at} of {}", bytes.escape_ascii());
        }
        (Err(_), _) => {}
    }
    whole
}

/// Whether lines as RFC 9112 has them begin so: CR and LF only together, no other control character but the tab, a token
/// at the beginning of each line, and no empty line but one before the first, unless the head ends with it.
fn begins_a_head(bytes: &[u8]) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_line =
        |line: &str| line.starts_with(is_token) && !line.contains(|c: char| c.is_ascii_control() && c != '\t');
    let lead = bytes.strip_prefix(b"\r\n");
    let text: String = lead.unwrap_or(bytes).iter().map(|byte| char::from(*byte)).collect();
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    let last = lines.pop().unwrap_or_default();
    let may_be_empty = |last: &str| last.is_empty() || last == "\r" && (lead.is_none() || !lines.is_empty());
    lines.iter().all(|line| is_line(line)) && (may_be_empty(last) || is_line(last.strip_suffix('\r').unwrap_or(last)))
}

/// The way of a request through all parts: mount and 101, or a refusal, or none for a route.
fn answer(head: &[u8], policy: Policy) -> Result<(usize, Vec<u8>), Option<Response>> {
    let request = Request::parse(head).map_err(|error| Some(error.response()))?;
    look_at(&request);
    let mount = match ROUTER.resolve(&request) {
        Resolved::Mount(mount) => mount,
        Resolved::Request(_) => return Err(Some(upgrade_required(&request))),
        other => return Err(other.refusal()),
    };
    let upgrade = Upgrade::from_request(&request).map_err(|error| Some(error.response()))?;
    let origins = OriginPolicy {
        allowed: policy.allowed.map(|origin| Origin::parse(origin).expect("an origin")).into_iter().collect(),
        any: policy.any,
        local: policy.local,
    };
    let via = if policy.via_proxy { Via::TrustedProxy } else { Via::Direct };
    let reach = if policy.loopback { Reach::Loopback } else { Reach::Network };
    if let Err(error) = origins.check(&request, via, reach) {
        let line = OriginRefusal::new(&origins, &request, via, reach).to_string();
        assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' ') && line.len() < 5000, "{line:?}");
        return Err(Some(error.response()));
    }
    let mut output = Vec::new();
    Upgrade::encode_response(&upgrade.accept_key(), upgrade.negotiate(&SPOKEN), &[], &mut output);
    Ok((mount, output))
}

/// What applications ask of a request.
fn look_at(request: &Request<'_>) {
    assert!(request.headers().count() <= HeadLimits::MAX_HEADERS);
    assert!(request.path().starts_with('/'));
    let _ = (request.query_param("a"), request.cookie("a"), request.authority(), request.target());
    let _ = format!("{request:?}");
    let answer = FILE.answer(request);
    let has = |line: &[u8], text: &str| line.windows(text.len()).any(|part| part == text.as_bytes());
    let is_known = request.header_bytes("if-none-match").any(|line| has(line, "*") || has(line, FILE.etag()));
    let may_be = |status| match status {
        200 => true,
        206 | 416 => request.header("range").is_some_and(|range| range.contains('=')),
        _ => is_known,
    };
    assert!(may_be(answer.status()), "{} to {request:?}", answer.status());
    assert!(answer.content().len() <= FILE.content().len());
    Answer::parse(&encoded(&answer)).0.assert_final();
}

/// The mount at a path, with the prefix or without.
fn mount(path: &str) -> Option<usize> {
    let find = |path: &str| match path {
        "/chat" => Some(0),
        "/rooms/a b" => Some(2),
        "/ws/own" => Some(3),
        "/rooms" => Some(1),
        other => other.starts_with("/rooms/").then_some(1),
    };
    path.strip_prefix("/ws").filter(|rest| rest.starts_with('/')).and_then(find).or_else(|| find(path))
}

fn refused(response: &Response) {
    let bytes = encoded(response);
    assert!(REFUSALS.contains(&bytes), "{}", bytes.escape_ascii());
    let (answer, rest) = Answer::parse(&bytes);
    answer.assert_final();
    assert_eq!(answer.status, response.status());
    assert!(answer.status >= 400 && rest.is_empty());
    let mut without_body = Vec::new();
    response.encode(&mut without_body, None, Body::Omit, Persistence::Close);
    assert_eq!(without_body, bytes[..bytes.len() - answer.body.len()]);
}

fn encoded(response: &Response) -> Vec<u8> {
    let mut output = Vec::new();
    response.encode(&mut output, None, Body::Include, Persistence::Close);
    output
}
