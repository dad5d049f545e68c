//! Laws of `Utf8Validator` (RFC 6455 8.1, RFC 3629):
//!
//! 1. No input makes it panic.
//! 2. However a text is cut into pieces, it is accepted if and only if `std::str::from_utf8` accepts it.
//! 3. An error shows itself at the first byte after which no valid text can go on, and at none before: byte by byte
//!    that is where it fails, and a piece fails if and only if it has that byte.
//! 4. At each place `finish` says whether the text may end there.
//!
//! The input is a number, so many lengths of pieces, which are used in a circle, and the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhop::protocol::Utf8Validator;

fuzz_target!(|data: &[u8]| {
    let Some((&count, rest)) = data.split_first() else { return };
    let Some((cuts, text)) = rest.split_at_checked(usize::from(count % 8)) else { return };
    let fatal = fatal(text);

    let mut validator = Utf8Validator::default();
    let mut valid = 0;
    for (at, byte) in text.iter().enumerate() {
        assert_eq!(validator.push(&[*byte]).is_err(), fatal == Some(at), "byte {at} of {text:02X?}");
        if fatal == Some(at) {
            break;
        }
        let ends = std::str::from_utf8(&text[valid..=at]).is_ok();
        assert_eq!(validator.finish().is_ok(), ends, "after byte {at} of {text:02X?}");
        valid = if ends { at + 1 } else { valid };
    }

    let mut validator = Utf8Validator::default();
    let mut fed = 0;
    let mut lengths = cuts.iter().map(|cut| usize::from(*cut)).chain([text.len()]).cycle();
    while fed < text.len() {
        let end = text.len().min(fed + lengths.next().unwrap_or(text.len()));
        let failed = validator.push(&text[fed..end]).is_err();
        assert_eq!(failed, fatal.is_some_and(|at| at < end), "{fed} to {end} of {text:02X?}");
        if failed {
            assert!(std::str::from_utf8(text).is_err());
            return;
        }
        fed = end;
    }
    assert_eq!(validator.finish().is_ok(), std::str::from_utf8(text).is_ok(), "{text:02X?}");
});

/// The first byte after which nothing can make the text valid.
fn fatal(text: &[u8]) -> Option<usize> {
    let valid = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    let rest = &text[valid..];
    (1..=rest.len().min(4)).find(|&length| !may_go_on(&rest[..length])).map(|length| valid + length - 1)
}

/// Whether some bytes behind it make this beginning of a character a whole one. For each place those are tried between
/// which RFC 3629 4 draws its borders.
fn may_go_on(start: &[u8]) -> bool {
    let Some(room) = 4usize.checked_sub(start.len()) else { return false };
    std::str::from_utf8(start).is_ok()
        || room > 0
            && [0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF].into_iter().any(|next| {
                let mut longer = [next; 4];
                longer[..start.len()].copy_from_slice(start);
                may_go_on(&longer[..=start.len()])
            })
}
