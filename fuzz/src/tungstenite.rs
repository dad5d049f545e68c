//! A second opinion: what tungstenite makes of a stream, and where it may differ from us.

use std::io::{self, ErrorKind, Read, Write};

use ::tungstenite::{Error, Message, WebSocket, protocol};
use sockhop::protocol::{Limits, ProtocolError, Role, State};

use crate::{Case, Outcome, Seen, decode};

impl Case<'_> {
    /// The case in which both must agree. Without a Close of our own: what is delivered after that is anybody's choice
    /// (5.5.1). With a limit that is not too large: tungstenite reserves memory for what a header claims.
    pub fn comparable(&self) -> Self {
        let max_message = self.limits.max_message.min(1 << 20);
        Self { close_after: None, limits: Limits { max_message, ..self.limits }, ..self.clone() }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It waits for more.
    Waiting,
    /// The peer's Close has come and was answered.
    Closed,
    /// It failed, and this is the code of the Close that would say so.
    Failed(u16),
}

/// What tungstenite makes of the stream. It judges a frame when that has come whole, so of one that has not, when
/// `completed` says so, the rest comes as zeros.
fn second_opinion<R: Role>(case: &Case<'_>, completed: bool) -> (Outcome, End) {
    let max_message = usize::try_from(case.limits.max_message).expect("a limit that is compared");
    let role = if R::MASKS { protocol::Role::Client } else { protocol::Role::Server };
    let config = protocol::WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(Some(max_message))
        // It holds control frames to this one, too.
        .max_frame_size(Some(max_message.max(125)));
    let zeros = if completed { max_message.max(125) + 14 } else { 0 };
    let stream = Stream { input: &case.stream, zeros, output: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(stream, role, Some(config));
    let mut events = Vec::new();
    let end = loop {
        let message = match socket.read() {
            Ok(message) => message,
            Err(error) => break end(error),
        };
        let is_close = message.is_close();
        events.push(seen(message));
        if is_close {
            // The answer leaves; a server has then ended the connection.
            match socket.flush() {
                Ok(()) | Err(Error::ConnectionClosed) => break End::Closed,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let output = std::mem::take(&mut socket.get_mut().output);
    (Outcome { events, output, error: None, state: State::Open, is_idle: false }, end)
}

fn end(error: Error) -> End {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::WouldBlock => End::Waiting,
        Error::Protocol(_) => End::Failed(1002),
        Error::Utf8(_) => End::Failed(1007),
        Error::Capacity(_) => End::Failed(1009),
        other => panic!("{other}"),
    }
}

fn seen(message: Message) -> Seen {
    match message {
        Message::Text(text) => Seen::Text(text.as_bytes().to_vec()),
        Message::Binary(bytes) => Seen::Binary(bytes.to_vec()),
        Message::Ping(payload) => Seen::Ping(payload.to_vec()),
        Message::Pong(payload) => Seen::Pong(payload.to_vec()),
        Message::Close(frame) => Seen::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))),
        Message::Frame(frame) => panic!("{frame:?} was read"),
    }
}

/// Asserts that the two agree wherever the RFC leaves no choice. `ours` came of this case.
pub fn agree<R: Role>(case: &Case<'_>, ours: &Outcome) {
    let (theirs, end) = second_opinion::<R>(case, ours.error.is_some());
    let context = || format!("{ours:?}\nbut tungstenite {end:?} {theirs:?}");
    use ProtocolError::{ControlTooLong, NonMinimalLength, TooManyFrames};
    if matches!(ours.error, Some(NonMinimalLength | ControlTooLong | TooManyFrames)) {
        // Difference 1: it takes lengths that are not in their shortest form, which 5.2 forbids the sender; a control
        // frame's that has 16 or 64 bits is such a one, or too large.
        // Difference 2: it does not count fragments (10.4 leaves limits to the receiver).
        return assert!(theirs.events.starts_with(&ours.events), "{}", context());
    }
    let mut expected = ours.events.clone();
    let allowed: &[End] = match ours.error {
        // Both wait, or both have closed.
        None => match expected.last_mut() {
            // Difference 3: it does not know 1014, which the registry of 7.4 has got since, and answers with 1002.
            Some(Seen::Close(Some((code, reason)))) if *code == 1014 => {
                (*code, *reason) = (1002, "Protocol violation".to_owned());
                &[End::Closed]
            }
            Some(Seen::Close(_)) => &[End::Closed],
            _ => &[End::Waiting],
        },
        // Difference 4: it tells the peer of a wrong code by an answer with 1002, and its caller by an event with that,
        // instead of an error. Difference 5: it looks at the reason first.
        Some(ProtocolError::InvalidCloseCode) if end == End::Closed => {
            expected.push(Seen::Close(Some((1002, "Protocol violation".to_owned()))));
            &[End::Closed]
        }
        Some(ProtocolError::InvalidCloseCode) => &[End::Failed(1007)],
        // Difference 6: a length of 2^63 or more is one beyond the limit to it, not a broken rule.
        Some(ProtocolError::LengthOverflow) => &[End::Failed(1009)],
        Some(ProtocolError::InvalidUtf8 | ProtocolError::InvalidCloseReason) => &[End::Failed(1007)],
        Some(ProtocolError::MessageTooBig) => &[End::Failed(1009)],
        Some(ProtocolError::ReservedOpcode | ProtocolError::TruncatedCloseCode) => &[End::Failed(1002)],
        // Difference 7: it looks at the length before these rules.
        Some(_) => &[End::Failed(1002), End::Failed(1009)],
    };
    assert!(theirs.events == expected && allowed.contains(&end), "{}", context());
    let (ours, theirs) = (decode(ours, R::MASKS), decode(&theirs, R::MASKS));
    assert_eq!(ours.pongs(), theirs.pongs(), "{}", context());
    if end == End::Closed && ours.error.is_none() {
        // Difference 8: it sends the peer's reason back, too; 5.5.1 speaks of the code.
        let code = expected.last().and_then(Seen::close_code);
        assert_eq!(theirs.close_code(), code, "{}", context());
        assert!(ours.close_code() == code || ours.close_code() == Some(1014), "{}", context());
    }
}

/// A connection in memory, whose input ends with as many zeros as are asked for.
#[derive(Debug)]
struct Stream<'a> {
    input: &'a [u8],
    zeros: usize,
    output: Vec<u8>,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = if self.input.is_empty() {
            let n = buffer.len().min(self.zeros);
            buffer[..n].fill(0);
            self.zeros -= n;
            n
        } else {
            self.input.read(buffer)?
        };
        if n == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
