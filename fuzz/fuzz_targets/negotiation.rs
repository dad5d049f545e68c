//! Laws of `DeflateOffer` and `Upgrade::negotiate_deflate` (RFC 6455 9.1, RFC 7692 5.1, 7.1), over any lines of
//! Sec-WebSocket-Extensions:
//!
//! 1. No input makes them panic.
//! 2. The server refuses what is no list of extensions, and of the others answers the first offer that can be kept, as a
//!    second reader says, which shares no code with the first. The answer is one that the offer allows: nothing chosen
//!    for the client that it has not left open, no larger window than asked for, no takeover where none is wanted, and
//!    nothing said of the server that was not asked for.
//! 3. The 101 has this answer; a client that has made the offer takes it. The server may do less than it says.
//! 4. A client refuses as an answer exactly what the second reader does, and knows of the others what that says.
//! 5. Whatever two sides of ours want, they agree.
//!
//! The input: a byte for what the server wants, one for the client, see `terms`, and the lines, LF between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhop::http::{DeflateOffer, Request, RequestError, Upgrade};
use sockhop::protocol::{ContextTakeover, Extension};
use sockhop_fuzz::{Answer, Params};

const HEAD: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
/// Wishes, and what counts as the nearest.
const WINDOW_BITS: [u8; 8] = [15, 9, 12, 14, 8, 16, 0, 255];

fuzz_target!(|data: &[u8]| {
    let Some((&[server, client], text)) = data.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let lines: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split('\n').collect() };
    let (server, client) = (terms(server), terms(client));
    for terms in [client, DeflateOffer::default(), self::terms(3)] {
        take(&lines, &terms);
    }
    agree(&server, &client);
    let fields: String = lines.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
    let head = format!("{HEAD}{fields}\r\n");
    // What no head may have.
    let Ok(request) = Request::parse(head.as_bytes()) else { return };
    let upgrade = Upgrade::from_request(&request).expect("an opening handshake");
    for terms in [server, DeflateOffer::default(), self::terms(3)] {
        offer(&upgrade, &lines, &terms);
    }
});

/// Bit 0: the server may take over; bit 1: so may the client; bits 2 to 4 and 5 to 7: the largest windows.
fn terms(byte: u8) -> DeflateOffer {
    let context = |bit: u8| if bit == 0 { ContextTakeover::No } else { ContextTakeover::Yes };
    DeflateOffer {
        server_context: context(byte & 1),
        client_context: context(byte & 2),
        server_max_window_bits: WINDOW_BITS[usize::from(byte >> 2 & 7)],
        client_max_window_bits: WINDOW_BITS[usize::from(byte >> 5)],
    }
}

/// Laws 2 and 3.
fn offer(upgrade: &Upgrade<'_>, lines: &[&str], terms: &DeflateOffer) {
    let result = upgrade.negotiate_deflate(terms);
    if let [line] = lines {
        assert_eq!(terms.answer(line), result);
    }
    let (agreed, expected) = match (result, Params::first_kept(lines)) {
        (Ok(agreed), Some(expected)) => (agreed, expected),
        (Err(RequestError::Extensions), None) => return,
        (result, expected) => panic!("{result:?}, but {expected:?}: {lines:?}"),
    };
    assert_eq!(agreed.is_some(), expected.is_some(), "{lines:?}");
    let mut response = Vec::new();
    Upgrade::encode_response_with(&upgrade.accept_key(), None, agreed, &[], &mut response);
    let (answer, rest) = Answer::parse(&response);
    assert_eq!((answer.status, rest), (101, &b""[..]));
    let value = answer.header("sec-websocket-extensions");
    assert_eq!(value, agreed.map(|agreed| agreed.to_string()).as_deref());
    let (Some(value), Some(agreed), Some(offered)) = (value, agreed, expected) else { return };
    let answered = Params::only(&[value]).expect("an answer").expect("of permessage-deflate");
    assert!(answered.answers(&offered, terms), "{value} for {offered:?} and {terms:?}");
    let does = agreed.extension;
    assert!(answered.allows(does, terms), "{does:?} after {value} with {terms:?}");
    let wish = offered.terms();
    let taken = wish.check_answer([value]);
    if offered.client_max_window_bits == Some(Some(8)) {
        // Which a client of ours does not offer.
        assert!(taken.is_err(), "{value} cannot be kept");
    } else {
        assert_eq!(taken, Ok(Some(answered.agreed(&wish))), "{value} for {offered:?}");
    }
}

/// Law 4.
fn take(lines: &[&str], terms: &DeflateOffer) {
    let expected = Params::only(lines).and_then(|answer| match answer {
        Some(answer) if !answer.is_acceptable(terms) => None,
        answer => Some(answer.map(|answer| answer.agreed(terms))),
    });
    let result = terms.check_answer(lines.iter().copied());
    assert_eq!(result.ok(), expected, "{lines:?} for {terms:?}");
}

/// Law 5.
fn agree(server: &DeflateOffer, client: &DeflateOffer) {
    let offered = client.offer_value();
    let answer = server.answer(&offered).expect("a list").expect("an offer that can be kept");
    let Extension { server_context, client_context, server_max_window_bits, client_max_window_bits } = answer.extension;
    let taken = client.check_answer([&answer.to_string()[..]]).expect("an answer").expect("of permessage-deflate");
    assert_eq!((taken.client_context, taken.client_max_window_bits), (client_context, client_max_window_bits));
    let both = |one, other| if one == ContextTakeover::No { one } else { other };
    let least = |one: u8, other: u8| one.min(other).clamp(9, 15);
    assert_eq!(server_context, both(server.server_context, client.server_context));
    assert_eq!(client_context, both(server.client_context, client.client_context));
    assert_eq!(server_max_window_bits, least(server.server_max_window_bits, client.server_max_window_bits));
    assert_eq!(client_max_window_bits, least(server.client_max_window_bits, client.client_max_window_bits));
}
