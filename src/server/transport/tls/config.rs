//! [`Tls`]: how a door speaks TLS, made from files or from a configuration of rustls.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, ParsedCertificate, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};

use super::certificate::Facts;
use super::names::{ByName, Noting};
use super::pem;
use crate::server::types::tls::{Certificate, TlsClients, TlsError, TlsFiles, TlsPair, TlsVersion};

/// How a door speaks TLS. Cloning is cheap.
///
/// ```no_run
/// use sockhop::{Tls, TlsFiles, TlsPair};
///
/// let pair = TlsPair { cert: "fullchain.pem".into(), key: "privkey.pem".into() };
/// let tls = Tls::read(&TlsFiles { pairs: vec![pair], ..TlsFiles::default() })?;
/// # Ok::<(), sockhop::TlsError>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    /// Until when the certificates are valid, each with its file.
    certificates: Arc<[Certificate]>,
    /// The authorities of clients, to know whether they change.
    authorities: Arc<[CertificateDer<'static>]>,
}

impl Tls {
    /// Reads the files and checks them whole: each key belongs to its certificate, and everything can be used.
    ///
    /// The server speaks HTTP/1.1 only (ALPN, RFC 7301), keeps no sessions but gives each client a ticket to resume its own
    /// (RFC 8446 §4.6.1), and takes no early data.
    ///
    /// # Errors
    /// Of the first file that cannot be used.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Tls::build(files, |_| None)
    }

    /// Reads the files again, or others that take their place. Tickets that clients have got from `self` stay valid as long as
    /// the authorities of clients are the same: a client of an authority that is gone must not resume its session.
    ///
    /// # Errors
    /// As [`read`](Self::read). `self` can still be used.
    pub fn read_again(&self, files: &TlsFiles) -> Result<Self, TlsError> {
        Tls::build(files, |authorities| (*self.authorities == *authorities).then(|| Arc::clone(&self.config.ticketer)))
    }

    /// TLS with a configuration of your own, such as one with another provider of cryptography. It should have `http/1.1`
    /// alone among its protocols (ALPN). Early data is not accepted whatever it says: an attacker can send it again.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.max_early_data_size = 0;
        config.cert_resolver = Arc::new(Noting(config.cert_resolver));
        let config = Arc::new(config);
        Tls { config, certificates: [].into(), authorities: [].into() }
    }

    /// The certificates that have been read from files, in the order of the pairs.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The sockets of a door are made from it.
    pub(crate) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    fn build(
        files: &TlsFiles,
        ticketer: impl FnOnce(&[CertificateDer<'static>]) -> Option<Arc<dyn ProducesTickets>>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut keys = Vec::new();
        for pair in &files.pairs {
            keys.push(read_pair(pair, &provider)?);
        }
        let (first, _) = keys.first().ok_or(TlsError::NoPair)?;
        let mut names = ByName::new(Arc::clone(first));
        for (pair, (key, _)) in files.pairs.iter().zip(&keys) {
            for name in names_of(&pair.cert, key)? {
                names.add(&name, key);
            }
        }
        let versions: &[_] = match files.min_version {
            TlsVersion::V1_2 => &[&TLS12, &TLS13],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).map_err(refused)?;
        let authorities = match &files.clients {
            Some(clients) => pem::certificates(&clients.authorities)?,
            None => Vec::new(),
        };
        let builder = match &files.clients {
            Some(clients) => ask_clients(builder, clients, &authorities, &provider)?,
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(names));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        config.ticketer = match ticketer(&authorities) {
            Some(ticketer) => ticketer,
            None => ring::Ticketer::new().map_err(refused)?,
        };
        let certificates = keys.into_iter().map(|(_, certificate)| certificate).collect();
        Ok(Tls { certificates, authorities: authorities.into(), ..Tls::from_config(Arc::new(config)) })
    }
}

/// No key and no ticket is shown.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

/// Reads a certificate and its key, which must belong together.
fn read_pair(pair: &TlsPair, provider: &CryptoProvider) -> Result<(Arc<CertifiedKey>, Certificate), TlsError> {
    let chain = pem::certificates(&pair.cert)?;
    let key = pem::private_key(&pair.key)?;
    let bad_key = |error: rustls::Error| TlsError::BadKey(pair.key.clone(), error.to_string());
    let key = provider.key_provider.load_private_key(key).map_err(bad_key)?;
    let mut facts = Vec::new();
    for (at, certificate) in chain.iter().enumerate() {
        let malformed = |reason| TlsError::BadCertificate(pair.cert.clone(), at + 1, reason);
        let parsed = ParsedCertificate::try_from(certificate).map_err(|error| malformed(error.to_string()))?;
        let own = Facts::of(certificate).ok_or_else(|| malformed("its structure is not that of RFC 5280".into()))?;
        // A key that does not tell its public half is taken on trust.
        let has_key = key.public_key().is_none_or(|key| key == parsed.subject_public_key_info());
        facts.push((own, has_key));
    }
    let facts = match (facts.first(), facts.iter().position(|(_, has_key)| *has_key)) {
        (Some((first, _)), Some(0)) => first.clone(),
        (_, Some(at)) => return Err(TlsError::WrongOrder(pair.clone(), at + 1)),
        (first, None) => {
            let subject = first.map_or_else(String::new, |(first, _)| first.subject.clone());
            return Err(TlsError::OtherKey(pair.clone(), subject));
        }
    };
    let certificate = Certificate { path: (*pair.cert).into(), subject: facts.subject, not_after: facts.not_after };
    Ok((Arc::new(CertifiedKey::new(chain, key)), certificate))
}

/// The names that a certificate is for (RFC 6125 §6.4: those of its subjectAltName).
fn names_of(path: &Path, key: &CertifiedKey) -> Result<Vec<String>, TlsError> {
    let malformed = |error: webpki::Error| TlsError::BadCertificate(path.into(), 1, error.to_string());
    let Some(certificate) = key.cert.first() else { return Ok(Vec::new()) };
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(malformed)?;
    Ok(parsed.valid_dns_names().map(str::to_owned).collect())
}

/// Asks clients for certificates.
fn ask_clients(
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    clients: &TlsClients,
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, TlsError> {
    let mut roots = RootCertStore::empty();
    for (at, authority) in authorities.iter().enumerate() {
        let malformed =
            |error: rustls::Error| TlsError::BadCertificate(clients.authorities.clone(), at + 1, error.to_string());
        roots.add(authority.clone()).map_err(malformed)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    let verifier = if clients.are_optional { verifier.allow_unauthenticated() } else { verifier };
    let verifier = verifier.build().map_err(|error| TlsError::Refused(error.to_string()))?;
    Ok(builder.with_client_cert_verifier(verifier))
}

fn refused(error: rustls::Error) -> TlsError {
    TlsError::Refused(error.to_string())
}

#[cfg(test)]
mod tests;
