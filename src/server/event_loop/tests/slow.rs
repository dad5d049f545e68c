//! Peers that take less than they are sent.

use super::*;

const KIB: usize = 1024;

/// Says to all that are connected what it is told, and to one who asks `N SIZE`, N binary messages of a size.
fn generous() -> App {
    App::new(|ctx, call| {
        let Call::Message(message) = call else { return };
        match message {
            Message::Text(text) => {
                let (count, size) = text.split_once(' ').expect("a count and a size");
                let size: usize = size.parse().expect("a size");
                for n in 0..count.parse::<usize>().expect("a count") {
                    ctx.send(vec![n as u8; size]);
                }
            }
            message => ctx.broadcast(message),
        }
    })
}

fn sizes(frames: Vec<Frame>) -> Vec<usize> {
    let size = |frame| match frame {
        Frame::Binary(bytes) => bytes.len(),
        other => panic!("{other:?}"),
    };
    frames.into_iter().map(size).collect()
}

#[test]
fn a_peer_that_is_owed_much_is_not_read_until_it_is_owed_little() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    client.limit(0);
    (0..100).for_each(|_| client.frame(0x82, &[1; 8 * KIB]));
    bed.settle();
    let session = |bed: &Bed| bed.queued(0);
    let owed = session(&bed);
    assert!((256 * KIB..256 * KIB + 64 * KIB + 100).contains(&owed), "{owed}");
    let unread = client.unread();
    assert!(unread > 400 * KIB);
    // News of any kind change nothing.
    client.frame(0x82, b"more");
    client.spurious();
    bed.settle();
    assert!(client.unread() > unread);
    // Nor does a queue that is not short yet.
    client.limit(owed - 64 * KIB - 1);
    bed.settle();
    assert_eq!((session(&bed), client.calls().received > 0), (64 * KIB + 1, true));
    bed.log();
    client.limit(1);
    bed.settle();
    assert!(client.calls().received > 0, "it is read again");
    assert_eq!(bed.log().iter().filter(|line| line.starts_with("drain")).count(), 1);
    client.unlimit();
    bed.settle();
    assert_eq!(sizes(client.frames()), [vec![8 * KIB; 100], vec![4]].concat());
}

#[test]
fn a_paused_peer_is_read_again_by_the_flush_that_ends_its_pause() {
    let mut bed = Bed::new(App::echo());
    // An event tells one change alone: that there is room, not what there is to read.
    bed.network.style(Style::Kqueue);
    let mut client = bed.open();
    client.limit(0);
    (0..100).for_each(|_| client.frame(0x82, &[1; 8 * KIB]));
    bed.settle();
    assert!(client.unread() > 0);
    client.unlimit();
    bed.settle();
    assert_eq!((client.unread(), client.frames().len()), (0, 100));
}

#[test]
fn drained_is_called_once_each_time_the_queue_was_long() {
    let mut bed = Bed::new(generous());
    let client = bed.open();
    for _ in 0..3 {
        bed.log();
        client.limit(0);
        client.text("300 1000");
        bed.settle();
        (0..5).for_each(|_| {
            client.limit(100 * KIB);
            bed.settle();
        });
        assert_eq!(bed.log(), ["message #0.0", "drained #0.0"]);
        client.limit(0);
        client.text("100 1000");
        bed.settle();
        client.unlimit();
        bed.settle();
        assert_eq!(bed.log(), ["message #0.0"]);
    }
}

#[test]
fn a_slow_consumer_gets_the_frame_it_has_begun_and_1013() {
    // The bytes that it takes before it stalls: nothing, a part of a header, of a payload, a frame, more than one.
    for taken in [0, 1, 3, 4, 10_000, 10_003, 10_004, 10_005, 50_000] {
        let mut bed = Bed::new(generous());
        let mut clients = bed.open_many(3);
        clients[1].limit(taken);
        for _ in 0..120 {
            clients[0].frame(0x82, &[1; 10_000]);
            bed.turn();
        }
        let slow = bed.ids()[1];
        let log: Vec<_> = bed.log().into_iter().filter(|line| line.ends_with(&slow.to_string())).collect();
        let expected = ["open", "error slow consumer", "close failed 1013"].map(|what| format!("{what} {slow}"));
        assert_eq!(log, expected);
        clients[1].unlimit();
        bed.settle();
        let mut frames = clients[1].frames();
        assert_eq!(frames.pop(), Some(Frame::Close(1013, "slow consumer".to_owned())), "after {taken}");
        assert_eq!(sizes(frames), vec![10_000; taken.div_ceil(10_004)], "after {taken}");
        assert!(clients[1].is_ended() && clients[1].bytes().is_empty());
        for at in [0, 2] {
            assert_eq!(sizes(clients[at].frames()), [10_000; 120], "those who keep up are not affected");
        }
    }
}

