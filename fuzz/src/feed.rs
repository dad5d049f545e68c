//! Feeding a stream to a connection, piece by piece, on each of the ways there are.

use sockhop::protocol::{
    Allowance, CloseCode, CloseFrame, Connection, ControlError, Event, Limits, Message, NotOpen, ProtocolError, Role,
    State,
};

use crate::{Case, Seen};

/// How long the pieces of a stream are.
pub struct Cuts(Vec<usize>);

impl Cuts {
    pub fn none() -> Self {
        Self(vec![usize::MAX])
    }

    pub fn each_byte() -> Self {
        Self(vec![1])
    }

    /// These lengths again and again; none of them means no cuts.
    pub fn circle(lengths: Vec<usize>) -> Self {
        if lengths.is_empty() { Self::none() } else { Self(lengths) }
    }
}

/// Who holds the bytes that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All of them go through `receive`.
    Input,
    /// Large payloads go through `spare` and `filled`.
    Direct,
    /// Likewise, in vectors that are lent and taken back; and few frames are allowed at a time.
    Lent,
}

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub events: Vec<Seen>,
    pub output: Vec<u8>,
    pub error: Option<ProtocolError>,
    pub state: State,
    /// Whether it is open, and nothing is under way.
    pub is_idle: bool,
}

impl Outcome {
    pub fn messages(&self) -> impl Iterator<Item = &Seen> {
        self.events.iter().filter(|event| matches!(event, Seen::Text(_) | Seen::Binary(_)))
    }
}

/// Gives the stream to the connection.
pub fn feed<R: Role>(mut connection: Connection<R>, case: &Case<'_>, cuts: Cuts, way: Way) -> Outcome {
    let mut outcome =
        Outcome { events: Vec::new(), output: Vec::new(), error: None, state: State::Open, is_idle: false };
    // Of a long stream only the beginning is cut that small: it would take too long.
    let long = case.stream.len() / 2048;
    let mut lengths =
        cuts.0.into_iter().cycle().enumerate().map(|(at, length)| if at < 64 { length } else { length.max(long) });
    let mut bytes = case.stream.clone();
    let mut rest = &mut bytes[..];
    let mut fed = 0;
    close_when_due(&mut connection, case, &mut outcome);
    while !rest.is_empty() && outcome.error.is_none() {
        let length = lengths.next().unwrap_or(usize::MAX).min(rest.len());
        let spare = if way == Way::Input { None } else { connection.spare() };
        if let Some(spare) = spare {
            assert!(!spare.is_empty(), "a spare part of no use");
            let length = length.min(spare.len());
            let (piece, behind) = std::mem::take(&mut rest).split_at_mut(length);
            (rest, fed) = (behind, fed + length);
            spare[..length].copy_from_slice(piece);
            outcome.error = connection.filled(length, &mut outcome.output).err();
            if outcome.error.is_none() {
                drain(&mut connection, &mut [], case, way, &mut outcome);
            }
        } else {
            let (piece, behind) = std::mem::take(&mut rest).split_at_mut(length);
            (rest, fed) = (behind, fed + length);
            drain(&mut connection, piece, case, way, &mut outcome);
        }
        if way != Way::Lent {
            assert!(connection.buffered() <= 2 * fed + 512, "{} bytes held of {fed}", connection.buffered());
        }
    }
    outcome.state = connection.state();
    outcome.is_idle = outcome.state == State::Open && connection.is_idle();
    if outcome.error.is_some() || outcome.state == State::Closed {
        assert_eq!(outcome.state, State::Closed);
        let sent = outcome.output.len();
        let mut more = *b"\x81\x05Hello\x81\x85\0\0\0\0Hello";
        let mut input = &mut more[..];
        assert_eq!(connection.receive(&mut input, &mut outcome.output), Ok(None));
        assert!(input.is_empty() && outcome.output.len() == sent, "something after the end");
    }
    command(connection);
    outcome
}

/// What may be sent by then is appended, what may not is refused and leaves no trace.
fn command<R: Role>(mut connection: Connection<R>) {
    let mut output = Vec::new();
    let is_open = connection.state() == State::Open;
    assert_eq!(connection.ping(&[0; 126], &mut output), Err(ControlError::TooLong));
    let reserved = connection.close(Some(&CloseFrame::new(CloseCode::NO_STATUS, "")), &mut output);
    assert_eq!(reserved, Err(ControlError::CloseCode(CloseCode::NO_STATUS)));
    assert!(output.is_empty() && (connection.state() == State::Open) == is_open);
    let sent = [
        connection.send(Message::Text("?"), &mut output).map_err(ControlError::from),
        connection.ping(b"?", &mut output),
        connection.pong(b"?", &mut output),
    ];
    assert_eq!(sent, [if is_open { Ok(()) } else { Err(ControlError::NotOpen) }; 3]);
    assert_eq!(output.len(), if !is_open { 0 } else { 3 * if R::MASKS { 7 } else { 3 } });
    connection.close(None, &mut output).expect("no code is one that may be sent");
    assert_eq!(connection.send(Message::Binary(b"?"), &mut output), Err(NotOpen));
    assert!(connection.state() != State::Open && !format!("{connection:?}").contains('?'));
}

/// Takes all events of this piece.
fn drain<R: Role>(
    connection: &mut Connection<R>,
    mut piece: &mut [u8],
    case: &Case<'_>,
    way: Way,
    outcome: &mut Outcome,
) {
    let few = if way == Way::Lent { 1 + case.cuts.len() } else { usize::MAX };
    let mut allowance =
        Allowance { frames: few, lend: &mut || (way == Way::Lent).then(|| vec![0xEE; 100_000]), contexts: None };
    loop {
        match connection.receive_with(&mut piece, &mut outcome.output, &mut allowance) {
            Ok(Some(event)) => {
                let seen = Seen::from(event);
                if way == Way::Lent
                    && let Some(vector) = connection.take_buffer()
                    && let Seen::Text(payload) | Seen::Binary(payload) = &seen
                {
                    assert!(vector.starts_with(payload), "the vector taken does not start with the payload");
                }
                outcome.events.push(seen);
                close_when_due(connection, case, outcome);
            }
            Ok(None) if piece.is_empty() => return,
            Ok(None) => {
                assert_eq!(allowance.frames, 0, "input left without an event");
                allowance.frames = few;
            }
            Err(error) => return outcome.error = Some(error),
        }
    }
}

fn close_when_due<R: Role>(connection: &mut Connection<R>, case: &Case<'_>, outcome: &mut Outcome) {
    if case.close_after == Some(outcome.events.len()) {
        connection.close(Some(&CloseFrame::normal("enough")), &mut outcome.output).expect("1000 may be sent");
    }
}

/// A client sends the message, and a server receives the same.
pub fn returns_as_itself(seen: &Seen) {
    let message = match seen {
        Seen::Text(text) => Message::Text(std::str::from_utf8(text).expect("a text event is UTF-8")),
        Seen::Binary(bytes) => Message::Binary(bytes),
        _ => return,
    };
    let limits = || Limits { max_message: u64::MAX, ..Limits::default() };
    let (mut wire, mut output) = (Vec::new(), Vec::new());
    Connection::client(limits(), || [0x01, 0x80, 0xFF, 0x7E]).send(message, &mut wire).expect("it is open");
    let mut server = Connection::server(limits());
    let mut input = &mut wire[..];
    assert_eq!(server.receive(&mut input, &mut output), Ok(Some(Event::Message(message))));
    assert!(input.is_empty() && output.is_empty());
}
