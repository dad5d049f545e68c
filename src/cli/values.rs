//! The values of flags: reads sizes, times and counts, and writes them for `--help`.
//!
//! An error describes only the value: callers put the name of the flag before it.

use std::time::Duration;

use crate::apps::hub::units::{self, SIZES, TIMES, digits};

/// Reads a number of bytes: `500`, `64K`, `1M`, `1G`, in steps of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    units::size(text).ok_or_else(|| format!("`{text}` is not a size: write 500, 64K, 1M or 1G"))
}

/// Reads a number of bytes that this machine can address.
pub(super) fn memory(text: &str) -> Result<usize, String> {
    usize::try_from(size(text)?).map_err(|_| format!("`{text}` is more than this machine can address"))
}

/// Reads a time: `500ms`, `25s`, `2m`, `1h`, or `0`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if digits::<u64>(text).is_some() {
        return Err(format!("`{text}` has no unit: write {text}s, or {text}ms, {text}m or {text}h"));
    }
    units::time(text).ok_or_else(|| format!("`{text}` is not a time: write 500ms, 25s, 2m or 1h"))
}

/// Reads a time that must not be zero.
pub(super) fn time_above_zero(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time.is_zero() { Err(format!("`{text}` is too short: it must be more than 0")) } else { Ok(time) }
}

/// Reads a time; 0 is `None`.
pub(super) fn time_or_none(text: &str) -> Result<Option<Duration>, String> {
    time(text).map(|time| Some(time).filter(|time| !time.is_zero()))
}

/// Reads a count of at least one.
pub(super) fn count<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = digits(text).filter(|number: &u64| *number > 0);
    number
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| format!("`{text}` is not a count: write a number from 1 on, such as 1000"))
}

/// Reads a count; 0 is `None`.
pub(super) fn count_or_none<N: TryFrom<u64>>(text: &str) -> Result<Option<N>, String> {
    digits(text)
        .and_then(|number: u64| if number == 0 { Some(None) } else { N::try_from(number).ok().map(Some) })
        .ok_or_else(|| format!("`{text}` is not a count: write a number, such as 0 or 1000"))
}

/// Writes a size as [`size`] reads it.
pub(super) fn show_size(bytes: u64) -> String {
    let (suffix, factor) =
        SIZES.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)).unwrap_or(&("", 1));
    format!("{}{suffix}", bytes / factor)
}

/// Writes a count as [`count_or_none`] reads it.
pub(super) fn show_count(count: Option<impl ToString>) -> String {
    count.map_or("0".to_owned(), |count| count.to_string())
}

/// Writes a time as [`time`] reads it.
pub(super) fn show_time(time: Duration) -> String {
    let millis = time.as_millis();
    let fits = |factor: u64| millis >= u128::from(factor) && millis.is_multiple_of(u128::from(factor));
    // Times below two minutes stay in seconds: 60s is easier to compare with 25s than 1m is.
    match TIMES.iter().rev().find(|(suffix, factor)| fits(*factor) && (*suffix != "m" || millis >= 120_000)) {
        Some((suffix, factor)) => format!("{}{suffix}", millis / u128::from(*factor)),
        None => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_sizes() {
        let cases = [
            ("0", 0, "0"),
            ("500", 500, "500"),
            ("1024", 1024, "1K"),
            ("64K", 64 << 10, "64K"),
            ("64k", 64 << 10, "64K"),
            ("1M", 1 << 20, "1M"),
            ("1536K", 1536 << 10, "1536K"),
            ("2048M", 2 << 30, "2G"),
            ("18446744073709551615", u64::MAX, "18446744073709551615"),
        ];
        for (text, bytes, shown) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), shown, "{text}");
        }
    }

    #[test]
    fn reads_and_writes_times() {
        let cases = [
            ("0", 0, "0"),
            ("0s", 0, "0"),
            ("500ms", 500, "500ms"),
            ("25s", 25_000, "25s"),
            ("1500ms", 1500, "1500ms"),
            ("60s", 60_000, "60s"),
            ("1m", 60_000, "60s"),
            ("2m", 120_000, "2m"),
            ("90m", 5_400_000, "90m"),
            ("1h", 3_600_000, "1h"),
        ];
        for (text, millis, shown) in cases {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(show_time(Duration::from_millis(millis)), shown, "{text}");
        }
    }

    #[test]
    fn says_what_a_size_looks_like() {
        for text in
            ["", "10X", "K", "-1", "+1", "1.5M", "1 M", "1MB", "1KK", "18446744073709551616", "17179869184G", "٣"]
        {
            assert_eq!(size(text), Err(format!("`{text}` is not a size: write 500, 64K, 1M or 1G")), "{text}");
        }
    }

    #[test]
    fn says_what_a_time_looks_like() {
        assert_eq!(time("25"), Err("`25` has no unit: write 25s, or 25ms, 25m or 25h".to_owned()));
        for text in ["", "s", "-1s", "1.5s", "1 s", "1d", "1S", "10s5ms", "99999999999999999999s", "off"] {
            assert_eq!(time(text), Err(format!("`{text}` is not a time: write 500ms, 25s, 2m or 1h")), "{text}");
        }
        assert_eq!(time_above_zero("0ms"), Err("`0ms` is too short: it must be more than 0".to_owned()));
        assert_eq!(time_above_zero("1ms"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn counts_begin_at_one() {
        assert_eq!(count::<u32>("4294967295"), Ok(u32::MAX));
        for text in ["", "0", "-1", "1K", "4294967296"] {
            let error = format!("`{text}` is not a count: write a number from 1 on, such as 1000");
            assert_eq!(count::<u32>(text), Err(error), "{text}");
        }
    }

    #[test]
    fn zero_can_mean_none() {
        assert_eq!([count_or_none::<u32>("0"), count_or_none("4294967295")], [Ok(None), Ok(Some(u32::MAX))]);
        assert_eq!([show_count(None::<u32>), show_count(Some(u32::MAX))], ["0", "4294967295"]);
        assert_eq!([time_or_none("0"), time_or_none("0ms")], [Ok(None), Ok(None)]);
        assert_eq!(time_or_none("1ms"), Ok(Some(Duration::from_millis(1))));
        assert_eq!(time_or_none("1"), time("1").map(Some), "the same errors");
        for text in ["", "-1", "+1", "off", "4294967296"] {
            let error = format!("`{text}` is not a count: write a number, such as 0 or 1000");
            assert_eq!(count_or_none::<u32>(text), Err(error), "{text}");
        }
    }
}
