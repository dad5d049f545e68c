//! Broadcasts to a peer that does not accept them all: each policy, by the bytes that the peer gets in the end.

use super::*;
use crate::server::types::id::TopicKey;

/// Broadcasts behind each other, and where each begins.
struct Posts {
    bytes: Rc<SharedBytes>,
    starts: Vec<usize>,
}

impl Posts {
    fn new(frames: &[Vec<u8>]) -> Self {
        let starts = frames
            .iter()
            .scan(0, |at, bytes| {
                let start = *at;
                *at += bytes.len();
                Some(start)
            })
            .collect();
        Posts { bytes: Rc::new(SharedBytes::new(frames.concat())), starts }
    }

    /// The share of a member that gets all of them.
    fn all(&self) -> Share<'_> {
        Share::new(&self.bytes, 0..self.bytes.len(), self.starts.last().copied().unwrap_or_default(), TopicKey(0))
    }
}

fn config(slow: Slow) -> Config {
    Config { slow, low_water: 50, high_water: 100, max_queue: 200, ..Config::default() }
}

/// The frames of the wire, by their fill. Panics unless all of them are whole.
fn fills(mut wire: &[u8]) -> String {
    let mut fills = String::new();
    while !wire.is_empty() {
        let len = queue::frame_len(wire).unwrap();
        let (frame, rest) = wire.split_at(len);
        assert!(frame[4..].iter().all(|byte| *byte == frame[len - 1]));
        fills.push(char::from(frame[len - 1]));
        wire = rest;
    }
    fills
}

#[test]
fn broadcasts_without_room_are_skipped_but_for_the_rest_of_the_one_begun() {
    // (bytes that the socket accepts, lengths of the broadcasts, broadcasts that arrive, skips)
    let cases: [(usize, &[usize], &str, u64); 7] = [
        (0, &[60, 60, 60], "abc", 0),
        (0, &[60, 60, 60, 60], "abc", 1),
        // Below the high-water mark one of any size is taken.
        (0, &[60, 1000], "ab", 0),
        (0, &[60, 60, 1000], "ab", 1),
        // The second is begun, and has no room.
        (70, &[60, 1000, 1000], "ab", 1),
        (60, &[60, 60, 60, 60], "abcd", 0),
        (59, &[60, 60, 60, 60, 60], "abcd", 1),
    ];
    for (room, lens, expected, skipped) in cases {
        let env = env(config(Slow::Drop));
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
        let frames: Vec<Vec<u8>> = lens.iter().zip(b'a'..).map(|(&len, fill)| frame(len, fill)).collect();
        for bytes in &frames {
            let posts = Posts::new(std::slice::from_ref(bytes));
            let sent = output.send_posts(&mut socket, &posts.all(), &env).unwrap();
            assert_eq!(sent, if output.len() == 0 { Sent::All } else { Sent::Queued });
        }
        assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), expected, "{room} accepted, {lens:?}");
        assert_eq!(env.stats.get(Count::SlowSkipped), skipped, "{room} accepted, {lens:?}");
    }
}

#[test]
fn a_share_of_several_broadcasts_without_room_is_skipped_but_for_the_one_begun() {
    let frames = [b'a', b'b', b'c', b'd', b'e'].map(|fill| frame(60, fill));
    let posts = Posts::new(&frames);
    for room in 0..300 {
        let env = env(config(Slow::Drop));
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
        assert_eq!(output.send_posts(&mut socket, &posts.all(), &env).unwrap(), Sent::Queued);
        // 200 bytes fit, or the last one behind 100 bytes of others.
        let has_room = 300 - room <= 200;
        let expected = if has_room { 5 } else { room.div_ceil(60) };
        assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), "abcde"[..expected], "{room} accepted");
        assert_eq!(env.stats.get(Count::SlowSkipped), u64::from(!has_room), "{room} accepted");
    }
}

