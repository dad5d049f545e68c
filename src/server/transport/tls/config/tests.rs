//! Reading files: the mistakes that people make, and what a reload keeps.

use std::fs;
use std::path::PathBuf;

use super::*;

pub const A: &str = include_str!("../fixtures/a.pem");
pub const A_KEY: &str = include_str!("../fixtures/a.key");
pub const B: &str = include_str!("../fixtures/b.pem");
pub const B_KEY: &str = include_str!("../fixtures/b.key");
pub const AUTHORITY: &str = include_str!("../fixtures/authority.pem");

/// A directory that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockhop-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Folder(path)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, contents).expect("a file");
        path
    }

    /// Files with one pair.
    fn pair(&self, cert: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> TlsFiles {
        let pair = TlsPair { cert: self.write("CERT", cert), key: self.write("KEY", key) };
        TlsFiles { pairs: vec![pair], ..TlsFiles::default() }
    }

    /// The error of one pair, with the directory left out.
    fn error(&self, cert: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> String {
        let error = Tls::read(&self.pair(cert, key)).expect_err("a mistake");
        error.to_string().replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn each_mistake_has_an_error_that_says_what_to_do() {
    let folder = Folder::new("mistakes");
    let der = {
        let path = folder.write("a.pem", A);
        pem::certificates(&path).expect("a certificate").remove(0).to_vec()
    };
    let truncated = A.split_at(A.len() / 2).0;
    let chain = [A, AUTHORITY].concat();
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nQUJD\n-----END EC PRIVATE KEY-----\n";
    let pkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nQUJD\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let damaged = A.replacen("MII", "M-I", 1);
    let no_certificate = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
    let encrypted = "KEY is encrypted: openssl pkey -in KEY -out plain.pem";
    let cases: [(&[u8], &[u8], &str); 14] = [
        (A.as_bytes(), B_KEY.as_bytes(), "KEY is not the key of the first certificate in CERT (CN=a.example)"),
        (chain.as_bytes(), B_KEY.as_bytes(), "KEY is not the key of the first certificate in CERT (CN=a.example)"),
        (
            &[B, A].concat().into_bytes(),
            A_KEY.as_bytes(),
            "KEY is not the key of the first certificate in CERT but of number 2: the server's own certificate must come first",
        ),
        (truncated.as_bytes(), A_KEY.as_bytes(), r#"CERT: line 1: the block "CERTIFICATE" is not ended: truncated?"#),
        (
            &der,
            A_KEY.as_bytes(),
            "CERT is not PEM (it looks like DER): openssl x509 -inform der -in CERT -out CERT.pem",
        ),
        (A.as_bytes(), &der, "KEY is not PEM (it looks like DER): openssl pkey -inform der -in KEY -out KEY.pem"),
        (A_KEY.as_bytes(), A.as_bytes(), "CERT holds a private key and no certificate: are the two files swapped?"),
        (A.as_bytes(), A.as_bytes(), "KEY holds certificates and no private key: are the two files swapped?"),
        (A.as_bytes(), pkcs8.as_bytes(), encrypted),
        (A.as_bytes(), old.as_bytes(), encrypted),
        (b"", A_KEY.as_bytes(), "CERT holds no certificate in PEM"),
        (A.as_bytes(), b"# no key yet\n", "KEY holds no private key in PEM"),
        (damaged.as_bytes(), A_KEY.as_bytes(), "CERT is damaged: a block in it is not base64"),
        (no_certificate.as_bytes(), A_KEY.as_bytes(), "CERT: certificate 1 is malformed: "),
    ];
    for (cert, key, expected) in cases {
        let error = folder.error(cert, key);
        let is_it = if expected.ends_with(' ') { error.starts_with(expected) } else { error == expected };
        assert!(is_it, "{error}\nnot: {expected}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new("missing");
    let mut files = folder.pair(A, A_KEY);
    files.pairs[0].key = folder.0.join("no.key");
    let error = Tls::read(&files).expect_err("no file");
    let expected = format!("cannot read {}/no.key: No such file", folder.0.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(matches!(Tls::read(&TlsFiles::default()), Err(TlsError::NoPair)));
}

#[test]
fn the_facts_of_each_certificate_are_known() {
    let folder = Folder::new("facts");
    let mut files = folder.pair([A, AUTHORITY].concat(), A_KEY);
    files.pairs.push(TlsPair { cert: folder.write("B", B), key: folder.write("B_KEY", B_KEY) });
    let tls = Tls::read(&files).expect("good files");
    let facts: Vec<_> = tls.certificates().iter().map(|it| (it.path.to_path_buf(), &*it.subject)).collect();
    assert_eq!(facts, [(folder.0.join("CERT"), "CN=a.example"), (folder.0.join("B"), "CN=b.example")]);
    assert_eq!(tls.certificates()[0].not_after, NOT_AFTER);
    let shown = format!("{tls:?}");
    assert!(shown.contains("a.example") && !shown.contains("ticket"), "{shown}");
}

/// What `openssl x509 -enddate` tells of the fixture `a.pem`.
const NOT_AFTER: u64 = 4_940_805_160;

#[test]
fn tickets_outlive_a_reload_unless_the_authorities_of_clients_change() {
    let folder = Folder::new("reload");
    let files = folder.pair(A, A_KEY);
    let clients = |text| TlsFiles {
        clients: Some(TlsClients { authorities: folder.write("CA", text), are_optional: false }),
        ..files.clone()
    };
    let open = Tls::read(&files).expect("good files");
    let is_same = |one: &Tls, other: &Tls| Arc::ptr_eq(&one.config().ticketer, &other.config().ticketer);
    assert!(is_same(&open, &open.read_again(&files).expect("the same files")));
    let closed = open.read_again(&clients(AUTHORITY)).expect("an authority");
    assert!(!is_same(&open, &closed));
    assert!(is_same(&closed, &closed.read_again(&clients(AUTHORITY)).expect("the same")));
    assert!(!is_same(&closed, &closed.read_again(&clients(A)).expect("another")));
    let error = open.read_again(&clients(A_KEY)).expect_err("a key");
    assert!(matches!(error, TlsError::KeyForCertificate(_)), "{error}");
}

#[test]
fn the_server_speaks_http_1_1_with_one_ticket_and_no_early_data() {
    let folder = Folder::new("options");
    let tls = Tls::read(&folder.pair(A, A_KEY)).expect("good files");
    let config = tls.config();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    assert_eq!((config.send_tls13_tickets, config.max_early_data_size), (1, 0));
    assert!(config.ticketer.enabled() && !config.session_storage.can_cache());
}
