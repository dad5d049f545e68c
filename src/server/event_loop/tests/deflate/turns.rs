//! Compression within a turn.

use super::*;

#[test]
fn all_who_come_back_for_more_inflate_one_mib_in_a_turn() {
    let mut bed = Bed::with(with(Deflate::default()), App::new(|_, _| {}));
    let mut peers: Vec<_> = (0..8).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    for peer in &mut peers {
        peer.send(Message::Text(&large()));
    }
    let mut inflated = Vec::new();
    for _ in 0..4 {
        bed.turn();
        let table = &bed.server.lines.shared.table;
        let unfinished = table.iter().filter_map(|(_, it)| it.websocket()?.protocol.as_ref()?.unfinished());
        inflated.push(unfinished.sum::<u64>() >> 10);
    }
    assert_eq!(inflated, [2048, 3072, 4096, 5120]);
}

#[test]
fn messages_on_several_topics_travel_compressed_too() {
    for deflate in [Deflate::default(), Deflate::takeover()] {
        let app = App::new(|ctx, call| match call {
            Call::Open => ctx.subscribe("topic"),
            Call::Message(_) => {
                ctx.publish("topic", text(1));
                ctx.broadcast(text(2));
            }
            _ => {}
        });
        let mut bed = Bed::with(with(deflate), app);
        let (mut peers, plain) = ([0; 3].map(|_| Peer::open(&mut bed, PLAIN)), bed.open());
        plain.text("go");
        bed.settle();
        for peer in &mut peers {
            let (texts, len) = peer.events();
            assert_eq!(texts, [text(1), text(2)]);
            assert!(len < text(1).len() / 2, "{len} bytes");
        }
    }
}

#[test]
fn members_that_are_served_in_later_turns_understand_all_that_they_get_meanwhile() {
    for deflate in [Deflate::default(), Deflate::takeover()] {
        let mut bed = Bed::with(with(deflate), App::broadcast());
        let offers = [PLAIN, "permessage-deflate; server_no_context_takeover", PLAIN, PLAIN, PLAIN];
        let mut peers = offers.map(|offer| Peer::open(&mut bed, offer));
        let mut plain = bed.open();
        bed.server.lines.shared.env.slice = 1;
        let ids = bed.ids();
        peers[0].send(Message::Text(&shuffled(1, 1000)));
        bed.turn();
        // To some that have got it, and some that have not.
        for id in [ids[0], ids[1], ids[3]] {
            bed.handle.send(id, shuffled(2, 1000)).expect("room");
        }
        bed.turn();
        peers[1].send(Message::Text(&shuffled(3, 1000)));
        bed.turn();
        bed.handle.send(ids[4], shuffled(2, 1000)).expect("room");
        bed.settle();
        let (all, posts) =
            ([1, 2, 3].map(|number| shuffled(number, 1000)), [1, 3].map(|number| shuffled(number, 1000)));
        assert!(peers[0].texts() == all && peers[1].texts() == all && peers[3].texts() == all);
        assert!(peers[2].texts() == posts && plain.texts() == posts);
        assert!(peers[4].texts() == [1, 3, 2].map(|number| shuffled(number, 1000)));
        peers[2].send(Message::Text(&shuffled(4, 1000)));
        bed.settle();
        assert!(peers.iter_mut().all(|peer| peer.texts() == [shuffled(4, 1000)]));
    }
}

/// The same words in another order for each number: what refers to a message that its peer has not seen, or not as the
/// last one, makes others of them.
fn shuffled(number: usize, len: usize) -> String {
    const WORDS: [&str; 8] = ["again ", "and ", "again, ", "with ", "more ", "to ", "say ", "of it. "];
    let mut random = Random::new(number as u64);
    let mut text = String::new();
    while text.len() < len {
        text.push_str(WORDS[random.below(WORDS.len())]);
    }
    text.truncate(len);
    text
}

/// A handler that says these to whoever says something.
fn saying(texts: Vec<String>) -> App {
    App::new(move |ctx, call| {
        if let Call::Message(_) = call {
            texts.iter().for_each(|text| ctx.send(text));
        }
    })
}

#[test]
fn one_mib_is_compressed_in_a_turn_and_what_goes_beyond_travels_as_it_is() {
    let texts: Vec<String> = (0..20).map(|number| shuffled(number, 99_000)).collect();
    for (deflate, compressed) in [(Deflate::default(), 11), (Deflate::takeover(), 11 + 9)] {
        let mut bed = Bed::with(with(deflate), saying(texts.clone()));
        let mut peer = Peer::open(&mut bed, PLAIN);
        for round in 1..3 {
            peer.send(Message::Text("go"));
            bed.settle();
            assert!(peer.texts() == texts);
            // With takeover those that are left go by themselves.
            assert_eq!(bed.stats().get(Count::Deflated), round * compressed);
        }
    }
}

