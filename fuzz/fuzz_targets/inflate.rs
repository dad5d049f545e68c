//! Laws of permessage-deflate in `Connection` and `Deflater` (RFC 7692 7.2):
//!
//! 1. No input makes it panic.
//! 2. However the stream is cut, however little may be inflated at a time, and whether the inflaters are new or have
//!    been used by others: messages and error are the same.
//! 3. They are those of plain flate2, which has each frame as a whole, and all the room that the limit allows.
//! 4. What is held is within the limit, besides what is kept of a frame before it is inflated, and the inflater.
//! 5. What is inflated at a time is within the allowance.
//! 6. What `Deflater` makes is shorter, and plain flate2 inflates it to what it was.
//!
//! The input:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | bit 0: with context takeover; bit 1: texts; bits 2 and 3: which limit |
//! | 1 | bits 0 to 4: how much is inflated at a time, as a power of two, but no less than a thousandth |
//! | 1, and so many modulo 8 | how long the pieces of the stream are, used in a circle |
//! | 2 | a frame: bit 0: the last of its message; bit 1: it is deflated first, after its payload was repeated, how often is a power of two in bits 4 to 7; the length of its payload |
//! | length | the payload; then the next frame |
#![no_main]

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use libfuzzer_sys::fuzz_target;
use sockhop::protocol::{
    Allowance, Connection, ContextTakeover, Contexts, DeflateOptions, Deflater, Event, Extension, Limits, Message,
    ProtocolError,
};

const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// What is kept of a frame before it is inflated, its vector twice as large as it is full; and the rest.
const KEPT: usize = 2 * 64 * 1024 + Contexts::INFLATER + 1024;

fuzz_target!(|data: &[u8]| {
    let Some(case) = Case::draw(data) else { return };
    let expected = case.model();
    let mut used = Contexts::default();
    for (cuts, inflatable) in
        [(&[][..], usize::MAX), (&case.cuts[..], case.inflatable), (&case.cuts, usize::MAX), (&[0][..], 1000)]
    {
        let outcome = case.feed(&mut used, cuts, inflatable);
        assert!(outcome == expected, "cut by {cuts:?}, {inflatable} at a time: {outcome:?}\nplainly {expected:?}");
    }
    if let Some(message) = expected.0.last() {
        returns_as_itself(message, case.context);
    }
});

struct Case {
    context: ContextTakeover,
    is_text: bool,
    max_message: usize,
    inflatable: usize,
    cuts: Vec<u8>,
    /// The frames: whether each is the last of its message, and its payload.
    frames: Vec<(bool, Vec<u8>)>,
}

/// The messages, and the error after them.
type Outcome = (Vec<Vec<u8>>, Option<ProtocolError>);

impl Case {
    fn draw(data: &[u8]) -> Option<Self> {
        let (&[flags, inflatable, count], rest) = data.split_first_chunk()?;
        let (cuts, mut rest) = rest.split_at_checked(usize::from(count % 8))?;
        let (mut frames, mut total) = (Vec::new(), 0);
        let mut compress = Compress::new(Compression::new(6), false);
        while let Some((&[kind, len], behind)) = rest.split_first_chunk()
            && frames.len() < 64
        {
            let (bytes, behind) = behind.split_at(behind.len().min(usize::from(len)));
            rest = behind;
            let plain = bytes.repeat(if kind & 2 == 0 { 1 } else { 1 << (kind >> 4) });
            total += plain.len();
            // More takes too long.
            if total > 4 << 20 {
                break;
            }
            let payload = if kind & 2 == 0 { plain } else { flushed(&mut compress, &plain) };
            frames.push((kind & 1 != 0, payload));
        }
        Some(Self {
            context: if flags & 1 != 0 { ContextTakeover::Yes } else { ContextTakeover::No },
            is_text: flags & 2 != 0,
            max_message: [100, 20_000, 70_000, 1 << 20][usize::from(flags >> 2 & 3)],
            // Byte by byte a large message takes too long.
            inflatable: (1 << (inflatable & 31)).max(total / 1000),
            cuts: cuts.to_vec(),
            frames,
        })
    }

    fn stream(&self) -> Vec<u8> {
        let (mut stream, mut begins) = (Vec::new(), true);
        for (fin, payload) in &self.frames {
            let opcode = match (begins, self.is_text) {
                (false, _) => 0x00,
                (true, true) => 0x41,
                (true, false) => 0x42,
            };
            stream.push(if *fin { 0x80 } else { 0 } | opcode);
            match payload.len() {
                len @ ..126 => stream.push(0x80 | len as u8),
                len @ ..65_536 => stream.extend([&[0xFE][..], &(len as u16).to_be_bytes()].concat()),
                len => stream.extend([&[0xFF][..], &(len as u64).to_be_bytes()].concat()),
            }
            stream.extend([0; 4]);
            stream.extend(payload);
            begins = *fin;
        }
        stream
    }

