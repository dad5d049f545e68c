use super::*;

#[test]
fn a_handshake_and_records_may_come_byte_by_byte() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        assert_eq!((pair.security(), pair.ending()), (Security::Handshaking, None));
        let mut bytes = pair.peer.output();
        while pair.peer.connection.is_handshaking() || !bytes.is_empty() {
            for byte in bytes {
                pair.write(&[byte]);
                let received = pair.receive().expect("a handshake");
                assert!(received.wire == 1 && received.len == 0, "{received:?}");
            }
            let from_server = std::mem::take(pair.client.bytes());
            (_, bytes) = pair.peer.decode(&from_server);
        }
        assert_eq!((pair.security(), pair.ending()), (Security::Secure, Some(Count::TlsFull)));
        assert_eq!(pair.layers.held(0), 0, "nothing of the handshake is kept");
        for byte in pair.peer.encode(&noise(20_000)) {
            pair.write(&[byte]);
            assert_eq!(pair.receive().expect("records").wire, 1);
        }
        assert!(pair.got == noise(20_000));
        assert_eq!(pair.layers.held(0), 0, "nothing of the records is kept");
    }
}

#[test]
fn records_may_be_split_anywhere() {
    let lengths = [1, 300, 16, 2];
    let all: Vec<u8> = noise(lengths.iter().sum());
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let mut split = 0;
        loop {
            let mut rest = &all[..];
            let mut bytes = Vec::new();
            for len in lengths {
                bytes.extend(pair.peer.encode(&rest[..len]));
                rest = &rest[len..];
            }
            if split > bytes.len() {
                break;
            }
            pair.got.clear();
            pair.write(&bytes[..split]);
            pair.receive_all().expect("records");
            pair.write(&bytes[split..]);
            let received = pair.receive_all().expect("records");
            assert!(received.drained && pair.got == all, "split at {split}");
            assert_eq!(pair.layers.held(0), 0, "a part of a record is given back");
            split += 1;
        }
    }
}

#[test]
fn many_records_of_one_read_are_handed_on_together() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let mut bytes = Vec::new();
        for byte in noise(1000) {
            bytes.extend(pair.peer.encode(&[byte]));
        }
        pair.write(&bytes);
        let received = pair.receive().expect("records");
        assert_eq!(received, Received { len: 1000, wire: bytes.len(), drained: true, ended: false });
        assert!(pair.got == noise(1000));
    }
}

#[test]
fn more_than_fits_is_received_by_and_by() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let bytes = pair.peer.encode(&noise(300_000));
        pair.write(&bytes);
        let first = pair.receive().expect("records");
        assert!(!first.drained && first.wire == 64 * 1024 && first.len > 48_000, "{first:?}");
        assert!(pair.layers.held(0) > 0, "a part of a record is kept");
        assert!(pair.layers.held(0) <= 17_000, "{}", pair.layers.held(0));
        pair.receive_all().expect("records");
        assert!(pair.got == noise(300_000));
        assert_eq!(pair.layers.held(0), 0);
    }
}

#[test]
fn close_notify_ends_the_stream_behind_what_came_with_it() {
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let bytes = [pair.peer.encode(b"the last words"), pair.peer.close()].concat();
        pair.write(&bytes);
        let received = pair.receive().expect("records");
        assert!(!received.drained && !received.ended, "the end is yet to be told: {received:?}");
        assert_eq!(pair.receive().expect("the end"), Received::END);
        assert_eq!(pair.got, b"the last words");
        // The other direction is still open.
        assert_eq!(pair.send(b"and ours").expect("a socket"), 8);
        pair.take();
        assert_eq!(pair.answers, b"and ours");
    }
}

#[test]
fn the_end_of_the_stream_without_close_notify_is_the_end_too() {
    let mut pair = Pair::open(VERSIONS[1]);
    let bytes = pair.peer.encode(b"cut off");
    pair.write(&bytes[..bytes.len() - 1]);
    pair.client.finish();
    assert_eq!(pair.receive().expect("a part of a record").len, 0);
    assert_eq!(pair.receive().expect("the end"), Received::END);
    assert_eq!(pair.ending(), Some(Count::TlsFull));
    let mut pair = Pair::new(VERSIONS[1]);
    let hello = pair.peer.output();
    pair.write(&hello[..100]);
    pair.client.finish();
    pair.receive().expect("a part of a handshake");
    assert_eq!(pair.receive().expect("the end"), Received::END);
    assert_eq!(pair.ending(), Some(Count::TlsUnfinished));
}

#[test]
fn bytes_before_tls_pass_until_it_begins() {
    let mut pair = Pair::new(VERSIONS[1]);
    pair.layers.get_mut(0).expect("TLS").await_prefix();
    let hello = pair.peer.output();
    pair.write(&[b"PROXY UNKNOWN\r\n", &hello[..50]].concat());
    assert_eq!(pair.receive().expect("bytes in the clear").len, 65);
    assert_eq!(pair.security(), Security::Handshaking);
    pair.layers.get_mut(0).expect("TLS").begin(&hello[..50]);
    pair.write(&hello[50..]);
    // The first call looks at the bytes that were given back, the next at those that have come.
    let received = pair.receive().expect("a part of a handshake");
    assert!(received.wire == 0 && !received.drained, "{received:?}");
    pair.pump().expect("a handshake");
    assert_eq!(pair.security(), Security::Secure);
}
