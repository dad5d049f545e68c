//! The flags of TLS: the files of certificates and keys, how it is spoken, and where plain HTTP is sent on to it.

use std::io;
use std::path::{Path, PathBuf};

use super::address;
use super::deflate;
use super::failure::Failure;
use crate::{Tls, TlsClients, TlsError, TlsFiles, TlsPair, TlsVersion};

pub(super) mod warnings;

/// Whether this build speaks TLS.
const AVAILABLE: bool = cfg!(feature = "tls");

/// The part of `--version` about TLS.
pub(super) const VERSION: &str = match (deflate::VERSION.is_empty(), AVAILABLE) {
    (_, false) => "",
    (true, true) => " with tls",
    (false, true) => " and tls",
};

const CERT: &str = "--tls-cert";
const KEY: &str = "--tls-key";
const MIN: &str = "--tls-min";
const CLIENT_CA: &str = "--tls-client-ca";
const CLIENT_CA_OPTIONAL: &str = "--tls-client-ca-optional";
const REDIRECT: &str = "--redirect";

const NO_TLS: &str = "this build does not speak TLS; make one that does with `cargo build --release --features tls`";

/// The flags of TLS, as they were given.
#[derive(Debug, Default)]
pub(super) struct TlsArgs {
    pub certs: Vec<PathBuf>,
    pub keys: Vec<PathBuf>,
    pub min: Option<String>,
    pub client_ca: Option<PathBuf>,
    pub is_client_optional: bool,
    pub redirect: Vec<String>,
}

impl TlsArgs {
    /// Makes a plan for these addresses, if TLS is asked for.
    ///
    /// # Errors
    /// Names the flag that is wrong, and says what would be right.
    pub(super) fn plan(self, listen: &[String]) -> Result<Option<TlsPlan>, String> {
        let given = [
            (CERT, !self.certs.is_empty()),
            (KEY, !self.keys.is_empty()),
            (MIN, self.min.is_some()),
            (CLIENT_CA, self.client_ca.is_some()),
            (CLIENT_CA_OPTIONAL, self.is_client_optional),
            (REDIRECT, !self.redirect.is_empty()),
        ];
        let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(None) };
        if !AVAILABLE {
            return Err(format!("{flag}: {NO_TLS}"));
        }
        let (certs, keys) = (self.certs.len(), self.keys.len());
        if (certs, keys) == (0, 0) {
            return Err(format!("{flag} is about TLS: it goes with {CERT} FILE and {KEY} FILE"));
        }
        if certs != keys {
            let error = format!("{certs} {CERT} and {keys} {KEY}: give each certificate its key, in the same order");
            return Err(error);
        }
        let all = [(CERT, &self.certs[..]), (KEY, &self.keys), (CLIENT_CA, self.client_ca.as_slice())];
        if let Some((flag, _)) = all.iter().find(|(_, files)| files.iter().any(|file| file.as_os_str().is_empty())) {
            return Err(format!("{flag}: the name of the file is empty"));
        }
        let clients = match (self.client_ca, self.is_client_optional) {
            (Some(authorities), are_optional) => Some(TlsClients { authorities, are_optional }),
            (None, true) => return Err(format!("{CLIENT_CA_OPTIONAL} goes with {CLIENT_CA} FILE")),
            (None, false) => None,
        };
        if !listen.iter().any(|address| address::may_speak_tls(address)) {
            return Err(format!(
                "{CERT}: no address speaks TLS, as those with http: or unix: are plain: add 0.0.0.0:443"
            ));
        }
        let redirect = self.redirect.iter().map(|text| complete_redirect(text)).collect::<Result<_, _>>()?;
        let pairs = self.certs.into_iter().zip(self.keys).map(|(cert, key)| TlsPair { cert, key }).collect();
        let min_version = min_version(self.min.as_deref())?;
        Ok(Some(TlsPlan { files: TlsFiles { pairs, min_version, clients }, redirect }))
    }
}

/// How the server speaks TLS.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TlsPlan {
    pub files: TlsFiles,
    /// Addresses at which plain HTTP is sent on to https.
    pub redirect: Vec<String>,
}

impl TlsPlan {
    /// Reads the files and checks them whole.
    pub(super) fn read(&self) -> Result<Tls, Failure> {
        Tls::read(&self.files).map_err(|error| {
            let kind = if let TlsError::Read(_, error) = &error { error.kind() } else { io::ErrorKind::InvalidData };
            Failure::Read(flag(&self.files, &error), io::Error::new(kind, error))
        })
    }
}

/// The flag that names the file at fault.
pub(super) fn flag(files: &TlsFiles, error: &TlsError) -> &'static str {
    let by_path = |path: &Path| {
        let is_key = files.pairs.iter().any(|pair| pair.key == path);
        let is_cert = files.pairs.iter().any(|pair| pair.cert == path);
        match (is_cert, is_key) {
            (true, _) => CERT,
            (false, true) => KEY,
            (false, false) => CLIENT_CA,
        }
    };
    match error {
        TlsError::OtherKey(..)
        | TlsError::CertificateForKey(_)
        | TlsError::NoKey(_)
        | TlsError::EncryptedKey(_)
        | TlsError::BadKey(..) => KEY,
        TlsError::Read(path, _)
        | TlsError::NotEnded(path, ..)
        | TlsError::NotBase64(path)
        | TlsError::Der(path, _)
        | TlsError::KeyForCertificate(path)
        | TlsError::NoCertificate(path)
        | TlsError::BadCertificate(path, ..) => by_path(path),
        TlsError::NoPair | TlsError::WrongOrder(..) | TlsError::Refused(_) => CERT,
    }
}

fn min_version(text: Option<&str>) -> Result<TlsVersion, String> {
    match text {
        None | Some("1.2") => Ok(TlsVersion::V1_2),
        Some("1.3") => Ok(TlsVersion::V1_3),
        Some(other) => Err(format!("{MIN}: `{other}` is not spoken here: write 1.2 or 1.3")),
    }
}

/// The address of a door that sends clients on to https.
fn complete_redirect(text: &str) -> Result<String, String> {
    let address = address::complete(text).map_err(|error| format!("{REDIRECT}: {error}"))?;
    if address.starts_with("unix:") {
        return Err(format!("{REDIRECT}: `{text}`: browsers reach no Unix-domain socket: write 0.0.0.0:80"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests;
