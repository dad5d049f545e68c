//! Certificates that are replaced while the server runs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::process::ChildStderr;

use sockhop::rustls::version::TLS13;

use super::client::{Folder, Identity, shake_hands};
use super::{echo, open, request};
use crate::running::{Running, sockhop, status};

const KEPT: &str = "SIGHUP: pages, tokens and certificates stay as they were: ";

/// A server whose log has a line for each certificate that comes into use.
pub struct Renewing {
    pub server: Running,
    log: BufReader<ChildStderr>,
}

impl Renewing {
    /// Starts an echo with these words and a pair of files.
    pub fn start(cert: &str, key: &str, words: &[&str]) -> Self {
        let words = [&["echo", "0", "--tls-cert", cert, "--tls-key", key], words].concat();
        let mut server = Running::spawn(sockhop(&words).env("RUST_LOG", "info"));
        let log = BufReader::new(server.child.stderr.take().unwrap());
        Renewing { server, log }
    }

    /// Waits for one of the two lines that end a reload.
    pub fn outcome(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log has ended");
            if line.contains(" is in use now") || line.contains(KEPT) {
                return line;
            }
        }
    }

    /// Whether a new connection gets a certificate for this name.
    pub fn has(&self, name: &str) -> bool {
        shake_hands(self.server.address(), name, &[&TLS13], Identity::None).is_ok()
    }

    fn is_of(&self, new: &str, old: &str) {
        assert!(self.has(new) && !self.has(old), "{new} and not {old}");
    }
}

#[test]
fn sighup_replaces_the_certificate_and_drops_nobody() {
    let folder = Folder::new("renewing");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    let mut it = Renewing::start(&cert, &key, &[]);
    it.is_of("a.example", "b.example");
    let mut early = shake_hands(it.server.address(), "a.example", &[&TLS13], Identity::None).unwrap();
    assert_eq!(status(&open(&mut early, "")), 101);
    folder.put("cert.pem", "b.pem");
    folder.put("key.pem", "b.key");
    it.is_of("a.example", "b.example");
    it.server.signal("-HUP");
    let line = it.outcome();
    assert!(line.contains(&format!("{cert} (CN=b.example) is in use now")), "{line}");
    it.is_of("b.example", "a.example");
    echo(&mut early, "still here");
}

#[test]
fn one_bad_file_changes_nothing_else_either() {
    let folder = Folder::new("bad");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    let pages = folder.file("pages");
    fs::create_dir_all(&pages).unwrap();
    folder.write("pages/index.html", "old page");
    let mut it = Renewing::start(&cert, &key, &["--page", &pages]);
    let page = |it: &Renewing| {
        let mut stream = shake_hands(it.server.address(), "a.example", &[&TLS13], Identity::None).unwrap();
        request(&mut stream, "GET /", "")
    };
    folder.write("pages/index.html", "new page");
    folder.write("key.pem", "no key");
    it.server.signal("-HUP");
    let line = it.outcome();
    assert!(line.contains(&format!("{KEPT}--tls-key: {key} holds no private key in PEM")), "{line}");
    assert!(page(&it).ends_with("old page"));
    // The other way round: a bad page keeps a good pair out.
    folder.put("cert.pem", "b.pem");
    folder.put("key.pem", "b.key");
    fs::rename(&pages, folder.file("elsewhere")).unwrap();
    it.server.signal("-HUP");
    let line = it.outcome();
    assert!(line.contains(&format!("{KEPT}--page: ")), "{line}");
    it.is_of("a.example", "b.example");
    assert!(page(&it).ends_with("old page"));
    fs::rename(folder.file("elsewhere"), &pages).unwrap();
    it.server.signal("-HUP");
    let line = it.outcome();
    assert!(line.contains("(CN=b.example) is in use now"), "{line}");
    it.is_of("b.example", "a.example");
}

#[test]
fn a_pair_that_does_not_fit_is_an_error_only_after_a_second_try() {
    let folder = Folder::new("mismatch");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    let mut it = Renewing::start(&cert, &key, &[]);
    folder.put("cert.pem", "b.pem");
    it.server.signal("-HUP");
    let line = it.outcome();
    assert!(
        line.contains(&format!("{KEPT}--tls-key: {key} is not the key of the first certificate in {cert}")),
        "{line}"
    );
    it.is_of("a.example", "b.example");
    folder.put("key.pem", "b.key");
    it.server.signal("-HUP");
    assert!(it.outcome().contains("(CN=b.example) is in use now"));
    it.is_of("b.example", "a.example");
}

/// As certbot deploys: `live` has links to the files in `archive`, which it replaces one after the other.
#[test]
fn a_signal_between_the_two_links_of_certbot_does_no_harm() {
    let folder = Folder::new("certbot");
    for name in ["archive", "live"] {
        fs::create_dir_all(folder.file(name)).unwrap();
    }
    for (number, pair) in [(1, "a"), (2, "b")] {
        folder.put(&format!("archive/fullchain{number}.pem"), &format!("{pair}.pem"));
        folder.put(&format!("archive/privkey{number}.pem"), &format!("{pair}.key"));
    }
    let link = |name: &str, number: usize| {
        let path = folder.file(&format!("live/{name}.pem"));
        // certbot removes the old link first: for a moment there is none.
        let _ = fs::remove_file(&path);
        symlink(format!("../archive/{name}{number}.pem"), &path).unwrap();
        path
    };
    let (cert, key) = (link("fullchain", 1), link("privkey", 1));
    let mut it = Renewing::start(&cert, &key, &[]);
    // A machine that stands still for a second between the two is too late for the second try: then once more.
    for (number, name, old) in [(2, "b.example", "a.example"), (1, "a.example", "b.example")].iter().cycle().take(10) {
        it.is_of(old, name);
        link("fullchain", *number);
        it.server.signal("-HUP");
        link("privkey", *number);
        let line = it.outcome();
        if line.contains(&format!("(CN={name}) is in use now")) {
            it.is_of(name, old);
            // The deploy hook sends another signal when all is done.
            it.server.signal("-HUP");
            assert!(it.outcome().contains(&format!("(CN={name}) is in use now")));
            return;
        }
        assert!(line.contains(KEPT), "{line}");
        it.server.signal("-HUP");
        assert!(it.outcome().contains(&format!("(CN={name}) is in use now")));
    }
    panic!("ten times too late");
}

#[test]
fn keys_that_others_can_read_and_certificates_that_have_expired_are_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("warnings");
    let (cert, key) = (folder.put("cert.pem", "a.pem"), folder.put("key.pem", "a.key"));
    let allow = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o644);
    let mut it = Renewing::start(&cert, &key, &[]);
    let warning = format!("--tls-key: {key} can be read by everybody (mode 0644): chmod 600 {key}\n");
    let mut line = String::new();
    it.log.read_line(&mut line).unwrap();
    assert!(line.ends_with(&warning), "{line}");
    // At a reload, too.
    folder.put("cert.pem", "old.pem");
    folder.put("key.pem", "old.key");
    it.server.signal("-HUP");
    assert!(it.outcome().contains("is in use now"));
    line.clear();
    it.log.read_line(&mut line).unwrap();
    let expected = format!("--tls-cert: {cert} (CN=old.example) has expired on 2020-01-31, and clients refuse it: ");
    assert!(line.contains(&expected), "{line}");
    it.server.signal("-TERM");
    let mut rest = String::new();
    it.log.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("--tls-"), "{rest}");
}
