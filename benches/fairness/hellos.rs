//! Doors with TLS for floods of ClientHellos, each of which has the server sign.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sockhop::rustls::crypto::ring::default_provider;
use sockhop::rustls::pki_types::ServerName;
use sockhop::rustls::{ClientConfig, ClientConnection, RootCertStore};
use sockhop::{Door, Server, Tls, TlsFiles, TlsPair};

/// Kinds of keys, and how `openssl req` makes one.
const KEYS: [(&str, &[&str]); 3] = [
    ("ClientHellos, P-256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
    ("ClientHellos, RSA 2048", &["-newkey", "rsa:2048"]),
    ("ClientHellos, RSA 4096", &["-newkey", "rsa:4096"]),
];

/// One door for each kind of key.
pub struct Doors {
    kinds: Vec<Tls>,
    /// The ClientHello that each client sends.
    pub hello: Vec<u8>,
}

impl Doors {
    pub const NAMES: [&str; KEYS.len()] = [KEYS[0].0, KEYS[1].0, KEYS[2].0];

    /// Has `openssl` make keys and certificates.
    pub fn make() -> Self {
        let folder = std::env::temp_dir().join(format!("sockhop-fairness-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for keys");
        let kinds = KEYS.iter().map(|(_, algorithm)| make(algorithm, &folder)).collect();
        fs::remove_dir_all(&folder).expect("it is still there");
        Doors { kinds, hello: hello() }
    }

    /// Adds the doors behind those that the server has.
    pub fn open(&self, server: Server) -> Server {
        self.kinds
            .iter()
            .fold(server, |server, tls| server.listen(Door::new("127.0.0.1:0").tls(tls.clone())).expect("a free port"))
    }
}

fn make(algorithm: &[&str], folder: &Path) -> Tls {
    let pair = TlsPair { cert: folder.join("pem"), key: folder.join("key") };
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost"]).args(algorithm);
    openssl
        .arg("-addext")
        .arg("subjectAltName=DNS:localhost")
        .arg("-out")
        .arg(&pair.cert)
        .arg("-keyout")
        .arg(&pair.key);
    let done = openssl.output().expect("openssl, which makes keys, is not installed");
    assert!(done.status.success(), "openssl has failed: {}", String::from_utf8_lossy(&done.stderr));
    Tls::read(&TlsFiles { pairs: vec![pair], ..TlsFiles::default() }).expect("files of openssl")
}

fn hello() -> Vec<u8> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has them");
    let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut hello = Vec::new();
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a configuration");
    client.write_tls(&mut hello).expect("memory takes it");
    hello
}
