//! Context takeover, and shared contexts, which must carry nothing from one connection to another.

use super::*;
use Event::Message as M;

#[test]
fn a_message_may_refer_to_earlier_ones_only_with_takeover() {
    let mut compress = Compress::new(Compression::new(9), false);
    let text = "the quick brown fox jumps over the lazy dog".repeat(3);
    let messages: Vec<_> = (0..3).map(|_| masked(0xC1, &deflated_by(&mut compress, text.as_bytes()))).collect();
    let stream = [&messages[0][..], &masked(0x81, b"between"), &messages[1], &messages[2]].concat();
    let expected = Outcome::of(&[M(Text(&text)), M(Text("between")), M(Text(&text)), M(Text(&text))]);
    check(|| server(TAKEOVER, 1 << 20), &stream, &expected);
    let expected = Outcome::failed(&[M(Text(&text)), M(Text("between"))], ProtocolError::InvalidDeflate);
    check(|| server(NONE, 1 << 20), &stream, &expected);
}

#[test]
fn after_a_block_with_bfinal_the_context_is_empty() {
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
    let stream = [masked(0xC1, &[&last[..], b"\x00"].concat()), masked(0xC1, &HELLO), masked(0xC1, last)].concat();
    let expected = Outcome::of(&[M(Text("Hello")), M(Text("Hello")), M(Text("Hello"))]);
    check(|| server(TAKEOVER, 1 << 20), &stream, &expected);
}

#[test]
fn an_inflater_carries_no_byte_to_the_next_connection_however_the_last_message_ended() {
    // This message refers back to the first one, which another connection sent.
    let mut compress = Compress::new(Compression::new(9), false);
    let secret = b"secret-secret-secret-0123456789";
    let first = deflated_by(&mut compress, secret);
    let reference = deflated_by(&mut compress, secret);
    assert!(reference.len() < 8);
    for begin in [
        masked(0xC2, &first),
        masked(0x42, &first),
        [masked(0x42, &first[..first.len() - 1]), masked(0x80, b"\xff")].concat(),
        [masked(0x42, &first), masked(0xC2, &first)].concat(),
        masked(0xC2, &first[..first.len() - 2]),
        masked(0xC2, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
    ] {
        let mut contexts = Contexts::default();
        let _any = feed(server(NONE, 1 << 20), &mut contexts, &begin, || begin.len(), usize::MAX);
        let stream = masked(0xC2, &reference);
        let outcome = feed(server(NONE, 1 << 20), &mut contexts, &stream, || stream.len(), usize::MAX);
        assert_eq!(outcome, Outcome::failed(&[], ProtocolError::InvalidDeflate));
        let hello = masked(0xC1, &HELLO);
        let outcome = feed(server(NONE, 1 << 20), &mut contexts, &hello, || 1, usize::MAX);
        assert_eq!(outcome, Outcome::of(&[M(Text("Hello"))]));
    }
}

#[test]
fn a_deflater_without_takeover_sends_what_a_new_one_would() {
    let secret = "secret-0123456789-".repeat(20);
    let mut random = Random::new(8);
    let noise: Vec<u8> = (0..1000).map(|_| random.below(256) as u8).collect();
    for bits in 9..=15 {
        let new = || Deflater::new(ContextTakeover::No, bits, DeflateOptions::default());
        let expected = new().deflate(Text(&secret)).expect("the text gets shorter").to_vec();
        let mut shared = new();
        for before in [Text(&secret), Binary(&noise), Text("short"), Binary(&[7; 70_000])] {
            let _any = shared.deflate(before);
            assert_eq!(shared.deflate(Text(&secret)), Some(&expected[..]), "{bits} bits");
        }
    }
}

#[test]
fn reuses_inflaters_and_keeps_at_most_16() {
    let mut contexts = Contexts::default();
    let mut servers: Vec<_> = (0..40).map(|_| server(NONE, 1 << 20)).collect();
    for stream in [masked(0x41, &HELLO[..4]), masked(0x80, &HELLO[4..])] {
        for server in &mut servers {
            let mut stream = stream.clone();
            let mut allowance = Allowance { frames: 9, lend: &mut || None, contexts: Some(&mut contexts) };
            server.receive_with(&mut &mut stream[..], &mut Vec::new(), &mut allowance).expect("a valid frame");
        }
        if stream[0] == 0x41 {
            assert!(servers.iter().all(|server| server.buffered() >= Contexts::INFLATER));
        }
    }
    assert_eq!(contexts.kept(), 16);
    assert_eq!(contexts.inflated, Tally { messages: 40, compressed: 280, plain: 200 });
}
