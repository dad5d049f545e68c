//! Connections over TLS: what they get, what they cost, and clients that do not speak it.

mod floods;

use super::*;
use crate::server::lab::client::Frame;
use crate::server::transport::Security;
use crate::server::transport::layer::CHUNK;

fn echo() -> App {
    App::new(|ctx, call| {
        if let Call::Message(message) = call {
            ctx.send(message);
        }
    })
}

fn beds(app: fn() -> App) -> impl Iterator<Item = Bed> {
    (0..2).map(move |choice| {
        let mut bed = Bed::new(app());
        bed.secure(choice);
        bed
    })
}

#[test]
fn messages_of_all_sizes_are_echoed() {
    for mut bed in beds(echo) {
        let mut client = bed.open();
        assert_eq!(bed.server.lines.layers.security(0), Security::Secure);
        assert_eq!((bed.stats().get(Count::TlsFull), bed.stats().get(Count::TlsBroken)), (1, 0));
        for len in [0, 1, 125, 126, 16_384, 65_536, 200_000, 1_000_000] {
            let text = "x".repeat(len);
            client.text(&text);
            bed.settle();
            assert!(client.texts() == [text], "{len} bytes");
        }
        client.close(1000);
        bed.settle();
        assert_eq!(client.frames(), [Frame::Close(1000, String::new())]);
        assert!(!client.is_gone(), "the client may still say that it closes TLS");
        client.finish();
        bed.settle();
        bed.assert_empty();
        assert_eq!(bed.memory(), 0);
    }
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    for mut bed in beds(echo) {
        let mut client = bed.open();
        client.text("hello");
        bed.settle();
        assert_eq!(client.texts(), ["hello"]);
        assert_eq!(bed.server.lines.layers.held(0), 0);
        assert_eq!((bed.memory(), bed.queued(0)), (0, 0));
    }
}

#[test]
fn small_replies_of_one_read_leave_in_one_record() {
    for mut bed in beds(echo) {
        let mut client = bed.open();
        client.calls();
        let frames: Vec<u8> = (0..16).flat_map(|_| masked(0x81, b"twenty bytes of text")).collect();
        client.write(&frames);
        bed.settle();
        assert_eq!(client.texts().len(), 16);
        let calls = client.calls();
        assert_eq!(calls.sends, 1);
        assert!(calls.sent < 16 * 22 + 40, "{} bytes", calls.sent);
    }
}

#[test]
fn what_is_pending_counts_as_queued_and_has_a_deadline() {
    for mut bed in beds(echo) {
        let mut client = bed.open();
        client.limit(0);
        client.text(&"x".repeat(1000));
        bed.settle();
        assert!((1000..1100).contains(&bed.queued(0)), "{}", bed.queued(0));
        assert_eq!(bed.connection(0).output.pending(), bed.queued(0));
        assert!(bed.memory() >= bed.queued(0));
        client.unlimit();
        bed.settle();
        assert_eq!(client.texts(), ["x".repeat(1000)]);
        assert_eq!((bed.memory(), bed.queued(0)), (0, 0));
        client.limit(0);
        client.text("stuck");
        bed.settle();
        bed.pass(bed.env().config.write_timeout + Duration::from_secs(1));
        assert!(client.is_reset());
        bed.assert_empty();
    }
}

#[test]
fn a_member_that_reads_nothing_has_one_chunk_encrypted_ahead() {
    for choice in 0..2 {
        let config = Config { slow: Slow::Latest, ..Config::default() };
        let mut bed = Bed::with(config, App::new(|_, _| {}));
        bed.secure(choice);
        let mut client = bed.open();
        client.limit(0);
        for number in 0..1000 {
            bed.handle.broadcast("/*", format!("{number:05000}")).expect("room for a command");
            bed.turn();
        }
        let pending = bed.connection(0).output.pending();
        assert!(pending > 0 && pending <= CHUNK + 200, "{pending}");
        assert!(bed.queued(0) < pending + 11_000, "older ones are replaced: {}", bed.queued(0));
        client.unlimit();
        bed.settle();
        let texts = client.texts();
        assert_eq!(texts.last().map(|text| text.trim_start_matches('0')), Some("999"));
        assert!(texts.is_sorted(), "{} texts", texts.len());
    }
}

#[test]
fn memory_of_tls_counts_for_max_memory() {
    let config = Config { max_memory: 1024 * 1024, ..Config::default() };
    let mut bed = Bed::with(config, echo());
    bed.secure(1);
    let clients = bed.open_many(30);
    for client in &clients {
        client.limit(0);
        client.text(&"x".repeat(60_000));
        bed.settle();
        assert!(bed.memory() <= 1024 * 1024, "{}", bed.memory());
    }
    assert!(bed.stats().get(Count::MemoryClosed) > 10);
}

#[test]
fn handshakes_have_a_budget_of_time_and_the_oldest_come_first() {
    let mut bed = Bed::new(echo());
    bed.secure(1);
    let mut bystander = bed.open();
    // So long takes a call on a socket, and a handshake makes two.
    bed.network.cost(Duration::from_millis(1));
    let clients: Vec<_> = (0..40).map(|_| bed.client()).collect();
    let is_secure = |bed: &Bed, slot| bed.server.lines.layers.security(slot) == Security::Secure;
    let mut turns = 0;
    while !bed.is_quiet() || turns == 0 {
        bystander.text("hello");
        let before = bed.network.now();
        bed.turn();
        let span = bed.network.now() - before;
        assert!(span <= Duration::from_millis(12), "turn {turns} took {span:?}");
        assert_eq!(bystander.texts(), ["hello"], "turn {turns}");
        let done: Vec<_> = (1..bed.connections() as u32).map(|slot| is_secure(&bed, slot)).collect();
        assert!(done.is_sorted_by(|earlier, later| earlier >= later), "turn {turns}: {done:?}");
        turns += 1;
    }
    assert!(clients.len() == 40 && (1..=40).all(|slot| is_secure(&bed, slot)));
    assert!(turns > 15, "{turns}");
}