    fn feed(&self, contexts: &mut Contexts, cuts: &[u8], inflatable: usize) -> Outcome {
        let limits = Limits { max_message: self.max_message as u64, ..Limits::default() };
        let extension = Extension { client_context: self.context, ..Extension::default() };
        let mut server = Connection::server(limits).with_extension(extension);
        let (mut stream, mut output, mut messages) = (self.stream(), Vec::new(), Vec::new());
        let mut rest = &mut stream[..];
        let mut lengths = cuts.iter().cycle().map(|&cut| 1 + usize::from(cut) * usize::from(cut));
        let mut fed = 0;
        while !rest.is_empty() {
            let len = lengths.next().unwrap_or(rest.len()).max(fed / 50).min(rest.len());
            let (mut piece, behind) = rest.split_at_mut(len);
            (rest, fed) = (behind, fed + len);
            loop {
                contexts.inflatable = inflatable;
                let plain = contexts.inflated.plain;
                let mut allowance = Allowance { frames: 9, lend: &mut || None, contexts: Some(&mut *contexts) };
                let is_over = match server.receive_with(&mut piece, &mut output, &mut allowance) {
                    Ok(Some(Event::Message(message))) => {
                        messages.push(message.as_bytes().to_vec());
                        false
                    }
                    Ok(Some(event)) => panic!("{event:?}"),
                    Ok(None) => piece.is_empty() && !server.is_paused(),
                    Err(error) => return (messages, Some(error)),
                };
                assert!(!server.is_paused() || contexts.inflatable == 0, "paused with {} left", contexts.inflatable);
                assert!(contexts.inflatable <= inflatable && contexts.inflated.plain >= plain);
                // A vector with the last message may be there beside the one of the next.
                let most = self.max_message + KEPT + messages.last().map_or(0, Vec::len);
                assert!(server.buffered() <= most + 2 * len, "{} bytes held, {most} allowed", server.buffered());
                if is_over {
                    break;
                }
            }
        }
        (messages, None)
    }

    /// The same by plain flate2.
    fn model(&self) -> Outcome {
        let max = self.max_message;
        let most = max + max / 8 + 64;
        let mut inflater = Decompress::new(false);
        let (mut messages, mut message, mut compressed, mut is_final) = (Vec::new(), Vec::new(), 0, false);
        for (fin, payload) in &self.frames {
            if payload.len() > most - compressed {
                return (messages, Some(ProtocolError::MessageTooBig));
            }
            compressed += payload.len();
            let result = inflate(&mut inflater, payload, &mut message, max + 1, &mut is_final);
            let within = &message[..message.len().min(max)];
            if self.is_text && std::str::from_utf8(within).is_err_and(|error| error.error_len().is_some()) {
                return (messages, Some(ProtocolError::InvalidUtf8));
            }
            if message.len() > max {
                return (messages, Some(ProtocolError::MessageTooBig));
            }
            if result.is_err() {
                return (messages, Some(ProtocolError::InvalidDeflate));
            }
            if !fin {
                continue;
            }
            if !is_final && compressed > 0 && !ends(&mut inflater, self.context) {
                return (messages, Some(ProtocolError::InvalidDeflate));
            }
            if self.is_text && std::str::from_utf8(&message).is_err() {
                return (messages, Some(ProtocolError::InvalidUtf8));
            }
            messages.push(std::mem::take(&mut message));
            (compressed, is_final) = (0, false);
            if self.context == ContextTakeover::No {
                inflater = Decompress::new(false);
            }
        }
        (messages, None)
    }
}

/// Appends what the payload is, until the message would have more than `most` bytes.
fn inflate(
    inflater: &mut Decompress,
    mut payload: &[u8],
    message: &mut Vec<u8>,
    most: usize,
    is_final: &mut bool,
) -> Result<(), ()> {
    loop {
        let start = message.len();
        message.resize(most.min(start + 256 * 1024), 0);
        let (total_in, total_out) = (inflater.total_in(), inflater.total_out());
        let result = inflater.decompress(payload, &mut message[start..], FlushDecompress::None);
        let taken = (inflater.total_in() - total_in) as usize;
        let is_full = start + (inflater.total_out() - total_out) as usize == message.len();
        message.truncate(start + (inflater.total_out() - total_out) as usize);
        payload = &payload[taken..];
        if taken > 0 {
            *is_final = false;
        }
        if result.map_err(|_| ())? == Status::StreamEnd {
            *is_final = true;
            *inflater = Decompress::new(false);
        }
        if payload.is_empty() && !is_full || message.len() == most {
            return Ok(());
        }
    }
}

/// Whether the blocks that every message ends with are taken as such.
fn ends(inflater: &mut Decompress, context: ContextTakeover) -> bool {
    let mut take = |blocks: &[u8], status| {
        let (total_in, total_out) = (inflater.total_in(), inflater.total_out());
        inflater.decompress(blocks, &mut [0; 16], FlushDecompress::None).is_ok_and(|it| it == status)
            && inflater.total_in() - total_in == blocks.len() as u64
            && inflater.total_out() == total_out
    };
    take(&TAIL, Status::Ok)
        && match context {
            ContextTakeover::No => take(b"\x01\x00\x00\xFF\xFF", Status::StreamEnd),
            ContextTakeover::Yes => take(&b"\x00\x00\x00\xFF\xFF".repeat(64), Status::Ok),
        }
}

/// `plain` as zlib flushes it, without the tail.
fn flushed(compress: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(plain.len() + plain.len() / 100 + 100);
    compress.compress_vec(plain, &mut payload, FlushCompress::Sync).expect("there is room");
    payload.truncate(payload.len().saturating_sub(TAIL.len()));
    payload
}

/// The message is compressed, twice, and plain flate2 makes the same of it.
fn returns_as_itself(plain: &[u8], context: ContextTakeover) {
    let options = DeflateOptions { threshold: 0, level: 1 + (plain.len() / 7 % 9) as u8 };
    let mut deflater = Deflater::new(context, 9 + (plain.len() % 7) as u8, options);
    let mut inflater = Decompress::new(false);
    for _ in 0..2 {
        let Some(payload) = deflater.deflate(Message::Binary(plain)) else { return };
        assert!(payload.len() < plain.len());
        let (mut message, mut is_final) = (Vec::new(), false);
        inflate(&mut inflater, payload, &mut message, plain.len() + 1, &mut is_final).expect("DEFLATE data");
        assert!(message == plain && !is_final && ends(&mut inflater, context));
        if context == ContextTakeover::No {
            inflater = Decompress::new(false);
        }
    }
}
