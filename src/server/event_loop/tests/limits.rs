//! Memory in all, message rates, and what becomes of broadcasts to slow peers.

use super::*;
use crate::Deflate;
use crate::protocol::DEFLATE_AVAILABLE;

const KIB: usize = 1024;

/// The sizes of the binary messages that a client has received.
fn sizes(client: &mut Client) -> Vec<usize> {
    let size = |frame| if let Frame::Binary(bytes) = frame { Some(bytes.len()) } else { None };
    client.frames().into_iter().filter_map(size).collect()
}

/// A room of broadcasts with a member that takes nothing, one that takes all, and one that speaks.
fn room(slow: Slow) -> (Bed, [Client; 3]) {
    let mut bed = Bed::with(Config { slow, ..Config::default() }, App::broadcast());
    let [stuck, reader, speaker] = [bed.open(), bed.open(), bed.open()];
    stuck.limit(0);
    (bed, [stuck, reader, speaker])
}

#[test]
fn with_drop_a_slow_member_misses_what_finds_no_room_and_stays() {
    let (mut bed, [mut stuck, mut reader, speaker]) = room(Slow::Drop);
    for size in 1..=8 {
        speaker.frame(0x82, &vec![0; size * 100 * KIB]);
        bed.settle();
    }
    stuck.unlimit();
    bed.settle();
    assert_eq!(sizes(&mut reader), [1, 2, 3, 4, 5, 6, 7, 8].map(|size| size * 100 * KIB));
    // 1,000 KiB are owed with the fourth; none of the next fits.
    assert_eq!(sizes(&mut stuck), [1, 2, 3, 4].map(|size| size * 100 * KIB));
    assert_eq!(bed.stats().get(Count::SlowSkipped), 4);
    speaker.frame(0x82, b"again");
    bed.settle();
    assert_eq!(sizes(&mut stuck), [5]);
}

#[test]
fn with_latest_a_slow_member_gets_the_newest_and_nothing_of_its_own_is_lost() {
    for begun in [0, 1, 3000] {
        let (mut bed, [mut stuck, mut reader, speaker]) = room(Slow::Latest);
        stuck.limit(begun);
        for size in [5000, 6000, 7000] {
            speaker.frame(0x82, &vec![0; size]);
            bed.settle();
        }
        stuck.ping(b"?");
        bed.settle();
        speaker.frame(0x82, &[0; 8000]);
        bed.settle();
        stuck.unlimit();
        bed.settle();
        assert_eq!(sizes(&mut reader), [5000, 6000, 7000, 8000]);
        let frames = stuck.frames();
        assert!(frames.contains(&Frame::Pong(b"?".to_vec())), "{frames:?}");
        let got: Vec<_> =
            frames.iter().filter_map(|it| if let Frame::Binary(b) = it { Some(b.len()) } else { None }).collect();
        assert_eq!(got, if begun > 0 { vec![5000, 8000] } else { vec![8000] }, "{begun} bytes begun");
    }
}

#[test]
fn with_latest_a_slow_member_of_many_topics_gets_the_newest_of_each() {
    let app = || {
        App::new(|ctx, call| match call {
            Call::Open => (0..10).for_each(|topic| ctx.subscribe(&format!("topic {topic}"))),
            Call::Message(Message::Text(text)) => {
                let (topic, _) = text.split_once(' ').expect("a topic and a value");
                ctx.publish(&format!("topic {topic}"), text);
            }
            _ => {}
        })
    };
    let mut configs = vec![Config { slow: Slow::Latest, ..Config::default() }];
    if DEFLATE_AVAILABLE {
        configs.push(Config { deflate: Some(Deflate::takeover()), ..configs[0].clone() });
    }
    for config in configs {
        for in_one_turn in [true, false] {
            let mut bed = Bed::with(config.clone(), app());
            let (mut stuck, mut reader, speaker) = (bed.open(), bed.open(), bed.open());
            stuck.limit(0);
            for value in 0..5 {
                for topic in 0..10 {
                    speaker.text(&format!("{topic} {value}"));
                    if !in_one_turn {
                        bed.settle();
                    }
                }
            }
            bed.settle();
            assert_eq!(reader.texts().len(), 50);
            stuck.unlimit();
            bed.settle();
            let newest: Vec<_> = (0..10).map(|topic| format!("{topic} 4")).collect();
            assert_eq!(stuck.texts(), newest, "in one turn: {in_one_turn}");
        }
    }
    // The newest of each are too much together.
    let mut bed = Bed::with(Config { slow: Slow::Latest, ..Config::default() }, app());
    let (mut stuck, speaker) = (bed.open(), bed.open());
    stuck.limit(0);
    for topic in 0..10 {
        speaker.text(&format!("{topic} {}", "x".repeat(200 * KIB)));
        bed.settle();
    }
    stuck.unlimit();
    bed.settle();
    assert!(matches!(stuck.frames().last(), Some(Frame::Close(1013, _))));
}

#[test]
fn with_latest_one_who_is_owed_little_again_is_read_again() {
    let (mut bed, [mut stuck, _reader, speaker]) = room(Slow::Latest);
    speaker.frame(0x82, &vec![0; 300 * KIB]);
    bed.settle();
    stuck.frame(0x82, b"not read");
    bed.settle();
    assert_eq!(bed.log().iter().filter(|line| *line == "message #0.0").count(), 0);
    // The bytes that it is owed are dropped, and together are fewer than the low-water mark.
    speaker.frame(0x82, b"newest");
    bed.settle();
    let log = bed.log();
    assert!(log.contains(&"message #0.0".to_owned()) && log.contains(&"drained #0.0".to_owned()), "{log:?}");
    stuck.unlimit();
    bed.settle();
    assert_eq!(sizes(&mut stuck), [8]);
}

