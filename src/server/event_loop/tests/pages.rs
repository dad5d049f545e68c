//! Long answers to plain requests.

use std::sync::Arc;

use super::*;
use crate::http::{Request, Response};

const KIB: usize = 1024;
const GET: &str = "GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n";

/// A server whose page has a mebibyte, and the page.
fn bed() -> (Bed, Arc<[u8]>) {
    let page: Arc<[u8]> = (0..1024 * KIB).map(|at| (at % 251) as u8).collect();
    let shared = Arc::clone(&page);
    let answer = Box::new(move |_: &Request<'_>, _: &[u8]| Response::new(200).shared_body(Arc::clone(&shared)));
    let mut bed = Bed::of(Config::default(), vec![("/ws", App::echo())], vec![("/", answer)]);
    bed.largest = page.len();
    (bed, page)
}

#[test]
fn a_page_comes_whole_to_a_peer_on_a_slow_line() {
    let (mut bed, page) = bed();
    let mut client = bed.connect(GET);
    client.limit(0);
    let mut seconds = 0;
    while !client.is_ended() {
        client.limit(40 * KIB);
        bed.pass(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 60 && !client.is_reset(), "after {seconds} s");
    }
    assert!(seconds > 20, "{seconds} s are more than a Close frame would have");
    assert!(client.bytes().ends_with(&page));
    client.finish();
    bed.settle();
    bed.assert_empty();
}

#[test]
fn a_peer_that_accepts_nothing_of_a_page_is_dropped_and_one_that_accepts_something_is_not() {
    let (mut bed, page) = bed();
    let (silent, mut dribbling) = (bed.connect(GET), bed.connect(GET));
    silent.limit(0);
    dribbling.limit(0);
    let mut dropped = [None; 2];
    for second in 1..=60 {
        dribbling.limit(1);
        bed.pass(Duration::from_secs(1));
        for (client, dropped) in [&silent, &dribbling].into_iter().zip(&mut dropped) {
            if client.is_reset() && dropped.is_none() {
                *dropped = Some(second);
            }
        }
    }
    // The write timeout, late by a second at most.
    let [Some(30..=31), None] = dropped else { panic!("dropped after {dropped:?} s") };
    dribbling.unlimit();
    bed.settle();
    assert!(dribbling.bytes().ends_with(&page) && dribbling.is_ended());
    bed.pass(Duration::from_secs(2));
    bed.assert_empty();
}

#[test]
fn a_page_is_in_memory_once_however_many_are_sent_it() {
    let (mut bed, page) = bed();
    let before = bed.memory();
    let clients: Vec<_> = (0..50).map(|_| bed.connect(GET)).collect();
    clients.iter().for_each(|client| client.limit(0));
    bed.settle();
    assert_eq!(bed.connections(), 50);
    assert!(bed.memory() - before < 50 * 2 * KIB, "{}", bed.memory());
    // The page's own, the route's, and one for each that waits.
    assert_eq!(Arc::strong_count(&page), 52);
}

#[test]
fn every_answer_but_the_101_tells_the_time_of_day() {
    let (mut bed, _) = bed();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (path, lines, status, has_date) in [
        ("/", String::new(), 200, true),
        ("/nothing", String::new(), 404, true),
        ("/ws", upgrade.to_owned(), 400, true),
        ("/ws", format!("{upgrade}{key}"), 101, false),
    ] {
        let mut client = bed.connect(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
        bed.settle();
        let response = client.response().unwrap();
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert_eq!(response.contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), has_date, "{response}");
    }
    for (millis, second) in [(999, 37), (1, 38), (59_999, 37), (1, 38)] {
        bed.pass(Duration::from_millis(millis));
        let mut client = bed.connect(GET);
        bed.settle();
        let response = client.response().unwrap();
        assert!(response.contains(&format!(":{second} GMT\r\n")), "{response}");
    }
}
