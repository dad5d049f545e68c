//! Broadcasts and topics: who gets what, and in which order.

use super::*;

/// Obeys texts such as `send x`, `broadcast x`, `large x`, `publish topic x`, `subscribe topic`, several of them split by `;`.
pub(super) fn obedient() -> App {
    App::new(|ctx, call| {
        let Call::Message(Message::Text(text)) = call else { return };
        for order in text.split(';') {
            match *order.split(' ').collect::<Vec<_>>() {
                ["send", text] => ctx.send(text),
                ["broadcast", text] => ctx.broadcast(text),
                ["others", text] => ctx.broadcast_others(text),
                ["publish", topic, text] => ctx.publish(topic, text),
                ["subscribe", topic] => ctx.subscribe(topic),
                ["unsubscribe", topic] => ctx.unsubscribe(topic),
                ["large", text] => ctx.broadcast(text.repeat(300_000)),
                ["home", topic] => ctx.set_home(topic),
                ["close"] => ctx.close(CloseFrame::normal("")),
                ref other => panic!("{other:?}"),
            }
        }
    })
}

/// The messages of each client when these texts come in one turn, in this order.
fn outcome(clients: usize, texts: &[(usize, &str)]) -> Vec<Vec<String>> {
    let mut bed = Bed::new(obedient());
    let mut clients = bed.open_many(clients);
    for (from, text) in texts {
        clients[*from].text(text);
    }
    bed.turn();
    clients.iter_mut().map(Client::texts).collect()
}

#[test]
fn messages_to_a_connection_arrive_in_the_order_of_their_sending() {
    for (texts, expected) in [
        (&[(0, "broadcast a;send b")][..], [&["a", "b"][..], &["a"]]),
        (&[(0, "send a;broadcast b")], [&["a", "b"], &["b"]]),
        (&[(0, "send a;broadcast b;send c;broadcast d")], [&["a", "b", "c", "d"], &["b", "d"]]),
        // The clients' events come in the order of their connections.
        (&[(0, "broadcast a"), (1, "send b;broadcast c")], [&["a", "c"], &["a", "b", "c"]]),
        (&[(0, "send a;others b;send c"), (1, "send d;others e")], [&["a", "c", "e"], &["b", "d"]]),
    ] {
        assert_eq!(outcome(2, texts), expected, "{texts:?}");
    }
}

#[test]
fn subscriptions_hold_from_where_they_stand() {
    for (texts, expected) in [
        (&[(0, "publish t a;subscribe t;publish t b;unsubscribe t;publish t c")][..], [&["b"][..], &[]]),
        (&[(0, "subscribe t"), (1, "publish t a;subscribe t;publish t b")], [&["a", "b"], &["b"]]),
        (&[(0, "subscribe t;subscribe t"), (1, "publish t a;broadcast b;publish t c")], [&["a", "b", "c"], &["b"]]),
        (&[(0, "subscribe t;subscribe u"), (1, "publish u a;publish t b;publish v c")], [&["a", "b"], &[]]),
        // The topic that begins takes the place of the one that has ended.
        (&[(0, "subscribe t;publish t a;unsubscribe t"), (1, "subscribe u;publish u b")], [&["a"], &["b"]]),
        (&[(0, "unsubscribe t;publish t a")], [&[], &[]]),
    ] {
        assert_eq!(outcome(2, texts), expected, "{texts:?}");
    }
}

#[test]
fn each_gets_what_was_posted_to_its_topics_in_order_and_once() {
    let subscriptions = ["subscribe t", "subscribe u;subscribe t", "subscribe u;subscribe v", "send none"];
    let subscribe = subscriptions.into_iter().enumerate();
    for (texts, expected) in [
        // Messages that lie in one piece, and messages that do not.
        ("publish t a;publish u b", [&["a"][..], &["a", "b"], &["b"], &[]]),
        ("publish t a;publish v b;publish u c;publish t d", [&["a", "d"], &["a", "c", "d"], &["b", "c"], &[]]),
        ("publish u a;broadcast b;publish v c", [&["b"], &["a", "b"], &["a", "b", "c"], &["b"]]),
        ("publish u a;others b;publish v c;others d", [&["b", "d"], &["a", "b", "d"], &["a", "b", "c", "d"], &[]]),
        // Some of it has left before.
        ("publish v a;broadcast b;send c;publish u d", [&["b"], &["b", "d"], &["a", "b", "d"], &["b", "c"]]),
    ] {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(4);
        subscribe.clone().for_each(|(client, text)| clients[client].text(text));
        bed.settle();
        assert_eq!(clients[3].texts(), ["none"]);
        clients[1].calls();
        clients[3].text(texts);
        bed.settle();
        assert_eq!(clients.iter_mut().map(Client::texts).collect::<Vec<_>>(), expected, "{texts}");
        assert_eq!(clients[1].calls().sends, 1, "{texts}");
    }
}

