//! The PROXY protocol, versions 1 and 2: a proxy sends the address of its client in a header before the client's bytes.
//!
//! Section numbers are those of HAProxy's `proxy-protocol.txt`. The caller must know which peers send a header (2: a
//! receiver must not guess) and trust them, since any client can write one.

// `core::net` has only address types, so nothing here can reach a network.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;
use std::fmt;

/// The client that a PROXY header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The client has connected to the proxy from this address.
    Client(SocketAddr),
    /// The connection is the proxy's own (2.2 LOCAL, a health check), or the proxy does not know the client's address
    /// (2.1 UNKNOWN, 2.2 UNSPEC). The client has the address of the connection itself.
    Unnamed,
}

/// Bytes that are no PROXY header. The connection must be dropped, because its client is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The first bytes are neither `PROXY ` (2.1) nor the signature of version 2 (2.2).
    Signature,
    /// 2.1: the line does not end within 107 bytes.
    LineTooLong,
    /// 2.1: the line is not `PROXY`, `TCP4`, `TCP6` or `UNKNOWN`, two addresses of that kind and two ports, each behind
    /// one space.
    Line,
    /// 2.2: the version is not 2, or the command neither LOCAL nor PROXY.
    Command,
    /// 2.2: an address family or a transport protocol that does not exist.
    Family,
    /// 2.2: the header is shorter than the addresses of its family.
    TooShort,
    /// The header is longer than [`ProxyHeader::MAX`].
    TooLong,
}

/// 2.1: the longest line of version 1, with the CRLF at its end.
const MAX_LINE: usize = 107;
/// 2.1: the beginning of a line.
const LINE: &[u8] = b"PROXY ";
/// 2.2: the first bytes of version 2, with which no text protocol begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// 2.2: signature, version and command, family and protocol, and two bytes of length.
const FIXED: usize = SIGNATURE.len() + 4;

impl ProxyHeader {
    /// Bytes of the longest header that is taken, with its extensions (2.2.6 TLVs). Proxies are asked to stay below 537.
    pub const MAX: usize = 4096;

    /// Reads the header at the beginning of `bytes`, which are all bytes that have arrived. Returns it with its length, or
    /// `None` while it is incomplete, which is certain to change within [`MAX`](Self::MAX) bytes.
    ///
    /// # Errors
    ///
    /// The broken rule, at the first byte that breaks it. Extensions are skipped unread.
    ///
    /// ```
    /// use sockhop::http::ProxyHeader;
    /// let bytes = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nGET / HTTP/1.1\r\n";
    /// let client = ProxyHeader::Client(([192, 0, 2, 7], 56324).into());
    /// assert_eq!(ProxyHeader::parse(bytes), Ok(Some((client, 42))));
    /// assert_eq!(ProxyHeader::parse(&bytes[..41]), Ok(None));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProxyHeaderError> {
        match bytes {
            // These bytes may still become a header of either version.
            _ if LINE.starts_with(bytes) || SIGNATURE.starts_with(bytes) => Ok(None),
            _ if bytes.starts_with(LINE) => parse_line(bytes),
            _ if bytes.starts_with(SIGNATURE) => parse_binary(bytes),
            _ => Err(ProxyHeaderError::Signature),
        }
    }
}

/// 2.1 Human-readable header format (Version 1)
fn parse_line(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyHeaderError> {
    let start = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = start.iter().position(|byte| !(b' '..=b'~').contains(byte)) else {
        return if start.len() < MAX_LINE { Ok(None) } else { Err(ProxyHeaderError::LineTooLong) };
    };
    let (line, behind) = start.split_at_checked(end).ok_or(ProxyHeaderError::Line)?;
    match behind {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if start.len() < MAX_LINE => return Ok(None),
        [b'\r'] => return Err(ProxyHeaderError::LineTooLong),
        _ => return Err(ProxyHeaderError::Line),
    }
    let line = str::from_utf8(line).map_err(|_| ProxyHeaderError::Line)?;
    let header = parse_fields(line).ok_or(ProxyHeaderError::Line)?;
    Ok(Some((header, end + 2)))
}

fn parse_fields(line: &str) -> Option<ProxyHeader> {
    let mut fields = line.split(' ').skip(1);
    let source = match fields.next()? {
        // 2.1: the rest of the line must be ignored.
        "UNKNOWN" => return Some(ProxyHeader::Unnamed),
        "TCP4" => parse_addresses::<Ipv4Addr>(fields.next()?, fields.next()?)?,
        "TCP6" => parse_addresses::<Ipv6Addr>(fields.next()?, fields.next()?)?,
        _ => return None,
    };
    let (port, _) = (parse_port(fields.next()?)?, parse_port(fields.next()?)?);
    fields.next().is_none().then_some(ProxyHeader::Client(SocketAddr::new(source, port)))
}

/// The first of two addresses, which must be of the same family.
fn parse_addresses<A: FromStr + Into<IpAddr>>(source: &str, destination: &str) -> Option<IpAddr> {
    destination.parse::<A>().ok()?;
    Some(source.parse::<A>().ok()?.into())
}

/// Digits without a sign and without a leading zero.
fn parse_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok())?
}

/// 2.2 Binary header format (version 2)
fn parse_binary(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyHeaderError> {
    let fixed = bytes.get(SIGNATURE.len()..).unwrap_or_default();
    let is_local = match fixed.first() {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(ProxyHeaderError::Command),
    };
    // Bytes of both addresses with their ports; each path of a Unix-domain socket has 108 bytes.
    let needed = match fixed.get(1) {
        None => return Ok(None),
        // The family means nothing then, and neither does what follows.
        Some(_) if is_local => 0,
        Some(0x00) => 0,
        Some(0x11 | 0x12) => 12,
        Some(0x21 | 0x22) => 36,
        Some(0x31 | 0x32) => 216,
        Some(_) => return Err(ProxyHeaderError::Family),
    };
    let Some(&[high, low]) = fixed.get(2..4).and_then(|length| length.first_chunk()) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < needed {
        return Err(ProxyHeaderError::TooShort);
    }
    if FIXED + length > ProxyHeader::MAX {
        return Err(ProxyHeaderError::TooLong);
    }
    let Some(block) = bytes.get(FIXED..FIXED + length) else { return Ok(None) };
    let header = match fixed.get(1) {
        _ if is_local => None,
        Some(0x11) => source::<4>(block, 8),
        Some(0x21) => source::<16>(block, 32),
        // Datagrams do not come over a stream, and the path of a socket is no IP address: treated as UNSPEC.
        _ => None,
    };
    Ok(Some((header.map_or(ProxyHeader::Unnamed, ProxyHeader::Client), FIXED + length)))
}

/// The address at the beginning of the block, and its port behind both addresses.
fn source<const N: usize>(block: &[u8], port: usize) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let address: &[u8; N] = block.first_chunk()?;
    let port: &[u8; 2] = block.get(port..)?.first_chunk()?;
    Some(SocketAddr::new(IpAddr::from(*address), u16::from_be_bytes(*port)))
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "no PROXY header",
            Self::LineTooLong => "PROXY line longer than 107 bytes",
            Self::Line => "malformed PROXY line",
            Self::Command => "unknown version or command in a PROXY header",
            Self::Family => "unknown address family in a PROXY header",
            Self::TooShort => "PROXY header shorter than its addresses",
            Self::TooLong => "PROXY header longer than 4096 bytes",
        })
    }
}

impl std::error::Error for ProxyHeaderError {}

#[cfg(test)]
mod tests;
