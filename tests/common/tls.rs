//! TLS for both ends, by the certificates of the crate's own tests.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sockhop::rustls::client::WantsClientCert;
use sockhop::rustls::crypto::ring::default_provider;
use sockhop::rustls::pki_types::pem::PemObject;
use sockhop::rustls::pki_types::{CertificateDer, ServerName};
use sockhop::rustls::version::{TLS12, TLS13};
use sockhop::rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use sockhop::{Tls, TlsFiles, TlsPair};

use super::line::{Codec, Line};

pub type Version = &'static SupportedProtocolVersion;
pub const VERSIONS: [Version; 2] = [&TLS12, &TLS13];

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/transport/tls/fixtures").join(name)
}

/// The server's files.
pub fn files() -> TlsFiles {
    let pair = TlsPair { cert: fixture("a.pem"), key: fixture("a.key") };
    TlsFiles { pairs: vec![pair], ..TlsFiles::default() }
}

pub fn tls() -> Tls {
    Tls::read(&files()).expect("files of the tests")
}

/// A client that trusts this server, without the word about its own certificate.
pub fn builder(versions: &[Version]) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("authority.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots)
}

/// A client's TLS, which has sent nothing.
pub fn client(config: Arc<ClientConfig>) -> ClientConnection {
    client_for(config, "localhost")
}

/// The same for a server of this name, or with this address.
pub fn client_for(config: Arc<ClientConfig>, name: &'static str) -> ClientConnection {
    ClientConnection::new(config, ServerName::try_from(name).unwrap()).unwrap()
}

/// The bytes with which a client begins: one record.
pub fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    client(Arc::new(builder(&VERSIONS).with_no_client_auth())).write_tls(&mut bytes).unwrap();
    bytes
}

/// TLS of a [`Line`].
pub struct Session {
    connection: ClientConnection,
    /// The most bytes of the application in a record.
    record: usize,
}

impl Session {
    /// Shakes hands over a socket. Later records have at most so many bytes of the application.
    pub fn line(socket: TcpStream, record: usize) -> Line {
        static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        let config = CONFIG.get_or_init(|| Arc::new(builder(&[&TLS13]).with_no_client_auth()));
        Self::line_of(socket, client(Arc::clone(config)), record)
    }

    pub fn line_of(mut socket: TcpStream, mut connection: ClientConnection, record: usize) -> Line {
        connection.set_buffer_limit(None);
        while connection.is_handshaking() || connection.wants_write() {
            connection.complete_io(&mut socket).expect("a handshake");
        }
        Line::over(socket, Box::new(Session { connection, record }))
    }

    /// Everything that it has for the network.
    fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut bytes).expect("room in memory");
        }
        bytes
    }
}

impl Codec for Session {
    fn encrypt(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut records = Vec::new();
        for part in plain.chunks(self.record) {
            self.connection.writer().write_all(part).expect("room in memory");
            records.extend(self.output());
        }
        records
    }

    fn decrypt(&mut self, mut records: &[u8], plain: &mut Vec<u8>) -> io::Result<bool> {
        let mut is_ended = false;
        while !records.is_empty() && !is_ended {
            self.connection.read_tls(&mut records)?;
            let state = self.connection.process_new_packets().map_err(io::Error::other)?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            self.connection.reader().read_exact(&mut plain[start..])?;
            is_ended = state.peer_has_closed();
        }
        Ok(is_ended)
    }

    fn close(&mut self) -> Vec<u8> {
        self.connection.send_close_notify();
        self.output()
    }
}
