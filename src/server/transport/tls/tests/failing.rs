use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, Error};

use super::super::testing::client_config;
use super::*;
use crate::server::types::tls::{TlsClients, TlsFiles, TlsPair};

/// The failure of a connection that has just failed, and its count.
fn failed(pair: &mut Pair) -> (String, Option<Count>) {
    let error = pair.receive_all().expect_err("a failure");
    assert_eq!((error.kind(), pair.security()), (ErrorKind::InvalidData, Security::Failed));
    assert_eq!(pair.layers.held(0), pair.pending(), "nothing else is kept");
    (error.to_string(), pair.ending())
}

#[test]
fn a_broken_record_is_answered_with_an_alert() {
    for version in VERSIONS {
        for room in [usize::MAX, 3] {
            let mut pair = Pair::open(version);
            pair.client.limit(room);
            let mut bytes = pair.peer.encode(b"hello");
            *bytes.last_mut().expect("a record") ^= 1;
            pair.write(&bytes);
            assert_eq!(failed(&mut pair).1, Some(Count::TlsBroken));
            assert_eq!(pair.pending() > 0, room == 3);
            pair.client.unlimit();
            pair.flush();
            pair.take();
            let alert = Error::AlertReceived(AlertDescription::BadRecordMac);
            assert_eq!(pair.peer.failure, Some(alert));
            // Nothing is sent behind it, and what still comes is discarded.
            assert!(pair.send(b"more").is_err());
            pair.write(b"anything");
            assert_eq!(pair.receive().expect("bytes to discard").wire, 8);
            pair.shutdown_write();
            assert!(pair.client.is_ended());
        }
    }
}

#[test]
fn what_client_and_server_do_not_share_is_named() {
    let server = |change: fn(&mut rustls::ServerConfig)| {
        let mut config = super::super::testing::server_config(&VERSIONS[1..]);
        change(&mut config);
        Tls::from_config(Arc::new(config))
    };
    let mut pair = Pair::with(&server(|_| {}), Peer::of(&VERSIONS[..1]));
    let hello = pair.peer.output();
    pair.write(&hello);
    let (text, count) = failed(&mut pair);
    assert_eq!(count, Some(Count::TlsNothingInCommon));
    assert_eq!(text, "the client offers no version of TLS that is spoken here");
    pair.take();
    assert_eq!(pair.peer.failure, Some(Error::AlertReceived(AlertDescription::ProtocolVersion)));

    let mut config = client_config(&VERSIONS);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut pair = Pair::with(&server(|_| {}), Peer::new(config));
    let hello = pair.peer.output();
    pair.write(&hello);
    let (text, count) = failed(&mut pair);
    assert_eq!((text.as_str(), count), ("the client does not offer http/1.1", Some(Count::TlsNothingInCommon)));
    pair.take();
    assert_eq!(pair.peer.failure, Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)));
}

/// A ClientHello of TLS 1.0 (RFC 2246 7.4.1.2), with these extensions.
fn hello_of_tls_1_0(extensions: &[u8]) -> Vec<u8> {
    let body = [&[3, 1][..], &[7; 32], &[0, 0, 4, 0, 0x2f, 0, 0x0a, 1, 0], extensions].concat();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    [&[0x16, 3, 1, 0, message.len() as u8][..], &message].concat()
}

#[test]
fn a_client_of_tls_1_0_is_told_that_the_version_is_wrong() {
    // RFC 5246 7.4.1.4.1 signature_algorithms: rsa_pkcs1_sha256.
    let extension = [0, 8, 0, 13, 0, 4, 0, 2, 4, 1];
    let cases = [
        (&extension[..], "the client offers no version of TLS that is spoken here", AlertDescription::ProtocolVersion),
        (&[], "the client offers TLS 1.1 or older, or no signature algorithm", AlertDescription::HandshakeFailure),
    ];
    for (extensions, expected, alert) in cases {
        let mut pair = Pair::new(VERSIONS[0]);
        pair.write(&hello_of_tls_1_0(extensions));
        let (text, count) = failed(&mut pair);
        assert_eq!((text.as_str(), count), (expected, Some(Count::TlsNothingInCommon)));
        pair.take();
        assert_eq!(pair.peer.failure, Some(Error::AlertReceived(alert)));
    }
}

#[test]
fn a_client_that_does_not_trust_the_certificate_is_named() {
    let mut config = client_config(&VERSIONS);
    let stranger = rustls::client::WebPkiServerVerifier::builder_with_provider(
        Arc::new(rustls::RootCertStore { roots: client_roots() }),
        Arc::new(rustls::crypto::ring::default_provider()),
    );
    config.dangerous().set_certificate_verifier(stranger.build().expect("a verifier"));
    let mut pair = Pair::with(&tls(&VERSIONS), Peer::new(config));
    let error = pair.pump().expect_err("a refusal");
    assert_eq!(error.to_string(), "the client does not trust the certificate (UnknownCA)");
    assert_eq!(pair.ending(), Some(Count::TlsRefused));
}

/// An authority that has signed nothing.
fn client_roots() -> Vec<rustls::pki_types::TrustAnchor<'static>> {
    use rustls::pki_types::Der;
    let name = Der::from_slice(&[0x31, 0]);
    let key = Der::from_slice(&[0x30, 0]);
    vec![rustls::pki_types::TrustAnchor { subject: name, subject_public_key_info: key, name_constraints: None }]
}

