//! The files and options of TLS for a listener. They are known in every build; the feature `tls` reads them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use crate::http::TlsVersion;

/// The files from which a listener gets its certificates, and how it speaks TLS.
///
/// All files are PEM (RFC 7468), as certificate authorities and `openssl` write them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates with their keys. A client gets the first one that is for the name that it asks for (SNI, RFC 6066 §3);
    /// if there is none, or it names none, the first of all. Default: none, which cannot be read.
    pub pairs: Vec<TlsPair>,
    /// The oldest version of TLS to speak. Default: 1.2.
    pub min_version: TlsVersion,
    /// Authorities whose certificates clients must or may show. Default: none, and no client is asked for a certificate.
    pub clients: Option<TlsClients>,
}

/// A certificate and its private key, each in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPair {
    /// The server's certificate, and behind it the certificates that lead to the authority's, if there are any. certbot
    /// calls it `fullchain.pem`.
    pub cert: PathBuf,
    /// The private key of the first certificate, not encrypted (PKCS #8, PKCS #1 or SEC 1). certbot calls it `privkey.pem`.
    pub key: PathBuf,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsClients {
    /// The certificates of the authorities that sign them.
    pub authorities: PathBuf,
    /// Whether a client without a certificate is served. One with a certificate that is not valid never is.
    pub are_optional: bool,
}

/// A certificate that has been read, as far as people need to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The file that it has been read from.
    pub path: Box<Path>,
    /// `CN=` and the common name of its subject; empty if it has none.
    pub subject: String,
    /// The end of its validity, in seconds since the beginning of 1970.
    pub not_after: u64,
}

/// The reason why the files of [`TlsFiles`] cannot be used. Its text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no pair of a certificate and a key.
    NoPair,
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A block of a PEM file has no end: its label, and the line where it begins, from 1.
    NotEnded(PathBuf, String, usize),
    /// A PEM file has a line within a block that is not base64.
    NotBase64(PathBuf),
    /// A file that should be PEM looks like DER: the path, and the kind of file that `openssl` names.
    Der(PathBuf, &'static str),
    /// A file of certificates holds none, but a private key.
    KeyForCertificate(PathBuf),
    /// A file of certificates holds none.
    NoCertificate(PathBuf),
    /// A file for a private key holds certificates only.
    CertificateForKey(PathBuf),
    /// A file for a private key holds none.
    NoKey(PathBuf),
    /// A private key is encrypted.
    EncryptedKey(PathBuf),
    /// A certificate is malformed: the path, its number in the file from 1, and the reason.
    BadCertificate(PathBuf, usize, String),
    /// A private key is malformed, or of a kind that TLS does not use here.
    BadKey(PathBuf, String),
    /// The key belongs to none of the certificates: the pair, and the subject of the first certificate.
    OtherKey(TlsPair, String),
    /// The key belongs to a later certificate of the file: the pair, and that certificate's number from 2.
    WrongOrder(TlsPair, usize),
    /// The library refuses the options.
    Refused(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |path: &Path| path.display().to_string();
        match self {
            TlsError::NoPair => f.write_str("TLS needs a certificate and its key"),
            TlsError::Read(path, error) => write!(f, "cannot read {}: {error}", show(path)),
            TlsError::NotEnded(path, label, line) => {
                write!(f, "{}: line {line}: the block {label:?} is not ended: truncated?", show(path))
            }
            TlsError::NotBase64(path) => write!(f, "{} is damaged: a block in it is not base64", show(path)),
            TlsError::Der(path, kind) => {
                let path = show(path);
                write!(
                    f,
                    "{path} is not PEM (it looks like DER): openssl {kind} -inform der -in {path} -out {path}.pem"
                )
            }
            TlsError::KeyForCertificate(path) => {
                write!(f, "{} holds a private key and no certificate: are the two files swapped?", show(path))
            }
            TlsError::NoCertificate(path) => write!(f, "{} holds no certificate in PEM", show(path)),
            TlsError::CertificateForKey(path) => {
                write!(f, "{} holds certificates and no private key: are the two files swapped?", show(path))
            }
            TlsError::NoKey(path) => write!(f, "{} holds no private key in PEM", show(path)),
            TlsError::EncryptedKey(path) => {
                write!(f, "{} is encrypted: openssl pkey -in {} -out plain.pem", show(path), show(path))
            }
            TlsError::BadCertificate(path, number, reason) => {
                write!(f, "{}: certificate {number} is malformed: {reason}", show(path))
            }
            TlsError::BadKey(path, reason) => write!(f, "the private key in {} cannot be used: {reason}", show(path)),
            TlsError::OtherKey(pair, subject) => {
                let (key, cert) = (show(&pair.key), show(&pair.cert));
                write!(f, "{key} is not the key of the first certificate in {cert} ({subject})")
            }
            TlsError::WrongOrder(pair, number) => {
                let (key, cert) = (show(&pair.key), show(&pair.cert));
                write!(
                    f,
                    "{key} is not the key of the first certificate in {cert} but of number {number}: the server's own \
                     certificate must come first"
                )
            }
            TlsError::Refused(reason) => write!(f, "these TLS options cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TlsError::Read(_, error) => Some(error),
            _ => None,
        }
    }
}