#[test]
fn with_latest_the_peer_gets_the_broadcast_begun_and_the_newest() {
    let frames = [frame(60, b'a'), frame(130, b'b'), frame(5000, b'c'), frame(70, b'd')];
    let posts = Posts::new(&frames);
    for room in (0..300).chain(5180..5260) {
        let env = env(config(Slow::Latest));
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
        let sent = output.send_posts(&mut socket, &posts.all(), &env).unwrap();
        let begun = posts.starts.iter().filter(|start| **start < room).count();
        let expected = if begun == 4 { "abcd".to_owned() } else { format!("{}d", &"abc"[..begun]) };
        assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), expected, "{room} accepted");
        let is_replaced = begun < 3;
        assert_eq!(sent, if is_replaced { Sent::Replaced } else { Sent::Queued }, "{room} accepted");
        assert_eq!(env.stats.get(Count::SlowSkipped), u64::from(is_replaced), "{room} accepted");
    }
}

#[test]
fn with_latest_a_newer_broadcast_replaces_queued_ones_but_nothing_of_the_peers_own() {
    let env = env(config(Slow::Latest));
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(10));
    // (broadcasts of a turn, an own frame behind them, the outcome, what is queued in the end)
    let turns = [(b'a', b'm', Sent::Queued), (b'b', b'n', Sent::Queued), (b'c', b'o', Sent::Replaced)];
    for (post, own, expected) in turns {
        let posts = Posts::new(&[frame(60, post)]);
        let sent = output.send_posts(&mut socket, &posts.all(), &env).unwrap();
        assert_eq!(sent, expected, "{}", char::from(post));
        output.send_always(&mut socket, &frame(20, own), &env).unwrap();
    }
    // The first broadcast was begun, so it is not replaced.
    assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), "amnco");
    assert_eq!(env.stats.get(Count::SlowSkipped), 1);
}

#[test]
fn with_latest_the_queue_stays_short_however_many_broadcasts_come() {
    let env = env(config(Slow::Latest));
    let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(10));
    for _ in 0..100 {
        let posts = Posts::new(&[frame(60, b'a'), frame(60, b'b')]);
        let _ = output.send_posts(&mut socket, &posts.all(), &env).unwrap();
    }
    assert_eq!(output.len(), 50 + 60);
}

#[test]
fn with_close_broadcasts_without_room_are_too_much_and_are_queued() {
    let frames = [b'a', b'b', b'c', b'd'].map(|fill| frame(60, fill));
    for (room, lens, expected) in
        [(0, 3, Sent::Queued), (0, 4, Sent::TooMuch), (40, 4, Sent::Queued), (39, 4, Sent::TooMuch)]
    {
        let env = env(config(Slow::Close));
        let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
        let posts = Posts::new(&frames[..lens]);
        let sent = output.send_posts(&mut socket, &posts.all(), &env).unwrap();
        assert_eq!(sent, expected, "{lens} broadcasts, {room} accepted");
        assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), "abcd"[..lens]);
        assert_eq!(env.stats.get(Count::SlowSkipped), 0);
    }
}

#[test]
fn a_share_may_begin_within_the_broadcasts_of_others() {
    let frames = [b'a', b'b', b'c', b'd'].map(|fill| frame(60, fill));
    let posts = Posts::new(&frames);
    for slow in [Slow::Close, Slow::Drop, Slow::Latest] {
        for room in 0..120 {
            let env = env(config(slow));
            let (mut output, mut socket) = (Output::default(), FakeSocket::with_room(room));
            let share = Share::new(&posts.bytes, 60..180, 120, TopicKey(0));
            let sent = output.send_posts(&mut socket, &share, &env).unwrap();
            let is_replaced = slow == Slow::Latest && room == 0;
            assert_eq!(sent, if is_replaced { Sent::Replaced } else { Sent::Queued }, "{slow:?}, {room}");
            let expected = if is_replaced { "c" } else { "bc" };
            assert_eq!(fills(&flush_all(&mut output, &mut socket, &env)), expected, "{slow:?}, {room}");
        }
    }
}
