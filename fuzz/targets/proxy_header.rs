//! PROXY headers: what is read can be written by the book, more bytes never change an answer, and no header is longer than the limit.

use std::net::{IpAddr, SocketAddr};

use skein_access::proxy_header::{PROXY_HEADER_BYTES_MAX, Proxied, decode_proxy_header};

use super::memory;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

pub(super) fn run(data: &[u8]) {
    let answer = memory::within(0, || decode_proxy_header(data));
    let mut end = 0;
    // Byte by byte: it asks for more until it is sure, and then stays with it.
    let early = loop {
        match decode_proxy_header(&data[..end]) {
            Ok(None) if end < data.len() => end += 1,
            early => break early,
        }
    };
    assert_eq!(early, answer, "chunks change what is read");
    match answer {
        Ok(None) => assert!(data.len() < PROXY_HEADER_BYTES_MAX, "it asks for more than the limit"),
        Ok(Some((proxied, length))) => {
            assert!((1..=PROXY_HEADER_BYTES_MAX).contains(&length) && length == end);
            if let Proxied::From { source, destination } = proxied {
                for header in [line(source, destination), binary(source, destination)] {
                    assert_eq!(decode_proxy_header(&header), Ok(Some((proxied, header.len()))));
                }
            }
        }
        Err(_) => assert!(end <= PROXY_HEADER_BYTES_MAX, "it is sure too late"),
    }
}

fn line(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let family = if source.is_ipv4() { 4 } else { 6 };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY TCP{family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

fn binary(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let octets = |address: SocketAddr| match address.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    let addresses = [octets(source), octets(destination), ports].concat();
    let family = if source.is_ipv4() { 0x11 } else { 0x21 };
    [SIGNATURE, &[0x21, family, 0, addresses.len() as u8], &addresses].concat()
}