#[test]
fn bytes_that_are_no_tls_are_told_by_the_first() {
    // SSL 2.0, a record of another kind, NUL, a separator.
    for first in [0x80, 0x17, 0, b':'] {
        let mut pair = Pair::new(VERSIONS[1]);
        pair.write(&[first, 1, 2, 3]);
        let (text, count) = failed(&mut pair);
        assert_eq!((text.as_str(), count), ("the client sends neither TLS nor HTTP", Some(Count::TlsBroken)));
        assert!(pair.client.bytes().is_empty(), "no answer");
    }
    let mut pair = Pair::new(VERSIONS[1]);
    pair.write(&[0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9]);
    assert_eq!(failed(&mut pair).1, Some(Count::TlsBroken));
}

#[test]
fn plain_http_passes_as_it_is() {
    let mut pair = Pair::new(VERSIONS[1]);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    pair.write(request);
    let received = pair.receive().expect("bytes");
    assert_eq!(received, Received { len: request.len(), wire: request.len(), drained: true, ended: false });
    assert_eq!((pair.security(), pair.ending()), (Security::Clear, Some(Count::TlsClear)));
    assert_eq!(pair.send(b"HTTP/1.1 400").expect("a socket"), 12);
    assert_eq!(pair.client.bytes(), b"HTTP/1.1 400");
    assert_eq!(pair.got, request);
}

/// A ClientHello of this length, in records of 4 KiB, without its last byte.
fn hello(len: usize) -> Vec<u8> {
    let message = [&[1, 0, (len >> 8) as u8, len as u8][..], &vec![3; len]].concat();
    let record = |part: &[u8]| [&[0x16, 3, 1, (part.len() >> 8) as u8, part.len() as u8][..], part].concat();
    message[..message.len() - 1].chunks(4096).flat_map(record).collect()
}

#[test]
fn a_hello_of_more_than_16_kib_gets_an_alert() {
    let mut pair = Pair::new(VERSIONS[1]);
    pair.write(&hello(16_000));
    assert!(pair.receive_all().expect("a part of a hello").drained);
    assert!(pair.layers.held(0) < 20_000, "{}", pair.layers.held(0));
    for len in [17_000, 60_000] {
        let mut pair = Pair::new(VERSIONS[1]);
        pair.write(&hello(len));
        let (text, count) = failed(&mut pair);
        assert_eq!((text.as_str(), count), ("the client's part of the handshake is too long", Some(Count::TlsBroken)));
        pair.take();
        assert_eq!(pair.peer.failure, Some(Error::AlertReceived(AlertDescription::DecodeError)));
    }
}

/// A client that shows its certificate with so many behind it that nobody needs.
fn with_chain(version: Version, needless: usize) -> Peer {
    let [client, authority] =
        [CLIENT, AUTHORITY].map(|pem| CertificateDer::from_pem_slice(pem).expect("a certificate"));
    let chain = [client].into_iter().chain(std::iter::repeat_n(authority, needless)).collect();
    let key = PrivateKeyDer::from_pem_slice(CLIENT_KEY).expect("a key");
    let mut config = client_config(&[version]);
    let keys = Arc::clone(config.crypto_provider());
    let key = CertifiedKey::from_der(chain, key, &keys).expect("a pair that fits");
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
    Peer::new(config)
}

const CLIENT: &[u8] = include_bytes!("../fixtures/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("../fixtures/client.key");
const AUTHORITY: &[u8] = include_bytes!("../fixtures/authority.pem");

#[test]
fn the_certificates_of_a_client_are_counted_as_memory_and_bounded() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/transport/tls/fixtures");
    let pair = TlsPair { cert: fixtures.join("a.pem"), key: fixtures.join("a.key") };
    let clients = TlsClients { authorities: fixtures.join("authority.pem"), are_optional: true };
    let files = TlsFiles { pairs: vec![pair], clients: Some(clients), ..TlsFiles::default() };
    let tls = Tls::read(&files).expect("files of the tests");
    for version in VERSIONS {
        for needless in [0, 30] {
            let mut pair = Pair::with(&tls, with_chain(version, needless));
            let hello = pair.peer.output();
            pair.write(&hello);
            pair.receive_all().expect("a hello");
            assert!(pair.layers.held(0) >= hello.len(), "its transcript may be kept");
            pair.pump().expect("a handshake");
            assert_eq!(pair.security(), Security::Secure);
            let chain: usize =
                [CLIENT, AUTHORITY].iter().zip([1, needless]).map(|(pem, times)| times * der_len(pem)).sum();
            assert_eq!(pair.layers.held(0), chain, "{version:?}, {needless} certificates too many");
        }
        // As much as comes at once is looked at; of a part of a longer chain no more than 40 KiB are kept.
        let mut pair = Pair::with(&tls, with_chain(version, 140));
        let hello = pair.peer.output();
        pair.write(&hello);
        pair.receive_all().expect("a hello");
        let answer = std::mem::take(pair.client.bytes());
        let (_, flight) = pair.peer.decode(&answer);
        let receive = |piece: &[u8]| {
            pair.write(piece);
            assert!(pair.layers.held(0) <= 2 * (MOST_FLIGHT + 1000), "{} bytes", pair.layers.held(0));
            pair.receive_all().err()
        };
        let error = flight.chunks(1000).find_map(receive).expect("a long chain");
        assert_eq!(error.to_string(), "the client's part of the handshake is too long");
        assert_eq!(pair.layers.held(0), pair.pending());
    }
}

fn der_len(pem: &[u8]) -> usize {
    CertificateDer::from_pem_slice(pem).expect("a certificate").len()
}

#[test]
fn early_data_is_not_accepted() {
    let mut config = super::super::testing::server_config(&VERSIONS);
    config.max_early_data_size = 1000;
    assert_eq!(Tls::from_config(Arc::new(config)).config().max_early_data_size, 0);
}
