use rustls::client::Resumption;
use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite};

use super::super::testing::client_config;
use super::*;

/// A client of TLS 1.3 that makes its records by itself.
struct Maker {
    pair: Pair,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Maker {
    fn new() -> Self {
        let mut config = client_config(&VERSIONS[1..]);
        config.enable_secret_extraction = true;
        let mut pair = Pair::with(&tls(&VERSIONS), Peer::new(config));
        pair.pump().expect("a handshake");
        let peer = std::mem::replace(&mut pair.peer, Peer::of(&VERSIONS));
        let Some(SupportedCipherSuite::Tls13(suite)) = peer.connection.negotiated_cipher_suite() else {
            panic!("not TLS 1.3")
        };
        let (sequence, secrets) = peer.connection.dangerous_extract_secrets().expect("secrets").tx;
        let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else { panic!("another cipher") };
        Maker { pair, encrypter: suite.aead_alg.encrypter(key, iv), sequence }
    }

    fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let payload = OutboundChunks::Single(payload);
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload };
        let record = self.encrypter.encrypt(message, self.sequence).expect("a record");
        self.sequence += 1;
        record.encode()
    }
}

#[test]
fn empty_records_are_passed_over_as_long_as_they_are_few() {
    let mut maker = Maker::new();
    let empty: Vec<u8> = (0..20).flat_map(|_| maker.record(ContentType::ApplicationData, b"")).collect();
    let words = maker.record(ContentType::ApplicationData, b"words");
    maker.pair.write(&empty);
    assert_eq!(maker.pair.receive().expect("empty records").len, 0);
    maker.pair.write(&words);
    maker.pair.receive_all().expect("a record");
    assert_eq!(maker.pair.got, b"words");
    let flood: Vec<u8> = (0..100).flat_map(|_| maker.record(ContentType::ApplicationData, b"")).collect();
    maker.pair.write(&flood);
    assert!(maker.pair.receive_all().is_err(), "100 empty records");
    assert_eq!(maker.pair.ending(), Some(Count::TlsBroken));
}

/// KeyUpdate, update_requested (RFC 8446 4.6.3).
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 1];

#[test]
fn a_handshake_message_may_be_split_over_records_while_we_send() {
    let mut maker = Maker::new();
    let first = maker.record(ContentType::Handshake, &KEY_UPDATE[..2]);
    let second = maker.record(ContentType::Handshake, &KEY_UPDATE[2..]);
    maker.pair.write(&first);
    maker.pair.receive_all().expect("half a KeyUpdate");
    assert!(maker.pair.layers.held(0) > 0, "it is kept");
    assert_eq!(maker.pair.send(b"meanwhile").expect("a socket"), 9);
    maker.pair.write(&second[..4]);
    maker.pair.receive_all().expect("most of a KeyUpdate");
    assert_eq!(maker.pair.send(b"meanwhile").expect("a socket"), 9);
    maker.pair.write(&second[4..]);
    maker.pair.receive_all().expect("a KeyUpdate");
    assert_eq!(maker.pair.layers.held(0), 0);
}

#[test]
fn keys_are_updated_in_both_directions() {
    let mut pair = Pair::open(VERSIONS[1]);
    for round in 0..100_u8 {
        pair.peer.connection.refresh_traffic_keys().expect("TLS 1.3");
        let bytes = pair.peer.encode(&[round]);
        pair.write(&bytes);
        pair.receive_all().expect("a KeyUpdate");
        assert_eq!(pair.send(&[round]).expect("a socket"), 1);
        pair.take();
    }
    assert_eq!((pair.got.len(), pair.answers.len(), pair.peer.failure), (100, 100, None));
}

#[test]
fn a_flood_of_key_updates_ends_the_connection() {
    let mut pair = Pair::open(VERSIONS[1]);
    let mut bytes = Vec::new();
    for _ in 0..40 {
        pair.peer.connection.refresh_traffic_keys().expect("TLS 1.3");
        bytes.extend(pair.peer.output());
    }
    pair.write(&bytes);
    let error = pair.receive_all().expect_err("a flood");
    assert!(error.to_string().contains("TooManyKeyUpdateRequests"), "{error}");
    assert_eq!(pair.security(), Security::Failed);
}

#[test]
fn a_session_is_resumed() {
    for version in VERSIONS {
        let mut config = client_config(&[version]);
        config.resumption = Resumption::in_memory_sessions(8);
        let server = tls(&VERSIONS);
        for count in [Count::TlsFull, Count::TlsResumed] {
            let mut pair = Pair::with(&server, Peer::new(config.clone()));
            pair.pump().expect("a handshake");
            assert_eq!(pair.ending(), Some(count), "{version:?}");
        }
    }
}

#[test]
fn an_alert_in_the_handshake_is_a_refusal() {
    let mut pair = Pair::new(VERSIONS[1]);
    let hello = pair.peer.output();
    pair.write(&hello);
    pair.receive_all().expect("a hello");
    // A plain alert, fatal handshake_failure.
    pair.write(&[0x15, 3, 3, 0, 2, 2, 40]);
    assert!(pair.receive_all().is_err());
    assert_eq!(pair.ending(), Some(Count::TlsRefused));
}
