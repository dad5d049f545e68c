//! The payloads of the model's messages, and the answers of its handler to plain requests.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::http::{Request, Response};

/// Bytes that the body of a request to `/small` may have.
pub(super) const SMALL: usize = 100;

/// Tells messages apart.
pub(super) fn print(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The filling of a message with this number: the bytes of its neighbours, so that compressed messages refer to each other;
/// one byte again and again; or noise.
pub(super) fn filling(number: u32, len: usize) -> Vec<u8> {
    let (seed, mask, bits) = match number / 4 % 4 {
        0 | 2 => (number / 4, 0x0F0F_0F0F_0F0F_0F0F, 0x6060_6060_6060_6060),
        1 => return vec![number as u8; len],
        _ => (number, u64::MAX, 0),
    };
    // xorshift64
    let mut random = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = vec![0; len];
    for word in bytes.chunks_mut(8) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        word.copy_from_slice(&(random & mask | bits).to_le_bytes()[..word.len()]);
    }
    bytes
}

/// The handler's answer to a request.
pub(super) fn answer(request: &Request<'_>, body: &[u8]) -> Response {
    match request.path() {
        "/shared" => Response::new(200).shared_body(Arc::from(body)),
        _ => Response::text(200, mirror(request.method(), request.path(), body)),
    }
}

pub(super) fn mirror(method: &str, path: &str, body: &[u8]) -> String {
    format!("{method} {path} {} {:x}", body.len(), print(body))
}