#[test]
fn posts_to_topics_reach_stalled_clients_later_in_one_piece_or_not() {
    for texts in [
        "publish t a;publish t b;publish u c",
        "publish u c;publish t a;publish t b",
        "publish t a;publish u c;publish t b",
    ] {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(2);
        clients[0].text("subscribe t");
        clients[1].text("subscribe u");
        bed.settle();
        clients[0].limit(1);
        clients[1].text(texts);
        bed.settle();
        clients[0].unlimit();
        bed.settle();
        assert_eq!(clients[0].texts(), ["a", "b"], "{texts}");
    }
}

#[test]
fn many_subscriptions_come_and_go_in_any_order() {
    let mut bed = Bed::new(obedient());
    let mut clients = bed.open_many(3);
    // Each time another order: the number of topics is prime.
    let topics = |step: usize| (0..41).map(move |at| at * step % 41);
    let orders = |verb: &str, topics: &mut dyn Iterator<Item = usize>| {
        topics.map(|topic| format!("{verb} {topic}")).collect::<Vec<_>>().join(";")
    };
    for (client, step) in clients.iter().zip([3, 7, 11]) {
        client.text(&orders("subscribe", &mut topics(step)));
    }
    bed.settle();
    clients[0].text(&orders("unsubscribe", &mut topics(5).filter(|topic| topic % 2 == 0)));
    clients[1].text("close");
    bed.settle();
    clients[2].text(&(0..41).map(|topic| format!("publish {topic} {topic}")).collect::<Vec<_>>().join(";"));
    bed.settle();
    let odd: Vec<String> = (0..41).filter(|topic| topic % 2 == 1).map(|topic| topic.to_string()).collect();
    let all: Vec<String> = (0..41).map(|topic| topic.to_string()).collect();
    assert_eq!((clients[0].texts(), clients[2].texts()), (odd, all));
}

#[test]
fn others_are_all_but_the_sender() {
    assert_eq!(outcome(3, &[(1, "others a;broadcast b")]), [&["a", "b"][..], &["b"], &["a", "b"]]);
}

#[test]
fn a_broadcast_before_a_close_arrives_before_it_and_none_behind_it() {
    for orders in [
        "broadcast a;close",
        "broadcast a;close;broadcast b",
        "broadcast a;close;send b",
        "broadcast a;close;subscribe t",
    ] {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(2);
        clients[0].text(orders);
        clients[1].text("send c");
        bed.settle();
        let frames = clients[0].frames();
        assert_eq!(frames.first(), Some(&Frame::Text("a".to_owned())), "{orders}");
        assert_eq!(frames.last(), Some(&Frame::Close(1000, String::new())), "{orders}");
        let texts = clients[1].texts();
        assert_eq!((texts.first(), texts.last()), (Some(&"a".to_owned()), Some(&"c".to_owned())), "{orders}");
    }
}

#[test]
fn a_client_that_opens_after_a_post_does_not_get_it() {
    let mut bed = Bed::new(obedient());
    let (mut first, mut second) = (bed.open(), bed.connect(""));
    bed.settle();
    // Both in one turn, the first one first.
    first.text("broadcast a");
    second.write(request("/").as_bytes());
    bed.turn();
    assert_eq!(first.texts(), ["a"]);
    assert!(second.response().is_some());
    assert_eq!(second.frames(), []);
    second.text("broadcast b");
    bed.settle();
    assert_eq!((first.texts(), second.texts()), (vec!["b".to_owned()], vec!["b".to_owned()]));
}

#[test]
fn a_broadcast_stays_on_its_mount_and_a_topic_reaches_across_them() {
    let mut bed = Bed::of(Config::default(), vec![("/a", obedient()), ("/b", obedient())], Vec::new());
    let (mut a, mut b) = (bed.open_at("/a"), bed.open_at("/b"));
    b.text("subscribe t");
    bed.settle();
    a.text("broadcast here;publish t there");
    bed.settle();
    assert_eq!((a.texts(), b.texts()), (vec!["here".to_owned()], vec!["there".to_owned()]));
}

