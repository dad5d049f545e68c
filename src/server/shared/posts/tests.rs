//! A turn's posts, without members to deliver them to.

use super::*;
use crate::protocol::testing::unmasked;
use crate::server::types::config::Deflate;

const NEWS: TopicKey = TopicKey(1);
const OTHERS: TopicKey = TopicKey(2);

fn compressor() -> Compressor {
    let mut compressor = Compressor::new(Some(Deflate::default()));
    compressor.begin_turn();
    compressor
}

/// Posts of these lengths.
fn posts(lens: &[usize]) -> Posts {
    let mut posts = Posts::default();
    lens.iter().for_each(|len| posts.post(NEWS, Message::Text(&"a".repeat(*len)), None));
    posts
}

#[test]
fn posts_lie_behind_each_other_as_frames_and_know_their_topics() {
    let mut posts = Posts::default();
    assert!(posts.is_empty());
    let id = ConnectionId { slot: 3, generation: 7 };
    posts.post(NEWS, Message::Text("text"), None);
    posts.post(OTHERS, Message::Binary(&[0; 300]), Some(id));
    posts.post_frame(NEWS, b"\x81\x05frame");
    assert!(!posts.is_empty());
    let frames = [unmasked(0x81, b"text"), unmasked(0x82, &[0; 300]), unmasked(0x81, b"frame")];
    for (at, frame) in frames.iter().enumerate() {
        assert!(posts.frame(at) == frame, "{at}");
    }
    assert_eq!(posts.frame(3), b"", "there is no such post");
    assert!(posts.bytes[..] == frames.concat());
    let log: Vec<_> = posts.log.iter().map(|post| (post.topic, post.except)).collect();
    assert_eq!(log, [(NEWS, None), (OTHERS, Some(id)), (NEWS, None)]);
}

#[test]
fn posts_are_many_when_their_frames_are() {
    // A frame of this length has a header of 10 bytes.
    for (len, are_many) in [(1000, false), (MANY - 10, false), (MANY - 9, true)] {
        assert_eq!(posts(&[len]).are_many(), are_many, "{len}");
    }
    assert!(posts(&[MANY / 2, MANY / 2]).are_many());
}

#[test]
fn a_connection_is_special_from_its_note_on_and_has_seen_the_posts_that_it_skips() {
    let mut posts = Posts::default();
    // With no post to miss, nothing is noted.
    posts.skip(4);
    assert!(!posts.is_special(4));
    posts.post_frame(NEWS, b"\x81\x00");
    posts.post_frame(NEWS, b"\x81\x00");
    posts.note_special(5);
    posts.skip(6);
    posts.post_frame(NEWS, b"\x81\x00");
    // A note changes nothing for a connection that has seen some.
    posts.note_special(6);
    for (slot, is_special, seen) in [(4, false, 0), (5, true, 0), (6, true, 2)] {
        assert_eq!((posts.is_special(slot), posts.seen(slot)), (is_special, seen), "{slot}");
    }
    posts.skip(5);
    posts.skip(6);
    assert_eq!([4, 5, 6].map(|slot| posts.seen(slot)), [0, 3, 3]);
    posts.clear();
    assert_eq!([4, 5, 6].map(|slot| (posts.is_special(slot), posts.seen(slot))), [(false, 0); 3]);
}

#[test]
fn clear_forgets_all_posts_and_keeps_a_buffer_unless_it_is_large_or_shared() {
    for (lens, is_kept) in [(&[1000, 2000][..], true), (&[KEPT + 1], false), (&[KEPT / 2, KEPT / 2, KEPT / 2], false)] {
        let mut posts = posts(lens);
        posts.all_compressed(15, &mut Compressor::new(None), &Stats::default());
        posts.clear();
        assert!(posts.is_empty() && posts.bytes.is_empty() && posts.copies[6].bytes.is_empty(), "{lens:?}");
        let buffers = [&mut posts.bytes, &mut posts.copies[6].bytes];
        let kept = buffers.map(|bytes| unshared(bytes).capacity() > 0);
        assert_eq!(kept, [is_kept; 2], "{lens:?}");
        assert_eq!(posts.frame(0), b"", "{lens:?}");
        assert_eq!(posts.compressed(0, 15, &mut Compressor::new(None), &Stats::default()), b"", "{lens:?}");
    }
}

