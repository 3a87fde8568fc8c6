//! What happened in a room at once: the frame that all its members get, made at most once for each way of framing.

use std::sync::OnceLock;

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    frame::encode_record,
    session::frame,
    v1,
    websocket::{self, opcode},
};

/// How a frame lies on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A binary message of a WebSocket.
    WebSocketBinary,
    /// A text message of a WebSocket.
    WebSocketText,
    /// A record of a byte stream.
    Record,
    /// JSON as it is: streams of events and polls put something of their own around it.
    Json,
}

/// One tick of a room.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) epoch: u64,
    /// It covers the offsets from here on.
    pub(super) first_offset: u64,
    /// Of the message after it.
    pub(super) next_offset: u64,
    /// Messages and offsets that ticks before it covered, or should have, since this node listens to the room.
    pub(super) before: u64,
    /// Offsets right before it that this node did not get.
    pub(super) missed: u64,
    /// When it came, Unix milliseconds.
    pub(super) time_ms: u64,
    /// How many messages it has.
    pub(super) messages: u64,
    /// The room was closed with it.
    pub(super) is_last: bool,
    /// The push, encoded in protobuf; empty when there is nothing to tell but that something is missing.
    pub(super) encoded: Bytes,
    frames: [OnceLock<Bytes>; 4],
}

impl Tick {
    /// The tick of a push; `encoded` is it in protobuf.
    pub(super) fn new(push: &v1::RoomPush, encoded: Bytes, time_ms: u64) -> Self {
        let messages = push.messages.len() as u64;
        Self {
            epoch: push.epoch,
            first_offset: push.first_offset,
            next_offset: push.first_offset.saturating_add(messages).saturating_add(push.sampled),
            before: 0,
            missed: 0,
            time_ms,
            messages,
            is_last: push.closed,
            encoded,
            frames: Default::default(),
        }
    }

    /// Nothing happened here that is known; what the room has published before this place did not arrive.
    pub(super) fn gap(epoch: u64, offset: u64, time_ms: u64) -> Self {
        let push = v1::RoomPush { epoch, first_offset: offset, ..Default::default() };
        Self::new(&push, Bytes::new(), time_ms)
    }

    /// The bytes to be written.
    pub(super) fn frame(&self, shape: Shape) -> &Bytes {
        self.frames[shape as usize].get_or_init(|| shape.framed(&self.encoded))
    }
}

impl Shape {
    /// A push, encoded in protobuf, as it lies on the connection.
    pub(super) fn framed(self, encoded: &[u8]) -> Bytes {
        if self == Self::WebSocketText || self == Self::Json {
            let push: v1::RoomPush = Codec::Binary.decode(encoded).unwrap_or_default();
            let payload = frame::room_push(Codec::Json, &Codec::Json.encode(&push));
            if self == Self::Json {
                return payload;
            }
            return enclosed(payload.len(), |out| websocket::encode_frame(out, opcode::TEXT, &payload, None));
        }
        let payload = frame::room_push(Codec::Binary, encoded);
        enclosed(payload.len(), |out| match self {
            Self::Record => encode_record(out, &payload),
            _ => websocket::encode_frame(out, opcode::BINARY, &payload, None),
        })
    }
}

fn enclosed(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::with_capacity(bytes + 16);
    write(&mut out);
    out.into()
}
