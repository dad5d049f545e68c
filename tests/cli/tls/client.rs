//! A TLS client, the files of the fixtures, and a folder for a test's own.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sockhop::rustls::crypto::ring::default_provider;
use sockhop::rustls::pki_types::pem::PemObject;
use sockhop::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sockhop::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

pub type Version = &'static SupportedProtocolVersion;

/// The certificate that a client shows.
#[derive(Clone, Copy)]
pub enum Identity {
    None,
    /// The one that the authority of the fixtures has signed.
    Client,
    /// One that nobody has signed but its owner.
    Stranger,
}

/// A connection whose TLS handshake is complete on the client's side.
#[derive(Debug)]
pub struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// Begins TLS on a connection, and trusts only certificates for this name.
    pub fn over(stream: TcpStream, name: &str, versions: &[Version], identity: Identity) -> io::Result<Self> {
        // A server that answers nothing is a failure, not a wait without end.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate("authority.pem")).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        let config = match identity {
            Identity::None => builder.with_no_client_auth(),
            Identity::Client => {
                builder.with_client_auth_cert(vec![certificate("client.pem")], key("client.key")).unwrap()
            }
            Identity::Stranger => builder.with_client_auth_cert(vec![certificate("old.pem")], key("old.key")).unwrap(),
        };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Secure(stream))
    }
}

impl Read for Secure {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Secure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Connects and shakes hands.
pub fn shake_hands(address: &str, name: &str, versions: &[Version], identity: Identity) -> io::Result<Secure> {
    Secure::over(TcpStream::connect(address)?, name, versions, identity)
}

/// The path of a fixture.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/transport/tls/fixtures").join(name);
    path.to_str().unwrap().to_owned()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

fn key(name: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(fixture(name)).unwrap()
}

/// A folder of one test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-cli-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path())
    }

    /// Writes a file that only its owner can read, as a whole: a reader sees the old one or the new one.
    pub fn write(&self, name: &str, text: &str) -> String {
        let (path, new) = (self.file(name), self.file(&format!("{name}.new")));
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }

    /// Puts a fixture into it under another name.
    pub fn put(&self, name: &str, source: &str) -> String {
        self.write(name, &fs::read_to_string(fixture(source)).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If this fails, the files stay in the system's directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
