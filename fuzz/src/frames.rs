//! What a client sends that mostly keeps the rules.

use sockhop::protocol::{Deflater, Message};

use crate::{Draw, masked_frame};

/// Frames that mostly keep the rules: for each a byte, the first of the frame but for the RSV bits; one that says how
/// long the payload is, with 0x70 set in steps up to 270 KiB; and where it is short the payload, else a byte to fill
/// it. Where there is a deflater it is 0x10 for the steps, 0x40 for RSV1, and 0x20 beside that for what only says that it
/// is compressed.
pub fn frames(data: &[u8], mut deflater: Option<Deflater>) -> Vec<u8> {
    let mut draw = Draw::new(data);
    let mut stream = Vec::new();
    while let Some(first) = draw.byte()
        && stream.len() < 400_000
    {
        let for_steps = if deflater.is_some() { 0x10 } else { 0x70 };
        let length = draw.length() * if first & for_steps == for_steps { 16 } else { 1 };
        let payload =
            if length < 192 { draw.bytes(length).to_vec() } else { vec![draw.byte().unwrap_or(b'x'); length] };
        let plain = first & 0x8F;
        let frame = match &mut deflater {
            Some(_) if first & 0x60 == 0x60 => masked_frame(plain | 0x40, &payload),
            Some(deflater) if first & 0x40 != 0 => match deflater.deflate(Message::Binary(&payload)) {
                Some(deflated) => masked_frame(plain | 0x40, deflated),
                None => masked_frame(plain, &payload),
            },
            _ => masked_frame(plain, &payload),
        };
        stream.extend(frame);
    }
    stream
}
