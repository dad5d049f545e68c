//! Laws of `Connection`, in both roles (RFC 6455 5 to 8):
//!
//! 1. No input makes it panic, and each `receive` takes all of its input, returns an event or an error, or has taken
//!    all frames that were allowed.
//! 2. However the stream is cut, whether its payloads come through `receive`, through `spare` and `filled`, or in
//!    vectors that are lent, and however few frames are allowed at a time: events, output, error and state are the
//!    same.
//! 3. They are those of a plain decoder that has the whole stream and looks at it frame by frame.
//! 4. What is held is in proportion to what has come, whatever the headers claim.
//! 5. What it sends by rule is whole, final control frames, masked by a client and not by a server, which its peer
//!    accepts.
//! 6. A message that was received can be sent, and is then received as the same.
//! 7. After an error, or when it is closed, further input yields nothing.
//! 8. Whatever has come, what may be sent then is appended, and what may not is refused without a trace.
//! 9. Its verdict is that of tungstenite: the same events, Pongs and close codes, but for the differences that the RFC
//!    allows, each of which is named in `src/tungstenite.rs`.
//!
//! How the input is read stands at `Case::draw`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhop::protocol::{Connection, Limits, Role};
use sockhop_fuzz::{Case, Cuts, Outcome, Way, agree, decode, feed, model, returns_as_itself};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fuzz_target!(|data: &[u8]| {
    let Some(case) = Case::draw(data) else { return };
    if case.client {
        let outcome = check(&case, |limits| Connection::client(limits, || KEY));
        accepts(Connection::server(Limits::default()), &outcome);
    } else {
        let outcome = check(&case, Connection::server);
        accepts(Connection::client(Limits::default(), || KEY), &outcome);
    }
});

fn check<R: Role>(case: &Case<'_>, connect: impl Fn(Limits) -> Connection<R>) -> Outcome {
    let make = || connect(case.limits.clone());
    let whole = feed(make(), case, Cuts::none(), Way::Input);
    assert_eq!(decode(&whole, R::MASKS), model(case));
    let mut ways = vec![(case.cuts(), Way::Input), (case.cuts(), Way::Lent)];
    // Only a frame of 64 KiB has a spare part, and only a short stream is cheap in single bytes.
    ways.push(if case.stream.len() < 65_536 { (Cuts::each_byte(), Way::Input) } else { (case.cuts(), Way::Direct) });
    for (cuts, way) in ways {
        let outcome = feed(make(), case, cuts, way);
        assert!(outcome == whole, "by {way:?} {outcome:?}\nbut whole {whole:?}");
    }
    if let Some(error) = whole.error {
        let code = error.close_code();
        assert!(code.may_be_sent() && code.to_string().starts_with(&code.0.to_string()) && !error.section().is_empty());
    }
    for message in whole.messages() {
        returns_as_itself(message);
    }
    let case = case.comparable();
    agree::<R>(&case, &feed(connect(case.limits.clone()), &case, Cuts::none(), Way::Input));
    whole
}

/// The peer takes what was sent by rule without an error.
fn accepts<R: Role>(mut peer: Connection<R>, outcome: &Outcome) {
    let mut bytes = outcome.output.clone();
    let (mut input, mut output) = (&mut bytes[..], Vec::new());
    while peer.receive(&mut input, &mut output).expect("what is sent keeps the rules").is_some() {}
}
