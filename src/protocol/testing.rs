//! Helpers for the tests of this room: hand-made frames, and the law that cutting a stream differently changes nothing.

use super::{Allowance, Connection, Event, ProtocolError, Role, State};

/// The masking key of all client frames in tests, from the RFC's examples (§5.7).
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A small random number generator that gives the same numbers in each run (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    pub(crate) fn pick(&mut self, choices: &[u8]) -> u8 {
        choices[self.below(choices.len())]
    }
}

/// A frame as a server sends it, with this first byte.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    let mut frame = vec![first];
    match len {
        0..=125 => frame.push(len as u8),
        126..=0xFFFF => frame.extend([&[126], &(len as u16).to_be_bytes()[..]].concat()),
        _ => frame.extend([&[127], &(len as u64).to_be_bytes()[..]].concat()),
    }
    [frame, payload.to_vec()].concat()
}

/// A frame as a client sends it, with this first byte and [`KEY`].
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = unmasked(first, payload);
    let header_len = frame.len() - payload.len();
    frame[1] |= 0x80;
    for (i, byte) in frame[header_len..].iter_mut().enumerate() {
        *byte ^= KEY[i % 4];
    }
    frame.splice(header_len..header_len, KEY);
    frame
}

/// The result of feeding a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The events in their `Debug` form.
    pub events: Vec<String>,
    pub output: Vec<u8>,
    pub end: Result<State, ProtocolError>,
}

impl Outcome {
    pub(crate) fn new(events: &[Event<'_>], output: &[u8], end: Result<State, ProtocolError>) -> Self {
        Self { events: events.iter().map(|event| format!("{event:?}")).collect(), output: output.to_vec(), end }
    }
}

/// The way by which payloads are received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Path {
    /// Everything through `receive`.
    Input,
    /// Large payloads through `spare` and `filled`.
    Direct,
    /// Likewise, into lent vectors.
    Lent,
}

/// Feeds `stream` in pieces with the lengths that `next_len` returns.
pub(crate) fn feed<R: Role>(
    connection: &mut Connection<R>,
    stream: &[u8],
    path: Path,
    mut next_len: impl FnMut() -> usize,
) -> Outcome {
    let mut outcome = Outcome::new(&[], &[], Ok(State::Open));
    let lend = &mut || (path == Path::Lent).then(|| vec![0xEE; 100_000]);
    let mut allowance = Allowance { frames: usize::MAX, lend, contexts: None };
    let mut fed = 0;
    while fed < stream.len() {
        let mut piece = stream[fed..stream.len().min(fed + next_len())].to_vec();
        if path != Path::Input
            && let Some(spare) = connection.spare()
        {
            piece.truncate(spare.len());
            spare[..piece.len()].copy_from_slice(&piece);
            fed += piece.len();
            outcome.end = connection.filled(piece.len(), &mut outcome.output).map(|()| State::Open);
            piece.clear();
        }
        fed += piece.len();
        let mut input = &mut piece[..];
        while outcome.end.is_ok() {
            match connection.receive_with(&mut input, &mut outcome.output, &mut allowance) {
                Ok(Some(event)) => outcome.events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(error) => outcome.end = Err(error),
            }
        }
        if outcome.end.is_err() {
            assert_eq!(connection.state(), State::Closed);
            return outcome;
        }
        assert!(input.is_empty());
        // Memory grows with the bytes received, whatever lengths the headers claim.
        assert!(
            path == Path::Lent || connection.buffered() <= 2 * fed + 300,
            "{} held of {fed}",
            connection.buffered()
        );
    }
    outcome.end = Ok(connection.state());
    outcome
}

/// Feeds `stream` to connections from `make`: whole, byte by byte, cut in two at every position (a long stream at some of
/// them), and in random pieces; a long stream on every [`Path`]. The outcome must always be `expected`.
pub(crate) fn check<R: Role>(make: impl Fn() -> Connection<R>, stream: &[u8], expected: &Outcome) {
    let mut random = Random::new(stream.len() as u64);
    let long = stream.len() > 600;
    let cuts: Vec<usize> = match stream.len() {
        len if long => (0..18).chain(len - 4..len).chain((0..8).map(|_| random.below(len))).collect(),
        len => (0..=len).collect(),
    };
    let paths: &[Path] = if long { &[Path::Input, Path::Direct, Path::Lent] } else { &[Path::Input] };
    for &path in paths {
        let law = |name: String, next_len: &mut dyn FnMut() -> usize| {
            let outcome = feed(&mut make(), stream, path, next_len);
            let shown = &stream[..stream.len().min(40)];
            assert!(outcome == *expected, "{name}, {path:?}: {shown:02X?}\n got {outcome:?}\nwant {expected:?}");
        };
        law("whole".into(), &mut || stream.len());
        law("byte by byte".into(), &mut || 1);
        for &cut in &cuts {
            let mut lens = [cut, stream.len()].into_iter();
            law(format!("cut at {cut}"), &mut || lens.next().unwrap_or(stream.len()));
        }
        for round in 0..if long { 5 } else { 20 } {
            let most = if long { 30_000 } else { 9 };
            law(format!("random pieces {round}"), &mut || random.below(most));
        }
    }
}