#[test]
fn a_queue_that_shares_the_bytes_keeps_them_as_they_are() {
    let mut posts = posts(&[3]);
    let (copied, _) = posts.all_compressed(15, &mut Compressor::new(None), &Stats::default());
    let shared = Rc::clone(&posts.bytes);
    posts.clear();
    posts.post(NEWS, Message::Text("b"), None);
    assert_eq!((&shared[..], &copied[..]), (&b"\x81\x03aaa"[..], &b"\x81\x03aaa"[..]));
    assert_eq!((&posts.bytes[..], posts.frame(0)), (&b"\x81\x01b"[..], &b"\x81\x01b"[..]));
}

#[test]
fn without_compression_a_copy_has_the_same_frames_and_names_the_newest() {
    let (mut posts, mut plain, stats) = (posts(&[100, 0, 300]), Compressor::new(None), Stats::default());
    for at in 0..3 {
        let expected = posts.frame(at).to_vec();
        // The budget of a turn has not begun, so nothing is compressed.
        assert_eq!(posts.compressed(at, 12, &mut plain, &stats), expected);
    }
    let (bytes, newest) = posts.all_compressed(12, &mut plain, &stats);
    assert_eq!((&bytes[..], newest), (&posts.bytes[..], 104));
    assert_eq!(posts.compressed(3, 12, &mut plain, &stats), b"", "there is no such post");
    assert_eq!(Posts::default().all_compressed(12, &mut plain, &stats).1, 0);
    let mut one = Posts::default();
    one.post_frame(NEWS, b"\x81\x01a");
    assert_eq!(one.all_compressed(9, &mut plain, &stats).1, 0, "the only one is the newest");
}

#[test]
fn a_copy_that_a_queue_shares_is_not_made_anew_for_the_next_member() {
    let (mut posts, mut plain, stats) = (posts(&[100, 200]), Compressor::new(None), Stats::default());
    let (first, _) = posts.all_compressed(15, &mut plain, &stats);
    let (second, _) = posts.all_compressed(15, &mut plain, &stats);
    assert!(Rc::ptr_eq(&first, &second));
}

#[test]
fn no_copy_is_made_for_a_window_that_does_not_exist() {
    let (mut posts, stats) = (posts(&[1000]), Stats::default());
    for window_bits in [0, 8, 16, 255] {
        assert_eq!(posts.compressed(0, window_bits, &mut compressor(), &stats), b"", "{window_bits}");
        assert!(posts.all_compressed(window_bits, &mut compressor(), &stats).0.is_empty(), "{window_bits}");
    }
}

#[test]
fn a_frame_of_ours_is_split_into_its_opcode_and_its_payload() {
    assert_eq!(split(b"\x81\x02hi"), Some((Opcode::Text, &b"hi"[..])));
    assert_eq!(split(&unmasked(0x82, &[7; 300])), Some((Opcode::Binary, &[7; 300][..])));
    assert_eq!((split(b"\x81"), split(b"\x83\x00")), (None, None));
}

#[cfg(feature = "deflate")]
mod deflate {
    use super::*;
    use crate::protocol::{Connection, Event, Extension, Limits};
    use crate::server::types::stats::Count;

