use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::protocol::{
    Allowance, Client, CloseCode, Connection, Event, Limits, Message, ProtocolError, Server, State,
    testing::{KEY, Random, masked, unmasked},
};

mod bounds;
mod negotiated;
mod rules;
mod sending;

use Message::{Binary, Text};

const NONE: Extension = Extension {
    server_context: ContextTakeover::No,
    client_context: ContextTakeover::No,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};
const TAKEOVER: Extension =
    Extension { server_context: ContextTakeover::Yes, client_context: ContextTakeover::Yes, ..NONE };
/// "Hello", as RFC 7692 7.2.3.1 has it.
const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

fn server(extension: Extension, max_message: u64) -> Connection {
    Connection::server(Limits { max_message, ..Limits::default() }).with_extension(extension)
}

fn client(extension: Extension) -> Connection<Client<impl FnMut() -> [u8; 4]>> {
    Connection::client(Limits::default(), || KEY).with_extension(extension)
}

/// The payload of a message as another program compresses it: a flushed zlib stream without the last 4 bytes.
fn deflated(plain: &[u8]) -> Vec<u8> {
    deflated_by(&mut Compress::new(Compression::new(9), false), plain)
}

fn deflated_by(compress: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let begin = compress.total_in();
    loop {
        payload.reserve(plain.len() / 100 + 1024);
        let taken = (compress.total_in() - begin) as usize;
        compress.compress_vec(&plain[taken..], &mut payload, FlushCompress::Sync).unwrap();
        if payload.len() < payload.capacity() {
            break;
        }
    }
    assert!(payload.ends_with(&TAIL));
    payload.truncate(payload.len() - 4);
    payload
}

/// The result of feeding a stream: the events, the output without a failing Close, and the state or the error.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    output: Vec<u8>,
    end: Result<State, ProtocolError>,
}

impl Outcome {
    fn of(events: &[Event<'_>]) -> Self {
        let events = events.iter().map(|event| format!("{event:?}")).collect();
        Self { events, output: Vec::new(), end: Ok(State::Open) }
    }

    fn failed(events: &[Event<'_>], error: ProtocolError) -> Self {
        Self { end: Err(error), ..Self::of(events) }
    }
}

/// Feeds `stream` in pieces with the lengths that `next` returns, with a budget of `inflatable` bytes and 3 frames a call.
fn feed<R: crate::protocol::Role>(
    mut connection: Connection<R>,
    contexts: &mut Contexts,
    stream: &[u8],
    mut next: impl FnMut() -> usize,
    inflatable: usize,
) -> Outcome {
    let (mut outcome, mut fed) = (Outcome::of(&[]), 0);
    while fed < stream.len() {
        let mut piece = stream[fed..stream.len().min(fed + next())].to_vec();
        fed += piece.len();
        let mut input = &mut piece[..];
        loop {
            contexts.inflatable = inflatable;
            let mut allowance =
                Allowance { frames: 3, lend: &mut || Some(vec![7; 100_000]), contexts: Some(&mut *contexts) };
            match connection.receive_with(&mut input, &mut outcome.output, &mut allowance) {
                Ok(Some(event)) => outcome.events.push(format!("{event:?}")),
                Ok(None) => {
                    let frames = allowance.frames;
                    assert!(!connection.is_paused() || contexts.inflatable == 0);
                    if input.is_empty() && !connection.is_paused() {
                        break;
                    }
                    assert!(frames == 0 || connection.is_paused(), "input left although the budget is not spent");
                }
                Err(error) => {
                    assert_eq!(connection.state(), State::Closed);
                    let close = outcome.output.split_off(outcome.output.iter().rposition(|&b| b == 0x88).unwrap());
                    assert_eq!(close[2..4], error.close_code().0.to_be_bytes());
                    outcome.end = Err(error);
                    return outcome;
                }
            }
        }
        assert!(connection.buffered() < 2 * fed + (1 << 20) + Contexts::INFLATER + 600);
    }
    outcome.end = Ok(connection.state());
    outcome
}

/// Checks that the outcome is `expected` however the stream is cut and however small the budget is, with inflaters used
/// before.
fn check(make: impl Fn() -> Connection<Server>, stream: &[u8], expected: &Outcome) {
    let mut random = Random::new(stream.len() as u64);
    let mut contexts = Contexts::default();
    let shown = &stream[..stream.len().min(40)];
    let mut law = |name: String, next: &mut dyn FnMut() -> usize, inflatable| {
        let outcome = feed(make(), &mut contexts, stream, next, inflatable);
        assert!(outcome == *expected, "{name}: {shown:02X?}\n got {outcome:?}\nwant {expected:?}");
    };
    law("whole".into(), &mut || stream.len(), usize::MAX);
    law("whole, little by little".into(), &mut || stream.len(), 7);
    if stream.len() < 2000 {
        law("byte by byte".into(), &mut || 1, usize::MAX);
        law("byte by byte, little by little".into(), &mut || 1, 1);
        for cut in 0..=stream.len().min(200) {
            let mut lens = [cut, stream.len()].into_iter();
            law(format!("cut at {cut}"), &mut || lens.next().unwrap_or(stream.len()), 100);
        }
    }
    for round in 0..10 {
        let most = if stream.len() < 2000 { 9 } else { 30_000 };
        law(format!("random pieces {round}"), &mut || 1 + random.below(most), 1 << (2 * round));
    }
}
