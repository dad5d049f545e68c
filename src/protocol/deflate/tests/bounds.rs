//! Limits: the size of an inflated message, the memory held meanwhile, the bytes inflated in one call.

use super::{rules::stored, *};

/// `len` zeros, compressed to about a thousandth, which is the best that zlib can do.
fn zeros(len: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(9), false);
    let chunk = vec![0; 4 << 20];
    let mut flush = |plain: &[u8]| match plain {
        [] => Vec::new(),
        plain => [&deflated_by(&mut compress, plain)[..], &TAIL].concat(),
    };
    let (chunks, rest) = (len / chunk.len(), len % chunk.len());
    // Every chunk after the first refers back to zeros only, so all of them are equal.
    let mut payload = flush(&chunk[..chunk.len() * chunks.min(1)]);
    payload.extend(flush(&chunk[..chunk.len() * chunks.saturating_sub(1).min(1)]).repeat(chunks.saturating_sub(1)));
    payload.extend(flush(&chunk[..rest]));
    payload.truncate(payload.len() - TAIL.len());
    payload
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = Random::new(9);
    (0..len).map(|_| random.below(256) as u8).collect()
}

#[test]
fn accepts_a_message_of_exactly_the_limit_and_refuses_one_byte_more_with_1009() {
    const MAX: usize = 100_000;
    for (make, name) in [
        (zeros as fn(usize) -> Vec<u8>, "zeros"),
        (|len| deflated(&noise(len)), "noise"),
        // Blocks of 128 bytes: zlib makes these of noise when it has the least memory.
        (|len| noise(len).chunks(128).flat_map(stored).chain([0]).collect(), "noise in small blocks"),
    ] {
        for more in [0, 1, 2, 3, 20_000] {
            let payload = make(MAX + more);
            let cut = payload.len() / 2;
            for stream in [
                masked(0xC2, &payload),
                [masked(0x42, &payload[..cut]), masked(0x00, b""), masked(0x80, &payload[cut..])].concat(),
            ] {
                for (len, inflatable) in [(stream.len(), usize::MAX), (4096, 1000), (70_000, 256 * 1024)] {
                    let outcome = feed(server(NONE, MAX as u64), &mut Contexts::default(), &stream, || len, inflatable);
                    if more == 0 {
                        assert_eq!((outcome.end, outcome.events.len()), (Ok(State::Open), 1), "{name}");
                    } else {
                        let expected = Outcome::failed(&[], ProtocolError::MessageTooBig);
                        assert_eq!(outcome, expected, "{more} more {name}");
                    }
                }
            }
        }
    }
}

#[test]
fn refuses_the_header_of_a_frame_longer_than_any_message_within_the_limit_needs() {
    for (max, len, fits) in
        [(100, 176, true), (100, 177, false), (1 << 20, 1_179_712, true), (1 << 20, 1_179_713, false)]
    {
        let header = &masked(0xC2, &vec![0; len])[..14];
        let outcome = feed(server(NONE, max), &mut Contexts::default(), header, || 14, 1);
        let expected = if fits { Ok(State::Open) } else { Err(ProtocolError::MessageTooBig) };
        assert_eq!(outcome.end, expected, "{len}");
        let fragments = [&masked(0x42, &[])[..], &masked(0x80, &vec![0; len])[..14]].concat();
        assert_eq!(feed(server(NONE, max), &mut Contexts::default(), &fragments, || 99, 1).end, expected);
    }
    // Nothing overflows without a limit.
    let mut header = masked(0xC2, &[7; 70_000])[..100].to_vec();
    assert_eq!(server(NONE, u64::MAX).receive(&mut &mut header[..], &mut Vec::new()), Ok(None));
}

#[test]
fn counts_the_fragments_of_compressed_messages_and_the_sum_of_their_bytes() {
    let begun = [masked(0x42, &HELLO[..3]), masked(0x00, b""), masked(0x00, b"")].concat();
    for (max_frames, end) in [(4, Ok(State::Open)), (3, Err(ProtocolError::TooManyFrames))] {
        let server = || Connection::server(Limits { max_frames, ..Limits::default() }).with_extension(NONE);
        let stream = [&begun[..], &masked(0x80, &HELLO[3..])].concat();
        assert_eq!(feed(server(), &mut Contexts::default(), &stream, || 1, 9).end, end);
    }
    // A message of at most 100 bytes may have 176 compressed ones.
    let empty = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(17);
    for (more, end) in [(6, Ok(State::Open)), (7, Err(ProtocolError::MessageTooBig))] {
        let stream = [masked(0x42, &empty), masked(0x00, &empty), masked(0x00, &vec![0; more])[..6].to_vec()].concat();
        assert_eq!(feed(server(NONE, 100), &mut Contexts::default(), &stream, || 50, 9).end, end);
    }
}