#[test]
fn with_latest_one_who_keeps_up_gets_everything() {
    let (mut bed, [_stuck, mut reader, speaker]) = room(Slow::Latest);
    for size in 1..50 {
        speaker.frame(0x82, &vec![0; size]);
    }
    bed.settle();
    assert_eq!(sizes(&mut reader), (1..50).collect::<Vec<_>>());
}

#[test]
fn above_the_ceiling_of_memory_the_largest_debtor_goes_and_nobody_else() {
    let mut bed = Bed::with(Config { max_memory: 1500 * KIB, ..Config::default() }, App::echo());
    let clients = bed.open_many(5);
    for (at, client) in clients.iter().enumerate() {
        client.limit(0);
        client.frame(0x82, &vec![0; (at + 1) * 100 * KIB]);
        bed.settle();
    }
    // 100 + ... + 500 KiB are 1,500, and some for the vectors that hold them.
    assert_eq!(bed.stats().get(Count::MemoryClosed), 1);
    let closed: Vec<_> = bed.log().into_iter().filter(|line| line.starts_with("close")).collect();
    assert_eq!(closed, ["close failed 1013 #4.0"]);
    for mut client in clients {
        client.unlimit();
        bed.settle();
        client.bytes().clear();
        client.finish();
    }
    bed.settle();
    bed.assert_empty();
    assert_eq!(bed.memory(), 0, "all of it is given back");
}

#[test]
fn short_of_memory_nobody_new_is_let_in() {
    let mut bed = Bed::with(Config { max_memory: 600 * KIB, ..Config::default() }, App::echo());
    let stuck = bed.open();
    stuck.limit(0);
    stuck.frame(0x82, &[0; 580 * KIB]);
    bed.settle();
    let mut late = bed.connect(&request("/"));
    bed.settle();
    assert!(late.response().is_some_and(|response| response.starts_with("HTTP/1.1 503")));
    stuck.unlimit();
    bed.settle();
    bed.open();
}

#[test]
fn half_messages_count_and_a_broadcast_counts_once_however_many_owe_it() {
    let mut bed = Bed::new(App::broadcast());
    let clients = bed.open_many(100);
    clients.iter().for_each(|client| client.limit(0));
    clients[0].frame(0x82, &[0; 200 * KIB]);
    bed.settle();
    let memory = bed.memory();
    assert!((200 * KIB..600 * KIB).contains(&memory), "{memory}");
    let half = bed.open();
    half.write(&masked(0x82, &[0; 40 * KIB])[..30 * KIB]);
    bed.settle();
    let more = bed.memory() - memory;
    assert!((29 * KIB..61 * KIB).contains(&more), "{more}");
    clients.into_iter().chain([half]).for_each(|client| client.reset());
    bed.settle();
    bed.assert_empty();
    assert_eq!(bed.memory(), 0);
}

#[test]
fn three_hundred_claims_of_the_limit_cost_less_than_5_mib() {
    let frame = masked(0x82, &vec![7; KIB * KIB]);
    for come in [14, 15, 114, 5000] {
        let mut bed = Bed::new(App::echo());
        let clients = bed.open_many(300);
        clients.iter().for_each(|client| client.write(&frame[..come]));
        bed.settle();
        let held = bed.memory();
        assert!(held < 5 * KIB * KIB, "{held} bytes for {come} of each");
        assert!(held > 0 && clients.iter().all(|client| !client.is_ended()));
    }
}

#[test]
fn a_half_message_takes_twice_its_bytes_at_most() {
    let frame = masked(0x82, &vec![7; KIB * KIB]);
    for piece in [700, 5000, 64 * KIB] {
        let mut bed = Bed::new(App::echo());
        let client = bed.open();
        let mut come = 0;
        for bytes in frame[..frame.len() - 1].chunks(piece) {
            client.write(bytes);
            bed.settle();
            come += bytes.len();
            // Its bookkeeping, and the queue of a peer, take memory however little has come.
            let held = bed.memory();
            assert!(held <= 2 * come + 512, "{held} bytes for {come}, in pieces of {piece}");
        }
    }
}

#[test]
fn more_messages_in_a_second_than_allowed_close_with_1008() {
    let mut bed = Bed::with(Config { max_message_rate: Some(10), ..Config::default() }, App::echo());
    let mut client = bed.open();
    for _ in 0..5 {
        (0..10).for_each(|_| client.text("x"));
        bed.settle();
        assert_eq!(client.texts().len(), 10);
        bed.pass(Duration::from_secs(1));
    }
    (0..12).for_each(|_| client.text("x"));
    bed.settle();
    let frames = client.frames();
    assert_eq!(frames.len(), 11, "ten answers and a Close");
    assert!(matches!(&frames[10], Frame::Close(1008, reason) if reason == "too many messages in a second"));
    assert_eq!(bed.stats().get(Count::RateLimited), 1);
}

#[test]
fn a_shutdown_over_a_span_spreads_the_closes() {
    let mut bed = Bed::new(App::echo());
    let mut clients = bed.open_many(200);
    bed.handle.shutdown(Shutdown { over: Duration::from_secs(10), ..Shutdown::default() });
    let mut told = vec![0];
    for second in 0..10 {
        bed.pass(Duration::from_secs(1));
        told.push(told[second] + clients.iter_mut().filter_map(|client| client.frames().pop()).count());
    }
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    assert!(told[1] < 60 && told[10] == 200, "{told:?}");
    assert!(bed.handle.is_stopping());
}
