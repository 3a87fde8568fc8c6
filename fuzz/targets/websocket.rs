//! WebSocket streams: however one is cut, the same events and the same breach come, and only what is strictly RFC 6455 comes through.

use bytes::BytesMut;
use skein_proto::websocket::{Role, WebSocketDecoder, WsError, WsEvent, close_payload, encode_frame, opcode};

use super::{
    input::{Chunks, Input},
    memory,
};

/// Limits that short inputs reach, and one that needs the longest form of a length.
const MESSAGE_BYTES_MAX: [usize; 4] = [16, 200, 1_000, 70_000];
/// Head of a frame with the longest length and a mask.
const HEAD_BYTES_MAX: usize = 14;
/// Payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (seed, choice) = (input.u16(), input.byte());
    let role = if choice & 4 == 0 { Role::Server } else { Role::Client };
    let bytes_max = MESSAGE_BYTES_MAX[usize::from(choice & 3)];
    let stream = input.rest();
    let (mut events, mut parts) = (Vec::new(), Vec::new());
    let end = read([stream], role, bytes_max, |event| events.push(event));
    assert_eq!(read(Chunks::new(stream, seed), role, bytes_max, |event| parts.push(event)), end);
    assert_eq!(parts, events, "chunks change what is read");
    // A frame and the fragments before it, each with the room that a growing buffer takes; however much comes in all.
    memory::within(8 * bytes_max + 4_096, || read(Chunks::new(stream, seed), role, bytes_max, drop)).ok();
    match end {
        Ok(left) => assert!(left < HEAD_BYTES_MAX + bytes_max.max(CONTROL_BYTES_MAX), "{left} bytes are held"),
        Err(error) => assert!(matches!(error.close_code(), 1002 | 1007 | 1009)),
    }
    events.iter().for_each(|event| check(event, bytes_max));
    let mut again = Vec::new();
    assert_eq!(read([&encoded(&events, role)[..]], role, bytes_max, |event| again.push(event)), Ok(0));
    assert_eq!(again, events, "what is read can be said again");
}

fn check(event: &WsEvent, bytes_max: usize) {
    match event {
        WsEvent::Text(payload) => {
            assert!(payload.len() <= bytes_max && std::str::from_utf8(payload).is_ok());
        }
        WsEvent::Binary(payload) => assert!(payload.len() <= bytes_max),
        WsEvent::Ping(payload) | WsEvent::Pong(payload) => assert!(payload.len() <= CONTROL_BYTES_MAX),
        WsEvent::Close(None) => {}
        WsEvent::Close(Some((code, reason))) => {
            assert!((1000..5000).contains(code) && !matches!(code, 1004..=1006 | 1015) && reason.len() <= 123);
        }
    }
}

/// The stream of a peer that says these things, each in one frame.
fn encoded(events: &[WsEvent], role: Role) -> Vec<u8> {
    let mask = (role == Role::Server).then_some([0x9a, 0, 0xff, 0x11]);
    let mut out = Vec::new();
    for event in events {
        match event {
            WsEvent::Text(payload) => encode_frame(&mut out, opcode::TEXT, payload, mask),
            WsEvent::Binary(payload) => encode_frame(&mut out, opcode::BINARY, payload, mask),
            WsEvent::Ping(payload) => encode_frame(&mut out, opcode::PING, payload, mask),
            WsEvent::Pong(payload) => encode_frame(&mut out, opcode::PONG, payload, mask),
            WsEvent::Close(None) => encode_frame(&mut out, opcode::CLOSE, &[], mask),
            WsEvent::Close(Some((code, reason))) => {
                encode_frame(&mut out, opcode::CLOSE, &close_payload(*code, reason), mask);
            }
        }
    }
    out
}

/// Hands on the events of a stream. Gives the number of bytes that are left of an unfinished frame.
fn read<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    role: Role,
    bytes_max: usize,
    mut take: impl FnMut(WsEvent),
) -> Result<usize, WsError> {
    let mut decoder = WebSocketDecoder::new(role, bytes_max);
    let mut input = BytesMut::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        while let Some(event) = decoder.decode(&mut input)? {
            take(event);
        }
    }
    Ok(input.len())
}
