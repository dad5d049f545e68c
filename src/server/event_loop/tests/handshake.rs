//! The opening handshake as the loop sees it: whole, in pieces, late, or never.

mod later;

use super::*;
use crate::http::Response;
use crate::server::{Accept, Peer};

fn status(client: &mut Client) -> String {
    client.response().map_or_else(String::new, |response| response.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_handshake_costs_one_read_and_one_write_with_what_open_says() {
    let mut bed = Bed::new(App::new(|ctx, call| {
        if let Call::Open = call {
            ctx.send("a");
            ctx.send("b");
        }
    }));
    let mut client = bed.connect(&request("/"));
    assert_eq!(bed.settle(), 2, "one turn to accept, one to answer");
    let calls = client.calls();
    assert_eq!((calls.receives, calls.sends), (1, 1));
    assert_eq!(status(&mut client), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(client.texts(), ["a", "b"]);
}

#[test]
fn a_head_may_come_in_any_pieces() {
    let request = request("/");
    for cut in 1..request.len() {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.connect(&request[..cut]);
        bed.settle();
        client.write(&request.as_bytes()[cut..]);
        client.text("hello");
        bed.settle();
        assert!(client.response().is_some());
        assert_eq!(client.texts(), ["hello"], "cut after {cut}");
    }
}

/// The bytes of an incomplete head.
fn head_so_far(bed: &mut Bed) -> &mut Vec<u8> {
    let (entrance, _) = bed.server.lines.entrance(0).expect("an entrance");
    entrance.bytes().expect("a head that is not complete")
}

#[test]
fn a_head_that_comes_byte_by_byte_is_looked_at_once() {
    let request = request("/");
    let (last, bytes) = request.as_bytes().split_last().expect("a request");
    let mut bed = Bed::new(App::echo());
    let mut client = bed.connect("");
    for (at, byte) in bytes.iter().enumerate() {
        client.write(&[*byte]);
        bed.settle();
        // The byte becomes one that no head may have: a second look at it would refuse the head.
        head_so_far(&mut bed)[at] = b'\n';
    }
    head_so_far(&mut bed).copy_from_slice(bytes);
    client.write(&[*last]);
    bed.settle();
    assert_eq!(status(&mut client), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(client.calls().received, request.len());
}

#[test]
fn an_unfinished_request_takes_16_kib_at_most() {
    let head = format!("GET / HTTP/1.1\r\nHost: example.org\r\nX: {}", "x".repeat(8 * 1024));
    for piece in [1, 100, 5000, 8191] {
        let mut bed = Bed::new(App::echo());
        let client = bed.connect("");
        for bytes in head.as_bytes()[..8191].chunks(piece) {
            client.write(bytes);
            bed.settle();
            let held = bed.memory();
            assert!((1..=16 * 1024).contains(&held), "{held} bytes, in pieces of {piece}");
        }
        assert!(!client.is_ended());
    }
}

#[test]
fn bytes_behind_a_refused_request_are_never_read_as_another() {
    for refused in [request("/").replace("Version: 13", "Version: 12"), request("/").replace("HTTP/1.1", "HTTP/1.0")] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.connect(&format!("{refused}{}", request("/")));
        bed.settle();
        client.write(request("/").as_bytes());
        client.text("hello");
        bed.settle();
        assert_eq!(status(&mut client), "HTTP/1.1 426 Upgrade Required");
        let body = String::from_utf8_lossy(client.bytes()).into_owned();
        assert!(!body.contains("HTTP/1.1 ") && client.is_ended() && client.unread() == 0, "{body}");
        bed.pass(Duration::from_secs(2));
        assert!(client.is_gone() && !client.is_reset());
        assert_eq!(bed.log(), [""; 0]);
        bed.assert_empty();
    }
}

#[test]
fn pages_of_this_machine_may_connect_only_if_both_ends_are_on_it() {
    let (far, here) = ([192, 0, 2, 1], [127, 0, 0, 1]);
    let origins = crate::http::OriginPolicy { local: true, ..Default::default() };
    for (origins, both_here) in [(Config::default().origins, "403"), (origins, "101")] {
        let mut bed = Bed::with(Config { origins, ..Config::default() }, App::echo());
        let local = bed.network.add_local_listener();
        for (peer, listener, expected) in
            [(far, 0, "403"), (here, 0, "403"), (far, local, "403"), (here, local, both_here)]
        {
            let mut client = bed.network.connect_as(listener, Peer::Tcp((peer, 5).into()));
            let request = request("/").replace("Host: example.org", "Host: localhost\r\nOrigin: null");
            client.write(request.as_bytes());
            bed.settle();
            assert_eq!(status(&mut client).split(' ').nth(1), Some(expected), "{peer:?} at {listener}");
        }
    }
}

#[test]
fn frames_right_behind_the_request_are_handled_in_its_turn() {
    let mut bed = Bed::new(App::echo());
    let mut client = bed.connect(&request("/"));
    (0..300).for_each(|n| client.text(&format!("{n}")));
    bed.turn();
    bed.turn();
    assert!(client.response().is_some());
    assert_eq!(client.texts().len(), 256);
    bed.settle();
    assert_eq!(client.texts().len(), 44);
}

#[test]
fn a_request_and_the_end_of_the_stream_may_come_together() {
    let mut bed =
        Bed::of(Config::default(), vec![("/ws", App::echo())], vec![("/", Box::new(|_, _| Response::new(200)))]);
    let mut plain = bed.connect("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    let mut upgrade = bed.connect(&request("/ws"));
    upgrade.text("hello");
    plain.finish();
    upgrade.finish();
    bed.settle();
    assert_eq!(status(&mut plain), "HTTP/1.1 200 OK");
    assert_eq!(status(&mut upgrade), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(upgrade.texts(), ["hello"]);
    bed.assert_empty();
}

#[test]
fn a_head_that_is_not_complete_in_ten_seconds_is_408_however_busily_it_comes_and_silence_is_not_answered() {
    let mut bed = Bed::new(App::echo());
    let (mut silent, mut dribbling) = (bed.connect(""), bed.connect(""));
    for byte in request("/").bytes().take(99) {
        dribbling.write(&[byte]);
        bed.pass(Duration::from_millis(100));
    }
    assert!(!silent.is_ended() && !dribbling.is_ended());
    bed.pass(Duration::from_millis(1100));
    assert_eq!(status(&mut dribbling), "HTTP/1.1 408 Request Timeout");
    assert!(dribbling.is_ended());
    // A client that opened the connection in advance would take a 408 for the answer to its first request.
    assert!(silent.is_gone() && silent.bytes().is_empty());
    bed.pass(Duration::from_secs(2));
    bed.assert_empty();
}

#[test]
fn a_head_that_is_too_long_is_431() {
    for pieces in [1, 7, 9000] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.connect("");
        let head = format!("GET / HTTP/1.1\r\nHost: example.org\r\nX: {}", "x".repeat(8 * 1024));
        for piece in head.as_bytes().chunks(head.len().div_ceil(pieces)) {
            client.write(piece);
            bed.settle();
        }
        assert_eq!(status(&mut client), "HTTP/1.1 431 Request Header Fields Too Large");
        assert!(client.is_ended());
        client.write(&[b'x'; 60_000]);
        bed.settle();
        assert_eq!(client.unread(), 0, "later bytes are discarded");
        assert_eq!(bed.memory(), 0, "and none of them is kept");
        if pieces == 1 {
            client.write(&[b'x'; 6000]);
            bed.settle();
            assert!(client.is_reset(), "more than 64 KiB are too many");
        }
        client.finish();
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn garbage_is_answered_with_400_and_the_end() {
    for garbage in ["\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n"] {
        let mut bed = Bed::new(App::echo());
        let mut client = bed.connect(garbage);
        bed.settle();
        assert!(matches!(
            &*status(&mut client),
            "HTTP/1.1 400 Bad Request" | "HTTP/1.1 505 HTTP Version Not Supported"
        ));
        assert!(client.is_ended());
    }
}

#[test]
fn a_peer_that_fails_before_its_response_has_never_been_open() {
    let mut bed = Bed::new(App::echo().accepting(|_, _| Accept::no(403, "no\n")));
    let client = bed.connect(&request("/"));
    client.fail_sends(ErrorKind::BrokenPipe);
    bed.settle();
    assert_eq!(bed.log(), [""; 0]);
    bed.assert_empty();
}
