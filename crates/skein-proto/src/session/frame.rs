//! Frames as bytes: building those that a server sends often without an intermediate message.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    codec::Codec,
    event::EncodedEvent,
    v1::{self, CloseCode},
};

/// Longest prefix before the events of a push, and around a response, in bytes, in either codec.
pub(super) const OVERHEAD_BYTES_MAX: usize = 64;

/// A welcome.
pub fn welcome(codec: Codec, welcome: v1::Welcome) -> Bytes {
    codec.encode(&v1::Frame { body: Some(welcome.into()), ..Default::default() })
}

/// The answer to a ping, and to the wish for another heartbeat if there is one in it; 0 else.
pub fn pong(codec: Codec, ping: &v1::Ping, server_time_ms: u64, heartbeat_ms: u32) -> Bytes {
    let pong = v1::Pong { time_ms: ping.time_ms, server_time_ms, heartbeat_ms, ..Default::default() };
    codec.encode(&v1::Frame { body: Some(pong.into()), ..Default::default() })
}

/// The last frame on a link. The text is for people and never quotes what the peer sent.
pub fn close(codec: Codec, code: CloseCode, text: &str) -> Bytes {
    let close = v1::Close { code: code.into(), text: text.to_owned(), ..Default::default() };
    codec.encode(&v1::Frame { body: Some(close.into()), ..Default::default() })
}

/// Asks a client to leave within a time.
pub fn go_away(codec: Codec, go_away: v1::GoAway) -> Bytes {
    codec.encode(&v1::Frame { body: Some(go_away.into()), ..Default::default() })
}

