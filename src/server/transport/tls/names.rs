//! Chooses a certificate by the name that a client asks for (SNI, RFC 6066 §3), and notes the name.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Certificates by the names that they are for (RFC 6125 §6.4): a wildcard stands for one label, the first.
#[derive(Debug)]
pub struct ByName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By the name behind `*.`.
    wildcards: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that name nobody, or somebody else.
    first: Arc<CertifiedKey>,
}

impl ByName {
    /// `first` serves all names that no certificate is for.
    pub fn new(first: Arc<CertifiedKey>) -> Self {
        ByName { exact: HashMap::new(), wildcards: HashMap::new(), first }
    }

    /// Adds a certificate for a name of it. An earlier certificate for the same name stays.
    pub fn add(&mut self, name: &str, certificate: &Arc<CertifiedKey>) {
        let name = name.to_ascii_lowercase();
        let (names, name) = match name.strip_prefix("*.") {
            Some(parent) => (&mut self.wildcards, parent.to_owned()),
            None => (&mut self.exact, name),
        };
        names.entry(name).or_insert_with(|| Arc::clone(certificate));
    }

    /// The certificate for a name.
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.exact.get(&name).or_else(|| self.wildcards.get(name.split_once('.')?.1))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(name));
        Some(Arc::clone(found.unwrap_or(&self.first)))
    }
}

thread_local! {
    /// The name that the last client of this thread has asked for. While buffers are the caller's, rustls shows the name to
    /// the resolver of certificates alone, which all connections share.
    static ASKED: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// The name that a client has asked for, when rustls has just read its ClientHello.
pub fn take_asked() -> Option<Box<str>> {
    ASKED.take()
}

/// Another resolver, whose clients' names are noted. rustls asks it once for each ClientHello, of resumed sessions too.
#[derive(Debug)]
pub struct Noting(pub Arc<dyn ResolvesServerCert>);

impl ResolvesServerCert for Noting {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        ASKED.set(hello.server_name().map(Box::from));
        self.0.resolve(hello)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::ring::sign::any_supported_type;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    /// An Ed25519 key (RFC 8410 10.3), which is quick to load.
    const KEY: [u8; 48] = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20, 0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13,
        0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb,
        0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42,
    ];

    #[test]
    fn the_exact_name_goes_before_a_wildcard_and_a_wildcard_is_one_label() {
        let key = any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(&KEY[..]))).expect("a key");
        let [first, exact, wildcard, other] =
            [(); 4].map(|()| Arc::new(CertifiedKey::new(Vec::new(), Arc::clone(&key))));
        let mut names = ByName::new(Arc::clone(&first));
        names.add("*.example.com", &wildcard);
        names.add("WWW.example.com", &exact);
        names.add("www.example.com", &other);
        let cases = [
            ("www.example.com", Some(&exact)),
            ("Www.Example.Com.", Some(&exact)),
            ("api.example.com", Some(&wildcard)),
            ("a.api.example.com", None),
            ("example.com", None),
            ("com", None),
            ("", None),
            ("*.example.com", Some(&wildcard)),
        ];
        for (name, expected) in cases {
            let found = names.find(name);
            assert_eq!(found.map(Arc::as_ptr), expected.map(Arc::as_ptr), "{name}");
        }
    }
}
