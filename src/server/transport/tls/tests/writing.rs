use super::*;

#[test]
fn what_the_socket_does_not_take_is_pending_and_nothing_is_encrypted_meanwhile() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let all = noise(200_000);
        pair.client.limit(10);
        let mut sent = pair.send(&all).expect("a socket");
        assert_eq!(sent, CHUNK, "one chunk is encrypted");
        assert!(pair.pending() >= CHUNK - 10, "{}", pair.pending());
        let pending = pair.pending();
        assert_eq!(pair.send(&all[sent..]).expect("a socket"), 0);
        assert_eq!(pair.send_slices(&all[sent..], 100).expect("a socket"), 0);
        assert_eq!(pair.pending(), pending, "nothing more is encrypted");
        for room in [0, 1, 1000, 30_000, 70_000, 100_000] {
            pair.client.limit(room);
            let before = pair.pending();
            let flushed = pair.flush();
            assert_eq!(flushed, before.min(room));
            assert_eq!(pair.pending(), before - flushed);
        }
        assert_eq!((pair.pending(), pair.layers.held(0)), (0, 0), "its memory is given back");
        pair.client.unlimit();
        sent += pair.send_slices(&all[sent..], 999).expect("a socket");
        assert_eq!((sent, pair.pending()), (all.len(), 0));
        pair.take();
        assert!(pair.answers == all);
    }
}

#[test]
fn slices_leave_in_one_write_as_one_record() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        pair.client.calls();
        assert_eq!(pair.send_slices(&noise(160), 10).expect("a socket"), 160);
        let calls = pair.client.calls();
        assert_eq!(calls.sends, 1);
        assert!(calls.sent <= 160 + 40, "{} bytes for one record", calls.sent);
        pair.take();
        assert_eq!(pair.answers, noise(160));
    }
}

#[test]
fn a_handshake_goes_on_when_the_socket_takes_bytes_again() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.client.limit(7);
        let hello = pair.peer.output();
        pair.write(&hello);
        pair.receive_all().expect("a handshake");
        assert!(pair.pending() > 100);
        pair.take();
        pair.client.unlimit();
        pair.flush();
        pair.pump().expect("a handshake");
        assert_eq!(pair.security(), Security::Secure);
    }
}

#[test]
fn our_side_ends_with_close_notify_behind_all_that_is_pending() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        pair.client.limit(10);
        assert_eq!(pair.send(b"the last words").expect("a socket"), 14);
        pair.shutdown_write();
        assert!(!pair.client.is_ended(), "bytes are pending");
        pair.client.unlimit();
        pair.flush();
        assert!(pair.client.is_ended());
        pair.take();
        assert_eq!((pair.answers.as_slice(), pair.peer.is_closed), (&b"the last words"[..], true));
        // Said once, it is not said again.
        let mut pair = Pair::open(version);
        let mut channel = pair.layers.over::<All>(0, &mut pair.socket);
        channel.say_goodbye();
        channel.shutdown_write().expect("a socket");
        pair.take();
        assert!(pair.peer.is_closed && pair.client.is_ended());
        assert_eq!(pair.peer.failure, None);
    }
}

#[test]
fn a_socket_that_fails_fails_its_tls() {
    let mut pair = Pair::open(VERSIONS[1]);
    pair.client.fail_sends(ErrorKind::BrokenPipe);
    assert_eq!(pair.send(b"lost").expect_err("a broken socket").kind(), ErrorKind::BrokenPipe);
    let mut pair = Pair::new(VERSIONS[1]);
    assert_eq!(pair.send(b"early").expect_err("no handshake").kind(), ErrorKind::NotConnected);
}
