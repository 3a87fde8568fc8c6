//! A pushed event, encoded once for all its receivers.

use std::sync::OnceLock;

use buffa::Message as _;
use bytes::Bytes;

use crate::{codec::Codec, v1};

/// One event with its encodings, each made at most once, on first use, whatever the number of receivers.
#[derive(Debug)]
pub struct EncodedEvent {
    event: v1::Event,
    binary: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl EncodedEvent {
    /// Wraps an event; nothing is encoded yet.
    pub fn new(body: impl Into<v1::event::Body>) -> Self {
        Self {
            event: v1::Event { body: Some(body.into()), ..Default::default() },
            binary: OnceLock::new(),
            json: OnceLock::new(),
        }
    }
    /// The event itself.
    pub fn event(&self) -> &v1::Event {
        &self.event
    }
    /// The bytes of this event as one element of `Push.events`, without tag and length (binary), or as a JSON object.
    pub fn encoded(&self, codec: Codec) -> &Bytes {
        match codec {
            Codec::Binary => self.binary.get_or_init(|| Bytes::from(self.event.encode_to_vec())),
            Codec::Json => self.json.get_or_init(|| Codec::Json.encode(&self.event)),
        }
    }
}
