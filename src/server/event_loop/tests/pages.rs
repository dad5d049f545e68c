//! Long answers to plain requests.

use std::sync::Arc;

use super::*;
use crate::http::{Request, Response};

const KIB: usize = 1024;
const GET: &str = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";

/// A server whose page has a mebibyte, and the page.
fn bed() -> (Bed, Arc<[u8]>) {
    let page: Arc<[u8]> = (0..1024 * KIB).map(|at| (at % 251) as u8).collect();
    let shared = Arc::clone(&page);
    let answer = Box::new(move |_: &Request<'_>| Response::new(200).shared_body(Arc::clone(&shared)));
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
fn who_takes_nothing_of_a_page_is_dropped_and_so_is_who_takes_hardly_any() {
    let (mut bed, _) = bed();
    let (silent, dribbling) = (bed.connect(GET), bed.connect(GET));
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
    // The write timeout; and 5 s with a millisecond for each 32 bytes. Both may be late by a second.
    let [Some(10..=11), Some(37..=39)] = dropped else { panic!("dropped after {dropped:?} s") };
    bed.assert_empty();
}

#[test]
fn a_page_is_in_memory_once_however_many_are_sent_it() {
    let (mut bed, page) = bed();
    let before = bed.server.core.memory();
    let clients: Vec<_> = (0..50).map(|_| bed.connect(GET)).collect();
    clients.iter().for_each(|client| client.limit(0));
    bed.settle();
    assert_eq!(bed.server.core.sessions.len(), 50);
    assert!(bed.server.core.memory() - before < 50 * 2 * KIB, "{}", bed.server.core.memory());
    // The page's own, the route's, and one for each that waits.
    assert_eq!(Arc::strong_count(&page), 52);
}
