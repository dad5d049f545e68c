//! Reads certificates and private keys from PEM files (RFC 7468), with an error for each mistake that people make.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::types::tls::TlsError;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The certificates of a file, in their order: at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let blocks = Blocks::read(path, "x509")?;
    let certificates: Vec<_> = blocks.of(SectionKind::Certificate).map(CertificateDer::from).collect();
    match certificates.is_empty() {
        true if blocks.has_key() => Err(TlsError::KeyForCertificate(path.into())),
        true => Err(TlsError::NoCertificate(path.into())),
        false => Ok(certificates),
    }
}

/// The private key of a file: the first one.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let blocks = Blocks::read(path, "pkey")?;
    let key = blocks.all.iter().find_map(|(kind, der)| PrivateKeyDer::from_pem(*kind, der.clone()));
    match key {
        Some(key) => Ok(key),
        None if blocks.is_encrypted => Err(TlsError::EncryptedKey(path.into())),
        None if blocks.of(SectionKind::Certificate).next().is_some() => Err(TlsError::CertificateForKey(path.into())),
        None => Err(TlsError::NoKey(path.into())),
    }
}

/// The decoded blocks of a file.
struct Blocks {
    all: Vec<(SectionKind, Vec<u8>)>,
    is_encrypted: bool,
}

impl Blocks {
    /// `kind` is the command of `openssl` that converts such a file from DER.
    fn read(path: &Path, kind: &'static str) -> Result<Self, TlsError> {
        let bytes = fs::read(path).map_err(|error| TlsError::Read(path.into(), error))?;
        if bytes.starts_with(b"\x30") {
            // The first byte of every DER structure here: SEQUENCE.
            return Err(TlsError::Der(path.into(), kind));
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some((label, line)) = unended(&text) {
            return Err(TlsError::NotEnded(path.into(), label.into(), line));
        }
        // RFC 7468 11 for PKCS #8; older files name the cipher in a header inside the block.
        let is_encrypted =
            text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED");
        if is_encrypted {
            return Ok(Blocks { all: Vec::new(), is_encrypted });
        }
        let all = <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes).collect::<Result<_, _>>();
        all.map(|all| Blocks { all, is_encrypted }).map_err(|_| TlsError::NotBase64(path.into()))
    }

    fn of(&self, kind: SectionKind) -> impl Iterator<Item = Vec<u8>> {
        self.all.iter().filter(move |(found, _)| *found == kind).map(|(_, der)| der.clone())
    }

    fn has_key(&self) -> bool {
        self.is_encrypted || self.all.iter().any(|(kind, der)| PrivateKeyDer::from_pem(*kind, der.clone()).is_some())
    }
}

/// The first block that has no end before the next one begins: its label, and its line from 1.
fn unended(text: &str) -> Option<(&str, usize)> {
    let mut open = None;
    for (number, line) in text.lines().map(str::trim_end).enumerate() {
        let label = |start| line.strip_prefix(start)?.strip_suffix(DASHES);
        if let Some(label) = label(BEGIN) {
            if open.is_some() {
                return open;
            }
            open = Some((label, number + 1));
        } else if label(END).is_some() {
            open = None;
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_without_an_end_is_found_by_its_line() {
        let whole = "text\n-----BEGIN A-----\nQUJD\n-----END A-----\n";
        let cases = [
            ("".to_owned(), None),
            (whole.to_owned(), None),
            (whole.repeat(2), None),
            ("-----BEGIN A-----\nQU".to_owned(), Some(("A", 1))),
            (format!("{whole}-----BEGIN B C-----\r\nQU\r\n"), Some(("B C", 5))),
            (format!("-----BEGIN B-----\nQU\n{whole}"), Some(("B", 1))),
        ];
        for (text, expected) in cases {
            assert_eq!(unended(&text), expected, "{text}");
        }
    }
}
