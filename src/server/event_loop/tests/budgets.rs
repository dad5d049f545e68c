//! How much of a turn one connection may have.

use super::*;

const KIB: usize = 1024;

/// Turns until nothing is left to do; after each, what was done with each client's socket.
fn turns(bed: &mut Bed, clients: &[Client]) -> Vec<Vec<Calls>> {
    clients.iter().for_each(|client| _ = client.calls());
    let mut turns = Vec::new();
    while !bed.is_quiet() {
        bed.turn();
        turns.push(clients.iter().map(Client::calls).collect());
    }
    turns
}

#[test]
fn an_echo_costs_one_read_and_one_write() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    client.calls();
    for _ in 0..3 {
        client.text("hello");
        assert_eq!(bed.settle(), 1);
        let calls = client.calls();
        assert_eq!((calls.receives, calls.sends), (1, 1));
        assert_eq!(client.texts(), ["hello"]);
    }
}

#[test]
fn sixteen_messages_at_once_are_answered_in_one_write() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    client.calls();
    let texts: Vec<_> = (0..16).map(|n| format!("message {n}")).collect();
    texts.iter().for_each(|text| client.text(text));
    bed.settle();
    let calls = client.calls();
    assert_eq!((calls.receives, calls.sends), (1, 1));
    assert_eq!(client.texts(), texts);
}

#[test]
fn flooding_clients_are_served_in_turn_and_a_mebibyte_at_a_time() {
    let mut bed = Bed::new(App::new(|_, _| {}));
    let clients = bed.open_many(32);
    let flood: Vec<u8> = (0..64).flat_map(|_| masked(0x82, &[1; 8 * KIB])).collect();
    clients.iter().for_each(|client| client.write(&flood));
    let mut total = vec![0; clients.len()];
    for (turn, calls) in turns(&mut bed, &clients).iter().enumerate() {
        let received: usize = calls.iter().map(|calls| calls.received).sum();
        // In the first turn each has an event of its own.
        assert!(turn == 0 || received <= 1024 * KIB + 64 * KIB, "{received} bytes in turn {turn}");
        total.iter_mut().zip(calls).for_each(|(total, calls)| *total += calls.received);
        let (least, most) = (total.iter().min(), total.iter().max());
        assert!(least.zip(most).is_some_and(|(least, most)| most - least <= 64 * KIB), "{total:?} after turn {turn}");
    }
    assert!(total.iter().all(|total| *total == flood.len()));
}

#[test]
fn a_bystander_is_answered_in_the_turn_of_its_message_beside_32_flooders() {
    let mut bed = Bed::new(App::echo());
    let flooders = bed.open_many(32);
    let mut bystander = bed.open();
    let flood: Vec<u8> = (0..64 * KIB).flat_map(|_| masked(0x81, b"x")).collect();
    flooders.iter().for_each(|client| client.write(&flood));
    for _ in 0..20 {
        bed.turn();
        bystander.text("me");
        bed.turn();
        assert_eq!(bystander.texts(), ["me"]);
    }
    assert!(flooders.iter().all(|flooder| flooder.unread() > 0), "the flood goes on");
}

#[test]
fn a_connection_reads_64_kib_in_a_turn() {
    let mut bed = Bed::new(App::new(|_, _| {}));
    let client = bed.open();
    for _ in 0..40 {
        client.frame(0x82, &[7; 8 * KIB]);
    }
    let unread = client.unread();
    let turns = turns(&mut bed, &[client]);
    for calls in turns.iter().flatten() {
        assert!(calls.received <= 64 * KIB && calls.receives <= 1, "{calls:?} in a turn");
    }
    assert_eq!(turns.iter().flatten().map(|calls| calls.received).sum::<usize>(), unread);
    assert_eq!(bed.log().len(), 41, "all messages came");
}

#[test]
fn pings_count_as_frames_of_the_budget() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    (0..600).for_each(|_| client.ping(b"?"));
    let mut answered = Vec::new();
    while !bed.is_quiet() {
        bed.turn();
        answered.push(client.frames().len());
    }
    assert_eq!(answered, [256, 256, 88]);
}

#[test]
fn a_connection_has_256_frames_handled_in_a_turn_and_they_stay_in_order() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    let texts: Vec<_> = (0..2000).map(|n| format!("{n}")).collect();
    // Half of them come while the first ones wait in the backlog.
    texts[..1000].iter().for_each(|text| client.text(text));
    bed.turn();
    assert_eq!(client.texts(), texts[..256]);
    texts[1000..].iter().for_each(|text| client.text(text));
    let mut answered = 256;
    while !bed.is_quiet() {
        bed.turn();
        let got = client.texts();
        assert!(got.len() <= 256, "{} in a turn", got.len());
        assert_eq!(got, texts[answered..answered + got.len()]);
        answered += got.len();
    }
    assert_eq!(answered, 2000);
}

#[test]
fn a_large_message_of_its_own_is_received_by_256_kib_a_turn() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    // The second one is received in a buffer that the first has left.
    for seed in 0..2 {
        let payload: Vec<u8> = (0..KIB * KIB).map(|at| (at % 251 + seed) as u8).collect();
        client.frame(0x82, &payload);
        client.calls();
        let mut turns = 0;
        while !bed.is_quiet() {
            bed.turn();
            turns += 1;
            let calls = client.calls();
            assert!(calls.received <= 256 * KIB, "{calls:?} in a turn");
        }
        assert!(turns <= 8, "{turns} turns for a message");
        assert!(client.frames() == [Frame::Binary(payload)]);
    }
}

#[test]
fn a_connection_is_written_256_kib_of_its_queue_in_a_turn() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(_) = call {
            (0..900).for_each(|n| ctx.send(vec![n as u8; 1000]));
        }
    }));
    let mut client = bed.open();
    client.limit(0);
    client.text("go");
    bed.settle();
    client.unlimit();
    for calls in turns(&mut bed, std::slice::from_ref(&client)).iter().flatten() {
        assert!(calls.sent <= 256 * KIB, "{calls:?} in a turn");
    }
    assert_eq!(client.frames().len(), 900);
}

#[test]
fn a_burst_of_posts_leaves_by_256_kib_at_a_time() {
    let mut bed = Bed::new(App::broadcast());
    let mut clients = bed.open_many(41);
    clients[40].calls();
    clients[..40].iter().for_each(|client| client.frame(0x82, &[3; 60 * KIB]));
    bed.turn();
    // One write for 5 frames, which are more than 256 KiB.
    assert_eq!(clients[40].calls().sends, 8);
    assert_eq!(clients[40].frames().len(), 40);
}

#[test]
fn a_batch_ends_when_it_has_posted_256_kib() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Message(_) = call {
            ctx.broadcast(vec![4; 200 * KIB]);
        }
    }));
    let mut client = bed.open();
    (0..10).for_each(|_| client.text("more"));
    let mut turns = 0;
    while !bed.is_quiet() {
        bed.turn();
        turns += 1;
        assert!(client.frames().len() <= 2);
    }
    assert_eq!(turns, 5);
}