#[test]
fn a_slow_consumer_of_its_own_replies_gets_1013_too() {
    for taken in [0, 2, 50_000, 100_000] {
        let mut bed = Bed::new(generous());
        let mut client = bed.open();
        client.limit(taken);
        client.text("40 30000");
        client.text("1 1");
        bed.settle();
        client.unlimit();
        bed.settle();
        let mut frames = client.frames();
        assert_eq!(frames.pop(), Some(Frame::Close(1013, "slow consumer".to_owned())), "after {taken}");
        assert_eq!(sizes(frames), vec![30_000; taken.div_ceil(30_004)], "after {taken}");
    }
}

#[test]
fn a_slow_consumer_that_takes_nothing_more_is_reset() {
    let mut bed = Bed::new(generous());
    let client = bed.open();
    client.limit(100);
    client.text("40 30000");
    bed.settle();
    bed.pass(Duration::from_secs(4));
    assert!(!client.is_gone());
    bed.pass(Duration::from_secs(3));
    assert!(client.is_reset());
    bed.assert_empty();
}

#[test]
fn a_slow_consumer_is_told_so_though_it_breaks_a_rule_or_its_handler_panics_next() {
    for text in ["send and panic", "send"] {
        let narrow = Config { high_water: 2000, low_water: 500, max_queue: 8000, ..Config::default() };
        let mut bed = Bed::with(
            narrow,
            App::new(|ctx, call| {
                if let Call::Message(message) = call {
                    (0..3).for_each(|_| ctx.send(vec![1; 3000]));
                    assert_eq!(message, Message::Text("send"), "a panic that is planned");
                }
            }),
        );
        let mut client = bed.open();
        client.limit(10);
        client.write(&[masked(0x81, text.as_bytes()), masked(0x83, b"reserved")].concat());
        bed.settle();
        client.unlimit();
        bed.settle();
        let frames = client.frames();
        assert_eq!(frames.last(), Some(&Frame::Close(1013, "slow consumer".to_owned())), "{text}");
        assert_eq!(frames.len(), 2, "the frame that had been begun, and the Close");
        let id = bed.ids()[0];
        assert_eq!(bed.log()[2..], [format!("error slow consumer {id}"), format!("close failed 1013 {id}")]);
    }
}

#[test]
fn a_short_queue_takes_one_more_frame_of_any_size() {
    // Alone, behind others in the same write, and with a socket that takes a part of it.
    for (room, orders) in [(0, &["1 1000000"][..]), (0, &["1 262000", "1 1000000"]), (7, &["5 50000", "1 1048576"])] {
        let mut bed = Bed::new(generous());
        let mut client = bed.open();
        client.limit(room);
        orders.iter().for_each(|order| client.text(order));
        bed.settle();
        let owed = bed.queued(0);
        client.unlimit();
        bed.settle();
        assert!(owed > 1_000_000);
        assert_eq!(client.frames().len(), if orders.len() == 1 { 1 } else { sizes_of(orders) }, "{orders:?}");
    }
}

#[test]
fn a_queue_takes_a_mebibyte_and_not_a_byte_more() {
    // 256 KiB and a byte, with which the exception for short queues ends, and then up to the limit.
    for (more, closed) in [(1024 * KIB - 256 * KIB - 1 - 10, false), (1024 * KIB - 256 * KIB - 10, true)] {
        let mut bed = Bed::new(App::new(|_, _| {}));
        let mut client = bed.open();
        client.limit(0);
        bed.handle.send(bed.ids()[0], vec![0; 256 * KIB + 1 - 10]).expect("room");
        bed.settle();
        assert_eq!(bed.queued(0), 256 * KIB + 1);
        bed.handle.send(bed.ids()[0], vec![0; more]).expect("room");
        bed.settle();
        client.unlimit();
        bed.settle();
        assert_eq!(client.frames().last() == Some(&Frame::Close(1013, "slow consumer".to_owned())), closed, "{more}");
    }
}

#[test]
fn a_slow_consumer_is_told_of_when_the_turn_is_over() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(Message::Text("fill")) = call {
            let slow = ConnectionId { slot: 1, ..ctx.id() };
            (0..13).for_each(|_| ctx.send_to(slow, [0; 100_000]));
        }
    }));
    let clients = bed.open_many(3);
    clients[1].limit(0);
    bed.log();
    // Its queue is too long after the first message; the second one is handled behind that, in the same turn.
    clients[0].text("fill");
    clients[2].text("later");
    bed.turn();
    assert_eq!(bed.log(), ["message #0.0", "message #2.0", "error slow consumer #1.0", "close failed 1013 #1.0"]);
}

