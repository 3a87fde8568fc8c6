//! The header that a proxy puts in front of a connection to say whom it speaks for: PROXY protocol, versions 1 (text) and 2 (binary), as
//! HAProxy's `proxy-protocol.txt` describes them. No socket and no clock: bytes in, addresses out.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Longest header that is read, in bytes. The text form never has more than 107; the binary form may declare 64 KiB of additions that nobody here wants, and
/// comes before anybody is known.
pub const PROXY_HEADER_BYTES_MAX: usize = 1_024;

/// Longest line of version 1 with its end.
const LINE_BYTES_MAX: usize = 107;
const LINE_START: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED_BYTES: usize = 16;
/// Type of the addition that carries a CRC-32C of the whole header.
const ADDITION_CRC32C: u8 = 0x03;
/// Type and length of an addition.
const ADDITION_HEAD_BYTES: usize = 3;

/// Whom a connection is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The proxy itself, such as its health check, or somebody whose address it does not know: the address of the socket counts.
    Direct,
    /// Somebody behind the proxy. IPv6 addresses may be those of IPv4 hosts; see [`IpAddr::to_canonical`].
    From {
        /// Who connected to the proxy.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
    },
}

/// The bytes are not a header that we take. The connection is to be closed without an answer: nobody knows who would read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// The connection begins with something else.
    #[error("the connection does not begin with a PROXY header")]
    Absent,
    /// It is, or says that it is, longer than we read.
    #[error("the PROXY header is too long")]
    TooLong,
    /// A rule was broken; the text names it.
    #[error("malformed PROXY header: {0}")]
    Malformed(&'static str),
    /// It is well-formed and of no use for a connection: another version, or datagrams.
    #[error("PROXY header with unsupported {0}")]
    Unsupported(&'static str),
}

type Result<T> = std::result::Result<T, ProxyHeaderError>;

const fn malformed<T>(rule: &'static str) -> Result<T> {
    Err(ProxyHeaderError::Malformed(rule))
}

/// Reads the header that `input` begins with: what it says, and how many bytes it takes. `None` until it is complete, which never takes more than
/// [`PROXY_HEADER_BYTES_MAX`]. Allocates nothing.
///
/// # Errors
/// [`ProxyHeaderError`], as soon as it is certain; more bytes never change it.
pub fn decode_proxy_header(input: &[u8]) -> Result<Option<(Proxied, usize)>> {
    if begins(input, SIGNATURE) {
        return if input.len() < FIXED_BYTES { early_binary(input) } else { binary(input) };
    }
    if begins(input, LINE_START) { text(input) } else { Err(ProxyHeaderError::Absent) }
}

/// Whether what has come is the beginning of `start`, or begins with it.
fn begins(input: &[u8], start: &[u8]) -> bool {
    let common = input.len().min(start.len());
    input[..common] == start[..common]
}

/// Version 1: one line.
fn text(input: &[u8]) -> Result<Option<(Proxied, usize)>> {
    let line = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = line.windows(2).position(|bytes| bytes == b"\r\n") else {
        return if line.len() < LINE_BYTES_MAX { Ok(None) } else { Err(ProxyHeaderError::TooLong) };
    };
    let Ok(line) = std::str::from_utf8(&line[LINE_START.len()..end]) else {
        return malformed("the line is not text");
    };
    Ok(Some((said(line)?, end + 2)))
}

/// What stands behind `PROXY`.
fn said(line: &str) -> Result<Proxied> {
    let mut words = line.split(' ');
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        // Whatever follows is to be ignored.
        return Ok(Proxied::Direct);
    }
    let rest = [words.next(), words.next(), words.next(), words.next(), words.next()];
    let [Some(source), Some(destination), Some(source_port), Some(destination_port), None] = rest else {
        return malformed("a line has two addresses and two ports");
    };
    let (source, destination) = match family {
        "TCP4" => (address::<Ipv4Addr>(source)?, address::<Ipv4Addr>(destination)?),
        "TCP6" => (address::<Ipv6Addr>(source)?, address::<Ipv6Addr>(destination)?),
        _ => return malformed("the family is none of TCP4, TCP6, UNKNOWN"),
    };
    Ok(Proxied::From {
        source: SocketAddr::new(source, port(source_port)?),
        destination: SocketAddr::new(destination, port(destination_port)?),
    })
}