#[test]
fn a_broadcast_is_written_once_to_each_and_encoded_once() {
    let mut bed = Bed::new(obedient());
    let clients = bed.open_many(5);
    clients.iter().for_each(|client| _ = client.calls());
    (0..5).for_each(|n| clients[0].text(&format!("broadcast {n}")));
    bed.settle();
    assert!(clients.iter().all(|client| client.calls().sends == 1));
}

#[test]
fn the_queues_of_those_who_cannot_take_a_broadcast_share_its_bytes() {
    let mut bed = Bed::new(App::broadcast());
    let mut clients = bed.open_many(4);
    clients[1..].iter().enumerate().for_each(|(n, client)| client.limit(10 * n));
    let payload = vec![5; 50_000];
    clients[0].frame(0x82, &payload);
    bed.turn();
    let held: usize = bed.server.lines.shared.table.iter().map(|(slot, _)| bed.queued(slot)).sum();
    assert_eq!(held, 3 * 50_004 - 30);
    clients.iter().for_each(Client::unlimit);
    bed.settle();
    assert!(clients.iter_mut().all(|client| client.frames() == [Frame::Binary(payload.clone())]));
}

#[test]
fn a_member_that_fails_in_the_middle_of_a_broadcast_costs_nobody_else_the_message() {
    for victim in 1..6 {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(6);
        clients[victim].fail_sends(ErrorKind::ConnectionReset);
        clients[0].text("broadcast a");
        bed.settle();
        for (at, client) in clients.iter_mut().enumerate() {
            let expected = if at == victim { vec![] } else { vec!["a"] };
            assert_eq!(client.texts(), expected, "client {at} when {victim} fails");
            assert_eq!(client.is_gone(), at == victim);
        }
        let id = bed.ids()[victim];
        let log = bed.log();
        assert_eq!(log[7..], [format!("error connection reset {id}"), format!("close failed 1006 {id}")]);
    }
}

#[test]
fn members_that_fail_anywhere_in_a_long_list_cost_nobody_else_the_message() {
    // Members are copied from the list in pieces of 64, from its end.
    for victims in [&[0, 1][..], &[63, 64, 65], &[129], &[128, 129], &[1, 64, 65, 129], &[2, 66], &[65, 66, 67]] {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(130);
        clients[100].text("broadcast a");
        // Only writing to them fails: the loop learns of it in the middle of the delivery.
        victims.iter().for_each(|at| clients[*at].fail_sends(ErrorKind::ConnectionReset));
        bed.settle();
        for (at, client) in clients.iter_mut().enumerate() {
            let is_victim = victims.contains(&at);
            let expected = if is_victim { vec![] } else { vec!["a"] };
            assert_eq!(client.texts(), expected, "client {at} when {victims:?} fail");
            assert_eq!(client.is_gone(), is_victim);
        }
    }
}

#[test]
fn a_write_error_closes_its_peer_at_the_end_of_the_turn() {
    let mut bed = Bed::new(obedient());
    let mut clients = bed.open_many(3);
    clients[0].fail_sends(ErrorKind::BrokenPipe);
    clients[0].text("send a");
    clients[1].text("broadcast b");
    clients[2].text("send c");
    bed.turn();
    let [gone, _, last] = bed.ids()[..] else { panic!("three clients") };
    let log = bed.log();
    let at = |line: String| log.iter().position(|it| *it == line).expect("a line");
    assert!(at(format!("error broken pipe {gone}")) > at(format!("message {last}")), "{log:?}");
    assert!(clients[0].is_gone());
    assert_eq!((clients[1].texts(), clients[2].texts()), (vec!["b".to_owned()], vec!["b".into(), "c".into()]));
}

#[test]
fn a_broadcast_before_the_peers_close_arrives_before_the_answer_to_it() {
    for end in [&masked(0x88, &1000_u16.to_be_bytes()), &masked(0x83, b"")] {
        let mut bed = Bed::new(obedient());
        let mut clients = bed.open_many(2);
        clients[0].text("broadcast a");
        clients[1].write(end);
        bed.settle();
        let frames = clients[1].frames();
        assert_eq!((frames.len(), &frames[0]), (2, &Frame::Text("a".to_owned())));
    }
}
