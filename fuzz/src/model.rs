//! A plain decoder: it has the whole stream, keeps everything, and looks at one frame after the other.

use sockhop::protocol::{CloseCode, FrameHeader, Opcode, ProtocolError, State};

use crate::{Case, Outcome, Seen};

/// What came of a stream, the output as the control frames that it consists of.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    pub events: Vec<Seen>,
    pub sent: Vec<(Opcode, Vec<u8>)>,
    pub error: Option<ProtocolError>,
    state: State,
    is_idle: bool,
}

impl Decoded {
    /// The payloads of the Pongs that were sent.
    pub fn pongs(&self) -> Vec<&[u8]> {
        self.sent.iter().filter(|(opcode, _)| *opcode == Opcode::Pong).map(|(_, payload)| &payload[..]).collect()
    }

    /// The code of the Close that was sent, if one was sent that has one.
    pub fn close_code(&self) -> Option<u16> {
        let (_, payload) = self.sent.iter().find(|(opcode, _)| *opcode == Opcode::Close)?;
        Some(u16::from_be_bytes(*payload.first_chunk()?))
    }
}

/// Takes the output apart. Each of its frames must be whole, final, and masked if and only if `masked`.
pub fn decode(outcome: &Outcome, masked: bool) -> Decoded {
    let mut sent = Vec::new();
    let mut rest = &outcome.output[..];
    while !rest.is_empty() {
        let (header, length) = FrameHeader::parse(rest).expect("a header by the rules").expect("a whole header");
        assert!(header.fin && !header.rsv1 && header.masking_key.is_some() == masked, "{header:?}");
        let (payload, behind) = rest[length..].split_at(usize::try_from(header.payload_len).expect("a whole payload"));
        sent.push((header.opcode, unmasked(payload, header.masking_key)));
        rest = behind;
    }
    let Outcome { error, state, is_idle, .. } = *outcome;
    Decoded { events: outcome.events.clone(), sent, error, state, is_idle }
}

/// What is to come of the stream.
pub fn model(case: &Case<'_>) -> Decoded {
    let mut model = Model {
        case,
        message: None,
        result: Decoded { events: Vec::new(), sent: Vec::new(), error: None, state: State::Open, is_idle: false },
    };
    model.close_when_due();
    let mut rest = &case.stream[..];
    while model.result.state != State::Closed {
        match model.frame(rest) {
            Ok(Some(consumed)) => rest = &rest[consumed..],
            Ok(None) => break,
            Err(error) => {
                // 7.1.7: a Close that says which rule was broken, unless ours is out already.
                model.close(error.close_code(), &error.to_string());
                model.result.error = Some(error);
                model.result.state = State::Closed;
            }
        }
    }
    model.result.is_idle = model.result.state == State::Open && rest.is_empty() && model.message.is_none();
    model.result
}

struct Model<'a> {
    case: &'a Case<'a>,
    /// The opcode of the message under way, its complete frames, and their payloads.
    message: Option<(Opcode, u32, Vec<u8>)>,
    result: Decoded,
}

impl Model<'_> {
    /// The frame at the front of `rest`; its length, or `None` when it is not whole.
    fn frame(&mut self, rest: &[u8]) -> Result<Option<usize>, ProtocolError> {
        // RFC 7692 6: RSV1 has no meaning here, because no extension was negotiated.
        if rest.first().is_some_and(|first| first & 0x40 != 0) {
            return Err(ProtocolError::ReservedBits);
        }
        let Some((header, header_len)) = FrameHeader::parse(rest)? else { return Ok(None) };
        // 5.1: frames to a server are masked, frames to a client are not.
        match (self.case.client, header.masking_key) {
            (false, None) => return Err(ProtocolError::UnmaskedClientFrame),
            (true, Some(_)) => return Err(ProtocolError::MaskedServerFrame),
            _ => {}
        }
        let behind = &rest[header_len..];
        let payload_len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
        let is_whole = behind.len() >= payload_len;
        let payload = unmasked(&behind[..behind.len().min(payload_len)], header.masking_key);
        if header.opcode.is_control() {
            if is_whole {
                self.control(header.opcode, payload)?;
            }
        } else {
            self.data(&header, payload, is_whole)?;
        }
        Ok(is_whole.then(|| header_len + payload_len))
    }

    fn control(&mut self, opcode: Opcode, payload: Vec<u8>) -> Result<(), ProtocolError> {
        match (opcode, self.result.state) {
            (Opcode::Close, _) => {
                let frame = close_frame(&payload)?;
                if self.result.state == State::Open {
                    self.result.sent.push((Opcode::Close, payload.to_vec()));
                }
                self.result.state = State::Closed;
                self.event(Seen::Close(frame));
            }
            (Opcode::Ping, State::Open) => {
                self.result.sent.push((Opcode::Pong, payload.clone()));
                self.event(Seen::Ping(payload));
            }
            (_, State::Open) => self.event(Seen::Pong(payload)),
            // After our Close nothing but the peer's counts.
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, header: &FrameHeader, payload: Vec<u8>, is_whole: bool) -> Result<(), ProtocolError> {
        // 5.4: one message after the other.
        let (opcode, frames, mut message) = match (header.opcode, self.message.take()) {
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Some(message)) => message,
            (_, Some(_)) => return Err(ProtocolError::InterruptedMessage),
            (opcode, None) => (opcode, 0, Vec::new()),
        };
        // 10.4: limits count at the header.
        if u128::from(header.payload_len) + message.len() as u128 > u128::from(self.case.limits.max_message) {
            return Err(ProtocolError::MessageTooBig);
        }
        if frames > 0 && frames >= self.case.limits.max_frames {
            return Err(ProtocolError::TooManyFrames);
        }
        message.extend(payload);
        let is_open = self.result.state == State::Open;
        // 8.1: an end that is cut off may still become a character.
        if opcode == Opcode::Text
            && is_open
            && let Err(error) = std::str::from_utf8(&message)
            && (error.error_len().is_some() || header.fin && is_whole)
        {
            return Err(ProtocolError::InvalidUtf8);
        }
        if !(is_whole && header.fin) {
            self.message = Some((opcode, frames + 1, message));
        } else if is_open {
            self.event(if opcode == Opcode::Text { Seen::Text(message) } else { Seen::Binary(message) });
        }
        Ok(())
    }

    fn event(&mut self, event: Seen) {
        self.result.events.push(event);
        self.close_when_due();
    }

    fn close_when_due(&mut self) {
        if self.case.close_after == Some(self.result.events.len()) {
            self.close(CloseCode::NORMAL, "enough");
        }
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        if self.result.state == State::Open {
            self.result.sent.push((Opcode::Close, [&code.0.to_be_bytes(), reason.as_bytes()].concat()));
            self.result.state = State::Closing;
        }
    }
}

/// The code and reason of a Close frame (5.5.1, 7.4).
fn close_frame(payload: &[u8]) -> Result<Option<(u16, String)>, ProtocolError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(ProtocolError::TruncatedCloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(ProtocolError::InvalidCloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
    Ok(Some((code, reason.to_owned())))
}

fn unmasked(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let Some(key) = key else { return payload.to_vec() };
    let keys = key.repeat(payload.len().div_ceil(4));
    payload.iter().zip(keys).map(|(byte, key)| byte ^ key).collect()
}

/// A frame as a client sends it, with this first byte.
pub fn masked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(unmasked(payload, Some(KEY)));
    frame
}
