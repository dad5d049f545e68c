//! Many half handshakes, and many small records.

use super::*;
use crate::server::transport::tls::both_ends;

#[test]
fn half_handshakes_are_a_quarter_of_all_connections_and_the_oldest_go() {
    let config = Config { max_connections: 400, ..Config::default() };
    let mut bed = Bed::with(config, echo());
    bed.secure(1);
    let mut bystander = bed.open();
    let hello = both_ends(1).map(|(_, client)| client().encode(b"")).expect("a build with TLS");
    let half = &hello[..hello.len() / 2];
    let connect = |_| {
        let client = bed.network.connect(0);
        client.write(half);
        client
    };
    let halves: Vec<_> = (0..1000).map(connect).collect();
    while !bed.is_quiet() {
        bystander.text("hello");
        bed.turn();
        assert_eq!(bystander.texts(), ["hello"]);
        assert!(bed.memory() <= 102 * hello.len(), "{} bytes", bed.memory());
    }
    let are_gone: Vec<_> = halves.iter().map(Client::is_gone).collect();
    assert!(are_gone.is_sorted_by(|earlier, later| earlier >= later), "the oldest have gone");
    assert_eq!(are_gone.iter().filter(|is_gone| !**is_gone).count(), 100);
    assert_eq!(bed.stats().get(Count::HandshakesDropped), 900);
    let mut newcomer = bed.open();
    newcomer.text("hello");
    bed.settle();
    assert_eq!(newcomer.texts(), ["hello"]);
}

#[test]
fn records_of_one_byte_have_the_budget_of_their_bytes_on_the_wire() {
    for mut bed in beds(echo) {
        let (mut bystander, mut flood) = (bed.open(), bed.open());
        let frame = masked(0x82, &[7; 15_000]);
        frame.iter().for_each(|byte| flood.write(&[*byte]));
        assert!(flood.unread() > 300_000, "{} bytes", flood.unread());
        flood.calls();
        while flood.unread() > 0 {
            bystander.text("hello");
            bed.turn();
            assert_eq!(bystander.texts(), ["hello"]);
            let received = flood.calls().received;
            assert!(received <= 64 * 1024, "{received} bytes in a turn");
        }
        bed.settle();
        assert_eq!(flood.frames(), [Frame::Binary(vec![7; 15_000])]);
    }
}

#[test]
fn a_reset_within_a_record_leaves_nothing() {
    for mut bed in beds(echo) {
        let client = bed.open();
        client.limit(10);
        client.text(&"x".repeat(50_000));
        bed.settle();
        let record = client.network.wire(client.at, |wire| wire.codec.as_mut().expect("TLS").encode(b"never seen"));
        client.network.wire(client.at, |wire| wire.arrive(&record[..record.len() - 1]));
        bed.settle();
        assert!(bed.connection(0).output.pending() > 50_000 && bed.memory() > 50_000, "{} bytes", bed.memory());
        client.reset();
        bed.settle();
        assert!(bed.log().last().is_some_and(|line| line.starts_with("close failed 1006")), "the handler hears of it");
        bed.assert_empty();
        assert_eq!(bed.memory(), 0);
    }
}
