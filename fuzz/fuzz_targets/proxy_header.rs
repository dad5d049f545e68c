//! Laws of what proxies say of their clients: `ProxyHeader`, `forwarded_client` and `Cidr`.
//!
//! 1. No input makes them panic.
//! 2. A PROXY header has at most `ProxyHeader::MAX` bytes, no more than there are, and what follows it changes nothing.
//!    With fewer bytes it is incomplete, never an error; an error that has shown itself stays the same; no more than
//!    `MAX` bytes go without a result.
//! 3. It is the one that a second reader finds, which has the whole of it and splits it into words or fields.
//! 4. The client of X-Forwarded-For is the first that no trusted proxy has, from the right; nothing else is believed.
//! 5. A range that is accepted prints as itself, and has its first address; a narrower one is within it.
//!
//! The input is a PROXY header; its text also stands behind X-Forwarded-For, and is a range of addresses.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use sockhop::http::{Cidr, ProxyHeader, Request, forwarded_client};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fuzz_target!(|data: &[u8]| {
    header(data);
    if let Ok(text) = std::str::from_utf8(data) {
        range(text);
        forwarded(text);
    }
});

/// Laws 2 and 3.
fn header(data: &[u8]) {
    let parsed = ProxyHeader::parse(data);
    let needed = match parsed {
        Ok(Some((header, length))) => {
            assert!(length <= data.len().min(ProxyHeader::MAX));
            assert_eq!(ProxyHeader::parse(&data[..length]), parsed);
            assert_eq!(second(&data[..length]), Some(header), "{}", data[..length].escape_ascii());
            length
        }
        Ok(None) => {
            assert!(data.len() < ProxyHeader::MAX);
            data.len() + 1
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            data.len()
        }
    };
    for length in 0..data.len().min(600) {
        let shorter = ProxyHeader::parse(&data[..length]);
        match parsed {
            Ok(_) => assert_eq!(shorter, if length < needed { Ok(None) } else { parsed }, "{length} bytes"),
            Err(_) => assert!(shorter == Ok(None) || shorter == parsed, "{length} bytes: {shorter:?}, then {parsed:?}"),
        }
    }
}

/// A whole header, read at once.
fn second(bytes: &[u8]) -> Option<ProxyHeader> {
    let Some(fields) = bytes.strip_prefix(SIGNATURE) else {
        let line = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n")?;
        let words: Vec<&str> = line.split(' ').collect();
        return match words[..] {
            ["PROXY", "UNKNOWN", ..] => Some(ProxyHeader::Unnamed),
            ["PROXY", family @ ("TCP4" | "TCP6"), from, to, port, _] => {
                let (from, to): (IpAddr, IpAddr) = (from.parse().ok()?, to.parse().ok()?);
                let is_ipv4 = family == "TCP4";
                (from.is_ipv4() == is_ipv4 && to.is_ipv4() == is_ipv4).then_some(())?;
                Some(ProxyHeader::Client(SocketAddr::new(from, port.parse().ok()?)))
            }
            _ => None,
        };
    };
    let (&[command, family, high, low], block) = fields.split_first_chunk()?;
    assert_eq!(block.len(), usize::from(high) * 256 + usize::from(low));
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    match (command, family) {
        (0x20, _) => Some(ProxyHeader::Unnamed),
        (0x21, 0x11) => {
            Some(ProxyHeader::Client(SocketAddr::from(([block[0], block[1], block[2], block[3]], port(8)))))
        }
        (0x21, 0x21) => {
            let address: [u8; 16] = block[..16].try_into().ok()?;
            Some(ProxyHeader::Client(SocketAddr::from((address, port(32)))))
        }
        // Addresses of other kinds, or none.
        (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => Some(ProxyHeader::Unnamed),
        _ => None,
    }
}

/// Law 4.
fn forwarded(text: &str) {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {text}\r\n\r\n");
    let Ok(request) = Request::parse(head.as_bytes()) else { return };
    let is_trusted = |address: IpAddr| address.is_loopback() || address.to_string().starts_with("10.");
    let lines: Vec<&str> = request.header_lines("x-forwarded-for").collect();
    let mut expected = None;
    for word in lines.join(",").split(',').map(|word| word.trim_matches([' ', '\t'])).rev().filter(|it| !it.is_empty())
    {
        let bare = word.strip_prefix('[').and_then(|it| it.strip_suffix(']')).filter(|it| it.contains(':'));
        let address: Option<IpAddr> = match (word.parse(), word.parse::<SocketAddr>(), bare.map(str::parse)) {
            (Ok(address), _, _) | (_, _, Some(Ok(address))) => Some(address),
            (_, Ok(with_port), _) => Some(with_port.ip()),
            _ => None,
        };
        expected = address;
        if !address.is_some_and(is_trusted) {
            break;
        }
    }
    assert_eq!(forwarded_client(&request, is_trusted), expected, "{lines:?}");
}

/// Law 5.
fn range(text: &str) {
    let range = match Cidr::parse(text) {
        Ok(range) => range,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(range.to_string().parse(), Ok(range), "{range}");
    assert_eq!(range.is_unix(), text == "unix");
    let Some(first) = text.split('/').next().and_then(|it| it.parse::<IpAddr>().ok()) else { return };
    assert!(range.contains(first) && first.to_string().parse::<Cidr>().is_ok_and(|one| one.contains(first)));
    // What is within it begins with the same bits.
    let length: u32 = text.split_once('/').map_or(128, |(_, bits)| bits.parse().expect("a number of bits"));
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let (value, size) = bits(first);
    for changed in 0..size {
        let other = value ^ (1 << 127 >> changed);
        let other: IpAddr = match first {
            IpAddr::V4(_) => {
                u32::try_from(other >> 96).map(|bits| std::net::Ipv4Addr::from_bits(bits).into()).expect("32 bits")
            }
            IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(other).into(),
        };
        // A mapped address is the IPv4 address.
        let is_mapped =
            first.to_canonical().is_ipv4() != first.is_ipv4() || other.to_canonical().is_ipv4() != other.is_ipv4();
        assert!(is_mapped || range.contains(other) == (changed >= length), "{range} and {other}");
    }
}