#[test]
fn newcomers_do_not_overtake_handshakes_that_wait() {
    let mut bed = Bed::new(echo());
    bed.secure(1);
    bed.network.cost(Duration::from_millis(1));
    let mut clients = Vec::new();
    for turn in 0..60 {
        // More than a turn has time for.
        clients.extend((0..4).map(|_| bed.client()));
        bed.turn();
        let is_secure = |slot| bed.server.lines.layers.security(slot) == Security::Secure;
        let done: Vec<_> = (0..bed.connections() as u32).map(is_secure).collect();
        assert!(done.is_sorted_by(|earlier, later| earlier >= later), "turn {turn}: {done:?}");
    }
    assert!(bed.stats().get(Count::TlsFull) > 50);
}

#[test]
fn a_client_that_hangs_up_while_its_hello_waits_gets_no_handshake() {
    for reset in [false, true] {
        let mut bed = Bed::new(echo());
        bed.secure(1);
        bed.network.cost(Duration::from_millis(1));
        let clients: Vec<_> = (0..40).map(|_| bed.client()).collect();
        for _ in 0..4 {
            bed.turn();
        }
        let waiting = (0..40).filter(|slot| bed.server.lines.layers.awaits_hello(*slot)).count();
        assert!(waiting > 20, "{waiting}");
        clients.iter().for_each(|client| if reset { client.reset() } else { client.finish() });
        let before = bed.stats().get(Count::TlsMicros);
        bed.turn();
        assert!(bed.connections() <= 40 - waiting, "{} are left", bed.connections());
        bed.settle();
        assert!(bed.stats().get(Count::TlsMicros) - before < 40_000);
        bed.pass(Duration::from_secs(20));
        bed.assert_empty();
    }
}

#[test]
fn a_handshake_that_is_not_complete_in_time_is_dropped() {
    let mut bed = Bed::new(echo());
    bed.secure(1);
    let client = bed.network.connect(0);
    client.write(&[0x16, 3, 1, 2, 0, 1]);
    bed.settle();
    assert!(bed.memory() >= 6);
    bed.pass(bed.env().config.handshake_timeout + Duration::from_secs(1));
    assert!(client.is_gone());
    assert_eq!(bed.stats().get(Count::HandshakeTimeouts), 1);
    bed.assert_empty();
    assert_eq!(bed.memory(), 0);
}

#[test]
fn a_failure_is_told_by_an_alert_before_the_stream_ends() {
    for mut bed in beds(echo) {
        let mut client = bed.open();
        // Behind the client's TLS, so that the server cannot read it.
        client.network.wire(client.at, |wire| {
            wire.codec = None;
            wire.arrive(&[0x17, 3, 3, 0, 30]);
            wire.arrive(&[7; 30]);
        });
        bed.settle();
        assert!(bed.log().last().is_some_and(|line| line.starts_with("close ")), "the handler hears of it");
        let alert = client.bytes().clone();
        assert!(alert.len() > 7 && [0x15, 0x17].contains(&alert[0]), "{alert:?}");
        assert!(client.is_ended() && !client.is_gone(), "the alert can be read");
        client.cut();
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn bytes_that_are_neither_tls_nor_http_end_the_connection() {
    let mut bed = Bed::new(echo());
    bed.secure(1);
    let mut client = bed.network.connect(0);
    client.write(&[0x80, 0x2e, 1, 0, 2]);
    bed.settle();
    assert!(client.is_ended() && client.bytes().is_empty());
    assert_eq!(bed.stats().get(Count::TlsBroken), 1);
    client.finish();
    bed.settle();
    bed.assert_empty();
}

#[test]
fn plain_http_is_sent_to_https_and_a_plain_websocket_is_told_to_use_wss() {
    let cases = [
        ("GET /a?b=c HTTP/1.1\r\nHost: example.org:8443\r\n\r\n", 308, Some("https://example.org:8443/a?b=c")),
        ("HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n", 308, Some("https://example.org/")),
        ("GET / HTTP/1.0\r\n\r\n", 400, None),
        ("POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\n\r\nabc", 400, None),
        (&request("/"), 400, None),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, None),
    ];
    for (head, status, location) in cases {
        let mut bed = Bed::new(echo());
        bed.secure(1);
        let mut client = bed.network.connect(0);
        client.write(head.as_bytes());
        bed.settle();
        let response = client.response().expect("a response");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{head}\n{response}");
        assert_eq!(response.lines().find_map(|line| line.strip_prefix("Location: ")), location, "{head}");
        assert!(client.is_ended());
        assert_eq!(bed.stats().get(Count::TlsClear), 1);
        client.finish();
        bed.settle();
        bed.assert_empty();
    }
}

#[test]
fn a_page_without_a_port_is_that_of_port_443() {
    for (origin, status) in [("https://example.org", 101), ("http://example.org", 403), ("https://evil.example", 403)] {
        let mut bed = Bed::new(echo());
        bed.secure(1);
        let mut client = bed.connect(&request("/").replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n")));
        bed.settle();
        let response = client.response().expect("a response");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {response}");
    }
}

#[test]
fn the_end_of_the_stream_in_mid_frame_is_a_lost_connection() {
    for mut bed in beds(echo) {
        let client = bed.open();
        client.write(&masked(0x82, &[0; 1000])[..500]);
        client.cut();
        bed.settle();
        let log = bed.log();
        assert_eq!(log.last().map(String::as_str), Some("close lost 1006 #0.0"), "{log:?}");
        bed.assert_empty();
    }
}
