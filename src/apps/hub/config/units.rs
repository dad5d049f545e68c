//! Sizes, times and numbers, as people write them in rules, queries and flags.

use std::str::FromStr;
use std::time::Duration;

/// Suffixes of sizes with their factors, largest first. The empty one is last, since every text ends in it.
pub(crate) const SIZES: [(&str, u64); 4] = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)];
/// Suffixes of times with their milliseconds. `ms` comes before `s`, since it also ends in `s`.
pub(crate) const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// A number of bytes: `500`, `64K`, `1M`, `1G`, in steps of 1024.
pub(crate) fn size(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let (number, factor) = SIZES.iter().find_map(|(suffix, factor)| Some((upper.strip_suffix(suffix)?, factor)))?;
    digits::<u64>(number)?.checked_mul(*factor)
}

/// A time: `500ms`, `25s`, `10m`, `1h`.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let (number, factor) = TIMES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    digits::<u64>(number)?.checked_mul(*factor).map(Duration::from_millis)
}

/// A number of digits only: `from_str` would also take a sign.
pub(crate) fn digits<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
