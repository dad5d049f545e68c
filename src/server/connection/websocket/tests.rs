//! The batch of messages with an inbox of the test, and the data that few WebSockets have at a time. No loop, no handler.

mod extra;

use super::*;
use crate::http::testing::however_split;
use crate::protocol::Limits;
use crate::protocol::testing::{masked, unmasked};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// Ends a batch at a message.
type End = fn(&[u8]) -> Outcome;

/// Notes all that a batch hands over.
#[derive(Default)]
struct Notes {
    replies: Vec<u8>,
    events: Vec<String>,
    /// Messages after which the inbox is full.
    full_after: Option<usize>,
    /// Bytes of the reply to each message.
    reply: usize,
    /// The message that ends the batch, and how.
    ends: Option<(&'static str, End)>,
}

impl Inbox for Notes {
    fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    fn message(&mut self, message: Message<'_>) -> Option<Outcome> {
        let bytes = message.as_bytes();
        self.events.push(String::from_utf8_lossy(bytes).into_owned());
        self.replies.resize(self.replies.len() + self.reply, b'r');
        self.ends.filter(|(end, _)| end.as_bytes() == bytes).map(|(_, outcome)| outcome(bytes))
    }

    fn pong(&mut self, answer: usize) {
        let pong = self.replies.get(answer..).unwrap_or_default();
        self.events.push(format!("pong at {answer}: {}", pong.escape_ascii()));
    }

    fn is_full(&self) -> bool {
        self.full_after.is_some_and(|most| self.events.len() >= most)
    }
}

fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Empty => "empty".to_owned(),
        Outcome::Budget => "budget".to_owned(),
        Outcome::Interrupted => "interrupted".to_owned(),
        Outcome::InPlace(place) => format!("in place, {} bytes", place.len()),
        Outcome::Closed { answer, frame } => {
            format!("closed by {:?}, answer at {answer}", frame.as_ref().map(|frame| frame.code.0))
        }
        Outcome::Failed { answer, error } => format!("failed by {error:?}, answer at {answer}"),
    }
}

fn server() -> protocol::Connection {
    protocol::Connection::server(Limits { max_message: 100_000, max_frames: 100 })
}

/// Our Close for a broken rule.
fn close_for(error: ProtocolError) -> Vec<u8> {
    unmasked(CLOSE, &[&error.close_code().0.to_be_bytes()[..], error.to_string().as_bytes()].concat())
}

/// Runs one batch. Returns its outcome and how many bytes of the input are left.
fn run(protocol: &mut protocol::Connection, input: &mut [u8], frames: usize, notes: &mut Notes) -> (Outcome, usize) {
    let mut rest = input;
    let mut allowance = Allowance { frames, lend: &mut || None, contexts: None };
    let outcome = run_batch(protocol, &mut rest, &mut allowance, notes);
    (outcome, rest.len())
}

/// Runs a batch for each piece, until the connection ends. Returns what the inbox got, the replies, and the last outcome.
fn run_all(pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>, String) {
    let (mut protocol, mut notes, mut last) = (server(), Notes::default(), Outcome::Empty);
    for piece in pieces {
        let (outcome, left) = run(&mut protocol, &mut piece.to_vec(), usize::MAX, &mut notes);
        last = outcome;
        if !matches!(last, Outcome::Empty) {
            break;
        }
        assert_eq!(left, 0);
    }
    (notes.events, notes.replies, name(&last))
}

#[test]
fn a_batch_hands_over_all_messages_and_names_the_outcome_however_they_are_split() {
    let close = [&1000_u16.to_be_bytes()[..], b"bye"].concat();
    let long = "a".repeat(70_000);
    // (frames of the client, all that the inbox gets, replies, outcome of the last batch)
    type Case<'a> = (Vec<Vec<u8>>, Vec<&'a str>, Vec<u8>, &'a str);
    let cases: [Case<'_>; 10] = [
        (vec![], vec![], vec![], "empty"),
        (vec![masked(TEXT, b"a"), masked(0x82, b"b"), masked(TEXT, b"")], vec!["a", "b", ""], vec![], "empty"),
        (vec![masked(0x01, b"a"), masked(0x00, b"b"), masked(0x80, b"c")], vec!["abc"], vec![], "empty"),
        (vec![masked(TEXT, long.as_bytes()), masked(TEXT, b"b")], vec![&long, "b"], vec![], "empty"),
        // 5.5.2: a Ping is answered, also between fragments.
        (
            vec![masked(0x01, b"a"), masked(PING, b"1"), masked(0x80, b"b"), masked(PING, b"23"), masked(PONG, b"4")],
            vec!["pong at 0: \\x8a\\x011", "ab", "pong at 3: \\x8a\\x0223"],
            b"\x8A\x011\x8A\x0223".to_vec(),
            "empty",
        ),
        // 5.5.1: nothing after a Close is handed over.
        (
            vec![masked(PING, b"1"), masked(CLOSE, &close)],
            vec!["pong at 0: \\x8a\\x011"],
            b"\x8A\x011\x88\x05\x03\xE8bye".to_vec(),
            "closed by Some(1000), answer at 3",
        ),
        (vec![masked(CLOSE, b"")], vec![], b"\x88\x00".to_vec(), "closed by None, answer at 0"),
        // The message before the broken rule is handed over.
        (
            vec![masked(TEXT, b"a"), masked(0xC1, b"b")],
            vec!["a"],
            close_for(ProtocolError::ReservedBits),
            "failed by ReservedBits, answer at 0",
        ),
        (
            vec![masked(PING, b"1"), masked(TEXT, b"\xFF")],
            vec!["pong at 0: \\x8a\\x011"],
            [b"\x8A\x011", &close_for(ProtocolError::InvalidUtf8)[..]].concat(),
            "failed by InvalidUtf8, answer at 3",
        ),
        (vec![masked(TEXT, b"a"), masked(0x01, b"b")], vec!["a"], vec![], "empty"),
    ];
    for (frames, events, replies, outcome) in cases {
        let all = however_split(&frames.concat(), run_all);
        let events = events.into_iter().map(str::to_owned).collect();
        assert_eq!(all, (events, replies, outcome.to_owned()));
    }
}

