//! Examples of the specification, then each rule broken once.

use super::{ProxyHeaderError::*, *};

const DATA: &[u8] = b"GET / HTTP/1.1\r\n";

fn from(source: &str, destination: &str) -> Proxied {
    Proxied::From { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

/// Version 2 with this command, family and rest.
fn binary_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() as u16).to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

/// Addresses 1.2.3.4:258 → 5.6.7.8:772, then additions.
fn ipv4(additions: &[u8]) -> Vec<u8> {
    binary_header(0x21, 0x11, &[&[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4], additions].concat())
}

/// Decodes with data behind it, and checks that every shorter piece asks for more.
fn decode_whole(header: &[u8]) -> Proxied {
    for end in 0..header.len() {
        assert_eq!(decode_proxy_header(&header[..end]), Ok(None), "{end} bytes");
    }
    let (proxied, length) = decode_proxy_header(&[header, DATA].concat()).unwrap().unwrap();
    assert_eq!(length, header.len());
    proxied
}

#[test]
fn lines_name_both_ends() {
    let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
    assert_eq!(decode_whole(line), from("192.168.0.1:56324", "192.168.0.11:443"));
    assert_eq!(decode_whole(b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), from("[2001:db8::1]:0", "[::1]:65535"));
    let full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest = format!("PROXY UNKNOWN {full} {full} 65535 65535\r\n");
    assert_eq!(longest.len(), LINE_BYTES_MAX);
    for unknown in [b"PROXY UNKNOWN\r\n", longest.as_bytes()] {
        assert_eq!(decode_whole(unknown), Proxied::Direct);
    }
}

#[test]
fn binary_headers_name_both_ends() {
    assert_eq!(decode_whole(&ipv4(&[])), from("1.2.3.4:258", "5.6.7.8:772"));
    assert_eq!(decode_whole(&ipv4(&[0x04, 0, 2, 9, 9, 0xea, 0, 0])), from("1.2.3.4:258", "5.6.7.8:772"));
    let (source, destination) = (Ipv6Addr::LOCALHOST.octets(), "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
    let six = binary_header(0x21, 0x21, &[&source[..], &destination, &[0, 80, 1, 187]].concat());
    assert_eq!(decode_whole(&six), from("[::1]:80", "[2001:db8::7]:443"));
    for direct in [
        binary_header(0x20, 0x00, &[]),
        binary_header(0x20, 0x11, &[7; 3]),
        binary_header(0x21, 0x00, &[7; 5]),
        binary_header(0x21, 0x31, &[0; 216]),
    ] {
        assert_eq!(decode_whole(&direct), Proxied::Direct);
    }
}

#[test]
fn a_checksum_is_checked() {
    assert_eq!(crc32c(b"123456789", 0..0), 0xe306_9283, "the check value of CRC-32C");
    let mut header = ipv4(&[ADDITION_CRC32C, 0, 4, 0, 0, 0, 0]);
    let at = header.len() - 4;
    assert_eq!(decode_proxy_header(&header), Err(Malformed("the checksum is wrong")));
    let sum = crc32c(&header, at..at + 4);
    header[at..].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(decode_whole(&header), from("1.2.3.4:258", "5.6.7.8:772"));
    assert!(decode_proxy_header(&ipv4(&[ADDITION_CRC32C, 0, 0])).is_err());
}

#[test]
fn lines_are_strict() {
    for wrong in [
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 +1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 1",
        "PROXY TCP4 1.2.3.04 1.2.3.4 1 1",
        "PROXY TCP4 ::1 ::1 1 1",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 1",
        "PROXY tcp4 1.2.3.4 1.2.3.4 1 1",
        "PROXY UNKNOWNS",
        "PROXY ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
    ] {
        let found = decode_proxy_header(format!("{wrong}\r\n").as_bytes());
        assert!(matches!(found, Err(Malformed(_))), "{wrong}: {found:?}");
    }
    assert!(matches!(decode_proxy_header(b"PROXY \xff\r\n"), Err(Malformed(_))));
    let endless = [LINE_START, &[b'1'; LINE_BYTES_MAX]].concat();
    assert_eq!(decode_proxy_header(&endless), Err(TooLong));
}

#[test]
fn binary_headers_are_strict() {
    for (wrong, error) in [
        (binary_header(0x11, 0x11, &[0; 12]), Unsupported("version")),
        (binary_header(0x22, 0x11, &[0; 12]), Malformed("the command is unknown")),
        (binary_header(0x21, 0x12, &[0; 12]), Unsupported("transport")),
        (binary_header(0x21, 0x41, &[0; 12]), Malformed("the family or the transport is unknown")),
        (binary_header(0x21, 0x11, &[0; 11]), Malformed("it is shorter than its addresses")),
        (binary_header(0x21, 0x21, &[0; 35]), Malformed("it is shorter than its addresses")),
        (ipv4(&[4, 0]), Malformed("an addition is cut off")),
        (ipv4(&[4, 0, 2, 9]), Malformed("an addition is cut off")),
        (binary_header(0x20, 0, &[0; PROXY_HEADER_BYTES_MAX - FIXED_BYTES + 1]), TooLong),
    ] {
        assert_eq!(decode_proxy_header(&wrong), Err(error));
    }
    // Refused by what it declares, before it comes.
    assert_eq!(decode_proxy_header(&[&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat()), Err(TooLong));
    assert_eq!(decode_proxy_header(&[&SIGNATURE[..], &[0x31]].concat()), Err(Unsupported("version")));
}

#[test]
fn other_connections_are_told_apart_at_the_first_byte() {
    for other in [DATA, b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIX", b"PROXX", b"\0"] {
        assert_eq!(decode_proxy_header(other), Err(Absent), "{other:?}");
    }
    assert_eq!(decode_proxy_header(b""), Ok(None));
}
