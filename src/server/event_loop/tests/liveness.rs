//! Silence and half messages.

use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn pinged(client: &mut Client) -> bool {
    client.frames() == [Frame::Ping(Vec::new())]
}

#[test]
fn a_silent_peer_is_pinged_after_25_seconds_and_reset_20_seconds_later() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    bed.pass(seconds(24));
    assert_eq!(client.frames(), []);
    bed.pass(seconds(2));
    assert!(pinged(&mut client));
    bed.pass(seconds(18));
    assert!(!client.is_gone());
    bed.pass(seconds(3));
    assert!(client.is_reset() && client.frames().is_empty());
    assert_eq!(bed.log()[1..], ["error no sign of life after a ping #0.0", "close failed 1006 #0.0"]);
    bed.assert_empty();
}

#[test]
fn any_bytes_are_a_sign_of_life() {
    let half = masked(0x81, b"half");
    let signs: [&[u8]; 4] = [&masked(0x8A, b""), &masked(0x89, b""), &masked(0x81, b"text"), &half[..1]];
    for sign in signs {
        let mut bed = Bed::new(App::new(|_, _| {}));
        let mut client = bed.open();
        bed.pass(seconds(26));
        assert!(pinged(&mut client), "{sign:?}");
        bed.pass(seconds(18));
        client.write(sign);
        bed.pass(seconds(20));
        assert!(!client.is_gone(), "{sign:?}");
        client.frames();
        bed.pass(seconds(7));
        assert!(pinged(&mut client), "{sign:?}");
    }
}

#[test]
fn a_peer_that_takes_what_it_is_owed_is_alive_though_it_is_not_read() {
    let mut bed = Bed::new(App::echo());
    let client = bed.open();
    client.limit(0);
    (0..40).for_each(|_| client.frame(0x82, &[1; 8 * 1024]));
    for _ in 0..20 {
        client.limit(1000);
        bed.pass(seconds(5));
    }
    assert!(!client.is_gone());
}

#[test]
fn an_idle_server_sleeps_until_the_next_ping() {
    let mut bed = Bed::new(App::echo());
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(bed.open());
        bed.pass(Duration::from_millis(20));
    }
    // Of what has been and gone, such as time for the handshake, a look remains.
    let turns = bed.pass(seconds(20));
    assert!(turns <= 3, "{turns} turns in 20 s");
    assert!(clients.iter_mut().all(|client| client.frames().is_empty()));
}

#[test]
fn pings_that_are_due_at_about_the_same_time_are_sent_in_one_turn() {
    let config = Config { pong_timeout: seconds(1000), ..Config::default() };
    let mut bed = Bed::with(config, App::echo());
    let mut clients = Vec::new();
    for _ in 0..1000 {
        clients.push(bed.open());
        bed.network.advance(Duration::from_millis(10));
    }
    let turns = bed.pass(seconds(30));
    assert!(turns <= 60, "{turns} turns for pings that are due within 10 s");
    assert!(clients.iter_mut().all(pinged));
}

#[test]
fn timeouts_that_never_end_are_no_trouble() {
    let never = Duration::MAX;
    let config = Config {
        handshake_timeout: never,
        ping_interval: Some(never),
        pong_timeout: never,
        close_timeout: never,
        write_timeout: never,
        message_timeout: Some(never),
        ..Config::default()
    };
    let mut bed = Bed::with(config, App::echo());
    let silent = bed.connect("GET");
    let mut client = bed.open();
    client.limit(0);
    client.text("hello");
    client.write(&masked(0x81, b"half")[..3]);
    bed.settle();
    let id = bed.ids()[0];
    bed.handle.close_id(id, CloseFrame::normal("")).expect("room");
    assert!(bed.pass(seconds(100_000)) < 5);
    assert!(!silent.is_gone() && !client.is_gone());
    client.unlimit();
    bed.settle();
    assert_eq!(client.frames(), [Frame::Text("hello".to_owned()), Frame::Close(1000, String::new())]);
}

#[test]
fn a_message_that_stands_still_for_a_minute_is_1008() {
    let config = Config { ping_interval: None, ..Config::default() };
    for (first, size) in [(20, 100), (2000, 100_000), (100_000, 1_000_000)] {
        let mut bed = Bed::with(config.clone(), App::echo());
        let mut client = bed.open();
        client.write(&masked(0x82, &vec![0; size])[..first]);
        bed.pass(seconds(30));
        client.write(&[1; 10]);
        bed.pass(seconds(29));
        assert_eq!(client.frames(), []);
        // The bytes of the first minute may have been enough for it. They do not count for the next one.
        bed.pass(seconds(63));
        assert!(matches!(client.frames()[..], [Frame::Close(1008, _)]), "{first} of {size}");
    }
}

#[test]
fn a_message_that_gains_a_kibibyte_a_minute_may_take_its_time() {
    for size in [50_000, 1_000_000] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.open();
        let frame = masked(0x82, &vec![3; size]);
        let (first, rest) = frame.split_at(size - 20_000);
        client.write(first);
        for piece in rest.chunks(600) {
            bed.pass(seconds(20));
            client.write(piece);
        }
        bed.settle();
        let mut frames = client.frames();
        frames.retain(|frame| !matches!(frame, Frame::Ping(_)));
        assert!(frames == [Frame::Binary(vec![3; size])], "{size}: {} frames", frames.len());
    }
}

#[test]
fn a_message_must_gain_exactly_a_kibibyte_a_minute() {
    for (gained, closed) in [(1023, true), (1024, false)] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.open();
        let frame = masked(0x82, &[0; 100_000]);
        client.write(&frame[..100]);
        bed.pass(seconds(30));
        client.write(&frame[100..100 + gained]);
        bed.pass(seconds(32));
        assert_eq!(client.frames().iter().any(|it| matches!(it, Frame::Close(1008, _))), closed, "{gained}");
    }
}

#[test]
fn a_stream_of_short_messages_that_are_always_cut_is_no_unfinished_message() {
    let mut bed = Bed::new(App::new(|_, _| {}));
    let client = bed.open();
    let frame = masked(0x81, b"a message of some length");
    client.write(&frame[..9]);
    for _ in 0..30 {
        bed.pass(seconds(10));
        client.write(&frame[9..]);
        client.write(&frame[..9]);
    }
    bed.settle();
    assert_eq!(bed.log().len(), 31);
}

#[test]
fn a_message_that_is_not_read_because_its_peer_is_owed_much_is_not_late() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.open();
    client.limit(0);
    client.frame(0x01, b"a fragment");
    bed.settle();
    client.ping(b"");
    // The same from somebody who fills the queue.
    bed.handle.broadcast("/*", vec![0; 300_000]).expect("room");
    for _ in 0..40 {
        bed.pass(seconds(5));
        client.limit(10);
    }
    client.unlimit();
    client.frame(0x80, b" and its end");
    bed.settle();
    assert_eq!(client.frames().last(), Some(&Frame::Text("a fragment and its end".to_owned())));
}

#[test]
fn a_message_that_ends_with_the_budget_of_a_turn_is_finished() {
    let config = Config { ping_interval: None, ..Config::default() };
    let mut bed = Bed::with(config, App::new(|_, _| {}));
    let client = bed.open();
    let frame = masked(0x81, b"cut");
    client.write(&frame[..5]);
    bed.settle();
    client.write(&frame[5..]);
    (0..255).for_each(|_| client.text("x"));
    bed.pass(seconds(300));
    assert!(!client.is_ended());
}