#[test]
fn a_batch_ends_when_its_frames_are_spent_and_leaves_the_rest() {
    let frame = masked(TEXT, b"a");
    let fragments = [masked(0x01, b"b"), masked(0x00, b"c"), masked(0x80, b"d")].concat();
    // (frames, budget, messages, bytes left, outcome)
    let cases = [
        (frame.repeat(3), 3, 3, 0, "empty"),
        (frame.repeat(4), 3, 3, frame.len(), "budget"),
        (frame.repeat(300), 256, 256, 44 * frame.len(), "budget"),
        (fragments.clone(), 3, 1, 0, "empty"),
        (fragments.clone(), 2, 0, frame.len(), "budget"),
        (masked(PONG, b"a").repeat(9), 4, 0, 5 * frame.len(), "budget"),
        (frame.clone(), 0, 0, frame.len(), "budget"),
    ];
    for (mut input, budget, messages, left, outcome) in cases {
        let (mut protocol, mut notes) = (server(), Notes::default());
        let (end, rest) = run(&mut protocol, &mut input, budget, &mut notes);
        assert_eq!((notes.events.len(), rest, &name(&end)[..]), (messages, left, outcome), "{budget} frames");
        // The next batch goes on where this one ended.
        let at = input.len() - left;
        let (end, _) = run(&mut protocol, &mut input[at..], usize::MAX, &mut notes);
        assert!(matches!(end, Outcome::Empty) && protocol.is_idle(), "{budget} frames");
    }
}

#[test]
fn a_batch_ends_when_the_inbox_is_full_or_the_replies_are_many() {
    let frame = masked(TEXT, b"a");
    // (replies before, bytes of each reply, messages until the inbox is full, messages handed over, outcome)
    let cases = [
        (0, 0, Some(2), 2, "budget"),
        (0, 0, Some(0), 0, "budget"),
        (0, 0, None, 10, "empty"),
        // The batch ends behind the first byte too many.
        (0, OUTPUT / 4, None, 5, "budget"),
        (0, OUTPUT + 1, None, 1, "budget"),
        (0, OUTPUT / 10, None, 10, "empty"),
        // Replies of an earlier batch do not count.
        (5 * OUTPUT, OUTPUT / 4, None, 5, "budget"),
    ];
    for (before, reply, full_after, messages, outcome) in cases {
        let mut notes = Notes { replies: vec![0; before], reply, full_after, ..Notes::default() };
        let (end, left) = run(&mut server(), &mut frame.repeat(10), usize::MAX, &mut notes);
        assert_eq!((notes.events.len(), &name(&end)[..]), (messages, outcome), "{reply} bytes, {full_after:?}");
        assert_eq!(left, (10 - messages) * frame.len());
    }
}

#[test]
fn many_pongs_end_a_batch_as_many_replies_do() {
    let ping = masked(PING, &[b'1'; 125]);
    let mut notes = Notes::default();
    let (end, left) = run(&mut server(), &mut ping.repeat(3000), usize::MAX, &mut notes);
    assert!(matches!(end, Outcome::Budget));
    assert_eq!(notes.replies.len() / 127, OUTPUT / 127 + 1);
    assert_eq!(left, (3000 - notes.events.len()) * ping.len());
}

#[test]
fn an_inbox_ends_a_batch_behind_a_message_and_its_outcome_is_passed_on() {
    let stop: [(End, &str); 2] = [
        (|_| Outcome::Interrupted, "interrupted"),
        (
            |message| Outcome::InPlace(message.as_ptr().addr()..message.as_ptr().addr() + message.len()),
            "in place, 4 bytes",
        ),
    ];
    let whole = masked(TEXT, b"stop");
    let fragments = [masked(0x01, b"st"), masked(0x80, b"op")].concat();
    for (outcome, expected) in stop {
        for (message, is_in_input) in [(&whole, true), (&fragments, false)] {
            let mut input = [&masked(TEXT, b"a")[..], message, &masked(TEXT, b"b")].concat();
            let (mut protocol, mut notes) = (server(), Notes { ends: Some(("stop", outcome)), ..Notes::default() });
            let addresses = input.as_ptr().addr()..input.as_ptr().addr() + input.len();
            let (end, left) = run(&mut protocol, &mut input, usize::MAX, &mut notes);
            assert_eq!(name(&end), expected);
            assert_eq!((&notes.events[..], left), (&["a".to_owned(), "stop".to_owned()][..], 7));
            if let Outcome::InPlace(place) = end {
                assert_eq!(addresses.contains(&place.start), is_in_input);
                let at = place.start.wrapping_sub(addresses.start);
                let found = if is_in_input {
                    input[at..at + 4].to_vec()
                } else {
                    protocol.take_buffer().unwrap()[..4].to_vec()
                };
                assert_eq!(found, b"stop");
            }
        }
    }
}