#[test]
fn members_for_whose_contexts_there_is_no_time_get_what_is_compressed_once_and_understand_what_follows() {
    let mut bed = Bed::with(with(Deflate::takeover()), App::broadcast());
    let mut peers: Vec<_> = (0..40).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    let mut compressed = 0;
    for (number, size) in [300, 1500, 300, 1500, 900, 300].into_iter().enumerate() {
        let said = shuffled(number, 31 * size);
        peers[number].send(Message::Text(&said));
        bed.settle();
        for peer in &mut peers {
            assert!(peer.texts() == [&said[..]]);
        }
        let count = bed.stats().get(Count::Deflated);
        let own = (1024 * 1024_u64).div_ceil(said.len() as u64 + 1024);
        assert_eq!(count - compressed, if own < 40 { own + 1 } else { 40 }, "{size}");
        compressed = count;
    }
    // Such a context forgets its messages once.
    let lens = [0, 1].map(|number: usize| {
        peers[number].send(Message::Text(&shuffled(7, 1500)));
        bed.settle();
        peers.iter_mut().map(|peer| peer.events().1).max()
    });
    assert!(lens[1] < lens[0].map(|len| len / 2), "{lens:?}");
}

#[test]
fn a_message_that_would_take_too_long_to_compress_travels_as_it_is() {
    let texts: Vec<String> = [(4 << 20) + 1, 4 << 20].map(|len| "x".repeat(len)).to_vec();
    for deflate in [Deflate::default(), Deflate::takeover()] {
        let mut bed = Bed::with(Config { max_queue: 16 << 20, ..with(deflate) }, saying(texts.clone()));
        let mut peer = Peer::open(&mut bed, PLAIN);
        peer.send(Message::Text("go"));
        bed.settle();
        let (events, len) = peer.events();
        assert!(events == texts);
        assert!((4 << 20..(4 << 20) + 100_000).contains(&len), "{len} bytes");
    }
}

#[test]
fn a_message_after_a_close_is_not_sent_and_nothing_refers_to_it() {
    for by_other in [false, true] {
        let mut closer = None;
        let app = App::new(move |ctx, call| match call {
            Call::Open => closer = closer.or(Some(ctx.id())),
            Call::Message(_) => {
                let id = if by_other { closer.expect("it came first") } else { ctx.id() };
                ctx.broadcast(text(1));
                ctx.close_id(id, protocol::CloseFrame::normal("bye"));
                ctx.send_to(id, text(2));
                ctx.broadcast(text(2));
            }
            _ => {}
        });
        let mut bed = Bed::with(with(Deflate::takeover()), app);
        let (mut first, mut second) = (Peer::open(&mut bed, PLAIN), Peer::open(&mut bed, PLAIN));
        let (closed, other) = if by_other { (&mut first, &mut second) } else { (&mut second, &mut first) };
        if by_other {
            other.send(Message::Text("go"))
        } else {
            closed.send(Message::Text("go"))
        }
        bed.settle();
        let close = "Close(Some(CloseFrame { code: CloseCode(1000), reason: \"bye\" }))".to_owned();
        assert_eq!(closed.texts(), [text(1), close]);
        assert_eq!(other.texts(), [text(1), text(2)]);
    }
}

#[test]
fn a_message_after_a_connection_has_failed_is_not_sent_either() {
    let app = App::new(|ctx, call| {
        if let Call::Message(_) = call {
            ctx.broadcast(text(1));
            // One timer too many.
            ctx.after(std::time::Duration::from_secs(1));
            ctx.send(text(2));
            ctx.broadcast(text(2));
        }
    });
    let mut bed = Bed::with(Config { max_timers: 0, ..with(Deflate::takeover()) }, app);
    let (mut failed, mut other) = (Peer::open(&mut bed, PLAIN), Peer::open(&mut bed, PLAIN));
    failed.send(Message::Text("go"));
    bed.settle();
    let texts = failed.texts();
    assert!(texts.len() == 2 && texts[0] == text(1) && texts[1].contains("CloseCode(1008)"), "{texts:?}");
    assert_eq!(other.texts(), [text(1), text(2)]);
}
