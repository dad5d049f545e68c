//! Laws of `BodyDecoder` (RFC 9112 7.1), over any bytes:
//!
//! 1. No input makes it panic.
//! 2. However the bytes are split, the body is the same, and so is its end or its error.
//! 3. It takes no more than there is, and nothing behind the end of the body; the body never has more than `max` bytes.
//! 4. A body with a length is so many bytes as they are; one that is too long is refused before a byte of it is kept.
//! 5. A body that a model has put into chunks comes out as it was, and the bytes behind it are left.
//!
//! The input: a byte that says how long the body is or that it comes in chunks, one for `max`, one for the chunks of the
//! model, one that says how many lengths of pieces follow, these, and the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhop::http::{BodyDecoder, BodyLength, RequestError};
use sockhop_fuzz::{Draw, chunked};

/// The end that was found, the body, and how many bytes were taken; of an error only the body before it counts.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    result: Result<bool, RequestError>,
    body: Vec<u8>,
    taken: usize,
}

fuzz_target!(|data: &[u8]| {
    let mut draw = Draw::new(data);
    let (Some(kind), Some(most), Some(chunk), Some(count)) = (draw.byte(), draw.byte(), draw.byte(), draw.byte())
    else {
        return;
    };
    let max = Draw::new(&[most]).length();
    let pieces: Vec<_> = (0..count % 8).map(|_| 1 + draw.length()).collect();
    let bytes = draw.bytes(usize::MAX);
    let length = match kind {
        0 => BodyLength::None,
        1..128 => BodyLength::Sized(u64::from(kind)),
        128 => BodyLength::Sized(u64::MAX),
        _ => BodyLength::Chunked,
    };
    let whole = agree(length, bytes, &pieces, max);
    if let BodyLength::Sized(length) = length {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let expected = match (length > max, bytes.get(..length)) {
            (true, _) => Outcome { result: Err(RequestError::BodyTooLarge), body: Vec::new(), taken: 0 },
            (_, Some(body)) => Outcome { result: Ok(true), body: body.to_vec(), taken: length },
            (_, None) => Outcome { result: Ok(false), body: bytes.to_vec(), taken: bytes.len() },
        };
        assert_eq!(whole, expected);
    }
    // So long chunks that their lines stay within what is allowed.
    let longest = 1 + usize::from(chunk);
    let extension = if kind & 1 == 0 { "" } else { ";a=\"b;c\"; d" };
    let trailers = if kind & 2 == 0 { "" } else { "A: b\r\nC:\r\n" };
    let wire = chunked(bytes, longest, extension, trailers);
    let encoded = wire.len();
    let outcome = agree(BodyLength::Chunked, &[&wire[..], b"GET / HTTP/1.1\r\n"].concat(), &pieces, bytes.len());
    assert_eq!(outcome, Outcome { result: Ok(true), body: bytes.to_vec(), taken: encoded });
    if let Some(less) = bytes.len().checked_sub(1) {
        let outcome = agree(BodyLength::Chunked, &wire, &pieces, less);
        assert_eq!(outcome.result, Err(RequestError::BodyTooLarge));
    }
});

/// The outcome for the whole of the bytes, which is that for pieces of them.
fn agree(length: BodyLength, bytes: &[u8], pieces: &[usize], max: usize) -> Outcome {
    let whole = decode(length, bytes, &[bytes.len()], max);
    for lengths in [&[1][..], pieces] {
        let outcome = decode(length, bytes, lengths, max);
        assert_eq!(outcome, whole, "{}", bytes.escape_ascii());
    }
    whole
}

fn decode(length: BodyLength, bytes: &[u8], pieces: &[usize], max: usize) -> Outcome {
    let (mut decoder, mut body) = (BodyDecoder::new(length), Vec::new());
    let mut lengths = pieces.iter().copied().cycle();
    let (mut fed, mut taken) = (0, 0);
    loop {
        let mut input = &bytes[taken..fed];
        let result = decoder.decode(&mut input, &mut body, max);
        assert!(body.len() <= max && input.len() <= fed - taken, "{} bytes of {max}", body.len());
        taken = fed - input.len();
        if result == Ok(false) && fed < bytes.len() {
            assert!(input.is_empty(), "bytes are left, and more are wanted");
            fed = bytes.len().min(fed + lengths.next().unwrap_or(bytes.len()));
            continue;
        }
        if result.is_ok() {
            assert_eq!(decoder.wire_bytes(), taken as u64);
        }
        return Outcome { result, body, taken };
    }
}
