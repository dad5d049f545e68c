//! The frames of compressed floods. A build that cannot compress has none.

use sockhop::protocol::{ContextTakeover, DEFLATE_AVAILABLE, Deflater};
use sockhop::{Config, Deflate, DeflateOptions, Message};

use super::compressed::{Compressed, RSV1};
use super::noise;
use super::raw::{self, BINARY, FIN};

/// The defaults, and compression if this build can compress.
pub fn config() -> Config {
    Config { deflate: DEFLATE_AVAILABLE.then(Deflate::default), ..Config::default() }
}

/// So many zeros, compressed.
pub fn zeros(len: usize) -> Vec<u8> {
    let mut deflater = Deflater::new(ContextTakeover::No, 15, DeflateOptions { threshold: 0, level: 9 });
    deflater.deflate(Message::Binary(&vec![0; len])).expect("they get shorter").to_vec()
}

/// `count` times 64 MiB of zeros, compressed, as one message. A thousandth of that, nearly.
pub fn bomb(count: usize) -> Vec<u8> {
    // RFC 7692 7.2.1: this is taken off the end of a message; what follows in the same one needs it.
    let mut bytes = [&zeros(64 << 20)[..], &[0x00, 0x00, 0xFF, 0xFF]].concat().repeat(count);
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// One flood of each kind.
pub fn floods() -> Vec<Compressed> {
    if !DEFLATE_AVAILABLE {
        return Vec::new();
    }
    let taken = |name, path, frames| Compressed { name, path, frames, refusal: None };
    vec![
        taken("messages of 1 MB, inflated", "/sink", large()),
        taken("messages of 60 KB, inflated", "/sink", small()),
        taken("compressed blocks of nothing", "/sink", empty()),
        taken("compressed blocks of tables", "/sink", tables()),
        taken("1 MB of letters, compressed again", "/echo", letters()),
        Compressed { name: "bombs of 64 MiB, and again", path: "/sink", frames: frame(&bomb(1)), refusal: Some(1009) },
    ]
}

/// A message of a megabyte.
pub fn large() -> Vec<u8> {
    frame(&zeros(1_000_000))
}

/// Many messages of less.
pub fn small() -> Vec<u8> {
    frame(&zeros(60_000)).repeat(200)
}

/// A message of last blocks without content, each of which begins a new stream.
pub fn empty() -> Vec<u8> {
    frame(&[&[0x03, 0x00].repeat(30_000)[..], &[0x00]].concat())
}

/// A message of blocks that hold nothing either, but tell in 22 bytes how to make two tables of 1024 entries each.
pub fn tables() -> Vec<u8> {
    const BLOCK: [u8; 22] = [
        0x05, 0xCA, 0x01, 0x82, 0x24, 0x47, 0x0C, 0xC3, 0xB0, 0xFF, 0x7F, 0x38, 0xB9, 0x9D, 0x2E, 0x8B, 0x00, 0xE5,
        0xEA, 0xD9, 0x4B, 0x00,
    ];
    frame(&[&BLOCK.repeat(2700)[..], &[0x00]].concat())
}

/// A message of a megabyte that takes long to compress: of four letters, in no order.
pub fn letters() -> Vec<u8> {
    let plain: Vec<_> = noise(1, 1_000_000).into_iter().map(|byte| b"acgt"[usize::from(byte % 4)]).collect();
    let mut deflater = Deflater::new(ContextTakeover::No, 15, DeflateOptions::default());
    frame(deflater.deflate(Message::Binary(&plain)).expect("they get shorter"))
}

/// A message in one frame, compressed already.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    raw::frame(FIN | RSV1 | BINARY, payload)
}
