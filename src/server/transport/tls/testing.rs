//! A client by rustls for tests and fuzz targets, and configurations for both sides.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::Tls;
use crate::server::transport::memory::{Codec, MakeCodec};

const CERTIFICATE: &[u8] = include_bytes!("fixtures/a.pem");
const KEY: &[u8] = include_bytes!("fixtures/a.key");
const AUTHORITY: &[u8] = include_bytes!("fixtures/authority.pem");

pub(crate) type Version = &'static SupportedProtocolVersion;
pub(crate) const VERSIONS: [Version; 2] = [&TLS12, &TLS13];

/// The configuration of a server for `localhost`.
pub(crate) fn server_config(versions: &[Version]) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("versions");
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).expect("a pair that fits");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The same, as doors take it.
pub(crate) fn tls(versions: &[Version]) -> Tls {
    Tls::from_config(Arc::new(server_config(versions)))
}

/// The configuration of a client that trusts this server, and resumes no session.
pub(crate) fn client_config(versions: &[Version]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).expect("a certificate")).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// A client's TLS.
pub(crate) struct Peer {
    pub connection: ClientConnection,
    /// Why it has failed.
    pub failure: Option<Error>,
    /// The server has sent close_notify.
    pub is_closed: bool,
}

impl Peer {
    pub fn new(config: ClientConfig) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        connection.set_buffer_limit(None);
        Peer { connection, failure: None, is_closed: false }
    }

    /// One that speaks these versions.
    pub fn of(versions: &[Version]) -> Self {
        Self::new(client_config(versions))
    }

    /// The bytes that it has for the network.
    pub fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut bytes).expect("room in memory");
        }
        bytes
    }
}

impl Codec for Peer {
    fn encode(&mut self, plain: &[u8]) -> Vec<u8> {
        self.connection.writer().write_all(plain).expect("room in memory");
        self.output()
    }

    fn decode(&mut self, mut bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut plain = Vec::new();
        while !bytes.is_empty() && self.failure.is_none() && !self.is_closed {
            self.connection.read_tls(&mut bytes).expect("room in memory");
            match self.connection.process_new_packets() {
                Ok(state) => {
                    let start = plain.len();
                    plain.resize(start + state.plaintext_bytes_to_read(), 0);
                    self.connection.reader().read_exact(&mut plain[start..]).expect("the plaintext");
                    self.is_closed = state.peer_has_closed();
                }
                Err(error) => self.failure = Some(error),
            }
        }
        (plain, self.output())
    }

    fn close(&mut self) -> Vec<u8> {
        // Before there are keys nobody would believe it (RFC 8446 6.1).
        if !self.connection.is_handshaking() {
            self.connection.send_close_notify();
        }
        self.output()
    }
}

/// TLS for a server, and the other end of it for a client, which panics if TLS fails. The choice is that of the version.
pub(crate) fn both_ends(choice: usize) -> Option<(Tls, MakeCodec)> {
    fn client(versions: &[Version]) -> Box<dyn Codec> {
        Box::new(Strict(Peer::of(versions)))
    }
    let makers: [MakeCodec; 2] = [|| client(&[&TLS12]), || client(&[&TLS13])];
    Some((tls(&VERSIONS), makers[choice % 2]))
}

/// A client that expects no failure.
struct Strict(Peer);

impl Codec for Strict {
    fn encode(&mut self, plain: &[u8]) -> Vec<u8> {
        self.0.encode(plain)
    }

    fn decode(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        assert!(!self.0.is_closed, "{} bytes after close_notify", bytes.len());
        let decoded = self.0.decode(bytes);
        assert_eq!(self.0.failure, None);
        decoded
    }

    fn close(&mut self) -> Vec<u8> {
        self.0.close()
    }
}
