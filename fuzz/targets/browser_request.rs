//! What a browser asks for when it opens a session over HTTP/3: nothing panics, little is allocated, and what is read can be written and read again.

use web_transport_proto::{ConnectRequest, Frame, VarInt};

use super::memory;

/// The fields, their table, the address and what parsing it needs.
const MEMORY_BYTES_MAX: usize = 256 * 1024;

pub(super) fn run(data: &[u8]) {
    // The frame around the fields: the rest is of interest.
    let mut frame = Vec::new();
    Frame::HEADERS.encode(&mut frame);
    VarInt::from_u32(data.len() as u32).encode(&mut frame);
    frame.extend_from_slice(data);
    let Ok(request) = memory::within(MEMORY_BYTES_MAX, || ConnectRequest::decode(&mut &frame[..])) else { return };
    let mut written = Vec::new();
    if request.encode(&mut written).is_err() {
        // It writes fields in ASCII only.
        return assert!(request.headers.values().any(|value| value.to_str().is_err()));
    }
    let again = ConnectRequest::decode(&mut &written[..]).expect("written by us");
    assert_eq!((again.url.path(), again.url.authority()), (request.url.path(), request.url.authority()));
    assert_eq!(again.headers, request.headers);
}