fn address<A: FromStr + Into<IpAddr>>(text: &str) -> Result<IpAddr> {
    text.parse::<A>().map_or(malformed("not an address of the family"), |address| Ok(address.into()))
}

/// A port in its only spelling: digits, no sign, no leading zero.
fn port(text: &str) -> Result<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    match text.parse() {
        Ok(port) if plain => Ok(port),
        _ => malformed("not a port"),
    }
}

/// Version 2 before its fixed part has come.
fn early_binary(input: &[u8]) -> Result<Option<(Proxied, usize)>> {
    input.get(SIGNATURE.len()).map_or(Ok(()), |byte| command(*byte).map(drop))?;
    Ok(None)
}

/// Whether somebody is named at all.
fn command(byte: u8) -> Result<bool> {
    match (byte >> 4, byte & 0xf) {
        (2, 0) => Ok(false),
        (2, 1) => Ok(true),
        (2, _) => malformed("the command is unknown"),
        _ => Err(ProxyHeaderError::Unsupported("version")),
    }
}

/// Version 2, of which the fixed part is there.
fn binary(input: &[u8]) -> Result<Option<(Proxied, usize)>> {
    let names = command(input[12])?;
    let length = usize::from(u16::from_be_bytes([input[14], input[15]]));
    let whole = FIXED_BYTES + length;
    // Who speaks for itself may have left a family, which then means nothing.
    let named: Option<(usize, Named)> = match (names, input[13]) {
        (false, _) | (true, 0x00) => None,
        (true, 0x11) => Some((12, pair::<4>)),
        (true, 0x21) => Some((36, pair::<16>)),
        // Sockets of the proxy's own machine have paths, and no addresses.
        (true, 0x31) => Some((216, |_| Some(Proxied::Direct))),
        (true, 0x12 | 0x22 | 0x32) => return Err(ProxyHeaderError::Unsupported("transport")),
        _ => return malformed("the family or the transport is unknown"),
    };
    if whole > PROXY_HEADER_BYTES_MAX {
        return Err(ProxyHeaderError::TooLong);
    }
    if named.is_some_and(|(bytes, _)| length < bytes) {
        return malformed(SHORT);
    }
    let Some(header) = input.get(..whole) else { return Ok(None) };
    let Some((bytes, read)) = named else { return Ok(Some((Proxied::Direct, whole))) };
    check_additions(header, FIXED_BYTES + bytes)?;
    read(&header[FIXED_BYTES..]).map_or(malformed(SHORT), |proxied| Ok(Some((proxied, whole))))
}

const SHORT: &str = "it is shorter than its addresses";

/// Reads the addresses of version 2; `None` when they are cut off.
type Named = fn(&[u8]) -> Option<Proxied>;

/// Two addresses of this many bytes, then two ports.
fn pair<const N: usize>(bytes: &[u8]) -> Option<Proxied>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let [a, b, c, d] = *rest.first_chunk()?;
    Some(Proxied::From {
        source: SocketAddr::new(IpAddr::from(*source), u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(IpAddr::from(*destination), u16::from_be_bytes([c, d])),
    })
}

/// What follows the addresses has to be whole, and a checksum in it right. All else is skipped.
fn check_additions(header: &[u8], start: usize) -> Result<()> {
    let mut at = start;
    while at < header.len() {
        let Some(&[kind, high, low]) = header[at..].first_chunk::<ADDITION_HEAD_BYTES>() else {
            return malformed("an addition is cut off");
        };
        at += ADDITION_HEAD_BYTES;
        let Some(value) = header[at..].get(..usize::from(u16::from_be_bytes([high, low]))) else {
            return malformed("an addition is cut off");
        };
        if kind == ADDITION_CRC32C {
            let Ok(sum) = <[u8; 4]>::try_from(value) else { return malformed("a checksum has four bytes") };
            if u32::from_be_bytes(sum) != crc32c(header, at..at + 4) {
                return malformed("the checksum is wrong");
            }
        }
        at += value.len();
    }
    Ok(())
}

/// CRC-32C of the bytes, those of the checksum itself taken as zeros.
fn crc32c(bytes: &[u8], zeros: std::ops::Range<usize>) -> u32 {
    let mut sum = u32::MAX;
    for (at, byte) in bytes.iter().enumerate() {
        sum ^= if zeros.contains(&at) { 0 } else { u32::from(*byte) };
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests;
