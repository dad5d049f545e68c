//! Taking connections.

use std::io;

use super::*;
use crate::http::Response;
use crate::server::event_loop::site::Route;

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

/// A full server with an application at `/ws`, and a page that tells how long the body was.
fn full(config: Config) -> (Bed, Vec<Client>) {
    let page: Route = Box::new(|_, body| Response::text(200, format!("{} bytes", body.len())));
    let mut bed = Bed::of(config, vec![("/ws", App::echo())], vec![("/", page)]);
    let clients = (0..3).map(|_| bed.open_at("/ws")).collect();
    (bed, clients)
}

const PAGE: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_full_server_answers_plain_requests_and_refuses_upgrades_whatever_else_waits() {
    let server = Config { max_connections: 3, ..Config::default() };
    let address = Config { max_connections_per_address: Some(3), ..Config::default() };
    for (config, refusal) in [(server, "HTTP/1.1 503"), (address, "HTTP/1.1 429")] {
        let (mut bed, clients) = full(config);
        let silent: Vec<_> = (0..200).map(|_| bed.network.connect(0)).collect();
        bed.settle();
        assert_eq!(silent.iter().filter(|client| client.is_gone()).count(), 200 - 32, "the oldest have left");
        for _ in 0..100 {
            let mut page = bed.connect(PAGE);
            bed.settle();
            let response = page.response().expect("an answer");
            assert!(response.starts_with("HTTP/1.1 200") && response.contains("Connection: close"), "{response}");
            let mut upgrade = bed.connect(&request("/ws"));
            bed.settle();
            let response = upgrade.response().expect("an answer");
            assert!(response.starts_with(refusal) && response.contains("Retry-After"), "{response}");
        }
        assert_eq!(bed.stats().get(Count::RefusedFull) + bed.stats().get(Count::RefusedAddress), 200 + 100);
        // The clients that were there first have noticed nothing.
        assert!(clients.iter().all(|client| !client.is_ended()));
        bed.pass(Duration::from_secs(4));
        assert!(silent.iter().all(Client::is_gone), "they had two seconds for their requests");
        clients[1].close(1000);
        bed.settle();
        bed.open_at("/ws");
    }
}

#[test]
fn in_the_reserve_a_connection_with_a_complete_head_stays_while_others_have_none() {
    let (mut bed, _clients) = full(Config { max_connections: 3, ..Config::default() });
    let mut slow = bed.connect("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    let silent: Vec<_> = (0..100).map(|_| bed.network.connect(0)).collect();
    bed.settle();
    slow.write(b"bc");
    bed.settle();
    let response = slow.response().expect("an answer");
    assert!(response.starts_with("HTTP/1.1 200") && slow.bytes().starts_with(b"3 bytes"), "{response}");
    assert_eq!(silent.iter().filter(|client| client.is_gone()).count(), 100 - 31);
    // When all have a head, the oldest leaves.
    let uploads: Vec<_> = (0..40)
        .map(|_| {
            let upload = bed.connect("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
            bed.settle();
            upload
        })
        .collect();
    let gone: Vec<_> = uploads.iter().map(Client::is_gone).collect();
    assert_eq!(gone, [[true; 8].as_slice(), &[false; 32]].concat());
}

#[test]
fn the_reserve_takes_no_room_from_its_door() {
    let (mut bed, clients) = full(Config::default());
    bed.server.site.doors[0].max_connections = Some(3);
    // More uploads than the door has room for, none of which ends.
    let uploads: Vec<_> =
        (0..20).map(|_| bed.connect("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")).collect();
    bed.settle();
    clients[0].close(1000);
    clients[1].reset();
    bed.settle();
    bed.open_at("/ws");
    bed.open_at("/ws");
    let mut refused = bed.connect(&request("/ws"));
    bed.settle();
    assert!(refused.response().is_some_and(|response| response.starts_with("HTTP/1.1 503")));
    assert!(uploads.iter().all(|upload| !upload.is_ended()));
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