#[test]
fn an_inflated_message_takes_no_more_memory_than_the_limit() {
    let (mut server, payload) = (server(NONE, 300_000), zeros(290_000));
    let mut stream = masked(0x42, &payload);
    assert_eq!(server.receive(&mut &mut stream[..], &mut Vec::new()), Ok(None));
    assert!((290_000..300_000 + Contexts::INFLATER + 1024).contains(&server.buffered()), "{}", server.buffered());
}

/// Feeds a bomb. Returns the most bytes that the connection held, and the number of bytes fed until it failed.
fn most_held(stream: &[u8], max: u64) -> (usize, usize) {
    let (mut server, mut contexts, mut output) = (server(NONE, max), Contexts::default(), Vec::new());
    let (mut most, mut fed) = (0, 0);
    for piece in stream.chunks(64 * 1024) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        fed += input.len();
        loop {
            contexts.inflatable = 256 * 1024;
            let mut allowance = Allowance { frames: 256, lend: &mut || None, contexts: Some(&mut contexts) };
            match server.receive_with(&mut input, &mut output, &mut allowance) {
                Ok(event) => assert_eq!(event, None),
                Err(error) => {
                    assert_eq!(error, ProtocolError::MessageTooBig);
                    assert!(most <= max as usize + 2 * 64 * 1024 + Contexts::INFLATER + 1024, "{most} held");
                    assert!(contexts.inflated.plain == 0, "nothing was delivered");
                    return (most, fed);
                }
            }
            most = most.max(server.buffered());
            if !server.is_paused() {
                break;
            }
        }
    }
    panic!("the bomb was accepted");
}

#[test]
fn refuses_bombs_before_they_take_more_memory_than_the_limit() {
    // 1 GiB in about 1 MiB, so that the header looks harmless, and a part of it.
    let bomb = zeros(1 << 30);
    assert!((1_000_000..1_049_688).contains(&bomb.len()), "{}", bomb.len());
    let (most, fed) = most_held(&masked(0xC2, &bomb), 1 << 20);
    assert!(most >= 1 << 20 && fed <= 2 * 64 * 1024, "{most} held of {fed} bytes");
    let small = &bomb[..512 * 1024];
    assert!(most_held(&masked(0xC2, small), 1 << 20).1 <= 2 * 64 * 1024);
    assert!(most_held(&masked(0x42, &small[..1000]), 300_000).0 >= 300_000);
    // A stream for each 1000 bytes: every block has BFINAL.
    let last = [&[0x01][..], &[0xE8, 0x03, 0x17, 0xFC], &[b'x'; 1000]].concat();
    most_held(&masked(0xC2, &last.repeat(1000)), 500_000);
}

#[test]
fn checks_the_limit_every_16_kib() {
    let (mut server, mut contexts) = (server(NONE, 300_000), Contexts::default());
    contexts.inflatable = 10 << 20;
    let mut stream = masked(0xC2, &zeros(5 << 20));
    let mut allowance = Allowance { frames: 1, lend: &mut || None, contexts: Some(&mut contexts) };
    let result = server.receive_with(&mut &mut stream[..], &mut Vec::new(), &mut allowance);
    assert_eq!(result, Err(ProtocolError::MessageTooBig));
    let inflated = (10 << 20) - contexts.inflatable;
    assert!((300_001..=300_000 + 16 * 1024).contains(&inflated), "{inflated}");
}

