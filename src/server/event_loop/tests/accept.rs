//! Taking connections.

use std::io;

use super::*;

#[test]
fn sixty_four_connections_are_taken_in_a_turn() {
    let mut bed = Bed::new(App::echo());
    let clients: Vec<_> = (0..200).map(|_| bed.connect("")).collect();
    for taken in [64, 128, 192, 200] {
        bed.turn();
        assert_eq!(bed.network.open_sockets(), taken);
        assert_eq!(bed.network.waiting(0), 200 - taken);
    }
    bed.settle();
    clients.iter().for_each(Client::finish);
    bed.settle();
    bed.assert_empty();
}

#[test]
fn listeners_share_a_turn() {
    let mut bed = Bed::new(App::echo());
    let second = bed.network.add_local_listener();
    let _clients: Vec<_> = (0..300).map(|n| bed.network.connect(if n % 2 == 0 { 0 } else { second })).collect();
    bed.turn();
    assert_eq!((bed.network.waiting(0), bed.network.waiting(second)), (86, 86));
    bed.settle();
    assert_eq!(bed.network.open_sockets(), 300);
}

#[test]
fn a_bystander_is_answered_while_many_connect() {
    let mut bed = Bed::new(App::echo());
    let mut bystander = bed.open();
    let _clients: Vec<_> = (0..500).map(|_| bed.connect(&request("/"))).collect();
    for _ in 0..5 {
        bystander.text("me");
        bed.turn();
        assert_eq!(bystander.texts(), ["me"]);
    }
}

#[test]
fn without_descriptors_nobody_is_accepted_for_100_ms_and_the_loop_rests() {
    for code in [23, 24, 105] {
        let mut bed = Bed::new(App::echo());
        let mut first = bed.open();
        if code == 24 {
            bed.network.limit_descriptors(1);
        } else {
            bed.network.fail_accept(0, io::Error::from_raw_os_error(code));
        }
        let mut second = bed.connect(&request("/"));
        assert!(bed.settle() <= 2);
        assert_eq!(bed.server.timeout(), Some(Duration::from_millis(100)));
        // One more changes nothing; those who are here are served.
        let mut third = bed.connect(&request("/"));
        first.text("hello");
        bed.settle();
        assert_eq!(first.texts(), ["hello"]);
        assert_eq!((bed.network.waiting(0), bed.network.open_sockets()), (2, 1));
        if code == 24 {
            let turns = bed.pass(Duration::from_secs(10));
            assert!(turns < 250, "{turns} turns in 10 s");
            bed.network.limit_descriptors(100);
        }
        bed.pass(Duration::from_millis(100));
        assert!(second.response().is_some() && third.response().is_some(), "both are taken, error {code}");
    }
}

#[test]
fn a_client_that_has_gone_before_it_was_accepted_costs_the_next_one_nothing() {
    use ErrorKind::{ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted};
    for kind in [ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted] {
        let mut bed = Bed::new(App::echo());
        (0..100).for_each(|_| bed.network.fail_accept(0, kind.into()));
        let mut client = bed.connect(&request("/"));
        bed.turn();
        assert_eq!(bed.network.waiting(0), 1, "failures count as well");
        bed.settle();
        assert!(client.response().is_some());
    }
}

#[test]
fn of_those_who_are_too_many_32_are_told_so_and_the_others_are_closed_unread() {
    let mut bed = Bed::with(Config { max_connections: 3, ..Config::default() }, App::echo());
    let clients = bed.open_many(3);
    let silent: Vec<_> = (0..31).map(|_| bed.network.connect(0)).collect();
    let mut told = bed.connect(&request("/"));
    let mut unread = bed.connect(&request("/"));
    bed.turn();
    bed.turn();
    let response = told.response().expect("a response");
    assert!(response.starts_with("HTTP/1.1 503") && response.contains("Retry-After"), "{response}");
    assert!(unread.is_reset() && unread.bytes().is_empty());
    told.finish();
    bed.settle();
    assert_eq!(bed.stats().get(Count::RefusedFull), 33);
    // They have two seconds for their requests, however long others have.
    bed.pass(Duration::from_secs(4));
    assert!(silent.iter().all(Client::is_ended));
    clients[1].close(1000);
    bed.settle();
    bed.open();
}

#[test]
fn when_a_quarter_of_all_are_unfinished_handshakes_the_oldest_goes() {
    let mut bed = Bed::with(Config { max_connections: 80, ..Config::default() }, App::echo());
    bed.open_many(9);
    let mut slow = Vec::new();
    for _ in 0..23 {
        slow.push(bed.connect("GET / HTTP/1.1\r\n"));
        bed.settle();
        bed.network.advance(Duration::from_millis(10));
    }
    let gone: Vec<_> = slow.iter().map(Client::is_gone).collect();
    assert_eq!(gone, [[true; 3].as_slice(), &[false; 20]].concat());
    assert_eq!(bed.stats().get(Count::HandshakesDropped), 3);
}

#[test]
fn when_2500_handshakes_are_unfinished_the_oldest_goes() {
    let mut bed = Bed::new(App::echo());
    let slow: Vec<_> = (0..2500).map(|_| bed.network.connect(0)).collect();
    while bed.network.waiting(0) > 0 {
        bed.turn_unchecked();
    }
    bed.turn();
    assert_eq!(bed.stats().get(Count::HandshakesDropped), 0);
    bed.network.advance(Duration::from_millis(10));
    let client = bed.open();
    assert_eq!(bed.stats().get(Count::HandshakesDropped), 1);
    assert_eq!((slow.iter().filter(|client| client.is_gone()).count(), client.is_gone()), (1, false));
}

#[test]
fn the_ten_thousand_and_first_connection_gets_503() {
    let mut bed = Bed::new(App::new(|_, _| {}));
    let mut opened = 0;
    // Fewer at a time than may be unfinished.
    while opened < 10_000 {
        let clients: Vec<_> = (0..500).map(|_| bed.connect(&request("/"))).collect();
        while bed.network.has_events() || bed.server.is_busy() {
            bed.turn_unchecked();
        }
        opened += clients.into_iter().filter_map(|mut client| client.response()).count();
    }
    assert_eq!((opened, bed.stats().get(Count::Opened)), (10_000, 10_000));
    let mut late = bed.connect(&request("/"));
    bed.settle();
    let response = late.response().expect("a response");
    assert!(response.starts_with("HTTP/1.1 503") && response.contains("Retry-After"), "{response}");
}

#[test]
fn clients_that_connect_and_reset_leave_nothing() {
    let mut bed = Bed::new(App::echo());
    for round in 0..50 {
        let clients: Vec<_> = (0..40).map(|n| bed.connect(if n % 2 == 0 { "" } else { "GET / HT" })).collect();
        if round % 2 == 0 {
            bed.turn();
        }
        clients.iter().for_each(Client::reset);
        bed.settle();
        bed.assert_empty();
    }
    assert!(bed.server.lines.sockets.len() <= 64, "slots are used again: {}", bed.server.lines.sockets.len());
}

#[test]
fn without_connections_the_loop_waits_without_a_timeout() {
    let mut bed = Bed::new(App::echo());
    bed.settle();
    assert_eq!(bed.server.timeout(), None);
    let client = bed.open();
    let timeout = bed.server.timeout().expect("a deadline, for the next ping");
    assert!(timeout > Duration::ZERO);
    client.finish();
    bed.settle();
    assert_eq!(bed.server.timeout(), None);
}
