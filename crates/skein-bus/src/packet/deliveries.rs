//! Many deliveries in one packet: a packet costs more, at both ends and between them, than what is in it.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use skein_proto::id::UserId;

use super::{Decoded, MalformedPacket, Reader, Writer, kind};

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;

/// An event for some people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) skip_device: Option<Arc<str>>,
    pub(crate) users: Vec<UserId>,
    /// Encoded in protobuf.
    pub(crate) event: Bytes,
}

/// A packet of deliveries in the making: each behind its length.
pub(crate) struct Deliveries(Writer);

impl Deliveries {
    pub(crate) fn new() -> Self {
        let mut out = Writer(BytesMut::with_capacity(256));
        out.head(kind::DELIVER);
        Self(out)
    }

    /// Adds one without owning its parts: it is done for every message.
    pub(crate) fn add(&mut self, skip_device: Option<&str>, users: &[UserId], event: &[u8]) {
        let out = &mut self.0;
        let start = out.0.len() + LENGTH_BYTES;
        out.0.put_u32_le(0);
        out.optional_text(skip_device);
        out.users(users);
        out.0.put_slice(event);
        let length = u32::try_from(out.0.len() - start).unwrap_or(u32::MAX);
        out.0[start - LENGTH_BYTES..start].copy_from_slice(&length.to_le_bytes());
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.0.len()
    }

    pub(crate) fn finish(self) -> Bytes {
        self.0.0.freeze()
    }
}

/// What is behind the head of such a packet. Events get memory of their own: they may wait in an outbox for longer than their neighbours.
pub(super) fn decode(input: &mut Reader) -> Decoded<Vec<Delivery>> {
    let mut deliveries = Vec::new();
    while !input.0.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(input.array()?)).map_err(|_| MalformedPacket)?;
        let mut one = Reader(input.bytes(length)?);
        let (skip_device, users) = (one.optional_text()?, one.users()?);
        deliveries.push(Delivery { skip_device, users, event: Bytes::copy_from_slice(&one.0) });
    }
    Ok(deliveries)
}
