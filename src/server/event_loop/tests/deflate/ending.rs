//! Connections that end while messages are inflated, or contexts kept.

use super::*;

#[test]
fn a_connection_that_is_over_gives_its_contexts_back_before_its_peer_leaves() {
    let mut bed = Bed::with(with(Deflate::takeover()), App::echo());
    let mut peers: Vec<_> = (0..2).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    for peer in &mut peers {
        peer.send(Message::Text(&text(1)));
    }
    bed.settle();
    let both = bed.memory();
    peers[0].client.frame(0xC9, b"a Ping that claims to be compressed");
    bed.settle();
    assert_eq!(bed.connections(), 2, "one of them has yet to leave");
    assert_eq!(bed.memory(), both / 2);
}

#[test]
fn no_more_are_closed_for_memory_than_have_to_be() {
    let mut bed = Bed::with(with(Deflate::takeover()), App::echo());
    let mut peers: Vec<_> = (0..8).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    for peer in &mut peers {
        peer.send(Message::Text(&text(1)));
    }
    bed.settle();
    // The contexts of the others take more, but were promised to them.
    let debtor = bed.open();
    debtor.write(&masked(0x02, &[b'x'; 200_000])[..200_000]);
    bed.settle();
    bed.server.lines.shared.env.config.max_memory = bed.memory() - 100 * 1024;
    peers[0].client.text("x");
    bed.settle();
    assert_eq!(bed.stats().get(Count::MemoryClosed), 1);
    assert!(bed.log().iter().any(|line| line.starts_with("close") && line.contains("#8.")), "{:?}", bed.log());
}

#[test]
fn no_more_of_those_who_wait_for_a_decision_are_closed_for_memory_than_have_to_be() {
    let app = App::echo().accepting(|_, request| match request.path() {
        "/" => Accept::Later,
        _ => Accept::yes(),
    });
    let mut bed = Bed::with(with(Deflate::takeover()), app);
    let head = request("/").replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {PLAIN}\r\n\r\n"));
    // Each has sent something before it was let in: a debt, beside what was promised to it.
    let early = head + &"x".repeat(3000);
    let _waiting = [0; 3].map(|_| bed.connect(&early));
    let mut plain = bed.open_at("/open");
    let memory = bed.memory();
    assert!(memory >= 3 * 300 * 1024, "{memory} bytes");
    bed.server.lines.shared.env.config.max_memory = memory - 100 * 1024;
    plain.text("x");
    bed.settle();
    assert_eq!(plain.texts(), ["x"]);
    assert_eq!(bed.connections(), 3, "it is enough that one of them goes");
    assert_eq!(bed.memory(), memory / 3 * 2);
}

#[test]
fn closed_while_it_is_inflated_a_message_goes_no_further_and_its_inflater_goes() {
    let mut deflater = Deflater::new(protocol::ContextTakeover::No, 15, DeflateOptions::default());
    let bomb = deflater.deflate(Message::Text(&large())).expect("it gets shorter").to_vec();
    let bombs = [&bomb[..], b"\x00\x00\xFF\xFF"].concat().repeat(100);
    let (whole, large) = (masked(0xC1, &bomb), masked(0xC1, &bombs));
    let (begun, rest) = large.split_at(70_000);
    let after = masked(0x81, b"what comes after it");
    let modes = [Deflate::default(), Deflate::takeover()];
    for (deflate, begun, rest) in modes.into_iter().flat_map(|it| [(it, &whole[..], &after[..]), (it, begun, rest)]) {
        let mut bed = Bed::with(with(deflate), App::echo());
        let mut peer = Peer::open(&mut bed, PLAIN);
        peer.client.write(begun);
        (0..3).for_each(|_| bed.turn());
        assert!(bed.memory() > 256 * 1024, "it is under way");
        bed.handle.close_id(bed.ids()[0], protocol::CloseFrame::normal("enough")).unwrap();
        // Nobody waits for a message that nobody will get: the loop is at rest until the peer answers.
        assert!(bed.settle() < 5);
        assert_eq!(peer.texts(), ["Close(Some(CloseFrame { code: CloseCode(1000), reason: \"enough\" }))"]);
        assert_eq!(bed.stats().get(Count::Inflated), 0);
        peer.client.write(rest);
        bed.settle();
        let protocol = bed.connection(0).websocket().and_then(|websocket| websocket.protocol.as_ref());
        assert!(protocol.is_some_and(|protocol| protocol.buffered() < 4096));
        peer.client.close(1000);
        bed.settle();
        assert_eq!(bed.log().last().map(String::as_str), Some("close local 1000 #0.0"));
        bed.assert_empty();
    }
}

#[test]
fn a_client_that_keeps_its_context_though_it_was_asked_not_to_is_named_with_the_way_out() {
    for (deflate, ends) in [(Deflate::default(), true), (Deflate::takeover(), false)] {
        let mut bed = Bed::with(with(deflate), App::echo());
        let mut peer = Peer::open(&mut bed, PLAIN);
        let keeping = Extension { client_context: protocol::ContextTakeover::Yes, ..peer.agreed };
        peer.deflater = Deflater::client(keeping, DeflateOptions::default());
        logs::listen(log::Level::Warn);
        (0..2).for_each(|_| peer.send(Message::Text(&text(1))));
        bed.settle();
        assert_eq!(peer.client.is_ended(), ends);
        if ends {
            logs::assert_said(&["closed with 1007", "client_no_context_takeover", "Config::deflate takeover"]);
        }
    }
}
