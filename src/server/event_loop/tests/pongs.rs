//! Pongs for peers that do not read them.

use super::*;

#[test]
fn while_blocked_the_newest_pong_wins() {
    for style in [Style::Epoll, Style::Kqueue] {
        let mut bed = Bed::new(App::echo());
        bed.network.style(style);
        let mut client = bed.open();
        client.limit(3);
        client.text("text");
        ["a", "b", "c"].iter().for_each(|payload| client.ping(payload.as_bytes()));
        bed.settle();
        for payload in [b"d", b"e"] {
            client.ping(payload);
            bed.settle();
        }
        client.unlimit();
        bed.settle();
        // The first ones came in one batch with the text, before anybody knew that it would block.
        let frames = client.frames();
        assert_eq!(frames.first(), Some(&Frame::Text("text".to_owned())));
        assert_eq!(frames.last(), Some(&Frame::Pong(b"e".to_vec())));
        assert!(!frames.contains(&Frame::Pong(b"d".to_vec())), "{frames:?}");
        // From now on all are answered again.
        ["f", "g"].iter().for_each(|payload| client.ping(payload.as_bytes()));
        bed.settle();
        assert_eq!(client.frames(), [b"f", b"g"].map(|payload| Frame::Pong(payload.to_vec())), "{style:?}");
    }
}

#[test]
fn a_flood_of_pings_from_a_peer_that_reads_nothing_costs_one_pong() {
    let mut bed = Bed::new(App::echo());
    let client = bed.open();
    client.limit(0);
    client.text("text");
    bed.settle();
    let owed = bed.queued(0);
    for _ in 0..100 {
        (0..100).for_each(|_| client.ping(&[b'?'; 125]));
        bed.settle();
    }
    assert_eq!(bed.queued(0), owed);
}

#[test]
fn a_pong_that_waits_leaves_before_our_close_or_not_at_all() {
    let mut bed = Bed::new(App::new(|ctx, call| match call {
        Call::Message(Message::Text("close")) => ctx.close(CloseFrame::normal("")),
        Call::Message(message) => ctx.send(message),
        _ => {}
    }));
    let mut client = bed.open();
    client.limit(0);
    client.text("text");
    bed.settle();
    client.ping(b"?");
    bed.settle();
    client.text("close");
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames().last(), Some(&Frame::Close(1000, String::new())), "5.5.1: nothing after a Close");
}