fn sizes_of(orders: &[&str]) -> usize {
    orders.iter().map(|order| order.split(' ').next().map_or(0, |count| count.parse().unwrap_or(0))).sum()
}

#[test]
fn with_narrow_limits_a_frame_half_on_the_wire_is_finished() {
    let config = Config { low_water: 100, high_water: 400, max_queue: 1000, ..Config::default() };
    for taken in 0..3000 {
        if taken % 50 > 5 {
            continue;
        }
        let mut bed = Bed::with(config.clone(), generous());
        let mut client = bed.open();
        client.limit(taken);
        client.text("10 300");
        bed.settle();
        client.unlimit();
        bed.settle();
        let mut frames = client.frames();
        let closed = frames.pop_if(|frame| matches!(frame, Frame::Close(1013, _))).is_some();
        assert_eq!(closed, 10 * 304 - taken > 1000 && taken < 3040, "after {taken}");
        let expected = if closed { taken.div_ceil(304) } else { 10 };
        assert_eq!(sizes(frames), vec![300; expected], "after {taken}");
        assert!(client.bytes().is_empty());
    }
}

#[test]
fn a_peer_that_takes_nothing_for_thirty_seconds_is_reset() {
    let mut bed = Bed::new(generous());
    let client = bed.open();
    client.limit(0);
    client.text("1 1000");
    bed.pass(Duration::from_secs(29));
    client.limit(1);
    bed.pass(Duration::from_secs(29));
    assert!(!client.is_gone(), "a byte is progress");
    bed.pass(Duration::from_secs(2));
    assert!(client.is_reset());
    assert_eq!(bed.log()[2..], ["error peer accepts no bytes #0.0", "close failed 1006 #0.0"]);
    bed.assert_empty();
}

#[test]
fn a_client_that_is_blocked_from_its_first_byte_has_all_of_the_write_timeout() {
    let app = App::new(|ctx, call| {
        if let Call::Open = call {
            ctx.send("welcome");
        }
    });
    let mut bed = Bed::with(Config { write_timeout: Duration::from_secs(10), ..Config::default() }, app);
    bed.pass(Duration::from_secs(60));
    let mut client = bed.connect(&request("/"));
    client.limit(0);
    bed.pass(Duration::from_secs(9));
    assert!(!client.is_gone());
    client.unlimit();
    bed.settle();
    assert!(client.response().is_some());
    assert_eq!(client.texts(), ["welcome"]);
}

#[test]
fn a_peer_that_was_spared_a_broadcast_has_all_of_it_for_what_it_is_sent_then() {
    let write_timeout = Duration::from_secs(10);
    let config =
        Config { slow: Slow::Drop, low_water: 50, high_water: 100, max_queue: 400, write_timeout, ..Config::default() };
    let mut bed = Bed::with(config, App::echo());
    let mut client = bed.open();
    bed.pass(Duration::from_secs(20));
    client.limit(0);
    (0..2).for_each(|_| bed.handle.broadcast("/*", vec![0; 300]).expect("room"));
    bed.settle();
    assert_eq!(bed.queued(0), 0, "both are skipped");
    bed.handle.send(bed.ids()[0], "hello").expect("room");
    bed.pass(Duration::from_secs(9));
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames().first(), Some(&Frame::Text("hello".to_owned())));
}

#[test]
fn the_ceiling_of_memory_holds_though_nobody_says_anything() {
    let mut bed = Bed::with(Config { max_memory: 1000 * KIB, ..Config::default() }, App::echo());
    let clients = bed.open_many(3);
    clients[1..].iter().for_each(|client| client.limit(0));
    for _ in 0..3 {
        for id in &bed.ids()[1..] {
            bed.handle.send(*id, vec![0; 200 * KIB]).expect("room");
        }
        bed.settle();
        assert!(bed.memory() <= 1000 * KIB);
    }
    assert_eq!(clients.iter().filter(|client| client.is_gone()).count(), 1);
}

#[test]
fn a_low_water_mark_above_the_high_one_ends_a_pause_with_the_next_flush() {
    let mut bed = Bed::with(Config { high_water: KIB, low_water: 64 * KIB, ..Config::default() }, App::echo());
    let mut client = bed.open();
    client.limit(0);
    (0..50).for_each(|_| client.frame(0x82, &[1; 8 * KIB]));
    bed.settle();
    client.limit(100);
    bed.settle();
    client.unlimit();
    bed.settle();
    assert_eq!(sizes(client.frames()), [8 * KIB; 50]);
}
