//! Sending: which messages are compressed, and that the peer can inflate them.

use super::*;
use crate::protocol::{FrameHeader, Opcode};

fn deflater(context: ContextTakeover, window_bits: u8) -> Deflater {
    Deflater::new(context, window_bits, DeflateOptions::default())
}

fn json(number: usize) -> String {
    let item =
        |i: usize| format!("{{\"id\":{},\"name\":\"user{}\",\"online\":true,\"score\":{}}}", i * 7, i, i * number);
    (0..12).map(item).collect::<Vec<_>>().join(",")
}

/// The events of a client that receives `stream`.
fn received(extension: Extension, stream: &[u8]) -> Vec<String> {
    let (mut client, mut bytes, mut events) = (client(extension), stream.to_vec(), Vec::new());
    let mut input = &mut bytes[..];
    while let Some(event) = client.receive(&mut input, &mut Vec::new()).expect("frames by the rules") {
        events.push(format!("{event:?}"));
    }
    events
}

#[test]
fn leaves_noise_uncompressed_at_every_level() {
    let mut random = Random::new(5);
    let noise: Vec<u8> = (0..1 << 20).map(|_| random.below(256) as u8).collect();
    for level in 0..=10 {
        let mut deflater = Deflater::server(NONE, DeflateOptions { level, ..DeflateOptions::default() });
        for len in [65_539, 66_000, 70_000, 200_000, 1 << 20, 1 << 20] {
            assert_eq!(deflater.deflate(Binary(&noise[..len])), None, "level {level}, {len} bytes");
        }
    }
}

#[test]
fn sends_uncompressed_messages_without_the_extension() {
    let mut deflater = Deflater::server(NONE, DeflateOptions::default());
    let (mut server, mut output) = (Connection::server(Limits::default()), Vec::new());
    let text = "again ".repeat(50);
    server.send_deflated(Text(&text), &mut deflater, &mut output).unwrap();
    assert_eq!(output, unmasked(0x81, text.as_bytes()));
}

#[test]
fn compresses_only_messages_that_are_long_enough_and_get_shorter() {
    let mut random = Random::new(3);
    let noise: Vec<u8> = (0..5000).map(|_| random.below(256) as u8).collect();
    let text = "a".repeat(256);
    for (message, compressed) in [
        (Text(&text), true),
        (Text(&text[1..]), false),
        (Text(""), false),
        (Binary(&[0; 100_000]), true),
        (Binary(&noise), false),
        (Binary(&noise[..256]), false),
    ] {
        for context in [ContextTakeover::No, ContextTakeover::Yes] {
            let (mut deflater, mut output) = (deflater(context, 15), b"before".to_vec());
            assert_eq!(deflater.encode_frame(message, &mut output), compressed);
            let frame = &output[6..];
            assert_eq!(frame[0] & 0x40 != 0, compressed);
            assert!(frame.len() <= FrameHeader::MAX_LEN + message.len());
            assert_eq!(deflater.deflated.messages, u64::from(compressed));
            let extension = if context == ContextTakeover::No { NONE } else { TAKEOVER };
            assert_eq!(received(extension, frame), [format!("{:?}", Event::Message(message))]);
        }
    }
    let all = DeflateOptions { threshold: 0, level: 9 };
    assert!(Deflater::new(ContextTakeover::No, 15, all).deflate(Text("")).is_none());
    assert!(Deflater::new(ContextTakeover::No, 15, all).deflate(Text(&text[..40])).is_some());
}

