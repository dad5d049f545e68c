//! What is done in a turn.

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
        let sessions = &bed.server.core.sessions;
        let unfinished = |slot| sessions[slot].connection.as_ref().and_then(Connection::unfinished);
        inflated.push(sessions.taken().filter_map(unfinished).sum::<u64>() >> 10);
    }
    assert_eq!(inflated, [2048, 3072, 4096, 5120]);
}

#[test]
fn what_is_said_on_several_topics_travels_compressed_too() {
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
