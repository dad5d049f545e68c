//! The output of a server behind an opening handshake.

use sockhop::Deflate;
use sockhop::protocol::{Client, Connection, Limits, Opcode};

use crate::{Answer, Case, Cuts, Decoded, Seen, Way, agree, decode, feed};

/// The events of the frames behind a 101: whole ones, which a client of ours takes without an error, and tungstenite's with
/// the same verdict, and none behind a Close. `None` for any other answer, behind which there must be nothing.
pub fn check_upgraded(output: &[u8]) -> Option<Vec<Seen>> {
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
    let Decoded { sent, events, .. } = decode(&crate::Outcome { output: frames.to_vec(), ..outcome }, false);
    let close = sent.iter().position(|(opcode, _)| *opcode == Opcode::Close);
    assert!(close.is_none_or(|at| at + 1 == sent.len()), "frames behind a Close");
    assert_eq!(sent.len(), events.len(), "an event for each frame");
    Some(events)
}