/// The answer to a request; a body is already encoded in the link's codec and is copied once.
pub fn response(codec: Codec, id: u32, result: &Result<Bytes, v1::Error>) -> Bytes {
    let body = match result {
        Ok(body) => body,
        Err(error) => {
            let response = v1::Response { id, error: error.clone().into(), ..Default::default() };
            return codec.encode(&v1::Frame { body: Some(response.into()), ..Default::default() });
        }
    };
    let mut out = BytesMut::with_capacity(body.len() + OVERHEAD_BYTES_MAX);
    match codec {
        Codec::Binary => {
            let id_bytes = if id == 0 { 0 } else { 1 + varint_bytes(id.into()) };
            let body_bytes = if body.is_empty() { 0 } else { 1 + varint_bytes(body.len() as u64) + body.len() };
            put_field(&mut out, FRAME_RESPONSE, id_bytes + body_bytes);
            if id != 0 {
                out.put_u8(RESPONSE_ID << 3);
                put_varint(&mut out, id.into());
            }
            if !body.is_empty() {
                put_field(&mut out, RESPONSE_BODY, body.len());
                out.extend_from_slice(body);
            }
        }
        Codec::Json => {
            out.extend_from_slice(format!(r#"{{"response":{{"id":{id},"json":"#).as_bytes());
            out.extend_from_slice(if body.is_empty() { b"{}" } else { body });
            out.extend_from_slice(b"}}");
        }
    }
    out.freeze()
}

/// One push: events that were encoded before are copied, not encoded again.
pub(super) fn push(codec: Codec, link_seq: u64, events: &[Arc<EncodedEvent>], lagging: bool) -> Bytes {
    let encoded = || events.iter().map(|event| event.encoded(codec));
    match codec {
        Codec::Binary => {
            let content: usize = encoded().map(|bytes| 1 + varint_bytes(bytes.len() as u64) + bytes.len()).sum();
            let length = 1 + varint_bytes(link_seq) + content + if lagging { 2 } else { 0 };
            let mut out = BytesMut::with_capacity(length + OVERHEAD_BYTES_MAX);
            put_field(&mut out, FRAME_PUSH, length);
            out.put_u8(PUSH_LINK_SEQ << 3);
            put_varint(&mut out, link_seq);
            for bytes in encoded() {
                put_field(&mut out, PUSH_EVENTS, bytes.len());
                out.extend_from_slice(bytes);
            }
            if lagging {
                out.extend_from_slice(&[PUSH_LAGGING << 3, 1]);
            }
            out.freeze()
        }
        Codec::Json => {
            let length: usize = encoded().map(|bytes| bytes.len() + 1).sum();
            let mut out = BytesMut::with_capacity(length + 2 * OVERHEAD_BYTES_MAX);
            out.extend_from_slice(format!(r#"{{"push":{{"linkSeq":"{link_seq}""#).as_bytes());
            for (at, bytes) in encoded().enumerate() {
                out.extend_from_slice(if at == 0 { br#","events":["# } else { b"," });
                out.extend_from_slice(bytes);
            }
            if !events.is_empty() {
                out.put_u8(b']');
            }
            out.extend_from_slice(if lagging { br#","lagging":true}}"# } else { b"}}" });
            out.freeze()
        }
    }
}

/// A frame around a room push that is encoded already.
pub fn room_push(codec: Codec, encoded: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(encoded.len() + OVERHEAD_BYTES_MAX);
    match codec {
        Codec::Binary => {
            put_field(&mut out, FRAME_ROOM_PUSH, encoded.len());
            out.extend_from_slice(encoded);
        }
        Codec::Json => {
            out.extend_from_slice(br#"{"roomPush":"#);
            out.extend_from_slice(encoded);
            out.put_u8(b'}');
        }
    }
    out.freeze()
}

// Field numbers of link.proto; a test compares with the generated encoding.
const FRAME_RESPONSE: u8 = 5;
const FRAME_PUSH: u8 = 6;
const FRAME_ROOM_PUSH: u8 = 11;
const RESPONSE_ID: u8 = 1;
const RESPONSE_BODY: u8 = 2;
const PUSH_LINK_SEQ: u8 = 1;
const PUSH_EVENTS: u8 = 2;
const PUSH_LAGGING: u8 = 3;
/// Wire type of length-delimited fields.
const LENGTH_DELIMITED: u8 = 2;

fn put_field(out: &mut BytesMut, field: u8, length: usize) {
    out.put_u8(field << 3 | LENGTH_DELIMITED);
    put_varint(out, length as u64);
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn varint_bytes(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::session::decode_frame;

    fn event(version: u64) -> Arc<EncodedEvent> {
        Arc::new(EncodedEvent::new(v1::TimelineEvent { version, ..Default::default() }))
    }

    #[test]
    fn frames_built_by_hand_are_what_the_schema_says() {
        let events = [event(1), event(u64::MAX)];
        for codec in [Codec::Binary, Codec::Json] {
            for (link_seq, count, lagging) in [(1, 0, true), (300, 1, false), (u64::MAX, 2, true)] {
                let expected = v1::Push {
                    link_seq,
                    events: events[..count].iter().map(|event| event.event().clone()).collect(),
                    lagging,
                    ..Default::default()
                };
                let frame = decode_frame(codec, &push(codec, link_seq, &events[..count], lagging)).unwrap();
                assert_eq!(frame.body, Some(expected.into()));
            }
            let room = v1::RoomPush { room_id: "r".to_owned(), lost: 300, ..Default::default() };
            let frame = decode_frame(codec, &room_push(codec, &codec.encode(&room))).unwrap();
            assert_eq!(frame.body, Some(room.into()));
            for (id, size) in [(0, 0), (1, 5), (u32::MAX, 300)] {
                let body = if codec == Codec::Json {
                    Bytes::from(format!("{{\"a\":\"{}\"}}", "x".repeat(size)))
                } else {
                    Bytes::from(vec![7; size])
                };
                let bytes = response(codec, id, &Ok(body.clone()));
                if codec == Codec::Binary {
                    let frame = decode_frame(codec, &bytes).unwrap();
                    assert_eq!(frame.body, Some(v1::Response { id, body, ..Default::default() }.into()));
                } else {
                    let value: Value = serde_json::from_slice(&bytes).unwrap();
                    assert_eq!((&value["response"]["id"], value["response"]["json"].is_object()), (&id.into(), true));
                }
            }
        }
    }
}
