//! TLS between the load generator and servers: self-made certificates, and the client's side of handshakes.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use sockhop::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use sockhop::rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption, Tls13ClientSessionValue,
};
use sockhop::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use sockhop::rustls::pki_types::pem::PemObject;
use sockhop::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sockhop::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, NamedGroup, SignatureScheme,
};

use crate::workload::Key;

/// The name that certificates are for.
const NAME: &str = "localhost";

/// One certificate for each kind of key, made by `openssl`.
pub struct Certificates {
    folder: PathBuf,
}

/// The files of a server, and the configuration of its clients.
pub struct Secure {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub client: Arc<ClientConfig>,
    /// Whether clients resume the sessions of earlier ones.
    pub resumes: bool,
}

impl Certificates {
    /// Makes certificates in a folder.
    pub fn make(folder: &Path) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let made = Certificates { folder: folder.to_owned() };
        for (key, algorithm) in [
            (Key::P256, &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"][..]),
            (Key::Rsa2048, &["-newkey", "rsa:2048"]),
        ] {
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost"]).args(algorithm);
            openssl.arg("-addext").arg(format!("subjectAltName=DNS:{NAME},IP:127.0.0.1"));
            openssl.arg("-out").arg(made.file(key, "pem")).arg("-keyout").arg(made.file(key, "key"));
            let done = openssl.output().map_err(|error| format!("openssl, which makes certificates: {error}"))?;
            if !done.status.success() {
                return Err(format!("openssl has failed: {}", String::from_utf8_lossy(&done.stderr)).into());
            }
        }
        Ok(made)
    }

    fn file(&self, key: Key, extension: &str) -> PathBuf {
        let name = match key {
            Key::P256 => "p256",
            Key::Rsa2048 => "rsa2048",
        };
        self.folder.join(name).with_extension(extension)
    }

    /// The files with this kind of key, and a new configuration of clients.
    pub fn secure(&self, key: Key, resumes: bool) -> Result<Secure, Box<dyn Error>> {
        let (cert, key) = (self.file(key, "pem"), self.file(key, "key"));
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let only = Arc::new(Only { certificate: CertificateDer::from_pem_file(&cert)?, algorithms });
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut client = builder.dangerous().with_custom_certificate_verifier(only).with_no_client_auth();
        client.resumption = if resumes {
            Resumption::store(Arc::new(Tickets::default())).tls12_resumption(Tls12Resumption::Disabled)
        } else {
            Resumption::disabled()
        };
        Ok(Secure { cert, key, client: Arc::new(client), resumes })
    }
}

impl Secure {
    /// The name that clients ask for.
    pub fn name() -> ServerName<'static> {
        ServerName::DnsName(NAME.try_into().expect("a valid name"))
    }
}

/// Accepts this certificate and no other. Signatures of handshakes are verified, chains are not.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// All tickets that servers have sent. Each is used once (RFC 8446 C.4). The store of rustls keeps eight, fewer than the
/// connections that come at once here.
#[derive(Debug, Default)]
struct Tickets(Mutex<Vec<Tls13ClientSessionValue>>);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