    /// The messages in the frames of a server, as a client gets them. Each of them is inflated by itself.
    fn messages(frames: &[&[u8]]) -> Vec<String> {
        let mut messages = Vec::new();
        for frame in frames {
            let mut client =
                Connection::client(Limits::default(), || [1, 2, 3, 4]).with_extension(Extension::default());
            let mut bytes = frame.to_vec();
            match client.receive(&mut &mut bytes[..], &mut Vec::new()).unwrap() {
                Some(Event::Message(Message::Text(text))) => messages.push(text.to_owned()),
                event => panic!("{event:?}"),
            }
        }
        messages
    }

    #[test]
    fn each_post_is_compressed_once_for_a_window_however_many_connections_get_it() {
        let (mut posts, mut compressor, stats) = (posts(&[1000, 10, 2000]), compressor(), Stats::default());
        for window_bits in [15, 9, 15, 9] {
            for at in [2, 0, 1] {
                assert!(!posts.compressed(at, window_bits, &mut compressor, &stats).is_empty());
            }
        }
        // The short one is sent as it is.
        assert_eq!(stats.get(Count::Deflated), 4);
        assert_eq!(stats.get(Count::DeflatedFrom), 2 * 3000);
        // A later post is added to the copies, which are not made anew.
        posts.post(NEWS, Message::Text(&"b".repeat(500)), None);
        posts.all_compressed(15, &mut compressor, &stats);
        assert_eq!((stats.get(Count::Deflated), stats.get(Count::DeflatedFrom)), (5, 6500));
        posts.all_compressed(9, &mut compressor, &stats);
        posts.all_compressed(9, &mut compressor, &stats);
        assert_eq!((stats.get(Count::Deflated), stats.get(Count::DeflatedFrom)), (6, 7000));
    }

    #[test]
    fn a_copy_has_all_messages_in_their_order_each_compressed_by_itself() {
        let (mut posts, mut compressor, stats) = (posts(&[1000, 10, 2000]), compressor(), Stats::default());
        let expected: Vec<String> = [1000, 10, 2000].map(|len| "a".repeat(len)).into();
        for window_bits in 9..=15 {
            let frames: Vec<Vec<u8>> =
                (0..3).map(|at| posts.compressed(at, window_bits, &mut compressor, &stats).to_vec()).collect();
            assert!(frames.iter().all(|frame| frame.len() < 100), "{window_bits}");
            assert_eq!(messages(&frames.iter().map(|frame| &frame[..]).collect::<Vec<_>>()), expected);
            let (all, newest) = posts.all_compressed(window_bits, &mut compressor, &stats);
            assert!(all[..] == frames.concat(), "{window_bits}");
            assert_eq!(newest, all.len() - frames[2].len(), "{window_bits}");
        }
        // The plain frames are still there for connections without compression.
        assert_eq!(messages(&[posts.frame(0), posts.frame(1), posts.frame(2)]), expected);
    }

    #[test]
    fn posts_beyond_the_budget_of_a_turn_are_sent_as_they_are() {
        let (mut posts, mut compressor, stats) = (posts(&[700_000; 3]), compressor(), Stats::default());
        let lens = [0, 1, 2].map(|at| posts.compressed(at, 15, &mut compressor, &stats).len());
        assert!(lens[0] < 10_000 && lens[1] < 10_000, "{lens:?}");
        assert_eq!(lens[2], posts.frame(2).len());
        // The copy stays as it is when there is a new budget.
        compressor.begin_turn();
        assert_eq!(posts.compressed(2, 15, &mut compressor, &stats).len(), lens[2]);
    }

    #[test]
    fn a_cleared_copy_begins_anew() {
        let (mut posts, mut compressor, stats) = (posts(&[1000]), compressor(), Stats::default());
        posts.all_compressed(15, &mut compressor, &stats);
        posts.clear();
        posts.post(NEWS, Message::Text(&"b".repeat(400)), None);
        let frame = posts.compressed(0, 15, &mut compressor, &stats).to_vec();
        assert_eq!(messages(&[&frame]), ["b".repeat(400)]);
        assert_eq!(stats.get(Count::Deflated), 2);
    }
}
