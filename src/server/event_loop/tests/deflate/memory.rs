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
fn takeover_is_agreed_on_while_the_contexts_of_all_fit_into_half_of_the_memory() {
    let config = Config { max_memory: 7 * 320 * 1024, ..with(Deflate::takeover()) };
    let mut bed = Bed::with(config, App::broadcast());
    let mut peers: Vec<_> = (0..3).map(|_| Peer::open(&mut bed, PLAIN)).collect();
    listen(Level::Warn);
    peers.push(Peer::open(&mut bed, PLAIN));
    assert_said(&["without context takeover", "Config::max_memory (2293760)"]);
    peers.extend((4..8).map(|_| Peer::open(&mut bed, PLAIN)));
    let takes_over = |peer: &Peer| peer.agreed.client_context == protocol::ContextTakeover::Yes;
    let terms: Vec<_> = peers.iter().map(takes_over).collect();
    assert_eq!(terms, [true, true, true, false, false, false, false, false]);
    // Nobody has to go because of contexts: all are counted from the beginning.
    for number in 0..3 {
        peers[number].send(Message::Text(&text(number)));
        bed.settle();
        assert!(bed.memory() <= 7 * 160 * 1024);
        for peer in &mut peers {
            assert_eq!(peer.texts(), [text(number)]);
        }
    }
    // There is room again when one of them leaves.
    peers[0].client.reset();
    bed.settle();
    assert!(takes_over(&Peer::open(&mut bed, PLAIN)));
    assert!(!takes_over(&Peer::open(&mut bed, PLAIN)));
}