#[test]
fn client_and_server_inflate_each_others_messages() {
    let mut random = Random::new(5);
    for extension in [NONE, TAKEOVER, Extension { client_max_window_bits: 9, server_max_window_bits: 10, ..TAKEOVER }] {
        let (mut server, mut client) = (server(extension, 1 << 20), client(extension));
        let mut to_client = Deflater::server(extension, DeflateOptions::default());
        let mut to_server = Deflater::client(extension, DeflateOptions::default());
        for round in 0..60 {
            let text = match random.below(3) {
                0 => "short".to_owned(),
                1 => json(round),
                _ => (0..3000).map(|_| char::from(random.pick(b"abcdefghijklmnop {}\":0123456789"))).collect(),
            };
            let (mut up, mut down) = (Vec::new(), Vec::new());
            client.send_deflated(Text(&text), &mut to_server, &mut up).expect("open");
            assert_eq!(server.receive(&mut &mut up[..], &mut down), Ok(Some(Event::Message(Text(&text)))));
            server.send_deflated(Text(&text), &mut to_client, &mut down).expect("open");
            assert_eq!(client.receive(&mut &mut down[..], &mut up), Ok(Some(Event::Message(Text(&text)))));
        }
        assert!(to_client.deflated.messages > 20 && to_server.deflated == to_client.deflated || extension != NONE);
        assert!(to_client.deflated.compressed * 4 < to_client.deflated.plain * 3);
    }
    let mut closed = server(NONE, 100);
    closed.close(None, &mut Vec::new()).expect("no code");
    let mut output = Vec::new();
    assert!(closed.send_deflated(Text("a"), &mut deflater(ContextTakeover::No, 15), &mut output).is_err());
    assert!(output.is_empty());
}

#[test]
fn with_takeover_a_repeated_message_is_shorter_until_noise_resets_the_context() {
    let mut random = Random::new(4);
    let noise: Vec<u8> = (0..2000).map(|_| random.below(256) as u8).collect();
    let mut deflater = deflater(ContextTakeover::Yes, 15);
    let (mut stream, mut lens) = (Vec::new(), Vec::new());
    let text = json(3);
    for message in [Text(&text), Text(&text), Binary(&noise), Text(&text), Text("short"), Text(&text)] {
        let start = stream.len();
        deflater.encode_frame(message, &mut stream);
        lens.push(stream.len() - start);
    }
    assert!(lens[1] < lens[0] / 4 && lens[3] == lens[0] && lens[5] == lens[1], "{lens:?}");
    assert_eq!(received(TAKEOVER, &stream).len(), 6);
}

#[test]
fn a_deflater_with_takeover_keeps_no_message() {
    for context in [ContextTakeover::No, ContextTakeover::Yes] {
        let mut deflater = deflater(context, 12);
        let empty = deflater.capacity();
        let text = (0..2000).map(json).collect::<String>();
        assert!(deflater.encode_compressed(Opcode::Text, text.as_bytes(), &mut Vec::new()).is_some());
        assert_eq!(deflater.capacity() > empty, context == ContextTakeover::No);
        // Also after a message that does not get shorter.
        let mut random = Random::new(8);
        let noise: Vec<u8> = (0..text.len()).map(|_| random.below(256) as u8).collect();
        assert!(deflater.encode_compressed(Opcode::Binary, &noise, &mut Vec::new()).is_none());
        assert_eq!(deflater.capacity() > empty, context == ContextTakeover::No);
    }
}

/// Inflates byte by byte, so that only the window can be referred to. Returns whether that works.
fn fits_window(payload: &[u8], bits: u8) -> bool {
    let mut inflater = flate2::Decompress::new_with_window_bits(false, bits);
    let mut rest = payload;
    loop {
        let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
        if inflater.decompress(rest, &mut [0], flate2::FlushDecompress::None).is_err() {
            return false;
        }
        rest = &rest[(inflater.total_in() - before_in) as usize..];
        if rest.is_empty() && inflater.total_out() == before_out {
            return true;
        }
    }
}

#[test]
fn refers_to_nothing_beyond_the_window() {
    let mut random = Random::new(6);
    let far: Vec<u8> = (0..30_000).map(|_| random.below(256) as u8).collect();
    let plain = [&far[..], &far[..10_000], &far].concat();
    let mut lens = Vec::new();
    for bits in 9..=15 {
        let options = DeflateOptions { level: 9, ..DeflateOptions::default() };
        let mut deflater = Deflater::new(ContextTakeover::Yes, bits, options);
        for part in [&plain[..], &vec![b'z'; 5000], &plain] {
            if let Some(payload) = deflater.deflate(Binary(part)) {
                lens.push(payload.len());
                assert!(bits == 15 || fits_window(payload, bits), "{bits} bits");
            }
        }
    }
    // With a large window the repetition is found: so the window makes the difference.
    assert!(lens.iter().any(|&len| len < 40_000), "{lens:?}");
}
