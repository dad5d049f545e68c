//! Ranges of IP addresses, as an operator writes them (RFC 4632 §3.1, RFC 4291 §2.3).

// `core::net` has only address types, so nothing here can reach a network.
use core::net::{IpAddr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

/// A range of peers: `10.0.0.0/8`, `2001:db8::/32`, a single address such as `::1`, or `unix`, which means
/// every peer on a Unix-domain socket.
///
/// ```
/// use sockhop::http::Cidr;
/// let range: Cidr = "10.0.0.0/8".parse()?;
/// assert!(range.contains([10, 1, 2, 3].into()));
/// assert!(!range.contains([11, 1, 2, 3].into()));
/// # Ok::<(), sockhop::http::CidrError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr(Range);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Range {
    Unix,
    /// `first` has only zeros behind its first `length` bits. An IPv4-mapped IPv6 range is kept as an IPv4 range.
    Ip {
        first: IpAddr,
        length: u8,
    },
}

/// A text that is not a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CidrError {
    /// The text before the slash is no IP address.
    Address,
    /// The text behind the slash is no number, or is more than the address has bits.
    PrefixLength,
    /// The address has bits set behind its prefix, so either the address or the length is a mistake.
    HostBits,
}

impl Cidr {
    /// Reads a range.
    ///
    /// # Errors
    ///
    /// The part of the text that is wrong.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        if text == "unix" {
            return Ok(Cidr(Range::Unix));
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|length| *length <= bits).ok_or(CidrError::PrefixLength)?
            }
            // `u8::from_str` also takes a plus sign.
            Some(_) => return Err(CidrError::PrefixLength),
        };
        if prefix(first, length) != first {
            return Err(CidrError::HostBits);
        }
        Ok(Cidr(match first.to_canonical() {
            first @ IpAddr::V4(_) if bits == 128 && length >= 96 => Range::Ip { first, length: length - 96 },
            _ => Range::Ip { first, length },
        }))
    }

    /// True for an address in this range. An IPv4 address may be in its IPv6 form, `::ffff:10.1.2.3`.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self.0 {
            Range::Unix => false,
            // An IPv4 address is never equal to an IPv6 address.
            Range::Ip { first, length } => prefix(address, length) == first,
        }
    }

    /// True for `unix`, the peers on Unix-domain sockets.
    #[must_use]
    pub fn is_unix(&self) -> bool {
        self.0 == Range::Unix
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        Cidr::parse(text)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Range::Unix => f.write_str("unix"),
            Range::Ip { first, length } => write!(f, "{first}/{length}"),
        }
    }
}

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "no IP address: write 10.0.0.0/8, 2001:db8::/32, one address, or unix",
            Self::PrefixLength => "the prefix length is 0 to 32, or to 128 for IPv6, as in 10.0.0.0/8",
            Self::HostBits => "the address goes on behind its prefix: write 10.0.0.0/8, or 10.0.0.1 for one address",
        })
    }
}

impl std::error::Error for CidrError {}

/// An address with all but its first `length` bits cleared.
fn prefix(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(length.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(length.into())).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        Cidr::parse(range).expect(range).contains(address.parse().expect(address))
    }

    #[test]
    fn a_range_contains_only_addresses_with_its_prefix() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], &["9.255.255.255", "11.0.0.0", "::1"]),
            ("192.0.2.64/26", &["192.0.2.64", "192.0.2.127"], &["192.0.2.63", "192.0.2.128"]),
            ("127.0.0.1", &["127.0.0.1", "::ffff:127.0.0.1"], &["127.0.0.2", "::1", "::127.0.0.1"]),
            ("127.0.0.1/32", &["127.0.0.1"], &["127.0.0.0"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], &["::", "2001:db8::1"]),
            ("::1", &["::1"], &["::", "::2", "127.0.0.1"]),
            ("2001:db8::/32", &["2001:db8::", "2001:db8:ffff::1"], &["2001:db9::", "2001:db7:ffff::"]),
            ("2001:db8::/63", &["2001:db8:0:1::"], &["2001:db8:0:2::"]),
            ("::/0", &["::", "ffff::"], &["1.2.3.4", "::ffff:1.2.3.4"]),
            ("::ffff:10.0.0.0/104", &["10.1.2.3", "::ffff:10.1.2.3"], &["11.0.0.0"]),
            ("unix", &[], &["127.0.0.1", "::1"]),
        ];
        for (range, inside, outside) in cases {
            for address in *inside {
                assert!(contains(range, address), "{address} in {range}");
            }
            for address in *outside {
                assert!(!contains(range, address), "{address} not in {range}");
            }
            assert_eq!(Cidr::parse(range).unwrap().is_unix(), *range == "unix");
        }
    }

    #[test]
    fn refuses_other_texts_and_names_the_wrong_part() {
        let cases = [
            (
                CidrError::Address,
                &["", "/8", "localhost", "10.0.0/8", "[::1]", "10.0.0.1:80", "unix:/s", "UNIX", " ::1"],
            ),
            (
                CidrError::PrefixLength,
                &["::1/129", "1.2.3.4/33", "1.2.3.4/", "::/+8", "::/-1", "::/x", "::/256", "0.0.0.0/0/0", "::/ 8"],
            ),
            (
                CidrError::HostBits,
                &[
                    "10.0.0.1/8",
                    "10.0.0.1/31",
                    "0.0.0.1/0",
                    "::1/127",
                    "::1/0",
                    "2001:db8::/28",
                    "128.0.0.0/0",
                    "::ffff:10.0.0.1/104",
                    "1::/3",
                ],
            ),
        ];
        for (error, texts) in cases {
            for text in texts {
                assert_eq!(Cidr::parse(text), Err(error), "{text}");
            }
        }
    }

    #[test]
    fn ranges_print_as_they_are_read() {
        for text in ["unix", "10.0.0.0/8", "::1/128", "2001:db8::/32", "0.0.0.0/0"] {
            assert_eq!(Cidr::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Cidr::parse("::ffff:10.0.0.0/104").unwrap().to_string(), "10.0.0.0/8");
    }
}
