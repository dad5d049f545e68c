//! The memory of compression contexts, and the connections that get one.

use log::Level;

use super::super::logs::{assert_said, listen};
use super::*;

#[test]
fn contexts_that_are_kept_count_as_memory_and_an_idle_connection_without_them_has_none() {
    for (deflate, least, most) in
        [(Deflate::default(), 0, 0), (Deflate::takeover(), Contexts::INFLATER + 264 * 1024, 320 * 1024)]
    {
        let mut bed = Bed::with(with(deflate), App::echo());
        let mut peers: Vec<_> = (0..10).map(|_| Peer::open(&mut bed, PLAIN)).collect();
        let reserved = bed.memory();
        assert!((10 * least..=10 * most).contains(&reserved), "{reserved} bytes");
        for peer in &mut peers {
            peer.send(Message::Text(&text(1)));
            bed.settle();
            assert_eq!(peer.texts(), [text(1)]);
        }
        // The contexts that are there now were counted before.
        let held = bed.memory();
        assert!((reserved..=reserved + 10 * 1024).contains(&held), "{held} bytes");
        assert_eq!(bed.connection(0).extra().is_some(), least > 0);
        for peer in &peers {
            peer.client.reset();
        }
        bed.settle();
        assert_eq!(bed.memory(), 0);
        bed.assert_empty();
    }
}

#[test]
fn contexts_are_agreed_on_while_those_of_all_fit_into_half_of_the_memory() {
    let config = Config { max_memory: 7 * 320 * 1024, ..with(Deflate::takeover()) };
    let mut bed = Bed::with(config, App::broadcast());
    listen(Level::Warn);
    let mut peers: Vec<_> = (0..4).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    assert_said(&["compressed without the server's context", "Config::max_memory (2293760)"]);
    peers.extend((4..6).map(|_| Peer::open(&mut bed, PLAIN)));
    assert_eq!(own_contexts(&bed), [true, true, true, false, false, false]);
    // None is asked to forget its context, which some would not do.
    assert!(peers.iter().all(|peer| peer.agreed.client_context == protocol::ContextTakeover::Yes));
    listen(Level::Warn);
    assert_eq!(answer(&mut bed, PLAIN), None);
    assert_said(&["not compressed", "Config::max_memory (2293760)"]);
    // This client forgets its context of its own accord, so the server needs no copy.
    peers.push(Peer::open(&mut bed, "permessage-deflate; client_no_context_takeover"));
    // Nobody has to go because of contexts: all are counted from the beginning.
    for number in 0..peers.len() {
        for _ in 0..2 {
            peers[number].send(Message::Text(&text(number)));
            bed.settle();
            assert!(bed.memory() <= 7 * 160 * 1024);
            for peer in &mut peers {
                assert_eq!(peer.texts(), [text(number)]);
            }
        }
    }
    // There is room again when one of them leaves.
    peers[0].client.reset();
    bed.settle();
    assert_eq!(answer(&mut bed, PLAIN).as_deref(), Some("permessage-deflate"));
}

/// The answer to an offer. The client stays.
fn answer(bed: &mut Bed, offer: &str) -> Option<String> {
    let mut client =
        bed.connect(&request("/").replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n")));
    bed.settle();
    let response = client.response().expect("a response");
    response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).map(str::to_owned)
}

/// Which connections have a context for the server's messages.
fn own_contexts(bed: &Bed) -> Vec<bool> {
    let extension = |slot| bed.connection(slot).websocket().and_then(|it| it.protocol.as_ref()?.extension());
    let has_one = |extension: Extension| extension.server_context == protocol::ContextTakeover::Yes;
    (0..6).map(|slot| extension(slot).is_some_and(has_one)).collect()
}
