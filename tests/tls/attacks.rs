//! Clients of TLS that attack, over real sockets. The rows of the table of promises about TLS, and where each is tested:
//!
//! | a client that | is tested in |
//! |---|---|
//! | sends its ClientHello byte by byte | `src/server/transport/tls/tests/reading.rs`, until the deadline `promises/waits.rs` |
//! | sends it in many records | here |
//! | sends one of 17 to 64 KiB, or one that is never complete | `src/server/transport/tls/tests/failing.rs` |
//! | speaks SSL 2.0, or sends garbage | the same, and `main.rs` |
//! | offers TLS 1.0 only | `src/server/transport/tls/tests/failing.rs` |
//! | offers h2 only, or shares nothing with us | `src/server/transport/tls/tests/failing.rs` |
//! | shakes hands by half, 10,000 times | `promises/loads.rs`; the oldest goes: `src/server/event_loop/tests/tls/floods.rs` |
//! | shakes hands and hangs up, again and again | `promises/loads.rs`; the budget: `src/server/event_loop/tests/tls.rs` |
//! | sends records of one byte | `promises/loads.rs`; the budget: `src/server/event_loop/tests/tls/floods.rs` |
//! | sends empty records, or KeyUpdates | `src/server/transport/tls/tests/records.rs` |
//! | ends the stream in mid-frame or mid-record, by FIN or RST | here, and `src/server/event_loop/tests/tls.rs` |
//! | reads nothing | `src/server/event_loop/tests/tls.rs`, 10,000 of them `promises/crowd.rs` |
//! | speaks plain HTTP to TLS, or TLS to plain HTTP | `main.rs`, `src/server/event_loop/tests/tls.rs` |
//! | shows a long chain of certificates | `src/server/transport/tls/tests/failing.rs` |
//!
//! All that is in `promises/waits.rs`, `loads.rs` and `garbage.rs` runs over plain sockets and over TLS.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use sockhop::Config;
use sockhop::rustls::StreamOwned;
use sockhop::rustls::version::TLS13;

use crate::common::raw::{self, BINARY, FIN};
use crate::common::tls::{VERSIONS, builder, client};
use crate::common::{ClientMessage, Echo, PATIENCE, Reporter, TestServer, handshake, read_text, tcp};
use crate::{open, secure, server};

/// Cuts a record of the handshake into many.
fn cut(record: &[u8], len: usize) -> Vec<u8> {
    let (header, message) = record.split_at(5);
    assert_eq!(message.len(), usize::from(u16::from_be_bytes([header[3], header[4]])), "one record");
    let piece = |part: &[u8]| [&header[..3], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(len).flat_map(piece).collect()
}

#[test]
fn a_hello_in_many_records_is_as_good_as_one() {
    let server = TestServer::run(server(Config::default()).mount("/", Echo));
    for version in VERSIONS {
        for len in [1, 2, 3, 100] {
            let mut connection = client(Arc::new(builder(&[version]).with_no_client_auth()));
            let mut hello = Vec::new();
            connection.write_tls(&mut hello).unwrap();
            let mut stream = tcp(server.addr());
            stream.write_all(&cut(&hello, len)).unwrap();
            let mut client = handshake(StreamOwned::new(connection, stream), "wss://localhost/").unwrap().0;
            client.send(ClientMessage::text("whole")).unwrap();
            assert_eq!(read_text(&mut client), "whole", "{version:?}, records of {len} bytes");
        }
    }
}

#[test]
fn a_stream_that_ends_within_a_record_or_a_frame_is_lost() {
    let (handler, reports) = Reporter::new();
    let server = TestServer::run(server(Config::default()).mount("/", handler));
    let frame = raw::frame(FIN | BINARY, &[7; 5000]);
    for version in VERSIONS {
        for is_reset in [false, true] {
            for cut_off in [1, 2000] {
                let mut stream = secure(tcp(server.addr()), version);
                stream.write_all(format!("{}\r\n", raw::request("/")).as_bytes()).unwrap();
                raw::read_101(&mut stream);
                reports.expect(&["open"]);
                // Records that are whole, or all but one byte of one.
                let mut records = Vec::new();
                let whole = if cut_off == 1 { &frame[..] } else { &frame[..frame.len() - cut_off] };
                stream.conn.writer().write_all(whole).unwrap();
                stream.conn.write_tls(&mut records).unwrap();
                let len = if cut_off == 1 { records.len() - 1 } else { records.len() };
                stream.sock.write_all(&records[..len]).unwrap();
                if is_reset {
                    SockRef::from(&stream.sock).set_linger(Some(Duration::ZERO)).unwrap();
                }
                drop(stream);
                if is_reset {
                    let error = reports.poll(PATIENCE).expect("an error");
                    assert!(error.starts_with("error ") && error.contains("reset"), "{error}");
                    reports.expect(&["close by failure 1006"]);
                } else {
                    reports.expect(&["close by loss 1006"]);
                }
            }
        }
    }
    let mut client = open(server.addr(), &TLS13);
    client.send(ClientMessage::text("unharmed")).unwrap();
    assert_eq!(read_text(&mut client), "unharmed");
}
