//! Warnings about keys and certificates that can be used: a key that others can read, a certificate that ends soon.

use std::fs;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;

use crate::{Certificate, TlsFiles};

/// Days before the end of a certificate. Those of Let's Encrypt are renewed 30 days before, so that by then it has
/// failed.
const SOON: i64 = 14;
const DAY: i64 = 24 * 60 * 60;

/// A line for each private key that somebody else can read.
pub(in crate::cli) fn of_keys(files: &TlsFiles) -> Vec<String> {
    let mut lines = Vec::new();
    for pair in &files.pairs {
        // It has just been read: if it is gone, the next reading says so.
        let Ok(metadata) = fs::metadata(&pair.key) else { continue };
        let (mode, path) = (metadata.mode() & 0o777, pair.key.display());
        if let Some(who) = readers(mode, metadata.uid()) {
            lines.push(format!("--tls-key: {path} can be read by {who} (mode {mode:04o}): chmod 600 {path}"));
        }
    }
    lines
}

/// Names the users who can read a private key besides its owner. A group may read a key of root: the server reads it that
/// way with the group ssl-cert of Debian, and with the credentials of systemd.
fn readers(mode: u32, owner: u32) -> Option<&'static str> {
    match (mode & 0o007, mode & 0o070) {
        (0, 0) => None,
        (0, _) if owner == 0 => None,
        (0, _) => Some("its group"),
        _ => Some("everybody"),
    }
}

/// A line for each certificate that has ended, or ends soon.
pub(in crate::cli) fn of_ends(certificates: &[Certificate], now: Timestamp) -> Vec<String> {
    let line = |certificate: &Certificate| {
        let end = i64::try_from(certificate.not_after).ok()?;
        let left = end - now.as_second();
        if left >= SOON * DAY {
            return None;
        }
        let date = Timestamp::from_second(end).ok()?.to_string();
        let date = date.split('T').next().unwrap_or_default();
        let end = match left {
            ..=0 => format!("has expired on {date}, and clients refuse it"),
            1..DAY => format!("expires on {date}, within a day"),
            left => format!("expires on {date}, in less than {} days", left / DAY + 1),
        };
        let (path, subject) = (certificate.path.display(), &certificate.subject);
        Some(format!("--tls-cert: {path} ({subject}) {end}: renew it, then send SIGHUP"))
    };
    certificates.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_owner_and_a_key_of_root_for_its_group_as_well() {
        for (mode, owner, expected) in [
            (0o600, 1000, None),
            (0o400, 0, None),
            (0o640, 0, None),
            (0o440, 0, None),
            (0o640, 1000, Some("its group")),
            (0o644, 1000, Some("everybody")),
            (0o644, 0, Some("everybody")),
            (0o602, 1000, Some("everybody")),
        ] {
            assert_eq!(readers(mode, owner), expected, "{mode:o} {owner}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_told_two_weeks_before() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let certificate = |left: i64| Certificate {
            path: std::path::Path::new("c.pem").into(),
            subject: "CN=a.example".into(),
            not_after: u64::try_from(now.as_second() + left).unwrap(),
        };
        for (left, expected) in [
            (14 * DAY, None),
            (14 * DAY - 1, Some("expires on 2027-01-29, in less than 14 days")),
            (1, Some("expires on 2027-01-15, within a day")),
            (0, Some("has expired on 2027-01-15, and clients refuse it")),
            (-3 * DAY, Some("has expired on 2027-01-12, and clients refuse it")),
        ] {
            let expected =
                expected.map(|end| format!("--tls-cert: c.pem (CN=a.example) {end}: renew it, then send SIGHUP"));
            assert_eq!(of_ends(&[certificate(left)], now).pop(), expected, "{left}");
        }
        let endless = Certificate { not_after: u64::MAX, ..certificate(0) };
        assert!(of_ends(&[endless], now).is_empty());
    }
}
