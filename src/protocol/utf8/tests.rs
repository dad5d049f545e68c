use super::*;
use crate::protocol::testing::Random;

/// The position of the byte at which the validator fails when it gets one byte at a time.
fn first_refused(text: &[u8]) -> Option<usize> {
    let mut validator = Utf8Validator::default();
    text.iter().position(|byte| validator.push(&[*byte]).is_err())
}

/// Whether all pieces are accepted, and whether the text may end after them.
fn judge<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (bool, bool) {
    let mut validator = Utf8Validator::default();
    let pushed = pieces.into_iter().try_for_each(|piece| validator.push(piece)).is_ok();
    (pushed, pushed && validator.finish().is_ok())
}

/// Texts with the position of their first invalid byte; `None`: the text is valid or only incomplete. From Autobahn 6.5 to
/// 6.23 and table 3-7 of the Unicode standard.
const TEXTS: &[(&[u8], Option<usize>)] = &[
    (b"", None),
    (b"Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!", None),
    ("κόσμε".as_bytes(), None),
    // The first and the last character of each length, and the neighbours of the surrogates.
    (b"\x00", None),
    (b"\x7F", None),
    (b"\xC2\x80", None),
    (b"\xDF\xBF", None),
    (b"\xE0\xA0\x80", None),
    (b"\xED\x9F\xBF", None),
    (b"\xEE\x80\x80", None),
    (b"\xEF\xBF\xBD", None),
    (b"\xEF\xBF\xBF", None),
    (b"\xF0\x90\x80\x80", None),
    (b"\xF4\x8F\xBF\xBF", None),
    // Incomplete.
    (b"\xC2", None),
    (b"\xE1", None),
    (b"\xE1\x80", None),
    (b"\xF1", None),
    (b"\xF1\x80", None),
    (b"\xF1\x80\x80", None),
    // Continuation bytes without a first byte.
    (b"\x80", Some(0)),
    (b"\xBF", Some(0)),
    (b"a\x80\xBF", Some(1)),
    (b"\xC2\x80\x80", Some(2)),
    // A first byte where a continuation byte must be.
    (b"\xC2 ", Some(1)),
    (b"\xE1\x80 ", Some(2)),
    (b"\xF1\x80\x80 ", Some(3)),
    (b"\xE1\xC2\x80", Some(1)),
    // Bytes that never occur in UTF-8, such as the first byte of a form of five or six bytes.
    (b"\xC0", Some(0)),
    (b"\xC1\xBF", Some(0)),
    (b"\xF5", Some(0)),
    (b"\xF8\x88\x80\x80\x80", Some(0)),
    (b"\xFC\x84\x80\x80\x80\x80", Some(0)),
    (b"\xFE", Some(0)),
    (b"\xFF", Some(0)),
    // Overlong forms, code points beyond U+10FFFF, surrogates: the second byte shows each of them.
    (b"\xE0\x80\xAF", Some(1)),
    (b"\xE0\x9F\xBF", Some(1)),
    (b"\xF0\x80\x80\xAF", Some(1)),
    (b"\xF0\x8F\xBF\xBF", Some(1)),
    (b"\xF4\x90\x80\x80", Some(1)),
    (b"\xED\xA0\x80", Some(1)),
    (b"\xED\xBF\xBF", Some(1)),
    (b"\xED\xA0\x80\xED\xB0\x80", Some(1)),
    (b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80edited", Some(12)),
];

#[test]
fn refuses_each_text_at_its_first_invalid_byte() {
    for (text, wrong) in TEXTS {
        assert_eq!(first_refused(text), *wrong, "{text:02X?}");
        assert_eq!(judge([*text]), (wrong.is_none(), str::from_utf8(text).is_ok()), "{text:02X?} at once");
    }
}

#[test]
fn agrees_with_std_however_the_text_is_split_and_whatever_stands_before_it() {
    for padding in [0, 1, 2, 3, 60, 61, 62, 63, 64, 65, 130] {
        for (text, wrong) in TEXTS {
            let padded = [&vec![b'x'; padding][..], text].concat();
            let expected = (wrong.is_none(), str::from_utf8(text).is_ok());
            for cut in 0..=padded.len() {
                let (head, tail) = padded.split_at(cut);
                assert_eq!(judge([head, tail]), expected, "{text:02X?} behind {padding}, cut at {cut}");
            }
        }
    }
}

#[test]
fn a_validator_takes_five_bytes() {
    assert_eq!(size_of::<Utf8Validator>(), 5);
}

#[test]
fn splits_off_only_an_unfinished_character() {
    for (piece, tail) in [
        (&b""[..], 0),
        (b"abc", 0),
        ("aé".as_bytes(), 0),
        ("a€".as_bytes(), 0),
        ("a🎈".as_bytes(), 0),
        (b"a\xC3", 1),
        (b"a\xE2\x82", 2),
        (b"a\xF0\x9F", 2),
        (b"a\xF0\x9F\x8E", 3),
        (b"\x80\x80\x80\x80", 0),
    ] {
        assert_eq!(split_off_unfinished(piece).1.len(), tail, "{piece:02X?}");
    }
}

#[test]
fn refuses_random_bytes_as_early_as_std_can() {
    let mut random = Random::new(1);
    for _ in 0..20_000 {
        let len = random.below(7);
        let text: Vec<u8> =
            (0..len).map(|_| random.pick(b"a\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xE0\xE1\xED\xF0\xF4\xF5")).collect();
        let wrong = (0..text.len()).find(|end| str::from_utf8(&text[..=*end]).is_err_and(|e| e.error_len().is_some()));
        assert_eq!(first_refused(&text), wrong, "{text:02X?}");
    }
}