#[test]
fn inflates_no_more_in_one_call_than_is_allowed() {
    let payload = zeros(1_000_000);
    let mut stream = [masked(0xC2, &payload), masked(0xC1, &HELLO), masked(0x81, b"after")].concat();
    let (mut server, mut contexts) = (server(NONE, 1 << 20), Contexts::default());
    let mut input = &mut stream[..];
    let mut pauses = 0;
    loop {
        contexts.inflatable = 256 * 1024;
        let before = server.buffered();
        let mut allowance = Allowance { frames: 256, lend: &mut || None, contexts: Some(&mut contexts) };
        match server.receive_with(&mut input, &mut Vec::new(), &mut allowance).expect("it is within the limit") {
            Some(Event::Message(message)) => {
                assert_eq!(message.len(), 1_000_000);
                break;
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
        assert!(server.is_paused() && !server.is_idle());
        assert!(contexts.inflatable == 0 && server.buffered() - before <= 512 * 1024);
        assert!(!input.is_empty(), "the next message waits");
        pauses += 1;
    }
    assert_eq!(pauses, 1_000_000 / (256 * 1024));
    let mut allowance = Allowance { frames: 256, lend: &mut || None, contexts: Some(&mut contexts) };
    for expected in ["Hello", "after"] {
        let event = server.receive_with(&mut input, &mut Vec::new(), &mut allowance);
        assert_eq!(event, Ok(Some(Event::Message(Text(expected)))));
    }
    assert_eq!(server.receive(&mut input, &mut Vec::new()), Ok(None));
    assert!(server.is_idle() && server.buffered() == 0);
}

#[test]
fn compressed_bytes_without_output_spend_the_budget_too() {
    let blocks = [&[0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(50_000)[..], &[0x00]].concat();
    let mut stream = masked(0xC2, &blocks);
    let (mut server, mut contexts) = (server(NONE, 1 << 20), Contexts::default());
    let (mut input, mut rounds) = (&mut stream[..], 0);
    loop {
        contexts.inflatable = 256 * 1024;
        let mut allowance = Allowance { frames: 256, lend: &mut || None, contexts: Some(&mut contexts) };
        rounds += 1;
        match server.receive_with(&mut input, &mut Vec::new(), &mut allowance).expect("it is within the limit") {
            Some(event) => break assert_eq!(event, Event::Message(Binary(b""))),
            None => assert!(server.is_paused()),
        }
    }
    // 4 for each of 250,001 bytes.
    assert_eq!(rounds, 4);
}

#[test]
fn inflates_a_large_message_into_a_lent_buffer() {
    let mut server = server(NONE, 1 << 20);
    // Asked for beyond 64 KiB, once for each message.
    for (len, expected) in [(64 * 1024, 0), (64 * 1024 + 1, 1), (199_999, 1)] {
        let (mut stream, mut calls) = (masked(0xC2, &zeros(len)), 0);
        let mut lend = || {
            calls += 1;
            Some(vec![7; 200_000])
        };
        let mut allowance = Allowance { frames: 9, lend: &mut lend, contexts: None };
        let event = server.receive_with(&mut &mut stream[..], &mut Vec::new(), &mut allowance);
        let Ok(Some(Event::Message(Binary(message)))) = event else { panic!("{event:?}") };
        assert!(message.len() == len && message.iter().all(|byte| *byte == 0));
        assert_eq!(calls, expected);
    }
    assert_eq!(server.take_buffer().map(|buffer| buffer.len()), Some(200_000));
}

#[test]
fn the_beginning_of_a_message_takes_only_its_length_and_no_inflater() {
    let payload = zeros(1 << 20);
    let mut held = 0;
    for _ in 0..300 {
        let mut server = server(NONE, 1 << 20);
        let mut begin = masked(0xC2, &payload)[..100].to_vec();
        assert_eq!(server.receive(&mut &mut begin[..], &mut Vec::new()), Ok(None));
        held += server.buffered();
    }
    assert!(held < 300 * 700, "{held} bytes");
    let (mut server, mut begin) = (server(NONE, 1 << 20), masked(0xC2, &noise(70_000))[..60_000].to_vec());
    assert_eq!(server.receive(&mut &mut begin[..], &mut Vec::new()), Ok(None));
    assert!((59_000..121_000).contains(&server.buffered()));
}

#[test]
fn the_extension_takes_no_memory_in_an_idle_connection() {
    assert_eq!(size_of::<Connection<Server>>(), 24);
    let mut server = server(NONE, 1 << 20);
    for mut stream in [masked(0xC1, &HELLO), masked(0x81, b"plain")] {
        let mut output = Vec::new();
        let (mut head, mut tail) = stream.split_at_mut(5);
        assert_eq!(server.receive(&mut head, &mut output), Ok(None));
        assert!(server.receive(&mut tail, &mut output).is_ok_and(|event| event.is_some()));
        assert_eq!(server.receive(&mut tail, &mut output), Ok(None));
        assert!(server.is_idle() && server.buffered() == 0);
    }
    // With context takeover the context is kept and counted, but no message is unfinished.
    let mut server = super::server(TAKEOVER, 1 << 20);
    let mut stream = masked(0xC1, &HELLO);
    assert!(server.receive(&mut &mut stream[..], &mut Vec::new()).is_ok_and(|event| event.is_some()));
    assert_eq!(server.receive(&mut &mut [][..], &mut Vec::new()), Ok(None));
    assert!(server.is_idle() && server.unfinished().is_none());
    assert!((Contexts::INFLATER..Contexts::INFLATER + 1000).contains(&server.buffered()));
}
