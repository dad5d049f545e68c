//! The facts of a certificate that the server tells people about (RFC 5280 §4.1): until when it is valid, and for whom.

/// Tags of DER (X.690 §8).
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, constructed: the version of a certificate.
const VERSION: u8 = 0xa0;
/// 2.5.4.3 commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What people need to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    /// `CN=` and the subject's common name; empty if it has none.
    pub subject: String,
    /// The end of its validity, in seconds since the beginning of 1970.
    pub not_after: u64,
}

impl Facts {
    /// Reads them from a certificate in DER. `None`: it is malformed.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate, _) = value(der)?;
        let mut rest = expect(SEQUENCE, certificate)?.0;
        if rest.first() == Some(&VERSION) {
            rest = value(rest)?.2;
        }
        // The serial number, the signature's algorithm, and the issuer.
        for _ in 0..3 {
            rest = value(rest)?.2;
        }
        let (validity, rest) = expect(SEQUENCE, rest)?;
        let (_, _, not_after) = value(validity)?;
        let (tag, time, _) = value(not_after)?;
        let (subject, _) = expect(SEQUENCE, rest)?;
        let name = common_name(subject).map_or(String::new(), |name| format!("CN={}", name.escape_debug()));
        Some(Facts { subject: name, not_after: seconds(tag, time)? })
    }
}

/// The tag and the contents of the first value, and the bytes behind it (X.690 §8.1). No length of a certificate has more
/// than three bytes.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (len, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (len.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(len)?;
    Some((tag, contents, rest))
}

/// The contents of the first value, which must have this tag, and the bytes behind it.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = value(bytes)?;
    (found == tag).then_some((contents, rest))
}

/// The common name in a subject: a sequence of sets of pairs.
fn common_name(mut subject: &[u8]) -> Option<String> {
    while !subject.is_empty() {
        let (set, rest) = expect(SET, subject)?;
        subject = rest;
        let (pair, _) = expect(SEQUENCE, set)?;
        let (kind, pair) = expect(OBJECT_IDENTIFIER, pair)?;
        if kind == COMMON_NAME {
            return Some(String::from_utf8_lossy(value(pair)?.1).into_owned());
        }
    }
    None
}

/// A time in seconds since the beginning of 1970. RFC 5280 4.1.2.5: `YYMMDDHHMMSSZ` up to 2049, then `YYYYMMDDHHMMSSZ`.
fn seconds(tag: u8, text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let pairs: Vec<u64> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))).collect();
    let (year, rest) = match (tag, &*pairs) {
        (UTC_TIME, [year, rest @ ..]) => (year + if *year < 50 { 2000 } else { 1900 }, rest),
        (GENERALIZED_TIME, [century, year, rest @ ..]) => (century * 100 + year, rest),
        _ => return None,
    };
    let [month @ 1..=12, day @ 1..=31, hour @ 0..24, minute @ 0..60, second @ 0..=60] = *rest else { return None };
    // Counted in years that begin in March, so that the leap day is the last one (days_from_civil of H. Hinnant's
    // "chrono-Compatible Low-Level Date Algorithms"). A certificate from before 1970 has ended in any case.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days.saturating_sub(719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_in_seconds() {
        let cases: [(u8, &[u8], Option<u64>); 12] = [
            (UTC_TIME, b"700101000000Z", Some(0)),
            (UTC_TIME, b"991231235959Z", Some(946_684_799)),
            (UTC_TIME, b"000229120000Z", Some(951_825_600)),
            (UTC_TIME, b"491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, b"500101000000Z", Some(0)),
            (GENERALIZED_TIME, b"20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, b"99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, b"700101000000Z", None),
            (UTC_TIME, b"701301000000Z", None),
            (UTC_TIME, b"700101000000+", None),
            (UTC_TIME, b"7001010000Z", None),
            (0x02, b"700101000000Z", None),
        ];
        for (tag, text, expected) in cases {
            assert_eq!(seconds(tag, text), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn lengths_are_bounded_by_the_bytes() {
        assert_eq!(value(&[4, 2, 7, 8, 9]), Some((4, &[7, 8][..], &[9][..])));
        assert_eq!(value(&[4, 0x81, 1, 7]), Some((4, &[7][..], &[][..])));
        for bytes in [&[][..], &[4], &[4, 1], &[4, 0x80, 7], &[4, 0x82, 1], &[4, 0x84, 0, 0, 0, 1, 7], &[4, 0x81, 2, 7]]
        {
            assert_eq!(value(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn no_cut_or_change_of_a_certificate_panics() {
        let der = outline();
        let facts = Facts::of(&der).expect("a certificate");
        assert_eq!(facts, Facts { subject: "CN=a.example".into(), not_after: 4_070_908_800 });
        for end in 0..der.len() {
            let _ = Facts::of(&der[..end]);
            let mut changed = der.clone();
            changed[end] ^= 0x81;
            let _ = Facts::of(&changed);
        }
    }

    /// The outline of a certificate: all that [`Facts`] looks at.
    fn outline() -> Vec<u8> {
        let wrap = |tag: u8, parts: &[&[u8]]| {
            [&[tag, u8::try_from(parts.concat().len()).unwrap()][..], &parts.concat()].concat()
        };
        let name = |oid: &[u8], text: &[u8]| wrap(SET, &[&wrap(SEQUENCE, &[&wrap(6, &[oid]), &wrap(12, &[text])])]);
        let subject = wrap(SEQUENCE, &[&name(&[0x55, 4, 10], b"Acme"), &name(COMMON_NAME, b"a.example")]);
        let validity =
            wrap(SEQUENCE, &[&wrap(UTC_TIME, &[b"200101000000Z"]), &wrap(GENERALIZED_TIME, &[b"20990101000000Z"])]);
        let head = [wrap(VERSION, &[&[2, 1, 2]]), wrap(2, &[&[1]]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[])].concat();
        wrap(SEQUENCE, &[&wrap(SEQUENCE, &[&head, &validity, &subject])])
    }
}
